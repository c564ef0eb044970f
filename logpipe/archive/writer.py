"""Archives being written: blocks in order, then the footer that makes them an archive."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from logpipe.archive.blocks import PackedBlock
from logpipe.archive.compacting import compact, sound_blocks
from logpipe.archive.layout import (
    CONTINUES,
    FILE_HEADER,
    OPEN_END,
    RECORD_FILTERS,
    RECORD_LAYOUT,
    BlockHeader,
    Entry,
    Footer,
    file_header,
    pack_filters,
    parse_filters,
    trailer,
)
from logpipe.archive.scan import check_no_pipe, read_footer, unfinished
from logpipe.errors import ArchiveError, OutputError

__all__ = ["Appending", "ArchiveWriter"]

_FILTERED = 4
"""Archives of fewer blocks have none: little can be skipped there."""

_TRIES = 10
"""Times in a row that an archive may be replaced by others before we give up."""


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes) -> int:
        """Appends bytes."""
        ...


class ArchiveWriter:
    """Writes blocks to a sink, one after the other.

    Args:
        sink: takes the bytes.
        footer: of the archive that is continued; None for a new one.
        position: bytes that the file has before the next block.
    """

    def __init__(self, sink: Sink, footer: Footer | None = None, position: int = 0) -> None:
        self._sink = sink
        self._entries = list(footer.entries) if footer else []
        self._records = dict(footer.records) if footer else {}
        kept = self._records.pop(RECORD_FILTERS, b"")
        self._filters = parse_filters(kept, len(self._entries))
        self._lines = footer.lines if footer else 0
        self._raw = footer.raw if footer else 0
        self._at = position
        if footer is None:
            self._write(file_header())

    @property
    def position(self) -> int:
        """Bytes of the archive so far."""
        return self._at

    @property
    def lines(self) -> int:
        """Lines so far."""
        return self._lines

    @property
    def raw(self) -> int:
        """Raw bytes so far."""
        return self._raw

    @property
    def blocks(self) -> int:
        """Blocks so far."""
        return len(self._entries)

    @property
    def layouts(self) -> list[str]:
        """Names of the header layouts that an archive which is continued has so far."""
        return self._records.get(RECORD_LAYOUT, b"").decode("utf-8", "replace").split("\n")

    @property
    def open_end(self) -> bool:
        """Whether the last line so far has no line feed: what comes next goes on in it."""
        return bool(self._entries) and bool(self._entries[-1].flags & OPEN_END)

    def _write(self, data: bytes) -> None:
        self._sink.write(data)
        self._at += len(data)

    def write(self, block: PackedBlock) -> None:
        """Appends a block."""
        open_before = self.open_end
        header = BlockHeader(
            codec=block.codec,
            flags=(CONTINUES if open_before else 0) | (OPEN_END if block.open_end else 0),
            streams=block.streams,
            first_line=self._lines - (1 if open_before else 0),
            offset=self._raw,
            lines=block.lines,
            raw=block.raw,
            payload=len(block.payload),
            coded_hash=block.coded_hash,
            raw_hash=block.raw_hash,
        )
        self._entries.append(Entry.of(self._at, header))
        self._filters.append(block.filter)
        self._write(header.pack())
        self._write(block.payload)
        self._lines += header.starts
        self._raw += header.raw

    def finish(self, records: Mapping[int, bytes] | None = None) -> None:
        """Writes the footer: now it is an archive."""
        found = {**self._records, **(records or {})}
        if len(self._entries) >= _FILTERED and any(self._filters):
            found[RECORD_FILTERS] = pack_filters(self._filters)
        footer = Footer(self._entries, found).pack()
        self._write(footer + trailer(footer))


class Appending:
    """An archive that grows in place, and has the lines that it had if anything goes wrong.

    New blocks go behind the old trailer, and a new footer behind them. Until that is complete the
    file has a tail that no reader takes for an archive, and which is cut off here when the next
    append begins, so that a killed process costs nothing but its own work. A tail that has a footer
    is another thing: lines that were in the archive before it was damaged. Where too much of the
    file is older footers, it is first replaced by one without them (`logpipe.archive.compacting`).

    Args:
        path: of an archive.

    Attributes:
        removed: the tail that was cut off.

    Raises:
        ArchiveError: it is none, or is damaged.
        InputError: it is a pipe.
        OutputError: it cannot be written, or somebody else appends to it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        check_no_pipe(path)
        self._file = _open_locked(path)
        try:
            found = read_footer(path, self._file, salvage=True)
            if found.footer is None:
                raise ArchiveError(
                    f"{path}: has no footer, so that nothing can be appended; "
                    f"`logpipe repair` makes an archive of what it has"
                )
            footer, self._end = found.footer, found.end
            self.removed = unfinished(path, self._file, self._end)
            compacted = compact(path, self._file, footer, self._end)
            if compacted is not None:
                self._file.close()
                self._file = compacted.file
                footer, self._end = compacted.footer, compacted.end
            else:
                # Nobody shall go on for years adding to an archive that is damaged.
                for _ in sound_blocks(path, self._file, footer):
                    pass
            self._file.truncate(self._end)
            self._file.seek(self._end)
        except BaseException:
            self._file.close()
            raise
        self.writer = ArchiveWriter(self, footer, self._end)

    def write(self, data: bytes) -> int:
        """Takes the writer's bytes."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror}") from None
        return len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is not None:
                self._file.truncate(self._end)
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def settle(self) -> None:
        """Makes the blocks durable; to be called before the footer is written."""
        os.fsync(self._file.fileno())


def _open_locked(path: str) -> FileIO:
    """A file opened for reading and writing that is locked, and that the path still leads to.

    Who has opened a file, but not locked it yet, may find it replaced by a compacted one.
    """
    for _ in range(_TRIES):
        try:
            file = Path(path).open("r+b", buffering=0)  # noqa: SIM115 - closed in __exit__
        except OSError as error:
            raise OutputError(f"cannot append to {path}: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), Path(path).stat()):
                return file
        except FileNotFoundError:
            pass  # opening it again says so
        except OSError:
            file.close()
            break
        except BaseException:
            file.close()
            raise
        file.close()
    raise OutputError(f"{path}: another process appends to it")


assert len(file_header()) == FILE_HEADER
