"""Detectors that look at order: which template follows which, and how rates change.

`Markov` needs columns that are pairs (`features = "pairs"`); which pair a column is, the pipeline
tells it by `name_columns` before `fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import dense, folded

__all__ = ["Markov", "RateChange"]

Floats = npt.NDArray[np.float64]


class Markov(Detector):
    """How improbable the most improbable step from one template to the next is.

    A Markov chain of first order, with one imaginary step for all that never occurred.

    Args:
        quantile: of the training windows' scores that is normal.
    """

    features: ClassVar[str] = "pairs"

    def __init__(self, quantile: float = 0.995) -> None:
        self.quantile = quantile

    def name_columns(self, before: Sequence[int]) -> None:
        """Says which group a column's pair begins with.

        Args:
            before: one number per column; columns with equal ones begin alike.
        """
        self._before = np.asarray(before, np.int64)

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Counts steps; rows with `y` = 1 are left out."""
        matrix = as_csr(X)
        if y is not None:
            matrix = matrix[np.flatnonzero(np.asarray(y) == 0)]
        steps = np.asarray(matrix.sum(axis=0), np.float64).ravel()
        before = getattr(self, "_before", np.zeros(matrix.shape[1], np.int64))
        _, at = np.unique(before, return_inverse=True)
        left = np.bincount(at, steps, minlength=1)
        self.surprise_ = -np.log((steps + 1e-300) / (left[at] + 1.0))
        self.surprise_ = np.where(steps > 0, self.surprise_, np.log(left[at] + 1.0) + 1.0)
        self.offset_ = -1e-9
        scores = -self.score_samples(matrix)
        far = float(np.quantile(scores, self.quantile)) if len(scores) else 0.0
        self.offset_ = -max(far, 1e-9)
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the surprise at the least probable step, in nats."""
        matrix = as_csr(X)
        most = float(self.surprise_.max(initial=0.0)) + 1.0
        surprise = np.full(max(matrix.shape[1], 1), most)
        width = min(len(self.surprise_), matrix.shape[1])
        surprise[:width] = self.surprise_[:width]
        found = np.zeros(matrix.shape[0])
        at = np.repeat(np.arange(len(found)), np.diff(matrix.indptr))
        np.maximum.at(found, at, surprise[matrix.indices])
        return -found


class RateChange(Detector):
    """How much a template's count differs from the windows just before; rows have to be in order.

    The unit is the standard deviation of a Poisson count with the mean of the last `memory`
    windows, widened by how much the counts of training varied beyond that.

    Args:
        memory: windows to look back at.
        deviations: that are normal.
    """

    def __init__(self, memory: int = 10, deviations: float = 5.0) -> None:
        self.memory = memory
        self.deviations = deviations

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns how much counts vary, and keeps the last rows as the past of those to come."""
        matrix = as_csr(X)
        self.fold_ = folded(matrix)
        rows = dense(matrix, self.fold_)
        self.past_ = rows[-self.memory :]
        mean, variance = rows.mean(axis=0) if len(rows) else 0.0, rows.var(axis=0)
        self.excess_ = np.maximum(variance / np.maximum(mean, 1e-12), 1.0)
        self.excess_[np.asarray(mean) <= 0] = 1.0
        self.offset_ = -self.deviations
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the largest change of a template's count, in standard deviations."""
        rows = dense(as_csr(X), self.fold_)
        past = self.past_ if not _continues(self.past_, rows) else rows[:0]
        whole = np.concatenate([past, rows])
        sums = np.concatenate([np.zeros((1, whole.shape[1])), np.cumsum(whole, axis=0)])
        at = np.arange(len(past), len(whole))
        begin = np.maximum(at - self.memory, 0)
        seen = (at - begin)[:, None]
        mean = (sums[at] - sums[begin]) / np.maximum(seen, 1)
        spread = np.sqrt((mean + 1.0) * self.excess_)
        change = np.where(seen >= min(3, self.memory), np.abs(rows - mean) / spread, 0.0)
        found: Floats = -change.max(axis=1, initial=0.0)
        return found


def _continues(past: Floats, rows: Floats) -> bool:
    """Whether rows end with what was kept in `fit`: then they are the training rows themselves."""
    if not len(past):
        return True
    return len(rows) >= len(past) and bool((rows[len(rows) - len(past) :] == past).all())
