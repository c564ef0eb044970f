"""Jobs on big logs: compressing, unpacking, searching and cutting lines out, ours beside zstd's.

What a job needs and does not measure (an archive to be searched) is made once for each input and
kept in the work folder, under a name with the installed version's commit in it.
"""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.jobs import Job, Outcome, Task

if TYPE_CHECKING:
    from logpipe.archive.packing import Level

__all__ = [
    "literals",
    "logpipe_command",
    "logpipe_grep",
    "logpipe_pack",
    "logpipe_range",
    "logpipe_unpack",
    "zstd_grep",
]

_WORD = re.compile(rb"[^\s\"'(),;=\[\]{}]+")
_CUTS = 50


def literals(path: Path) -> dict[str, bytes]:
    """What is searched for in a log: chosen by rule, so that any log has them.

    `rare` is a word of eight bytes or more with a digit in it, from a line in the middle, that is
    in the log 1 to 100 times; `address` one of the form of an IPv4 address; `absent` is `rare` with
    its last byte changed until nothing has it; `frequent` is the longest word of letters that half
    of the first thousand lines have.
    """
    text = path.read_bytes()
    found: dict[str, bytes] = {}
    for name, form in (
        ("rare", rb"(?=.*\d).{8,}"),
        ("address", rb"/?(\d{1,3}\.){3}\d{1,3}"),
    ):
        shape = re.compile(form)
        start = text.rfind(b"\n", 0, len(text) // 2) + 1
        for line in text[start : start + (1 << 20)].splitlines():
            words = [w.strip(b".:/") for w in _WORD.findall(line) if shape.fullmatch(w)]
            word = next((w for w in words if 1 <= text.count(w) <= 100), None)
            if word is not None:
                found[name] = word
                break
    if "rare" in found:
        rare = found["rare"]
        tried = (rare[:-1] + bytes((b,)) for b in b"0123456789abcdefghijklmnopqrstuvwxyz")
        absent = next((w for w in tried if w not in text), None)
        if absent is not None:
            found["absent"] = absent
    lines = text[: 1 << 20].splitlines()[:1000]
    counts = Counter(w for line in lines for w in set(re.findall(rb"[A-Za-z]{4,}", line)))
    frequent = [w for w, n in counts.items() if n * 2 >= len(lines)]
    if frequent:
        found["frequent"] = max(frequent, key=len)
    return found


def _archive(task: Task) -> Path:
    """The archive of the input at the task's level, made by this version if it is not there."""
    from benchmarks.compression.codecs import CODECS

    level = task.parameters["level"]
    source = Path(task.path)
    made = Path(task.work) / f"{source.stem}.{machine.commit().rstrip('+')}.{level}.lpz"
    # What was changed since that commit may pack otherwise.
    if machine.commit().endswith("+") or not made.exists():
        CODECS["logpipe"]().pack(source, made, {"level": level, "threads": 2})
    return made


def _import_all(level: Level) -> None:
    """What is imported on first use should not be on the clock: a small log goes all the way."""
    from logpipe import archive
    from logpipe.archive.pattern import compile_pattern
    from logpipe.pipeline import compressing

    with tempfile.TemporaryDirectory() as folder:
        log, made = Path(folder, "small.log"), Path(folder, "small.lpz")
        log.write_text("".join(f"job {i} took {i * 7919 % 1000} ms\n" for i in range(5000)))
        compressing.compress(str(log), str(made), level=level, threads=1)
        with archive.open(str(made)) as reader:
            assert sum(map(len, reader.buffers())) == log.stat().st_size
            pattern = compile_pattern(b"job 99 ", syntax="fixed")
            assert sum(hits.count for hits in reader.search_blocks(pattern, threads=1)) == 1


def _zstd_file(task: Task) -> Path:
    import zstandard

    made = Path(task.path).with_suffix(".zst")
    if not made.exists():
        with Path(task.path).open("rb") as source, made.open("wb") as target:
            zstandard.ZstdCompressor(level=3, write_checksum=True).copy_stream(source, target)
    return made


def _answer(out: bytes) -> dict[str, Any]:
    return {"found": out.count(b"\n"), "answer": hashlib.sha256(out).hexdigest()[:16]}


def zstd_grep(task: Task) -> Job:
    """`zstd -dc FILE.zst | LC_ALL=C grep -a -F LITERAL`, both programs' CPU time."""
    packed = _zstd_file(task)
    literal = bytes.fromhex(task.parameters["literal"])

    def run() -> Outcome:
        unpack = subprocess.Popen(["zstd", "-dcq", str(packed)], stdout=subprocess.PIPE)
        done = subprocess.run(
            ["grep", "-a", "-F", "-e", literal],
            stdin=unpack.stdout,
            capture_output=True,
            check=False,
            env={"LC_ALL": "C"},
        )
        unpack.wait()
        return Outcome(task.bytes, None, _answer(done.stdout))

    return run, None


def logpipe_grep(task: Task) -> Job:
    """The same search in an archive, from opening it to the last line, in this process."""
    from logpipe import archive
    from logpipe.archive.pattern import compile_pattern

    packed = _archive(task)
    literal = bytes.fromhex(task.parameters["literal"])
    _import_all(task.parameters["level"])

    def run() -> Outcome:
        pieces: list[bytes] = []
        blocks = opened = 0
        pattern = compile_pattern(literal, syntax="fixed")
        with archive.open(str(packed)) as reader:
            for hits in reader.search_blocks(pattern, threads=1):
                if hits.error is not None:
                    raise hits.error
                blocks += 1
                opened += hits.opened
                pieces.append(hits.lines)
        facts = {**_answer(b"".join(pieces)), "blocks": blocks, "opened": opened}
        return Outcome(task.bytes, None, facts)

    return run, None


def logpipe_command(task: Task) -> Job:
    """The same search by the program `logpipe grep`: start-up is in it."""
    packed = _archive(task)
    literal = bytes.fromhex(task.parameters["literal"])

    def run() -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "logpipe", "grep", "-F", "-j1", "--", literal, str(packed)],
            capture_output=True,
            check=False,
        )
        if done.returncode > 1:
            raise RuntimeError(done.stderr.decode("utf-8", "replace"))
        return Outcome(task.bytes, None, _answer(done.stdout))

    return run, None


def logpipe_pack(task: Task) -> Job:
    """A log to an archive; the file that comes out is counted and thrown away."""
    from logpipe.pipeline import compressing

    made = Path(task.work) / f"{Path(task.path).stem}.timed.lpz"
    level, threads = task.parameters["level"], task.parameters["threads"]
    _import_all(level)

    def run() -> Outcome:
        result = compressing.compress(
            task.path, str(made), level=level, threads=threads, force=True
        )
        return Outcome(result.bytes, None, {"packed_bytes": made.stat().st_size})

    def check() -> dict[str, Any]:
        digest = hashlib.sha256(made.read_bytes()).hexdigest()
        made.unlink()
        return {"packed_sha256": digest}

    return run, check


def logpipe_unpack(task: Task) -> Job:
    """An archive back to its bytes, piece by piece, as `zstd_decompress` and the command do."""
    from logpipe import archive

    packed = _archive(task)
    _import_all(task.parameters["level"])

    def run() -> Outcome:
        size = 0
        with archive.open(str(packed)) as reader:
            for piece in reader.buffers():
                size += len(piece)
        return Outcome(size, None, {"packed_bytes": packed.stat().st_size})

    return run, None


def logpipe_range(task: Task) -> Job:
    """Ten lines from each of fifty places, each from a freshly opened archive."""
    from logpipe import archive

    packed = _archive(task)
    places = random.Random(1)
    starts = [places.randrange(1, task.lines - 10) for _ in range(_CUTS)]
    times: list[float] = []
    cut: list[bytes] = []

    def run() -> Outcome:
        for start in starts:
            begin = time.perf_counter()
            with archive.open(str(packed)) as reader:
                cut.append(b"".join(piece.tobytes() for piece in reader.raw(start, start + 9)))
            times.append(time.perf_counter() - begin)
        return Outcome(None, None, {"median_s": median(times), "worst_s": max(times)})

    def check() -> dict[str, Any]:
        wanted = {start + i for start in starts for i in range(10)}
        lines: dict[int, bytes] = {}
        with Path(task.path).open("rb") as file:
            for number, line in enumerate(file, 1):
                if number in wanted:
                    lines[number] = line
        for start, got in zip(starts, cut, strict=True):
            if got != b"".join(lines[start + i] for i in range(10)):
                raise ValueError(f"lines {start} to {start + 9} are not those of the log")
        return {"checked_ranges": len(starts)}

    return run, check
