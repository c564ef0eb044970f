"""Variable-aware abstraction: values of some categories stay in the template text.

A person who follows sessions wants their ids in the templates and everything else abstracted.
Each value of a kept slot then makes a template of its own, more literal than the one with the slot,
so that the matcher prefers it and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from logpipe.batch import ByteColumn
from logpipe.native import Matcher
from logpipe.parsers.iterative.categories import Category, categorise
from logpipe.parsers.iterative.templates import Shape
from logpipe.template import VERBATIM, SlotKind, Template, TemplateTable, readable

__all__ = ["MOST", "SlotCategories", "categories_of", "categories_of_values", "kept"]

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


def categories_of_values(
    template: Template, values: Sequence[Sequence[bytes]]
) -> tuple[Category, ...]:
    """The category of each slot of a template.

    Args:
        template: any parser's.
        values: some of each slot; may be empty or missing.
    """
    literals = [readable(literal) for literal in template.literals]
    texts = [[value.decode("latin-1") for value in own[:_EXAMPLES]] for own in values]
    texts += [[] for _ in range(template.slots - len(texts))]
    return tuple(
        categorise("<*>".join(literals[: slot + 1]), "<*>".join(literals[slot + 1 :]), texts[slot])
        for slot in range(template.slots)
    )


class SlotCategories(Mapping[int, tuple[str, ...]]):
    """Template id -> the category of each slot, worked out when asked for.

    Args:
        templates: of a parse.
        examples: some values of each slot of a template id.
    """

    def __init__(
        self, templates: TemplateTable, examples: Callable[[int], Sequence[Sequence[bytes]]]
    ) -> None:
        self._templates = templates
        self._examples = examples
        self._known: dict[int, tuple[str, ...]] = {}

    def __getitem__(self, template_id: int) -> tuple[str, ...]:
        if template_id not in self._known:
            if not 0 <= template_id < len(self._templates):
                raise KeyError(template_id)
            found: tuple[str, ...] = ("OTP",)
            if template_id != VERBATIM:
                own = self._templates[template_id]
                found = tuple(map(str, categories_of_values(own, self._examples(template_id))))
            self._known[template_id] = found
        return self._known[template_id]

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._templates)))

    def __len__(self) -> int:
        return len(self._templates)


def _values(shape: Shape, messages: Sequence[bytes]) -> list[list[bytes]]:
    if not shape[1] or not messages:
        return []
    batch = Matcher([Template(0, 1, *shape)]).match_messages(ByteColumn.of(messages))
    columns = [batch.column(1, slot) for slot in range(len(shape[1]))]
    return [list(row) for row in zip(*columns, strict=True)]


def _categories(shape: Shape, rows: Sequence[Sequence[bytes]]) -> list[Category]:
    columns = list(zip(*rows, strict=True)) if rows else []
    return list(categories_of_values(Template(0, 1, *shape), columns))


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
