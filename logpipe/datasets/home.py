"""Where data sets live on this machine, and what is remembered about files without a checksum.

<home>/datasets/<path>              a fetched file, verified before it got this name
<home>/datasets/<path>.part         a download that has not ended yet, with .part.json beside it
<home>/datasets/<path>.unpacked/    the members of an archive
<home>/datasets/<path>.damaged      a file that no longer was what it should be
<home>/datasets.lock.json           sha256 of files that nobody publishes a checksum of
<home>/locks/                       one empty file per path: two processes do not fetch it twice
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import platformdirs

from logpipe.errors import InputError, OutputError

if TYPE_CHECKING:
    from logpipe.datasets.records import DatasetFile

__all__ = ["Digests", "Home", "digests", "mirror_setting"]

CHUNK = 1 << 20


def mirror_setting(mirror: str | os.PathLike[str] | None) -> str | Path | None:
    """The mirror to search first: the argument, else `LOGPIPE_MIRROR`, else none.

    Returns:
        An http(s) address without a slash at its end, an existing folder, or None.

    Raises:
        InputError: the folder does not exist.
    """
    named, source = mirror, "the mirror"
    if named is None:
        named, source = os.environ.get("LOGPIPE_MIRROR") or None, "LOGPIPE_MIRROR"
    if named is None:
        return None
    if isinstance(named, str) and named.startswith(("http://", "https://")):
        return named.rstrip("/")
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"{source} should be an existing folder or an http(s) address, found {str(named)!r}; "
            f"there is no such folder"
        )
    return folder


@dataclass(frozen=True, slots=True)
class Digests:
    """Size in bytes and checksums of a file as it is."""

    size: int
    md5: str
    sha256: str

    def difference(self, file: DatasetFile) -> str:
        """What is wrong with these bytes as `file`: "expected ..., found ...", or empty."""
        for word, expected, found in (
            ("size", file.size, self.size),
            ("sha256", file.sha256, self.sha256),
            ("md5", file.md5, self.md5),
        ):
            if expected not in (None, "", found):
                return f"expected {word} {expected}, found {found}"
        return ""


def digests(path: Path) -> Digests:
    """Read a file once and say what it is.

    Raises:
        InputError: it cannot be read.
    """
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    try:
        with path.open("rb", buffering=0) as stream:
            while n := stream.readinto(buffer):
                md5.update(view[:n])
                sha256.update(view[:n])
                size += n
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    return Digests(size, md5.hexdigest(), sha256.hexdigest())


class Home:
    """The folder `LOGPIPE_HOME`; nothing is created before something is stored.

    Args:
        folder: default: `LOGPIPE_HOME`, else the platform's folder for user data.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        chosen = folder or os.environ.get("LOGPIPE_HOME") or platformdirs.user_data_path("logpipe")
        self.folder = Path(chosen).expanduser().absolute()

    def place(self, file: DatasetFile) -> Path:
        """Where a file lies, or would lie."""
        return self.folder / "datasets" / file.path

    def unpacked(self, file: DatasetFile) -> Path:
        """Where the members of an archive lie, or would lie."""
        place = self.place(file)
        return place.with_name(place.name + ".unpacked")

    def prepare(self, path: Path) -> None:
        """Make the folder that `path` is to lie in.

        Raises:
            OutputError: it cannot be made.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot store data sets in {self.folder}: {path.parent}: {error.strerror}; "
                f"set LOGPIPE_HOME to a folder that can be written"
            ) from None

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold `name` for this thread alone, on this machine.

        Raises:
            OutputError: the home folder cannot be written.
        """
        path = self.folder / "locks" / (name.replace("/", "~") + ".lock")
        self.prepare(path)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from None
        try:
            try:
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except (ImportError, OSError):
                # No such locks here (some network file systems): a file may be fetched twice, but
                # it is still verified and renamed in one step.
                pass
            yield
        finally:
            os.close(descriptor)

    @property
    def lock_file(self) -> Path:
        """Where checksums of files without a published one are kept."""
        return self.folder / "datasets.lock.json"

    def recorded(self) -> dict[str, dict[str, Any]]:
        """Path of a file to `{"sha256", "size", "source", "recorded"}`.

        Raises:
            InputError: the lock file is not what logpipe writes.
        """
        try:
            content = orjson.loads(self.lock_file.read_bytes())
            files = content["files"]
            if content["version"] != 1 or not all(
                isinstance(entry["sha256"], str) and isinstance(entry["size"], int)
                for entry in files.values()
            ):
                raise ValueError("version 1 with sha256 and size per file was expected")
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{self.lock_file}: not a logpipe lock file: {error}. It holds the checksums of "
                f"files that nobody publishes one of; restore it, or move it away to start anew"
            ) from None
        return dict(files)

    def record(self, file: DatasetFile, found: Digests, source: str) -> None:
        """Remember what an unpinned file was the first time it was seen.

        Raises:
            OutputError: the lock file cannot be written.
        """
        with self.locked("datasets.lock.json"):
            files = self.recorded()
            files[file.path] = {
                "sha256": found.sha256,
                "size": found.size,
                "source": source,
                "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            content = {"version": 1, "files": dict(sorted(files.items()))}
            temporary = self.lock_file.with_name(self.lock_file.name + f".{os.getpid()}.tmp")
            try:
                temporary.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
                temporary.replace(self.lock_file)
            except OSError as error:
                temporary.unlink(missing_ok=True)
                raise OutputError(f"cannot write {self.lock_file}: {error.strerror}") from None
