"""Inputs as the user names them."""

import errno
import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from logpipe.errors import InputError, TruncatedInputError, UsageError
from logpipe.formats import readers
from logpipe.formats.readers import (
    RawSource,
    Source,
    check_unchanged,
    head,
    open_sources,
    register_container,
)
from logpipe.formats.spool import FRAME, Spool, SpoolReader
from logpipe.formats.streams import FileReader, RawReader

LOG = b"one\ntwo\r\nthree \xff\0\n"


def content(source: Source) -> bytes:
    buffer = memoryview(bytearray(1 << 16))
    out = b""
    with closing(source.open()) as reader:
        while count := reader.readinto(buffer):
            out += buffer[:count]
    return out


def until_error(reader: RawReader) -> tuple[bytes, InputError | None]:
    buffer = memoryview(bytearray(1 << 14))
    out = b""
    with closing(reader):
        try:
            while count := reader.readinto(buffer):
                out += buffer[:count]
        except InputError as error:
            return out, error
    return out, None


def put(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def tar(path: Path, files: dict[str, bytes], mode: str = "w") -> str:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return str(path)


class TestFiles:
    def test_bytes_decide_and_not_the_name(self, tmp_path: Path) -> None:
        """A gzip file without the ending is decoded, a plain one with the ending is not."""
        packed = put(tmp_path / "packed.log", gzip.compress(LOG))
        plain = put(tmp_path / "plain.gz", LOG)

        assert [content(s) for s in open_sources([packed, plain])] == [LOG, LOG]

    @pytest.mark.parametrize("name", ["log", "log.gz", "log.zst"])
    def test_an_empty_file_is_an_empty_log(self, tmp_path: Path, name: str) -> None:
        """Nothing in, nothing out, no error."""
        [source] = open_sources([put(tmp_path / name, b"")])

        assert content(source) == b""

    def test_size_and_position_serve_progress(self, tmp_path: Path) -> None:
        """Plain: raw size is known; compressed: only the stored size, which position reaches."""
        stored = gzip.compress(LOG * 1000)
        plain, packed = open_sources([put(tmp_path / "a", LOG), put(tmp_path / "b.gz", stored)])
        assert (len(LOG), len(LOG)) == (plain.size, plain.stored)
        assert (None, len(stored)) == (packed.size, packed.stored)
        with closing(packed.open()) as reader:
            while reader.readinto(memoryview(bytearray(100))):
                pass
            assert len(stored) == reader.position

    def test_missing_file(self, tmp_path: Path) -> None:
        """One line that names the file."""
        with pytest.raises(InputError, match=r"gone\.log: no such file"):
            open_sources([str(tmp_path / "gone.log")])

    def test_directory(self, tmp_path: Path) -> None:
        """A directory is refused with what to do instead."""
        with pytest.raises(InputError, match=r"is a directory; name the files in it.*\*\.log"):
            open_sources([str(tmp_path)])

    def test_nul_in_a_path(self) -> None:
        """A path no system can have is an input error, not a ValueError of Python's."""
        with pytest.raises(InputError, match="cannot be opened"):
            open_sources(["a\0b"])

    def test_a_name_that_is_not_utf8(self, tmp_path: Path) -> None:
        """Its bytes are shown escaped, and the file is read."""
        path = os.fsencode(tmp_path) + b"/\xff.log"
        Path(os.fsdecode(path)).write_bytes(LOG)

        [source] = open_sources([os.fsdecode(path)])

        assert source.name.endswith("\\xff.log")
        assert content(source) == LOG

    def test_a_reading_error_says_where(self, tmp_path: Path) -> None:
        """What the system refuses in the middle is reported with name and byte."""
        reader = FileReader(put(tmp_path / "a", LOG), "a.log")
        reader.readinto(memoryview(bytearray(4)))
        os.close(reader._fd)
        with pytest.raises(InputError, match=r"a\.log: cannot be read at byte 4: bad file desc"):
            reader.readinto(memoryview(bytearray(4)))
        reader._fd = -1

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_no_permission(self, tmp_path: Path) -> None:
        """An unreadable file is named."""
        path = tmp_path / "secret.log"
        path.write_bytes(LOG)
        path.chmod(0)
        with pytest.raises(InputError, match=r"secret.log: cannot be opened: permission denied"):
            open_sources([str(path)])

    def test_proc_files_are_read(self) -> None:
        """A file that claims to have no bytes is read all the same."""
        if not Path("/proc/self/status").exists():
            pytest.skip("no /proc here")
        [source] = open_sources(["/proc/self/status"])

        assert source.size is None
        assert b"Name:" in content(source)

    def test_head_of_a_cut_file(self, tmp_path: Path) -> None:
        """Looking at the head is possible where reading everything is not."""
        stored = gzip.compress(os.urandom(100_000))
        [source] = open_sources([put(tmp_path / "a.gz", stored[:50_000])])

        assert 49_000 < len(head(source)) < 50_000


class TestDamage:
    def test_garbage_after_gzip(self, tmp_path: Path) -> None:
        """Everything before it is delivered, then its place is told."""
        stored = gzip.compress(LOG)
        [source] = open_sources([put(tmp_path / "a.gz", stored + b"junk")])
        buffer = memoryview(bytearray(100))
        with closing(source.open()) as reader:
            assert len(LOG) == reader.readinto(buffer)
            for _ in range(2):  # and again when asked again
                with pytest.raises(InputError, match=f"compressed byte {len(stored)}: expected"):
                    reader.readinto(buffer)

    def test_zeros_after_gzip_are_padding(self, tmp_path: Path) -> None:
        """As gzip(1) has it: tapes and block devices pad with zeros."""
        stored = gzip.compress(LOG) + bytes(100_000) + gzip.compress(LOG) + bytes(7)
        [source] = open_sources([put(tmp_path / "a.gz", stored)])

        assert content(source) == LOG + LOG

    def test_garbage_after_zstd(self, tmp_path: Path) -> None:
        """The same for zstd."""
        stored = zstandard.compress(LOG)
        [source] = open_sources([put(tmp_path / "a.zst", stored + b"junk")])
        with pytest.raises(InputError, match=f"compressed byte {len(stored)}: expected"):
            content(source)

    def test_skippable_zstd_frames(self, tmp_path: Path) -> None:
        """Frames that carry no log (pzstd, seekable zstd) are passed over, at the start too."""
        skip = b"\x5a\x2a\x4d\x18" + (70_000).to_bytes(4, "little") + bytes(70_000)
        stored = skip + zstandard.compress(LOG) + skip + zstandard.compress(LOG)
        [source] = open_sources([put(tmp_path / "a", stored)])

        assert content(source) == LOG + LOG

    def test_expansion_does_not_take_memory(self, tmp_path: Path) -> None:
        """A small file that expands to a gigabyte is read in pieces of a few hundred kB."""
        compressor = zstandard.ZstdCompressor().compressobj()
        zeros = bytes(1 << 24)
        stored = b"".join(compressor.compress(zeros) for _ in range(8)) + compressor.flush()
        [source] = open_sources([put(tmp_path / "a.zst", stored)])
        with closing(source.open()) as reader:
            sizes = set()
            buffer = memoryview(bytearray(1 << 22))
            while count := reader.readinto(buffer):
                sizes.add(count)
        assert max(sizes) <= 1 << 20

    def test_huge_zstd_window_is_explained(self, tmp_path: Path) -> None:
        """A frame that wants gigabytes to decode is refused with the way out."""
        frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, 0xA8]) + b"\x01\0\0"
        [source] = open_sources([put(tmp_path / "a.zst", frame)])
        with pytest.raises(InputError, match="decompress it with zstd first"):
            content(source)


class TestArchives:
    FILES = {"app/a.log": LOG, "b.log": b"", "c.log": LOG * 5000}  # noqa: RUF012

    @pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
    def test_all_files_of_a_tar(self, tmp_path: Path, mode: str) -> None:
        """Each regular file is a source; directories and links are not."""
        path = tmp_path / "logs.tar"
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
            for kind, name in ((tarfile.DIRTYPE, "app"), (tarfile.SYMTYPE, "latest")):
                info = tarfile.TarInfo(name)
                info.type = kind
                info.linkname = "b.log"
                archive.addfile(info)
            for name, data in self.FILES.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))

        sources = open_sources([str(path)])

        assert [f"{path}!{n}" for n in self.FILES] == [s.name for s in sources]
        assert [len(d) for d in self.FILES.values()] == [s.size for s in sources]
        assert list(self.FILES.values()) == [content(s) for s in sources]

    def test_one_member(self, tmp_path: Path) -> None:
        """`archive!member` is that member."""
        path = tar(tmp_path / "logs!.tgz", self.FILES, "w:gz")

        [source] = open_sources([f"{path}!app/a.log"])

        assert content(source) == LOG

    def test_unknown_member(self, tmp_path: Path) -> None:
        """The nearest name is offered."""
        path = tar(tmp_path / "logs.tar", self.FILES)
        with pytest.raises(InputError, match=r"no such member among the 3 .*app/a\.log"):
            open_sources([f"{path}!app/A.log"])

    def test_member_of_something_else(self, tmp_path: Path) -> None:
        """A plain file has no members."""
        path = put(tmp_path / "a.log", LOG)
        with pytest.raises(InputError, match="is not an archive"):
            open_sources([f"{path}!b"])

    def test_compressed_members_are_decoded(self, tmp_path: Path) -> None:
        """Rotated logs inside an archive read as logs."""
        path = tar(tmp_path / "logs.tar", {"a.log.1.gz": gzip.compress(LOG)})

        [source] = open_sources([path])

        assert (source.size, content(source)) == (None, LOG)

    def test_concatenated_tars(self, tmp_path: Path) -> None:
        """What follows the end mark of the first is not lost."""
        one = Path(tar(tmp_path / "1.tar", {"a": b"1"})).read_bytes()
        two = Path(tar(tmp_path / "2.tar", {"b": b"2"})).read_bytes()

        sources = open_sources([put(tmp_path / "12.tar", one + two)])

        assert [content(s) for s in sources] == [b"1", b"2"]

    def test_interleaved_members(self, tmp_path: Path) -> None:
        """Members open at the same time do not disturb one another."""
        path = tar(tmp_path / "logs.tgz", {"a": b"a" * 300_000, "b": b"b" * 300_000}, "w:gz")
        first, second = (s.open() for s in open_sources([path]))
        buffer = memoryview(bytearray(1 << 14))
        seen = {b"a": 0, b"b": 0}
        for _ in range(100):
            for letter, reader in ((b"a", first), (b"b", second)):
                count = reader.readinto(buffer)
                assert letter * count == bytes(buffer[:count])
                seen[letter] += count
        first.close()
        second.close()

        assert seen == {b"a": 300_000, b"b": 300_000}

    @pytest.mark.parametrize("mode", ["w", "w:gz"])
    def test_a_tar_cut_short(self, tmp_path: Path, mode: str) -> None:
        """The members before the cut are whole; the one that is cut says so after its bytes."""
        data = os.urandom(40_000)
        whole = Path(tar(tmp_path / "logs.tar", {"a": LOG, "b": data}, mode)).read_bytes()
        first, second = open_sources([put(tmp_path / "cut.tar", whole[:30_000])])

        assert content(first) == LOG
        found, error = until_error(second.open())
        assert isinstance(error, TruncatedInputError)
        assert len(found) > 25_000
        assert data.startswith(found)

    def test_a_damaged_header_is_not_the_end(self, tmp_path: Path) -> None:
        """The last readable member reports that the archive goes on."""
        whole = bytearray(Path(tar(tmp_path / "logs.tar", {"a": b"1", "b": b"2"})).read_bytes())
        whole[1024 + 5] ^= 1
        [source] = open_sources([put(tmp_path / "bad.tar", bytes(whole))])
        with pytest.raises(InputError, match="damaged tar header at byte 1024"):
            content(source)

    def test_sparse_members_are_refused(self, tmp_path: Path) -> None:
        """Their stored bytes are not the file's bytes; nothing wrong may be delivered."""
        path = tmp_path / "hole.log"
        with path.open("wb") as file:
            file.truncate(1 << 20)
            file.seek(1 << 20)
            file.write(LOG)
        packed = tmp_path / "logs.tar"
        for form in ("gnu", "pax"):
            command = ["tar", "-S", f"--format={form}", "-cf", packed, "-C", tmp_path, "hole.log"]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip("this tar does not make sparse archives")
            [source] = open_sources([str(packed)])
            if source.size != (1 << 20) + len(LOG):  # else the file system keeps no holes
                with pytest.raises(InputError, match="sparse"):
                    source.open()

    def test_zip(self, tmp_path: Path) -> None:
        """Files of a zip, stored or packed, are sources."""
        path = tmp_path / "logs.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.mkdir("app") if hasattr(archive, "mkdir") else None
            for name, data in self.FILES.items():
                archive.writestr(name, data, zipfile.ZIP_DEFLATED)

        sources = open_sources([str(path)])

        assert [f"{path}!{n}" for n in self.FILES] == [s.name for s in sources]
        assert list(self.FILES.values()) == [content(s) for s in sources]

    def test_zip_cut_short(self, tmp_path: Path) -> None:
        """A zip without its directory is refused with the reason."""
        path = tmp_path / "logs.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", LOG)
        with pytest.raises(InputError, match="directory, which is at the end"):
            open_sources([put(tmp_path / "cut.zip", path.read_bytes()[:-10])])

    def test_zip_with_a_wrong_checksum(self, tmp_path: Path) -> None:
        """Damage in a member is reported each time it is met."""
        path = tmp_path / "logs.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", LOG)
        stored = path.read_bytes().replace(b"three", b"thref")
        [source] = open_sources([put(path, stored)])
        with pytest.raises(InputError, match="damaged zip member"):
            content(source)


class TestPipes:
    def run(self, code: str, **options: object) -> str:
        """What a fresh interpreter prints."""
        script = (
            "from contextlib import closing\n"
            "from logpipe.formats.readers import open_sources, head\n"
            "def content(s):\n"
            "    out, b = b'', memoryview(bytearray(1 << 16))\n"
            "    with closing(s.open()) as r:\n"
            "        while n := r.readinto(b): out += b[:n]\n"
            "    return out\n" + code
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            check=True,
            cwd=Path(readers.__file__).parents[2],
            **options,  # type: ignore[call-overload]
        )
        return str(done.stdout.decode().strip())

    READ_TWICE = "[s] = open_sources(['-']); a = content(s); print(s.name, len(a), a == content(s))"

    def test_standard_input_is_read_twice(self) -> None:
        """A pipe gives the same bytes to a second reader."""
        data = os.urandom(3 * FRAME + 5)
        assert f"- {len(data)} True" == self.run(self.READ_TWICE, input=data)

    def test_standard_input_from_a_file(self, tmp_path: Path) -> None:
        """`< file` needs no copy, begins where the file stands, and is read twice too."""
        path = tmp_path / "a.log"
        path.write_bytes(LOG * 1000)
        with path.open("rb") as file:
            os.lseek(file.fileno(), 4, os.SEEK_SET)
            assert f"- {len(LOG) * 1000 - 4} True" == self.run(self.READ_TWICE, stdin=file)

    def test_compressed_standard_input(self) -> None:
        """What comes through the pipe is recognised like a file."""
        data = gzip.compress(LOG * 1000)
        assert f"- {len(LOG) * 1000} True" == self.run(self.READ_TWICE, input=data)

    def test_archive_on_standard_input(self, tmp_path: Path) -> None:
        """A tar through a pipe gives its members."""
        data = Path(tar(tmp_path / "a.tgz", {"a": LOG, "b": b"2"}, "w:gz")).read_bytes()
        code = "print([(s.name, len(content(s))) for s in open_sources(['-'])])"
        assert str([("-!a", len(LOG)), ("-!b", 1)]) == self.run(code, input=data)

    def test_a_slow_pipe_is_not_waited_for(self) -> None:
        """The first line can be read before the second is written."""
        theirs, ours = os.pipe()
        path = f"/dev/fd/{theirs}"
        if not Path(path).exists():
            pytest.skip("no /dev/fd here")
        os.write(ours, b"first\n")
        [source] = open_sources([path])
        buffer = memoryview(bytearray(100))
        with closing(source.open()) as reader:
            assert reader.readinto(buffer) == 6
            os.write(ours, b"second\n")
            assert reader.readinto(buffer) == 7
            os.close(ours)
            assert reader.readinto(buffer) == 0
        os.close(theirs)
        assert content(source) == b"first\nsecond\n"

    def test_named_pipe(self, tmp_path: Path) -> None:
        """A FIFO is read once and can be opened again."""
        path = tmp_path / "pipe"
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=(LOG,))
        writer.start()
        [source] = open_sources([str(path)])
        writer.join()

        assert [content(source), content(source)] == [LOG, LOG]

    def test_a_full_temporary_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No room for the copy: what was read is delivered, and the way out is told."""

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "pwrite", full)
        with tempfile.TemporaryFile() as file:
            file.write(bytes(2 * FRAME))
            spool = Spool(lambda: FileReader(file.fileno(), "-"), "-")
            found, error = until_error(SpoolReader(spool))
        assert bytes(FRAME) == found
        assert "no space left on device" in str(error)
        assert "set TMPDIR" in str(error)

    def test_standard_input_twice_is_refused(self) -> None:
        """It has only one content."""
        with pytest.raises(UsageError, match="only once"):
            open_sources(["-", "a.log", "-"])

    def test_zip_through_a_pipe_is_refused(self) -> None:
        """A zip is read from its end, which a pipe does not have."""
        code = (
            "from logpipe.errors import InputError\n"
            "try: open_sources(['-'])\n"
            "except InputError as e: print(e)"
        )
        assert "save it to a file" in self.run(code, input=b"PK\x03\x04" + bytes(100))


class TestChange:
    def test_a_change_between_passes_is_noticed(self, tmp_path: Path) -> None:
        """A second pass over a file that grew says so."""
        path = tmp_path / "a.log"
        [source] = open_sources([put(path, LOG)])
        before = source.fingerprint()
        check_unchanged(source, before)
        path.write_bytes(LOG * 2)
        with pytest.raises(InputError, match=r"was changed .* \(18 bytes before, 36 now"):
            check_unchanged(source, before)
        path.unlink()
        with pytest.raises(InputError, match="was changed"):
            check_unchanged(source, before)

    def test_a_replaced_archive_is_noticed(self, tmp_path: Path) -> None:
        """A member that is no longer where it was is not read from another place."""
        path = tar(tmp_path / "logs.tar", {"a": LOG, "b": b"22"})
        sources = open_sources([path])
        tar(tmp_path / "logs.tar", {"a": LOG * 100, "b": b"22"})
        with pytest.raises(InputError, match="was changed while it was read"):
            content(sources[1])


class TestContainers:
    def test_a_registered_container_is_asked_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The archive layer adds itself without this layer knowing it."""
        monkeypatch.setattr(readers, "_containers", {})
        seen: list[RawSource] = []

        def opener(raw: RawSource) -> list[Source]:
            seen.append(raw)
            return open_sources([put(tmp_path / "inner.log", LOG)])

        register_container(b"LPZ\n", opener)
        path = put(tmp_path / "a.lpz", b"LPZ\n...")

        [source] = open_sources([path])

        assert [path] == [raw.path for raw in seen]
        assert content(seen[0]) == b"LPZ\n..."
        assert content(source) == LOG

    def test_magic_must_be_of_use(self) -> None:
        """An empty magic would take every input."""
        with pytest.raises(UsageError, match="1 to 512 bytes"):
            register_container(b"", lambda raw: [])
