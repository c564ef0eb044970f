"""Detectors that learn from labels, and scikit-learn's own under short names.

scikit-learn is imported when a detector is made. Its outlier estimators are used as they are; a
classifier becomes a detector by the probability it gives to "abnormal".
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import Distinct, distinct

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
    """An estimator whose cost grows with the square of the rows: it sees at most `rows` of them."""

    def __init__(self, rows: int = 5000, random_state: int = 0) -> None:
        self.rows = rows
        self.random_state = random_state

    def _estimator(self) -> Any:
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns from rows, a sample of them if there are too many; `y` = 1 are left out."""
        matrix = as_csr(X)
        if y is not None:
            matrix = matrix[np.flatnonzero(np.asarray(y) == 0)]
        if matrix.shape[0] > self.rows:
            chosen = np.random.default_rng(self.random_state).permutation(matrix.shape[0])
            matrix = matrix[np.sort(chosen[: self.rows])]
        self.columns_ = matrix.shape[1]
        self.estimator_ = self._estimator().fit(matrix)
        self.offset_ = float(np.ravel(self.estimator_.offset_)[0])
        return self

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """As the estimator's."""
        known: Distinct = distinct(as_csr(X)[:, : self.columns_])
        found: Floats = np.asarray(self.estimator_.score_samples(known.rows), np.float64)
        return found[known.inverse]


class OneClassSVM(_Outlier):
    """`sklearn.svm.OneClassSVM` over at most 5000 rows."""

    def _estimator(self) -> Any:
        from sklearn.svm import OneClassSVM as Estimator

        return Estimator(nu=0.03)


class LocalOutlierFactor(_Outlier):
    """`sklearn.neighbors.LocalOutlierFactor` over at most 5000 rows."""

    def _estimator(self) -> Any:
        from sklearn.neighbors import LocalOutlierFactor as Estimator

        return Estimator(novelty=True)


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
