"""tar archives, compressed or not: the regular files in them, one source each.

tar is walked here and not by `tarfile`, which takes a damaged header in the middle for the end of
the archive and so loses the rest without a word; only its parsing of one header block is used.
Names of members are shown and compared, never used as paths.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from logpipe.errors import InputError, TruncatedInputError
from logpipe.formats.compression import is_named_compressed
from logpipe.formats.containers import Fingerprint, MemberSource
from logpipe.formats.streams import FileReader, RawReader, SectionReader, reason, shown

if TYPE_CHECKING:
    import tarfile
else:
    from logpipe.lazy import tarfile

__all__ = ["looks_like_tar", "tar_sources"]

BLOCK = 512
LARGEST_NAME = 1 << 20


def looks_like_tar(head: bytes) -> bool:
    """Whether a stream begins with a tar header; the header's checksum makes chance unlikely."""
    if len(head) < BLOCK or not _has_checksum(head):
        return False
    try:
        tarfile.TarInfo.frombuf(head[:BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _has_checksum(head: bytes) -> bool:
    """Whether there is a number where a header has its checksum: most logs need no tarfile."""
    field = head[148:156]
    return field[0] >= 0x80 or field.partition(b"\0")[0].strip().isdigit()


class _Member(NamedTuple):
    name: str
    size: int
    offset: int  # of the data, in the decompressed archive
    readable: bool  # false: a sparse file, whose stored bytes are not its bytes


class _TarWalk:
    """A position in a tar stream: at the data of one member."""

    def __init__(self, raw: RawReader, name: str) -> None:
        self.raw = raw
        self.name = name
        self.member: _Member | None = None
        self._offset = 0
        self._next = 0  # where the next header begins
        self._scratch = memoryview(bytearray(1 << 16))

    def take(self, buffer: memoryview) -> int:
        """Read on in the data of the member; `SectionReader` counts."""
        count = self.raw.readinto(buffer)
        self._offset += count
        return count

    def advance(self) -> _Member | None:
        """Go to the next regular file; None at the end.

        Raises:
            InputError: the archive is damaged or ends early.
        """
        path: bytes | None = None
        size: int | None = None
        sparse = False
        while True:
            self._skip_to(self._next)
            block = self._read(BLOCK, at_header=True)
            if not block:
                return None
            if not any(block):
                # Two empty blocks end an archive; what `cat a.tar b.tar` puts after them is read.
                self._next = self._offset
                continue
            try:
                header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            except tarfile.HeaderError as error:
                raise InputError(
                    f"{self.name}: damaged tar header at byte {self._offset - BLOCK}: "
                    f"{reason(error)}; the members before it can be read"
                ) from None
            if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
                records = self._pax(self._long_field(header))
                path = records.get(b"GNU.sparse.name", records.get(b"path"))
                size = self._pax_size(records)
                sparse = any(key.startswith(b"GNU.sparse.") for key in records)
                continue
            if header.type == tarfile.GNUTYPE_LONGNAME:
                path = self._long_field(header).split(b"\0", 1)[0]
                continue
            if header.type in (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK):
                self._long_field(header)
                continue
            if header.type == tarfile.GNUTYPE_SPARSE:
                sparse = True
                more = block[482]
                while more:
                    more = self._read(BLOCK)[504]
            length = header.size if size is None else size
            if length < 0:
                raise InputError(
                    f"{self.name}: damaged tar header at byte {self._offset - BLOCK}: "
                    f"a member of {length} bytes"
                )
            holds_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
            self._next = self._offset + (-(-length // BLOCK) * BLOCK if holds_data else 0)
            if header.isreg():
                name = header.name if path is None else path.decode("utf-8", "surrogateescape")
                self.member = _Member(name, length, self._offset, not sparse)
                return self.member
            path, size, sparse = None, None, False

    def _long_field(self, header: tarfile.TarInfo) -> bytes:
        if not 0 <= header.size <= LARGEST_NAME:
            raise InputError(
                f"{self.name}: damaged tar header at byte {self._offset - BLOCK}: "
                f"a name of {header.size} bytes"
            )
        data = self._read(header.size) if header.size else b""
        self._next = -(-self._offset // BLOCK) * BLOCK
        return data

    def _pax(self, data: bytes) -> dict[bytes, bytes]:
        """Records `length key=value`, each with a newline; length counts the whole record."""
        records = {}
        at = 0
        while at < len(data) and data[at] != 0:
            digits, _, _ = data[at : at + 20].partition(b" ")
            length = int(digits) if digits.isdigit() else 0
            record = data[at + len(digits) + 1 : at + length]
            if length <= len(digits) + 2 or not record.endswith(b"\n") or b"=" not in record:
                raise InputError(
                    f"{self.name}: damaged extended tar header before byte {self._offset}"
                )
            key, _, value = record[:-1].partition(b"=")
            records[key] = value
            at += length
        return records

    def _pax_size(self, records: dict[bytes, bytes]) -> int | None:
        size = records.get(b"size")
        if size is None:
            return None
        if not size.isdigit() or len(size) > 19:
            raise InputError(
                f"{self.name}: damaged extended tar header before byte {self._offset}: "
                f"expected a size, found {size[:20]!r}"
            )
        return int(size)

    def _read(self, size: int, *, at_header: bool = False) -> bytes:
        """Exactly size bytes; nothing at all only where a header may be missing."""
        buffer = memoryview(bytearray(size))
        filled = 0
        while filled < size:
            count = self.take(buffer[filled:])
            if not count:
                if at_header and not filled:
                    return b""
                self._cut_short()
            filled += count
        return bytes(buffer)

    def _skip_to(self, offset: int) -> None:
        while self._offset < offset:
            left = offset - self._offset
            if isinstance(self.raw, FileReader):
                count = self.raw.skip(left)
                self._offset += count
            else:
                count = self.take(self._scratch[:left])
            if not count:
                self._cut_short()

    def _cut_short(self) -> NoReturn:
        raise TruncatedInputError(
            f"{self.name}: the tar archive ends at byte {self._offset} in the middle of a member; "
            f"it was cut short. The members before were read"
        )


class _TarArchive:
    """Shares one walk between the members of an archive that cannot be entered in the middle.

    A reader that is closed leaves its walk behind for whoever wants a later member, so that
    reading all members in order decompresses the archive once.
    """

    def __init__(self, name: str, open_raw: Callable[[], RawReader]) -> None:
        self.name = name
        self._open_raw = open_raw
        self._parked: _TarWalk | None = None
        self._lock = threading.Lock()

    def walk_to(self, member: _Member) -> _TarWalk:
        with self._lock:
            walk, self._parked = self._parked, None
        at = walk.member.offset if walk is not None and walk.member is not None else -1
        if walk is None or at >= member.offset:
            if walk is not None:
                walk.raw.close()
            walk = _TarWalk(self._open_raw(), self.name)
        found = walk.advance()
        while found is not None and found.offset < member.offset:
            found = walk.advance()
        if found != member:
            walk.raw.close()
            raise InputError(f"{self.name}: was changed while it was read")
        return walk

    def park(self, walk: _TarWalk) -> None:
        with self._lock:
            other, self._parked = self._parked, walk
        if other is not None:
            other.raw.close()

    def __del__(self) -> None:
        if self._parked is not None:
            self._parked.raw.close()


class _TarMemberReader:
    """The data of one member; raises what ended the archive early, if this is its last member."""

    def __init__(self, archive: _TarArchive, member: _Member, tail: InputError | None) -> None:
        self._archive = archive
        self._walk: _TarWalk | None = archive.walk_to(member)
        self._data = SectionReader(_Taker(self._walk), member.size, f"{archive.name}!{member.name}")
        self._tail = tail

    @property
    def position(self) -> int:
        """Bytes of the archive as stored."""
        return self._walk.raw.position if self._walk is not None else 0

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; see `RawReader`."""
        count = self._data.readinto(buffer)
        if not count and self._tail is not None:
            raise self._tail
        return count

    def close(self) -> None:
        """Leave the walk to the next reader."""
        walk, self._walk = self._walk, None
        if walk is not None:
            self._archive.park(walk)


class _Taker:
    """A walk as a `RawReader`, for `SectionReader`."""

    def __init__(self, walk: _TarWalk) -> None:
        self._walk = walk
        self.readinto = walk.take
        self.position = 0

    def close(self) -> None:
        pass


def tar_sources(
    name: str, open_raw: Callable[[], RawReader], stat: Callable[[], Fingerprint]
) -> list[MemberSource]:
    """The regular files of a tar, in archive order.

    Listing reads the headers of the whole archive, and so decompresses it once. If it is damaged
    or cut short, the members up to there are listed, and the last one raises the error when its
    bytes have been delivered.

    Raises:
        InputError: it is damaged before the first file.
    """
    found: list[_Member] = []
    tail: InputError | None = None
    walk = _TarWalk(open_raw(), name)
    try:
        while (member := walk.advance()) is not None:
            found.append(member)
    except InputError as error:
        if not found:
            raise
        tail = error
    finally:
        walk.raw.close()
    archive = _TarArchive(name, open_raw)

    def opener(member: _Member, tail: InputError | None) -> Callable[[], RawReader]:
        def open_member() -> RawReader:
            if not member.readable:
                raise InputError(
                    f"{name}!{shown(member.name)}: is stored as a sparse file, which is not "
                    f"supported inside an archive; extract it first"
                )
            return _TarMemberReader(archive, member, tail)

        return open_member

    return [
        MemberSource(
            f"{name}!{shown(m.name)}",
            None if is_named_compressed(m.name) else m.size,
            None,
            opener(m, tail if i == len(found) - 1 else None),
            stat,
        )
        for i, m in enumerate(found)
    ]
