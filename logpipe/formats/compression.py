"""Decoders of compressed streams, each a `RawReader` on top of another one.

They are here, and not those of `gzip.open` and friends, for three reasons: those turn a file that
was cut short into an error *instead of* the bytes before the cut, do not say where the cut is, and
(zstandard) do not notice it at all. A reader here delivers every byte that can be decoded and then
raises; memory stays bounded whatever the input expands to.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from logpipe.errors import InputError, TruncatedInputError
from logpipe.formats.streams import RawReader, reason
from logpipe.formats.zstd import ZstdReader

if TYPE_CHECKING:
    import bz2
    import lzma
else:
    from logpipe.lazy import bz2, lzma

__all__ = ["DecodingReader", "compression_of", "decode", "is_named_compressed"]

INPUT_CHUNK = 1 << 16
LZMA_MEMORY = 1 << 30


class _Decoder(Protocol):
    """What bz2, lzma and `_Gzip` have in common: one member, output limited by the caller."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gzip:
    """A gzip member, with the manners of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        # A full buffer can hide output that needs no more input, even with no tail left.
        self.needs_input = len(out) < max_length
        return out


def _bzip2() -> _Decoder:
    return bz2.BZ2Decompressor()


def _xz() -> _Decoder:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=LZMA_MEMORY)


# Name of the format: how many bytes of magic, a test of them, file name endings.
_GZIP = b"\x1f\x8b"
_XZ = b"\xfd7zXZ\0"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BZIP2 = b"BZh"
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
_ENDINGS = {
    "gzip": (".gz", ".tgz"),
    "bzip2": (".bz2", ".tbz", ".tbz2"),
    "xz": (".xz", ".txz"),
    "zstd": (".zst", ".tzst"),
}


def _begins(kind: str, head: bytes) -> bool:
    """Whether head begins, as far as it goes, like the format; it must not be empty."""
    if kind == "gzip":
        return _GZIP.startswith(head[:2])
    if kind == "xz":
        return _XZ.startswith(head[:6])
    if kind == "bzip2":
        level = head[3:4]
        block = head[4:10]
        return (
            _BZIP2.startswith(head[:3])
            and (not level or level in b"123456789")
            and any(magic.startswith(block) for magic in _BZIP2_BLOCKS)
        )
    skippable = head[0] & 0xF0 == 0x50 and b"\x2a\x4d\x18".startswith(head[1:4])
    return skippable or _ZSTD.startswith(head[:4])


_MAGIC_LENGTH = {"gzip": 2, "bzip2": 10, "xz": 6, "zstd": 4}


def compression_of(head: bytes, name: str) -> str | None:
    """The compression of a stream that begins with head (`SNIFF` bytes, or all there are).

    The bytes decide. The name counts only for a stream too short to hold the whole magic, so that
    a compressed file cut to one byte is known as such.

    Returns:
        `"gzip"`, `"bzip2"`, `"xz"`, `"zstd"`, or None for plain bytes.
    """
    if not head:
        return None
    for kind, length in _MAGIC_LENGTH.items():
        if _begins(kind, head) and (len(head) >= length or name.lower().endswith(_ENDINGS[kind])):
            return kind
    return None


def is_named_compressed(name: str) -> bool:
    """Whether the name promises compression; used only where looking inside would cost a pass."""
    return name.lower().endswith(tuple(e for endings in _ENDINGS.values() for e in endings))


def decode(kind: str | None, raw: RawReader, name: str) -> RawReader:
    """The stream behind one of the names that `compression_of` gives; None leaves it as it is."""
    if kind is None:
        return raw
    if kind == "zstd":
        return ZstdReader(raw, name)
    return DecodingReader(kind, raw, name)


class DecodingReader:
    """gzip, bzip2 or xz: one or more members, one after the other.

    Zero bytes after a member are padding, as for gzip(1) and xz(1); anything else that is not a
    further member is an error, after everything before it was delivered.
    """

    _decoders: dict[str, Callable[[], _Decoder]] = {  # noqa: RUF012 - a constant
        "gzip": _Gzip,
        "bzip2": _bzip2,
        "xz": _xz,
    }

    def __init__(self, kind: str, raw: RawReader, name: str) -> None:
        self.name = name
        self._kind = kind
        self._raw = raw
        self._chunk = bytearray(INPUT_CHUNK)
        self._input = b""
        self._decoder: _Decoder | None = None
        self._members = 0
        self._delivered = 0
        self._error: InputError | None = None

    @property
    def position(self) -> int:
        """Compressed bytes consumed."""
        return self._raw.position - len(self._input)

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        if self._error is not None:
            raise self._error
        try:
            data = self._next(len(buffer))
        except InputError as error:
            self._error = error
            raise
        buffer[: len(data)] = data
        self._delivered += len(data)
        return len(data)

    def _next(self, limit: int) -> bytes:
        while True:
            if self._decoder is None and not self._open_member():
                return b""
            decoder = self._decoder
            assert decoder is not None
            if decoder.needs_input and not self._input and not self._fill():
                raise TruncatedInputError(
                    f"{self.name}: ends in the middle of the {self._kind} data, at compressed byte "
                    f"{self._raw.position}, after {self._delivered} decoded bytes; it was cut "
                    f"short. Everything before was read"
                )
            data = b""
            if decoder.needs_input:
                data, self._input = self._input, b""
            try:
                out = decoder.decompress(data, limit)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
                raise InputError(
                    f"{self.name}: damaged {self._kind} data before compressed byte "
                    f"{self._raw.position}, after {self._delivered} decoded bytes: {reason(error)}"
                ) from None
            if decoder.eof:
                self._input = decoder.unused_data
                self._decoder = None
                self._members += 1
            if out:
                return out

    def _fill(self) -> bool:
        """Add a chunk to the pending input; false at the end."""
        count = self._raw.readinto(memoryview(self._chunk))
        self._input += self._chunk[:count]
        return count > 0

    def _open_member(self) -> bool:
        """Stand at the start of the next member; false at the end of the input."""
        while True:
            if self._members and self._kind != "bzip2":
                self._input = self._input.lstrip(b"\0")
            enough = len(self._input) >= _MAGIC_LENGTH[self._kind]
            if enough or not self._fill():
                break
        if not self._input:
            return False
        if not _begins(self._kind, self._input):
            raise InputError(
                f"{self.name}: compressed byte {self.position}: expected the end or another "
                f"{self._kind} member, found {self._input[:4].hex(' ')}; the "
                f"{self._delivered} decoded bytes before it were read"
            )
        self._decoder = self._decoders[self._kind]()
        return True

    def close(self) -> None:
        """Close the stream."""
        self._raw.close()
