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
from logpipe.export.time_notes import has_times
from logpipe.formats.timestamp_reading import TimeReader

__all__ = [
    "NO_TIME",
    "joined_fields",
    "time_column",
    "time_reader",
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


def joined_fields(columns: Sequence[ByteColumn]) -> ByteColumn:
    """Fields as one text, with a blank between them."""
    if len(columns) == 1:
        return columns[0]
    return from_arrow(pc.binary_join_element_wise(*(c.to_arrow() for c in columns), b" "))
