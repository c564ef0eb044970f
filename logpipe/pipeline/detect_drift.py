"""Drift of a log: which patterns, or which templates, came or went for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import dense
from logpipe.anomaly.drift import Drift, find_drift
from logpipe.anomaly.explain import Difference, pattern_id
from logpipe.anomaly.findings import Finding
from logpipe.anomaly.rigid import Rigidity
from logpipe.pipeline.detect_features import Featured

__all__ = ["drift_findings"]

Ints = npt.NDArray[np.int64]

_PATTERNS = 32
_COLUMNS = 400
_TOGETHER = 0.03
"""Changes within this share of the windows are one."""


def drift_findings(
    judged: Featured,
    rigidity: Rigidity | None,
    names: Sequence[str],
    flagged: npt.NDArray[np.bool_],
    *,
    columns: int,
    good: Any = None,
) -> list[Finding]:
    """One finding per change; none of its windows is abnormal for that.

    Args:
        judged: windows in order.
        rigidity: of windows that are of a few kinds: then patterns are looked at, else columns.
        names: of the windows.
        flagged: windows that are abnormal for other reasons; they do not count.
        columns: how many of the first columns are looked at.
        good: `csr_array` of windows in order that are known to be good, with the same columns:
            what came or went in them, too, is no news.
    """
    kept = np.flatnonzero(~flagged)
    if rigidity is not None:
        return _of_patterns(judged, rigidity, names, kept, good)
    return _of_columns(judged, names, kept, columns, good)


def _of_patterns(
    judged: Featured, rigidity: Rigidity, names: Sequence[str], kept: Ints, good: Any
) -> list[Finding]:
    patterns = rigidity.project(judged.matrix[kept])
    rows, at, support = np.unique(patterns, axis=0, return_inverse=True, return_counts=True)
    at = at.ravel()
    order = np.argsort(-support, kind="stable")[:_PATTERNS]
    found = []
    changes = find_drift([at == i for i in order])
    if good is not None:
        before = rigidity.project(good)
        changes = _news(changes, lambda what: (before == rows[order[what]]).all(axis=1))
    changes.sort(key=lambda change: change.after < change.before)  # what came tells more
    for change in _first_per_time(changes, len(kept), both=True):
        which = int(order[change.what])
        usual = rows[order[0]] if which != order[0] else rows[order[min(1, len(order) - 1)]]
        places = np.flatnonzero(rigidity.rigid)
        differences = []
        for place, (seen, expected) in enumerate(zip(rows[which], usual, strict=True)):
            if seen != expected:
                column = int(np.flatnonzero(rigidity.fold == places[place])[0])
                differences.append(Difference(column, int(seen), int(expected), False, 1.0))
        has = kept[at == which]
        found.append(_finding(change, differences, has, judged, names, kept))
    return found


def _of_columns(
    judged: Featured, names: Sequence[str], kept: Ints, columns: int, good: Any
) -> list[Finding]:
    spread = np.bincount(judged.matrix.indices, minlength=judged.matrix.shape[1])
    spread[columns:] = 0
    often = np.argsort(-spread, kind="stable")[:_COLUMNS]
    often = often[spread[often] > 0]
    place = np.full(judged.matrix.shape[1], len(often), np.int64)
    place[often] = np.arange(len(often))
    has = dense(judged.matrix[kept], place)[:, : len(often)] > 0
    changes = find_drift([has[:, i] for i in range(len(often))])
    if good is not None:
        before = dense(good, place)[:, : len(often)] > 0
        changes = _news(changes, lambda what: before[:, what])
    found = []
    for change in _first_per_time(changes, len(kept)):
        together = [
            other
            for other in changes
            if abs(other.window - change.window) <= _TOGETHER * len(kept)
            and (other.after > other.before) == (change.after > change.before)
        ]
        came = change.after > change.before
        differences = [
            Difference(int(often[o.what]), int(came), int(not came), False, abs(o.after - o.before))
            for o in together
        ]
        windows = kept[has[:, change.what]]
        found.append(_finding(change, differences, windows, judged, names, kept))
    return found


def _news(changes: Sequence[Drift], before: Callable[[int], npt.NDArray[np.bool_]]) -> list[Drift]:
    """The changes that a good log does not go through in the same direction.

    Args:
        changes: found in the windows that are judged.
        before: which of the good windows have something; given `Drift.what`.
    """
    return [
        change
        for change in changes
        if not any(
            (same.after > same.before) == (change.after > change.before)
            for same in find_drift([before(change.what)])
        )
    ]


def _first_per_time(changes: Sequence[Drift], windows: int, *, both: bool = False) -> list[Drift]:
    """Of changes at about the same time, in the same direction or in either, the first."""
    chosen: list[Drift] = []
    for change in changes:
        near = (
            abs(change.window - other.window) <= _TOGETHER * windows
            and (both or (other.after > other.before) == (change.after > change.before))
            for other in chosen
        )
        if not any(near):
            chosen.append(change)
    return chosen


def _finding(
    change: Drift,
    differences: Sequence[Difference],
    has: Ints,
    judged: Featured,
    names: Sequence[str],
    kept: Ints,
) -> Finding:
    came = change.after > change.before
    first = names[int(kept[min(change.window, len(kept) - 1)])]
    side = "came" if came else "went"
    texts = [judged.names[d.column] for d in differences[:3]]
    more = f" and {len(differences) - 3:,} more" if len(differences) > 3 else ""
    shown = "; ".join(
        f"{text[:90]!r}"
        + ("" if {d.seen, d.expected} == {0, 1} else f" {d.seen} x, not {d.expected}")
        for text, d in zip(texts, differences, strict=False)
    )
    pattern = tuple((d.column, f"drift {side} {d.seen}") for d in differences)
    return Finding(
        pattern=pattern_id(pattern, judged.names),
        kind="drift",
        windows=has,
        score=1.0,
        reason=(
            f"{side} for good at window {first}: {change.before:.0%} of the windows before, "
            f"{change.after:.0%} from there on: {shown}{more}"
        ),
        differences=tuple(differences),
        nearest=-1,
    )
