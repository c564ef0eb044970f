"""Unpacking archives that may be hostile: all of it, safely, or nothing.

Members become plain files below one folder. A member that would lie elsewhere, a link, a device,
two members of one name or more bytes than allowed end the unpacking, and nothing stays behind: an
archive with one such member is not what its name says, so the rest of it is not trusted either.
"""

from __future__ import annotations

import errno
import hashlib
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from logpipe.errors import InputError, OutputError

__all__ = ["Limits", "Member", "members_of", "unpack"]

CHUNK = 1 << 20
MARKER = ".logpipe-members.json"
"""Lies in an unpacked folder and lists the members; written before the folder gets its name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may grow to.

    Attributes:
        bytes: of all members together. The largest known log archive unpacks to 30 GB.
        members: files and folders.
        ratio: unpacked to packed bytes, once `floor` bytes were unpacked. Logs reach 10 to 60.
        floor: see `ratio`.
    """

    bytes: int = 1 << 37
    members: int = 1_000_000
    ratio: int = 400
    floor: int = 1 << 28


@dataclass(frozen=True, slots=True)
class Member:
    """A file that came out of an archive: its path below the folder, with forward slashes."""

    path: str
    size: int
    sha256: str


def unpack(
    archive: Path,
    folder: Path,
    *,
    digest: str,
    limits: Limits | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Member]:
    """Unpack a zip or tar file into `folder`, which appears complete or not at all.

    Args:
        archive: what it is follows from its content, not its name.
        folder: replaced if it exists; its parent exists.
        digest: sha256 of the archive; kept in the folder, so that `members_of` can tell.
        limits: what is too much.
        progress: called with the bytes unpacked so far.

    Raises:
        InputError: damaged, hostile or too large; the message names the member.
        OutputError: the disk is full or cannot be written.
    """
    limits = limits or Limits()
    try:
        work = Path(tempfile.mkdtemp(prefix=folder.name + ".", suffix=".tmp", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"cannot unpack into {folder.parent}: {error.strerror}") from None
    try:
        work.chmod(0o755)
        members = _unpack_into(archive, work, limits, progress)
        content = {"archive_sha256": digest, "members": [_plain(member) for member in members]}
        try:
            (work / MARKER).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            _replace(work, folder)
        except OSError as error:
            raise OutputError(f"cannot write {folder}: {error.strerror}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return members


def members_of(folder: Path, digest: str = "") -> list[Member] | None:
    """The members in an unpacked folder, or None if it is not there or not complete.

    Args:
        folder: as given to `unpack`.
        digest: sha256 the archive has to have had; empty: any.
    """
    try:
        content = orjson.loads((folder / MARKER).read_bytes())
        if digest and content["archive_sha256"] != digest:
            return None
        members = [Member(str(m["path"]), m["size"], m["sha256"]) for m in content["members"]]
        if all((folder / m.path).stat().st_size == m.size for m in members):
            return members
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _plain(member: Member) -> dict[str, Any]:
    return {"path": member.path, "size": member.size, "sha256": member.sha256}


def _replace(work: Path, folder: Path) -> None:
    # A folder cannot be renamed onto a filled one; the old one is derived data and may go.
    old = work.with_name(work.name + ".old")
    if folder.exists():
        folder.rename(old)
    work.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _unpack_into(
    archive: Path, work: Path, limits: Limits, progress: Callable[[int], None] | None
) -> list[Member]:
    packed = archive.stat().st_size
    members: list[Member] = []
    seen = total = 0

    def refuse(name: str, reason: str) -> InputError:
        return InputError(
            f"{archive}: member {name!r} {reason}; the archive is damaged or hostile. "
            f"Nothing was unpacked"
        )

    try:
        for name, open_member, trouble in _entries(archive):
            seen += 1
            if seen > limits.members:
                raise refuse(name, f"is more than the {limits.members:,} allowed")
            if trouble:
                raise refuse(name, trouble)
            parts = _parts(name)
            if parts is None:
                raise refuse(name, "would lie outside the folder or has a name that is not one")
            target = work.joinpath(*parts)
            if open_member is None:
                _make_folder(target, name, refuse)
                continue
            if not parts or parts[0] == MARKER:
                raise refuse(name, "has a name that logpipe needs for itself")
            _make_folder(target.parent, name, refuse)
            sha256, size = hashlib.sha256(), 0
            with open_member() as source, _create(target, name, refuse) as sink:
                while chunk := source.read(CHUNK):
                    size += len(chunk)
                    total += len(chunk)
                    if total > limits.bytes:
                        raise refuse(name, f"goes beyond the {limits.bytes:,} bytes allowed")
                    if total > limits.floor and total > limits.ratio * packed:
                        raise refuse(name, f"grows to over {limits.ratio} times the archive")
                    sha256.update(chunk)
                    _write(sink, chunk, target)
                    if progress:
                        progress(total)
            members.append(Member("/".join(parts), size, sha256.hexdigest()))
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        if isinstance(error, InputError | OutputError):
            raise
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(work, error) from None
        raise InputError(
            f"{archive}: cannot be unpacked: {error or type(error).__name__}"
        ) from None
    return members


Entry = tuple[str, Callable[[], IO[bytes]] | None, str]
"""Name, how to open it (None: a folder), and what is wrong with it (empty: nothing)."""


def _entries(archive: Path) -> Iterator[Entry]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                yield _zip_entry(packed, info)
    else:
        # Streamed: the headers of a large .tar.gz are not read twice.
        with _open_tar(archive) as tar:
            for member in tar:
                yield _tar_entry(tar, member)


def _open_tar(archive: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(archive, "r|*")
    except TypeError:  # how tarfile meets the end of the file within gzip's own header
        raise tarfile.ReadError("its gzip header is cut off") from None


def _zip_entry(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    kind = info.external_attr >> 16 & 0o170000
    # Not info.is_dir(): it fails on an empty name.
    if info.filename.endswith("/"):
        return info.orig_filename, None, ""
    trouble = "" if kind in (0, 0o100000) else "is a link or a device"
    if info.flag_bits & 1:
        trouble = "is encrypted"
    # orig_filename: zipfile itself cuts a name at a NUL, which would hide it from the check.
    return info.orig_filename, lambda: packed.open(info), trouble


def _tar_entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    if member.isdir():
        return member.name, None, ""
    if not member.isreg():
        return member.name, lambda: _nothing(member), "is a link or a device"
    return member.name, lambda: tar.extractfile(member) or _nothing(member), ""


def _nothing(member: tarfile.TarInfo) -> IO[bytes]:
    raise tarfile.TarError(f"member {member.name!r} has no content")


def _parts(name: str) -> list[str] | None:
    """The parts of a safe relative path, or None."""
    if not name.isprintable() and any(0xD800 <= ord(c) <= 0xDFFF for c in name):
        return None  # bytes that are not UTF-8: no two systems agree on the name
    if name.startswith("/") or "\\" in name or "\0" in name or ":" in name.partition("/")[0]:
        return None
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return parts if ".." not in parts and (parts or name in (".", "./")) else None


def _make_folder(target: Path, name: str, refuse: Callable[[str, str], InputError]) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise refuse(name, "lies below another member that is a file") from None
    except OSError as error:
        raise OutputError(f"cannot unpack to {target}: {error.strerror}") from None


def _create(target: Path, name: str, refuse: Callable[[str, str], InputError]) -> IO[bytes]:
    try:
        return target.open("xb")
    except FileExistsError:
        raise refuse(name, "is in the archive twice") from None
    except OSError as error:
        raise OutputError(f"cannot unpack to {target}: {error.strerror}") from None


def _write(sink: IO[bytes], chunk: bytes, target: Path) -> None:
    try:
        sink.write(chunk)
    except OSError as error:
        raise _full(target, error) from None


def _full(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot unpack to {target}: {error.strerror}; free some space, or set LOGPIPE_HOME "
        f"to another disk. Nothing was unpacked"
    )
