"""zstd, one block at a time.

The `zstandard` package cannot tell a frame that was cut short from one that ended, and what a few
bytes of input expand to has no bound. The frame format (RFC 8878, section 3.1) is simple enough to
walk: every block says how long it is and decodes to 128 KiB at most. So this reader hands a few
whole blocks at a time to the decoder, knows at each byte whether the frame is finished, and holds
little. The cost is some microseconds per MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from logpipe.errors import InputError, TruncatedInputError
from logpipe.formats.streams import RawReader

if TYPE_CHECKING:
    import zstandard
else:
    from logpipe.lazy import zstandard

__all__ = ["ZstdReader"]

_MAGIC = 0xFD2FB528
_SKIPPABLE = 0x184D2A50
_LARGEST_BLOCK = 1 << 17
_BLOCKS_AT_ONCE = 8
_BUFFER = 1 << 19


class ZstdReader:
    """One or more zstd frames, one after the other; skippable frames are skipped."""

    def __init__(self, raw: RawReader, name: str) -> None:
        self.name = name
        self._raw = raw
        self._context = zstandard.ZstdDecompressor()
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._checksum = 0  # bytes of checksum after the last block of this frame
        self._in = memoryview(bytearray(_BUFFER))
        self._start = 0  # the pending input is _in[_start:_end]
        self._end = 0
        self._out = memoryview(b"")
        self._delivered = 0
        self._error: InputError | None = None

    @property
    def position(self) -> int:
        """Compressed bytes consumed."""
        return self._raw.position - (self._end - self._start)

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        while not self._out:
            if self._error is not None:
                raise self._error
            try:
                more = self._step()
            except InputError as error:
                self._error = error
                continue
            if not more:
                return 0
        count = min(len(buffer), len(self._out))
        buffer[:count] = self._out[:count]
        self._out = self._out[count:]
        self._delivered += count
        return count

    def close(self) -> None:
        """Close the stream."""
        self._raw.close()

    # Input ------------------------------------------------------------------------------------

    def _available(self, count: int) -> bool:
        """Whether the next count bytes exist; brings them into the buffer."""
        while self._end - self._start < count:
            if self._start + count > len(self._in) or self._end == len(self._in):
                pending = bytes(self._in[self._start : self._end])
                self._in[: len(pending)] = pending
                self._start, self._end = 0, len(pending)
            got = self._raw.readinto(self._in[self._end :])
            if not got:
                return False
            self._end += got
        return True

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self._in[self._start + at : self._start + at + size], "little")

    # Frames and blocks ------------------------------------------------------------------------

    def _step(self) -> bool:
        """Go on by a frame header or some blocks, perhaps filling `_out`; false at the end."""
        if self._frame is None:
            return self._open_frame()
        size, blocks, last = 0, 0, False
        while blocks < _BLOCKS_AT_ONCE and not last:
            # The first block is waited for; further ones are taken only if they are here already.
            here = self._end - self._start
            if blocks and here < size + 3:
                break
            if not self._available(size + 3):
                self._cut_short()
            header = self._number(size, 3)
            kind, length = header >> 1 & 3, header >> 3
            if kind == 3 or (kind != 1 and length > _LARGEST_BLOCK):
                if blocks:
                    break
                self._damaged("a block header that cannot be")
            whole = size + 3 + (1 if kind == 1 else length)
            if header & 1:
                whole += self._checksum
            if blocks and self._end - self._start < whole:
                break
            if not self._available(whole):
                self._cut_short()
            size, blocks, last = whole, blocks + 1, bool(header & 1)
        self._decode(size)
        if last:
            if not self._frame.eof:
                self._damaged("a frame that does not end where it says")
            self._frame = None
        return True

    def _decode(self, size: int) -> None:
        assert self._frame is not None
        data = self._in[self._start : self._start + size]
        try:
            self._out = memoryview(self._frame.decompress(data))
        except zstandard.ZstdError as error:
            text = str(error).removeprefix("zstd decompressor error: ")
            if "memory" in text:
                text += " (a window over 128 MiB, zstd --long; decompress it with zstd first)"
            self._damaged(text)
        self._start += size

    def _open_frame(self) -> bool:
        if not self._available(4):
            rest = bytes(self._in[self._start : self._end])
            if not rest:
                return False
            magics = [_MAGIC, *range(_SKIPPABLE, _SKIPPABLE + 16)]
            if any(m.to_bytes(4, "little").startswith(rest) for m in magics):
                self._cut_short()
            self._not_a_frame()
        magic = self._number(0, 4)
        if magic & ~15 == _SKIPPABLE:
            return self._skip_frame()
        if magic != _MAGIC:
            self._not_a_frame()
        if not self._available(5):
            self._cut_short()
        flags = self._number(4, 1)
        single = flags >> 5 & 1
        dictionary = (0, 1, 2, 4)[flags & 3]
        content = (single, 2, 4, 8)[flags >> 6]
        header = 5 + (1 - single) + dictionary + content
        if not self._available(header):
            self._cut_short()
        self._checksum = flags & 4
        self._frame = self._context.decompressobj()
        self._decode(header)
        return True

    def _skip_frame(self) -> bool:
        if not self._available(8):
            self._cut_short()
        left = self._number(4, 4)
        self._start += 8
        while left:
            if not self._available(1):
                self._cut_short()
            count = min(left, self._end - self._start)
            self._start += count
            left -= count
        return True

    # Errors -----------------------------------------------------------------------------------

    def _cut_short(self) -> NoReturn:
        if self._frame is not None:
            # Stored blocks decode byte by byte; the decoder may yet have something to give.
            self._decode(self._end - self._start)
        delivered = self._delivered + len(self._out)
        raise TruncatedInputError(
            f"{self.name}: ends in the middle of a zstd frame, at compressed byte "
            f"{self._raw.position}, after {delivered} decoded bytes; it was cut short. "
            f"Everything before was read"
        )

    def _damaged(self, what: str) -> NoReturn:
        raise InputError(
            f"{self.name}: damaged zstd data at compressed byte {self.position}, after "
            f"{self._delivered} decoded bytes: {what}"
        )

    def _not_a_frame(self) -> NoReturn:
        found = bytes(self._in[self._start : min(self._start + 4, self._end)])
        raise InputError(
            f"{self.name}: compressed byte {self.position}: expected the end or another zstd "
            f"frame, found {found.hex(' ')}; the {self._delivered} decoded bytes before it were "
            f"read"
        )
