"""The detector contract: scikit-learn's outlier estimators, over counts.

`fit(X)` learns, `score_samples(X)` says how normal each row is (lower is stranger), `predict(X)`
gives +1 or -1, and `offset_` is the score below which a row is abnormal; it comes from training
data alone. So an estimator of scikit-learn is a detector as it stands. What logpipe adds is
optional: `features` says what the columns are, `supervised` that `fit` needs labels, `adapt` that
a fitted detector can take what is common now for normal.

>>> import numpy as np
>>> class TooLong(Detector):
...     '''Windows longer than any in training.'''
...     def fit(self, X, y=None):
...         self.offset_ = -float(as_csr(X).sum(axis=1).max())
...         return self
...     def score_samples(self, X):
...         return -np.asarray(as_csr(X).sum(axis=1), float)
>>> TooLong().fit([[1, 1], [2, 0]]).predict([[0, 1], [2, 2]]).tolist()
[1, -1]
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import as_csr

__all__ = ["FEATURES", "Detector", "as_csr", "features_of", "strangeness"]

Floats = npt.NDArray[np.float64]

FEATURES = ("counts", "pairs", "triples", "values", "everything")
"""What columns may be: groups, runs of two or three groups in line order, values of slots, or
groups and values."""


class Detector(ABC):
    """Base of logpipe's own detectors.

    The constructor only stores its parameters under their own names; whatever is learned ends in
    `_`. Scores do not depend on the order of rows unless the class says so.

    Attributes:
        features: one of `FEATURES`.
        supervised: whether `fit` needs `y`: 1 for abnormal rows, 0 for normal ones.
        offset_: after fitting: rows with a lower score are abnormal.
    """

    features: ClassVar[str] = "counts"
    supervised: ClassVar[bool] = False
    offset_: float

    @abstractmethod
    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns from rows of counts, (windows, columns)."""

    @abstractmethod
    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """float64 per row; lower is stranger."""

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """float64 per row; negative where it is abnormal."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> npt.NDArray[np.int64]:  # noqa: N803
        """int64 per row: -1 where it is abnormal, else +1."""
        return np.where(self.decision_function(X) < 0, -1, 1).astype(np.int64)

    def fit_predict(self, X: Any, y: Any = None) -> npt.NDArray[np.int64]:  # noqa: N803
        """`fit` and `predict` of the same rows."""
        return self.fit(X, y).predict(X)

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """The constructor's parameters."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **parameters: object) -> Self:
        """Sets constructor parameters."""
        for name, value in parameters.items():
            setattr(self, name, value)
        return self


def features_of(detector: object) -> str:
    """What columns a detector wants; counts, if it does not say."""
    return str(getattr(detector, "features", "counts"))


def strangeness(detector: Any, matrix: Any) -> Floats:
    """Scores on one scale for all detectors: float64 per row, above 1 means abnormal.

    What `score_samples` calls normal is between 0 and 1 for detectors whose scores are at most 0;
    others are moved so that their offset is 1 and stretched by the spread of the scores given.
    """
    scores = np.asarray(detector.score_samples(matrix), np.float64)
    offset = float(detector.offset_)
    if len(scores) and scores.max() <= 0 and offset < 0:
        return scores / offset
    spread = float(scores.std()) or 1.0
    return 1.0 + (offset - scores) / spread
