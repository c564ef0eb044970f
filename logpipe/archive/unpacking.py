"""Payloads of blocks back to raw bytes, or to streams of which only some are unpacked.

Nothing here imports numpy, which takes longer than a search, or than decoding some blocks.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple

from logpipe.archive.layout import BlockHeader
from logpipe.archive.packing import PIECES, Data
from logpipe.archive.pieces import Pieces, read_varint, unpack_any
from logpipe.errors import ArchiveError, NativeError
from logpipe.native.hashing import xxh64
from logpipe.native.select import View
from logpipe.native.unpack import STREAMS, decode_block, decode_mixed

__all__ = [
    "CODED_ROWS",
    "COLUMNS",
    "GUIDE",
    "PLAIN",
    "ROWS",
    "Stream",
    "decode_streams",
    "directory",
    "open_view",
    "room",
    "unpack_block",
    "unpack_streams",
]

PLAIN, COLUMNS, ROWS = 0, 1, 2

CODED_ROWS = 10
"""Stream of a block of level max that has its rows."""
GUIDE = 128
"""Stream of a block of columns that helps a search to open few others."""
_MOST_ROOM = 32 << 20
"""Bytes for unpacked streams that a thread keeps."""
IGNORABLE = 128
"""Streams from this number on may be skipped by those who do not know them."""


class Stream(NamedTuple):
    """An entry of a payload's directory; `at` is where the packed bytes begin in the payload."""

    kind: int
    packing: int
    size: int
    at: int
    packed: int


def room(raw: int) -> int:
    """Bytes that the streams of a block have together at most, unpacked."""
    return 4 * raw + (1 << 16)


def directory(payload: bytes, streams: int, limit: int) -> list[Stream]:
    """The streams of a payload.

    Args:
        payload: a block's payload.
        streams: how many the block's header announces.
        limit: bytes that all of them may have together, unpacked.

    Raises:
        ArchiveError: they do not fill the payload exactly, or are too large.
    """
    found: list[tuple[int, int, int, int]] = []
    at = total = 0
    for _ in range(streams):
        if at + 2 > len(payload):
            raise ArchiveError("the directory of streams is damaged")
        kind, packing = payload[at], payload[at + 1]
        size, at = read_varint(payload, at + 2)
        packed, at = read_varint(payload, at)
        if found and kind <= found[-1][0]:
            raise ArchiveError("the directory of streams is not in order")
        total += size
        found.append((kind, packing, size, packed))
    if total > limit:
        raise ArchiveError(f"streams of {total} bytes, at most {limit} are possible here")
    listed = []
    for kind, packing, size, packed in found:
        listed.append(Stream(kind, packing, size, at, packed))
        at += packed
    if at != len(payload):
        raise ArchiveError(f"streams end at byte {at} of a payload of {len(payload)}")
    return listed


def _listed(header: BlockHeader, payload: bytes) -> list[Stream]:
    """The streams of a payload whose checksum is right."""
    if xxh64(payload) != header.coded_hash:
        raise ArchiveError("checksum of the stored bytes is wrong")
    return directory(payload, header.streams, room(header.raw))


def open_view(header: BlockHeader, payload: bytes) -> View | None:
    """A block opened in stages; None if it is not a block of columns.

    The checksum of the stored bytes is verified; that of the raw bytes cannot be, because they are
    not made.

    Raises:
        ArchiveError: it is damaged.
        NativeError: it is damaged, too, in its streams.
    """
    if header.codec != COLUMNS:
        return None
    streams = {s.kind: s for s in _listed(header, payload)}
    if any(STREAMS <= kind < IGNORABLE for kind in streams):
        return None
    sizes = [streams[k].size if k in streams else 0 for k in range(STREAMS)]

    def packed(found: Stream) -> bytes:
        return payload[found.at : found.at + found.packed]

    cut = {
        k: Pieces.of(packed(s), s.size)
        for k, s in streams.items()
        if k < IGNORABLE and s.packing == PIECES
    }

    def stream(kind: int, piece: int) -> Data:
        found = streams[kind]
        if kind in cut:
            return cut[kind].piece(packed(found), piece)
        return unpack_any(found.packing, packed(found), found.size)

    guide = stream(GUIDE, 0) if GUIDE in streams else b""
    places = {kind: pieces.places for kind, pieces in cut.items()}
    return View(sizes, stream, header.lines, header.raw, places, guide)


def unpack_block(header: BlockHeader, payload: bytes) -> memoryview | bytes:
    """The raw bytes of a block, both checksums verified.

    Raises:
        ArchiveError: they cannot be had.
    """
    # The one stream of a plain block is what is returned.
    again = header.codec != PLAIN
    return decode_streams(header, unpack_streams(header, payload, again=again))


_own = threading.local()
"""What a thread uses again: memory that is new is fetched from the system page by page."""


def unpack_streams(header: BlockHeader, payload: bytes, *, again: bool = False) -> dict[int, Data]:
    """The streams of a block by kind, but those that may be ignored.

    Args:
        header: the block's.
        payload: the block's.
        again: whether the thread's next call may overwrite what is returned.

    Raises:
        ArchiveError: they cannot be had.
    """
    # Views: a payload has megabytes, and copies of them cost as much as unpacking some.
    view = memoryview(payload)
    listed = [s for s in _listed(header, payload) if s.kind < IGNORABLE]
    total = sum(s.size for s in listed)
    room = memoryview(_room(total)) if again and total <= _MOST_ROOM else None
    found: dict[int, Data] = {}
    for s in listed:
        into = None
        if room is not None:
            into, room = room[: s.size], room[s.size :]
        found[s.kind] = unpack_any(s.packing, view[s.at : s.at + s.packed], s.size, into)
    return found


def _room(size: int) -> bytearray:
    if len(getattr(_own, "room", b"")) < size:
        _own.room = bytearray(size + size // 8)
    room: bytearray = _own.room
    return room


def decode_streams(header: BlockHeader, streams: Mapping[int, Data]) -> memoryview | bytes:
    """The raw bytes of a block from its streams, their checksum verified.

    Raises:
        ArchiveError: they cannot be had.
    """
    raw: memoryview | bytes
    if header.codec == PLAIN:
        if set(streams) != {0}:
            raise ArchiveError("a plain block without its one stream")
        raw = streams[0]
    elif header.codec == COLUMNS:
        if any(kind >= STREAMS for kind in streams):
            raise ArchiveError(f"stream {max(streams)} is not known; use a newer logpipe")
        try:
            raw = decode_block(
                [streams.get(kind, b"") for kind in range(STREAMS)], header.lines, header.raw
            )
        except NativeError as error:
            raise ArchiveError(str(error)) from None
    elif header.codec == ROWS:
        if not set(streams) <= {0, 1, CODED_ROWS}:
            raise ArchiveError(f"stream {max(streams)} is not known; use a newer logpipe")
        table, literals, coded = (streams.get(kind, b"") for kind in (0, 1, CODED_ROWS))
        try:
            raw = decode_mixed(table, literals, coded, header.lines, header.raw)
        except NativeError as error:
            raise ArchiveError(str(error)) from None
    else:
        raise ArchiveError(f"block codec {header.codec} is not known; use a newer logpipe")
    if len(raw) != header.raw or xxh64(raw) != header.raw_hash:
        raise ArchiveError("checksum of the decoded bytes is wrong")
    return raw
