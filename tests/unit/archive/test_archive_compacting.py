"""Archives that are added to again and again: what older footers take is given back."""

from __future__ import annotations

import fcntl
import gzip
import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from archive_reader import read

sys.path.insert(0, str(Path(__file__).parent))
from logs import LEVELS, made, restored, server_log, split

from logpipe import archive
from logpipe.archive import compacting, writer
from logpipe.archive.checking import verify
from logpipe.archive.layout import BLOCK_HEADER, FILE_HEADER
from logpipe.archive.packing import Level
from logpipe.errors import ArchiveError, OutputError
from logpipe.export.atomic import Output, leftovers
from logpipe.pipeline.compressing import compress

LINES = split(server_log(6400))
PART = 100
MORE = b"".join(LINES[:PART])
NUMBERS = itertools.count()


def appended(path: Path, log: bytes, level: Level = "fast") -> None:
    """Adds a log to an archive."""
    source = path.with_name(f"more-{next(NUMBERS)}.log")
    source.write_bytes(log)
    compress([str(source)], str(path), level=level, append=True, threads=1)
    source.unlink()


def live(path: Path) -> int:
    """Bytes of an archive that is made of its header and its blocks."""
    with archive.open(str(path)) as opened:
        return FILE_HEADER + sum(BLOCK_HEADER + e.payload for e in opened.entries)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any dead byte is too many."""
    monkeypatch.setattr(compacting, "_DEAD", 0)
    monkeypatch.setattr(compacting, "_SHARE", 1 << 40)


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    """An archive with an older footer inside."""
    path = made(tmp_path, MORE)
    appended(path, MORE)
    (tmp_path / "source.log").unlink()
    return path


def test_many_small_appends_take_little_more_than_their_blocks(tmp_path: Path) -> None:
    """Footers of 60 appends do not pile up; each block is what it was, in the same place."""
    path = made(tmp_path, b"".join(LINES[:PART]))
    sizes = []
    for at in range(PART, len(LINES) - 3 * PART, PART):
        before = path.stat().st_size
        appended(path, b"".join(LINES[at : at + PART]))
        sizes.append(path.stat().st_size - before)

    log = b"".join(LINES[: -3 * PART])
    assert len(sizes) == 60
    assert path.stat().st_size < 1.5 * live(path)
    # It is not written anew for every append.
    assert 0 < sum(grew < 0 for grew in sizes) < 20
    assert restored(path) == log == read(path.read_bytes())
    assert verify(str(path)).good
    with archive.open(str(path)) as opened:
        assert [opened.first_line(b) for b in range(61)] == [1 + PART * b for b in range(61)]
        assert [opened.header(b).first_line for b in range(61)] == [PART * b for b in range(61)]
        assert b"".join(opened.iter_lines(1234, 1301)) == b"".join(LINES[1233:1301])


@pytest.mark.parametrize("level", LEVELS)
def test_the_file_without_dead_footers_is_header_blocks_and_newest_footer(
    tmp_path: Path, eager: None, level: Level
) -> None:
    """Every block and every record is copied as it stands; open lines go on."""
    path = made(tmp_path, MORE, level)
    for more in (b"open ", b"line\n", b"\n", b"all these words make a filter\n"):
        appended(path, more, level)
    with archive.open(str(path)) as opened:
        blocks = [opened.payload(b) for b in range(len(opened.entries))]
        records = opened.records
        assert opened.filter(4)

    with writer.Appending(str(path)) as appending:
        appending.writer.finish()
        assert appending.writer.lines == len(split(restored(path)))

    with archive.open(str(path)) as opened:
        # Nothing but the footer that we have just made is behind the blocks and their footer.
        assert opened.entries[0].at == FILE_HEADER
        ends = zip(opened.entries, opened.entries[1:], strict=False)
        assert all(a.end == b.at for a, b in ends)
        assert [opened.payload(b) for b in range(len(blocks))] == blocks
        assert opened.records == records
    assert restored(path) == MORE + b"open line\n\nall these words make a filter\n"


def test_a_damaged_block_is_found_before_anything_is_replaced(grown: Path, eager: None) -> None:
    """The archive is as it was, and nothing is left beside it."""
    data = bytearray(grown.read_bytes())
    data[200] ^= 1
    grown.write_bytes(data)

    with pytest.raises(ArchiveError, match="is damaged; nothing was added"):
        appended(grown, MORE)

    assert grown.read_bytes() == data
    assert not list(grown.parent.glob(".*.part"))


KILLED = """
import os, signal, sys
from logpipe.archive import compacting
from logpipe.export import atomic
from logpipe.pipeline.compressing import compress

compacting._DEAD, compacting._SHARE = 0, 1 << 40
moment, left = sys.argv[1], 4


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Output(atomic.Output):
    def write(self, data):
        global left
        left -= 1
        if moment == "copying" and left == 0:
            self.flush()
            die()
        return super().write(data)

    def _rename(self, temporary):
        if moment == "before":
            die()
        super()._rename(temporary)
        if moment == "after":
            die()


compacting.Output = Output
compress([sys.argv[2]], sys.argv[3], level="fast", append=True)
"""


@pytest.mark.parametrize("moment", ["copying", "before", "after"])
def test_a_kill_while_it_is_written_anew_loses_nothing(grown: Path, moment: str) -> None:
    """`kill -9` while blocks are copied, before and after the new file has its name."""
    before = grown.read_bytes()
    more = grown.with_name("more.log")
    more.write_bytes(MORE)

    ran = subprocess.run(
        [sys.executable, "-c", KILLED, moment, str(more), str(grown)],
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == -signal.SIGKILL, ran
    assert (grown.read_bytes() == before) == (moment != "after")
    assert restored(grown) == MORE * 2
    assert len(leftovers(str(grown))) == (moment != "after")
    appended(grown, MORE)
    assert restored(grown) == MORE * 3
    assert verify(str(grown)).good


def test_who_waits_for_a_lock_goes_on_in_the_file_that_took_the_place(
    grown: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An append that comes between opening and locking replaces the file: nothing is lost in it."""
    turns = [b"first\n", b"second\n"]

    def flock(file: object, how: int) -> None:
        if turns:
            appended(grown, turns.pop())
        fcntl.flock(file, how)  # type: ignore[arg-type]

    constants = {n: getattr(fcntl, n) for n in ("LOCK_EX", "LOCK_NB")}
    monkeypatch.setattr(writer, "fcntl", SimpleNamespace(flock=flock, **constants))
    appended(grown, b"last\n")

    assert restored(grown) == MORE * 2 + b"first\nsecond\nlast\n"
    assert verify(str(grown)).good


def test_the_new_file_is_locked_from_its_first_moment(grown: Path, eager: None) -> None:
    """As long as an append is under way, a second one is refused, old file or new one."""
    with writer.Appending(str(grown)) as appending:
        with pytest.raises(OutputError, match="another process"):
            writer.Appending(str(grown))
        appending.writer.finish()


def test_two_appenders_at_once_lose_nothing(grown: Path, eager: None) -> None:
    """Each tries again when it is refused: all that was added is there, once, in its order."""
    failed: list[BaseException] = []

    def add(name: bytes) -> None:
        for number in range(12):
            while True:
                try:
                    appended(grown, b"%s %d\n" % (name, number))
                except OutputError as error:
                    if "another process" not in str(error):
                        failed.append(error)
                        return
                else:
                    break

    names = (b"one", b"two")
    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failed
    lines = split(restored(grown))[2 * PART :]
    assert len(lines) == 24
    for name in names:
        mine = [line for line in lines if line.startswith(name)]
        assert mine == [b"%s %d\n" % (name, number) for number in range(12)]
    assert not list(grown.parent.glob(".*.part"))


def grows_in_place(path: Path) -> None:
    """An append leaves every old byte, and the file, where they are."""
    before, inode = path.read_bytes(), path.stat().st_ino
    appended(path, b"in place\n")
    assert path.stat().st_ino == inode
    assert path.read_bytes().startswith(before)
    assert restored(path) == MORE * 2 + b"in place\n"
    assert not list(path.parent.glob(".*.part"))


def test_a_file_of_several_names_grows_in_place(grown: Path, eager: None) -> None:
    """Its other names would keep the old archive."""
    grown.with_name("other.lpz").hardlink_to(grown)
    grows_in_place(grown)


def test_without_room_for_both_it_grows_in_place(
    grown: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether that is known before, or found in the middle."""
    none = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=grown.stat().st_size))
    with monkeypatch.context() as patched:
        patched.setattr(compacting, "shutil", none)
        grows_in_place(grown)

    class Full(Output):
        def write(self, data: bytes | bytearray | memoryview) -> int:
            if self.tell() > 500:
                raise OutputError("No space left on device")
            return super().write(data)

    monkeypatch.setattr(compacting, "Output", Full)
    before = grown.read_bytes()
    appended(grown, MORE)
    assert grown.read_bytes().startswith(before)
    assert not list(grown.parent.glob(".*.part"))


def test_an_owner_that_cannot_be_kept_keeps_the_file(
    grown: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's archive that we may write stays theirs."""

    def refuse(old: int, new: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(compacting, "_copy_attributes", refuse)
    grows_in_place(grown)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_in_a_read_only_folder_it_grows_in_place(grown: Path, eager: None, tmp_path: Path) -> None:
    """Nobody is refused who could append before."""
    more = tmp_path.parent / f"{tmp_path.name}-more.log"
    more.write_bytes(MORE)
    inode = grown.stat().st_ino
    tmp_path.chmod(0o555)
    try:
        compress([str(more)], str(grown), level="fast", append=True)
    finally:
        tmp_path.chmod(0o755)
    assert grown.stat().st_ino == inode
    assert restored(grown) == MORE * 3


def test_mode_attributes_and_links_to_it_stay(grown: Path, eager: None) -> None:
    """The new file is to others what the old one was; a link stays a link."""
    grown.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(grown, 1234, 4321)
    attributed = True
    try:
        os.setxattr(grown, "user.kept", b"yes")
    except (AttributeError, OSError):  # not everywhere
        attributed = False
    before = grown.stat()
    link = grown.with_name("link.lpz")
    link.symlink_to(grown.name)

    appended(link, MORE)

    after = grown.stat()
    assert link.is_symlink()
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    if attributed:
        assert os.getxattr(grown, "user.kept") == b"yes"
    assert restored(grown) == restored(link) == MORE * 3


def test_a_reader_keeps_the_archive_that_it_opened(grown: Path, eager: None) -> None:
    """Lines that are read while the file is replaced are those of the old one."""
    with archive.open(str(grown)) as opened:
        appended(grown, b"new\n")
        assert b"".join(opened.iter_lines()) == MORE * 2
    assert restored(grown) == MORE * 2 + b"new\n"


def test_an_append_that_fails_after_it_leaves_every_line(grown: Path, eager: None) -> None:
    """What was replaced stays; what was to be added is not in it."""
    broken = grown.with_name("broken.gz")
    broken.write_bytes(gzip.compress(server_log(9000))[:-2000])
    inode = grown.stat().st_ino

    with pytest.raises(OSError, match="broken"):
        compress([str(broken)], str(grown), level="fast", append=True)

    assert grown.stat().st_ino != inode

    assert restored(grown) == MORE * 2
    assert verify(str(grown)).good
    with archive.open(str(grown)) as opened:
        assert opened.entries[1].at == opened.entries[0].end
