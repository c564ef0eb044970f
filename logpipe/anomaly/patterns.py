"""Common patterns: for unlabelled windows with some abnormal ones among them.

A window is normal if enough windows have its pattern, the counts of its rigid columns (`rigid`).
How strange another one is: its distance to the nearest window with a common pattern, each column
scaled by its spread among those.

`adapt` takes new windows into account before they are judged. A pattern that many of them have is
how the system works now, be it a new version or sessions that are still under way when the log
ends; without it, every one of them would be an alarm.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import Distinct, count_matrix, distinct
from logpipe.anomaly.nearest import Neighbours
from logpipe.anomaly.rigid import Rigidity, find_rigidity

__all__ = ["COMMON", "Patterns", "common_share"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

COMMON = 0.5
"""Share of the windows that must have a common pattern for windows to be of a few kinds."""

FEW = 3
"""A pattern of fewer windows is never common."""


class Patterns(Detector):
    """Windows whose rigid counts are rare, by their distance to the common ones.

    Args:
        share: of the windows that must have a pattern for it to be common.
        left_open: nats that may be open about a rigid column.
    """

    def __init__(self, share: float = 0.02, left_open: float = 0.1) -> None:
        self.share = share
        self.left_open = left_open

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns which patterns are common; labels are not used."""
        known = distinct(as_csr(X))
        self.rigidity_ = find_rigidity(known, self.left_open)
        self.known_ = known
        self._seen: dict[bytes, float] = {}
        self.windows_ = 0.0
        self._count(known)
        self._settle(known)
        self.offset_ = -1.0
        return self

    def adapt(self, X: Any) -> Self:  # noqa: N803
        """Counts the patterns of new windows, too; what is common then is normal from now on."""
        new = distinct(as_csr(X))
        self._count(new)
        self._settle(_joined(self.known_, new))
        return self

    def _count(self, known: Distinct) -> None:
        patterns = self.rigidity_.project(known.rows)
        beyond = _beyond(known.rows, len(self.rigidity_.fold))
        for row, support, new in zip(
            patterns, known.support.tolist(), beyond.tolist(), strict=True
        ):
            if not new:
                key = row.tobytes()
                self._seen[key] = self._seen.get(key, 0.0) + support
        self.windows_ += float(known.support.sum())

    def _settle(self, known: Distinct) -> None:
        floor = max(self.share * self.windows_, min(FEW, self.windows_))
        self.common_ = {key for key, support in self._seen.items() if support >= floor}
        if not self.common_ and self._seen:
            self.common_ = {max(self._seen, key=lambda key: self._seen[key])}
        is_common = self._is_common(known.rows)
        self.known_ = known
        chosen = np.flatnonzero(is_common)
        self.normal_ = Distinct(
            known.rows[chosen], chosen, known.support[chosen], known.first[chosen]
        )
        self.neighbours_ = Neighbours(self.normal_, repeats=False)

    def _is_common(self, rows: Any) -> Bools:
        patterns = self.rigidity_.project(rows)
        common = np.array([row.tobytes() in self.common_ for row in patterns], np.bool_)
        found: Bools = common & ~_beyond(rows, len(self.rigidity_.fold))
        return found

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Above -1 for common patterns, below it by the distance to them for others."""
        rows = distinct(as_csr(X))
        distance, _ = self.neighbours_.query(rows.rows)
        distance = np.minimum(distance, 1e12)
        close = distance / (1.0 + distance)
        far = 1.0 + np.log1p(distance) + 1e-9
        return -np.where(self._is_common(rows.rows), close, far)[rows.inverse]


def _beyond(rows: Any, columns: int) -> Bools:
    """Which rows have something in a column that did not exist in training."""
    found = np.zeros(rows.shape[0], np.bool_)
    at = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    found[at[rows.indices >= columns]] = True
    return found


def _joined(a: Distinct, b: Distinct) -> Distinct:
    """The different rows of two matrices together."""
    width = max(a.rows.shape[1], b.rows.shape[1])
    rows, columns, data = [], [], []
    start = 0
    for part in (a.rows, b.rows):
        rows.append(start + np.repeat(np.arange(part.shape[0]), np.diff(part.indptr)))
        columns.append(part.indices.astype(np.int64))
        data.append(part.data)
        start += part.shape[0]
    whole = count_matrix(np.concatenate(rows), np.concatenate(columns), (start, width))
    whole.data[:] = np.concatenate(data)[
        np.lexsort((np.concatenate(columns), np.concatenate(rows)))
    ]
    found = distinct(whole)
    support = np.bincount(found.inverse, np.concatenate([a.support, b.support]))
    return Distinct(found.rows, found.inverse, support.astype(np.int64), found.first)


def common_share(rigidity: Rigidity, known: Distinct, share: float) -> float:
    """The share of windows with a common pattern; 0 where most lines are not in rigid columns.

    Args:
        rigidity: of the windows.
        known: the windows.
        share: of them that must have a pattern for it to be common.
    """
    rows = rigidity.project(known.rows)
    total = float(known.support @ np.asarray(known.rows.sum(axis=1)).ravel())
    inside = float(known.support @ rows.sum(axis=1))
    if not total or inside < 0.5 * total:
        return 0.0
    _, at = np.unique(rows, axis=0, return_inverse=True)
    support = np.bincount(at.ravel(), known.support)
    floor = max(share * known.support.sum(), FEW)
    return float(support[support >= floor].sum()) / float(known.support.sum())
