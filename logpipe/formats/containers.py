"""Files inside archives as sources, and zip archives; for tar see `logpipe.formats.tar`."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from logpipe.errors import InputError, TruncatedInputError
from logpipe.formats.compression import compression_of, decode, is_named_compressed
from logpipe.formats.streams import SNIFF, PrefixedReader, RawReader, reason, shown

if TYPE_CHECKING:
    import lzma
    import zipfile
else:
    from logpipe.lazy import lzma, zipfile

__all__ = ["Fingerprint", "MemberSource", "peek", "zip_sources"]

Fingerprint = tuple[int, ...]


class MemberSource(NamedTuple):
    """One file inside an archive.

    Attributes:
        name: `archive!member`.
        size: raw bytes; None if the member is itself compressed.
        stored: what a reader's `position` counts up to, if known.
        opener: gives a reader of the member's raw bytes.
        stat: the fingerprint of the archive.
    """

    name: str
    size: int | None
    stored: int | None
    opener: Callable[[], RawReader]
    stat: Callable[[], Fingerprint]

    def open(self) -> RawReader:
        """A reader that starts at the first byte."""
        return sniffed(self.opener(), self.name)

    def fingerprint(self) -> Fingerprint:
        """Changes when the archive's file does."""
        return self.stat()


def sniffed(raw: RawReader, name: str) -> RawReader:
    """The stream, decompressed if its first bytes say so."""
    head, error = peek(raw)
    whole: RawReader = PrefixedReader(head, raw)
    if error is not None and not head:
        raw.close()
        raise error
    return decode(compression_of(head, name), whole, name)


def peek(raw: RawReader, size: int = SNIFF) -> tuple[bytes, InputError | None]:
    """Up to size bytes from a stream, and what ended it early."""
    buffer = memoryview(bytearray(size))
    filled = 0
    try:
        while filled < size:
            count = raw.readinto(buffer[filled:])
            if not count:
                break
            filled += count
    except InputError as error:
        return bytes(buffer[:filled]), error
    return bytes(buffer[:filled]), None


class _ZipReader:
    """The data of one member."""

    def __init__(self, stream: io.BufferedIOBase, name: str) -> None:
        self.name = name
        self.position = 0
        self._stream = stream
        self._error: InputError | None = None

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        # zipfile reports a wrong checksum once and then claims a regular end.
        if self._error is not None:
            raise self._error
        try:
            data = self._stream.read1(len(buffer))
        except EOFError:
            self._error = TruncatedInputError(
                f"{self.name}: the zip archive ends after {self.position} bytes of this member; "
                f"it was cut short. Everything before was read"
            )
            raise self._error from None
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
            self._error = InputError(
                f"{self.name}: damaged zip member, after {self.position} bytes: {reason(error)}"
            )
            raise self._error from None
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)

    def close(self) -> None:
        """Close the member."""
        self._stream.close()


def zip_sources(name: str, path: str, stat: Callable[[], Fingerprint]) -> Sequence[MemberSource]:
    """The regular files of a zip, in archive order.

    Raises:
        InputError: not a zip, or cut short; the directory of a zip is at its end.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{name}: begins like a zip archive, but its directory, which is at the end, cannot "
            f"be read ({reason(error)}); it is damaged or was cut short"
        ) from None

    def opener(info: zipfile.ZipInfo) -> Callable[[], RawReader]:
        def open_member() -> RawReader:
            shown_name = f"{name}!{shown(info.filename)}"
            try:
                return _ZipReader(archive.open(info), shown_name)  # type: ignore[arg-type]
            except (zipfile.BadZipFile, OSError, RuntimeError) as error:
                # RuntimeError: encrypted. NotImplementedError, one of its kind: unknown method.
                raise InputError(f"{shown_name}: cannot be read: {reason(error)}") from None

        return open_member

    return [
        MemberSource(
            f"{name}!{shown(i.filename)}",
            None if is_named_compressed(i.filename) else i.file_size,
            None if is_named_compressed(i.filename) else i.file_size,
            opener(i),
            stat,
        )
        for i in archive.infolist()
        # The upper half of the attributes is the Unix mode: 0o12 is a symbolic link.
        if not i.is_dir() and i.external_attr >> 28 != 0o12
    ]
