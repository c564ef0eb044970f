"""Readers over arbitrary bytes: what goes in comes out, cut anywhere it is a prefix."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe.errors import InputError, TruncatedInputError
from logpipe.formats.readers import Source, head, open_sources
from logpipe.formats.spool import Spool, SpoolReader
from logpipe.formats.streams import RawReader

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}

# Long runs and repeats, so that the compressors have something to do, and any bytes at all.
raw_bytes = st.one_of(
    st.binary(max_size=300),
    st.lists(st.binary(min_size=1, max_size=20), max_size=6).map(lambda parts: b"".join(parts) * 9),
    st.tuples(st.binary(max_size=4), st.integers(0, 300_000)).map(lambda t: t[0] * (t[1] // 4)),
)


def drain(reader: RawReader, size: int = 1 << 16) -> tuple[bytes, InputError | None]:
    """All bytes of a reader, and what ended them."""
    out = io.BytesIO()
    buffer = memoryview(bytearray(size))
    try:
        while count := reader.readinto(buffer):
            out.write(buffer[:count])
    except InputError as error:
        return out.getvalue(), error
    return out.getvalue(), None


def read(source: Source, size: int = 1 << 16) -> tuple[bytes, InputError | None]:
    with closing(source.open()) as reader:
        return drain(reader, size)


@pytest.mark.parametrize("ending", COMPRESSORS)
@settings(deadline=None, max_examples=40)
@given(parts=st.lists(raw_bytes, min_size=1, max_size=3), size=st.integers(1, 5000))
def test_any_bytes_in_any_members_come_back(ending: str, parts: list[bytes], size: int) -> None:
    """Members or frames, however many, read as their concatenation, whatever the buffer."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "log" + ending)
        path.write_bytes(b"".join(COMPRESSORS[ending](part) for part in parts))

        [source] = open_sources([str(path)])

        assert (b"".join(parts), None) == read(source, max(size, sum(map(len, parts)) // 500))


@settings(deadline=None, max_examples=40)
@given(data=raw_bytes, size=st.integers(1, 5000))
def test_plain_bytes_come_back(data: bytes, size: int) -> None:
    """A plain file is read as it is, and its head is its head."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(b"x" + data)

        [source] = open_sources([str(path)])

        assert (b"x" + data, None) == read(source, max(size, len(data) // 500))
        assert (b"x" + data)[:size] == head(source, size)
        assert 1 + len(data) == source.size


LINES = b"".join(b"%d: worker %d finished\n" % (i, i * 7919 % 101) for i in range(40))


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_cut_anywhere_gives_a_prefix(ending: str, tmp_path: Path) -> None:
    """A compressed log cut at any byte delivers a prefix, then says that it was cut short."""
    whole = COMPRESSORS[ending](LINES) + COMPRESSORS[ending](LINES)
    boundary = len(whole) // 2
    path = tmp_path / ("log" + ending)
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        [source] = open_sources([str(path)])

        data, error = read(source)

        assert (LINES + LINES).startswith(data)
        if cut == boundary:
            assert (data, error) == (LINES, None)
        else:
            assert isinstance(error, TruncatedInputError)
            assert str(path) in str(error)
            assert f"compressed byte {cut}" in str(error)
            assert f"after {len(data)} decoded bytes" in str(error)
            assert cut < boundary or data.startswith(LINES)


def test_gzip_cut_gives_what_can_be_decoded(tmp_path: Path) -> None:
    """The bytes before a cut are delivered, not just promised."""
    data = bytes(range(256)) * 2000
    path = tmp_path / "log.gz"
    stored = gzip.compress(data, 1)
    seen = []
    for share in (0.25, 0.5, 0.75):
        path.write_bytes(stored[: int(len(stored) * share)])
        [source] = open_sources([str(path)])
        seen.append(len(read(source)[0]))

    assert seen[0] > 0.1 * len(data)
    assert seen == sorted(seen)
    assert seen[2] > 0.7 * len(data)


def test_zstd_cut_gives_whole_blocks(tmp_path: Path) -> None:
    """A zstd log cut in its last block delivers every block before."""
    data = b"".join(b"%d\n" % (i * 7919 % 100_003) for i in range(200_000))
    stored = zstandard.ZstdCompressor(level=1).compress(data)
    path = tmp_path / "log.zst"
    path.write_bytes(stored[:-10])
    [source] = open_sources([str(path)])

    found, error = read(source)

    assert data.startswith(found)
    assert len(found) >= len(data) - (1 << 17)
    assert isinstance(error, TruncatedInputError)


@pytest.mark.parametrize("ending", COMPRESSORS)
@settings(deadline=None, max_examples=60)
@given(at=st.integers(10, 10_000), flip=st.integers(1, 255))
def test_damage_is_an_input_error(ending: str, at: int, flip: int) -> None:
    """A changed byte gives an error of ours, or at least no other bytes than some of the log's."""
    stored = bytearray(COMPRESSORS[ending](LINES))
    stored[at % len(stored)] ^= flip
    with TemporaryDirectory() as folder:
        path = Path(folder, "log" + ending)
        path.write_bytes(stored)
        try:
            [source] = open_sources([str(path)])
        except InputError:
            return
        data, error = read(source)
        # A changed header field may be harmless (a time, a name); changed content never is.
        assert error is not None or data in (LINES, bytes(stored))


@settings(deadline=None, max_examples=40)
@given(
    files=st.lists(st.tuples(st.text("abcé/", min_size=1, max_size=120), raw_bytes), max_size=4),
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    ending=st.sampled_from(["", *COMPRESSORS]),
)
def test_members_of_a_tar_come_back(files: list[tuple[str, bytes]], form: int, ending: str) -> None:
    """Every file of a tar is a source, in order, under its name, with its bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for number, (name, data) in enumerate(files):
            info = tarfile.TarInfo(f"{number}{name}x")
            info.size = len(data) + 1
            archive.addfile(info, io.BytesIO(b"!" + data))
    stored = packed.getvalue()
    with TemporaryDirectory() as folder:
        path = Path(folder, "logs.tar" + ending)
        path.write_bytes(COMPRESSORS[ending](stored) if ending else stored)
        if not files and not ending:
            return  # a tar of nothing is a file of zeros, and read as one

        sources = open_sources([str(path)]) if files else []

        expected = [(f"{path}!{i}{name}x", b"!" + data) for i, (name, data) in enumerate(files)]
        assert expected == [(s.name, read(s)[0]) for s in sources]
        # Backwards, and so not along one walk, it is the same.
        assert expected[::-1] == [(s.name, read(s)[0]) for s in sources[::-1]]


class _Script:
    """A pipe that gives pieces of the given sizes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data = data
        self.sizes = sizes
        self.turn = 0

    def readinto(self, buffer: memoryview) -> int:
        size = min(self.sizes[self.turn % len(self.sizes)], len(buffer))
        self.turn += 1
        piece, self.data = self.data[:size], self.data[size:]
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        pass


@settings(deadline=None, max_examples=25)
@given(
    data=raw_bytes,
    repeat=st.integers(1, 12),
    sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=5),
    turns=st.lists(st.integers(0, 2), min_size=1, max_size=60),
)
def test_readers_of_a_pipe_agree(
    data: bytes, repeat: int, sizes: list[int], turns: list[int]
) -> None:
    """Readers of one pipe, interleaved in any way, each see all of it from the first byte."""
    whole = data * repeat
    spool = Spool(lambda: _Script(whole, [s + len(whole) // 100 for s in sizes]), "-")
    readers = [SpoolReader(spool) for _ in range(3)]
    seen = [b"", b"", b""]
    buffer = memoryview(bytearray(1 << 20))
    for turn in turns:
        count = readers[turn].readinto(buffer)
        seen[turn] += bytes(buffer[:count])
    for turn, reader in enumerate(readers):
        rest, error = drain(reader, 1 << 20)
        assert error is None
        assert whole == seen[turn] + rest
    spool.close()
