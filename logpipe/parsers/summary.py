"""What is remembered of every template while lines go by: counts, places, examples, types."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from logpipe import native
from logpipe.batch import ByteColumn, ParsedBatch, Shape
from logpipe.template import VERBATIM, LexicalClass, Template, TemplateTable

__all__ = ["Summary"]

EXAMPLES = 3
"""Distinct values kept per slot."""

_EXAMPLE_BYTES = 200

_LOOKS = 16
"""Lines of a template that are looked at for examples."""


class Summary:
    """Counts, first and last lines, example values and lexical classes, per template id.

    Attributes:
        lines, bytes: everything seen.
        headerless: lines that do not have the header of the layout.
        counts, first_line, last_line: int64 per template id; line numbers are 0 before one is seen.
        shapes: of the headers, as keys, in the order in which an output numbers them.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.bytes = 0
        self.headerless = 0
        self.counts = np.zeros(1, np.int64)
        self.first_line = np.zeros(1, np.int64)
        self.last_line = np.zeros(1, np.int64)
        self.shapes: dict[Shape, None] = {}
        self._examples: dict[int, list[list[bytes]]] = {}
        # Types of carried templates; of those that were looked at, `_classes` has them.
        self._types: dict[int, list[LexicalClass]] = {}
        # Per template id: slots, place of the first in `_classes`, lines looked at for examples.
        self._slots = np.zeros(0, np.int64)
        self._places = np.zeros(0, np.int64)
        self._looked = np.zeros(0, np.int64)
        self._classes = np.zeros(0, np.uint8)

    def grow(self, templates: int) -> None:
        """Makes room for template ids below `templates`."""
        for name in ("counts", "first_line", "last_line"):
            array = getattr(self, name)
            if len(array) < templates:
                setattr(self, name, np.concatenate([array, np.zeros(templates - len(array), int)]))

    def count(self, ids: npt.NDArray[np.uint32], first_line: int, size: int) -> None:
        """Counts consecutive lines.

        Args:
            ids: template id per line.
            first_line: number of the first of them.
            size: their bytes.
        """
        self.lines += len(ids)
        self.bytes += size
        if len(ids) == 0:
            return
        self.grow(int(ids.max()) + 1)
        self.counts += np.bincount(ids, minlength=len(self.counts))
        numbers = np.arange(first_line, first_line + len(ids))
        first = np.zeros_like(self.first_line)
        # The last assignment wins, so that going backwards leaves the first line.
        first[ids[::-1]] = numbers[::-1]
        self.first_line = np.where(self.first_line == 0, first, self.first_line)
        self.last_line[ids] = numbers

    def count_headers(self, batch: ParsedBatch) -> None:
        """Counts the lines of a batch that have no header although its layout has one."""
        counts = np.bincount(batch.shape_ids, minlength=1)
        if batch.field_names:
            self.headerless += int(counts[0])
        self.shapes.update((batch.shapes[i], None) for i in np.flatnonzero(counts).tolist())

    def look_at(self, batch: ParsedBatch) -> None:
        """Takes examples and types from the values of a batch.

        Columns go to the native core all at once: a chunk may have thousands, and a call for each
        would cost more than all the rest of a pass.
        """
        self._know(batch.templates)
        lines = np.bincount(batch.template_ids, minlength=len(self._slots))
        ids = np.flatnonzero(lines)
        slots, lines = self._slots[ids], lines[ids]
        first = np.concatenate([[0], np.cumsum(slots * lines)])[:-1]
        of = np.repeat(np.arange(len(ids)), slots)
        number = np.arange(len(of)) - np.repeat(np.cumsum(slots) - slots, slots)
        starts = first[of] + number * lines[of]
        place = self._places[ids[of]] + number
        todo = np.flatnonzero((self._classes[place] != LexicalClass.TEXT) & (ids[of] != VERBATIM))
        place = place[todo]
        found = native.classify_columns(batch.values, starts[todo], (starts + lines[of])[todo])
        self._classes[place] = _joins()[self._classes[place], found]
        fresh = (self._looked[ids] < _LOOKS) & (slots > 0) & (ids != VERBATIM)
        for at in np.flatnonzero(fresh).tolist():
            self._take_examples(batch, int(ids[at]), int(first[at]), int(lines[at]))

    def _know(self, templates: TemplateTable) -> None:
        """Makes room for the slots of new templates."""
        known = len(self._slots)
        if known < len(templates):
            new = [templates[i].slots for i in range(known, len(templates))]
            self._slots = np.concatenate([self._slots, np.array(new, np.int64)])
            ends = np.cumsum(self._slots)
            self._places = ends - self._slots
            more = np.zeros(int(ends[-1]) - len(self._classes), np.uint8)
            self._classes = np.concatenate([self._classes, more])
            self._looked = np.concatenate([self._looked, np.zeros(len(new), np.int64)])

    def _take_examples(self, batch: ParsedBatch, template_id: int, first: int, lines: int) -> None:
        """Keeps distinct values of the first lines of a template, wherever batches end."""
        slots = int(self._slots[template_id])
        examples = self._examples.setdefault(template_id, [[] for _ in range(slots)])
        look = min(lines, _LOOKS - int(self._looked[template_id]))
        self._looked[template_id] += look
        for slot in range(slots):
            for i in range(first + slot * lines, first + slot * lines + look):
                value = batch.values[i][:_EXAMPLE_BYTES]
                if len(examples[slot]) < EXAMPLES and value not in examples[slot]:
                    examples[slot].append(value)

    def examples(self, template_id: int) -> list[list[bytes]]:
        """Some values of each slot."""
        return self._examples.get(template_id, [])

    def types(self, template_id: int) -> list[LexicalClass]:
        """The least lexical class of each slot that holds all its values.

        After `carried_over`, a slot that joins values and the text around them is judged by a few
        examples of the lines that came before it was one.
        """
        if template_id in self._types:
            return self._types[template_id]
        if template_id >= len(self._looked) or not self._looked[template_id]:
            return []
        first = int(self._places[template_id])
        own = self._classes[first : first + int(self._slots[template_id])]
        return [LexicalClass(code) for code in own.tolist()]

    def carried_over(
        self,
        before: TemplateTable,
        table: TemplateTable,
        mapping: npt.NDArray[np.uint32],
        delimiters: bytes = b"",
    ) -> Summary:
        """The same for what the templates have become.

        Args:
            before: the templates counted so far.
            table: the final templates; their types are set.
            mapping: final id per id in `before`.
            delimiters: what ends a TOKEN slot besides white space.
        """
        new = Summary()
        new.lines, new.bytes, new.headerless = self.lines, self.bytes, self.headerless
        new.shapes = self.shapes
        new.grow(len(table))
        self.grow(len(mapping))
        used = np.flatnonzero(self.counts)
        target = mapping[used]
        np.add.at(new.counts, target, self.counts[used])
        new.first_line[:] = np.iinfo(np.int64).max
        np.minimum.at(new.first_line, target, self.first_line[used])
        new.first_line[new.counts == 0] = 0
        np.maximum.at(new.last_line, target, self.last_line[used])
        forms = native.Programs(table, delimiters)
        for old in used.tolist():
            self._carry(old, new, int(mapping[old]), before, forms)
        for template_id, types in new._types.items():
            table.set_types(template_id, types)
        return new

    def _carry(
        self,
        old: int,
        new: Summary,
        target: int,
        before: TemplateTable,
        forms: native.Programs,
    ) -> None:
        """Adds what is known of an old template's slots to those of the one it became."""
        slots = forms.templates[target].slots
        if slots == 0 or target == 0:
            return
        examples = new._examples.setdefault(target, [[] for _ in range(slots)])
        types = new._types.setdefault(target, [LexicalClass.EMPTY] * slots)
        known = self.examples(old)
        if len(known) < before[old].slots:
            return
        # A slot that is new holds, for these lines, one and the same text, or one made of old
        # values; example lines tell which, and what it looks like.
        for number in range(max(map(len, known), default=0) or 1):
            row = [v[min(number, len(v) - 1)] if v else b"" for v in known]
            values = forms.variables(before[old].render(row), target)
            if values is None:
                return
            sources = {place: i for i, place in reversed([*enumerate(_places(before[old], row))])}
            composed = False
            for slot, place in enumerate(_places(forms.templates[target], values)):
                source = sources.get(place)
                composed |= source is None
                if source is None:
                    found, seen = _class_of(values[slot]), [values[slot]]
                else:
                    found, seen = self.types(old)[source], known[source]
                if types[slot] is not found:
                    types[slot] = native.join_classes(types[slot], found)
                for value in seen:
                    if len(examples[slot]) < EXAMPLES and value not in examples[slot]:
                        examples[slot].append(value)
            if not composed:
                return


@lru_cache(1 << 14)
def _class_of(value: bytes) -> LexicalClass:
    return native.classify(ByteColumn.of([value]))


def _places(template: Template, values: list[bytes]) -> list[tuple[int, int]]:
    """Where each value lies in the rendered message."""
    places, at = [], 0
    for literal, value in zip(template.literals, values, strict=False):
        at += len(literal)
        places.append((at, at + len(value)))
        at += len(value)
    return places


@cache
def _joins() -> npt.NDArray[np.uint8]:
    """The least class that holds the values of two classes, by their numbers."""
    size = max(LexicalClass) + 1
    return np.array(
        [
            [native.join_classes(LexicalClass(a), LexicalClass(b)) for b in range(size)]
            for a in range(size)
        ],
        np.uint8,
    )
