"""Batches made by hand, so that outputs are tested without a parser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from logpipe.batch import ByteColumn, ParsedBatch, Shape
from logpipe.export.base import ParseInfo
from logpipe.template import LexicalClass, SlotKind, TemplateTable

HEADLESS = Shape((b"", b""), (-1,))
HEADED = Shape((b"[", b"] ", b": ", b""), (0, 1, -1))
FIELD_NAMES = ("Time", "Level")
LF = 1


@dataclass(frozen=True)
class Line:
    """One line: what a parser would have said about it."""

    template_id: int
    variables: tuple[bytes, ...]
    header: tuple[bytes, ...] | None = None
    terminator: int = LF


@dataclass
class Made:
    """A table of templates, and shapes, with which batches are made."""

    templates: TemplateTable = field(default_factory=TemplateTable)
    shapes: list[Shape] = field(default_factory=lambda: [HEADLESS, HEADED])

    def info(self, sources: Sequence[str] = ("app.log",), **more: object) -> ParseInfo:
        """What is known before the first row."""
        return ParseInfo(
            sources=tuple(sources),
            layout="[<Time>] <Level>: <Content>",
            field_names=FIELD_NAMES,
            parser="drain",
            parameters={"depth": 4},
            templates=self.templates,
            **more,  # type: ignore[arg-type]
        )

    def batch(self, lines: Sequence[Line], first_line: int = 1) -> ParsedBatch:
        """The lines as a parser would give them: values by template, slot, line."""
        order = sorted(range(len(lines)), key=lambda i: lines[i].template_id)
        values: list[bytes] = []
        for template_id in dict.fromkeys(lines[i].template_id for i in order):
            mine = [lines[i].variables for i in order if lines[i].template_id == template_id]
            for slot in range(self.templates[template_id].slots):
                values += [variables[slot] for variables in mine]
        return ParsedBatch(
            first_line=first_line,
            field_names=FIELD_NAMES,
            shapes=self.shapes,
            shape_ids=np.array([0 if x.header is None else 1 for x in lines], np.uint16),
            terminators=np.array([x.terminator for x in lines], np.uint8),
            fields=tuple(
                ByteColumn.of([b"" if x.header is None else x.header[k] for x in lines])
                for k in range(len(FIELD_NAMES))
            ),
            templates=self.templates,
            template_ids=np.array([x.template_id for x in lines], np.uint32),
            values=ByteColumn.of(values),
        )


def example() -> Made:
    """Two groups, one of which has two spacings."""
    made = Made()
    word, number = [LexicalClass.WORD], [LexicalClass.INTEGER]
    made.templates.append(1, [b"user ", b" logged in"], [SlotKind.TOKEN], word)
    made.templates.append(1, [b"user  ", b" logged in"], [SlotKind.TOKEN], word)
    made.templates.append(
        2, [b"took ", b" of ", b" ms"], [SlotKind.ATOM, SlotKind.ATOM], number * 2
    )
    return made
