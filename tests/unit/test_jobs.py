"""Jobs are done once, by a worker or by whoever needs them, and nobody waits for nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from logpipe.pipeline.jobs import Job, Workers


@contextmanager
def busy(workers: Workers) -> Iterator[Job[str]]:
    """All workers wait inside a job until the block ends; it is the last of these jobs."""
    go, begun = threading.Event(), threading.Semaphore(0)

    def wait() -> str:
        begun.release()
        assert go.wait(60)
        return threading.current_thread().name

    jobs = [workers.begin(wait) for _ in range(workers.count)]
    for _ in jobs:
        assert begun.acquire(timeout=60)
    try:
        yield jobs[-1]
    finally:
        go.set()
        workers.close()


def test_without_workers_a_job_is_done_when_it_is_asked_for() -> None:
    """Once, by the caller."""
    made: list[str] = []
    job = Workers(1).begin(lambda: made.append(threading.current_thread().name))

    assert (made, job.done) == ([], False)
    job.do()
    assert job.done
    job.result()
    assert made == [threading.current_thread().name]


@pytest.mark.parametrize("threads", [2, 4])
def test_what_no_worker_has_begun_is_done_by_the_caller(threads: int) -> None:
    """Although all workers are busy, the result is there at once."""
    workers = Workers(threads)
    made: list[str] = []
    with busy(workers):
        job = workers.begin(lambda: made.append(threading.current_thread().name))
        assert not job.done
        job.result()
        assert job.done
    job.result()
    assert made == [threading.current_thread().name]


def test_what_a_worker_has_begun_is_left_to_it() -> None:
    """`do` does not wait for it, `result` does."""
    workers = Workers(2)
    with busy(workers) as job:
        job.do()
        assert not job.done
    assert job.result() != threading.current_thread().name
    assert job.done


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_comes_with_the_result(threads: int) -> None:
    """From whatever thread; doing it raises nothing yet."""

    def fail() -> None:
        raise ValueError("wrong")

    workers = Workers(threads)
    job = workers.begin(fail)
    job.do()
    for _ in range(2):
        with pytest.raises(ValueError, match="wrong"):
            job.result()
    workers.close()


def test_what_is_forgotten_does_not_begin() -> None:
    """And what has begun is waited for, even if it failed."""
    workers = Workers(2)
    made: list[int] = []
    with busy(workers) as begun:
        job = workers.begin(lambda: made.append(1))
        job.forget()
    begun.forget()
    assert begun.done
    assert made == []


def test_closing_forgets_what_has_not_begun() -> None:
    """No worker is left."""
    workers = Workers(2)
    made: list[int] = []
    with busy(workers) as begun:
        job = workers.begin(lambda: made.append(1))
        closing = threading.Thread(target=workers.close)
        closing.start()
        while not job.done:
            time.sleep(0.001)
    closing.join()
    assert made == []
    assert begun.result().startswith("logpipe")
    assert not [t for t in threading.enumerate() if t.name == begun.result()]
