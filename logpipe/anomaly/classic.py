"""Detectors of the literature that scikit-learn does not have, over counts.

PCA (Xu et al., SOSP 2009), mined invariants (Lou et al., USENIX ATC 2010) and log clustering (Lin
et al., ICSE-SEIP 2016). Their published forms are followed where they say what to do; work is
bounded where they do not: the published search for invariants need not end.
"""

from __future__ import annotations

import itertools
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import Distinct, dense, distinct, folded

__all__ = ["PCA", "Clustering", "Invariants"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class _OverDistinct(Detector):
    """A detector whose scores are computed once per distinct row."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns from rows; rows with `y` = 1 are left out."""
        matrix = as_csr(X)
        if y is not None:
            matrix = matrix[np.flatnonzero(np.asarray(y) == 0)]
        known = distinct(matrix)
        self.fold_ = folded(known.rows)
        self._learn(dense(known.rows, self.fold_), known)
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus what the class calls strange."""
        known = distinct(as_csr(X))
        return -self._strange(dense(known.rows, self.fold_))[known.inverse]

    def _learn(self, rows: Floats, known: Distinct) -> None:
        raise NotImplementedError

    def _strange(self, rows: Floats) -> Floats:
        raise NotImplementedError


class PCA(_OverDistinct):
    """Squared distance to the plane of the main components (Q statistic, Jackson & Mudholkar 1979).

    Counts are weighted by inverse document frequency and centred, as Xu et al. do.

    Args:
        variance: share that the main components have to explain.
        confidence: standard normal quantile of the threshold; 3.2905 is 99.95 %, one-sided 0.0005.
    """

    def __init__(self, variance: float = 0.95, confidence: float = 3.2905) -> None:
        self.variance = variance
        self.confidence = confidence

    def _learn(self, rows: Floats, known: Distinct) -> None:
        support = known.support.astype(np.float64)
        total = max(support.sum(), 1.0)
        present = support @ (rows > 0)
        self.idf_ = np.log((total + 1.0) / (present + 1.0))
        weighted = rows * self.idf_
        self.mean_ = support @ weighted / total
        centred = weighted - self.mean_
        covariance = (centred * support[:, None]).T @ centred / total
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        explained = np.cumsum(values) / max(values.sum(), 1e-300)
        kept = int(np.searchsorted(explained, self.variance)) + 1
        self.components_ = vectors[:, :kept]
        self.offset_ = -max(self._limit(values[kept:]), 1e-9)

    def _limit(self, rest: Floats) -> float:
        one, two, three = (float((rest**power).sum()) for power in (1, 2, 3))
        if two <= 1e-12:
            return 0.0
        shape = 1.0 - 2.0 * one * three / (3.0 * two**2)
        if abs(shape) < 1e-9:
            return one
        inner = (
            self.confidence * np.sqrt(2.0 * two * shape**2) / one
            + 1.0
            + two * shape * (shape - 1.0) / one**2
        )
        return float(one * max(inner, 0.0) ** (1.0 / shape))

    def _strange(self, rows: Floats) -> Floats:
        centred = rows * self.idf_ - self.mean_
        rest = centred - centred @ self.components_ @ self.components_.T
        found: Floats = (rest**2).sum(axis=1)
        return found


class Invariants(_OverDistinct):
    """How many linear relations between counts a window breaks.

    Relations are `a x = b y` with small integers, and `x = y + z`, that hold in nearly all training
    windows in which one of their columns occurs.

    Args:
        support: share of the windows in which a relation must hold.
        largest: of the integers.
        columns: at most so many, the most frequent, are searched for relations of three.
    """

    def __init__(self, support: float = 0.98, largest: int = 3, columns: int = 24) -> None:
        self.support = support
        self.largest = largest
        self.columns = columns

    def _learn(self, rows: Floats, known: Distinct) -> None:
        support = known.support.astype(np.float64)
        present = support @ (rows > 0)
        order = np.argsort(-present, kind="stable")
        used = order[present[order] > 0][:128]
        found: list[tuple[Ints, Ints]] = []
        related: set[tuple[int, int]] = set()
        for i, j in itertools.combinations(used.tolist(), 2):
            for a, b in itertools.product(range(1, self.largest + 1), repeat=2):
                if np.gcd(a, b) == 1 and self._holds(a * rows[:, i] - b * rows[:, j], support):
                    found.append((np.array([i, j]), np.array([a, -b])))
                    related.add((i, j))
        few = used[: self.columns].tolist()
        for i, j, k in itertools.product(few, repeat=3):
            pairs = {(min(p), max(p)) for p in ((i, j), (i, k), (j, k))}
            if (
                j < k
                and i not in (j, k)
                and not any(p in related or p[::-1] in related for p in pairs)
            ):
                rest = rows[:, i] - rows[:, j] - rows[:, k]
                if self._holds(rest, support):
                    found.append((np.array([i, j, k]), np.array([1, -1, -1])))
        # Columns that are nearly always absent: "never" is a relation, too.
        total = support.sum()
        for i in used.tolist():
            if present[i] <= (1.0 - self.support) * total:
                found.append((np.array([i]), np.array([1])))
        self.relations_ = found
        self.offset_ = -0.5

    def _holds(self, rest: Floats, support: Floats) -> bool:
        return float(support @ (rest == 0)) >= self.support * float(support.sum())

    def _strange(self, rows: Floats) -> Floats:
        broken = np.zeros(len(rows))
        for columns, factors in self.relations_:
            broken += rows[:, columns] @ factors != 0
        return broken


class Clustering(_OverDistinct):
    """Distance to the nearest cluster of training windows.

    Counts become `log(1 + count)` weighted by inverse document frequency, rows have length 1, and a
    window joins the nearest cluster if their cosine distance is small enough, else founds one.

    Args:
        distance: cosine distance up to which a window belongs to a cluster.
        clusters: at most so many are made.
    """

    def __init__(self, distance: float = 0.05, clusters: int = 1000) -> None:
        self.distance = distance
        self.clusters = clusters

    def _learn(self, rows: Floats, known: Distinct) -> None:
        support = known.support.astype(np.float64)
        present = support @ (rows > 0)
        self.weight_ = 0.5 + 0.5 / (1.0 + np.exp(-np.log((support.sum() + 1) / (present + 1))))
        vectors = self._vectors(rows)
        centres = np.zeros((0, rows.shape[1]))
        sizes = np.zeros(0)
        for i in np.argsort(-support, kind="stable").tolist():
            near = centres @ vectors[i] / np.maximum(np.linalg.norm(centres, axis=1), 1e-12)
            best = int(near.argmax()) if len(near) else -1
            if best >= 0 and (1 - near[best] <= self.distance or len(centres) >= self.clusters):
                centres[best] += vectors[i] * support[i]
                sizes[best] += support[i]
            else:
                centres = np.vstack([centres, vectors[i] * support[i]])
                sizes = np.append(sizes, support[i])
        large = sizes >= min(0.005 * support.sum(), sizes.max(initial=0.0))
        self.centres_ = centres[large] / np.maximum(
            np.linalg.norm(centres[large], axis=1, keepdims=True), 1e-12
        )
        self.offset_ = -self.distance

    def _vectors(self, rows: Floats) -> Floats:
        vectors = np.log1p(rows) * self.weight_
        unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    def _strange(self, rows: Floats) -> Floats:
        if not len(self.centres_):
            return np.zeros(len(rows))
        found: Floats = np.maximum(1.0 - (self._vectors(rows) @ self.centres_.T).max(axis=1), 0.0)
        return found
