"""Baselines that cost nothing: what a detector has to beat before it is worth anything.

Each is a rule anybody could write down in a minute. They are always at hand, so that a figure never
stands alone.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import dense, distinct, folded, row_hashes

__all__ = [
    "Clock",
    "LengthRange",
    "LineCount",
    "NeverSeen",
    "NewPairs",
    "NewTriples",
    "PlainNearest",
    "RareColumn",
]

Floats = npt.NDArray[np.float64]

KNOWN = 4000
"""Different rows that `PlainNearest` compares with: the most frequent ones."""


def _sums(matrix: Any) -> Floats:
    found: Floats = np.asarray(matrix.sum(axis=1), np.float64).ravel()
    return found


class NeverSeen(Detector):
    """Rows of counts that did not occur in training (or, unlabelled, in too few windows).

    Args:
        share: of the training windows that must have a row for it to count as seen; 0: one window.
    """

    def __init__(self, share: float = 0.0) -> None:
        self.share = share

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Remembers the rows; those with `y` = 1 are left out."""
        hashes = row_hashes(_normal(X, y))
        found, support = np.unique(hashes, return_counts=True)
        self.seen_ = set(found[support >= self.share * len(hashes)].tolist())
        self.offset_ = -0.5
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """0 for rows that were seen, else -1."""
        return np.array([0.0 if h in self.seen_ else -1.0 for h in row_hashes(as_csr(X)).tolist()])


class PlainNearest(Detector):
    """How many lines more or fewer than the nearest training row: all columns weigh alike.

    A row is abnormal beyond what the share `quantile` of the training rows are away from the
    nearest other one.

    Args:
        quantile: of the training rows' own distances.
    """

    def __init__(self, quantile: float = 0.995) -> None:
        self.quantile = quantile

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Remembers the different rows, at most `KNOWN`; those with `y` = 1 are left out."""
        known = distinct(_normal(X, y))
        kept = np.sort(np.argsort(-known.support, kind="stable")[:KNOWN])
        self.fold_ = folded(known.rows)
        self.rows_ = dense(known.rows[kept], self.fold_)
        support = known.support[kept]
        own = np.zeros(len(kept))
        for start in range(0, len(kept) if len(kept) > 1 else 0, 256):
            part = _city_block(self.rows_[start : start + 256], self.rows_)
            part[np.arange(len(part)), start + np.arange(len(part))] = np.inf
            own[start : start + 256] = part.min(axis=1)
        own[support > 1] = 0.0
        far = float(np.quantile(np.repeat(own, support), self.quantile)) if len(own) else 0.0
        self.offset_ = -max(far, 0.5)
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the number of lines."""
        known = distinct(as_csr(X))
        width = len(self.fold_)
        found: Floats = np.bincount(
            np.repeat(np.arange(known.rows.shape[0]), np.diff(known.rows.indptr)),
            known.rows.data * (known.rows.indices >= width),  # columns that training did not have
            known.rows.shape[0],
        ).astype(np.float64)
        rows = dense(known.rows[:, :width], self.fold_)
        for start in range(0, len(rows) if len(self.rows_) else 0, 256):
            part = slice(start, start + 256)
            found[part] += _city_block(rows[part], self.rows_).min(axis=1)
        return -found[known.inverse]


def _city_block(a: Floats, b: Floats) -> Floats:
    from scipy.spatial.distance import cdist

    found: Floats = cdist(a, b, "cityblock")
    return found


class RareColumn(Detector):
    """Windows with a column that occurs in no training window, or in too small a share of them.

    With counts: a new or rare template. Scores add up what each such column tells, in nats.

    Args:
        share: of the training windows that must have a column for it to be usual; 0: one window.
    """

    def __init__(self, share: float = 0.0) -> None:
        self.share = share

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Counts in how many windows each column occurs; rows with `y` = 1 are left out."""
        matrix = _normal(X, y)
        windows = np.bincount(matrix.indices, minlength=matrix.shape[1])
        self.rare_ = windows <= self.share * matrix.shape[0]
        self.weight_ = np.log((matrix.shape[0] + 1.0) / (windows + 1.0))
        self.new_weight_ = float(np.log(matrix.shape[0] + 1.0))
        self.offset_ = -1e-9
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the surprise at the rare columns of each row, in nats; 0 without any."""
        matrix = as_csr(X)
        known = matrix.indices < len(self.rare_)
        at = np.minimum(matrix.indices, max(len(self.rare_) - 1, 0))
        weight = np.full(len(at), max(self.new_weight_, 1e-6))
        if len(self.rare_):
            weight[known] = np.where(self.rare_, np.maximum(self.weight_, 1e-6), 0.0)[at[known]]
        found = np.zeros(matrix.shape[0])
        np.add.at(found, np.repeat(np.arange(len(found)), np.diff(matrix.indptr)), weight)
        return -found


class NewPairs(RareColumn):
    """Windows in which a template follows another one as never in training (2-grams)."""

    features: ClassVar[str] = "pairs"


class NewTriples(RareColumn):
    """Windows with three templates in an order that never occurred in training (3-grams)."""

    features: ClassVar[str] = "triples"


class LengthRange(Detector):
    """Windows with fewer or more lines than any in training."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Remembers the range; rows with `y` = 1 are left out."""
        sums = _sums(_normal(X, y))
        self.least_ = float(sums.min()) if len(sums) else 0.0
        self.most_ = float(sums.max()) if len(sums) else 0.0
        self.offset_ = -1e-9
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus how many lines a row is outside of the range."""
        sums = _sums(as_csr(X))
        found: Floats = -np.maximum(np.maximum(self.least_ - sums, sums - self.most_), 0.0)
        return found


class LineCount(Detector):
    """The more lines a window has, the stranger it is.

    Args:
        quantile: of the training windows' lines that is normal.
    """

    def __init__(self, quantile: float = 0.97) -> None:
        self.quantile = quantile

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Remembers the quantile; rows with `y` = 1 are left out."""
        sums = _sums(_normal(X, y))
        self.offset_ = -(float(np.quantile(sums, self.quantile)) if len(sums) else 0.0) - 1e-9
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the number of lines."""
        return -_sums(as_csr(X))


class Clock(Detector):
    """The later a window, the stranger; scores depend on the order of the rows given."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns nothing: the last third is abnormal."""
        self.offset_ = -2 / 3
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the share of the rows before each."""
        rows = as_csr(X).shape[0]
        found: Floats = -np.arange(rows, dtype=np.float64) / max(rows, 1)
        return found


def _normal(X: Any, y: Any) -> Any:  # noqa: N803
    matrix = as_csr(X)
    return matrix if y is None else matrix[np.flatnonzero(np.asarray(y) == 0)]
