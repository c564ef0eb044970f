"""Deleting an archive whose bytes are safe elsewhere, and nothing that it got meanwhile.

`--append` locks the archive that it adds to. Whoever wants to delete one takes the same lock before
reading it, so that no line can come in between the last look and the deletion.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from logpipe.errors import OutputError, UsageError

if TYPE_CHECKING:
    from logpipe.archive.reader import Archive

__all__ = ["check_regular_output", "hold", "remove"]


def check_regular_output(output: str) -> None:
    """Refuses outputs that do not keep what is written to them.

    Raises:
        UsageError: it is a pipe or a device, so that what it was made of must not be deleted.
    """
    path = Path(output)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UsageError(
            f"--rm: {output} is not a file, and keeps nothing of what is written to it; name a file"
        )


def hold(archive: Archive) -> None:
    """Keeps others from appending to an archive until it is closed.

    Raises:
        UsageError: it is not a plain file.
        OutputError: another process appends to it, or has done so since it was opened.
    """
    if Path(archive.path).is_symlink() or not Path(archive.path).is_file():
        raise UsageError(f"--rm: {archive.path} is not a plain file")
    try:
        fcntl.flock(archive.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(
            f"{archive.path}: another process appends to it; nothing was deleted"
        ) from None
    except OSError:
        pass  # some file systems have no locks; then there is what `_check` sees
    _check(archive)


def remove(archive: Archive) -> None:
    """Deletes an archive that is held.

    Raises:
        OutputError: the path leads to other bytes by now, or may not be deleted.
    """
    _check(archive)
    try:
        Path(archive.path).unlink()
    except OSError as error:
        raise OutputError(f"cannot delete {archive.path}: {error.strerror}") from None


def _check(archive: Archive) -> None:
    """An archive that grows has another size, and one that is replaced is another file."""
    ours = os.fstat(archive.fileno())
    try:
        same = os.path.samestat(ours, Path(archive.path).stat())
    except OSError:
        same = False
    if not same or ours.st_size != archive.size:
        raise OutputError(f"{archive.path}: was changed while it was read; it was not deleted")
