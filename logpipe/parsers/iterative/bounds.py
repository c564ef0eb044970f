"""What is compared at most, and where forms have something in common.

The steps of grouping look at places: a field of a form, with the text before it and behind it.
Most places are found in one form only. These never become Python objects here: a place is a key of
64 bits in an array until a second form has it too, so that time and memory follow what can be
merged and not what was read.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from logpipe.parsers.iterative.forms import Forms

__all__ = [
    "MOST_FIELDS",
    "MOST_PLACES",
    "MOST_TEXT",
    "Piece",
    "Places",
    "repeated",
    "spans_of",
    "within_bounds",
]

MOST_FIELDS = 200
"""Fields of a form beyond which it is not compared field by field."""

MOST_PLACES = 1 << 18
"""Fields of all forms together that are compared at a time; the heaviest forms come first."""

MOST_TEXT = 1 << 23
"""Characters of the forms that are compared at a time, likewise."""

Piece = tuple[str, int, int, bool]
"""A field: its form, where it begins and ends, and whether it is the first one."""

_WORD = (1 << 64) - 1
_BASE, _BEHIND = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
_POWERS = [1]
for _ in range(2 * MOST_FIELDS + 4):
    _POWERS.append(_POWERS[-1] * _BASE & _WORD)
_POWER = np.array(_POWERS, np.uint64)


def within_bounds(forms: Forms, separators: re.Pattern[str]) -> Iterator[tuple[str, list[str]]]:
    """Forms cut into fields and what is between them, heaviest first, until there are enough.

    Args:
        forms: looked at in the order of their lines.
        separators: with one group around all of it, so that a cut form is field, separator, field,
            ..., field; the first and the last one may be empty.
    """
    fields, text = MOST_PLACES, MOST_TEXT
    for form in sorted(forms.counts, key=lambda f: (-forms.counts[f], f)):
        pieces = separators.split(form, MOST_FIELDS + 1)
        forms.work += len(form)
        text -= len(form)
        if text < 0:
            return
        if len(pieces) > 2 * MOST_FIELDS + 1:
            continue
        fields -= len(pieces) // 2 + 1
        if fields < 0:
            return
        yield form, pieces


def spans_of(pieces: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where the fields of a cut form begin and end; empty ones are none.

    >>> list(spans_of(["", "(", "a", ", ", "b"]))
    [(1, 2), (4, 5)]
    """
    at = 0
    for number, piece in enumerate(pieces):
        if number % 2 == 0 and piece:
            yield at, at + len(piece)
        at += len(piece)


def repeated(keys: array[int], least: int) -> set[int]:
    """The keys that are there so many times or more."""
    if len(keys) < least:
        return set()
    distinct, counts = np.unique(np.frombuffer(keys, np.int64), return_counts=True)
    return set(distinct[counts >= least].tolist())


class Places:
    """All fields of some forms, found by a key of 64 bits for the text before and behind them.

    A key is made of the hashes of the pieces, weighted by their place from the begin and from the
    end, so that the work is linear in the form. Keys find what to compare; whoever merges compares
    the text.
    """

    def __init__(self, forms: Iterable[tuple[str, list[str]]]) -> None:
        self._forms: list[str] = []
        hashes, lengths, counts = array("q"), array("i"), array("i")
        for form, pieces in forms:
            self._forms.append(form)
            hashes.extend(map(hash, pieces))
            lengths.extend(map(len, pieces))
            counts.append(len(pieces))
        length = np.frombuffer(lengths, np.int32).astype(np.int64)
        count = np.frombuffer(counts, np.int32).astype(np.int64)
        begin = np.repeat(np.cumsum(count) - count, count)
        own = np.repeat(np.arange(len(count)), count)
        number = np.arange(len(length)) - begin
        weight = np.frombuffer(hashes, np.int64).view(np.uint64)
        before = _sums(weight * _POWER[number], begin)
        after = weight * _POWER[count[own] - 1 - number]
        behind = np.zeros(len(after), np.uint64)
        if len(after):
            whole = np.add.reduceat(after, np.cumsum(count) - count)
            behind = whole[own] - _sums(after, begin) - after
        start = _sums(length, begin)
        empty = length[begin] == 0 if len(length) else np.zeros(0, bool)
        rows = np.flatnonzero((number % 2 == 0) & (length > 0))
        keys = (before + behind * np.uint64(_BEHIND))[rows]
        order = np.argsort(keys, kind="stable")
        rows = rows[order]
        self._keys = keys[order]
        self._form, self._start = own[rows], start[rows]
        self._end = self._start + length[rows]
        self._first = (number[rows] == 0) | ((number[rows] == 2) & empty[rows])

    def _pieces(self, low: int, high: int) -> list[Piece]:
        return [
            (self._forms[form], start, end, first)
            for form, start, end, first in zip(
                self._form[low:high].tolist(),
                self._start[low:high].tolist(),
                self._end[low:high].tolist(),
                self._first[low:high].tolist(),
                strict=True,
            )
        ]

    def shared(self) -> Iterator[tuple[int, list[Piece]]]:
        """Keys that several fields have, and the fields."""
        edges = np.flatnonzero(self._keys[1:] != self._keys[:-1]) + 1
        starts = np.concatenate([[0], edges, [len(self._keys)]])
        for run in np.flatnonzero(np.diff(starts) > 1).tolist():
            low, high = int(starts[run]), int(starts[run + 1])
            yield int(self._keys[low]), self._pieces(low, high)

    def alone(self, key: int) -> list[Piece]:
        """The field with a key that no other has, in a list; an empty one if there is none."""
        low = int(np.searchsorted(self._keys, np.uint64(key)))
        known = low < len(self._keys) and int(self._keys[low]) == key
        return self._pieces(low, low + 1) if known else []

    @staticmethod
    def of(form: str, pieces: Sequence[str]) -> Iterator[tuple[int, Piece]]:
        """The fields of one form with their keys, as above."""
        weights = [hash(piece) & _WORD for piece in pieces]
        behind = sum(w * p for w, p in zip(reversed(weights), _POWERS, strict=False))
        before = at = 0
        last = len(pieces) - 1
        for number, (piece, weight) in enumerate(zip(pieces, weights, strict=True)):
            behind -= weight * _POWERS[last - number]
            if number % 2 == 0 and piece:
                key = (before + behind * _BEHIND) & _WORD
                first = number == 0 or (number == 2 and not pieces[0])
                yield key, (form, at, at + len(piece), first)
            before += weight * _POWERS[number]
            at += len(piece)


_Number = TypeVar("_Number", np.uint64, np.int64)


def _sums(values: npt.NDArray[_Number], begin: npt.NDArray[np.int64]) -> npt.NDArray[_Number]:
    """What stands before each value, of those from `begin` on, added up; it may wrap around."""
    total: npt.NDArray[_Number] = np.cumsum(values) - values
    return total - total[begin] if len(total) else total
