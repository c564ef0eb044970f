"""The time of each row as nanoseconds, where the layout says how its header spells time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from logpipe.batch import ParsedBatch
from logpipe.export.base import ParseInfo

__all__ = ["NO_TIME", "time_column", "time_reader"]

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands for a time that is missing or does not read back exactly."""


def time_column(header_columns: Sequence[str]) -> str:
    """The name of the column: `timestamp`, with `_` added while a header field has that name."""
    name = "timestamp"
    while name in header_columns:
        name += "_"
    return name


def time_reader(info: ParseInfo) -> Callable[[ParsedBatch], npt.NDArray[np.int64]] | None:
    """What reads the time of every line: int64 nanoseconds since 1970, or `NO_TIME`.

    None if the layout does not say how time is spelt.
    """
    return None
