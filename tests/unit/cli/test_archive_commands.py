"""The commands of archives, run as users run them."""

from __future__ import annotations

import gzip
import json
import random
import resource
import signal
import subprocess
import time
from pathlib import Path

from .program import LOG, PROGRAM, environment, log_file, logpipe, names, refused

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


def test_files_that_are_joined_within_a_line_are_told(tmp_path: Path) -> None:
    """Every byte comes back; but `a.log` and `b.log` have one line less together than apart."""
    a, b, out = tmp_path / "a.log", tmp_path / "b.log", tmp_path / "o.lpz"
    a.write_bytes(b"one\ntwo")
    b.write_bytes(b"three\nfour")

    made = logpipe("compress", a, b, "-o", out)
    more = logpipe("compress", b, "-o", out, "--append")

    assert f"{a} does not end in a line feed" in made.err
    assert f"first one of {b} are one line" in made.err
    assert f"{out} does not end in a line feed" in more.err
    assert logpipe("cat", out).out == b"one\ntwothree\nfourthree\nfour"
    assert logpipe("compress", b, "-q", "-o", out, "--append").err == ""
    assert "does not end" not in logpipe("compress", a, "-o", tmp_path / "p.lpz").err


def test_one_of_a_thing_is_counted_as_one(tmp_path: Path) -> None:
    """No `1 lines in 1 good blocks`."""
    log, packed = tmp_path / "a.log", tmp_path / "a.log.lpz"
    log.write_bytes(b"just this\n")

    assert "a.log.lpz: 1 line, " in logpipe("compress", log).err
    assert logpipe("verify", packed).out.decode().endswith("1 line in 1 good block\n")
    assert "1 block, format" in logpipe("info", packed).out.decode()
    assert "a.log.lpz: 1 line, " in logpipe("info", packed).out.decode()


def test_quiet_is_silence_for_grep(tmp_path: Path) -> None:
    """-q has grep's meaning there: nothing but the exit code."""
    log, packed = tmp_path / "a.log", tmp_path / "a.log.lpz"
    log.write_bytes(LOG)
    assert logpipe("compress", "-q", log).code == 0

    found = logpipe("grep", "-q", ".", packed)
    missing = logpipe("grep", "-q", "-e", "no such text", packed)

    assert (found.code, found.out, found.err) == (0, b"", "")
    assert (missing.code, missing.out, missing.err) == (1, b"", "")
    assert logpipe("grep", "x").code == 2
    assert logpipe("grep", "-f", tmp_path / "nothing", packed).code == 2


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
    for reading in ("info", "templates", "parse", "grep"):
        given = ("u7", packed) if reading == "grep" else (packed,)
        ran = logpipe(reading, *given)
        assert (reading, ran.code) == (reading, 3)
        assert "checksum" in ran.err
    assert logpipe("compress", packed, "-o", tmp_path / "again.lpz").code == 3
    assert not (tmp_path / "again.lpz").exists()
    out = tmp_path / "whole.log"
    assert logpipe("decompress", packed, "-o", out).code == 3
    assert not out.exists()
    assert logpipe("repair", packed, "-o", tmp_path / "r.lpz").code == 3
    for command in ("cat", "info", "verify", "repair"):
        more = ("-o", tmp_path / "r.lpz") if command == "repair" else ()
        assert logpipe(command, log, *more).code == 3
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


def test_repair_never_writes_over_the_archive_that_it_reads(tmp_path: Path) -> None:
    """By another name, and with --force: the damaged file may be all that is left."""
    log = tmp_path / "a.log"
    log.write_bytes(LOG)
    packed = tmp_path / "a.log.lpz"
    assert logpipe("compress", log).code == 0
    packed.write_bytes(packed.read_bytes()[:-5])
    before = packed.read_bytes()
    link = tmp_path / "link.lpz"
    link.symlink_to(packed)

    run = logpipe("repair", packed, "-o", link, "--force")

    assert run.code == 2
    assert "the input itself" in run.err
    assert packed.read_bytes() == before


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


def test_archives_in_a_row_become_one(tmp_path: Path) -> None:
    """`cat a.lpz b.lpz` is refused where it is read; repair makes one archive of both."""
    log, packed, out = tmp_path / "a.log", tmp_path / "a.lpz", tmp_path / "b.lpz"
    log.write_bytes(LOG * 3)
    assert logpipe("compress", log, "-o", packed, "-q").code == 0
    packed.write_bytes(packed.read_bytes() * 2)

    refused = logpipe("cat", packed)
    assert (refused.code, refused.out) == (3, b"")
    assert "another archive begins" in refused.err
    checked = logpipe("verify", packed)
    assert checked.code == 1
    assert b"the end is missing" not in checked.out
    repaired = logpipe("repair", packed, "-o", out)
    assert repaired.code == 0
    assert b"keeps what is good" not in repaired.out
    assert logpipe("cat", out).out == LOG * 6
    assert logpipe("verify", out).code == 0


def test_a_damaged_or_newer_header_costs_no_line(tmp_path: Path) -> None:
    """Reading is refused, 3; what verify says does not blame the end; repair keeps all, 0."""
    log, packed, out = tmp_path / "a.log", tmp_path / "a.lpz", tmp_path / "b.lpz"
    log.write_bytes(LOG)
    assert logpipe("compress", log, "-o", packed, "-q").code == 0
    good = packed.read_bytes()
    for at, words in ((2, b"begins like a logpipe archive"), (8, b"use a newer logpipe")):
        packed.write_bytes(good[:at] + b"\x07" + good[at + 1 :])

        assert logpipe("cat", packed).code == 3
        checked = logpipe("verify", packed)
        assert checked.code == 1
        assert words in checked.out
        assert b"the end is missing" not in checked.out
        assert logpipe("repair", packed, "-o", out, "--force").code == 0
        assert logpipe("cat", out).out == LOG


def killed(wait: float, *arguments: str | Path) -> None:
    """Run `logpipe`, and kill it after so many seconds unless it is done."""
    running = subprocess.Popen([*PROGRAM, *map(str, arguments), "-q"], env=environment())
    try:
        running.wait(wait)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGKILL)
        running.wait()


def test_a_killed_append_costs_nothing_but_its_work(tmp_path: Path) -> None:
    """`kill -9` at random moments: old lines stay safe, and the next append goes on behind them."""
    old, log, packed = tmp_path / "old.log", tmp_path / "a.log", tmp_path / "a.lpz"
    old.write_bytes(LOG)
    log.write_bytes(LOG * 5000)
    assert logpipe("compress", old, "-o", packed, "-q").code == 0
    before, rnd = packed.read_bytes(), random.Random(5)
    for _ in range(4):
        killed(rnd.uniform(0.2, 1.2), "compress", log, "-o", packed, "--append", "--level", "fast")
        assert packed.read_bytes().startswith(before)
    assert logpipe("compress", old, "-o", packed, "--append", "-q").code == 0

    assert logpipe("verify", packed).code == 0
    given = logpipe("cat", packed).out
    done = (len(given) - 2 * len(LOG)) // (len(LOG) * 5000)
    assert given == LOG + LOG * 5000 * done + LOG


def test_a_killed_rm_never_loses_the_original(tmp_path: Path) -> None:
    """`kill -9` at random moments: there is the log, or an archive that gives it back."""
    log, packed = tmp_path / "a.log", tmp_path / "a.log.lpz"
    rnd = random.Random(6)
    for _ in range(4):
        log.write_bytes(LOG * 5000)
        killed(rnd.uniform(0.3, 1.5), "compress", log, "--rm", "--force", "--level", "fast")
        if log.exists():
            assert log.read_bytes() == LOG * 5000
        else:
            assert logpipe("cat", packed).out == LOG * 5000
        assert not packed.exists() or logpipe("verify", packed).code == 0
    left = sorted(tmp_path.glob(".*.part"))
    log.write_bytes(LOG)
    ran = logpipe("compress", log, "--force")
    assert ran.code == 0
    assert all(part.name in ran.err for part in left)


def test_a_full_disk_leaves_no_archive_and_an_append_as_it_was(tmp_path: Path) -> None:
    """A limit stops the output in the middle: one line, exit code 2, nothing half-written."""
    log, packed = tmp_path / "a.log", tmp_path / "a.lpz"
    log.write_bytes(random.Random(1).randbytes(1 << 20))
    small = tmp_path / "small.log"
    small.write_bytes(LOG)
    assert logpipe("compress", small, "-o", packed, "-q").code == 0
    before = packed.read_bytes()

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    for more in (["-o", str(tmp_path / "new.lpz")], ["-o", str(packed), "--append"]):
        ran = subprocess.run(
            [*PROGRAM, "compress", str(log), "-q", *more],
            capture_output=True,
            text=True,
            env=environment(PYTHONDONTWRITEBYTECODE="1"),
            preexec_fn=limit,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 2, ran
        assert "File too large" in ran.stderr
        assert len(ran.stderr.splitlines()) == 1
    assert packed.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.log", "a.lpz", "small.log"]


def test_an_input_is_never_its_own_output(tmp_path: Path) -> None:
    """Whatever --force says, and by whatever name; the files are as they were."""
    log = log_file(tmp_path)
    packed = tmp_path / "a.lpz"
    assert logpipe("compress", log, "-o", packed, "-q").code == 0
    (tmp_path / "link").symlink_to(packed)
    before = {path: path.read_bytes() for path in (log, packed)}

    for arguments in (
        ["compress", "--force", "-o", log, log],
        ["compress", "--append", "-o", packed, packed],
        ["compress", "--append", "-o", packed, tmp_path / "link"],
        ["decompress", "--force", "-o", packed, packed],
        ["compress", "--force", packed],
    ):
        refused(logpipe(*arguments), "is the input itself")
    assert {path: path.read_bytes() for path in before} == before


def test_the_archive_of_a_packed_log_is_named_after_the_log(tmp_path: Path) -> None:
    """Else what comes out of it would be a text named .gz, and nothing could unpack that."""
    packed = tmp_path / "app.log.gz"
    packed.write_bytes(gzip.compress(LOG))
    text = tmp_path / "odd.gz"
    text.write_bytes(LOG)

    ran = logpipe("compress", "--rm", packed, text)
    assert ran.code == 0, ran.err
    assert "gives the log back, not the packed file" in ran.err
    assert sorted(names(tmp_path)) == ["app.log.lpz", "odd.gz.lpz"]
    assert logpipe("decompress", "--rm", *sorted(tmp_path.iterdir())).code == 0
    assert {n: (tmp_path / n).read_bytes() for n in names(tmp_path)} == {
        "app.log": LOG,
        "odd.gz": LOG,
    }
