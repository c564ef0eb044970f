"""Inputs that can be read only once, made readable again: standard input, pipes, `<(command)`.

What the first reader pulls out of the pipe goes to that reader at once, and a copy goes, in frames
of about 1 MiB that are compressed with zstd level 1, to a temporary file that has no name. Any
reader, at any position, then finds its frame by its number; readers may overtake one another. In
memory there is one frame per reader and a few bytes per frame; an input below 1 MiB never touches
the disk.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from bisect import bisect_right
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, Protocol

from logpipe.errors import InputError
from logpipe.formats.streams import FileReader, RawReader, reason

if TYPE_CHECKING:
    import tempfile

    import zstandard
else:
    from logpipe.lazy import tempfile, zstandard

__all__ = ["Spool", "SpoolReader", "open_standard_input", "standard_input_file"]

FRAME = 1 << 20


class Pipe(Protocol):
    """What a spool needs of its input; `RawReader` without the position."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of a non-empty buffer; 0 at the end."""

    def close(self) -> None:
        """Give the resources back."""


class Spool:
    """The bytes of a pipe, kept.

    Args:
        open_pipe: gives the pipe; called when the first byte is wanted.
        name: what to call it in errors.
    """

    def __init__(self, open_pipe: Callable[[], Pipe], name: str) -> None:
        self.name = name
        self.length = 0
        """Bytes pulled out of the pipe so far."""
        self.ended = False
        self._open_pipe = open_pipe
        self._pipe: Pipe | None = None
        self._file: IO[bytes] | None = None
        self._starts: list[int] = []  # where each stored frame begins in the input
        self._places: list[tuple[int, int]] = []  # ... and its offset and length in the file
        self._tail = bytearray()  # the last bytes, not stored yet
        self._lock = threading.Lock()
        self._error: InputError | None = None

    def pull(self, position: int, buffer: memoryview) -> int | None:
        """Read on at the end of what is known.

        Returns:
            How many bytes; 0 at the end; None if `position` is not at the end (any more).
        """
        with self._lock:
            if position != self.length:
                return None
            if self.ended:
                return 0
            if self._error is not None:
                raise self._error
            try:
                if self._pipe is None:
                    self._pipe = self._open_pipe()
                count = self._pipe.readinto(buffer[:FRAME])
            except InputError as error:
                self._error = error
                raise
            except (OSError, ValueError) as error:
                self._error = InputError(
                    f"{self.name}: cannot be read at byte {self.length}: {reason(error)}"
                )
                raise self._error from None
            if not count:
                self.ended = True
                self._pipe.close()
                return 0
            self._tail += buffer[:count]
            self.length += count
            if len(self._tail) >= FRAME:
                self._store()
            return count

    def _store(self) -> None:
        """Move the tail to the file; a failure is raised by the next pull, after these bytes."""
        frame = zstandard.ZstdCompressor(level=1).compress(self._tail)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)
            end = os.lseek(self._file.fileno(), 0, os.SEEK_END)
            written = 0
            while written < len(frame):
                written += os.pwrite(self._file.fileno(), frame[written:], end + written)
        except OSError as error:
            self._error = InputError(
                f"{self.name}: no copy could be kept in {tempfile.gettempdir()} after "
                f"{self.length} bytes: {reason(error)}. It is read twice and cannot be rewound: "
                f"set TMPDIR to a folder with room, or save it to a file and name that"
            )
            return
        self._starts.append(self.length - len(self._tail))
        self._places.append((end, len(frame)))
        self._tail.clear()

    def frame_at(self, position: int) -> tuple[int, bytes]:
        """The frame that holds a position below `length`: (where it begins, its bytes)."""
        with self._lock:
            tail_start = self.length - len(self._tail)
            if position >= tail_start:
                return tail_start, bytes(self._tail)
            index = bisect_right(self._starts, position) - 1
            start, (offset, size) = self._starts[index], self._places[index]
            assert self._file is not None
            fd = self._file.fileno()
        # A stored frame never changes, so the rest needs no lock.
        try:
            frame = os.pread(fd, size, offset)
            return start, zstandard.ZstdDecompressor().decompress(frame)
        except (OSError, zstandard.ZstdError) as error:
            raise InputError(
                f"{self.name}: the copy kept in {tempfile.gettempdir()} cannot be read back at "
                f"byte {position}: {reason(error)}"
            ) from None

    def close(self) -> None:
        """Drop the copy; nothing can be read again after that."""
        with self._lock:
            self.ended = True
            if self._pipe is not None:
                self._pipe.close()
            if self._file is not None:
                self._file.close()
                self._file = None
            self._error = InputError(f"{self.name}: was closed")

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()


class SpoolReader:
    """One pass over a spool, from its first byte."""

    def __init__(self, spool: Spool) -> None:
        self.position = 0
        self._spool = spool
        self._start = 0
        self._frame = b""

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        inside = self.position - self._start
        if inside >= len(self._frame):
            count = self._spool.pull(self.position, buffer)
            if count is not None:
                self.position += count
                return count
            self._start, self._frame = self._spool.frame_at(self.position)
            inside = self.position - self._start
        count = min(len(buffer), len(self._frame) - inside)
        buffer[:count] = self._frame[inside : inside + count]
        self.position += count
        return count

    def close(self) -> None:
        """Forget the frame; the spool stays."""
        self._frame = b""


class _StandardInput:
    """Standard input through Python's own object, which may have read ahead."""

    def __init__(self) -> None:
        if sys.stdin is None:
            raise InputError("-: there is no standard input (it is closed)")
        self._stream: Any = sys.stdin.buffer

    def readinto(self, buffer: memoryview) -> int:
        # readinto1: what is there now, so that a slow pipe is not waited for.
        count: int = self._stream.readinto1(buffer)
        return count

    def close(self) -> None:
        """Standard input belongs to the process."""


def open_standard_input() -> Pipe:
    """Standard input as something to pull bytes from.

    Raises:
        InputError: the process has none.
    """
    return _StandardInput()


def standard_input_file() -> Callable[[], RawReader] | None:
    """Readers for `logpipe ... < file`, which needs no copy; None for any other standard input."""
    try:
        fd = sys.stdin.buffer.fileno()
        start = sys.stdin.buffer.tell()
        regular = stat.S_ISREG(os.fstat(fd).st_mode) and hasattr(os, "preadv")
    except (AttributeError, OSError, ValueError):
        return None
    return (lambda: FileReader(fd, "-", start)) if regular else None
