"""Blocks: raw bytes to a payload and back, in whatever way is smallest.

A block is parsed rows as streams (`COLUMNS`) or, where that does not pay, the bytes as they are
(`PLAIN`), packed. Both ways are checked: the payload by a checksum before anything is decoded, the
raw bytes by another one after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from logpipe.archive.packing import (
    STORED,
    Data,
    Level,
    estimate,
    far_estimate,
    least_plain,
    pack,
    pack_plain,
    xz_estimate,
)
from logpipe.archive.pieces import pack_pieces, put_varint, read_varint
from logpipe.archive.unpacking import (
    CODED_ROWS,
    COLUMNS,
    GUIDE,
    PLAIN,
    ROWS,
    Stream,
    directory,
    room,
    unpack_block,
)
from logpipe.errors import NativeError
from logpipe.native.archive import FIELDS, GIVEN, BlockRows
from logpipe.native.hashing import xxh64
from logpipe.native.search import filter_of

__all__ = [
    "COLUMNS",
    "PLAIN",
    "ROWS",
    "PackedBlock",
    "Stream",
    "block_filter",
    "directory",
    "least_columns",
    "pack_bytes",
    "pack_rows",
    "read_varint",
    "unpack_block",
]

_Packed: TypeAlias = "tuple[int, int, int, Data]"
"""A stream: kind, size, packing, and what was packed."""

_FILTER_SHARE = 20
_SMALLEST_FILTER = 64
_PIECE, _GLANCE = 1 << 18, 1 << 15
_PIECES = 4
_FEW = 1 << 16
"""Raw bytes of a block up to which there is one parse: of so few, most are templates."""
_FIELDS = 0.9
"""What fields between delimiters have to make of a stretch, against the parser's templates."""
_GUIDED = 1 << 22
"""Raw bytes of a block from which on it is worth to open only some of it."""
_GUIDE_SHARE = 200
"""A guide may have one part in so many of what it leads through."""
_SCALE = {"fast": 1.0, "default": 0.75, "max": 0.5}
"""What the packer of plain bytes makes of a block, against zstd -3 on pieces of it, at best."""
_XZ = 0.75
"""What LZMA makes of a block, against zstd that sees as far, at best."""


class PackedBlock(NamedTuple):
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


def pack_rows(rows: BlockRows, level: Level) -> PackedBlock:
    """A block of parsed rows."""
    raw = rows.raw
    payload, streams, codec = b"", 0, PLAIN
    try:
        codec, packed = _streams(rows, level)
        if sum(size for _, size, _, _ in packed) > room(len(raw)):
            raise NativeError("streams that are larger than what they stand for")
        payload, streams = _payload(packed), len(packed)
    except NativeError:
        # Rows of a kind that no codec holds; the bytes are stored all the same.
        pass
    if not payload or _may_be_smaller_plain(raw, len(payload), level):
        plain = _payload([(0, len(raw), *pack_plain(raw, level))])
        if not payload or len(plain) < len(payload):
            payload, streams, codec = plain, 1, PLAIN
    return _packed(raw, rows.lines, payload, streams, codec)


def _streams(rows: BlockRows, level: Level) -> tuple[int, list[_Packed]]:
    if rows.kind == "columns":
        encoded = [(kind, data) for kind, data in enumerate(_columns(rows, level)) if data]
        if rows.size < _GUIDED:
            return COLUMNS, [(kind, len(data), *pack(data, level)) for kind, data in encoded]
        return COLUMNS, _guided(rows, encoded, level)
    table, literals, coded = (s.tobytes() for s in rows.encode_mixed())
    packed = [(k, len(d), *pack(d, level)) for k, d in enumerate((table, literals)) if d]
    return ROWS, [*packed, (CODED_ROWS, len(coded), STORED, coded)]


def _guided(
    rows: BlockRows, encoded: Sequence[tuple[int, memoryview]], level: Level
) -> list[_Packed]:
    """Streams that a search can open in pieces, and the guide that says which ones it needs."""
    guide, places = rows.guide()
    packed: list[_Packed] = [
        (k, len(d), *(pack_pieces(d, places[k], level) if k in places else pack(d, level)))
        for k, d in encoded
    ]
    packing, data = pack(guide, level)
    if len(data) * _GUIDE_SHARE <= sum(len(data) for *_, data in packed):
        packed.append((GUIDE, len(guide), packing, data))
    return packed


def least_columns(rows: BlockRows) -> int:
    """About the bytes that a block of columns takes, in a hundredth of the time of level max."""
    return sum(estimate(s) for s in _columns(rows, "max"))


def _columns(rows: BlockRows, level: Level) -> list[memoryview]:
    """Streams of columns; but at level fast in the parse that is smaller on a stretch."""
    if level != "fast" and rows.size > _FEW:
        given, fields = (
            sum(estimate(s) for s in rows.encode_parsed(parse, stretch=True))
            for parse in (GIVEN, FIELDS)
        )
        if fields < _FIELDS * given:
            return rows.encode_parsed(FIELDS, stretch=False)
    return rows.encode(quick=level == "fast")


def _may_be_smaller_plain(raw: memoryview, payload: int, level: Level) -> bool:
    """Whether it is worth the time to pack the bytes as they are."""
    most = 0.8 * _SCALE[level]
    # Mostly a glance is enough.
    if payload <= most / 2 * _plain_estimate(raw, _GLANCE):
        return False
    if payload <= most * _plain_estimate(raw, _PIECE):
        return False
    if level == "default":
        return payload > least_plain(raw)
    if level == "fast":
        return True
    far = far_estimate(raw)
    if payload <= _XZ * far:
        return False
    # LZMA takes a second for a megabyte, and it is seldom the better one.
    return len(raw) <= _PIECES * _PIECE or payload > 0.9 * xz_estimate(raw, far)


def pack_bytes(raw: bytes, level: Level) -> PackedBlock:
    """A block of bytes that nobody parsed."""
    data = memoryview(raw)
    lines = raw.count(b"\n") + (not raw.endswith(b"\n"))
    payload = _payload([(0, len(raw), *pack_plain(raw, level))])
    return _packed(data, lines, payload, 1, PLAIN)


def _packed(raw: memoryview, lines: int, payload: bytes, streams: int, codec: int) -> PackedBlock:
    return PackedBlock(
        codec=codec,
        streams=streams,
        lines=lines,
        raw=len(raw),
        payload=payload,
        coded_hash=xxh64(payload),
        raw_hash=xxh64(raw),
        open_end=len(raw) > 0 and raw[-1] != 10,
        filter=block_filter(raw, len(payload)),
    )


def block_filter(raw: memoryview | bytes, payload: int) -> bytes:
    """What a search learns about a block without opening it: at most 1/20 of its payload."""
    return filter_of(raw, max(payload // _FILTER_SHARE, _SMALLEST_FILTER))


def _plain_estimate(raw: memoryview, size: int) -> float:
    """About what zstd -3 makes of a block, from pieces of it."""
    step = max(len(raw) // _PIECES, 1)
    if len(raw) <= size * _PIECES:
        pieces = [raw]
    else:
        pieces = [raw[i * step : i * step + size] for i in range(_PIECES)]
    packed = sum(len(pack_plain(p, "fast")[1]) for p in pieces)
    return packed * len(raw) / max(sum(len(p) for p in pieces), 1)


def _payload(packed: Sequence[_Packed]) -> bytes:
    head = b"".join(
        bytes([kind, packing]) + put_varint(size) + put_varint(len(data))
        for kind, size, packing, data in packed
    )
    return head + b"".join(data for *_, data in packed)
