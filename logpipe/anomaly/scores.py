"""F1, and what has to stand beside it to mean anything.

The ceiling is the best F1 that anybody could reach who sees counts only: windows with equal counts
get equal answers. Flagging everything reaches `2p / (1 + p)` at a prevalence p. Where the two are
close, a figure says nothing, and `refuse` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import as_csr, row_hashes

__all__ = ["Score", "average_precision", "ceiling", "flag_everything", "refuse", "score"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """What is known about an answer; rates are shares from 0 to 1.

    Attributes:
        windows: how many were judged.
        prevalence: share that is abnormal.
        flagged: share that was called abnormal.
        precision, recall, f1: of the verdicts.
        average_precision: of the ranking; independent of any threshold.
        false_positive_rate: share of the normal ones that was called abnormal.
    """

    windows: float
    prevalence: float
    flagged: float
    precision: float
    recall: float
    f1: float
    average_precision: float
    false_positive_rate: float


def score(
    truth: npt.ArrayLike,
    flagged: npt.ArrayLike,
    strangeness: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
) -> Score:
    """Scores verdicts and ranking.

    Args:
        truth: 1 for abnormal windows, 0 for normal ones.
        flagged: what was called abnormal.
        strangeness: higher is stranger.
        weights: how many windows each stands for, where a data set has to be re-weighted to the
            true prevalence.

    >>> found = score([1, 0, 0, 1], [1, 1, 0, 0], [4, 3, 1, 2])
    >>> found.precision, found.recall, found.f1, round(found.average_precision, 4)
    (0.5, 0.5, 0.5, 0.8333)
    """
    y = np.asarray(truth).astype(np.bool_)
    p = np.asarray(flagged).astype(np.bool_)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    total, abnormal, called = float(w.sum()), float(w[y].sum()), float(w[p].sum())
    hit = float(w[y & p].sum())
    normal = total - abnormal
    return Score(
        windows=total,
        prevalence=_share(abnormal, total),
        flagged=_share(called, total),
        precision=_share(hit, called),
        recall=_share(hit, abnormal),
        f1=_share(2 * hit, abnormal + called),
        average_precision=average_precision(y, np.asarray(strangeness, np.float64), w),
        false_positive_rate=_share(called - hit, normal),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def average_precision(
    truth: npt.NDArray[np.bool_], strangeness: Floats, weights: Floats | None = None
) -> float:
    """The mean precision at each abnormal window, ties counted together (as scikit-learn does).

    0 if nothing is abnormal.
    """
    w = np.ones(len(truth)) if weights is None else weights
    order = np.argsort(-strangeness, kind="stable")
    ranked, hits, all_ = strangeness[order], (w * truth)[order], w[order]
    if not hits.sum():
        return 0.0
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    found, seen = np.cumsum(hits)[last], np.cumsum(all_)[last]
    gained = np.diff(found, prepend=0.0)
    return float((gained * found / np.maximum(seen, 1e-300)).sum() / hits.sum())


def flag_everything(prevalence: float) -> float:
    """F1 of calling everything abnormal."""
    return 2 * prevalence / (1 + prevalence) if prevalence > 0 else 0.0


def ceiling(matrix: Any, truth: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """The best F1 of any answer that depends on a window's counts only, chosen with the labels."""
    y = np.asarray(truth, np.float64)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    _, at = np.unique(row_hashes(as_csr(matrix)), return_inverse=True)
    whole, bad = np.bincount(at, w), np.bincount(at, w * y)
    order = np.argsort(-bad / np.maximum(whole, 1e-300), kind="stable")
    hit, called = np.cumsum(bad[order]), np.cumsum(whole[order])
    return float((2 * hit / np.maximum(called + bad.sum(), 1e-300)).max(initial=0.0))


def refuse(ceiling_f1: float, everything_f1: float, *, room: float = 0.75) -> str | None:
    """Why no F1 should be reported, or None.

    Between flagging everything and a perfect 1 there is some room; the ceiling must reach at least
    this share of it.
    """
    if ceiling_f1 - everything_f1 >= room * (1.0 - everything_f1):
        return None
    return (
        f"the best any detector could reach with the labels in hand is {ceiling_f1:.3f}, and "
        f"flagging everything gives {everything_f1:.3f}: the labels do not follow from what is "
        f"in the windows"
    )
