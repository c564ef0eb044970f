"""Blocks of an archive: rows that grow chunk by chunk, and their streams."""

from __future__ import annotations

import itertools
from typing import Any, Literal, TypeAlias

from logpipe.native.library import (
    checked,
    ffi,
    held,
    lib,
    owned,
    part_bytes,
    part_view,
)
from logpipe.native.parsing import Arena, DrainCore, Header

__all__ = ["FIELDS", "GIVEN", "BlockRows", "Kind", "match_rows"]

Kind: TypeAlias = Literal["columns", "rows", "bytes"]
"""What becomes of the rows of a block."""

_KINDS = ("columns", "rows", "bytes")

GIVEN, FIELDS = 0, 1
"""Parses of a block of columns."""


def match_rows(core: DrainCore, arena: Arena, header: Header) -> None:
    """As `DrainCore.match`, but no columns are made: a block makes its own."""
    arena.lines = checked(
        lib.lp_match_rows(core._pointer, header._pointer, arena._pointer, arena.used)
    )


class BlockRows:
    """The rows of a block under way, in native memory.

    Args:
        kind: `columns`, for `encode`; `rows`, coded in their order, for `encode_mixed`; `bytes`, of
            which others shall `take` what they have, and make rows.
    """

    def __init__(self, kind: Kind = "columns") -> None:
        self._pointer = owned(lib.lp_block_new(_KINDS.index(kind)), lib.lp_block_free)
        self.kind = kind
        self.size = 0

    def add(self, core: DrainCore, header: Header, arena: Arena) -> None:
        """Appends a chunk that was matched and learned."""
        self.size = checked(
            lib.lp_block_add(self._pointer, core._pointer, header._pointer, arena._pointer)
        )

    def take(self, other: BlockRows) -> None:
        """Takes the bytes of a block, which begins again; chunks of them are to be added now."""
        checked(lib.lp_block_take(self._pointer, other._pointer))
        self.size = other.size = 0

    def clear(self) -> None:
        """Forgets the rows; the memory stays for the next block."""
        checked(lib.lp_block_clear(self._pointer))
        self.size = 0

    @property
    def raw(self) -> memoryview:
        """The bytes; valid until the next `add` or `clear`."""
        data, lines = self._raw()
        del lines
        return data

    @property
    def lines(self) -> int:
        """Lines so far."""
        return self._raw()[1]

    def _raw(self) -> tuple[memoryview, int]:
        data, lines = ffi.new("uint8_t *[1]"), ffi.new("uint64_t[1]")
        size = checked(lib.lp_block_raw(self._pointer, data, lines))
        return self._view(data[0], size), int(lines[0]) if size else 0

    def _view(self, data: Any, size: int) -> memoryview:
        if size == 0:
            return memoryview(b"")
        return memoryview(ffi.buffer(held(data, self._pointer), size))

    def encode(self, *, quick: bool = False) -> list[memoryview]:
        """The streams, by number; valid until the next `encode`.

        Args:
            quick: choose codecs on small samples; worth a tenth of the time of level fast.

        Raises:
            NativeError: these rows cannot be a block of columns (store them otherwise).
        """
        return self._streams(checked(lib.lp_block_encode(self._pointer, quick)))

    def encode_parsed(self, parse: int, *, stretch: bool) -> list[memoryview]:
        """The streams in some parse, as `encode`; none if the rows could not be coded.

        Args:
            parse: `GIVEN`, or `FIELDS`: lines are cut into what lies between delimiters.
            stretch: only of some rows from the middle, the same ones for each parse.

        Raises:
            NativeError: such rows cannot be a block of columns.
        """
        return self._streams(checked(lib.lp_block_encode_parsed(self._pointer, parse, stretch)))

    def _streams(self, count: int) -> list[memoryview]:
        data = ffi.new("uint8_t *[1]")
        streams = []
        for number in range(count):
            size = checked(lib.lp_block_stream(self._pointer, number, data))
            streams.append(self._view(data[0], size))
        return streams

    def guide(self) -> tuple[bytes, dict[int, list[tuple[int, int]]]]:
        """The guide of what was encoded last; by stream, start and length of possible pieces."""
        buffer = owned(lib.lp_block_guide(self._pointer), lib.lp_buffer_free)
        numbers = part_view(buffer, 1, 8).cast("q").tolist()
        pieces: dict[int, list[tuple[int, int]]] = {}
        for kind, at, length in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
            pieces.setdefault(kind, []).append((at, length))
        return part_bytes(buffer), pieces

    def encode_mixed(self) -> list[memoryview]:
        """Table of templates, their literals, and the rows coded in order: level max.

        The rows are gone then; `raw` and `lines` stay.

        Raises:
            NativeError: these rows cannot be coded (store them otherwise).
        """
        return _parts(lib.lp_block_encode_mixed(self._pointer))


def _parts(pointer: Any) -> list[memoryview]:
    buffer = owned(pointer, lib.lp_buffer_free)
    offsets = part_view(buffer, 1, 8).cast("q")
    data = part_view(buffer)
    return [data[a:b] for a, b in itertools.pairwise(offsets)]
