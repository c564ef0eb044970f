"""What was learned, for people: examples, slots and their values, and why groups are apart.

`Statistics` is fed with batches, so that a report of a log of any size takes bounded memory; the
figures are exact up to `MOST_DISTINCT` different values of a slot, and say so beyond.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from logpipe import native
from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.parsers.iterative.apart import Apart, apart
from logpipe.parsers.iterative.mask import mark
from logpipe.parsers.iterative.mask_rules import Mask
from logpipe.template import VERBATIM, Template, TemplateTable, readable

__all__ = ["SlotReport", "Statistics", "TemplateReport", "ValueStatistics", "made"]

MOST_DISTINCT = 4096
"""Different values of a slot that are counted."""

TOP = 5
EXAMPLES = 3
_LONGEST = 200
_NUMBER = re.compile(rb"[-+]?[0-9]{1,40}(?:\.[0-9]{1,40})?")


@dataclass(frozen=True)
class ValueStatistics:
    """The values of a slot.

    Attributes:
        lines: how many values there were.
        distinct: how many different ones; at least so many if `more`.
        more: there were more than were counted.
        top: the most frequent values: text, lines, share of the lines (0 to 1).
        least, greatest: of numbers as numbers, else in the order of their bytes; as text.
    """

    lines: int
    distinct: int
    more: bool
    top: tuple[tuple[str, int, float], ...]
    least: str
    greatest: str


@dataclass(frozen=True)
class SlotReport:
    """A slot.

    Attributes:
        category: one of `categories.Category`.
        lexical_class: what the values look like; empty if none was seen.
        values: None where no lines were looked at.
    """

    category: str
    lexical_class: str
    values: ValueStatistics | None


@dataclass(frozen=True)
class TemplateReport:
    """A template.

    Attributes:
        template_id, group: as in the rows of a parse.
        template: its text.
        lines: how many lines it has; None where no lines were looked at.
        examples: some lines: source, line number, message.
        slots: one per slot.
        apart: neighbours of its group, and why they are no part of it.
    """

    template_id: int
    group: int
    template: str
    lines: int | None
    examples: tuple[tuple[str, int, str], ...]
    slots: tuple[SlotReport, ...]
    apart: tuple[Apart, ...]


@dataclass
class _Values:
    counts: Counter[bytes] = field(default_factory=Counter)
    lines: int = 0
    more: bool = False
    least: bytes | None = None
    greatest: bytes | None = None
    low: float = float("inf")
    high: float = float("-inf")
    numeric: bool = True
    low_text: bytes = b""
    high_text: bytes = b""

    def add(self, column: ByteColumn) -> None:
        for value, count in Counter(column).items():
            self.lines += count
            if value in self.counts or len(self.counts) < MOST_DISTINCT:
                self.counts[value] += count
            else:
                self.more = True
            self.least = value if self.least is None else min(self.least, value)
            self.greatest = value if self.greatest is None else max(self.greatest, value)
            if self.numeric:
                self._measure(value)

    def _measure(self, value: bytes) -> None:
        if not _NUMBER.fullmatch(value):
            self.numeric = False
            return
        number = float(value)
        if number < self.low:
            self.low, self.low_text = number, value
        if number > self.high:
            self.high, self.high_text = number, value

    def told(self) -> ValueStatistics:
        top = sorted(self.counts.items(), key=lambda v: (-v[1], v[0]))[:TOP]
        ends = (self.low_text, self.high_text) if self.numeric else (self.least, self.greatest)
        return ValueStatistics(
            lines=self.lines,
            distinct=len(self.counts),
            more=self.more,
            top=tuple((_shown(v), n, n / self.lines) for v, n in top),
            least=_shown(ends[0] or b""),
            greatest=_shown(ends[1] or b""),
        )


def _shown(value: bytes) -> str:
    return readable(value[:_LONGEST]) + ("…" if len(value) > _LONGEST else "")


class Statistics:
    """Looks at the lines of a parse; a sink that writes nothing.

    Args:
        only: template ids that are looked at; None: all.
    """

    def __init__(self, only: Collection[int] | None = None) -> None:
        self._only = None if only is None else frozenset(only)
        self._values: dict[tuple[int, int], _Values] = {}
        self._examples: dict[int, list[tuple[str, int, bytes]]] = {}
        self.lines: Counter[int] = Counter()

    def write(self, batch: ParsedBatch, source: str) -> None:
        """Takes a batch in."""
        ids, counts = np.unique(batch.template_ids, return_counts=True)
        numbers = batch.line_numbers()
        for template_id, count in zip(ids.tolist(), counts.tolist(), strict=True):
            self.lines[template_id] += count
            if self._only is not None and template_id not in self._only:
                continue
            examples = self._examples.setdefault(template_id, [])
            if len(examples) < EXAMPLES:
                rows = np.flatnonzero(batch.template_ids == template_id)[:20]
                for row in rows.tolist():
                    message = batch.messages[row]
                    if len(examples) < EXAMPLES and all(message != e[2] for e in examples):
                        examples.append((source, int(numbers[row]), message))
            if template_id != VERBATIM:
                for slot in range(batch.templates[template_id].slots):
                    own = self._values.setdefault((template_id, slot), _Values())
                    own.add(batch.column(template_id, slot))

    def finish(self) -> None:
        """Nothing was written."""

    def abort(self) -> None:
        """Nothing was written."""

    def values(self, template_id: int, slot: int) -> ValueStatistics | None:
        """Of a slot; None if it had none."""
        found = self._values.get((template_id, slot))
        return found.told() if found and found.lines else None

    def label(self, template_id: int, slot: int) -> str:
        """What the values of a slot look like."""
        found = self._values.get((template_id, slot))
        return native.classify(ByteColumn.of([*found.counts])).label if found else ""

    def some(self, template_id: int) -> list[list[bytes]]:
        """Values of each slot, the most frequent first."""
        slots = sorted(slot for t, slot in self._values if t == template_id)
        return [
            [v for v, _ in self._values[template_id, slot].counts.most_common(20)] for slot in slots
        ]

    def examples(self, template_id: int) -> tuple[tuple[str, int, str], ...]:
        """Some lines: source, line number, message."""
        return tuple((s, n, _shown(m)) for s, n, m in self._examples.get(template_id, ()))


def made(
    templates: TemplateTable,
    forms: Mapping[int, str],
    categories: Callable[[Template, Sequence[Sequence[bytes]]], Sequence[str]],
    seen: Statistics | None,
    only: Collection[int] | None = None,
) -> list[TemplateReport]:
    """The report, templates with most lines first.

    Args:
        templates: of the parse.
        forms: masked text per group; of groups without one, their template is taken.
        categories: of the slots of a template, given some values of each.
        seen: what the lines held; None: no lines are at hand.
        only: template ids to report; None: all.
    """
    groups = {t.group: _form(t) for t in reversed(list(templates)) if t.group} | dict(forms)
    lines: Counter[int] = Counter()
    for template in templates:
        lines[template.group] += seen.lines[template.id] if seen else 0
    if seen is not None:
        groups = {group: form for group, form in groups.items() if lines[group]}
    neighbours = apart(groups, lines)
    found = []
    for template in templates:
        if template.id == VERBATIM or (only is not None and template.id not in only):
            continue
        if seen is not None and not seen.lines[template.id]:
            continue
        some = seen.some(template.id) if seen else []
        names = categories(template, some)
        slots = []
        for number, category in enumerate(names):
            known = template.type_labels[number] if template.types else ""
            label = known or (seen.label(template.id, number) if seen else "")
            values = seen.values(template.id, number) if seen else None
            slots.append(SlotReport(str(category), label, values))
        found.append(
            TemplateReport(
                template_id=template.id,
                group=template.group,
                template=template.text(),
                lines=seen.lines[template.id] if seen else None,
                examples=seen.examples(template.id) if seen else (),
                slots=tuple(slots),
                apart=tuple(neighbours.get(template.group, ())),
            )
        )
    return sorted(found, key=lambda r: (-(r.lines or 0), r.template_id))


def _form(template: Template) -> str:
    literals = [literal.decode("latin-1") for literal in template.literals]
    return mark(Mask.FIELD).join(literals)
