"""Variable-aware abstraction: values of some categories stay in the template text.

A person who follows sessions wants their ids in the templates and everything else abstracted.
Each value of a kept slot then makes a template of its own, more literal than the one with the slot,
so that the matcher prefers it and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from logpipe.batch import ByteColumn
from logpipe.native import Matcher
from logpipe.parsers.iterative.categories import Category, categorise
from logpipe.parsers.iterative.templates import Shape
from logpipe.template import SlotKind, Template, readable

__all__ = ["MOST", "categories_of", "kept"]

MOST = 1000
"""Values, or combinations of values, of a template that are kept; the rest is abstracted."""

_EXAMPLES = 20


def categories_of(shape: Shape, messages: Sequence[bytes]) -> list[Category]:
    """The category of each slot of a template, from messages that it fits."""
    return _categories(shape, _values(shape, messages[:_EXAMPLES]))


def kept(
    shape: Shape, messages: Sequence[bytes], categories: Collection[Category]
) -> Iterator[Shape]:
    """The templates with the values of kept slots as text, each once.

    Args:
        shape: literals and kinds.
        messages: that it fits.
        categories: whose values stay.
    """
    rows = _values(shape, messages)
    stays = [category in categories for category in _categories(shape, rows[:_EXAMPLES])]
    if not any(stays):
        return
    seen: set[tuple[bytes, ...]] = set()
    for row in rows:
        own = tuple(value for value, stay in zip(row, stays, strict=True) if stay)
        if own in seen or len(seen) >= MOST:
            continue
        seen.add(own)
        yield _with_values(shape, row, stays)


def _values(shape: Shape, messages: Sequence[bytes]) -> list[list[bytes]]:
    if not shape[1] or not messages:
        return []
    batch = Matcher([Template(0, 1, *shape)]).match_messages(ByteColumn.of(messages))
    columns = [batch.column(1, slot) for slot in range(len(shape[1]))]
    return [list(row) for row in zip(*columns, strict=True)]


def _categories(shape: Shape, rows: Sequence[Sequence[bytes]]) -> list[Category]:
    literals = [readable(literal) for literal in shape[0]]
    return [
        categorise(
            "<*>".join(literals[: slot + 1]),
            "<*>".join(literals[slot + 1 :]),
            [row[slot].decode("latin-1") for row in rows],
        )
        for slot in range(len(shape[1]))
    ]


def _with_values(shape: Shape, row: Sequence[bytes], stays: Sequence[bool]) -> Shape:
    literals = [shape[0][0]]
    kinds: list[SlotKind] = []
    for kind, value, stay, literal in zip(shape[1], row, stays, shape[0][1:], strict=True):
        if stay:
            literals[-1] += value + literal
        else:
            kinds.append(kind)
            literals.append(literal)
    return tuple(literals), tuple(kinds)
