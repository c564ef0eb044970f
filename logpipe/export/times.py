"""The time of each row as nanoseconds, where the layout says how its header spells time.

Times without a year (BSD syslog) need one from the user; without it they are left out: any year
would be a guess, and the header's text is there in any case.
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
from logpipe.formats.timestamp_pattern import compile_pattern
from logpipe.formats.timestamps import parse_timestamps

__all__ = ["NO_TIME", "time_column", "time_reader"]

_MOST = 0.9

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands for a time that is missing or does not read back exactly."""


def time_column(header_columns: Sequence[str]) -> str:
    """The name of the column: `timestamp`, with `_` added while a header field has that name."""
    return unique_names(["timestamp"], header_columns)[0]


def time_reader(info: ParseInfo) -> Callable[[ParsedBatch], npt.NDArray[np.int64]] | None:
    """What reads the time of every line: int64 nanoseconds since 1970 UTC, or `NO_TIME`.

    A time without a zone counts as UTC. Batches are to be given in line order, source after source:
    `info.year` is the year of each source's first time, and goes on from there. None if the layout
    does not say how time is spelt, or spells it without a year and none is given.
    """
    if not info.timestamp_pattern:
        return None
    if info.year is None and compile_pattern(info.timestamp_pattern).lacks_year:
        return None
    positions = [info.field_names.index(name) for name in info.timestamp_fields]
    line, last = 0, None
    exact = ""

    def read(batch: ParsedBatch) -> npt.NDArray[np.int64]:
        nonlocal line, last, exact
        if batch.first_line <= line:
            last = None
        line = batch.first_line
        column = _joined([batch.fields[i] for i in positions])
        found = parse_timestamps(
            exact or info.timestamp_pattern,
            column,
            default_year=info.year,
            after=last,
            is_exact=bool(exact),
        )
        # A line without a header has no more than the blanks that joined its empty fields.
        written = np.count_nonzero(np.diff(column.offsets) >= len(positions))
        if exact and np.count_nonzero(found.valid) < _MOST * written:
            # Perhaps another way of writing the same pattern: blanks for zeros, a longer fraction.
            found = parse_timestamps(
                info.timestamp_pattern, column, default_year=info.year, after=last
            )
        exact = found.pattern
        known = np.flatnonzero(found.valid)
        if len(known):
            last = int(found.values[known[-1]])
        times: npt.NDArray[np.int64] = np.where(found.valid, found.values, NO_TIME)
        return times

    return read


def _joined(columns: Sequence[ByteColumn]) -> ByteColumn:
    """Fields as one text, with a blank between them."""
    if len(columns) == 1:
        return columns[0]
    return from_arrow(pc.binary_join_element_wise(*(c.to_arrow() for c in columns), b" "))
