"""Outputs that appear whole or not at all.

Bytes go to a temporary name in the folder of the final one, reach the disk, and are renamed: a
reader of the final name sees the old file or the complete new one, whatever happens in between
(full disk, Ctrl-C, a bug). Standard output, pipes and devices cannot be renamed; they are written
straight through.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import os
import re
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from logpipe.errors import OutputError

__all__ = ["STANDARD_OUTPUT", "Output", "check_output", "leftovers", "replacing"]

STANDARD_OUTPUT = "-"

_unfinished: set[Output] = set()


class Output:
    """A binary file that takes its final name in `finish` and leaves nothing behind in `abort`.

    It is file-like enough for `csv` and pyarrow: `write`, `flush`, `tell`, `closed`.

    Args:
        path: the final name; `-` is standard output.
        force: whether an existing file may be replaced.

    Raises:
        OutputError: the file exists and `force` is not given, the folder does not exist, ...
            Later, from `write` and `finish`: the disk is full, ...
        BrokenPipeError: from `write` and `finish`: the reader of standard output has gone.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        self.path = path
        self._force = force
        self._written = 0
        self._temporary: Path | None = None
        self._file: BinaryIO | None = None
        if path == STANDARD_OUTPUT:
            self._final = Path(path)
            if sys.stdout is None:
                raise OutputError("cannot write standard output: it is closed")
            self._file = sys.stdout.buffer
            return
        check_output(path, force=force)
        self._final = Path(os.path.realpath(path))
        if _is_stream(self._final):
            self._file = self._open(self._final, os.O_WRONLY)
            return
        # Long names are cut: the temporary one must not hit the limit the final one fits in.
        self._temporary = self._final.with_name(f"{_stem(self._final)}{os.urandom(4).hex()}.part")
        # Before there is a file: Ctrl-C may come right after.
        _unfinished.add(self)
        try:
            self._file = self._open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except OutputError:
            self.abort()
            raise
        with contextlib.suppress(OSError):  # so that `leftovers` sees that somebody is at work
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(OSError):  # a replaced file keeps its permissions
            os.fchmod(self._file.fileno(), stat.S_IMODE(self._final.stat().st_mode))

    def _open(self, name: Path, flags: int) -> BinaryIO:
        try:
            descriptor = os.open(name, flags | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {_reason(error)}") from None
        return os.fdopen(descriptor, "wb", buffering=1 << 18)

    @property
    def is_stream(self) -> bool:
        """Whether the bytes go straight to standard output, a pipe or a device."""
        return self._temporary is None

    @property
    def closed(self) -> bool:
        """Whether `finish` or `abort` was called."""
        return self._file is None

    def tell(self) -> int:
        """The number of bytes written so far."""
        return self._written

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append bytes; after `abort` they are dropped silently (writers flush when collected)."""
        size = memoryview(data).nbytes
        if self._file is not None:
            with self._explained():
                self._file.write(data)
            self._written += size
        return size

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        if self._file is not None:
            with self._explained():
                self._file.flush()

    def settle(self) -> None:
        """Make what was written durable; `finish` does it too."""
        self.flush()
        if self._file is not None and self._temporary is not None:
            with self._explained():
                os.fsync(self._file.fileno())

    def duplicate(self) -> int:
        """Another descriptor of the file, which stays open, and with it its lock, after `finish`.

        What was written is handed to the operating system; what is written later by one comes
        behind what was written by the other.

        Raises:
            OutputError: it is not a file that `finish` will name, or there are no descriptors left.
        """
        if self._file is None or self._temporary is None:
            raise OutputError(f"{self.path}: is not a file that is being made")
        self.flush()
        with self._explained():
            return os.dup(self._file.fileno())

    def finish(self) -> None:
        """Make the file durable and give it its final name; without effect when already closed.

        Raises:
            OutputError: it could not be made durable, or somebody else made the final name
                meanwhile and `force` is not given. Nothing is left behind.
        """
        if self._file is None:
            return
        try:
            with self._explained():
                self.settle()
                if self.path != STANDARD_OUTPUT:
                    self._file.close()
                if self._temporary is not None:
                    self._rename(self._temporary)
        except BaseException:
            self.abort()
            raise
        self._file = None
        self._temporary = None
        _unfinished.discard(self)

    def abort(self) -> None:
        """Remove the temporary file; never raises, and does nothing after `finish`."""
        file, self._file = self._file, None
        if file is not None and self.path != STANDARD_OUTPUT:
            with contextlib.suppress(OSError):
                file.close()
        # Forgotten last: if Ctrl-C comes in between, the file is removed at exit.
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink()
        self._temporary = None
        _unfinished.discard(self)

    def _rename(self, temporary: Path) -> None:
        if self._force:
            temporary.replace(self._final)
        else:
            # rename() overwrites silently; link() refuses. Some file systems have no links.
            try:
                self._final.hardlink_to(temporary)
                temporary.unlink()
            except FileExistsError:
                raise OutputError(_exists(self.path)) from None
            except OSError:
                if os.path.lexists(self._final):
                    raise OutputError(_exists(self.path)) from None
                temporary.rename(self._final)
        with contextlib.suppress(OSError):  # not every file system lets a folder be opened
            folder = os.open(self._final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OutputError, BrokenPipeError):
            raise
        except OSError as error:
            where = "standard output" if self.path == STANDARD_OUTPUT else self.path
            kept = "" if self._temporary is None else "; nothing was kept"
            raise OutputError(
                f"cannot write {where}: {_reason(error)} after {self._written:,} bytes{kept}"
            ) from None


def check_output(path: str, *, force: bool) -> None:
    """Refuse early what `Output` would refuse, before hours of work.

    Raises:
        OutputError: the path is a folder, exists already, or lies in a folder that is missing.
    """
    if path == STANDARD_OUTPUT:
        return
    if not path:
        raise OutputError("the name of an output is empty; give a file name, or - for stdout")
    try:
        final = Path(os.path.realpath(path))
        if final.is_dir() or path.endswith("/"):
            raise OutputError(f"cannot write {path}: it is a folder; give the name of a file")
        if final.exists():
            if not force and not _is_stream(final):
                raise OutputError(_exists(path))
        elif not final.parent.is_dir():
            what = "is not a folder" if final.parent.exists() else "does not exist"
            raise OutputError(f"cannot write {path}: the folder {final.parent} {what}")
    except OutputError:
        raise
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {path!r}: {_reason(error)}") from None


def leftovers(path: str) -> list[Path]:
    """Temporary files of an output whose processes were killed before they could remove them.

    They are never deleted by us: on a network file system another machine may be at work on one.
    """
    if path == STANDARD_OUTPUT:
        return []
    final = Path(os.path.realpath(path))
    name = re.compile(re.escape(_stem(final)) + r"[0-9a-f]{8}\.part")
    found = []
    with contextlib.suppress(OSError):
        for entry in sorted(final.parent.iterdir()):
            if name.fullmatch(entry.name) and not _locked(entry):
                found.append(entry)
    return found


def _stem(final: Path) -> str:
    return f".{os.fsdecode(os.fsencode(final.name)[:100])}."


def _locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


@contextlib.contextmanager
def replacing(path: str, *, force: bool) -> Iterator[Output]:
    """An `Output` that is finished at the end of the block and aborted by an exception."""
    output = Output(path, force=force)
    try:
        yield output
        output.finish()
    except BaseException:
        output.abort()
        raise


def _is_stream(path: Path) -> bool:
    """Whether it is a pipe, device or socket: there, renaming would replace the device itself."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _exists(path: str) -> str:
    return f"{path} exists already; choose another name, or replace it with --force"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.EFBIG:
            return "File too large (a limit of this process or file system)"
        return os.strerror(error.errno)
    return str(error)


@atexit.register
def _abort_unfinished() -> None:
    with contextlib.suppress(ValueError):  # only the main thread may say so
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    for output in list(_unfinished):
        output.abort()
