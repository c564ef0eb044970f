"""Streams in pieces: long columns are packed alone, so that a search unpacks only what it needs.

Piece 0 is what lies between the others, end to end. See packing 4 in FORMAT.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from logpipe.archive.packing import PIECES, Data, Level, pack, quick_size, unpack
from logpipe.errors import ArchiveError

__all__ = ["Pieces", "pack_pieces", "put_varint", "read_varint", "unpack_any"]

_PARTS = 30
"""A piece is one part in so many, packed, at least."""
_DENSE = 8
"""What becomes smaller than one part in so many repeats something, which is mostly outside, too."""
_SAME = 1.01
"""How much of it what is cut may take, as zstd sees it."""


def put_varint(value: int) -> bytes:
    """A number in seven bits a byte, low ones first."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: Data, at: int) -> tuple[int, int]:
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
    raise ArchiveError("a number is damaged")


def _between(places: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Start and end of what lies before, between and behind pieces."""
    at = 0
    for start, length in places:
        yield at, start
        at = start + length
    yield at, size


def _alone(data: memoryview, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pieces that are a good part of all and have little in common with the rest.

    To cut them costs next to nothing, and not to unpack them saves a lot.
    """
    cut: list[tuple[int, int]] = []
    size = whole = quick_size(data)
    for place in sorted(places, key=lambda place: place[1], reverse=True):
        alone = quick_size(data[place[0] : place[0] + place[1]])
        if alone * _PARTS < whole or alone * _DENSE < place[1]:
            continue
        tried = sorted([*cut, place])
        rest = quick_size(_rest(data, tried))
        if rest + alone <= _SAME * size:
            cut, size = tried, rest
    return cut


def _rest(data: memoryview, places: Sequence[tuple[int, int]]) -> bytes:
    return b"".join(data[a:b] for a, b in _between(places, len(data)))


def pack_pieces(
    data: memoryview, places: Sequence[tuple[int, int]], level: Level
) -> tuple[int, Data]:
    """A stream in pieces, packed, and by what; in one where pieces would cost more than they save.

    Args:
        data: the stream.
        places: start and length of each piece but the first, in order.
        level: as for `pack`.
    """
    if level == "default":
        places = _alone(data, places)
    if not places:
        return pack(data, level)
    packed = [pack(_rest(data, places), level), *(pack(data[a : a + n], level) for a, n in places)]
    gaps = _between(places, len(data))
    head = bytearray(put_varint(len(places)))
    for (a, b), (_, length) in zip(gaps, places, strict=False):
        head += put_varint(b - a) + put_varint(length)
    for packing, piece in packed:
        head += bytes([packing]) + put_varint(len(piece))
    return PIECES, bytes(head) + b"".join(piece for _, piece in packed)


class Pieces(NamedTuple):
    """What is in a stream in pieces.

    Attributes:
        places: start and length of each piece but the first, in the stream unpacked.
        packed: of each piece its packing, and where it begins and ends among the packed bytes.
        size: bytes of the stream, unpacked.
    """

    places: list[tuple[int, int]]
    packed: list[tuple[int, int, int]]
    size: int

    @classmethod
    def of(cls, data: Data, size: int) -> Pieces:
        """Reads what a stream in pieces begins with.

        Raises:
            ArchiveError: the pieces are not those of a stream of this size.
        """
        count, at = read_varint(data, 0)
        if 2 * count > len(data):
            raise ArchiveError(f"{count} pieces in {len(data)} bytes")
        places: list[tuple[int, int]] = []
        end = 0
        for _ in range(count):
            gap, at = read_varint(data, at)
            length, at = read_varint(data, at)
            places.append((end + gap, length))
            end += gap + length
        if end > size:
            raise ArchiveError(f"pieces that end at byte {end} of a stream of {size}")
        kinds: list[tuple[int, int]] = []
        for _ in range(count + 1):
            packing, at = read_varint(data, at)
            length, at = read_varint(data, at)
            kinds.append((packing, length))
        ends = list(accumulate((length for _, length in kinds), initial=at))
        if ends[-1] != len(data):
            raise ArchiveError(f"pieces end at byte {ends[-1]} of {len(data)}")
        packed = [(kind, ends[i], ends[i + 1]) for i, (kind, _) in enumerate(kinds)]
        return cls(places, packed, size)

    def piece(self, data: Data, number: int) -> Data:
        """One of them, unpacked.

        Raises:
            ArchiveError: it is damaged.
        """
        packing, start, end = self.packed[number]
        if number:
            size = self.places[number - 1][1]
        else:
            size = self.size - sum(length for _, length in self.places)
        return unpack(packing, data[start:end], size)

    def whole(self, data: Data, into: memoryview | None = None) -> Data:
        """The stream; see `unpack`.

        Raises:
            ArchiveError: it is damaged.
        """
        out = memoryview(bytearray(self.size)) if into is None else into
        rest = memoryview(self.piece(data, 0))
        for a, b in _between(self.places, self.size):
            out[a:b] = rest[: b - a]
            rest = rest[b - a :]
        for number, (start, length) in enumerate(self.places, 1):
            out[start : start + length] = self.piece(data, number)
        return out


def unpack_any(packing: int, data: Data, size: int, into: memoryview | None = None) -> Data:
    """A stream of `size` bytes, in pieces or not; as `unpack`."""
    if packing == PIECES:
        return Pieces.of(data, size).whole(data, into)
    return unpack(packing, data, size, into)
