"""An output appears whole or not at all."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from logpipe.errors import OutputError
from logpipe.export.atomic import Output, check_output, replacing


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_final_name_appears_only_at_the_end(tmp_path: Path) -> None:
    """Until `finish`, a reader of the final name finds nothing."""
    output = Output(str(tmp_path / "out"))
    output.write(b"abc")
    output.flush()
    before = (tmp_path / "out").exists()
    output.finish()

    assert not before
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"abc"


def test_abort_leaves_nothing(tmp_path: Path) -> None:
    """The temporary file goes, and what a late writer still sends is dropped."""
    output = Output(str(tmp_path / "out"))
    output.write(b"abc")
    output.abort()
    output.write(b"late")
    output.abort()

    assert names(tmp_path) == []


def test_an_existing_output_is_refused_and_kept(tmp_path: Path) -> None:
    """Without force, the old bytes stay and the message says what to do."""
    out = tmp_path / "out"
    out.write_bytes(b"old")

    with pytest.raises(OutputError, match=r"out exists already; .* --force"):
        Output(str(out))
    assert out.read_bytes() == b"old"


def test_force_replaces_in_one_step_and_keeps_permissions(tmp_path: Path) -> None:
    """Before `finish` the old file is whole, afterwards the new one."""
    out = tmp_path / "out"
    out.write_bytes(b"old")
    out.chmod(0o640)
    output = Output(str(out), force=True)
    output.write(b"new")
    output.flush()
    before = out.read_bytes()
    output.finish()

    assert before == b"old"
    assert out.read_bytes() == b"new"
    assert out.stat().st_mode & 0o777 == 0o640


def test_a_file_made_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Two runs with the same output: the second to finish is refused."""
    out = tmp_path / "out"
    output = Output(str(out))
    output.write(b"second")
    out.write_bytes(b"first")

    with pytest.raises(OutputError, match="exists already"):
        output.finish()
    assert names(tmp_path) == ["out"]
    assert out.read_bytes() == b"first"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("missing/out", "the folder .*missing does not exist"),
        ("file/out", "the folder .*file is not a folder"),
        (".", "it is a folder"),
        ("", "is empty"),
        ("a\0b", "null byte"),
        ("x" * 300, "File name too long"),
    ],
)
def test_an_impossible_name_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    """The message names the path and what is in the way."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match=says):
        Output(path)
    assert names(tmp_path) == ["file"]


def test_the_longest_possible_name_works(tmp_path: Path) -> None:
    """The temporary name is not longer than the final one may be."""
    out = tmp_path / ("é" * 127)
    with replacing(str(out), force=False) as output:
        output.write(b"x")

    assert names(tmp_path) == [out.name]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """With force, the file behind a symbolic link is replaced, not the link."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with replacing(str(tmp_path / "link"), force=True) as output:
        output.write(b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_device_is_written_and_not_replaced() -> None:
    """/dev/null needs no force, and is still a device afterwards."""
    with replacing(os.devnull, force=False) as output:
        output.write(b"x")

    assert Path(os.devnull).is_char_device()


def test_a_pipe_is_written_straight_through(tmp_path: Path) -> None:
    """A named pipe gets the bytes; nothing is renamed over it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        with replacing(str(pipe), force=False) as output:
            output.write(b"through")
        got = reader.communicate(timeout=20)[0]

    assert got == b"through"
    assert names(tmp_path) == ["pipe"]


def test_an_exception_in_the_block_leaves_nothing(tmp_path: Path) -> None:
    """`replacing` aborts on anything that is raised, Ctrl-C included."""

    def interrupted() -> None:
        with replacing(str(tmp_path / "out"), force=False) as output:
            output.write(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == []


def test_an_output_that_was_forgotten_goes_at_exit(tmp_path: Path) -> None:
    """A program that ends without `finish` leaves nothing behind."""
    code = f"from logpipe.export.atomic import Output; o = Output({str(tmp_path / 'out')!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    assert names(tmp_path) == []


def test_a_write_beyond_the_limit_leaves_nothing(tmp_path: Path) -> None:
    """A file size limit ends in one clear error, and the temporary file is removed."""
    code = f"""
import resource, signal
from logpipe.errors import OutputError
from logpipe.export.atomic import replacing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.getrlimit(resource.RLIMIT_FSIZE)[1]}))
try:
    with replacing({str(tmp_path / "out")!r}, force=False) as output:
        for _ in range(100):
            output.write(bytes(10_000))
except OutputError as error:
    print(error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert "File too large" in ran.stdout
    assert "nothing was kept" in ran.stdout
    assert ran.stderr == ""
    assert names(tmp_path) == []


def test_a_check_makes_nothing(tmp_path: Path) -> None:
    """`check_output` refuses what `Output` refuses, without touching the folder."""
    check_output(str(tmp_path / "out"), force=False)

    assert names(tmp_path) == []
