"""Drift: what many windows have all of a sudden is one piece of news, not thousands of alarms.

A pattern, or a template, is drift if hardly any window has it before some point and many have it
from there on, or the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Drift", "change_point", "find_drift"]

Bools = npt.NDArray[np.bool_]

BEFORE = 0.02
"""Share of windows that may have it on the quiet side."""

AFTER = 0.2
"""Share of windows that must have it on the other side."""

SIDE = 0.05
"""Share of all windows that each side must have; and it must have `LEAST` windows."""

LEAST = 20

CERTAIN = 20.0
"""Nats that the change must explain better than no change."""


@dataclass(frozen=True)
class Drift:
    """Something came, or went.

    Attributes:
        what: index of the pattern or column.
        window: index of the first window after the change.
        before, after: share of windows that have it on either side.
    """

    what: int
    window: int
    before: float
    after: float


def change_point(has: Bools) -> tuple[int, float, float]:
    """Where the shares before and after differ most: (first window after it, before, after).

    Three zeros if there is no change, or too little to be sure of one.
    """
    n = len(has)
    sums = np.concatenate([[0], np.cumsum(has)])
    least = max(LEAST, int(SIDE * n))
    at = np.arange(least, n - least + 1)
    if not len(at):
        return 0, 0.0, 0.0
    before = sums[at] / at
    after = (sums[-1] - sums[at]) / (n - at)
    # Likelihood rather than the plain difference: else the best point is always near an end.
    gain = at * _certainty(before) + (n - at) * _certainty(after)
    best = int(gain.argmax())
    whole = float(n * _certainty(np.array([sums[-1] / n]))[0])
    if gain[best] - whole < CERTAIN:
        return 0, 0.0, 0.0
    return int(at[best]), float(before[best]), float(after[best])


def _certainty(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    clipped = np.clip(share, 1e-12, 1 - 1e-12)
    found: npt.NDArray[np.float64] = share * np.log(clipped) + (1 - share) * np.log(1 - clipped)
    return found


def find_drift(has: list[Bools]) -> list[Drift]:
    """What came or went, of several things that windows have or not, the largest change first.

    Args:
        has: per thing: bool per window, in order.
    """
    found = []
    for what, column in enumerate(has):
        window, before, after = change_point(column)
        low, high = min(before, after), max(before, after)
        if low <= BEFORE and high >= AFTER:
            found.append(Drift(what, window, before, after))
    return sorted(found, key=lambda d: -abs(d.after - d.before))
