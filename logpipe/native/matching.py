"""Templates learned elsewhere, matched natively; samples of lines to learn from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.native.library import (
    bytes_pointer,
    checked,
    column_parts,
    lib,
    owned,
    part,
    pointer_to,
)
from logpipe.native.parsing import Arena, ArenaPool, Header, _batch
from logpipe.template import Template, TemplateTable

__all__ = ["MAX_LEVEL", "Matcher", "sample_levels", "take"]

MAX_LEVEL = 63
"""The rarest level of a sample."""


class Matcher:
    """A table of templates against which any number of threads match at once.

    A message gets the template with the most literal bytes of those that fit it. Of equally many,
    the one is taken that is literal, or whose slot says more (NUMBER, HEX, ATOM, CODE, FIELD,
    TOKEN, OPTIONAL, RUN, ANY), where the two first differ. The order of templates decides nothing,
    unless two have the same literals and kinds: then it is the first. A template that is given
    renders the message. Time per message is bounded: after some 8,000 steps the best template that
    was found so far is taken, or none.

    Args:
        templates: what to begin with; `append` adds more, and ids keep their meaning.
        delimiters: what separates tokens besides ASCII white space.

    Attributes:
        templates: the table; id 0 is for messages that no template fits. Append through `append`.
        delimiters: as given.
        pool: arenas for the batches that are made here.
    """

    def __init__(self, templates: Iterable[Template] = (), delimiters: bytes = b"") -> None:
        self.delimiters = delimiters
        self.templates = TemplateTable()
        self.pool = ArenaPool()
        self._pointer = owned(
            lib.lp_table_new(bytes_pointer(delimiters), len(delimiters)), lib.lp_table_free
        )
        self._groups = np.zeros(1, np.uint32)
        self.append(templates)

    def append(self, templates: Iterable[Template]) -> None:
        """Adds templates; their ids count on from those that are there.

        Not to be called while a chunk is between `match` and `batch`.
        """
        before, known = len(self.templates.wire), len(self.templates)
        for template in templates:
            self.templates.append(template.group, template.literals, template.kinds, template.types)
        wire = self.templates.wire[before:]
        if wire:
            checked(lib.lp_table_extend(self._pointer, bytes_pointer(wire), len(wire)))
            new = [self.templates[i].group for i in range(known, len(self.templates))]
            self._groups = np.concatenate([self._groups, np.array(new, np.uint32)])

    def match(self, arena: Arena, header: Header) -> None:
        """Splits the arena's input into lines and matches them; many arenas at once if need be."""
        arena.lines = checked(
            lib.lp_table_match(self._pointer, header._pointer, arena._pointer, arena.used)
        )

    def batch(self, arena: Arena, pool: ArenaPool, header: Header, first_line: int) -> ParsedBatch:
        """A matched arena as a batch that owns it from now on; for arenas in file order."""
        shapes = checked(lib.lp_table_settle(self._pointer, header._pointer, arena._pointer))
        if shapes != len(header.shapes):
            header.sync()
        return _batch(arena, pool, header, first_line, self.templates)

    def match_messages(self, messages: ByteColumn) -> ParsedBatch:
        """Messages as a batch without headers, line numbers from 1."""
        offsets32, data = column_parts(messages)
        first = int(offsets32[0])
        arena = self.pool.take()
        arena.put(data[max(first, 0) : max(int(offsets32[-1]), 0)])
        offsets = offsets32.astype(np.int64) - first
        checked(
            lib.lp_table_match_given(
                self._pointer,
                arena._pointer,
                arena.used,
                pointer_to(offsets, "int64_t *"),
                len(offsets) - 1,
            )
        )
        return _batch(arena, self.pool, None, 1, self.templates)

    def groups(self, messages: ByteColumn) -> npt.NDArray[np.uint32]:
        """The group of each message, 0 where no template fits: what `Parser.predict` returns."""
        step = 1 << 16
        found = [np.zeros(0, np.uint32)]
        for start in range(0, len(messages), step):
            part = messages.slice(start, min(start + step, len(messages)))
            found.append(self._groups[self.match_messages(part).template_ids])
        return np.concatenate(found)

    def sample(
        self, arena: Arena, pool: ArenaPool, header: Header, first: int, level: int
    ) -> tuple[ByteColumn, npt.NDArray[np.uint8]]:
        """The messages of those of the arena's lines that are in a sample, and their levels.

        Args:
            arena: owned by the column from now on.
            pool: where it goes afterwards.
            header: splits the lines; the shapes met here are not kept.
            first: place in the source of the arena's first byte; the place of a line's first byte
                is its number in `sample_levels`.
            level: of the sample.
        """
        lines = checked(lib.lp_sample(header._pointer, arena._pointer, arena.used, first, level))
        levels = np.zeros(lines, np.uint8)
        checked(lib.lp_chunk_levels(arena._pointer, pointer_to(levels, "uint8_t *"), lines))
        return _batch(arena, pool, None, 1, self.templates).values, levels


def sample_levels(first: int, count: int) -> npt.NDArray[np.uint8]:
    """How rare lines with consecutive numbers are in samples: uint8, the highest level of each.

    All lines are in level 0; every level has about half of the lines of the one before, spread
    evenly. The number alone decides, so that neither chunks nor threads matter.
    """
    levels = np.zeros(count, np.uint8)
    checked(lib.lp_sample_levels(first, count, pointer_to(levels, "uint8_t *")))
    return levels


def take(column: ByteColumn, rows: npt.NDArray[np.int64]) -> ByteColumn:
    """The values at some positions, copied.

    Raises:
        NativeError: a position outside of the column, or values of more than 2 GiB.
    """
    offsets, data = column_parts(column)
    rows = np.ascontiguousarray(rows, np.int64)
    buffer = owned(
        lib.lp_take(
            pointer_to(offsets, "int32_t *"),
            len(column),
            pointer_to(data, "uint8_t *"),
            len(data),
            pointer_to(rows, "int64_t *"),
            len(rows),
        ),
        lib.lp_buffer_free,
    )
    return ByteColumn(part(buffer, 2, np.int32), part(buffer, 0, np.uint8))
