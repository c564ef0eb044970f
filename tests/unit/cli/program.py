"""The real program, run as users run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PROGRAM = (sys.executable, "-m", "logpipe")

LINES = [
    b"2026-01-02 10:00:%02d,000 INFO web.Session: user u%d logged in from 10.0.0.%d" % (i, i, i)
    for i in range(40)
] + [b"2026-01-02 10:01:00,000 ERROR web.Session: cannot save profile of u7", b"  at web.Save:12"]
LOG = b"\n".join(LINES) + b"\n"


class Ran(NamedTuple):
    """How a run ended."""

    code: int
    out: bytes
    err: str


def environment(**more: str) -> dict[str, str]:
    """Ours, without what would change the results."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOGPIPE_", "PYTEST"))}
    return {**kept, **more}


def logpipe(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **variables: str
) -> Ran:
    """Run `logpipe` to its end."""
    ran = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment(**variables),
        timeout=120,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr.decode())


def refused(ran: Ran, *words: str, code: int = 2) -> None:
    """The run ended as every failure must: one clear line, the right code, no traceback."""
    assert ran.code == code, ran
    lines = ran.err.splitlines()
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("logpipe: error: "), ran.err
    for word in words:
        assert word in lines[0], (word, lines[0])


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden files included."""
    return sorted(entry.name for entry in folder.iterdir())


def log_file(folder: Path, data: bytes = LOG, name: str = "app.log") -> Path:
    """A log in a folder."""
    path = folder / name
    path.write_bytes(data)
    return path


def big_log(folder: Path, lines: int) -> Path:
    """A log of many lines, for what happens in the middle of the work."""
    line = LINES[0].replace(b"u0", b"u%d")
    return log_file(folder, b"".join(line % i + b"\n" for i in range(lines)), "big.log")


def columns(rows: Sequence[dict], name: str) -> list:
    """One column of rows."""
    return [row[name] for row in rows]
