"""The mask lexer, native: a table of rules applied to many messages at once.

What it finds is what `logpipe.parsers.iterative.mask` finds with the same rules, which are handed
over as they are; rules may use the part of Python's `re` that native/src/mask/syntax.rs reads.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn
from logpipe.native.library import bytes_pointer, column_parts, lib, owned, part, pointer_to

__all__ = ["MaskLexer", "MaskedRows"]


@dataclass(frozen=True)
class MaskedRows:
    """Masked messages as distinct rows.

    Attributes:
        rows: the rows in order of their first message, UTF-8: a byte of the message is the
            character of that number, a variable of class n the character 0x100 + n.
        row: int32, n: the row of each message; -1 for those that were new when there was no room.
        counts: int64, messages per row.
        first: int64, position of the first message of each row.
    """

    rows: ByteColumn
    row: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]

    def texts(self) -> list[str]:
        """The rows as `logpipe.parsers.iterative.mask.masked` gives them."""
        return [row.decode() for row in self.rows]


class MaskLexer:
    """A compiled table of rules.

    Args:
        rules: class (0 to 63) and expression of each, the first that matches wins; 63 at most.
        member: expression of a list's members, with a named group that they share; empty: none.
        unit: expression of what a number in parentheses takes with it; empty: none.
        classes: of lists, numbers, numbers with a unit, and of what is behind the window.
        window: bytes of a message that are looked at.

    Raises:
        NativeError: an expression has what is not understood; it says what, and where.
    """

    def __init__(
        self,
        rules: Iterable[tuple[int, str]],
        *,
        member: str,
        unit: str,
        classes: tuple[int, int, int, int],
        window: int,
    ) -> None:
        options = bytearray(struct.pack("<5I", *classes, window))
        for syntax in (member, unit):
            options += struct.pack("<I", len(syntax)) + syntax.encode("latin-1")
        for mask, syntax in rules:
            options += struct.pack("<II", mask, len(syntax)) + syntax.encode("latin-1")
        self._pointer = owned(
            lib.lp_lexer_new(bytes_pointer(bytes(options)), len(options)), lib.lp_lexer_free
        )

    def spans(self, messages: ByteColumn) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The variables of every message: (offsets, found).

        Returns:
            int32 n + 1: message i has `found[offsets[i]:offsets[i + 1]]`; int32 of shape (m, 3):
            begin and end in the message, and class.
        """
        offsets, data = column_parts(messages)
        buffer = owned(
            lib.lp_mask_spans(
                self._pointer,
                pointer_to(offsets, "int32_t *"),
                len(messages),
                pointer_to(data, "uint8_t *"),
                len(data),
            ),
            lib.lp_buffer_free,
        )
        return part(buffer, 2, np.int32), part(buffer, 3, np.int32).reshape(-1, 3)

    def rows(
        self, messages: ByteColumn, most: int = 1 << 20, most_bytes: int = 256 << 20
    ) -> MaskedRows:
        """The masked messages as distinct rows.

        Args:
            messages: n of them.
            most: rows that are kept; a message that would be one more has row -1.
            most_bytes: bytes of rows that are kept, likewise.
        """
        offsets, data = column_parts(messages)
        buffer = owned(
            lib.lp_mask_rows(
                self._pointer,
                pointer_to(offsets, "int32_t *"),
                len(messages),
                pointer_to(data, "uint8_t *"),
                len(data),
                most,
                most_bytes,
            ),
            lib.lp_buffer_free,
        )
        rows = ByteColumn(part(buffer, 2, np.int32), part(buffer, 0, np.uint8))
        row = part(buffer, 3, np.int32)
        first = np.zeros(len(rows), np.int64)
        known = np.flatnonzero(row >= 0)
        # The last assignment wins, so that going backwards leaves the first message.
        first[row[known[::-1]]] = known[::-1]
        counts = np.bincount(row[known], minlength=len(rows)).astype(np.int64)
        return MaskedRows(rows, row, counts, first)
