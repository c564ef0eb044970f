"""Why a window is abnormal: what differs from the nearest normal one.

It works for every detector, because it only asks which windows were called normal: the nearest of
them is found as `nearest` does, and the columns that differ are named, the telling ones first. What
no normal window has at all comes before what is only more or less. Where every count varies,
`tails` says which counts are surprising, and expected is what is usual.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import Distinct, dense, distinct
from logpipe.anomaly.nearest import Neighbours
from logpipe.anomaly.rigid import find_rigidity
from logpipe.anomaly.tails import Tails

__all__ = ["Difference", "Explainer", "Explanation", "pattern_id"]

Ints = npt.NDArray[np.int64]

TELLING = 1.0
"""Nats of surprise below which a count is not named, where every count varies."""

NAMED = 8
"""Columns that a pattern is made of, at most."""


@dataclass(frozen=True)
class Difference:
    """One column that differs.

    Attributes:
        column: its index.
        seen: its count in the window.
        expected: its count in the nearest normal window.
        new: whether no normal window has it.
        weight: how much it tells, in spreads.
    """

    column: int
    seen: int
    expected: int
    new: bool
    weight: float

    @property
    def change(self) -> str:
        """`new`, `more`, `fewer` or `missing`."""
        if self.new:
            return "new"
        if self.seen == 0:
            return "missing"
        return "more" if self.seen > self.expected else "fewer"


@dataclass(frozen=True)
class Explanation:
    """What differs.

    Attributes:
        nearest: index of the nearest normal window, -1 if there is none.
        differences: the most telling first; empty if the counts are those of a normal window.
        pattern: a key that windows share which are abnormal in the same way: (column, what)
            pairs; the counts of rigid columns, or where every count varies what differs.
    """

    nearest: int
    differences: tuple[Difference, ...]
    pattern: tuple[tuple[int, str], ...]


class Explainer:
    """Compares windows with normal ones.

    Args:
        normal: rows of counts of the normal windows.
        index: int64 per row: which window it is, for `Explanation.nearest`.
        exact: whether counts are the same from window to window, so that a pattern holds the
            exact ones; else only the direction of differences counts.
    """

    def __init__(self, normal: Any, index: Ints, *, exact: bool) -> None:
        self._known: Distinct = distinct(normal)
        self._neighbours = Neighbours(self._known, repeats=False)
        self._rigidity = find_rigidity(self._known)
        self._index = index
        self._exact = exact
        self._tails = None if exact else Tails().fit(normal)
        self._present = np.bincount(normal.indices, minlength=normal.shape[1]) > 0

    def explain(self, rows: Any) -> list[Explanation]:
        """What differs in each row of a `csr_array`."""
        _, places = self._neighbours.query(rows)
        return [self._explain(rows[[i]], place) for i, place in enumerate(places.tolist())]

    def _explain(self, row: Any, place: int) -> Explanation:
        seen = dict(zip(row.indices.tolist(), row.data.astype(int).tolist(), strict=True))
        expected: dict[int, int] = {}
        nearest = -1
        if place >= 0:
            known = self._known.rows[[place]]
            nearest = int(self._index[self._known.first[place]])
            expected = dict(
                zip(known.indices.tolist(), known.data.astype(int).tolist(), strict=True)
            )
        found = []
        surprise, usual = self._surprise(row)
        for column in sorted({*seen, *expected, *usual}):
            have, want = seen.get(column, 0), expected.get(column, 0)
            if surprise is not None:
                want = usual.get(column, 0)
            if have == want:
                continue
            new = column >= len(self._present) or not self._present[column]
            if surprise is None:
                weight = self._weight(column) * abs(have - want)
            else:
                weight = surprise.get(column, 0.0)
                if weight < TELLING and not new:
                    continue
            found.append(Difference(column, have, want, new, weight))
        found.sort(key=lambda d: (not d.new, -d.weight, d.column))
        return Explanation(nearest, tuple(found), self._pattern(found, seen))

    def _surprise(self, row: Any) -> tuple[dict[int, float] | None, dict[int, int]]:
        """Nats per column, and the usual counts, where every count varies."""
        if self._tails is None:
            return None, {}
        fold = self._tails.fold_
        nats = self._tails.columns_surprise(np.log1p(dense(row, fold)))[0]
        middle = np.expm1(self._tails.middle_)
        own = np.bincount(fold, minlength=len(nats))[fold] == 1  # not where columns are added up
        columns = np.flatnonzero((nats[fold] > 0) & own)
        return (
            {int(c): float(nats[fold[c]]) for c in columns},
            {int(c): round(float(middle[fold[c]])) for c in columns},
        )

    def _weight(self, column: int) -> float:
        fold = self._neighbours.fold
        if column >= len(fold):
            return 1e6
        return float(self._neighbours.weights[fold[column]])

    def _is_rigid(self, column: int) -> bool:
        fold = self._rigidity.fold
        return column >= len(fold) or bool(self._rigidity.rigid[fold[column]])

    def _pattern(
        self, found: Sequence[Difference], seen: dict[int, int]
    ) -> tuple[tuple[int, str], ...]:
        if self._exact:
            # Not the differences: two extra lines mean one thing in a session that is over, and
            # another one in a session that goes on.
            return tuple(sorted((c, str(n)) for c, n in seen.items() if self._is_rigid(c)))
        new = [d for d in found if d.new]
        chosen = new[:NAMED] or found[:3]
        return tuple(sorted((d.column, d.change) for d in chosen))


def pattern_id(pattern: Sequence[tuple[int, str]], columns: Sequence[str]) -> str:
    """Eight hex digits that are the same in every run for the same differences.

    Args:
        pattern: as in `Explanation`.
        columns: the text of each column; ids do not depend on how columns are numbered.
    """
    parts = sorted(f"{columns[column]}\0{what}" for column, what in pattern)
    return hashlib.sha256("\1".join(parts).encode("utf-8", "replace")).hexdigest()[:8]
