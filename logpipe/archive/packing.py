"""Streams packed: stored, zstd, LZMA, or by the mixing coder of our own (level max).

zstd and LZMA are published formats with many implementations; which version of a library packs
does not matter for reading. A packed stream says nothing about its size that is believed: the
directory in front of it does, and what comes out has to agree.

A packer is imported when a stream needs it: to read an archive, mostly one of three.
"""

from __future__ import annotations

import threading
from typing import Literal, TypeAlias

from logpipe.errors import ArchiveError, NativeError

__all__ = [
    "LZMA",
    "MIXED",
    "PIECES",
    "STORED",
    "ZSTD",
    "Level",
    "estimate",
    "far_estimate",
    "least_plain",
    "pack",
    "pack_plain",
    "quick_size",
    "unpack",
    "xz_estimate",
]

STORED, ZSTD, LZMA, MIXED, PIECES = 0, 1, 2, 3, 4

Level = Literal["fast", "default", "max"]
Data: TypeAlias = bytes | memoryview

_FAST, _PLAIN_FAST = 1, 3
"""Levels of zstd at level fast. In streams, 3 instead of 1 finds 1 % more, and takes a third
longer. Plain bytes are held against zstd -3."""
_ESTIMATE, _NEAR = 6, 9
"""Levels of zstd for a guess at LZMA, and at zstd -19."""
_PIECE = 1 << 16
"""Bytes of a stretch that slow ways are tried on."""
_LONG = 1 << 15
"""Bytes of a stream from which on it is worth to ask whether anything in it repeats."""
_RANDOM = 0.3
"""What zstd -1 makes of such a stream if nothing does, at least."""
_SAME = 0.98
"""Ways that differ by less than this are the same."""
_SMALL = 48
"""Shorter streams are stored: the frame of a packer is as long."""
_MAX_DICTIONARY = 26
_FEW = 1 << 16
"""Bytes up to which zstd's shorter frame can win at level max."""
_SAMPLE = 1 << 18
"""Bytes on which the mixing coder has to prove itself for longer streams."""
_MIXES = 0.75
"""What it has to make of them, against LZMA: it knows nothing of what lies far back."""


def pack(data: Data, level: Level) -> tuple[int, Data]:
    """A stream of a parsed block, packed, and by what."""
    if len(data) < _SMALL:
        return STORED, data
    if level == "fast":
        return _best(data, (ZSTD, _zstd(data, _FAST)))
    if level == "default":
        return _best(data, _letters(data) or (LZMA, _lzma(data, 6)))
    return _best(data, _smallest(data))


def _letters(data: Data) -> tuple[int, bytes] | None:
    """A long stream without repeats: zstd does the same as LZMA, in a hundredth of the time."""
    if len(data) < _LONG:
        return None
    quick = _zstd(data, _FAST)
    if len(quick) < _RANDOM * len(data) or len(_zstd(data, _NEAR)) < _SAME * len(quick):
        return None
    middle = data[len(data) // 2 :][:_PIECE]
    return (ZSTD, quick) if len(_lzma(middle, 6)) >= _SAME * len(_zstd(middle, _FAST)) else None


def pack_plain(data: Data, level: Level) -> tuple[int, Data]:
    """Raw bytes of a block, packed, and by what: never larger than the yardstick of the level."""
    if level == "fast":
        return _best(data, (ZSTD, _zstd(data, _PLAIN_FAST)))
    if level == "default":
        return _best(data, (ZSTD, _zstd(data, 19)))
    return _best(data, _smallest(data))


def estimate(data: Data) -> int:
    """About what LZMA makes of a short stream, in a tenth of its time."""
    return min(len(_zstd(data, _ESTIMATE)), len(data))


def quick_size(data: Data) -> int:
    """What zstd -3 makes of bytes."""
    return len(_zstd(data, _PLAIN_FAST))


def least_plain(data: Data) -> float:
    """Bytes that zstd -19 needs at least, as far as quicker ways tell.

    Pieces tell how much smaller it makes what is near than zstd -9 does. What repeats from far away
    is not in them, and leaves more to gain.
    """
    near = len(_zstd(data, _NEAR))
    places = [len(data) * part // 4 for part in (1, 3)]
    pieces = [data[at : at + _PIECE] for at in places] if len(data) > 8 * _PIECE else [data]
    quick = sum(len(_zstd(p, _NEAR)) for p in pieces)
    best = sum(len(_zstd(p, 19)) for p in pieces)
    repeats = near / len(data) < 0.95 * quick / sum(len(p) for p in pieces)
    return (0.8 if repeats else 0.95) * min(best / quick, 1.0) * near


def far_estimate(data: Data) -> int:
    """What zstd makes of bytes, repeats far away included, without taking its time."""
    import zstandard

    log = min(max((len(data) - 1).bit_length(), 17), _MAX_DICTIONARY)
    far = zstandard.ZstdCompressionParameters.from_level(5, window_log=log, enable_ldm=True)
    return len(zstandard.ZstdCompressor(compression_params=far).compress(data))


def xz_estimate(data: Data, far: int) -> float:
    """About what LZMA makes of bytes, from `far_estimate` and what both make of a piece of them."""
    middle = data[len(data) // 2 :][:_SAMPLE]
    return far * len(_lzma(middle, 9)) / max(far_estimate(middle), 1)


def _smallest(data: Data) -> tuple[int, bytes]:
    """By every packer that may win; the mixing coder takes seconds for a megabyte."""
    found = [(LZMA, _lzma(data, 9))]
    if len(data) <= _FEW:
        found.append((ZSTD, _zstd(data, 19)))
    middle = data[len(data) // 2 :][:_SAMPLE]
    if len(data) <= 4 * _SAMPLE or len(_mixed(middle)) < len(_lzma(middle, 9)) * _MIXES:
        found.append((MIXED, _mixed(data)))
    return min(found, key=_size)


def _size(packed: tuple[int, bytes]) -> int:
    return len(packed[1])


def _best(data: Data, packed: tuple[int, bytes]) -> tuple[int, Data]:
    return packed if len(packed[1]) < len(data) else (STORED, data)


def _mixed(data: Data) -> bytes:
    from logpipe.native.rows import encode_text

    return encode_text(data)


_own = threading.local()
"""What a thread uses again: each has a few MB, which the system would give it page by page."""


def _zstd(data: Data, level: int) -> bytes:
    import zstandard

    if level not in (_FAST, _PLAIN_FAST):
        return zstandard.ZstdCompressor(level=level, write_content_size=True).compress(data)
    name = f"compressor{level}"
    if not hasattr(_own, name):
        setattr(_own, name, zstandard.ZstdCompressor(level=level, write_content_size=True))
    packed: bytes = getattr(_own, name).compress(data)
    return packed


def _filters(
    log: int, lc: int, lp: int, pb: int, preset: int | None = None
) -> list[dict[str, int]]:
    import lzma

    chosen = {"id": lzma.FILTER_LZMA1, "dict_size": 1 << log, "lc": lc, "lp": lp, "pb": pb}
    if preset is not None:
        chosen["preset"] = preset
    return [chosen]


def _lzma(data: Data, preset: int) -> bytes:
    """`properties, log2 of the dictionary, raw LZMA with end marker`."""
    import lzma

    log = min(max((len(data) - 1).bit_length(), 12), _MAX_DICTIONARY)
    lc, lp, pb = 3, 0, 0
    packed = lzma.compress(
        data,
        format=lzma.FORMAT_RAW,
        filters=_filters(log, lc, lp, pb, preset | (lzma.PRESET_EXTREME if preset == 9 else 0)),
    )
    return bytes([(pb * 5 + lp) * 9 + lc, log]) + packed


def unpack(packing: int, data: Data, size: int, into: memoryview | None = None) -> Data:
    """A stream of `size` bytes.

    Args:
        packing: what packed it.
        data: the packed stream.
        size: bytes that have to come out.
        into: memory of this size for what comes out; it may be left unused.

    Raises:
        ArchiveError: what comes out is not that, or the packing is not known.
    """
    if packing == STORED:
        if len(data) != size:
            raise ArchiveError(f"stored stream of {len(data)} bytes, expected {size}")
        return data
    if packing == ZSTD:
        return _unzstd(data, size, into)
    if packing == LZMA:
        return _unlzma(data, size)
    if packing == MIXED:
        from logpipe.native.rows import decode_text

        try:
            return decode_text(data, size)
        except NativeError as error:
            raise ArchiveError(f"damaged stream: {error}") from None
    raise ArchiveError(f"packing {packing} is not known; use a newer logpipe")


def _unzstd(data: Data, size: int, into: memoryview | None) -> Data:
    import zstandard

    try:
        found = zstandard.get_frame_parameters(data).content_size
        if found != size:
            raise ArchiveError(f"zstd stream of {found} bytes, expected {size}")
        if size == 0:
            return b""
        if not hasattr(_own, "decompressor"):
            _own.decompressor = zstandard.ZstdDecompressor()
        out: Data
        if into is not None:
            with _own.decompressor.stream_reader(data) as reader:
                out = into[: reader.readinto(into)]
        else:
            out = _own.decompressor.decompress(data, max_output_size=size)
    except zstandard.ZstdError as error:
        raise ArchiveError(f"damaged zstd stream: {error}") from None
    if len(out) != size:
        raise ArchiveError(f"zstd stream of {len(out)} bytes, expected {size}")
    return out


def _unlzma(data: Data, size: int) -> bytes:
    import lzma

    if len(data) < 2 or data[0] >= 225 or not 12 <= data[1] <= _MAX_DICTIONARY:
        raise ArchiveError("damaged LZMA stream: properties out of range")
    rest, lc = divmod(data[0], 9)
    pb, lp = divmod(rest, 5)
    if lc + lp > 4 or 1 << data[1] > max(2 * size, 4096):
        raise ArchiveError("damaged LZMA stream: properties out of range")
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=_filters(data[1], lc, lp, pb))
    try:
        out = decoder.decompress(data[2:], max_length=size + 1)
    except (lzma.LZMAError, EOFError, ValueError) as error:
        raise ArchiveError(f"damaged LZMA stream: {error}") from None
    if len(out) != size:
        raise ArchiveError(f"LZMA stream of {len(out)} bytes, expected {size}")
    return out
