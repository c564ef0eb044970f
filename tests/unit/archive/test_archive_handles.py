"""Archives in a program: threads, forks, closed handles, and arguments that make no sense."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from logs import made, server_log, split

from logpipe.archive.reader import Archive
from logpipe.errors import UsageError
from logpipe.pipeline import compressing

LOG = server_log(4000) + b"the end"
LINES = split(LOG)
BARE = [line.removesuffix(b"\n").removesuffix(b"\r") for line in LINES]
Rows = list[tuple[int, bytes]]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """The log in several blocks."""
    monkeypatch.setitem(compressing.BLOCK, "fast", 1 << 15)
    monkeypatch.setattr(compressing, "_CHUNK", 1 << 14)
    opened = Archive(str(made(tmp_path, LOG, "fast")))
    assert len(opened.entries) > 5
    return opened


def rows(archive: Archive, *given: object, **more: object) -> Rows:
    """Numbers and lines of batches."""
    found: Rows = []
    for batch in archive.batches(*given, **more):  # type: ignore[arg-type]
        found += zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
    return found


def expected(start: int, stop: int) -> Rows:
    """The same from the log."""
    return list(enumerate(BARE[start - 1 : stop], start))


def looked_at(archive: Archive, seed: int) -> None:
    """Ranges in every way, at random places."""
    rnd = random.Random(seed)
    for _ in range(25):
        start = rnd.randrange(1, len(LINES) + 1)
        stop = start + rnd.choice([0, 1, 7, 300, 3000])
        assert rows(archive, start, stop, size=97) == expected(start, stop)
        assert list(archive.iter_lines(start, stop)) == LINES[start - 1 : stop]
        word = b"%03d percent" % rnd.randrange(100)
        found = [(n, line) for n, line in enumerate(BARE, 1) if word in line]
        given = [(n, line.removesuffix(b"\r")) for n, line in archive.search(word, syntax="fixed")]
        assert given == found


def test_one_handle_serves_many_threads(archive: Archive) -> None:
    """Ranges, batches and searches at once, with what is kept between them."""
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda seed: looked_at(archive, seed), range(6)))


def test_a_handle_works_on_both_sides_of_a_fork(archive: Archive) -> None:
    """Places in the file are given with every read, not shared; threads are made anew."""
    whole = rows(archive, 1, 900)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            looked_at(archive, 1)
            code = int(b"".join(p.tobytes() for p in archive.raw(threads=3)) != LOG)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rows(archive, 1, 900) == whole


def test_iterators_of_one_handle_do_not_disturb_each_other(archive: Archive) -> None:
    """Each knows its place."""
    one, other = archive.batches(1, size=100), archive.batches(2000, size=77)
    for _ in range(4):
        first, second = next(one), next(other)
    assert first.column(0)[0].as_py() == 301
    assert second.column(1)[0].as_py() == BARE[2000 + 3 * 77 - 1]


@pytest.mark.parametrize(
    "use",
    [
        lambda a: rows(a, 1, 3),
        lambda a: list(a.iter_lines()),
        lambda a: list(a.search(b"took")),
        lambda a: a.block(0),
        lambda a: a.fileno(),
        lambda a: a.__enter__().block(0),
    ],
)
def test_a_closed_archive_says_so(archive: Archive, use: Callable[[Archive], object]) -> None:
    """And gives nothing less than everything: no iterator just ends."""
    lines = archive.iter_lines()
    next(lines)
    with archive:
        pass
    archive.close()
    with pytest.raises(UsageError, match="was closed"):
        use(archive)
    with pytest.raises(UsageError, match="was closed"):
        list(lines)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda a: rows(a, 1, 9, size=0), "size of 0"),
        (lambda a: rows(a, 1, 9, size=-4), "size of -4"),
        (lambda a: rows(a, 0, 9), "found 0"),
        (lambda a: a.block(-1), "asked for -1"),
        (lambda a: a.payload(99), "asked for 99"),
        (lambda a: list(a.search(b"x", limit=-1)), "found -1"),
        (lambda a: list(a.search(b"x", syntax="perl")), "perl"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    archive: Archive, use: Callable[[Archive], object], message: str
) -> None:
    """A size of 0 gave no rows at all, without a word."""
    with pytest.raises(UsageError, match=message):
        use(archive)


def test_ranges_behind_the_end_are_empty(archive: Archive) -> None:
    """As slices are."""
    assert rows(archive, len(LINES) + 1) == []
    assert rows(archive, 9, 3) == []
    assert rows(archive, 1, 1 << 70) == expected(1, len(LINES))
