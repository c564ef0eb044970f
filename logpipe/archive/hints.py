"""What an archive says about its blocks beside their bytes, held against these bytes.

A search believes guides and filters without opening what they rule out, and whoever counts lines
believes headers. All of it stands behind checksums, which find accidents; a writer with an error in
it, or a forger, makes right checksums of wrong hints. Then every line comes out, and a search
misses some all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from logpipe.archive.layout import OPEN_END, BlockHeader
from logpipe.archive.packing import Data
from logpipe.archive.pieces import put_varint, unpack_any
from logpipe.archive.unpacking import COLUMNS, GUIDE, directory, room
from logpipe.errors import ArchiveError, NativeError
from logpipe.native.search import covers
from logpipe.native.unpack import STREAMS, count_feeds, recount_guide

__all__ = ["without_guide", "wrong_counts", "wrong_filter", "wrong_guide"]


def wrong_guide(header: BlockHeader, payload: bytes, streams: Mapping[int, Data]) -> bool:
    """Whether a block has a guide that is not the one of its streams.

    Args:
        header: of the block.
        payload: its stored bytes, whose checksum is right.
        streams: unpacked, by kind; they decode to the block's raw bytes.
    """
    if header.codec != COLUMNS:
        return False
    listed = directory(payload, header.streams, room(header.raw))
    found = next((s for s in listed if s.kind == GUIDE), None)
    if found is None:
        return False
    packed = payload[found.at : found.at + found.packed]
    try:
        told = unpack_any(found.packing, packed, found.size)
        handed = [streams.get(kind, b"") for kind in range(STREAMS)]
        return bytes(told) != recount_guide(handed, header.lines, header.raw)
    except (ArchiveError, NativeError):
        return True


def wrong_filter(filter_: bytes, raw: memoryview | bytes) -> bool:
    """Whether a filter rules out words that are in the raw bytes; an empty one rules out none."""
    if not filter_:
        return False
    try:
        return not covers(filter_, raw)
    except NativeError:
        return True


def wrong_counts(header: BlockHeader, raw: memoryview | bytes) -> str:
    """What a block's header says of its lines that is not so; empty if all is."""
    ended = not raw or raw[-1] == 10
    lines = count_feeds(raw) + (not ended)
    if lines != header.lines:
        return f"it has {lines:,} lines, its header says {header.lines:,}"
    if ended == bool(header.flags & OPEN_END):
        return "its header is wrong about whether the last line has an end"
    return ""


def without_guide(header: BlockHeader, payload: bytes) -> tuple[int, bytes]:
    """How many streams a payload has without its guide, and the payload without it."""
    kept = [s for s in directory(payload, header.streams, room(header.raw)) if s.kind != GUIDE]
    head = b"".join(
        bytes([s.kind, s.packing]) + put_varint(s.size) + put_varint(s.packed) for s in kept
    )
    return len(kept), head + b"".join(payload[s.at : s.at + s.packed] for s in kept)
