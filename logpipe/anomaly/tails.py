"""Tail surprise: for windows of time or of lines, where every count varies.

For each column, how many training windows are at least as far from the column's median: the fewer,
the more surprising; the surprises of a window are added up. It is what ECOD does (Li et al., 2022),
but two-sided around the median, on logarithms of counts, and with a price for bursts that goes on
growing, so that ten new errors are less strange than a thousand.

Columns weigh the less, the more they vary anyway: that somebody clicked often is no news beside the
first error.

The threshold lies in the training windows' own scores: so many robust standard deviations above
their median, because up to half of them may be abnormal.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import dense, distinct, folded
from logpipe.anomaly.rigid import entropy

__all__ = ["Tails", "robust_limit"]

Floats = npt.NDArray[np.float64]

LEAST_SPREAD = 0.3
"""Of the logarithm of a count: a column that never varied may still have one line more."""

BURST = 3.0
"""Spreads from which on a count costs more than its rank; one nat per spread, up to `MOST`."""

MOST = 12.0

FREE = 0.5
"""Nats: a column with this entropy weighs half of what one weighs that hardly ever varies."""


def robust_limit(values: Floats, deviations: float) -> float:
    """The median and so many robust standard deviations (MAD x 1.4826) above it.

    Of the values to the power of 2/3: a sum of surprises is skewed, so that of a log where nothing
    happened one window in thirty was above three deviations of the values themselves. A stronger
    root makes that rarer still, but loses the quieter half of a fault that lasts.
    """
    if not len(values):
        return 0.0
    roots = np.maximum(values, 0.0) ** (2 / 3)
    middle = float(np.median(roots))
    limit = middle + deviations * 1.4826 * float(np.median(np.abs(roots - middle)))
    return float(limit**1.5)


class Tails(Detector):
    """Surprise at each count, added up.

    Args:
        deviations: robust standard deviations above the median score of training that are normal.
        quantile: of the training scores that is normal in any case; for training windows that are
            known to be good.
    """

    def __init__(self, deviations: float = 3.0, quantile: float = 0.0) -> None:
        self.deviations = deviations
        self.quantile = quantile

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns from rows, most of which are normal."""
        known = distinct(as_csr(X))
        self.fold_ = folded(known.rows)
        rows = np.log1p(dense(known.rows, self.fold_))
        support = known.support
        self.windows_ = int(support.sum())
        whole = np.repeat(rows, support, axis=0) if len(rows) else rows
        self.middle_ = np.median(whole, axis=0) if len(whole) else np.zeros(rows.shape[1])
        away = np.sort(np.abs(whole - self.middle_), axis=0)
        self.away_ = away
        spread = 1.4826 * np.median(away, axis=0) if len(away) else np.zeros(rows.shape[1])
        self.spread_ = np.maximum(spread, LEAST_SPREAD)
        steps = np.round(rows / LEAST_SPREAD).astype(np.int64)
        entropies = [
            entropy(np.bincount(np.unique(column, return_inverse=True)[1].ravel(), support))
            for column in steps.T
        ]
        self.weight_ = 1.0 / (FREE + np.array(entropies))
        own = self._surprise(rows)[np.repeat(np.arange(len(rows)), support)]
        limit = robust_limit(own, self.deviations)
        if self.quantile and len(own):
            limit = max(limit, float(np.quantile(own, self.quantile)))
        # Windows that are all alike have no spread; one surprise is still news.
        self.offset_ = -max(limit, np.log(2.0 + self.windows_) / 2 / FREE, 1e-9)
        return self

    def columns_surprise(self, rows: Floats) -> Floats:
        """The surprise at each column of rows of log counts: weighted nats, and bursts."""
        found = np.zeros_like(rows)
        for column in range(rows.shape[1]):
            known = self.away_[:, column]
            distance = np.abs(rows[:, column] - self.middle_[column])
            further = len(known) - np.searchsorted(known, distance - 1e-9)
            surprise = np.log((self.windows_ + 1.0) / (further + 1.0))
            burst = np.clip(distance / self.spread_[column] - BURST, 0.0, MOST)
            # What half of all windows are is no surprise.
            found[:, column] = np.maximum(surprise - 0.5, 0.0) * self.weight_[column] + burst
        return found

    def _surprise(self, rows: Floats) -> Floats:
        found: Floats = self.columns_surprise(rows).sum(axis=1)
        return found

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the sum of surprises, in nats."""
        known = distinct(as_csr(X))
        rows = np.log1p(dense(known.rows, self.fold_))
        beyond = np.zeros(len(rows))
        width = len(self.fold_)
        if known.rows.shape[1] > width:
            at = np.repeat(np.arange(len(rows)), np.diff(known.rows.indptr))
            new = known.rows.indices >= width
            surprise = (np.log(self.windows_ + 1.0) + np.log1p(known.rows.data[new])) / FREE
            np.add.at(beyond, at[new], surprise)
        return -(self._surprise(rows) + beyond)[known.inverse]
