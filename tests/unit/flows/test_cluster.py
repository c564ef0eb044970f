"""Flows on other runners than threads: the same bytes, and no worker that cannot be lost."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from flows import runners
from flows.sharding import batches_of
from logpipe.errors import UsageError
from logpipe.pipeline.sharding import learn_shards, merge_shards, write_shard

pytest.importorskip("prefect")
pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]

PATIENCE = 240
"""Seconds; the machine may be busy."""


def write_log(path, megabytes):
    """A log that is worth sharing out."""
    with path.open("wb") as file:
        number = 0
        while file.tell() < megabytes * 10**6:
            number += 1
            kind = (
                b"request %d took %d ms",
                b"block blk_%d of %d bytes",
                b"user u%d gone, %d left",
            )
            file.write(b"2026-03-01 02:03:%02d INFO web[%d]: " % (number % 60, number % 7))
            file.write(kind[number % 3] % (number * 17, number % 1009) + b"\n")


def one_after_the_other(log, folder, megabytes):
    """The same shards, written by this process."""
    cuts, batches = batches_of(megabytes)
    facts = learn_shards(
        [str(log)], folder, parser="drain", threads=1, cuts=cuts, batches_per_cut=batches
    )
    parts = [str(folder / f"{i}.parquet") for i in range(facts["shards"])]
    for i, part in enumerate(parts):
        write_shard(folder, i, part)
    merge_shards(folder, parts, str(folder / "whole.parquet"))
    return facts["shards"], (folder / "whole.parquet").read_bytes()


@pytest.fixture
def started(tmp_path):
    """Starts processes, and ends what is left of them."""
    running = []

    def start(*arguments, **variables):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LOGPIPE")}
        environment |= {
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "LOGPIPE_HOME": str(tmp_path / "home"),
            "HOME": str(tmp_path),
            **variables,
        }
        log = (tmp_path / f"{len(running)}.out").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=tmp_path,
        )
        process.output = tmp_path / f"{len(running)}.out"
        running.append(process)
        log.close()
        return process

    yield start
    for process in reversed(running):
        process.kill()
        process.wait()


def wait_until(true, what, *watched):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, f"{what} did not happen in {PATIENCE} s"
        for process in watched:
            assert process.poll() is None, process.output.read_text()
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_dask_cluster_that_loses_a_worker_writes_the_same_bytes(tmp_path, started):
    """Two worker processes, one killed while shards are being written."""
    pytest.importorskip("prefect_dask")
    log = tmp_path / "big.log"
    write_log(log, 12)
    shards, expected = one_after_the_other(log, tmp_path / "here", 1)
    assert shards >= 10
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = started(
        "distributed.cli.dask_scheduler",
        "--port",
        str(port),
        "--no-dashboard",
        "--host",
        "127.0.0.1",
    )
    wait_until(lambda: listens(port), "the scheduler's start", scheduler)
    workers = [
        started(
            "distributed.cli.dask_worker",
            *(address, "--no-nanny", "--nthreads", "1", "--no-dashboard"),
            PREFECT_LOGGING_LEVEL="CRITICAL",
        )
        for _ in range(2)
    ]
    output = tmp_path / "results"
    flow = started(
        *("logpipe", "flow", "parse-all", "-p", f"datasets={log}", "-p", "parsers=drain"),
        *("-p", f"output={output}", "-p", "shard_megabytes=1"),
        LOGPIPE_RUNNER="dask",
        LOGPIPE_RUNNER_ADDRESS=address,
    )
    folder = output / "files" / "big.log" / "drain.parquet.shards"

    wait_until(lambda: any(folder.glob("part-*.parquet")), "the first shard", flow, *workers)
    workers[0].send_signal(signal.SIGKILL)
    there = len([*folder.glob("part-*.parquet")])
    assert flow.wait(PATIENCE) == 0, flow.output.read_text()

    assert 0 < there < shards
    assert (output / "files" / "big.log" / "drain.parquet").read_bytes() == expected
    assert not folder.exists()


def test_processes_write_the_same_bytes(tmp_path, started):
    """A pool of processes instead of threads."""
    log = tmp_path / "big.log"
    write_log(log, 4)
    _, expected = one_after_the_other(log, tmp_path / "here", 1)
    output = tmp_path / "results"

    flow = started(
        *("logpipe", "flow", "parse-all", "-p", f"datasets={log}", "-p", "parsers=drain"),
        *("-p", f"output={output}", "-p", "shard_megabytes=1"),
        LOGPIPE_RUNNER="processes",
        LOGPIPE_WORKERS="2",
    )

    assert flow.wait(PATIENCE) == 0, flow.output.read_text()
    assert (output / "files" / "big.log" / "drain.parquet").read_bytes() == expected


def test_a_ray_cluster_writes_the_same_bytes(tmp_path, started):
    """Where Ray is installed: it is an extra of its own."""
    pytest.importorskip("prefect_ray")
    log = tmp_path / "big.log"
    write_log(log, 4)
    _, expected = one_after_the_other(log, tmp_path / "here", 1)
    output = tmp_path / "results"

    flow = started(
        *("logpipe", "flow", "parse-all", "-p", f"datasets={log}", "-p", "parsers=drain"),
        *("-p", f"output={output}", "-p", "shard_megabytes=1"),
        LOGPIPE_RUNNER="ray",
        LOGPIPE_WORKERS="2",
        RAY_USAGE_STATS_ENABLED="0",
    )

    assert flow.wait(PATIENCE) == 0, flow.output.read_text()
    assert (output / "files" / "big.log" / "drain.parquet").read_bytes() == expected


@pytest.mark.parametrize(
    ("kind", "address", "words"),
    [
        ("moon", "", "one of: threads, processes, dask, ray; found 'moon'"),
        ("threads", "tcp://a:1", "LOGPIPE_RUNNER=threads has no address"),
        ("dask", "host", r"should be like tcp://host:8786, found 'host'"),
        ("dask", "tcp://127.0.0.1:1", "no Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
)
def test_a_wrong_runner_is_told_at_once(monkeypatch, kind, address, words):
    """With what it should be."""
    monkeypatch.setenv("LOGPIPE_RUNNER", kind)
    monkeypatch.setenv("LOGPIPE_RUNNER_ADDRESS", address)

    with pytest.raises(UsageError, match=words):
        runners.task_runner()


def test_a_runner_that_is_not_installed_says_what_to_install(monkeypatch):
    """The extra is named."""
    for kind in ("dask", "ray"):
        monkeypatch.setitem(sys.modules, f"prefect_{kind}", None)
        monkeypatch.setenv("LOGPIPE_RUNNER", kind)
        with pytest.raises(UsageError, match=rf"pip install 'logpipe\[{kind}\]'"):
            runners.task_runner()


def test_a_cluster_elsewhere_needs_a_server_that_it_can_reach(monkeypatch):
    """A temporary one on this machine would be no use to it."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("LOGPIPE_RUNNER", "ray")
    monkeypatch.setenv("LOGPIPE_RUNNER_ADDRESS", "ray://head.example:10001")

    with (
        pytest.raises(UsageError, match=r"set PREFECT_API_URL"),
        runners.reachable_server(),
    ):
        pass
