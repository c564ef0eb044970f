"""Parsed rows as Arrow columns, built from whole buffers and never row by row.

What depends on the template alone (its text, group, slot types) is looked up once per template and
spread over the rows by numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.export.base import Rows
from logpipe.export.text import to_strings
from logpipe.template import LexicalClass, Template, TemplateTable

__all__ = [
    "TemplateFacts",
    "column_names",
    "continuation_columns",
    "header_columns",
    "string_column",
    "unique_names",
    "variable_columns",
]

_OWN_NAMES = (
    "line_no",
    "source",
    "message",
    "template_id",
    "group",
    "template",
    "variables",
    "variable_types",
    "variable_categories",
    "lines",
    "continuation",
    "bytes",
    "message_bytes",
    "variables_bytes",
    "header_bytes",
    "continuation_bytes",
    "shape",
    "terminator",
)
_LABELS = [lexical.label for lexical in LexicalClass]
_CODES = {lexical: code for code, lexical in enumerate(LexicalClass)}


def column_names(field_names: Sequence[str]) -> list[str]:
    """The column of each header field: its name, or with `_` added if that is one of our own."""
    return unique_names(field_names, _OWN_NAMES)


def unique_names(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """The names, each with `_` added until it is neither taken nor given twice.

    Many an engine (DuckDB, Spark) takes names that differ in case only for the same.

    >>> unique_names(["Time", "Message", "Time"], ["message"])
    ['Time', 'Message_', 'Time_']
    """
    used = {name.casefold() for name in taken}
    found = []
    for name in names:
        while name.casefold() in used:
            name += "_"
        used.add(name.casefold())
        found.append(name)
    return found


class TemplateFacts:
    """Facts about templates as arrays indexed by template id.

    Attributes:
        texts: the distinct template texts; a text shared by several templates is there once.
        text_index: int32 per template, an index into `texts`.
        groups: int64 per template.
    """

    def __init__(self, table: TemplateTable, restyle: Callable[[str], str] | None = None) -> None:
        self._restyle = restyle
        self._index: dict[str, int] = {}
        self.texts: list[str] = []
        self.text_index: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.groups: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._slots: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._first_type: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._types: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.extend(table)

    def __len__(self) -> int:
        return len(self.groups)

    def extend(self, table: TemplateTable) -> None:
        """Take in templates that the table has gained."""
        new = [table[i] for i in range(len(self), len(table))]
        if not new:
            return
        texts = [self._text(template) for template in new]
        for text in texts:
            if text not in self._index:
                self._index[text] = len(self.texts)
                self.texts.append(text)
        slots = np.array([template.slots for template in new], np.int32)
        types = [_CODES[lexical] for template in new for lexical in template.slot_types]
        self.text_index = np.append(
            self.text_index, np.array([self._index[text] for text in texts], np.int32)
        )
        self.groups = np.append(self.groups, np.array([t.group for t in new], np.int64))
        self._first_type = np.append(
            self._first_type, len(self._types) + np.cumsum(slots, dtype=np.int64) - slots
        )
        self._slots = np.append(self._slots, slots)
        self._types = np.append(self._types, np.array(types, np.int32))

    def text(self, template_id: int) -> str:
        """The text of a template, in the style asked for."""
        return self.texts[int(self.text_index[template_id])]

    def _text(self, template: Template) -> str:
        text = template.text()
        return text if self._restyle is None else self._restyle(text)

    def text_column(self, template_ids: npt.NDArray[np.uint32]) -> pa.Array:
        """`dictionary<string>` per row; the dictionary holds only the texts that occur."""
        index = self.text_index[template_ids]
        present = np.flatnonzero(np.bincount(index, minlength=len(self.texts)))
        position = np.zeros(len(self.texts), np.int32)
        position[present] = np.arange(len(present), dtype=np.int32)
        return pa.DictionaryArray.from_arrays(
            pa.array(position[index]), pa.array([self.texts[i] for i in present.tolist()])
        )

    def category_column(
        self, batch: ParsedBatch, categories: Mapping[int, Sequence[str]]
    ) -> pa.Array:
        """`list<string>` per row, the category of each variable."""
        ids, inverse = np.unique(batch.template_ids, return_inverse=True)
        rows = pa.array([list(categories[i]) for i in ids.tolist()], pa.list_(pa.string()))
        return rows.take(pa.array(inverse))

    def type_column(self, batch: ParsedBatch) -> pa.Array:
        """`list<string>` per row, one label per variable.

        Not a list of dictionaries: Arrow cannot read those back in pieces.
        """
        ids = batch.template_ids
        counts = self._slots[ids]
        offsets = np.zeros(len(ids) + 1, np.int32)
        np.cumsum(counts, out=offsets[1:])
        shift = np.repeat(self._first_type[ids] - offsets[:-1], counts)
        labels = pa.array(_LABELS).take(pa.array(self._types[shift + np.arange(offsets[-1])]))
        return pa.ListArray.from_arrays(pa.array(offsets), labels)


def string_column(column: ByteColumn) -> tuple[pa.Array, pa.Array]:
    """The column as text, and as bytes where (and only where) the text is not exact."""
    text, bad = to_strings(column)
    if not len(bad):
        return text, pa.nulls(len(column), pa.binary())
    return text, pc.if_else(_mask(len(column), bad), column.to_arrow(), None)


def variable_columns(batch: ParsedBatch) -> tuple[pa.Array, pa.Array]:
    """`list<string>` per row, and `list<binary>` for the rows whose text is not exact."""
    offsets, values = batch.line_variables
    text, bad = to_strings(values)
    arrow_offsets = pa.array(offsets)
    strings = pa.ListArray.from_arrays(arrow_offsets, text)
    exact_type = pa.list_(pa.binary())
    if not len(bad):
        return strings, pa.nulls(len(batch), exact_type)
    rows = np.unique(np.searchsorted(offsets, bad, side="right") - 1)
    exact = pa.ListArray.from_arrays(arrow_offsets, values.to_arrow())
    return strings, pc.if_else(_mask(len(batch), rows), exact, pa.scalar(None, exact_type))


def header_columns(batch: ParsedBatch) -> tuple[list[pa.Array], pa.Array]:
    """One `string` column per header field, and all fields as bytes where a text is not exact.

    A text is null where the line's shape has no such field; the second column is `list<binary>`.
    """
    used = np.flatnonzero(np.bincount(batch.shape_ids, minlength=1))
    texts: list[pa.Array] = []
    rows: set[int] = set()
    for number, column in enumerate(batch.fields):
        # The fields of a batch are views of native memory; a copy lets that be used again while
        # the row group fills.
        text, bad = to_strings(_copied(column))
        rows.update(bad.tolist())
        without = [s for s in used.tolist() if number not in batch.shapes[s].fields]
        if without:
            absent = np.zeros(int(used[-1]) + 1, np.bool_)
            absent[without] = True
            text = pc.if_else(pa.array(absent[batch.shape_ids]), pa.scalar(None, pa.string()), text)
        texts.append(text)
    exact_type = pa.list_(pa.binary())
    if not rows:
        return texts, pa.nulls(len(batch), exact_type)
    exact = [
        [column[i] for column in batch.fields] if i in rows else None for i in range(len(batch))
    ]
    return texts, pa.array(exact, exact_type)


def continuation_columns(rows: Rows) -> tuple[pa.Array, pa.Array]:
    """The further lines of each row: text, null where there is none; and the exact bytes."""
    if rows.continuation is None or rows.lines is None:
        return pa.nulls(len(rows), pa.string()), pa.nulls(len(rows), pa.binary())
    text, exact = string_column(rows.continuation)
    return pc.if_else(pa.array(rows.lines > 1), text, pa.scalar(None, pa.string())), exact


def _copied(column: ByteColumn) -> ByteColumn:
    first = column.offsets[0]
    return ByteColumn(column.offsets - first, column.data[first : column.offsets[-1]].copy())


def _mask(length: int, positions: npt.NDArray[np.int64]) -> pa.Array:
    mask = np.zeros(length, np.bool_)
    mask[positions] = True
    return pa.array(mask)
