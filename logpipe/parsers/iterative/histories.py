"""Histories: what a place holds elsewhere says what it holds here.

A place with three words could be a choice or a variable. If the same words stand in one place of
other messages, too, they are names: `session opened for user amy` and `session closed for user amy`
vary in the same way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice

from logpipe.parsers.iterative.bounds import Piece, Places, within_bounds
from logpipe.parsers.iterative.forms import FIELDS, Forms, hollow, slot
from logpipe.parsers.iterative.mask import MARKS
from logpipe.parsers.iterative.words import protected, sayable, state

__all__ = ["recurring"]

RECURRING = 3
"""Words that two places must share to be of one variable."""

MOST_SHARED = 64
"""Places with one word in common that are compared."""


def _name(word: str) -> bool:
    return not (protected(word) or state(word) or sayable(word) or word[0] in MARKS)


def recurring(forms: Forms) -> None:
    """Places, not the first one, that share three words or more with another place."""
    places: list[tuple[list[Piece], set[str]]] = []
    by_word: dict[str, list[int]] = defaultdict(list)
    for _, pieces in Places(within_bounds(forms, FIELDS)).shared():
        if any(first for *_, first in pieces):
            continue
        words = {form[a:b] for form, a, b, _ in pieces}
        if len(words) < RECURRING or not all(map(_name, words)):
            continue
        for word in words:
            by_word[word].append(len(places))
        places.append((pieces, words))
    for number, (pieces, words) in enumerate(places):
        shared: Counter[int] = Counter()
        for word in sorted(words):
            shared.update(islice(by_word[word], MOST_SHARED))
        del shared[number]
        if not shared or max(shared.values()) < RECURRING:
            continue
        form, start, end, _ = pieces[0]
        before, after = form[:start], form[end:]
        olds = [
            f for f, a, b, _ in pieces if f in forms.counts and f[:a] == before and f[b:] == after
        ]
        if len(olds) > 1 and not hollow(words):
            forms.merge(olds, before + slot(words) + after)
