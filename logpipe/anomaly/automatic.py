"""The default: looks at the training windows and takes the detector that suits them.

| training windows | windows of a few kinds | every count varies |
|---|---|---|
| known to be good | `Nearest` | `Tails`, no training window abnormal but the very last |
| unlabelled | `Patterns` | `Tails` |

Which column applies, the windows say (`patterns.common_share`): sessions mostly are of a few kinds,
spans of time are not. The parameters are the same for every log.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.base import Detector, as_csr
from logpipe.anomaly.counts import distinct
from logpipe.anomaly.nearest import Nearest
from logpipe.anomaly.patterns import COMMON, Patterns, common_share
from logpipe.anomaly.rigid import find_rigidity
from logpipe.anomaly.tails import Tails

__all__ = ["Automatic"]


class Automatic(Detector):
    """`Nearest`, `Patterns` or `Tails`, whichever suits the training windows.

    Args:
        assume: `mixed` if there may be abnormal windows among those of training, `normal` if not.
        windows: `sessions`, `spans` (of time or lines: then it is always `Tails`), or `any`.
        share: of the windows that must have a pattern for it to be common.

    Attributes:
        detector_: the one that was taken.
        structured_: whether the training windows are of a few kinds.
    """

    def __init__(self, assume: str = "mixed", windows: str = "any", share: float = 0.02) -> None:
        self.assume = assume
        self.windows = windows
        self.share = share

    @property
    def features(self) -> str:  # type: ignore[override]
        """Spans are judged by the values in them, too: a new status code is no new template."""
        return "everything" if self.windows == "spans" else "counts"

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learns from rows; `y`, if given, says which are abnormal and are left out."""
        if self.assume not in ("mixed", "normal"):
            raise ValueError(f"assume is {self.assume!r}, expected 'mixed' or 'normal'")
        if self.windows not in ("any", "sessions", "spans"):
            raise ValueError(f"windows is {self.windows!r}, expected any, sessions or spans")
        matrix = as_csr(X)
        known_good = self.assume == "normal" or y is not None
        if y is not None:
            matrix = matrix[np.flatnonzero(np.asarray(y) == 0)]
        known = distinct(matrix)
        self.structured_ = self.windows != "spans" and (
            common_share(find_rigidity(known), known, self.share) >= COMMON
        )
        self.detector_: Detector
        if self.structured_:
            self.detector_ = Nearest() if known_good else Patterns(share=self.share)
        else:
            self.detector_ = Tails(quantile=0.995 if known_good else 0.0)
        self.detector_.fit(matrix)
        self.offset_ = self.detector_.offset_
        return self

    def adapt(self, X: Any) -> Self:  # noqa: N803
        """Takes what is common in new windows for normal, where the detector can."""
        if isinstance(self.detector_, Patterns):
            self.detector_.adapt(X)
        return self

    def score_samples(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """As the detector that was taken."""
        return self.detector_.score_samples(X)
