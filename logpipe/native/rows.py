"""The row-order structured coder of the archive's level max (native/src/rs.rs).

A block of lines is parsed into row templates and values and coded row after row with one mixing
model. A payload needs nothing beyond it but the template table and the counts of rows and bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from logpipe.native.library import bytes_pointer, lib, owned, part, pointer_to, take_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    from logpipe.lazy import np

__all__ = [
    "CodedRows",
    "RowParse",
    "decode_rows",
    "decode_text",
    "encode_given_rows",
    "encode_rows",
    "encode_text",
    "template_table",
]


class RowParse(IntEnum):
    """A parse of raw bytes into rows that needs no parser."""

    LINES = 0
    """Every line is one value."""
    FIELDS = 1
    """Fields between white space and punctuation, quoted strings whole, keys in the template."""


@dataclass(frozen=True, slots=True)
class CodedRows:
    """A coded block.

    Attributes:
        table: the row templates, as `template_table` writes them.
        payload: the rows.
        rows: how many they are.
        size: raw bytes.
    """

    table: bytes
    payload: bytes
    rows: int
    size: int


def template_table(templates: Sequence[Sequence[bytes]]) -> bytes:
    """The byte form of row templates, each given by its literals (one more than slots)."""
    wire = bytearray(_varint(len(templates)))
    for literals in templates:
        wire += _varint(len(literals) - 1)
        for literal in literals:
            wire += _varint(len(literal)) + literal
    return bytes(wire)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_rows(raw: bytes, parse: RowParse = RowParse.FIELDS) -> CodedRows:
    """Codes raw bytes."""
    buffer = owned(lib.lp_rows_encode(bytes_pointer(raw), len(raw), parse), lib.lp_buffer_free)
    table, rows = part(buffer, 1, np.int64).tolist()
    data = part(buffer, 0, np.uint8).tobytes()
    return CodedRows(data[:table], data[table:], rows, len(raw))


def encode_given_rows(
    raw: bytes,
    table: bytes,
    rows: npt.NDArray[np.uint32],
    spans: npt.NDArray[np.uint32],
) -> CodedRows:
    """Codes raw bytes with a parse of them.

    Args:
        raw: less than 4 GiB.
        table: the row templates, see `template_table`.
        rows: the template of each row.
        spans: (slots of all rows, 2): start and end in `raw`, row after row.

    Raises:
        NativeError: literals and spans in turn are not exactly the raw bytes.
    """
    rows = np.ascontiguousarray(rows, np.uint32)
    spans = np.ascontiguousarray(spans, np.uint32)
    payload = take_bytes(
        lib.lp_rows_encode_given(
            bytes_pointer(raw),
            len(raw),
            bytes_pointer(table),
            len(table),
            pointer_to(rows, "uint32_t *"),
            len(rows),
            pointer_to(spans, "uint32_t *"),
            spans.size // 2,
        )
    )
    return CodedRows(table, payload, len(rows), len(raw))


def decode_rows(coded: CodedRows) -> bytes:
    """The raw bytes.

    Raises:
        NativeError: the payload cannot be of these rows. A payload that was changed can also decode
            to other bytes of the same length: only a checksum tells.
    """
    return take_bytes(
        lib.lp_rows_decode(
            bytes_pointer(coded.payload),
            len(coded.payload),
            bytes_pointer(coded.table),
            len(coded.table),
            coded.rows,
            coded.size,
        )
    )


def encode_text(text: bytes | memoryview) -> bytes:
    """Codes bytes that have no rows."""
    return take_bytes(lib.lp_text_encode(bytes_pointer(text), len(text)))


def decode_text(payload: bytes | memoryview, size: int) -> bytes:
    """The reverse of `encode_text`; `size` is how many bytes there were.

    Raises:
        NativeError: the payload ends too early or goes on after the last byte.
    """
    return take_bytes(lib.lp_text_decode(bytes_pointer(payload), len(payload), size))
