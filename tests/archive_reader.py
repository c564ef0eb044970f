"""A second reader of archives, small and slow, written from FORMAT.md alone.

It shares no code with the package. Codec 2 and packing 3 (level max) are left out: their model
takes more code than all the rest. What it makes is held against the checksum of the raw bytes by
whoever reads.
"""

from __future__ import annotations

import lzma
import re
import struct
from collections.abc import Iterator
from itertools import pairwise

import zstandard

MASK = (1 << 64) - 1


def xxh64(data: bytes) -> int:
    """XxHash's 64-bit variant with seed 0."""
    p1, p2, p3, p4, p5 = (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )

    def rotl(v: int, n: int) -> int:
        return (v << n | v >> (64 - n)) & MASK

    def mix(acc: int, lane: int) -> int:
        return rotl((acc + lane * p2) & MASK, 31) * p1 & MASK

    at = 0
    if len(data) >= 32:
        acc = [(p1 + p2) & MASK, p2, 0, -p1 & MASK]
        while at + 32 <= len(data):
            lanes = struct.unpack_from("<4Q", data, at)
            acc = [mix(a, lane) for a, lane in zip(acc, lanes, strict=True)]
            at += 32
        h = sum(rotl(a, n) for a, n in zip(acc, (1, 7, 12, 18), strict=True)) & MASK
        for a in acc:
            h = ((h ^ mix(0, a)) * p1 + p4) & MASK
    else:
        h = p5
    h = (h + len(data)) & MASK
    while at + 8 <= len(data):
        h = (rotl(h ^ mix(0, struct.unpack_from("<Q", data, at)[0]), 27) * p1 + p4) & MASK
        at += 8
    if at + 4 <= len(data):
        h = (rotl(h ^ struct.unpack_from("<I", data, at)[0] * p1 & MASK, 23) * p2 + p3) & MASK
        at += 4
    for b in data[at:]:
        h = rotl(h ^ b * p5 & MASK, 11) * p1 & MASK
    for shift, p in ((33, p2), (29, p3)):
        h = (h ^ h >> shift) * p & MASK
    return h ^ h >> 32


class Stream:
    """A stream being read."""

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.at = data, 0

    def take(self, n: int) -> bytes:
        assert self.at + n <= len(self.data), "a stream ends early"
        self.at += n
        return self.data[self.at - n : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            b = self.byte()
            value |= (b & 127) << shift
            shift += 7
            if b < 128:
                return value


def read(archive: bytes) -> bytes:
    """The raw bytes of an archive."""
    assert archive[:9] == b"\x89LPZ\r\n\x1a\n\x01", "not an archive of version 1"
    assert archive[12:14] == b"\0\0", "unknown flags"
    size, check = struct.unpack_from("<II", archive, len(archive) - 16)
    assert archive.endswith(b"LPZ-end\n")
    assert check == xxh64(archive[-16:-12]) & 0xFFFFFFFF
    footer = archive[-16 - size : -16]
    assert footer[:4] == b"LPZF"
    (length,) = struct.unpack_from("<I", footer, 4)
    assert size == length + 16
    assert struct.unpack_from("<Q", footer, 8 + length)[0] == xxh64(footer[8 : 8 + length])
    blocks, _lines, raw = struct.unpack_from("<QQQ", footer, 8)
    out = b"".join(
        block(archive, struct.unpack_from("<Q", footer, 32 + 24 * i)[0]) for i in range(blocks)
    )
    assert len(out) == raw
    return out


def filters(archive: bytes) -> list[tuple[bytes, bytes]]:
    """Each block's raw bytes and its filter, of record 2; empty where there is none."""
    (size,) = struct.unpack_from("<I", archive, len(archive) - 16)
    footer = Stream(archive[-16 - size : -24])
    footer.take(8)
    blocks = struct.unpack("<QQQ", footer.take(24))[0]
    raw = [block(archive, struct.unpack("<Q12xBBH", footer.take(24))[0]) for _ in range(blocks)]
    tables: list[bytes] = []
    while footer.at < len(footer.data):
        tag, length = struct.unpack("<HI", footer.take(6))
        record = Stream(footer.take(length))
        if tag == 2:
            tables = [record.take(struct.unpack("<I", record.take(4))[0]) for _ in range(blocks)]
            assert record.at == length
    return list(zip(raw, tables or [b""] * blocks, strict=True))


def filter_numbers(raw: bytes) -> set[int]:
    """The numbers of raw bytes that a filter has bits of."""
    found = set()
    for word in re.findall(rb"[A-Za-z0-9_\x80-\xff]{8,}", raw):
        lower = bytes(b + 32 if 65 <= b <= 90 else b for b in word)
        for at in range(0, len(lower) - 7, 8):
            found.add(int.from_bytes(lower[at : at + 8], "little"))
        found.add(int.from_bytes(lower[-8:], "little") ^ 0xD6E8FEB86659FD93)
    for pair in re.finditer(rb"(?=\.([0-9]{1,5})\.([0-9]{1,5})\.)", raw):
        v = 0
        for run in pair.groups():
            for digit in run:
                v = 10 * v + digit - 48
            v = 8 * v + len(run)
        found.add((v + 1) * 0xA0761D6478BD642F & MASK)
    return found


def in_filter(table: bytes, v: int) -> bool:
    """Whether a filter has both bits of a number."""
    h = (v ^ v >> 32) * 0x9E3779B97F4A7C15 & MASK
    h = (h ^ h >> 29) * 0x9E3779B97F4A7C15 & MASK
    bits = 8 * len(table)
    return all(table[b // 8] >> b % 8 & 1 for b in (h % bits, (h >> 32) % bits))


def block(archive: bytes, at: int) -> bytes:
    """The raw bytes of the block at a position."""
    head = archive[at : at + 64]
    assert head[:4] == b"LPZB"
    assert struct.unpack_from("<Q", head, 56)[0] == xxh64(head[:56])
    codec, _flags, streams = struct.unpack_from("<BBH", head, 4)
    lines, raw_len, size = struct.unpack_from("<III", head, 24)
    coded, plain = struct.unpack_from("<QQ", head, 40)
    payload = archive[at + 64 : at + 64 + size]
    assert xxh64(payload) == coded
    directory = Stream(payload)
    listed = [
        (directory.byte(), directory.byte(), directory.varint(), directory.varint())
        for _ in range(streams)
    ]
    found = {kind: unpack(packing, directory.take(n), size) for kind, packing, size, n in listed}
    raw = found[0] if codec == 0 else Columns(found).rows(lines)
    assert codec in (0, 1)
    assert len(raw) == raw_len
    assert xxh64(raw) == plain
    return raw


def unpack(packing: int, data: bytes, size: int) -> bytes:
    """An unpacked stream."""
    if packing == 1:
        data = zstandard.ZstdDecompressor().decompress(data)
    elif packing == 4:
        return in_pieces(Stream(data), size)
    elif packing == 2:
        rest, lc = divmod(data[0], 9)
        pb, lp = divmod(rest, 5)
        chosen = {"id": lzma.FILTER_LZMA1, "dict_size": 1 << data[1], "lc": lc, "lp": lp, "pb": pb}
        data = lzma.decompress(data[2:], lzma.FORMAT_RAW, filters=[chosen])
    else:
        assert packing == 0
    assert len(data) == size
    return data


def in_pieces(stream: Stream, size: int) -> bytes:
    """An unpacked stream of packing 4."""
    gaps = [(stream.varint(), stream.varint()) for _ in range(stream.varint())]
    between = size - sum(length for _, length in gaps)
    sizes = [between, *(length for _, length in gaps)]
    kinds = [(stream.byte(), stream.varint(), length) for length in sizes]
    rest, *pieces = (unpack(kind, stream.take(packed), length) for kind, packed, length in kinds)
    assert stream.at == len(stream.data)
    out, at = [], 0
    for (gap, _), piece in zip(gaps, pieces, strict=True):
        out += [rest[at : at + gap], piece]
        at += gap
    return b"".join([*out, rest[at:]])


def kind_of(byte: int) -> int:
    """The kind of a byte in a guide."""
    for number, pattern in enumerate(
        (
            rb"[0-9]", rb"[a-f]", rb"[g-z]", rb"[A-F]", rb"[G-Z]", rb"\.", rb":", rb"-", rb"_",
            rb"/", rb" ", rb"[\"']", rb"[][()<>{}]", rb"[=,;&?%]",
        ),
        1,
    ):  # fmt: skip
        if re.match(pattern, bytes([byte])):
            return number
    return 15


KINDS = bytes(kind_of(b) for b in range(256))


def guides(archive: bytes) -> list[tuple[list[list[int]], list[list[int]]]]:
    """Each guide of an archive as sections of numbers, and what they should be."""
    found = []
    (size,) = struct.unpack_from("<I", archive, len(archive) - 16)
    footer = archive[-16 - size : -24]
    for i in range(struct.unpack_from("<Q", footer, 8)[0]):
        (at,) = struct.unpack_from("<Q", footer, 32 + 24 * i)
        _, _, streams = struct.unpack_from("<BBH", archive, at + 4)
        (lines,) = struct.unpack_from("<I", archive, at + 24)
        directory = Stream(archive[at + 64 :])
        listed = [
            (directory.byte(), directory.byte(), directory.varint(), directory.varint())
            for _ in range(streams)
        ]
        all_ = {kind: unpack(packing, directory.take(n), size) for kind, packing, size, n in listed}
        if 128 in all_:
            guide = Stream(all_[128])
            told = []
            for _ in range(8):
                section = Stream(guide.take(guide.varint()))
                told.append([])
                while section.at < len(section.data):
                    told[-1].append(section.varint())
            assert guide.at == len(guide.data)
            columns = Columns(all_)
            columns.rows(lines)
            found.append((told, columns.guide))
    return found


class Columns:
    """A block of codec 1."""

    def __init__(self, streams: dict[int, bytes]) -> None:
        assert all(kind < 10 for kind in streams if kind < 128)
        (
            self.table,
            self.literals,
            self.row_ids,
            self.steps,
            self.times,
            self.wide,
            self.planes,
            self.index,
            self.text,
            self.lengths,
        ) = self.all = [Stream(streams.get(k, b"")) for k in range(10)]
        self.pool: list[bytes] = []
        self.owners: list[int] = []
        self.guide: list[list[int]] = [[] for _ in range(8)]

    def rows(self, lines: int) -> bytes:
        """The raw bytes."""
        t = self.table
        templates = []
        for _ in range(t.varint()):
            slots = t.varint()
            templates.append([self.literals.take(t.varint()) for _ in range(slots + 1)])
        numbers = [[t.varint() for _ in literals[1:]] for literals in templates]
        rows = self.numbers(lines, self.row_ids)
        self.guide[0] = [rows.count(i) for i in range(len(templates))]
        count = max((n + 1 for some in numbers for n in some), default=0)
        sizes = [0] * count
        for row in rows:
            for n in numbers[row]:
                sizes[n] += 1
        columns = [iter(self.column(n) if n else []) for n in sizes]
        out = []
        for row in rows:
            literals = templates[row]
            out.append(literals[0])
            for n, literal in zip(numbers[row], literals[1:], strict=True):
                out += [next(columns[n]), literal]
        assert all(s.at == len(s.data) for s in self.all), "a stream has something left over"
        return b"".join(out)

    def coded(self, small: Stream) -> int:
        b = small.byte()
        return b if b < 248 else int.from_bytes(self.wide.take(b - 247), "little")

    def numbers(self, n: int, small: Stream, have: int | None = None) -> list[int]:
        """`n` numbers; `have` is the length of the list where they are references."""
        layout, wide = self.table.data[self.table.at], self.wide.at
        values = self.laid_out(n, small, have)
        wide = self.wide.at - wide
        if layout != 2:
            self.guide[1].append(wide)
        if small is not self.row_ids and have is None and (layout == 1 or (layout == 0 and wide)):
            self.guide[2] += [min(values), max(values) - min(values)]
        return values

    def laid_out(self, n: int, small: Stream, have: int | None) -> list[int]:
        layout = self.table.byte()
        if layout == 0:
            return [self.coded(small) for _ in range(n)]
        if layout == 1:
            values = [self.table.varint()]
            for _ in range(n - 1):
                z = self.coded(small)
                values.append((values[-1] + (z >> 1 ^ -(z & 1))) & MASK)
            return values[:n]
        if layout == 2:
            low, width = self.table.varint(), self.table.byte()
            planes = [self.planes.take(n) for _ in range(width)]
            return [low + sum(p[i] << 8 * k for k, p in enumerate(planes)) for i in range(n)]
        assert layout == 3
        assert have is not None
        values = []
        for _ in range(n):
            values.append(have - self.coded(small))
            have += values[-1] == have
        return values

    def texts(self, n: int) -> list[bytes]:
        width = self.table.varint()
        lengths = self.lengths.at
        found = [self.text.take(width - 1 if width else self.lengths.varint()) for _ in range(n)]
        size = sum(map(len, found))
        if not width:
            self.guide[5].append(size)
            self.guide[6].append(self.lengths.at - lengths - n)
        if size >= 32768:
            triples = set()
            for text in found:
                kinds = [0, 0, *text.translate(KINDS), 0]
                ends = zip(kinds, kinds[1:], kinds[2:], strict=False)
                triples |= {256 * a + 16 * b + c for a, b, c in ends}
            listed = [0, *sorted(triples)]
            steps = [b - a for a, b in pairwise(listed)]
            few = len(triples) <= 400
            self.guide[7] += [len(triples) + 1, max(map(len, found)), *steps] if few else [0]
        return found

    def literal(self) -> bytes:
        return self.text.take(self.table.varint())

    def skeleton(self) -> list[bytes]:
        fields = self.table.varint()
        return [self.literal() for _ in range(fields + 1)]

    def column(self, n: int) -> list[bytes]:
        """The values of a column."""
        codec = self.table.byte()
        if codec == 0:
            return [self.literal()] * n
        if codec == 1:
            return self.texts(n)
        if codec == 2:
            entries = self.texts(self.table.varint())
            return [entries[i] for i in self.index.take(n)]
        if codec == 3:
            form = self.table.byte()
            values = self.numbers(n, self.steps)
            if form == 1:
                return [b"%d" % (z >> 1 ^ -(z & 1)) for z in values]
            return [b"%0*d" % (max(form - 2, 1), v) for v in values]
        if codec == 4:
            return list(self.stamps(n))
        if codec == 5:
            references = self.numbers(n, self.steps, len(self.pool))
            added = max([len(self.pool), *(r + 1 for r in references)]) - len(self.pool)
            own = len(self.guide[3])
            self.owners += [own] * added
            sources = [0, *sorted({self.owners[r] for r in references} - {own})]
            self.guide[4] += [len(sources) - 1, *(b - a for a, b in pairwise(sources))]
            self.guide[3].append(added)
            self.pool += self.texts(added)
            return [self.pool[r] for r in references]
        assert codec == 6
        first, *literals = self.skeleton()
        parts = [self.column(n) for _ in literals]
        return [
            first + b"".join(p[i] + lit for p, lit in zip(parts, literals, strict=True))
            for i in range(n)
        ]

    def stamps(self, n: int) -> Iterator[bytes]:
        first, *literals = self.skeleton()
        fields = [(self.table.byte(), self.table.varint()) for _ in literals]
        for v in self.numbers(n, self.times):
            parts: list[bytes] = []
            for (digits, radix), literal in zip(fields[::-1], literals[::-1], strict=True):
                v, field = divmod(v, radix)
                parts[:0] = [b"%0*d" % (max(digits, 1), field), literal]
            assert v == 0
            yield first + b"".join(parts)
