"""Streams of raw bytes: the contract, files, and simple streams made of other streams."""

from __future__ import annotations

import errno
import os
import stat
from typing import Protocol

from logpipe.errors import InputError, TruncatedInputError

__all__ = [
    "SNIFF",
    "FileReader",
    "PrefixedReader",
    "RawReader",
    "SectionReader",
    "reason",
    "shown",
]

SNIFF = 512
"""Bytes that suffice to tell every known kind of input, a tar header included."""


class RawReader(Protocol):
    """One pass over the bytes of a source, from the first to the last."""

    @property
    def position(self) -> int:
        """Stored (compressed) bytes consumed so far; for progress."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of a non-empty buffer.

        Returns:
            How many bytes were written, at least 1; 0 at the end.

        Raises:
            TruncatedInputError: the input ended early; all that came before was delivered.
            InputError: unreadable or damaged, with name and position.
        """

    def close(self) -> None:
        """Give the resources back; harmless when repeated."""


def shown(path: str | os.PathLike[str]) -> str:
    r"""A path for people: bytes that are not UTF-8 as `\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def reason(error: BaseException) -> str:
    """Why, in a few words: the system's message without Python's decoration."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


class FileReader:
    """A file, read straight into the caller's buffer.

    Args:
        path: what to open, or a descriptor that stays the caller's.
        name: what to call it in errors.
        start: where to begin; a descriptor's own position is neither used nor moved.
    """

    def __init__(self, path: str | int, name: str, start: int = 0) -> None:
        self.name = name
        self.position = start
        self._owned = not isinstance(path, int)
        self._fd = -1
        if isinstance(path, int):
            self._fd = path
            return
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            # open(2) is content with a directory; only reading it would fail.
            if stat.S_ISDIR(os.fstat(self._fd).st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if start:
                os.lseek(self._fd, start, os.SEEK_SET)
        except (OSError, ValueError) as error:
            self.close()
            raise InputError(f"{name}: cannot be opened: {reason(error)}") from None

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        try:
            if self._owned:
                count = os.readv(self._fd, [buffer])
            else:
                count = os.preadv(self._fd, [buffer], self.position)
        except OSError as error:
            raise InputError(
                f"{self.name}: cannot be read at byte {self.position}: {reason(error)}"
            ) from None
        self.position += count
        return count

    def skip(self, count: int) -> int:
        """Pass over bytes without reading them; how many there were, as with `readinto`."""
        left = max(0, os.fstat(self._fd).st_size - self.position)
        count = min(count, left)
        self.position += count
        if self._owned:
            os.lseek(self._fd, self.position, os.SEEK_SET)
        return count

    def close(self) -> None:
        """Close what was opened here."""
        fd, self._fd = self._fd, -1
        if self._owned and fd >= 0:
            os.close(fd)

    __del__ = close


class PrefixedReader:
    """A stream whose first bytes were taken already, put together again."""

    def __init__(self, head: bytes, rest: RawReader) -> None:
        self._head = memoryview(head)
        self._rest = rest

    @property
    def position(self) -> int:
        """Bytes of the stream consumed by our reader, not those merely looked at."""
        return self._rest.position - len(self._head)

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        if not self._head:
            return self._rest.readinto(buffer)
        count = min(len(buffer), len(self._head))
        buffer[:count] = self._head[:count]
        self._head = self._head[count:]
        return count

    def close(self) -> None:
        """Close the stream."""
        self._rest.close()


class SectionReader:
    """The next `size` bytes of a stream, which must be there."""

    def __init__(self, raw: RawReader, size: int, name: str) -> None:
        self.name = name
        self.position = 0
        self._raw = raw
        self._size = size

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        left = self._size - self.position
        if not left:
            return 0
        count = self._raw.readinto(buffer[:left])
        if not count:
            raise TruncatedInputError(
                f"{self.name}: the archive ends after {self.position} of the {self._size} bytes "
                f"of this member; it was cut short. Everything before was read"
            )
        self.position += count
        return count

    def close(self) -> None:
        """Close the stream."""
        self._raw.close()
