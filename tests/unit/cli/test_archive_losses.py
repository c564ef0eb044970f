"""Situations in which lines were lost, or could have been: each test is named after one."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .program import LOG, environment, log_file, logpipe, names, refused

MORE = LOG.replace(b"web", b"shop")


def grown(folder: Path) -> Path:
    """An archive of a log and of one that was appended to it."""
    packed = folder / "a.lpz"
    assert logpipe("compress", "-q", log_file(folder), "-o", packed).code == 0
    more = log_file(folder, MORE, "more.log")
    assert logpipe("compress", "-q", "--append", more, "-o", packed).code == 0
    return packed


@pytest.mark.parametrize("damage", ["flipped", "cut", "another archive"])
def test_an_append_cut_off_lines_whose_footer_was_damaged(tmp_path: Path, damage: str) -> None:
    """What has a footer was complete once; it is not what a killed append left behind."""
    packed = grown(tmp_path)
    data = packed.read_bytes()
    other = tmp_path / "other.lpz"
    assert logpipe("compress", "-q", tmp_path / "more.log", "-o", other).code == 0
    packed.write_bytes(
        {
            "flipped": data[:-60] + bytes([data[-60] ^ 1]) + data[-59:],
            "cut": data[:-20],
            "another archive": data + other.read_bytes()[:-20],
        }[damage]
    )
    before = packed.read_bytes()

    ran = logpipe("compress", tmp_path / "more.log", "--append", "-o", packed)

    refused(ran, "nothing was added", "logpipe repair", code=3)
    assert packed.read_bytes() == before
    whole = tmp_path / "whole.lpz"
    assert logpipe("repair", packed, "-o", whole, "-q").code == 0
    lines = LOG + MORE + (MORE if damage == "another archive" else b"")
    assert logpipe("cat", whole).out == lines


def test_what_a_killed_append_left_is_told_when_it_is_removed(tmp_path: Path) -> None:
    """The lines of its blocks are gone then; whoever relied on them should know."""
    packed = grown(tmp_path)
    whole = packed.read_bytes()
    tail = whole.rindex(b"LPZF")
    packed.write_bytes(whole[:tail])

    ran = logpipe("compress", tmp_path / "more.log", "--append", "-o", packed)

    assert ran.code == 0
    assert "42 lines" in ran.err.splitlines()[0]
    assert "of an append that was killed were removed" in ran.err.splitlines()[0]
    assert packed.read_bytes() == whole


@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_rm_deleted_an_archive_whose_bytes_went_into_nothing(tmp_path: Path, kind: str) -> None:
    """A device or a pipe keeps nothing: `decompress --rm -o /dev/null` left neither log."""
    packed, out = grown(tmp_path), "/dev/null"
    if kind == "pipe":
        os.mkfifo(tmp_path / "pipe")
        out = str(tmp_path / "pipe")

    refused(logpipe("decompress", "--rm", packed, "-o", out), "--rm", "is not a file")
    refused(logpipe("compress", "--rm", tmp_path / "app.log", "-o", out), "--rm", "is not a file")

    assert {"a.lpz", "app.log", "more.log"} <= set(names(tmp_path))


def test_rm_deletes_no_archive_that_somebody_appends_to(tmp_path: Path) -> None:
    """Its new lines would be nowhere: they were not there yet when it was decompressed."""
    packed = grown(tmp_path)
    with packed.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused(logpipe("decompress", "--rm", packed, "-o", tmp_path / "o"), "appends to it")
    assert names(tmp_path) == ["a.lpz", "app.log", "more.log"]


def test_rm_keeps_an_archive_that_grew_or_was_replaced(tmp_path: Path) -> None:
    """Without locks (network file systems) its size and its inode are looked at."""
    from logpipe.archive.reader import Archive
    from logpipe.archive.removing import hold, remove
    from logpipe.errors import OutputError

    packed = grown(tmp_path)
    with Archive(str(packed)) as archive:
        hold(archive)
        packed.replace(tmp_path / "old.lpz")
        packed.write_bytes((tmp_path / "old.lpz").read_bytes())
        with pytest.raises(OutputError, match="was changed"):
            remove(archive)
    with Archive(str(packed)) as archive:
        with packed.open("ab") as file:
            file.write(b"x")
        with pytest.raises(OutputError, match="was changed"):
            hold(archive)
    assert packed.exists()


def test_rm_of_a_link_to_an_archive_is_refused(tmp_path: Path) -> None:
    """As `compress --rm` does: the archive would stay, and its name be gone."""
    packed, link = grown(tmp_path), tmp_path / "link.lpz"
    link.symlink_to(packed)
    refused(logpipe("decompress", "--rm", link), "not a plain file")
    assert names(tmp_path) == ["a.lpz", "app.log", "link.lpz", "more.log"]


def test_rm_of_a_log_that_is_named_twice_is_refused_before_any_work(tmp_path: Path) -> None:
    """It was deleted, and then missed: exit code 2 after everything was done."""
    log = log_file(tmp_path)
    ran = logpipe("compress", "--rm", log, tmp_path / "." / "app.log", "-o", tmp_path / "a.lpz")
    refused(ran, "named twice")
    assert names(tmp_path) == ["app.log"]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_rm_deleted_a_tar_of_which_only_the_log_was_kept(tmp_path: Path, kind: str) -> None:
    """Its names, times and members that are no logs were gone."""
    import shutil

    (tmp_path / "folder").mkdir()
    log_file(tmp_path / "folder")
    (tmp_path / "folder" / "link").symlink_to("app.log")
    packed = shutil.make_archive(str(tmp_path / "logs"), kind, tmp_path / "folder")

    ran = logpipe("compress", "--rm", packed, "-o", tmp_path / "a.lpz")

    refused(ran, "--rm", "not a plain file with one log")
    assert names(tmp_path) == ["folder", f"logs.{kind}"]


def test_a_folder_that_is_missing_is_no_file_name(tmp_path: Path) -> None:
    """`-o missing/` made a file `missing`."""
    log = log_file(tmp_path)
    refused(logpipe("compress", log, "-o", f"{tmp_path}/missing/"), "it is a folder")
    assert names(tmp_path) == ["app.log"]


def test_a_pipe_is_not_waited_for_as_an_archive(tmp_path: Path) -> None:
    """`logpipe cat PIPE` hung, or said that standard output cannot be written."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    log = log_file(tmp_path)
    for command in (["cat", pipe], ["verify", pipe], ["info", pipe], ["grep", "x", pipe]):
        refused(logpipe(*command), "is a pipe")
    refused(logpipe("compress", log, "--append", "-o", pipe), "is a pipe")


def test_names_that_are_no_utf8_do_not_break_json(tmp_path: Path) -> None:
    r"""They ended in an internal error; the bytes are shown as `\xNN`."""
    import json

    packed = tmp_path / os.fsdecode(b"lat\xff.lpz")
    assert logpipe("compress", "-q", log_file(tmp_path), "-o", packed).code == 0
    for command in ("verify", "info"):
        ran = logpipe(command, "--json", packed)
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)["file"].endswith("lat\\xff.lpz")


CHANGING = """
import sys
from pathlib import Path
from logpipe.archive import reader
from logpipe.pipeline import compressing
from logpipe.cli import run

path, how = Path(sys.argv[1]), sys.argv[2]
real = {module}.{step}

def {step}(*given):
    if how == "grows":
        with path.open("ab") as file:
            file.write(b"one more line\\n")
    elif how == "shrinks":
        with path.open("r+b") as file:
            file.truncate(100)
    elif how == "is replaced":
        path.rename(path.with_name("rotated.log"))
        path.write_bytes(b"fresh line\\n")
    else:
        path.unlink()
    return real(*given)

{module}.{step} = {step}
sys.exit(run(["compress", "--rm", str(path), "-o", sys.argv[3]]))
"""


@pytest.mark.parametrize("how", ["grows", "shrinks", "is replaced", "is gone"])
@pytest.mark.parametrize(
    ("module", "step"), [("compressing", "check_unchanged"), ("reader", "Archive")]
)
def test_rm_deletes_no_log_that_changes_meanwhile(
    tmp_path: Path, how: str, module: str, step: str
) -> None:
    """While it is read, or after the archive was made and before it is compared."""
    log, packed = log_file(tmp_path), tmp_path / "a.lpz"
    code = CHANGING.format(module=module, step=step)

    ran = subprocess.run(
        [sys.executable, "-c", code, str(log), how, str(packed)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )

    assert ran.returncode == 2, ran
    assert len([line for line in ran.stderr.splitlines() if "error" in line]) == 1, ran.stderr
    assert "internal" not in ran.stderr
    assert how == "is gone" or log.exists()
    if how == "is replaced":
        assert (tmp_path / "rotated.log").read_bytes() == LOG
    if packed.exists():
        assert logpipe("cat", packed).out == LOG
