"""Archives without the footers that appending leaves behind.

Every append leaves the footer before it where it is, and a footer lists all blocks and has their
filters: what is dead grows with the square of the number of appends. So, before an archive grows,
it is written anew without them once they are worth it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from logpipe.archive.layout import BLOCK_HEADER, FILE_HEADER, BlockHeader, Entry, Footer, trailer
from logpipe.errors import ArchiveError, OutputError
from logpipe.export.atomic import Output
from logpipe.native.hashing import xxh64

if TYPE_CHECKING:
    import shutil
else:
    from logpipe.lazy import shutil

__all__ = ["Compacted", "compact", "sound_blocks"]

_DEAD = 16 << 10
"""Dead bytes that no archive is written anew for: less than writing it would be noticed."""

_SHARE = 8
"""Nor are dead bytes that are less than this part of the live ones.

What is copied is then at most this many times what was written as footers since the last time.
"""


class Compacted(NamedTuple):
    """An archive that took the place of the one before.

    Attributes:
        file: of it, locked, to be written.
        footer: its footer.
        end: bytes of the file.
    """

    file: FileIO
    footer: Footer
    end: int


def sound_blocks(path: str, file: FileIO, footer: Footer) -> Iterator[bytes]:
    """The stored bytes of blocks in order, held against their checksums, without decoding.

    Yields:
        The header of a block, then its payload.

    Raises:
        ArchiveError: one is damaged.
    """
    for entry in footer.entries:
        head = os.pread(file.fileno(), BLOCK_HEADER, entry.at)
        header = BlockHeader.parse(head)
        payload = os.pread(file.fileno(), entry.payload, entry.at + len(head))
        if (
            header is None
            or Entry.of(entry.at, header) != entry
            or len(payload) != entry.payload
            or xxh64(payload) != header.coded_hash
        ):
            raise ArchiveError(
                f"{path}: the block at byte {entry.at:,} is damaged; nothing was added; "
                f"`logpipe verify {path}` says which lines that costs, `logpipe repair` "
                f"makes an archive of the others"
            )
        yield head
        yield payload


def compact(path: str, file: FileIO, footer: Footer, end: int) -> Compacted | None:
    """Writes an archive anew without its dead bytes, if they are many, and puts it in its place.

    Readers of the path see the old file or the whole new one, whatever happens; a reader that has
    the old one open keeps it.

    Args:
        path: of the archive.
        file: it, opened for reading and locked by us; it stays open.
        footer: its newest footer.
        end: where the trailer of that ends.

    Returns:
        None where nothing was changed: there is little to win; or it is better left in its place,
        having several names or attributes that a new file cannot be given; or there is no room for
        both, or no leave to make files beside it.

    Raises:
        ArchiveError: a block is damaged; nothing was changed.
    """
    live = FILE_HEADER + sum(BLOCK_HEADER + entry.payload for entry in footer.entries)
    if end - live <= max(_DEAD, live // _SHARE):
        return None
    moved = Footer(list(_moved(footer.entries)), footer.records)
    tail = moved.pack()
    tail += trailer(tail)
    if end - live - len(tail) <= max(_DEAD, live // _SHARE):
        return None
    before = os.fstat(file.fileno())
    if not stat.S_ISREG(before.st_mode) or before.st_nlink != 1:
        return None
    try:
        # A copy that just fits would leave whoever else writes there without room.
        if shutil.disk_usage(Path(os.path.realpath(path)).parent).free < 2 * (live + len(tail)):
            return None
        output = Output(path, force=True)
    except OSError:
        return None
    descriptor = -1
    try:
        output.write(os.pread(file.fileno(), FILE_HEADER, 0))
        for part in sound_blocks(path, file, footer):
            output.write(part)
        output.write(tail)
        descriptor = output.duplicate()
        _copy_attributes(file.fileno(), descriptor)
        # Who opens the new file from now on waits for us, as for the old one.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(before, Path(path).stat()):
            raise OutputError(f"{path}: was replaced meanwhile")
        output.finish()
        return Compacted(FileIO(descriptor, "w"), moved, live + len(tail))
    except BaseException as error:
        output.abort()
        if descriptor >= 0:
            os.close(descriptor)
        if isinstance(error, OSError):
            return None
        raise


def _moved(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Blocks where they are without anything between them."""
    at = FILE_HEADER
    for entry in entries:
        moved = entry._replace(at=at)
        yield moved
        at = moved.end


def _copy_attributes(old: int, new: int) -> None:
    """Gives a file the owner, mode and extended attributes (access lists) of another.

    Raises:
        OSError: we may not.
    """
    state, ours = os.fstat(old), os.fstat(new)
    if (state.st_uid, state.st_gid) != (ours.st_uid, ours.st_gid):
        os.fchown(new, state.st_uid, state.st_gid)
    os.fchmod(new, stat.S_IMODE(state.st_mode))
    if sys.platform == "linux":
        wanted, found = _attributes(old), _attributes(new)
        for name in found.keys() - wanted.keys():
            os.removexattr(new, name)
        for name, value in wanted.items():
            if found.get(name) != value:
                os.setxattr(new, name, value)


def _attributes(file: int) -> dict[str, bytes]:
    found = {}
    if sys.platform == "linux":
        with suppress(OSError):  # not every file system has them
            found = {name: os.getxattr(file, name) for name in os.listxattr(file)}
    return found
