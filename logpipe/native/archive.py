"""Blocks of an archive: rows that grow chunk by chunk, and their streams."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.native.library import (
    checked,
    ffi,
    lib,
    owned,
    part,
)
from logpipe.native.parsing import Arena, DrainCore, Header

__all__ = ["BlockRows", "match_rows"]


def match_rows(core: DrainCore, arena: Arena, header: Header) -> None:
    """As `DrainCore.match`, but no columns are made: a block makes its own."""
    arena.lines = checked(
        lib.lp_match_rows(core._pointer, header._pointer, arena._pointer, arena.used)
    )


class BlockRows:
    """The rows of a block under way, in native memory.

    Args:
        mixed: they will be coded in their order (`encode_mixed`), and not as columns (`encode`).
    """

    def __init__(self, mixed: bool = False) -> None:
        self._pointer = owned(lib.lp_block_new(mixed), lib.lp_block_free)
        self.mixed = mixed
        self.size = 0

    def add(self, core: DrainCore, header: Header, arena: Arena) -> None:
        """Appends a chunk that was matched and learned."""
        self.size = checked(
            lib.lp_block_add(self._pointer, core._pointer, header._pointer, arena._pointer)
        )

    def clear(self) -> None:
        """Forgets the rows; the memory stays for the next block."""
        checked(lib.lp_block_clear(self._pointer))
        self.size = 0

    @property
    def raw(self) -> npt.NDArray[np.uint8]:
        """The bytes; valid until the next `add` or `clear`."""
        data, lines = self._raw()
        del lines
        return data

    @property
    def lines(self) -> int:
        """Lines so far."""
        return self._raw()[1]

    def _raw(self) -> tuple[npt.NDArray[np.uint8], int]:
        data, lines = ffi.new("uint8_t *[1]"), ffi.new("uint64_t[1]")
        size = checked(lib.lp_block_raw(self._pointer, data, lines))
        if size == 0:
            return np.empty(0, np.uint8), 0
        keep = ffi.gc(data[0], lambda _: self._pointer and None)
        return np.frombuffer(ffi.buffer(keep, size), np.uint8), int(lines[0])

    def encode(self) -> list[npt.NDArray[np.uint8]]:
        """The streams, by number.

        Raises:
            NativeError: these rows cannot be a block of columns (store them otherwise).
        """
        return _parts(lib.lp_block_encode(self._pointer))

    def encode_mixed(self) -> list[npt.NDArray[np.uint8]]:
        """Table of templates, their literals, and the rows coded in order: level max.

        Raises:
            NativeError: these rows cannot be coded (store them otherwise).
        """
        return _parts(lib.lp_block_encode_mixed(self._pointer))


def _parts(pointer: Any) -> list[npt.NDArray[np.uint8]]:
    buffer = owned(pointer, lib.lp_buffer_free)
    offsets, data = part(buffer, 1, np.int64), part(buffer, 0, np.uint8)
    return [data[a:b] for a, b in itertools.pairwise(offsets)]
