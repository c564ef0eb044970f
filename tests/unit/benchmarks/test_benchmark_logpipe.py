"""Our own jobs check what they claim: bytes come back, and equal digests mean equal parses."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.contestants import entry
from benchmarks.inputs import Input, Origin, prepare
from benchmarks.jobs import Task
from benchmarks.jobs_logpipe import LineDigest, logpipe_parse
from benchmarks.runner import run_job
from logpipe import pipeline
from logpipe.batch import ByteColumn, ParsedBatch

LINES = b"".join(
    b"Mar  9 10:00:%02d h a[%d]: got %d items from 10.0.0.%d\n" % (i % 60, 500 + i, i * i, i)
    if i % 3
    else b"Mar  9 10:00:%02d h a[%d]: %d left\n" % (i % 60, 500 + i, i)
    for i in range(200)
)
ORIGIN = Origin("T", ("t.log",), "syslog", 5, "syslog", label="t.log")


@pytest.fixture
def source(tmp_path: Path) -> Input:
    (tmp_path / "t.log").write_bytes(LINES)
    return prepare(ORIGIN, 1, tmp_path / "work", tmp_path)


def batches(path: Path) -> list[ParsedBatch]:
    return list(pipeline.stream(str(path), layout="syslog", threads=1))


def test_ours_are_verified_and_agree(source: Input, tmp_path: Path) -> None:
    """One thread, two threads and the frozen model: all bytes come back, no line is unknown."""
    names = ("logpipe", "logpipe-2-threads", "logpipe-frozen")
    runs = [run_job("sets", entry(name), source, 0, tmp_path, check=True) for name in names]

    assert [(run.status, run.error) for run in runs] == [("ok", "")] * 3
    assert [run.facts["verified_bytes"] for run in runs] == [source.bytes] * 3
    assert [run.facts["unknown_lines"] for run in runs] == [0] * 3
    assert runs[0].facts["digest"] == runs[1].facts["digest"]
    assert all(run.facts["templates"] >= 1 for run in runs)


def test_files_are_verified_and_agree(source: Input, tmp_path: Path) -> None:
    """Parquet files written by one thread and by two restore to all bytes, and are equal."""
    names = ("logpipe-parquet", "logpipe-parquet-2-threads")
    runs = [run_job("sets", entry(name), source, 0, tmp_path, check=True) for name in names]

    assert [(run.status, run.error) for run in runs] == [("ok", "")] * 2
    assert [run.facts["verified_bytes"] for run in runs] == [source.bytes] * 2
    assert runs[0].facts["digest"] == runs[1].facts["digest"]


def test_processes_run_at_once(source: Input, tmp_path: Path) -> None:
    """Both parse all of it, and the slower one's time is told."""
    found = run_job("sets", entry("logpipe-2-processes"), source, 0, tmp_path, check=True)

    assert (found.status, found.error) == ("ok", "")
    assert found.facts["each_s"] > 0


def test_bytes_that_do_not_come_back_are_a_failure(source: Input, tmp_path: Path) -> None:
    """A check that reads another file than was parsed says so."""
    path = Path(source.path)
    task = Task(
        path=source.path,
        layout=source.layout,
        words=5,
        bytes=source.bytes,
        lines=source.lines,
        parameters=entry("logpipe").parameters,
        work=str(tmp_path),
        check=True,
    )
    run, check = logpipe_parse(task)
    run()
    short = logpipe_parse(replace(task, bytes=task.bytes + 1))[1]

    assert check is not None
    assert short is not None
    with pytest.raises(ValueError, match="were rendered"):
        short()
    assert check()["verified_bytes"] == path.stat().st_size


def part(batch: ParsedBatch, start: int, stop: int) -> ParsedBatch:
    """Some lines of a batch as a batch of their own."""
    offsets, variables = batch.line_variables
    ids = batch.template_ids[start:stop]
    values = [
        variables[int(offsets[start + line]) + slot]
        for template in np.unique(ids).tolist()
        for slot in range(batch.templates[template].slots)
        for line in np.flatnonzero(ids == template).tolist()
    ]
    return replace(
        batch,
        first_line=batch.first_line + start,
        shape_ids=batch.shape_ids[start:stop],
        terminators=batch.terminators[start:stop],
        fields=tuple(column.slice(start, stop) for column in batch.fields),
        template_ids=ids,
        values=ByteColumn.of(values),
    )


def test_a_digest_does_not_depend_on_batches(tmp_path: Path) -> None:
    """The same lines in one batch and in three: equal digests."""
    path = tmp_path / "a.log"
    path.write_bytes(LINES)
    (whole,) = batches(path)
    digests = []
    for bounds in ((0, 200), (0, 1, 77, 200)):
        digest = LineDigest()
        for start, stop in pairwise(bounds):
            digest.batch(part(whole, start, stop))
        digest.table(whole.templates)
        digests.append(digest.hexdigest())

    assert len(np.unique(whole.template_ids)) > 1
    assert digests[0] == digests[1]


def test_a_digest_sees_every_difference(tmp_path: Path) -> None:
    """One other template id, terminator, header field or variable gives another digest."""

    def digest(data: bytes) -> str:
        path = tmp_path / "a.log"
        path.write_bytes(data)
        result = LineDigest()
        for batch in batches(path):
            result.batch(batch)
        return result.hexdigest()

    original = digest(LINES)
    assert digest(LINES) == original
    assert digest(LINES.replace(b"10.0.0.7\n", b"10.0.0.9\n")) != original
    assert digest(LINES.replace(b"10.0.0.7\n", b"10.0.0.7\r\n")) != original
    assert digest(LINES.replace(b"a[507]", b"a[508]")) != original
    assert digest(LINES[:-1]) != original


def test_a_digest_tells_values_from_their_bounds(tmp_path: Path) -> None:
    """`ab` + `c` is not `a` + `bc`, although the bytes side by side are."""
    path = tmp_path / "a.log"
    path.write_bytes(LINES)
    batch = batches(path)[0]
    moved = batch.values.offsets.copy()
    moved[1] += 1
    values = replace(batch.values, offsets=moved)
    one, two = LineDigest(), LineDigest()
    one.batch(batch)
    two.batch(replace(batch, values=values))

    assert np.array_equal(values.data, batch.values.data)
    assert one.hexdigest() != two.hexdigest()
