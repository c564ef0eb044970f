"""Values of slots as columns: what a window's variables are, as counts.

A slot with few different values has a column per value; a numeric one has a column per power of
two, so that a value out of its usual range is in a column that training did not have. With such
columns novelty of values is what novelty of templates is with counts.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.trivial import RareColumn

__all__ = ["VOCABULARY", "ValueNovelty", "magnitudes"]

VOCABULARY = 64
"""Different values up to which a slot is said to have a vocabulary."""


def magnitudes(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """int64 per number: 0 for 0, else sign and power of two; equal for numbers of like size.

    >>> magnitudes(np.array([0.0, 1.0, 1.9, 2.0, -2.0, 1024.0])).tolist()
    [0, 1001, 1001, 1002, -1002, 1011]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.floor(np.log2(np.abs(values))) + 1001
    power = np.nan_to_num(np.clip(power, 1, 3000), nan=0.0)
    return np.where(values == 0, 0, np.sign(values) * power).astype(np.int64)


class ValueNovelty(RareColumn):
    """Windows in which a slot has a value, or a size of number, that training did not have."""

    features: ClassVar[str] = "values"
