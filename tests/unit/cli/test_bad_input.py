"""What is wrong is said in one line, with the right exit code, and nothing half-written stays."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .program import LOG, PROGRAM, big_log, environment, log_file, logpipe, names, refused


def test_a_missing_file(tmp_path: Path) -> None:
    """It is named."""
    refused(logpipe("parse", tmp_path / "no.log", "-o", tmp_path / "out.parquet"), "no.log")
    assert names(tmp_path) == []


def test_a_directory(tmp_path: Path) -> None:
    """A folder is not a log."""
    refused(logpipe("parse", tmp_path, "-o", tmp_path / "out.parquet"), "is a directory")
    assert names(tmp_path) == []


def test_a_truncated_gzip_file(tmp_path: Path) -> None:
    """Half a file is not taken for a whole one."""
    data = gzip.compress(os.urandom(50_000))
    log = log_file(tmp_path, data[:-1000], "cut.log.gz")

    refused(logpipe("parse", log, "-o", tmp_path / "out.parquet"), "cut.log.gz")
    assert names(tmp_path) == ["cut.log.gz"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "sysslog"], ["sysslog", "syslog"]),
        (["--format", "<Date> <Time>"], ["<Content>"]),
        (["--parser", "drian"], ["drian", "drain"]),
        (["--parser", "no.such.module:Class"], ["no.such"]),
        (["--set", "depth"], ["expected KEY=VALUE"]),
        (["--parser", "drain", "--set", "depth=deep"], ["expected a whole number, found 'deep'"]),
        (["--parser", "drain", "--set", "dept=4"], ["dept", "known: depth, sim_th"]),
        (["--parser", "drain", "--set", "depth=1"], ["depth must be at least 3"]),
        (["--set", "depth=4", "--set", "depth=5"], ["given twice"]),
        (["--model", "no.json"], ["no.json"]),
        (["--model", "no.json", "--parser", "drain"], ["leave --parser away"]),
        (["--style", "xml"], ["loghub"]),
        (["-j", "0"], ["-j"]),
        (["--nonsense"], ["--nonsense", "logpipe parse --help"]),
        (["-o", "out.txt"], [".parquet or .jsonl"]),
        (["-o", "out.csv"], ["--style loghub"]),
        (["-o", "missing/out.parquet"], ["missing does not exist"]),
        (["-o", "."], ["it is a folder"]),
        (["-o", "a.jsonl", "--templates", "a.jsonl"], ["output of -o already"]),
        (["-o", "-", "--json"], ["--json"]),
        (["-o", "a.csv", "--style", "loghub", "--multiline"], ["--multiline"]),
        (["-o", "a.jsonl", "--save-model", "-"], ["file of its own"]),
    ],
)
def test_a_wrong_request(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    """The line says what was expected and found; nothing is made."""
    log = log_file(tmp_path)
    if "-o" not in arguments:
        arguments = [*arguments, "-o", "out.parquet"]

    refused(logpipe("parse", log, *arguments, cwd=tmp_path), *words)
    assert names(tmp_path) == ["app.log"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prase", "x"], ["unknown command 'prase'", "parse"]),
        (["parse"], ["LOG..."]),
        (["templates", "--top", "x", "a"], ["--top"]),
        (["templates", "missing.log"], ["missing.log"]),
        (["datasets", "show", "nothing"], ["nothing"]),
        (["datasets", "path", "nothing"], ["nothing"]),
        (["datasets", "nothing"], ["nothing"]),
        (["flow", "no-such-flow"], ["no-such-flow", "parse-all"]),
        (["flow", "parse-all", "-p", "threads"], ["KEY=VALUE"]),
    ],
)
def test_a_wrong_command(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    """Usage errors look like all others."""
    refused(logpipe(*arguments, cwd=tmp_path), *words)


@pytest.mark.parametrize("extra", [[], ["--style", "otel"], ["--style", "loghub"]])
def test_an_existing_output(tmp_path: Path, extra: list[str]) -> None:
    """It is refused and kept; --force replaces it."""
    log = log_file(tmp_path)
    out = tmp_path / ("out.csv" if "loghub" in extra else "out.jsonl")
    out.write_bytes(b"precious")

    refused(logpipe("parse", log, "-o", out, *extra), "exists already", "--force")
    assert out.read_bytes() == b"precious"
    assert logpipe("parse", log, "-o", out, *extra, "--force").code == 0
    assert out.read_bytes() != b"precious"


@pytest.mark.parametrize("option", ["--templates", "--save-model"])
def test_an_existing_second_output(tmp_path: Path, option: str) -> None:
    """Every output is checked before the work begins."""
    log = log_file(tmp_path)
    (tmp_path / "second").write_bytes(b"precious")

    ran = logpipe("parse", log, "-o", tmp_path / "out.parquet", option, tmp_path / "second")
    refused(ran, "second exists already")
    assert names(tmp_path) == ["app.log", "second"]


def test_an_input_is_never_an_output(tmp_path: Path) -> None:
    """Not even with --force, and not under another name."""
    log = log_file(tmp_path, name="app.jsonl")
    (tmp_path / "link.jsonl").symlink_to(log)

    ran = logpipe("parse", log, "-o", tmp_path / "link.jsonl", "--force")
    refused(ran, "never overwritten")
    assert log.read_bytes() == LOG


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system; the limit test covers the rest")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl"])
def test_a_full_disk(tmp_path: Path, tiny_disk: Path, name: str) -> None:
    """One line that says so; the temporary file is gone."""
    log = big_log(tmp_path, 40_000)

    ran = logpipe("parse", log, "-q", "-o", tiny_disk / name)
    refused(ran, "No space left on device", "nothing was kept")
    assert names(tiny_disk) == []


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl"])
def test_a_limit_on_file_size(tmp_path: Path, name: str) -> None:
    """The same where a limit, not the disk, stops the output."""
    log = big_log(tmp_path, 40_000)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    ran = subprocess.run(
        [*PROGRAM, "parse", str(log), "-q", "-o", str(tmp_path / name)],
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
    assert names(tmp_path) == ["big.log"]


def test_a_full_standard_output(tmp_path: Path) -> None:
    """`> /dev/full` is an error, not silence."""
    log = log_file(tmp_path)
    for arguments in (["parse", log, "-q"], ["templates", log, "-q"]):
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            ran = subprocess.run(
                [*PROGRAM, *map(str, arguments)],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(),
                timeout=120,
                check=False,
            )
        assert ran.returncode == 2, ran
        assert "standard output: No space left on device" in ran.stderr
        assert len(ran.stderr.splitlines()) == 1, ran.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl"])
def test_an_interruption_in_the_middle(
    tmp_path: Path, name: str, number: signal.Signals, code: int
) -> None:
    """Ctrl-C while rows are written: code 130, no file, no traceback."""
    log = big_log(tmp_path, 300_000)
    folder = tmp_path / "out"
    folder.mkdir()
    with subprocess.Popen(
        [*PROGRAM, "parse", str(log), "-q", "-o", str(folder / name)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        deadline = time.monotonic() + 60
        while not names(folder) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.002)
        assert names(folder)[0].endswith(".part")
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]

    assert process.returncode == code, said
    assert names(folder) == []
    assert "Traceback" not in said
    assert len(said.splitlines()) == (1 if number == signal.SIGINT else 0)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interruption_while_compiled_code_imports(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Compiled code of pyarrow looks for dateutil and takes every exception for its absence."""
    log = big_log(tmp_path, 100_000)
    module = tmp_path / "modules" / "dateutil.py"
    module.parent.mkdir()
    module.write_text(
        f"import os, pathlib\npathlib.Path({str(tmp_path / 'imported')!r}).touch()\n"
        f"os.kill(os.getpid(), {int(number)})\nraise ImportError('not here')\n"
    )
    ran = logpipe(
        *("parse", log, "-q", "-o", tmp_path / "out.parquet"),
        PYTHONPATH=str(module.parent),
        PYTHONDONTWRITEBYTECODE="1",
    )

    assert names(tmp_path) == ["big.log", "imported", "modules"]
    assert ran.code == code, ran
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interruption_that_the_interpreter_drops(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """What a callback of a weak reference raises cannot be passed on; the run ends all the same."""
    log = log_file(tmp_path)
    (tmp_path / "mine.py").write_text(
        "import os, time, weakref\n"
        "from logpipe.parsers import Parser\n"
        "class Slow(Parser):\n"
        "    def fit_predict(self, messages):\n"
        "        class Thing: pass\n"
        "        thing = Thing()\n"
        f"        kept = weakref.ref(thing, lambda _: os.kill(os.getpid(), {int(number)}))\n"
        "        del thing\n"
        "        for _ in range(1000):\n"
        "            time.sleep(0.01)\n"
        "    predict = fit_predict\n"
    )
    ran = logpipe(
        "parse", log, "-q", "--parser", tmp_path / "mine.py:Slow", "-o", tmp_path / "out.jsonl"
    )

    assert ran.code == code, ran
    assert "Traceback" not in ran.err


def wait_until_it_reads_standard_input(pid: int) -> None:
    """Where the system does not say what a process waits for, long enough for most machines."""
    calls = Path(f"/proc/{pid}/syscall")
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            words = calls.read_text().split()
        except OSError:
            time.sleep(2)
            return
        # The number of read or readv, and its descriptor; a running process says "running".
        if len(words) > 1 and words[0] in ("0", "19", "63", "65") and words[1] == "0x0":
            return
        time.sleep(0.01)


def test_an_interruption_while_waiting_for_input(tmp_path: Path) -> None:
    """Ctrl-C while standard input says nothing."""
    with subprocess.Popen(
        [*PROGRAM, "parse", "-", "-o", str(tmp_path / "out.parquet")],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        wait_until_it_reads_standard_input(process.pid)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert said == b"logpipe: interrupted\n"
    assert names(tmp_path) == []


@pytest.mark.parametrize("arguments", [["parse", "-o", "-"], ["templates", "--json"]])
def test_a_reader_that_has_seen_enough(tmp_path: Path, arguments: list[str]) -> None:
    """`| head` ends the run quietly."""
    log = big_log(tmp_path, 100_000)
    with subprocess.Popen(
        [*PROGRAM, *arguments, str(log), "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait(timeout=60)

    assert (code, said) == (0, b"")


def test_a_parser_that_breaks_its_contract(tmp_path: Path) -> None:
    """A plug-in that raises or answers nonsense is named; nothing is written."""
    log = log_file(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from logpipe.parsers import Parser\n"
        "class Raises(Parser):\n"
        "    def fit_predict(self, messages):\n        raise RuntimeError('no idea')\n"
        "    predict = fit_predict\n"
        "class Short(Parser):\n"
        "    templates_ = ()\n"
        "    def fit_predict(self, messages):\n        return [1]\n"
        "    predict = fit_predict\n"
        "class Ends(Raises):\n"
        "    def fit_predict(self, messages):\n        raise SystemExit(0)\n"
        "class Never(Raises):\n"
        "    def __init__(self):\n        raise SystemExit(0)\n"
        "number = 3\n"
    )
    (tmp_path / "program.py").write_text("import sys\nsys.exit(0)\n")
    for name in (
        "mine:Raises",
        "mine:Short",
        "mine:Ends",
        "mine:Never",
        "mine:number",
        "program:A",
    ):
        ran = logpipe(
            "parse", log, "--parser", name, "-o", "out.parquet", cwd=tmp_path,
            PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1",
        )  # fmt: skip
        refused(ran, name)
        assert names(tmp_path) == ["app.log", "mine.py", "program.py"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_while_something_is_freed(number: signal.Signals, code: int) -> None:
    """An exception in a destructor is printed and lost; the signal comes again instead."""
    program = f"""
import os, sys, time
import click
from logpipe.cli import app, main

class Freed:
    def __del__(self):
        os.kill(os.getpid(), {int(number)})
        for _ in range(1000):  # the signal arrives while this runs
            pass

@click.command()
def wait():
    Freed()
    time.sleep(30)

app.COMMANDS["wait"] = app.LazyCommand("__main__", "")
command = wait
main(["wait"])
"""
    started = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=environment(), timeout=60
    )

    assert ran.returncode == code, ran.stderr
    assert b"Traceback" not in ran.stderr
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_that_another_error_follows(number: signal.Signals, code: int) -> None:
    """Interrupted while it took its lock again, a condition failed to give it back."""
    program = f"""
import os, threading
import click
from logpipe.cli import app, main

class Lock:
    def __init__(self):
        self.lock = threading.Lock()
    def acquire(self, *how):
        # The condition begins with it, and has it again after it has waited.
        if self.lock.acquire(*how) and waited:
            self.lock.release()
            os.kill(os.getpid(), {int(number)})
            for _ in range(1000):  # the signal arrives while this runs
                pass
        return True
    def release(self):
        self.lock.release()
    def _is_owned(self):
        return True
    def __enter__(self):
        return self.acquire()
    def __exit__(self, *what):
        self.release()

waited = []

@click.command()
def wait():
    condition = threading.Condition(Lock())
    with condition:
        waited.append(1)
        condition.wait(0.01)

app.COMMANDS["wait"] = app.LazyCommand("__main__", "")
command = wait
main(["wait"])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=environment(), timeout=60
    )
    assert ran.returncode == code, ran
    assert ran.stderr == (b"logpipe: interrupted\n" if number == signal.SIGINT else b"")
