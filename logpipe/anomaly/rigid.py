"""Rigid columns: those whose count the rest of the window tells.

In sessions of one kind most counts hang together (three replicas are received, stored and
deleted), and a few vary freely (how often somebody read them). A column is rigid if little is open
about it once the best single other rigid column is known: its conditional entropy is small. The
values of the rigid columns are the window's *pattern*; a pattern is common if enough windows have
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import Distinct, dense, folded

__all__ = ["Rigidity", "entropy", "find_rigidity"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

OPEN = 0.1
"""Nats that may be open about a rigid column."""

PAIRED = 96
"""Columns that are compared in pairs; the most telling ones."""


def entropy(counts: npt.ArrayLike) -> float:
    """Of a distribution given as counts, in nats.

    >>> round(entropy([1, 1]), 4), entropy([5])
    (0.6931, 0.0)
    """
    found = np.asarray(counts, np.float64)
    found = found[found > 0]
    share = found / found.sum()
    return float(-(share * np.log(share)).sum()) + 0.0


@dataclass(frozen=True)
class Rigidity:
    """Which columns are rigid.

    Attributes:
        fold: int64 per column: the dense column it belongs to (`counts.dense`).
        rigid: bool per dense column.
        left_open: float64 per dense column, nats.
    """

    fold: Ints
    rigid: Bools
    left_open: Floats

    def project(self, rows: Any) -> Floats:
        """The pattern of each row: (rows, rigid columns)."""
        return dense(rows, self.fold)[:, self.rigid]


def find_rigidity(known: Distinct, left_open: float = OPEN) -> Rigidity:
    """Which columns of some windows are rigid.

    Only a column with an entropy above `left_open` needs to be looked at, and only another such
    column can tell enough about it.
    """
    fold = folded(known.rows)
    rows = dense(known.rows, fold)
    support = known.support
    codes = [np.unique(column, return_inverse=True)[1] for column in rows.T]
    alone = np.array([entropy(np.bincount(code, support)) for code in codes])
    varied = np.argsort(-alone, kind="stable")
    varied = varied[alone[varied] >= left_open][:PAIRED]
    given = {int(i): {int(j): 0.0 for j in varied if j != i} for i in varied}
    for i, others in given.items():
        for j in others:
            _, at = np.unique(codes[i] * (codes[j].max() + 1) + codes[j], return_inverse=True)
            others[j] = entropy(np.bincount(at, support)) - float(alone[j])
    open_ = alone.copy()
    rigid = np.ones(len(codes), np.bool_)
    while True:
        for i, others in given.items():
            told = [value for j, value in others.items() if rigid[j]]
            open_[i] = min([*told, float(alone[i])])
        # Two free columns may tell much about each other, so they go one after the other.
        left = np.flatnonzero(rigid & (open_ >= left_open))
        if not len(left):
            break
        rigid[left[open_[left].argmax()]] = False
    return Rigidity(fold, rigid, open_)
