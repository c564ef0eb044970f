"""Crossed slots: several places that vary at once, so that no two forms differ in one place only.

Of `now playing Blue Moon by Ella` there are a hundred lines and a hundred forms, each another song
by another singer. What tells that these are one template is the number of forms that have the same
words in the same places, that each other place holds something else nearly every time, and that
hardly a form comes back.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from logpipe.parsers.iterative.bounds import within_bounds
from logpipe.parsers.iterative.forms import FIELDS, Forms, slot
from logpipe.parsers.iterative.words import protected, sayable, state

__all__ = ["crossed"]

LEAST = 20
"""Different forms that make a template."""

VARIED = 8
"""Different values that a place must have to be a slot."""

MOST_OFTEN = 3
"""The most frequent value stands in one of so many forms, or fewer."""

SELDOM = 2
"""Lines per form, at most: messages that are always the same come back, values do not."""

WORDS = 2
"""Words that all forms must have."""

DEPTH = 8
"""How often forms are divided by what stands in a place that is no slot."""

_WORD = re.compile(r"[A-Za-z\x80-\xff]{2,}")

_Cut = tuple[str, list[str]]


def crossed(forms: Forms) -> None:
    """Many forms with the same separators and words of which every other place varies a lot."""
    cells: dict[tuple[str, ...], list[_Cut]] = defaultdict(list)
    for form, pieces in within_bounds(forms, FIELDS):
        first = next(filter(None, pieces[::2]), "")
        cells[(first, *pieces[1::2])].append((form, pieces))
    for cell in cells.values():
        for members in _divided(cell, DEPTH):
            columns = [Counter(values) for values in zip(*(m[1] for m in members), strict=True)]
            texts = [slot(c) if len(c) > 1 else next(iter(c)) for c in columns]
            lines = sum(forms.counts[form] for form, _ in members)
            words = sum(_WORD.search(text) is not None for text in texts)
            several = sum(len(c) > 1 for c in columns) > 1
            if several and words >= WORDS and lines <= SELDOM * len(members):
                forms.merge([form for form, _ in members], "".join(texts))


def _divided(members: list[_Cut], depth: int) -> Iterator[list[_Cut]]:
    """Parts of a cell in which every place is a slot or holds one value."""
    if len(members) < LEAST:
        return
    columns = [Counter(values) for values in zip(*(m[1] for m in members), strict=True)]
    choices = [i for i, column in enumerate(columns) if len(column) > 1 and not _varied(column)]
    if not choices:
        yield members
    elif depth:
        # One place at a time, the one with the fewest values: the others may vary inside.
        place = min(choices, key=lambda i: (len(columns[i]), i))
        parts: dict[str, list[_Cut]] = defaultdict(list)
        for member in members:
            parts[member[1][place]].append(member)
        for part in parts.values():
            yield from _divided(part, depth - 1)


def _varied(values: Counter[str]) -> bool:
    """Whether nearly every form has another value here, and the values are no choice."""
    if len(values) < VARIED or max(values.values()) * MOST_OFTEN > values.total():
        return False
    said = sum(protected(v) or state(v) or sayable(v) for v in values)
    return "" not in values and said * 5 <= len(values)
