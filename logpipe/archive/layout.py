"""The container's bytes: header, blocks, footer, trailer. FORMAT.md is the contract.

Everything here is fixed-size little-endian structures with their checks; what is inside of a block
is not looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from logpipe.errors import ArchiveError
from logpipe.native.hashing import xxh64

__all__ = [
    "BLOCK_HEADER",
    "BLOCK_MAGIC",
    "CONTINUES",
    "FILE_HEADER",
    "FOOTER_MAGIC",
    "FORMAT",
    "MAGIC",
    "MAX_FILTER",
    "MAX_RAW",
    "MIN_FILTER",
    "OPEN_END",
    "RECORD_FILTERS",
    "RECORD_LAYOUT",
    "TRAILER",
    "BlockHeader",
    "Entry",
    "Footer",
    "file_header",
    "pack_filters",
    "parse_file_header",
    "parse_filters",
    "parse_footer",
    "parse_totals",
    "parse_trailer",
    "trailer",
]

MAGIC = b"\x89LPZ\r\n\x1a\n"
"""First bytes of an archive. As in PNG: not text, and transfers that touch line ends show."""

MAJOR, MINOR = 1, 0
FORMAT = f"{MAJOR}.{MINOR}"

CLOSING = b"LPZ-end\n"
BLOCK_MAGIC = b"LPZB"
FOOTER_MAGIC = b"LPZF"

CONTINUES = 1
"""Block flag: its first byte goes on with the last line of the block before."""
OPEN_END = 2
"""Block flag: its last byte is not a line feed."""

MAX_RAW = 256 << 20
"""Raw bytes of a block that a reader accepts unless told otherwise."""

RECORD_LAYOUT = 1
"""Footer record: the names of the header layouts used, one a line, UTF-8."""
RECORD_FILTERS = 2
"""Footer record: what the words of each block look like."""

MIN_FILTER, MAX_FILTER = 64, 1 << 18
"""Bytes of a block's filter, a power of two."""

_FILE = struct.Struct("<8sBBHHH")
_BLOCK = struct.Struct("<4sBBHQQIII4xQQ")
_ENTRY = struct.Struct("<QIIIBBH")
_TOTALS = struct.Struct("<QQQ")
_RECORD = struct.Struct("<HI")
_TRAILER = struct.Struct("<II8s")

FILE_HEADER = _FILE.size
BLOCK_HEADER = _BLOCK.size + 8
TRAILER = _TRAILER.size


def file_header() -> bytes:
    """The first 16 bytes of an archive."""
    return _FILE.pack(MAGIC, MAJOR, MINOR, 0, 0, 0)


def parse_file_header(name: str, data: bytes) -> None:
    """Checks the first bytes of a file.

    Raises:
        ArchiveError: it is not an archive, or one that this version cannot read.
    """
    if len(data) < FILE_HEADER or not data.startswith(MAGIC):
        near = sum(a != b for a, b in zip(data, MAGIC, strict=False)) <= 2
        if data.startswith(MAGIC[:4]) or (near and len(data) >= FILE_HEADER):
            raise ArchiveError(
                f"{name}: begins like a logpipe archive, but its first bytes were changed (by "
                f"damage, or a transfer in text mode); fetch it again, or keep what is good by "
                f"`logpipe repair`"
            )
        found = f"found {bytes(data[: len(MAGIC)])!r}" if data else "the file is empty"
        raise ArchiveError(
            f"{name}: is not a logpipe archive (expected {MAGIC!r} at byte 0, {found})"
        )
    _, major, minor, _may, must, _reserved = _FILE.unpack_from(data)
    if major != MAJOR:
        raise ArchiveError(
            f"{name}: has archive format {major}.{minor}, this logpipe reads {MAJOR}.x; "
            f"use a newer logpipe"
        )
    if must:
        raise ArchiveError(
            f"{name}: needs features {must:#06x} that this logpipe does not have; use a newer one"
        )


class BlockHeader(NamedTuple):
    """The 64 bytes in front of a block's payload.

    Attributes:
        codec: what the payload is, see `logpipe.archive.blocks`.
        flags: `CONTINUES`, `OPEN_END`.
        streams: entries of the payload's directory.
        first_line: 0-based number of the line that the first byte belongs to.
        offset: of the first raw byte in the whole source.
        lines: pieces that line feeds cut the raw bytes into.
        raw: raw bytes.
        payload: bytes of the payload.
        coded_hash, raw_hash: XXH64 of the payload and of the raw bytes.
    """

    codec: int
    flags: int
    streams: int
    first_line: int
    offset: int
    lines: int
    raw: int
    payload: int
    coded_hash: int
    raw_hash: int

    def pack(self) -> bytes:
        """The bytes, with their checksum."""
        data = _BLOCK.pack(
            BLOCK_MAGIC,
            self.codec,
            self.flags,
            self.streams,
            self.first_line,
            self.offset,
            self.lines,
            self.raw,
            self.payload,
            self.coded_hash,
            self.raw_hash,
        )
        return data + struct.pack("<Q", xxh64(data))

    @classmethod
    def parse(cls, data: bytes) -> BlockHeader | None:
        """The header in front of `data`, or None if there is none, or it is damaged."""
        if len(data) < BLOCK_HEADER or not data.startswith(BLOCK_MAGIC):
            return None
        (check,) = struct.unpack_from("<Q", data, _BLOCK.size)
        if xxh64(data[: _BLOCK.size]) != check:
            return None
        return cls(*_BLOCK.unpack_from(data)[1:])

    @property
    def starts(self) -> int:
        """Lines that begin in the block."""
        return self.lines - (1 if self.flags & CONTINUES and self.lines else 0)


class Entry(NamedTuple):
    """A block in the footer; `at` is the position of its header in the file."""

    at: int
    lines: int
    raw: int
    payload: int
    codec: int
    flags: int

    @classmethod
    def of(cls, at: int, header: BlockHeader) -> Entry:
        """The entry of a block."""
        return cls(at, header.lines, header.raw, header.payload, header.codec, header.flags)

    @property
    def starts(self) -> int:
        """Lines that begin in the block."""
        return self.lines - (1 if self.flags & CONTINUES and self.lines else 0)

    @property
    def end(self) -> int:
        """Where the block ends in the file."""
        return self.at + BLOCK_HEADER + self.payload


class Footer(NamedTuple):
    """What is in an archive: all blocks of the file before it, in order.

    Attributes:
        entries: the blocks.
        records: further facts by tag; tags from 0x8000 on must be understood.
    """

    entries: Sequence[Entry]
    records: Mapping[int, bytes]

    @property
    def lines(self) -> int:
        """Lines of the source."""
        return sum(e.starts for e in self.entries)

    @property
    def raw(self) -> int:
        """Bytes of the source."""
        return sum(e.raw for e in self.entries)

    def pack(self) -> bytes:
        """The bytes, with their checksum; the trailer comes next."""
        payload = bytearray(_TOTALS.pack(len(self.entries), self.lines, self.raw))
        for e in self.entries:
            payload += _ENTRY.pack(e.at, e.lines, e.raw, e.payload, e.codec, e.flags, 0)
        for tag, value in sorted(self.records.items()):
            payload += _RECORD.pack(tag, len(value)) + value
        head = FOOTER_MAGIC + struct.pack("<I", len(payload))
        return head + payload + struct.pack("<Q", xxh64(bytes(payload)))


def pack_filters(filters: Sequence[bytes]) -> bytes:
    """The record of what searches learn about blocks: for each a length and its filter."""
    return b"".join(struct.pack("<I", len(f)) + f for f in filters)


def parse_filters(record: bytes, blocks: int) -> list[bytes]:
    """The filters of a record, one for each block; empty where there is none that can be used."""
    found: list[bytes] = []
    at = 0
    while at + 4 <= len(record):
        (size,) = struct.unpack_from("<I", record, at)
        at += 4 + size
        usable = at <= len(record) and MIN_FILTER <= size <= MAX_FILTER and size & (size - 1) == 0
        found.append(record[at - size : at] if usable else b"")
    if at != len(record) or len(found) > blocks:
        return [b""] * blocks
    return found + [b""] * (blocks - len(found))


def trailer(footer: bytes) -> bytes:
    """The last 16 bytes of an archive."""
    size = struct.pack("<I", len(footer))
    return size + struct.pack("<I", xxh64(size) & 0xFFFFFFFF) + CLOSING


def parse_trailer(data: bytes) -> int | None:
    """The length of the footer before a trailer; None if it is none."""
    if len(data) < TRAILER:
        return None
    size, check, closing = _TRAILER.unpack_from(data)
    if closing != CLOSING or xxh64(data[:4]) & 0xFFFFFFFF != check:
        return None
    return int(size)


def parse_totals(data: bytes) -> tuple[int, int, int] | None:
    """Blocks, lines and raw bytes that the beginning of a footer claims; nothing is checked."""
    if len(data) < 8 + _TOTALS.size:
        return None
    blocks, lines, raw = _TOTALS.unpack_from(data, 8)
    return int(blocks), int(lines), int(raw)


def parse_footer(data: bytes, at: int) -> Footer | None:
    """A footer that stands at position `at` of the file.

    Returns None where it is damaged. Nothing that it claims is believed before it is checked
    against its own length and position.

    Raises:
        ArchiveError: it has a record that must be understood and is not.
    """
    if len(data) < 16 + _TOTALS.size or not data.startswith(FOOTER_MAGIC):
        return None
    (size,) = struct.unpack_from("<I", data, 4)
    if len(data) != 16 + size or size < _TOTALS.size:
        return None
    payload = data[8 : 8 + size]
    if struct.unpack_from("<Q", data, 8 + size)[0] != xxh64(payload):
        return None
    blocks, lines, raw = _TOTALS.unpack_from(payload)
    if blocks > (size - _TOTALS.size) // _ENTRY.size:
        return None
    entries = []
    position, low = _TOTALS.size, FILE_HEADER
    for _ in range(blocks):
        entry = Entry(*_ENTRY.unpack_from(payload, position)[:6])
        if entry.at < low or entry.end > at or entry.lines > entry.raw:
            return None
        entries.append(entry)
        low = entry.end
        position += _ENTRY.size
    records = {}
    while position < size:
        if size - position < _RECORD.size:
            return None
        tag, length = _RECORD.unpack_from(payload, position)
        position += _RECORD.size
        if length > size - position:
            return None
        if tag >= 0x8000:
            raise ArchiveError(f"footer record {tag:#06x} is not known; use a newer logpipe")
        records[tag] = payload[position : position + length]
        position += length
    footer = Footer(entries, records)
    return footer if (footer.lines, footer.raw) == (lines, raw) else None
