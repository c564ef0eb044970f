"""Lines without a header, attached to the record before them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from logpipe.batch import ParsedBatch
from logpipe.export import open_sink
from logpipe.export.base import Rows
from logpipe.export.multiline import PerRecord, select
from logpipe.export.text import whole_lines

from .making import Line, Made, example

HEADER = (b"12:00", b"INFO")
HEAD = Line(1, (b"ann",), HEADER)
MORE = Line(0, (b"  at a.b(c)",))
LAST = Line(0, (b"  end",), terminator=0)


class Kept:
    """A sink that keeps rows as (source, first line, lines, bytes)."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, int, bytes]] = []
        self.done = ""

    def write_rows(self, rows: Rows) -> None:
        """Keep them."""
        for i, line in enumerate(whole_lines(rows.batch)):
            self.rows.append(
                (
                    rows.source,
                    int(rows.line_numbers[i]),
                    1 if rows.lines is None else int(rows.lines[i]),
                    line + (b"" if rows.continuation is None else rows.continuation[i]),
                )
            )

    def finish(self) -> None:
        """Note it."""
        self.done = "finished"

    def abort(self) -> None:
        """Note it."""
        self.done = "aborted"


def feed(*batches: tuple[str, ParsedBatch], longest: int = 1 << 20) -> Kept:
    """What comes out of a `PerRecord` when these batches go in."""
    kept = Kept()
    sink = PerRecord(kept, longest=longest)
    for source, batch in batches:
        sink.write(batch, source)
    sink.finish()
    assert kept.done == "finished"
    return kept


def batches_of(made: Made, lines: list[Line], size: int, source: str = "a") -> list[tuple]:
    """The lines in batches of a size."""
    return [(source, made.batch(lines[i : i + size], i + 1)) for i in range(0, len(lines), size)]


LINES = [MORE, MORE, HEAD, MORE, MORE, HEAD, HEAD, MORE, MORE, MORE, MORE, HEAD, LAST]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 13])
def test_batch_boundaries_do_not_matter(size: int) -> None:
    """Records are the same however the lines are cut into batches."""
    rows = feed(*batches_of(example(), LINES, size)).rows

    assert [(first, lines) for _, first, lines, _ in rows] == [
        (1, 1),
        (2, 1),
        (3, 3),
        (6, 1),
        (7, 5),
        (12, 2),
    ]


@pytest.mark.parametrize("size", [1, 2, 13])
def test_no_byte_is_lost(size: int) -> None:
    """The rows with their continuations are the source."""
    made = example()
    rows = feed(*batches_of(made, LINES, size)).rows

    assert b"".join(data for *_, data in rows) == made.batch(LINES).render()


def test_a_record_does_not_cross_sources() -> None:
    """The first lines of the next file are not a continuation of the last record of this one."""
    made = example()
    rows = feed(("a", made.batch([HEAD])), ("b", made.batch([MORE, HEAD]))).rows

    assert [row[:3] for row in rows] == [("a", 1, 1), ("b", 1, 1), ("b", 2, 1)]


def test_a_log_without_headers_has_one_row_per_line() -> None:
    """With nothing to attach to, lines stay rows."""
    rows = feed(*batches_of(example(), [MORE] * 5, 2)).rows

    assert [row[1] for row in rows] == [1, 2, 3, 4, 5]


def test_rows_before_the_first_header_have_the_keys_of_all_others(tmp_path: Path) -> None:
    """JSON lines: `lines` and `continuation` are not left out where there is nothing to attach."""
    out, made = tmp_path / "out.jsonl", example()
    sink = open_sink(str(out), info=made.info(), multiline=True)
    sink.write(made.batch([MORE, HEAD, MORE]), "app.log")
    sink.finish()

    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["lines"], row["continuation"] is None) for row in rows] == [(1, True), (2, False)]


def test_an_endless_record_ends() -> None:
    """Beyond the limit, lines are rows of their own: memory stays bounded, no line is lost."""
    made = example()
    lines = [HEAD, *[MORE] * 9]
    rows = feed(*batches_of(made, lines, 1), longest=30).rows

    assert [row[2] for row in rows] == [4, 1, 1, 1, 1, 1, 1]
    assert b"".join(row[3] for row in rows) == made.batch(lines).render()


def test_abort_reaches_the_output() -> None:
    """An interrupted run aborts what it wraps, and drops the open record."""
    kept = Kept()
    sink = PerRecord(kept)
    sink.write(example().batch([HEAD]), "a")
    sink.abort()

    assert (kept.done, kept.rows) == ("aborted", [])


def test_selected_lines_keep_their_variables() -> None:
    """`select` keeps the order of values: template, slot, line."""
    made = example()
    lines = [
        Line(3, (b"1", b"2"), HEADER),
        Line(1, (b"x",), HEADER),
        Line(3, (b"3", b"4"), HEADER),
        MORE,
        Line(3, (b"5", b"6"), HEADER),
    ]
    batch = made.batch(lines)
    keep = [True, False, False, True, True]
    import numpy as np

    chosen = select(batch, np.array(keep))

    assert list(chosen.values) == list(made.batch([lines[0], lines[3], lines[4]]).values)
    assert chosen.render() == made.batch([lines[0], lines[3], lines[4]]).render()
