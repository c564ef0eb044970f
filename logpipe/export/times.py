"""The time of each row as nanoseconds, where the layout says how its header spells time.

Times without a year (BSD syslog) need one from the user, and those of a named zone its offset;
without it they are left out: any year would be a guess, and the header's text is there in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.export.base import ParseInfo
from logpipe.export.columns import unique_names
from logpipe.export.text import from_arrow
from logpipe.formats.timestamp_pattern import compile_pattern, date_order
from logpipe.formats.timestamp_reading import TimeReader

__all__ = [
    "NO_TIME",
    "has_times",
    "joined_fields",
    "time_column",
    "time_reader",
    "times_said",
    "why_no_times",
]

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands for a time that is missing or does not read back exactly."""


def time_column(header_columns: Sequence[str]) -> str:
    """The name of the column: `timestamp`, with `_` added while a header field has that name."""
    return unique_names(["timestamp"], header_columns)[0]


def time_reader(info: ParseInfo) -> Callable[[ParsedBatch], npt.NDArray[np.int64]] | None:
    """What reads the time of every line: int64 nanoseconds since 1970 UTC, or `NO_TIME`.

    A time without a zone counts as UTC; one of a named zone that `info.zones` does not have is
    `NO_TIME`. Batches are to be given in line order, source after source: `info.year` is the year
    of each source's first time, and goes on from there; else the time of a line depends on nothing
    but the line. None if the layout does not say how time is spelt, or spells it without a date,
    or without a year and none is given. What was found is added to `info.time_tally`.
    """
    if not has_times(info):
        return None
    positions = [info.field_names.index(name) for name in info.timestamp_fields]
    reader = TimeReader(
        info.timestamp_pattern, year=info.year, zones=info.zones, tally=info.time_tally
    )
    line = 0

    def read(batch: ParsedBatch) -> npt.NDArray[np.int64]:
        nonlocal line
        if batch.first_line <= line:
            reader.restart()
        line = batch.first_line
        # A line without a header has no more than the blanks that joined its empty fields.
        column = joined_fields([batch.fields[i] for i in positions])
        values, valid = reader.read(column, empty=len(positions) - 1)
        times: npt.NDArray[np.int64] = np.where(valid, values, NO_TIME)
        return times

    return read


def times_said(info: ParseInfo) -> list[str]:
    """What the user should know about the times that were read, in at most one sentence each."""
    tally, said = info.time_tally, []
    unknown = sum(tally.zones.values())
    if unknown:
        names = [name for name, _ in tally.zones.most_common(3)]
        named = ", ".join(names) + (", ..." if len(tally.zones) > 3 else "")
        taken = "counts as UTC" if tally.any_zone else "makes no time as a number"
        said.append(
            f"{unknown:,} of {tally.written:,} lines with a time name a zone whose offset is not "
            f"known, which {taken}: {named}; give it by --zone {names[0]}=+HHMM"
        )
    failed = tally.untimed - (0 if tally.any_zone else unknown)
    if failed > 0:
        other = ""
        if tally.tried and 2 * tally.otherwise >= tally.tried:
            order = {"day-first": "month-first", "month-first": "day-first"}
            wanted = order.get(date_order(info.timestamp_pattern), "")
            other = f"; most of them fit with day and month exchanged (--dates {wanted})"
        lines = "line" if tally.written == 1 else "lines"
        said.append(
            f"{failed:,} of {tally.written:,} {lines} with a header have no time as a number: what "
            f"stands there is not written as {info.timestamp_pattern!r}{other}"
        )
    return said


def why_no_times(info: ParseInfo) -> str:
    """Why there is no time as a number though something looks like one; empty if there is."""
    if not info.timestamp_pattern:
        return info.time_note
    pattern = compile_pattern(info.timestamp_pattern)
    if pattern.lacks_date:
        return f"the stamps of layout {info.layout} have no date, so there is no time as a number"
    if info.year is None and pattern.lacks_year:
        return (
            f"the stamps of layout {info.layout} have no year, so there is no time as a number; "
            f"--year YYYY makes one"
        )
    return ""


def has_times(info: ParseInfo) -> bool:
    """Whether outputs have a column of times."""
    return bool(info.timestamp_pattern) and not why_no_times(info)


def joined_fields(columns: Sequence[ByteColumn]) -> ByteColumn:
    """Fields as one text, with a blank between them."""
    if len(columns) == 1:
        return columns[0]
    return from_arrow(pc.binary_join_element_wise(*(c.to_arrow() for c in columns), b" "))
