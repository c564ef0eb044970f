"""Streams of an archive's blocks back to raw bytes, without numpy: its import takes long.

What is returned is a view of native memory, which lives as long as the view does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, TypeAlias

from logpipe.errors import NativeError
from logpipe.native.library import bytes_pointer, checked, ffi, lib, owned, part_view, take_bytes

__all__ = ["STREAMS", "count_feeds", "decode_block", "decode_mixed", "recount_guide"]

Data: TypeAlias = bytes | memoryview

STREAMS = 10
"""Streams of a block of columns; FORMAT.md says what is in each."""


def _joined(streams: Sequence[Data]) -> tuple[bytes, Any]:
    ends = itertools.accumulate((len(s) for s in streams), initial=0)
    return b"".join(streams), ffi.new("uint64_t[]", list(ends))


def decode_mixed(table: Data, literals: Data, rows: Data, lines: int, raw_len: int) -> memoryview:
    """The raw bytes of a block of level max.

    Raises:
        NativeError: the streams are not what an encoder makes.
    """
    joined, offsets = _joined([table, literals, rows])
    pointer = lib.lp_block_decode_mixed(bytes_pointer(joined), len(joined), offsets, lines, raw_len)
    return part_view(owned(pointer, lib.lp_buffer_free))


def _handed(streams: Sequence[Data], call: Any, lines: int, raw_len: int) -> Any:
    """What a function of the library makes of the streams of a block of columns."""
    if len(streams) != STREAMS:
        raise NativeError(f"{len(streams)} streams, expected {STREAMS}")
    held = [ffi.from_buffer("uint8_t[]", s) for s in streams]
    pointer = call(
        ffi.new("uint8_t *[]", held),
        ffi.new("uint64_t[]", [len(s) for s in streams]),
        STREAMS,
        lines,
        raw_len,
    )
    del held
    return pointer


def decode_block(streams: Sequence[Data], lines: int, raw_len: int) -> memoryview:
    """The raw bytes of a block of columns.

    Raises:
        NativeError: the streams are not what an encoder makes; nothing was allocated that the
            streams and `raw_len` do not justify.
    """
    pointer = _handed(streams, lib.lp_block_decode, lines, raw_len)
    return part_view(owned(pointer, lib.lp_block_raw_free))


def recount_guide(streams: Sequence[Data], lines: int, raw_len: int) -> bytes:
    """The guide that a block of columns has to have.

    Raises:
        NativeError: the streams are not what an encoder makes.
    """
    return take_bytes(_handed(streams, lib.lp_block_recount, lines, raw_len))


def count_feeds(raw: Data) -> int:
    """How many line feeds there are."""
    data = ffi.from_buffer("uint8_t[]", raw)
    return checked(lib.lp_count_feeds(data, len(data)))
