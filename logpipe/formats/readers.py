"""Sources: what the user named on the command line, each one log as a stream of raw bytes.

What an input is, its bytes say, not its name: plain, gzip, zstd, bzip2 or xz (several members or
frames included), a tar of files (compressed or not), a zip. `-` is standard input. A pipe can be
opened again like a file, because a copy is kept (`logpipe.formats.spool`). Nothing here knows of
lines.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

from logpipe.errors import InputError, TruncatedInputError, UsageError
from logpipe.formats.compression import compression_of, decode
from logpipe.formats.containers import Fingerprint, peek, zip_sources
from logpipe.formats.spool import Spool, SpoolReader, open_standard_input, standard_input_file
from logpipe.formats.streams import SNIFF, FileReader, RawReader, reason, shown
from logpipe.formats.tar import looks_like_tar, tar_sources

__all__ = [
    "Container",
    "Fingerprint",
    "RawReader",
    "RawSource",
    "Source",
    "check_unchanged",
    "head",
    "open_sources",
    "register_container",
]


class Source(Protocol):
    """One log."""

    @property
    def name(self) -> str:
        """What the user calls it: a path, `-`, or `archive!member`."""

    @property
    def size(self) -> int | None:
        """Raw bytes, where that is known without reading."""

    @property
    def stored(self) -> int | None:
        """What a reader's `position` counts up to, where that is known."""

    def open(self) -> RawReader:
        """A reader at the first byte; any number of times, also at once.

        Raises:
            InputError: it cannot be opened any more.
        """

    def fingerprint(self) -> Fingerprint:
        """Numbers that change when the input does; see `check_unchanged`."""


class RawSource(NamedTuple):
    """An input as it is stored: a file or a pipe, nothing decoded.

    Attributes:
        name: for people.
        path: where it can be opened, None for a pipe.
        stored: its size, where it has one. A file that claims to be empty is not believed: those
            in /proc do.
        opener: gives a reader of the stored bytes.
    """

    name: str
    path: str | None
    stored: int | None
    opener: Callable[[], RawReader]

    @property
    def size(self) -> int | None:
        """As stored."""
        return self.stored

    def open(self) -> RawReader:
        """A reader of the stored bytes."""
        return self.opener()

    def fingerprint(self) -> Fingerprint:
        """Size, time of the last change, and inode; nothing for a pipe, whose copy is ours."""
        if self.path is None:
            return ()
        try:
            found = Path(self.path).stat()
        except OSError:
            return (-1,)
        return (found.st_size, found.st_mtime_ns, found.st_ino)


class _DecodedSource(NamedTuple):
    """An input that is one log, compressed or plain."""

    raw: RawSource
    compression: str | None

    @property
    def name(self) -> str:
        return self.raw.name

    @property
    def size(self) -> int | None:
        return self.raw.stored if self.compression is None else None

    @property
    def stored(self) -> int | None:
        return self.raw.stored

    def open(self) -> RawReader:
        return decode(self.compression, self.raw.open(), self.raw.name)

    def fingerprint(self) -> Fingerprint:
        return self.raw.fingerprint()


Container = Callable[[RawSource], Sequence[Source]]
"""Takes an input that begins with the container's magic; gives the logs inside."""

_containers: dict[bytes, Container] = {}


def register_container(magic: bytes, opener: Container) -> None:
    """Let inputs that begin with magic be opened by opener.

    One that begins with it but for two bytes at most is handed over, too, if the magic has eight
    or more: it is a damaged container and not a log, and the opener can say so.

    Args:
        magic: 1 to 512 bytes; asked before everything built in. A second registration replaces
            the first.
        opener: see `Container`.
    """
    if not 1 <= len(magic) <= SNIFF:
        raise UsageError(f"a container's magic has 1 to {SNIFF} bytes, found {len(magic)}")
    _containers[magic] = opener


def open_sources(paths: Sequence[str]) -> list[Source]:
    """The logs that paths name, in order; an archive gives all the files in it.

    Args:
        paths: files, pipes, `-`, archives, or `archive!member`.

    Raises:
        InputError: a path is missing, unreadable, a directory, or a damaged archive.
        UsageError: standard input is named twice.
    """
    if list(paths).count("-") > 1:
        raise UsageError("standard input (-) can be given only once")
    return [source for path in paths for source in _open_path(path)]


def check_unchanged(source: Source, before: Fingerprint) -> None:
    """Compare with a fingerprint taken before an earlier pass.

    Raises:
        InputError: the input is not what it was.
    """
    now = source.fingerprint()
    if now == before:
        return
    detail = f" ({before[0]} bytes before, {now[0]} now)" if before[:1] != now[:1] and now else ""
    raise InputError(
        f"{source.name}: was changed while it was read{detail}; copy it first if it is still "
        f"being written, or read it through a pipe"
    )


def head(source: Source, max_bytes: int = 1 << 20) -> bytes:
    """The first bytes of a log, to look at; fewer if it is shorter or was cut short.

    Raises:
        InputError: it cannot be opened, or is damaged that early.
    """
    with closing(source.open()) as reader:
        data, error = peek(reader, max_bytes)
    if error is not None and not isinstance(error, TruncatedInputError):
        raise error
    return data


def _open_path(path: str) -> Sequence[Source]:
    if path == "-":
        file = standard_input_file()
        if file is not None:
            return _open_raw(RawSource("-", None, None, file))
        spool = Spool(open_standard_input, "-")
        return _open_raw(RawSource("-", None, None, lambda: SpoolReader(spool)))
    name = shown(path)
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return _open_member(path)
    except NotADirectoryError:
        # `archive.tar!app/a.log` asks for a file below the file `archive.tar!app`, and so on.
        return _open_member(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be opened: {reason(error)}") from None
    if stat.S_ISDIR(found.st_mode):
        raise InputError(
            f"{name}: is a directory; name the files in it, for example {name.rstrip('/')}/*.log"
        )
    if not stat.S_ISREG(found.st_mode):
        pipe = Spool(lambda: FileReader(path, name), name)
        return _open_raw(RawSource(name, None, None, lambda: SpoolReader(pipe)))
    return _open_raw(RawSource(name, path, found.st_size or None, lambda: FileReader(path, name)))


def _open_member(path: str) -> Sequence[Source]:
    """`archive!member`, where the archive is the shortest prefix that is a file."""
    at = path.find("!")
    while at > 0:
        archive, member = path[:at], path[at + 1 :]
        if Path(archive).is_file():
            sources = _open_path(archive)
            wanted = f"{shown(archive)}!{shown(member)}"
            chosen = [s for s in sources if s.name == wanted]
            if chosen:
                return chosen
            names = [s.name for s in sources]
            from difflib import get_close_matches

            near = get_close_matches(wanted, names, n=1, cutoff=0.5) or names[:1]
            hint = f"; there is {near[0]}" if near else ""
            raise InputError(
                f"{wanted}: no such member among the {len(names)} files of the archive{hint}"
                if names != [shown(archive)]
                else f"{wanted}: {shown(archive)} is not an archive"
            )
        at = path.find("!", at + 1)
    raise InputError(f"{shown(path)}: no such file")


def _open_raw(raw: RawSource) -> Sequence[Source]:
    """Look at the first bytes and choose."""
    with closing(raw.open()) as reader:
        start, error = _first_bytes(reader)
    if error is not None and not start:
        raise error
    for magic, opener in _containers.items():
        if _begins_with(start, magic):
            return opener(raw)
    if start.startswith(b"PAR1"):
        raise InputError(
            f"{raw.name}: is a Parquet file, expected a log; "
            f"`logpipe templates` reads what `logpipe parse` wrote"
        )
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if raw.path is None:
            raise InputError(
                f"{raw.name}: is a zip archive, which cannot be read from a pipe; save it to a "
                f"file and name that"
            )
        return zip_sources(raw.name, raw.path, raw.fingerprint)
    source = _DecodedSource(raw, compression_of(start, raw.name))
    inner = start
    if source.compression is not None:
        with closing(source.open()) as reader:
            # Damage is reported when the log is read, after what can be decoded.
            inner, _ = peek(reader)
    if looks_like_tar(inner):
        return tar_sources(raw.name, source.open, raw.fingerprint)
    return [source]


def _begins_with(start: bytes, magic: bytes) -> bool:
    if len(magic) < 8 or len(start) < len(magic):
        return start.startswith(magic)
    return sum(a != b for a, b in zip(start, magic, strict=False)) <= 2


def _first_bytes(reader: RawReader) -> tuple[bytes, InputError | None]:
    """Up to `SNIFF` bytes, but no waiting for more once a line of a plain log has been seen."""
    buffer = memoryview(bytearray(SNIFF))
    filled = 0
    try:
        while filled < SNIFF:
            count = reader.readinto(buffer[filled:])
            filled += count
            data = bytes(buffer[:filled])
            undecided = any(m.startswith(data[: len(m)]) for m in _containers)
            if not count or (b"\n" in data and not undecided and compression_of(data, "") is None):
                break
    except InputError as error:
        return bytes(buffer[:filled]), error
    return bytes(buffer[:filled]), None
