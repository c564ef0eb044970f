"""The commands of archives, run as users run them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

from .program import LOG, PROGRAM, environment, logpipe

LINES = LOG.splitlines(keepends=True)


def test_a_log_goes_in_and_comes_out(tmp_path: Path) -> None:
    """Compress, look, print, check, decompress; an existing output is refused without --force."""
    log = tmp_path / "a.log"
    log.write_bytes(LOG * 20)

    assert logpipe("compress", log).code == 0
    packed = tmp_path / "a.log.lpz"
    assert packed.stat().st_size < len(LOG) * 20 / 10
    assert logpipe("compress", log).code == 2
    assert logpipe("compress", log, "--force", "--level", "max", "-q").err == ""
    assert logpipe("cat", packed).out == LOG * 20
    assert logpipe("cat", packed, "--lines", "3:5").out == b"".join(LINES[2:5])
    assert logpipe("cat", packed, "--lines", "7").out == LINES[6]
    assert logpipe("cat", packed, "--lines", "5:3").code == 2
    assert logpipe("verify", packed).code == 0
    facts = json.loads(logpipe("info", packed, "--json").out)
    assert (facts["lines"], facts["raw_bytes"]) == (len(LINES) * 20, len(LOG) * 20)
    assert "ratio" in logpipe("info", packed).out.decode()
    assert logpipe("decompress", packed).code == 2
    log.unlink()
    assert logpipe("decompress", packed, "--rm").code == 0
    assert log.read_bytes() == LOG * 20
    assert not packed.exists()


def test_pipes_on_both_ends(tmp_path: Path) -> None:
    """Standard input to standard output, and -c."""
    made = logpipe("compress", "-", "-o", "-", "-q", stdin=LOG)
    (tmp_path / "x.lpz").write_bytes(made.out)

    assert logpipe("decompress", "-c", tmp_path / "x.lpz", tmp_path / "x.lpz").out == LOG + LOG
    assert logpipe("compress", "-", stdin=LOG).code == 2


def test_rm_deletes_only_what_was_compared(tmp_path: Path) -> None:
    """Files go once the archive gives them back; what is no plain log file is refused before."""
    a, b, out = tmp_path / "a.log", tmp_path / "b.log", tmp_path / "o.lpz"
    a.write_bytes(LOG)
    b.write_bytes(LOG[:500])
    assert logpipe("compress", a, b, "-o", out, "--rm").code == 0
    assert not a.exists()
    assert not b.exists()
    a.write_bytes(b"more\n")
    assert logpipe("compress", a, "-o", out, "--append", "--rm").code == 0
    assert logpipe("cat", out).out == LOG + LOG[:500] + b"more\n"
    assert logpipe("compress", out, "-o", tmp_path / "p.lpz", "--rm").code == 2
    assert out.exists()


def test_damage_is_exit_code_3_and_verify_says_1(tmp_path: Path) -> None:
    """And what is wrong, where, and what is safe, in one line."""
    log, packed = tmp_path / "a.log", tmp_path / "a.log.lpz"
    log.write_bytes(LOG)
    assert logpipe("compress", log).code == 0
    data = bytearray(packed.read_bytes())
    data[200] ^= 1
    packed.write_bytes(data)
    ran = logpipe("cat", packed)

    assert ran.code == 3
    assert ran.err.count("\n") == 1
    assert "lines 1 to 42" in ran.err
    assert logpipe("verify", packed).code == 1
    out = tmp_path / "whole.log"
    assert logpipe("decompress", packed, "-o", out).code == 3
    assert not out.exists()
    assert logpipe("repair", packed, "-o", tmp_path / "r.lpz").code == 3
    assert logpipe("cat", tmp_path / "r.lpz").out == b""
    assert logpipe("cat", log).code == 3
    assert logpipe("cat", tmp_path / "none.lpz").code == 2


def test_a_killed_run_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    """`kill -9` at any moment: no output, or a whole one; the next run does it."""
    log, packed = tmp_path / "a.log", tmp_path / "a.log.lpz"
    log.write_bytes(LOG * 5000)
    for wait in (0.3, 0.6, 0.9):
        running = subprocess.Popen(
            [*PROGRAM, "compress", str(log), "-q", "--force"], env=environment()
        )
        time.sleep(wait)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert not packed.exists() or logpipe("verify", packed).code == 0
    assert logpipe("compress", log, "--force").code == 0
    assert logpipe("verify", packed).code == 0


def test_nothing_is_added_to_a_damaged_archive(tmp_path: Path) -> None:
    """A flipped byte of an old block is found before anything is written: 3, and the file as is."""
    log, packed = tmp_path / "a.log", tmp_path / "a.lpz"
    log.write_bytes(LOG * 5)
    assert logpipe("compress", log, "-o", packed, "-q").code == 0
    added = logpipe("compress", log, "-o", packed, "--append")
    assert f"added; {len(LINES) * 10:,} lines in all" in added.err
    data = bytearray(packed.read_bytes())
    data[200] ^= 1
    packed.write_bytes(data)

    run = logpipe("compress", log, "-o", packed, "--append", "-q")

    assert run.code == 3
    assert "is damaged; nothing was added" in run.err
    assert packed.read_bytes() == data


def test_repair_writes_nothing_where_nothing_is_left(tmp_path: Path) -> None:
    """The only block is gone: 3 and no file, where an empty archive is repaired to one."""
    log, packed, out = tmp_path / "a.log", tmp_path / "a.lpz", tmp_path / "b.lpz"
    log.write_bytes(LOG)
    assert logpipe("compress", log, "-o", packed, "-q").code == 0
    data = bytearray(packed.read_bytes())
    data[200] ^= 1
    packed.write_bytes(data)

    run = logpipe("repair", packed, "-o", out)

    assert run.code == 3
    assert "no good block is left" in run.err
    assert not out.exists()

    log.write_bytes(b"")
    assert logpipe("compress", log, "-o", packed, "-q", "--force").code == 0
    assert logpipe("repair", packed, "-o", out, "-q").code == 0
    assert logpipe("cat", out).out == b""
