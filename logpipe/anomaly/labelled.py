"""Detectors that learn from labels, and scikit-learn's own under short names.

scikit-learn is imported when a detector is made. Its outlier estimators are used as they are; a
classifier becomes a detector by the probability it gives to "abnormal".
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import dense, distinct, folded

__all__ = [
    "Classifier",
    "DecisionTree",
    "Forest",
    "LinearSVM",
    "LocalOutlierFactor",
    "LogisticRegression",
    "OneClassSVM",
    "isolation_forest",
]

Floats = npt.NDArray[np.float64]


def isolation_forest(trees: int = 100, random_state: int = 0) -> Any:
    """`sklearn.ensemble.IsolationForest`; its own threshold."""
    from sklearn.ensemble import IsolationForest

    return IsolationForest(n_estimators=trees, random_state=random_state)


class _Outlier(Detector):
    """An estimator whose cost grows with the square of the rows.

    It sees every different row once, of many the most frequent `rows`.
    """

    def __init__(self, rows: int = 5000) -> None:
        self.rows = rows

    def _fitted(self, rows: Any, support: npt.NDArray[np.int64]) -> Any:
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns from rows; those with `y` = 1 are left out."""
        matrix = as_csr(X)
        if y is not None:
            matrix = matrix[np.flatnonzero(np.asarray(y) == 0)]
        known = distinct(matrix)
        chosen = np.argsort(-known.support, kind="stable")[: self.rows]
        self.fold_ = folded(known.rows)
        self.estimator_ = self._fitted(dense(known.rows[chosen], self.fold_), known.support[chosen])
        self.offset_ = float(np.ravel(self.estimator_.offset_)[0])
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """As the estimator's."""
        known = distinct(as_csr(X))
        rows = dense(known.rows, self.fold_)
        found: Floats = np.asarray(self.estimator_.score_samples(rows), np.float64)
        return found[known.inverse]


class OneClassSVM(_Outlier):
    """`sklearn.svm.OneClassSVM`, different rows weighted by how often they occur."""

    def _fitted(self, rows: Any, support: npt.NDArray[np.int64]) -> Any:
        from sklearn.svm import OneClassSVM as Estimator

        return Estimator(nu=0.03).fit(rows, sample_weight=support.astype(np.float64))


class LocalOutlierFactor(_Outlier):
    """`sklearn.neighbors.LocalOutlierFactor` over different rows: equal ones have no distance."""

    def _fitted(self, rows: Any, support: npt.NDArray[np.int64]) -> Any:
        from sklearn.neighbors import LocalOutlierFactor as Estimator

        rows = np.repeat(rows, 2, axis=0) if len(rows) < 2 else rows
        return Estimator(novelty=True, n_neighbors=min(20, len(rows) - 1)).fit(rows)


class Classifier(Detector):
    """A classifier as a detector: strange is what is probably abnormal.

    Args:
        random_state: of the classifier.
    """

    supervised: ClassVar[bool] = True

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def _estimator(self) -> Any:
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns from rows with labels: 1 abnormal, 0 normal.

        Raises:
            ValueError: no labels, or all alike.
        """
        if y is None:
            raise ValueError(f"{type(self).__name__} learns from labels; none were given")
        labels = np.asarray(y).astype(np.int64)
        if len(np.unique(labels)) < 2:
            raise ValueError(
                f"{type(self).__name__} needs normal and abnormal windows to learn from; all "
                f"{len(labels):,} are {'abnormal' if len(labels) and labels[0] else 'normal'}"
            )
        matrix = as_csr(X)
        self.columns_ = matrix.shape[1]
        self.estimator_ = self._estimator().fit(matrix, labels)
        self.offset_ = -0.5
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the probability of being abnormal."""
        known = distinct(as_csr(X)[:, : self.columns_])
        if hasattr(self.estimator_, "predict_proba"):
            found = self.estimator_.predict_proba(known.rows)[:, 1]
        else:
            found = 1.0 / (
                1.0 + np.exp(-np.clip(self.estimator_.decision_function(known.rows), -500, 500))
            )
        return -np.asarray(found, np.float64)[known.inverse]


class LogisticRegression(Classifier):
    """`sklearn.linear_model.LogisticRegression`."""

    def _estimator(self) -> Any:
        from sklearn.linear_model import LogisticRegression as Estimator

        return Estimator(C=100.0, max_iter=2000, random_state=self.random_state)


class LinearSVM(Classifier):
    """`sklearn.svm.LinearSVC`."""

    def _estimator(self) -> Any:
        from sklearn.svm import LinearSVC

        return LinearSVC(max_iter=20000, random_state=self.random_state)


class DecisionTree(Classifier):
    """`sklearn.tree.DecisionTreeClassifier`."""

    def _estimator(self) -> Any:
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(random_state=self.random_state)


class Forest(Classifier):
    """`sklearn.ensemble.ExtraTreesClassifier`; every split looks at all columns.

    Random choices of columns, the usual default, make trees that miss a single telling template.
    """

    def _estimator(self) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(
            n_estimators=100, max_features=None, criterion="entropy", random_state=self.random_state
        )
