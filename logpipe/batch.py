"""ParsedBatch: a run of consecutive lines as template ids, variables and header fields.

The variables are stored as columns, because that is what every consumer but one wants: the values
of all lines for one (template, slot) lie side by side. Rows are made from columns when asked for.

    line    = header fields joined by the separators of its shape, the message being one of them
    message = template rendered with its variables
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from logpipe.template import TemplateTable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
else:
    from logpipe.lazy import np

__all__ = ["TERMINATORS", "ByteColumn", "ParsedBatch", "Shape"]

TERMINATORS = (b"", b"\n", b"\r\n")
"""What can end a line, by the code used in `ParsedBatch.terminators`; a lone CR is content."""


@dataclass(frozen=True, slots=True)
class ByteColumn:
    """Byte strings side by side, laid out as Arrow's `binary` type.

    Attributes:
        offsets: int32, `len + 1` entries, not decreasing; value i is is
            `data[offsets[i]:offsets[i + 1]]`.
        data: uint8; may be longer than `offsets[-1]`, and the first offset need not be 0.
    """

    offsets: npt.NDArray[np.int32]
    data: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, values: Sequence[bytes]) -> ByteColumn:
        """A column holding copies of the values."""
        offsets = np.zeros(len(values) + 1, np.int32)
        np.cumsum([len(v) for v in values], out=offsets[1:])
        return cls(offsets, np.frombuffer(b"".join(values), np.uint8))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> bytes:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"index {index} outside a column of {n}")
        index %= n
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        first = int(self.offsets[0])
        whole = self.data[first : self.offsets[-1]].tobytes()
        bounds = (self.offsets - first).tolist()
        return (whole[a:b] for a, b in itertools.pairwise(bounds))

    def slice(self, start: int, stop: int) -> ByteColumn:
        """Values start to stop (exclusive), sharing memory."""
        return ByteColumn(self.offsets[start : stop + 1], self.data)

    def to_arrow(self) -> pa.Array:
        """The same bytes as an Arrow `binary` array, without copying."""
        import pyarrow as pa

        return pa.Array.from_buffers(
            pa.binary(),
            len(self),
            [None, pa.py_buffer(np.ascontiguousarray(self.offsets)), pa.py_buffer(self.data)],
        )


class Shape(NamedTuple):
    """How one kind of header is put together: separators and fields in turn.

    Attributes:
        separators: `len(fields) + 1` byte strings.
        fields: indices into the layout's fields in the order of the line; -1 is the message.
    """

    separators: tuple[bytes, ...]
    fields: tuple[int, ...]


@dataclass(frozen=True)
class ParsedBatch:
    """Consecutive lines of one source, parsed.

    Attributes:
        first_line: 1-based number of the first line in the source.
        field_names: the layout's header fields; the message is not among them.
        shapes: append-only; `shapes[0]` is the line without a header: `Shape((b"", b""), (-1,))`.
        shape_ids: uint16 per line.
        terminators: uint8 per line, an index into `TERMINATORS`.
        fields: one column per field name with one value per line, empty where the line's shape
            does not have the field.
        templates: the table that `template_ids` refer to.
        template_ids: uint32 per line.
        values: all variables, ordered by template id, then slot, then line.
        size: bytes of the source that these lines are.
    """

    first_line: int
    field_names: tuple[str, ...]
    shapes: Sequence[Shape]
    shape_ids: npt.NDArray[np.uint16]
    terminators: npt.NDArray[np.uint8]
    fields: Sequence[ByteColumn]
    templates: TemplateTable
    template_ids: npt.NDArray[np.uint32]
    values: ByteColumn
    size: int = 0

    def __len__(self) -> int:
        return len(self.template_ids)

    @cached_property
    def present(self) -> dict[int, tuple[int, int]]:
        """Template id to (index of its first value, number of its lines), ids ascending."""
        ids, counts = np.unique(self.template_ids, return_counts=True)
        found: dict[int, tuple[int, int]] = {}
        position = 0
        for template_id, count in zip(ids.tolist(), counts.tolist(), strict=True):
            found[template_id] = (position, count)
            position += count * self.templates[template_id].slots
        return found

    def column(self, template_id: int, slot: int) -> ByteColumn:
        """The values of one slot, in line order; empty if the template does not occur."""
        if template_id not in self.present:
            return self.values.slice(0, 0)
        start, count = self.present[template_id]
        if not 0 <= slot < self.templates[template_id].slots:
            raise IndexError(f"template {template_id} has no slot {slot}")
        return self.values.slice(start + slot * count, start + (slot + 1) * count)

    def rows(self, template_id: int) -> npt.NDArray[np.int64]:
        """The positions in this batch of the lines of one template, ascending."""
        return np.flatnonzero(self.template_ids == template_id)

    @cached_property
    def line_variables(self) -> tuple[npt.NDArray[np.int32], ByteColumn]:
        """The variables in line order: (offsets, values).

        Line i has `values[offsets[i]:offsets[i + 1]]`; there are `len + 1` offsets.
        """
        from logpipe import native

        return native.line_order(self)

    def render(self) -> bytes:
        """Exactly the source bytes of these lines, terminators included."""
        from logpipe import native

        return native.render_lines(self)

    @cached_property
    def messages(self) -> ByteColumn:
        """The message of every line."""
        from logpipe import native

        return native.render_messages(self)

    def line_numbers(self) -> npt.NDArray[np.int64]:
        """1-based line numbers in the source."""
        return np.arange(self.first_line, self.first_line + len(self), dtype=np.int64)

    def records(self) -> Iterator[dict[str, Any]]:
        """One mapping per line, for people and tests; slow."""
        offsets, values = self.line_variables
        messages = self.messages
        for i, line_no in enumerate(self.line_numbers().tolist()):
            template = self.templates[int(self.template_ids[i])]
            yield {
                "line_no": line_no,
                **{n: c[i] for n, c in zip(self.field_names, self.fields, strict=True)},
                "message": messages[i],
                "template_id": template.id,
                "variables": [values[k] for k in range(offsets[i], offsets[i + 1])],
            }
