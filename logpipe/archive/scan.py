"""Finding the parts of an archive: by its footer, or, where that is gone, by reading it all.

Every block says what it is, so that a file without a footer, or with damage in the middle, still
gives all blocks that are whole.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from logpipe.archive.layout import (
    BLOCK_HEADER,
    BLOCK_MAGIC,
    FILE_HEADER,
    FOOTER_MAGIC,
    MAGIC,
    TRAILER,
    BlockHeader,
    Entry,
    Footer,
    parse_file_header,
    parse_footer,
    parse_trailer,
)
from logpipe.errors import ArchiveError, InputError

__all__ = [
    "NOTHING",
    "Footerlike",
    "Found",
    "Gap",
    "Section",
    "Unfinished",
    "check_no_pipe",
    "open_archive",
    "read_footer",
    "sections",
    "unfinished",
]

_MAX_FOOTER = 1 << 28
_SEARCH = 1 << 20


class Found(NamedTuple):
    """An archive's footer and where its trailer ends; the file may go on after that."""

    footer: Footer | None
    end: int


class Section(NamedTuple):
    """A block whose header is sound."""

    at: int
    header: BlockHeader

    @property
    def end(self) -> int:
        """Where it ends in the file."""
        return self.at + BLOCK_HEADER + self.header.payload


class Gap(NamedTuple):
    """Bytes that are no section."""

    at: int
    end: int


class Unfinished(NamedTuple):
    """What an append that was killed left behind the end of an archive.

    Attributes:
        blocks: that are whole by their headers.
        lines: that begin in them.
        bytes: of the file.
    """

    blocks: int
    lines: int
    bytes: int


NOTHING = Unfinished(0, 0, 0)
"""No append left anything."""


def open_archive(path: str) -> BinaryIO:
    """A file to be read as an archive; nothing of it is looked at.

    Raises:
        InputError: it cannot be opened, or is a pipe: an archive is read from its end.
    """
    check_no_pipe(path)
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be opened: {reason}") from None


def check_no_pipe(path: str) -> None:
    """Refuses what would be waited for without end.

    Raises:
        InputError: it is a pipe: an archive is read from its end.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return  # opening it says why
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise InputError(
            f"{path}: is a pipe, and archives are read and written in files only; name a file"
        )


def _size(file: BinaryIO | FileIO) -> int:
    return os.fstat(file.fileno()).st_size


def _read(file: BinaryIO | FileIO, at: int, size: int) -> bytes:
    return os.pread(file.fileno(), max(size, 0), at)


def read_footer(name: str, file: BinaryIO | FileIO, *, salvage: bool = False) -> Found:
    """The footer of an archive.

    Args:
        name: for messages.
        file: seekable.
        salvage: look for the last complete footer if the file does not end with one.

    Raises:
        ArchiveError: it is no archive; or, unless salvage is given, it does not end as one.
    """
    parse_file_header(name, _read(file, 0, FILE_HEADER))
    size = _size(file)
    found = _footer_before(name, file, size)
    if found is not None:
        return Found(found, size)
    if salvage:
        return _last_footer(name, file)
    raise ArchiveError(_what_is_left(name, file))


def _footer_before(name: str, file: BinaryIO | FileIO, end: int) -> Footer | None:
    length = parse_trailer(_read(file, end - TRAILER, TRAILER)) if end >= TRAILER else None
    if length is None or length > min(end - TRAILER - FILE_HEADER, _MAX_FOOTER):
        return None
    at = end - TRAILER - length
    try:
        footer = parse_footer(_read(file, at, length), at)
    except ArchiveError as error:
        raise ArchiveError(f"{name}: {error}") from None
    if footer is not None:
        _check_gaps(name, file, footer, at)
    return footer


def _check_gaps(name: str, file: BinaryIO | FileIO, footer: Footer, end: int) -> None:
    """Between blocks, and after the last, there are older footers and nothing else.

    A footer that leaves something out would be silent loss: so it looks when two archives are
    written one behind the other.
    """
    at = FILE_HEADER
    for begin, after in [*((e.at, e.end) for e in footer.entries), (end, end)]:
        while at < begin:
            found = _section(file, at, begin)
            if not isinstance(found, Footerlike):
                two = _read(file, at, len(MAGIC)) == MAGIC
                what = "another archive begins" if two else "there is something unknown"
                raise ArchiveError(
                    f"{name}: {what} at byte {at:,}, between the blocks that its footer lists; "
                    f"archives cannot be put one behind the other (`logpipe repair` reads what it "
                    f"can; `logpipe compress --append` adds to one)"
                )
            at = found.end
        at = after


def _last_footer(name: str, file: BinaryIO | FileIO) -> Found:
    last = Found(None, 0)
    for section in sections(file):
        if isinstance(section, Footerlike):
            footer = _footer_before(name, file, section.end)
            if footer is not None:
                last = Found(footer, section.end)
    return last


def unfinished(name: str, file: BinaryIO | FileIO, end: int) -> Unfinished:
    """What lies behind the end of an archive, if an append that was killed can have left it.

    Blocks are on the disk before the footer behind them begins. So what has a footer was complete
    once, and is not whole because it was damaged or cut: its lines may be nowhere else.

    Args:
        name: for messages.
        file: seekable.
        end: where the last sound trailer ends.

    Raises:
        ArchiveError: it may be lines that somebody relies on.
    """
    blocks = lines = 0
    what = ""
    for section in sections(file, end):
        if isinstance(section, Section):
            blocks += 1
            lines += section.header.starts
        elif isinstance(section, Footerlike):
            what = f"the footer at byte {section.at:,} is damaged"
        else:
            head = _read(file, section.at, len(MAGIC))
            if head.startswith(FOOTER_MAGIC):
                what = f"the footer at byte {section.at:,} is damaged or cut off"
            elif head == MAGIC:
                what = f"another archive begins at byte {section.at:,}, which has no sound end"
        if what:
            raise ArchiveError(
                f"{name}: {what}; nothing was added, or lines before it would be lost; "
                f"`logpipe repair {name} -o OUT.lpz` keeps what is good"
            )
    return Unfinished(blocks, lines, _size(file) - end)


def _is_growing(file: BinaryIO | FileIO) -> bool:
    """Whether somebody appends to a file just now."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        pass  # some file systems have no locks
    return False


def _what_is_left(name: str, file: BinaryIO | FileIO) -> str:
    if _is_growing(file):
        return f"{name}: another process appends to it, and has not finished; try again later"
    lines = blocks = 0
    for section in sections(file):
        if isinstance(section, Gap):
            break
        if isinstance(section, Section):
            blocks += 1
            lines = section.header.first_line + section.header.lines
    shown = "1 block" if blocks == 1 else f"{blocks} blocks"
    safe = f"lines 1 to {lines:,} ({shown}) look whole" if lines else "no block is whole"
    return (
        f"{name}: does not end like an archive: it was cut short, or a process was killed while "
        f"it wrote; {safe}; `logpipe repair {name} -o OUT.lpz` keeps what is good"
    )


class Footerlike(NamedTuple):
    """A footer and its trailer, by their looks."""

    at: int
    end: int


def sections(
    file: BinaryIO | FileIO, at: int = FILE_HEADER
) -> Iterator[Section | Footerlike | Gap]:
    """Everything in a file from some place on, in order, damage as gaps."""
    size = _size(file)
    while at < size:
        found = _section(file, at, size)
        if found is None:
            start = at
            while found is None and at < size:
                at = _next_magic(file, at + 1, size)
                found = _section(file, at, size)
            yield Gap(start, at)
        if found is not None:
            yield found
            at = found.end


def _section(file: BinaryIO | FileIO, at: int, size: int) -> Section | Footerlike | None:
    head = _read(file, at, BLOCK_HEADER)
    header = BlockHeader.parse(head)
    if header is not None:
        section = Section(at, header)
        return section if section.end <= size else None
    if head.startswith(FOOTER_MAGIC) and len(head) >= 8:
        end = at + 16 + int.from_bytes(head[4:8], "little") + TRAILER
        if end <= size and parse_trailer(_read(file, end - TRAILER, TRAILER)) == end - TRAILER - at:
            return Footerlike(at, end)
    return None


def _next_magic(file: BinaryIO | FileIO, at: int, size: int) -> int:
    """The next place from `at` on that begins like a section, or the end."""
    while at < size:
        data = _read(file, at, _SEARCH + 4)
        places = [p for m in (BLOCK_MAGIC, FOOTER_MAGIC) if (p := data.find(m)) >= 0]
        if places:
            return at + min(places)
        at += _SEARCH
    return size


def entries_of(file: BinaryIO | FileIO) -> list[Entry]:
    """The blocks that a scan finds, in order."""
    return [Entry.of(s.at, s.header) for s in sections(file) if isinstance(s, Section)]
