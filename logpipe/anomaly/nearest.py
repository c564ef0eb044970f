"""Nearest known window: what is abnormal is far from everything that was seen in training.

The distance is the sum over columns of how much the counts differ, in units of the column's own
spread in training. So a template that varies freely weighs little and a rigid one much. The spread
is drawn towards 1 by `PRIOR` imaginary windows: with few windows all columns weigh alike, which is
the plain distance of count vectors, with many a column that never varied weighs very much.

A known deviation may occur more than once: if a window with one retry is known, one with three
retries is the commonest window plus three times the difference. Such repeats count as known, at a
small price. They were the only normal windows with high scores on data with labels.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import Distinct, dense, distinct, folded, row_hashes

__all__ = ["Nearest", "Neighbours", "fit_distances", "spread_weights"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRIOR = 2.0
"""Imaginary windows with a spread of 1."""

KNOWN = 4000
"""Different windows that are kept to compare with: the most frequent ones."""

BASES = 2
"""The most frequent windows, from which repeats of a deviation are counted."""

REPEATS = (2, 3, 4)
REPEAT_PRICE = 0.5


def spread_weights(rows: Floats, support: Ints) -> Floats:
    """float64 per column: one over its spread, drawn towards 1 as if by `PRIOR` more windows."""
    total = float(support.sum())
    if not total:
        return np.ones(rows.shape[1])
    mean = support @ rows / total
    variance = support @ (rows - mean) ** 2
    weights: Floats = 1.0 / np.sqrt((variance + PRIOR) / (total + PRIOR))
    return weights


class Neighbours:
    """Windows to compare with, and the nearest of them.

    Args:
        known: different rows of counts and their support.
        repeats: whether repeated deviations count as known.

    Attributes:
        fold: int64 per column: the dense column it belongs to.
        weights: float64 per dense column.
        rows: dense rows, (known, dense columns).
        origin: int64 per known row: its place in `known.rows`.
    """

    def __init__(self, known: Distinct, *, repeats: bool = True) -> None:
        self.origin: Ints = np.sort(np.argsort(-known.support, kind="stable")[:KNOWN])
        self.support = known.support[self.origin]
        chosen = known.rows[self.origin]
        self.fold = folded(chosen)
        self.columns = chosen.shape[1]
        self.rows = dense(chosen, self.fold)
        self.weights = spread_weights(self.rows, self.support)
        self._hashes = {value: i for i, value in enumerate(row_hashes(known.rows).tolist())}
        self._repeats = repeated(self.rows, self.support) if repeats else self.rows[:0]

    def query(self, rows: Any, *, but: int | None = None) -> tuple[Floats, Ints]:
        """The distance of each row to the nearest known one, and that one's place in `known.rows`.

        Args:
            rows: `csr_array`, each different row once.
            but: place in `known.rows` of one that is not to be looked at.
        """
        found = np.zeros(rows.shape[0])
        place = np.full(rows.shape[0], -1, np.int64)
        if but is None:
            for i, value in enumerate(row_hashes(rows).tolist()):
                place[i] = self._hashes.get(value, -1)
        left = np.flatnonzero(place < 0)
        if not len(self.rows):
            found[left] = np.inf
            return found, place
        new = self._unseen(rows[left])
        scaled = dense(rows[left], self.fold) * self.weights
        known = self.rows * self.weights
        for start in range(0, len(left), 256):
            part = slice(start, start + 256)
            distance = _city_block(scaled[part], known)
            if but is not None:
                distance[:, self.origin == but] = np.inf
            nearest = distance.argmin(axis=1)
            best = distance[np.arange(len(nearest)), nearest]
            if len(self._repeats) and but is None:
                repeat = _city_block(scaled[part], self._repeats * self.weights).min(axis=1)
                best = np.minimum(best, repeat + REPEAT_PRICE)
            found[left[part]] = best + new[part]
            place[left[part]] = self.origin[nearest]
        return found, place

    def _unseen(self, rows: Any) -> Floats:
        """What columns that did not exist in training add: as much as one that never varied."""
        extra = np.zeros(rows.shape[0])
        if rows.shape[1] > self.columns:
            at = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
            beyond = rows.indices >= self.columns
            weight = np.sqrt((self.support.sum() + PRIOR) / PRIOR)
            np.add.at(extra, at[beyond], rows.data[beyond] * weight)
        return extra


def _city_block(a: Floats, b: Floats) -> Floats:
    from scipy.spatial.distance import cdist

    found: Floats = cdist(a, b, "cityblock")
    return found


def repeated(rows: Floats, support: Ints) -> Floats:
    """The commonest rows plus whole multiples of how the other rows differ from them."""
    made = []
    for base in rows[np.argsort(-support, kind="stable")[:BASES]]:
        made += [base + times * (rows - base) for times in REPEATS]
    if not made:
        return rows[:0]
    together = np.concatenate(made)
    together = together[(together >= 0).all(axis=1)]
    return np.unique(together, axis=0)[: KNOWN * 2]


def fit_distances(neighbours: Neighbours, known: Distinct, limit: int = 400) -> Floats:
    """How far training windows are from the others: float64, one per training window.

    What occurs twice is at distance 0. Of the others at most `limit` are looked at, evenly chosen.
    """
    single = np.flatnonzero(known.support == 1)
    looked = single[:: max(1, -(-len(single) // limit))]
    own = [neighbours.query(known.rows[[i]], but=int(i))[0][0] for i in looked.tolist()]
    zeros = int(known.support.sum()) - len(single)
    share = len(single) / max(len(looked), 1)
    repeated_own = np.repeat(np.array(own, np.float64), max(1, round(share)))
    return np.concatenate([np.zeros(zeros), repeated_own[np.isfinite(repeated_own)]])


class Nearest(Detector):
    """Distance to the nearest training window, each column scaled by its spread.

    Training rows are taken to be normal. A row is abnormal beyond `least` spreads, and beyond what
    the share `quantile` of the training rows are away from the others.

    Args:
        least: distance in spreads.
        quantile: of the training rows' own distances.
        repeats: whether known deviations may be repeated.
    """

    def __init__(self, least: float = 2.0, quantile: float = 0.995, repeats: bool = True) -> None:
        self.least = least
        self.quantile = quantile
        self.repeats = repeats

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns from normal rows; rows with `y` = 1 are left out."""
        matrix = as_csr(X)
        if y is not None:
            matrix = matrix[np.flatnonzero(np.asarray(y) == 0)]
        self.known_ = distinct(matrix)
        self.neighbours_ = Neighbours(self.known_, repeats=self.repeats)
        own = fit_distances(self.neighbours_, self.known_)
        far = float(np.quantile(own, self.quantile)) if len(own) else 0.0
        self.offset_ = -max(self.least, far)
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the distance, in spreads."""
        rows = distinct(as_csr(X))
        distance, _ = self.neighbours_.query(rows.rows)
        return -np.minimum(distance, 1e12)[rows.inverse]
