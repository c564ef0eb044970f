r"""Bytes as text, fast where the bytes are what bytes in logs almost always are.

Every output shows text, and logs are not always text. A value that is not UTF-8 is shown with
`\xNN` for each offending byte (`logpipe.template.readable`), and whoever calls these functions is
told where that happened, so that the exact bytes can be written beside it.
"""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from logpipe.batch import TERMINATORS, ByteColumn, ParsedBatch
from logpipe.template import readable

__all__ = [
    "from_arrow",
    "is_ascii",
    "not_utf8",
    "source_text",
    "to_strings",
    "to_texts",
    "whole_lines",
]

_NOWHERE: npt.NDArray[np.int64] = np.zeros(0, np.int64)


def is_ascii(column: ByteColumn) -> bool:
    """Whether no value has a byte above 127."""
    used = column.data[column.offsets[0] : column.offsets[-1]]
    return not len(used) or int(used.max()) < 0x80


def not_utf8(column: ByteColumn) -> npt.NDArray[np.int64]:
    """The positions of the values that are not UTF-8, ascending."""
    if is_ascii(column):
        return _NOWHERE
    try:
        column.to_arrow().cast(pa.string())
    except pa.ArrowInvalid:
        first = int(column.offsets[0])
        high = np.flatnonzero(column.data[first : column.offsets[-1]] >= 0x80) + first
        candidates = np.unique(np.searchsorted(column.offsets, high, side="right") - 1)
        return np.array([i for i in candidates.tolist() if not _is_utf8(column[i])], np.int64)
    return _NOWHERE


def to_strings(column: ByteColumn) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The column as an Arrow `string` array, and the positions of the values that are not UTF-8.

    Without such values nothing is copied.
    """
    bad = not_utf8(column)
    if len(bad):
        column = _replaced(column, bad)
    binary = column.to_arrow()
    return pa.Array.from_buffers(pa.string(), len(binary), binary.buffers()), bad


def to_texts(column: ByteColumn) -> list[str]:
    """The column as Python strings."""
    if not is_ascii(column):
        return [readable(value) for value in column]
    first = int(column.offsets[0])
    whole = column.data[first : column.offsets[-1]].tobytes().decode("ascii")
    bounds = (column.offsets - first).tolist()
    return [whole[a:b] for a, b in pairwise(bounds)]


def from_arrow(array: pa.Array) -> ByteColumn:
    """The values of an Arrow `binary` or `string` array without nulls, sharing memory."""
    if array.null_count:
        raise ValueError("a byte column has no nulls")
    _, offsets, data = array.buffers()
    if len(array) == 0 or offsets is None:
        return ByteColumn.of([])
    bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return ByteColumn(bounds, np.frombuffer(data if data is not None else b"", np.uint8))


def source_text(source: str) -> str:
    """The name of an input as text: file names are bytes, and need not be UTF-8 either."""
    return readable(os.fsencode(source))


def whole_lines(batch: ParsedBatch) -> ByteColumn:
    """The source bytes of every line, terminator included."""
    lengths = np.diff(batch.messages.offsets).astype(np.int64)
    for column in batch.fields:  # a field that a shape does not have is empty
        lengths += np.diff(column.offsets)
    separators = [sum(map(len, shape.separators)) for shape in batch.shapes]
    lengths += np.array(separators, np.int64)[batch.shape_ids]
    lengths += np.array([len(t) for t in TERMINATORS], np.int64)[batch.terminators]
    offsets = np.zeros(len(batch) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    data = np.frombuffer(batch.render(), np.uint8)
    if offsets[-1] != len(data) or len(data) > np.iinfo(np.int32).max:
        raise ValueError(f"lines of {offsets[-1]} bytes in all, {len(data)} were rendered")
    return ByteColumn(offsets.astype(np.int32), data)


def _replaced(column: ByteColumn, bad: npt.NDArray[np.int64]) -> ByteColumn:
    """The column with the values at `bad` made readable; all others are copied in runs."""
    lengths = np.diff(column.offsets).astype(np.int64)
    pieces: list[bytes] = []
    end = int(column.offsets[0])
    for i in bad.tolist():
        text = readable(column[i]).encode()
        pieces.append(column.data[end : column.offsets[i]].tobytes())
        pieces.append(text)
        lengths[i] = len(text)
        end = int(column.offsets[i + 1])
    pieces.append(column.data[end : column.offsets[-1]].tobytes())
    if int(lengths.sum()) > np.iinfo(np.int32).max:
        raise OverflowError("more than 2 GiB of text in one batch")
    offsets = np.zeros(len(column) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return ByteColumn(offsets, np.frombuffer(b"".join(pieces), np.uint8))


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
