"""The job of a whole parse: what is timed is what is checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contestants import entry
from benchmarks.inputs import Input, Origin, prepare
from benchmarks.jobs import Task
from benchmarks.jobs_logpipe import logpipe_whole
from benchmarks.runner import run_job

LINES = b"".join(
    b"Mar  9 10:00:%02d h a[%d]: got %d items from 10.0.0.%d\n" % (i % 60, 500 + i, i * i, i)
    if i % 3
    else b"Mar  9 10:00:%02d h a[%d]: %d left\n" % (i % 60, 500 + i, i)
    for i in range(200)
)


@pytest.fixture
def source(tmp_path: Path) -> Input:
    (tmp_path / "t.log").write_bytes(LINES)
    origin = Origin("T", ("t.log",), "syslog", 5, "syslog", label="t.log")
    return prepare(origin, 1, tmp_path / "work", tmp_path)


def test_the_whole_job_and_its_frozen_model_are_verified(source: Input, tmp_path: Path) -> None:
    """All bytes come back, and the model that was saved knows every line that it was made of."""
    names = ("logpipe-iterative", "logpipe-iterative-frozen")
    runs = [run_job("sets", entry(name), source, 0, tmp_path, check=True) for name in names]

    assert [(run.status, run.error) for run in runs] == [("ok", "")] * 2
    assert [run.facts["verified_bytes"] for run in runs] == [source.bytes] * 2
    assert [run.facts["unknown_lines"] for run in runs] == [0] * 2
    assert [run.facts["groups"] for run in runs] == [2, 2]
    assert runs[0].lines == source.lines


def test_a_whole_job_on_other_bytes_than_it_is_checked_with_fails(
    source: Input, tmp_path: Path
) -> None:
    """A check that reads another file than was parsed says so."""
    path = Path(source.path)
    task = Task(
        path=source.path,
        layout=source.layout,
        words=5,
        bytes=source.bytes + 1,
        lines=source.lines,
        parameters=entry("logpipe-iterative").parameters,
        work=str(tmp_path),
        check=True,
    )
    run, check = logpipe_whole(task)
    assert run().lines == source.lines
    assert check is not None
    with pytest.raises(ValueError, match=f"{path.stat().st_size} were rendered"):
        check()
