"""JSON text built from whole columns.

An object per row costs several microseconds in Python; the pieces of all rows side by side, escaped
and joined by Arrow, a fraction of one. The text is what `orjson.dumps` would write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from logpipe.batch import ParsedBatch
from logpipe.errors import OutputError
from logpipe.export.text import from_arrow, to_strings

__all__ = [
    "Piece",
    "constant",
    "escaped",
    "joined",
    "joined_variables",
    "numbers",
    "per_row",
    "quoted",
    "spread",
]

Piece: TypeAlias = "pa.Array | str"
"""A column of JSON text, or the same text in every row."""

_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}


def constant(value: object) -> str:
    """A value as JSON."""
    return orjson.dumps(value).decode("utf-8")


def escaped(text: pa.Array) -> pa.Array:
    """A `string` array as the insides of JSON strings, without the quotes; nulls stay."""
    used = _bytes_of(text)
    if not len(used):
        return text
    if (used == 0x5C).any():  # first, because the others add backslashes
        text = pc.replace_substring(text, "\\", "\\\\")
    if (used == 0x22).any():
        text = pc.replace_substring(text, '"', '\\"')
    if int(used.min()) < 0x20:
        for byte in np.unique(used[used < 0x20]).tolist():
            text = pc.replace_substring(text, chr(byte), _SHORT.get(byte, f"\\u{byte:04x}"))
    return text


def _bytes_of(text: pa.Array) -> npt.NDArray[np.uint8]:
    offsets, data = text.buffers()[1:]
    if offsets is None or data is None or not len(text):
        return np.zeros(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32)
    return np.frombuffer(data, np.uint8)[bounds[text.offset] : bounds[text.offset + len(text)]]


def quoted(text: pa.Array) -> list[Piece]:
    """A `string` array as JSON strings, `null` where it is null."""
    inside = escaped(text)
    if not text.null_count:
        return ['"', inside, '"']
    whole = pc.binary_join_element_wise('"', inside, '"', "")
    return [pc.fill_null(whole, "null")]


def numbers(values: npt.NDArray[np.int64]) -> pa.Array:
    """Integers as decimal text."""
    return pa.array(values).cast(pa.string())


def spread(ids: npt.NDArray[np.uint32], text_of: Callable[[int], str]) -> pa.Array:
    """A text that depends on a small integer, for every row; made once per integer."""
    present, index = np.unique(ids, return_inverse=True)
    return pa.array([text_of(i) for i in present.tolist()], pa.string()).take(pa.array(index))


def per_row(count: int, texts: dict[int, str]) -> Piece:
    """A text for a few rows, and nothing for all others."""
    if not texts:
        return ""
    return pa.array([texts.get(i, "") for i in range(count)], pa.string())


def joined_variables(batch: ParsedBatch, between: str) -> pa.Array:
    """The escaped variables of every row with a text between two."""
    offsets, values = batch.line_variables
    inside = escaped(to_strings(values)[0])
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), inside), between)


def joined(count: int, pieces: Sequence[Piece]) -> tuple[memoryview, npt.NDArray[np.int32]]:
    """The pieces of every row, one after the other.

    Returns:
        The bytes of all rows, and where each begins (int32, one more than rows, from 0).

    Raises:
        OutputError: they have more than 2 GiB.
    """
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif not isinstance(piece, str) or piece:
            merged.append(piece)
    # With constants alone Arrow would make one row.
    merged.append(pa.array([""] * count, pa.string()))
    try:
        column = from_arrow(pc.binary_join_element_wise(*merged, ""))
    except pa.ArrowException as error:
        raise OutputError(f"{count} rows do not fit into 2 GiB of JSON: {error}") from None
    first = column.offsets[0]
    return column.data.data[first : column.offsets[-1]], column.offsets - first
