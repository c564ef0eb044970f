"""Archives as inputs: whatever reads a log reads an archive of it.

Importing this module makes it known to `logpipe.formats.readers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from logpipe.archive.layout import MAGIC
from logpipe.errors import InputError
from logpipe.formats.readers import Fingerprint, RawReader, RawSource, Source, register_container

__all__ = ["ArchiveSource"]


class _Reader:
    """The bytes of an archive's source."""

    def __init__(self, path: str) -> None:
        # The reader's import takes as long as a small log.
        from logpipe.archive.reader import Archive

        self._archive = Archive(path)
        self._blocks = self._archive.buffers()
        self._rest = memoryview(b"")
        self.position = 0

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        if len(self._rest) == 0:
            self._rest = memoryview(next(self._blocks, b""))
        n = min(len(buffer), len(self._rest))
        if n:
            buffer[:n] = self._rest[:n]
            self._rest = self._rest[n:]
            self.position += n
        return n

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()


class ArchiveSource(NamedTuple):
    """The log in an archive.

    Attributes:
        name: the archive's path.
        path: where it is.
        size, stored: raw bytes.
        raw: the archive as a file.
    """

    name: str
    path: str
    size: int | None
    stored: int | None
    raw: RawSource

    def open(self) -> RawReader:
        """A reader of the log's bytes."""
        return _Reader(self.path)

    def fingerprint(self) -> Fingerprint:
        """Changes when the archive's file does."""
        return self.raw.fingerprint()


def _open(raw: RawSource) -> Sequence[Source]:
    if raw.path is None:
        raise InputError(
            f"{raw.name}: is a logpipe archive, which cannot be read from a pipe; save it to a "
            f"file and name that"
        )
    from logpipe.archive.reader import Archive

    with closing(Archive(raw.path)) as archive:
        size = archive.raw_size
    return [ArchiveSource(raw.name, raw.path, size, size, raw)]


register_container(MAGIC, _open)
