"""Blocks: raw bytes to a payload and back, in whatever way is smallest.

A block is parsed rows as streams (`COLUMNS`) or, where that does not pay, the bytes as they are
(`PLAIN`), packed. Both ways are checked: the payload by a checksum before anything is decoded, the
raw bytes by another one after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from logpipe.archive.layout import BlockHeader
from logpipe.archive.packing import STORED, Level, pack, pack_plain, unpack
from logpipe.errors import ArchiveError, NativeError
from logpipe.native.archive import STREAMS, BlockRows, decode_block, decode_mixed, xxh64
from logpipe.native.search import filter_of

__all__ = [
    "COLUMNS",
    "PLAIN",
    "ROWS",
    "PackedBlock",
    "Stream",
    "block_filter",
    "directory",
    "pack_bytes",
    "pack_rows",
    "read_varint",
    "unpack_block",
]

PLAIN, COLUMNS, ROWS = 0, 1, 2

CODED_ROWS = 10
"""Stream of a block of level max that has its rows."""
IGNORABLE = 128
"""Streams from this number on may be skipped by those who do not know them."""

_FILTER_SHARE = 24
_SMALLEST_FILTER = 64
_PIECE = 1 << 18
_PIECES = 4
_SCALE = {"fast": 1.0, "default": 0.75, "max": 0.5}
"""What the packer of plain bytes makes of a block, against zstd -3 on pieces of it, at best."""


@dataclass(frozen=True)
class PackedBlock:
    """A block that only lacks its place in the file."""

    codec: int
    streams: int
    lines: int
    raw: int
    payload: bytes
    coded_hash: int
    raw_hash: int
    open_end: bool
    filter: bytes = b""


@dataclass(frozen=True)
class Stream:
    """An entry of a payload's directory; `at` is where the packed bytes begin in the payload."""

    kind: int
    packing: int
    size: int
    at: int
    packed: int


def pack_rows(rows: BlockRows, level: Level) -> PackedBlock:
    """A block of parsed rows."""
    raw = rows.raw
    payload, streams, codec = b"", 0, PLAIN
    try:
        if level == "max":
            codec = ROWS
            table, literals, coded = (s.tobytes() for s in rows.encode_mixed())
            packed = [(k, len(d), *pack(d, level)) for k, d in enumerate((table, literals)) if d]
            packed.append((CODED_ROWS, len(coded), STORED, coded))
        else:
            codec = COLUMNS
            encoded = [(kind, s.tobytes()) for kind, s in enumerate(rows.encode()) if len(s)]
            packed = [(kind, len(data), *pack(data, level)) for kind, data in encoded]
        if sum(size for _, size, _, _ in packed) > _room(len(raw)):
            raise NativeError("streams that are larger than what they stand for")
        payload, streams = _payload(packed), len(packed)
    except NativeError:
        # Rows of a kind that columns do not hold; the bytes are stored all the same.
        pass
    if not payload or len(payload) > 0.8 * _SCALE[level] * _plain_estimate(raw):
        plain = _payload([(0, len(raw), *pack_plain(raw.tobytes(), level))])
        if not payload or len(plain) < len(payload):
            payload, streams, codec = plain, 1, PLAIN
    return _packed(raw, rows.lines, payload, streams, codec)


def pack_bytes(raw: bytes, level: Level) -> PackedBlock:
    """A block of bytes that nobody parsed."""
    data = np.frombuffer(raw, np.uint8)
    lines = raw.count(b"\n") + (not raw.endswith(b"\n"))
    payload = _payload([(0, len(raw), *pack_plain(raw, level))])
    return _packed(data, lines, payload, 1, PLAIN)


def _room(raw: int) -> int:
    """Bytes that the streams of a block have together at most, unpacked."""
    return 4 * raw + (1 << 16)


def _packed(
    raw: npt.NDArray[np.uint8], lines: int, payload: bytes, streams: int, codec: int
) -> PackedBlock:
    return PackedBlock(
        codec=codec,
        streams=streams,
        lines=lines,
        raw=len(raw),
        payload=payload,
        coded_hash=xxh64(payload),
        raw_hash=xxh64(raw),
        open_end=len(raw) > 0 and int(raw[-1]) != 10,
        filter=block_filter(raw, len(payload)),
    )


def block_filter(raw: npt.NDArray[np.uint8] | bytes, payload: int) -> bytes:
    """What a search learns about a block without opening it: at most 1/24 of its payload."""
    return filter_of(raw, max(payload // _FILTER_SHARE, _SMALLEST_FILTER))


def _plain_estimate(raw: npt.NDArray[np.uint8]) -> float:
    """About what zstd -3 makes of a block, from pieces of it."""
    step = max(len(raw) // _PIECES, 1)
    if len(raw) <= _PIECE * _PIECES:
        pieces = [raw]
    else:
        pieces = [raw[i * step : i * step + _PIECE] for i in range(_PIECES)]
    packed = sum(len(pack_plain(p.tobytes(), "fast")[1]) for p in pieces)
    return packed * len(raw) / max(sum(len(p) for p in pieces), 1)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _payload(packed: Sequence[tuple[int, int, int, bytes]]) -> bytes:
    head = b"".join(
        bytes([kind, packing]) + _varint(size) + _varint(len(data))
        for kind, size, packing, data in packed
    )
    return head + b"".join(data for *_, data in packed)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length at a position, and the position after it."""
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ArchiveError("the directory of streams is damaged")


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


def unpack_block(header: BlockHeader, payload: bytes) -> npt.NDArray[np.uint8] | bytes:
    """The raw bytes of a block, both checksums verified.

    Raises:
        ArchiveError: they cannot be had.
    """
    if xxh64(payload) != header.coded_hash:
        raise ArchiveError("checksum of the stored bytes is wrong")
    listed = directory(payload, header.streams, _room(header.raw))
    streams = {
        s.kind: unpack(s.packing, payload[s.at : s.at + s.packed], s.size)
        for s in listed
        if s.kind < IGNORABLE
    }
    raw: npt.NDArray[np.uint8] | bytes
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
