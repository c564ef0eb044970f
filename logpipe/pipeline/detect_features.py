"""Windows as rows of a matrix; what its columns are, the detector says (`features`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import count_matrix
from logpipe.anomaly.windows import Windows
from logpipe.errors import UsageError
from logpipe.pipeline.detect_facts import LineFacts

__all__ = ["Featured", "featured"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Featured:
    """Windows as rows of a matrix, and which lines are behind its entries.

    Attributes:
        matrix: `csr_array` (windows, columns).
        rows, columns, lines: int64, one per entry: window, column, position of the line.
        names: text per column.
        before: per column, which group a run begins with; None unless columns are runs.
    """

    matrix: Any
    rows: Ints
    columns: Ints
    lines: Ints
    names: list[str]
    before: Ints | None = None


def featured(
    facts: LineFacts, several: Sequence[Windows], features: str = "counts"
) -> list[Featured]:
    """Windows as rows of matrices that have the same columns.

    Args:
        facts: of all lines.
        several: for example those of the training logs and those to be judged.
        features: one of `logpipe.anomaly.base.FEATURES`.
    """
    if features == "counts":
        return [
            _matrix(w, w.owner, facts.groups[w.lines].astype(np.int64), w.lines, facts.columns)
            for w in several
        ]
    if features == "values":
        return [_values(facts, windows) for windows in several]
    if features == "everything":
        return [_both(facts, windows) for windows in several]
    return _runs(facts, several, 2 if features == "pairs" else 3)


def _matrix(
    windows: Windows,
    rows: Ints,
    columns: Ints,
    lines: Ints,
    names: list[str],
    before: Ints | None = None,
) -> Featured:
    shape = (len(windows), max(len(names), 1))
    return Featured(
        count_matrix(rows, columns, shape), rows, columns, lines, names or ["-"], before
    )


def _values(facts: LineFacts, windows: Windows) -> Featured:
    order = np.argsort(facts.value_lines, kind="stable")
    sorted_lines = facts.value_lines[order]
    low = np.searchsorted(sorted_lines, windows.lines, "left")
    count = np.searchsorted(sorted_lines, windows.lines, "right") - low
    owner, lines = np.repeat(windows.owner, count), np.repeat(windows.lines, count)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    columns = facts.value_columns[order][np.repeat(low, count) + at]
    return _matrix(windows, owner, columns, lines, list(facts.value_names))


def _both(facts: LineFacts, windows: Windows) -> Featured:
    """Groups, and then values of slots whose vocabulary is closed: others vary too much."""
    values, groups = _values(facts, windows), len(facts.columns)
    closed = np.flatnonzero(facts.value_closed)
    chosen = facts.value_closed[values.columns] if len(closed) else np.zeros(0, np.int64)
    columns = np.searchsorted(closed, values.columns[chosen]) + groups
    return _matrix(
        windows,
        np.concatenate([windows.owner, values.rows[chosen]]),
        np.concatenate([facts.groups[windows.lines].astype(np.int64), columns]),
        np.concatenate([windows.lines, values.lines[chosen]]),
        [*facts.columns, *(facts.value_names[i] for i in closed)],
    )


def _runs(facts: LineFacts, several: Sequence[Windows], length: int) -> list[Featured]:
    """Runs of groups that follow each other in a window."""
    width = len(facts.columns) + 1
    if width**length >= 1 << 62:
        raise UsageError(f"{width:,} groups are too many for runs of {length}")
    found = [_run_codes(facts, windows, length, width) for windows in several]
    codes = np.unique(np.concatenate([code for _, _, code in found]))
    names = [
        " -> ".join(facts.columns[code // width**k % width] for k in range(length - 1, -1, -1))
        for code in codes.tolist()
    ]
    before = codes // width ** (length - 1)
    return [
        _matrix(windows, rows, np.searchsorted(codes, code), lines, names, before)
        for windows, (rows, lines, code) in zip(several, found, strict=True)
    ]


def _run_codes(
    facts: LineFacts, windows: Windows, length: int, width: int
) -> tuple[Ints, Ints, Ints]:
    """(window, position of the last line, code) of each run."""
    owner, groups = windows.owner, facts.groups[windows.lines].astype(np.int64)
    starts = max(len(owner) - length + 1, 0)
    code = np.zeros(starts, np.int64)
    for k in range(length):
        code = code * width + groups[k : k + starts]
    # Entries of a window lie together, so the ends of a run tell whether all of it is in one.
    inside = np.flatnonzero(owner[:starts] == owner[length - 1 :][:starts])
    return owner[inside], windows.lines[inside + length - 1], code[inside]
