"""What a contestant does; each job runs alone in a process of its own (benchmarks.worker).

A job is a function of a `Task` that gets everything ready (imports, input in memory where the
contestant wants it there) and returns two functions: the one whose CPU time is taken, and one, or
None, that checks afterwards what cannot be checked while the clock runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "Job",
    "Outcome",
    "Task",
    "drain3_parse",
    "logfold_analyze",
    "logfold_match",
    "memcpy",
    "tipping_parse",
    "zstd_compress",
    "zstd_decompress",
]

_PIECE = 1 << 20


@dataclass(frozen=True)
class Task:
    """What a job is given.

    Attributes:
        path: the input.
        layout: its header layout.
        words: words in the header of a line.
        bytes: its size.
        lines: its lines.
        parameters: the contestant's.
        work: folder for files a job leaves to another (a learned model).
        check: whether the check will be asked for.
    """

    path: str
    layout: str
    words: int
    bytes: int
    lines: int
    parameters: dict[str, Any]
    work: str
    check: bool


@dataclass(frozen=True)
class Outcome:
    """What a job saw: None where it cannot know. `facts` go to the record as they are."""

    bytes: int | None
    lines: int | None
    facts: dict[str, Any] = field(default_factory=dict)


Job = tuple[Callable[[], Outcome], Callable[[], dict[str, Any]] | None]


def _pieces(path: str) -> Iterator[memoryview]:
    """The file in pieces of 1 MB, through one reused buffer."""
    buffer = memoryview(bytearray(_PIECE))
    with Path(path).open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield buffer[:count]


def zstd_compress(task: Task) -> Job:
    """One frame, one thread, as `zstd -3 --single-thread` does; what comes out is only counted."""
    import zstandard

    level = int(task.parameters["level"])
    kept: list[bytes] = []

    def compress(keep: bool) -> tuple[int, int]:
        frame = zstandard.ZstdCompressor(level=level, write_checksum=True).compressobj(
            size=task.bytes
        )
        read = written = 0
        for piece in _pieces(task.path):
            out = frame.compress(piece)
            read += len(piece)
            written += len(out)
            if keep:
                kept.append(out)
        out = frame.flush()
        if keep:
            kept.append(out)
        return read, written + len(out)

    def run() -> Outcome:
        read, written = compress(keep=False)
        return Outcome(read, None, {"compressed_bytes": written})

    def check() -> dict[str, Any]:
        compress(keep=True)
        back = zstandard.ZstdDecompressor().stream_reader(b"".join(kept))
        for piece in _pieces(task.path):
            if back.read(len(piece)) != piece:
                raise ValueError("zstd -3 and -d did not give the input back")
        return {"verified_bytes": task.bytes}

    return run, check


def zstd_decompress(task: Task) -> Job:
    """From a frame in memory through one reused buffer of 1 MB."""
    import zstandard

    frame = zstandard.ZstdCompressor(level=int(task.parameters["level"]), write_checksum=True)
    packed = frame.compress(Path(task.path).read_bytes())

    def run() -> Outcome:
        buffer = bytearray(_PIECE)
        size = 0
        with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
            while count := reader.readinto(buffer):
                size += count
        return Outcome(size, None)

    return run, None


def memcpy(task: Task) -> Job:
    """The fastest anything can touch every byte once and write it once."""
    source = memoryview(Path(task.path).read_bytes())
    target = memoryview(bytearray(_PIECE))

    def run() -> Outcome:
        size = 0
        for start in range(0, len(source), _PIECE):
            piece = source[start : start + _PIECE]
            target[: len(piece)] = piece
            size += len(piece)
        return Outcome(size, None)

    return run, None


def _messages(task: Task) -> list[str]:
    """The messages as text, headers cut off: what contestants without layouts are given."""
    lines = Path(task.path).read_bytes().split(b"\n")[:-1]
    # A message of blanks only is nothing to such contestants, but the line still counts.
    found = (line.split(None, task.words)[-1:] or [b""] for line in lines)
    return [message.rstrip(b"\r").decode("utf-8", "replace") for (message,) in found]


def drain3_parse(task: Task) -> Job:
    """drain3's `TemplateMiner` with the parameters it has by default."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    messages = _messages(task)
    miner = TemplateMiner(config=TemplateMinerConfig())

    def run() -> Outcome:
        if task.parameters["variables"]:
            for message in messages:
                found = miner.add_log_message(message)
                miner.extract_parameters(found["template_mined"], message, exact_matching=False)
        else:
            for message in messages:
                miner.add_log_message(message)
        return Outcome(
            task.bytes,
            miner.drain.get_total_cluster_size(),
            {"templates": len(miner.drain.clusters)},
        )

    return run, None


def _logfold_run(task: Task, call: Callable[[], Any]) -> Callable[[], Outcome]:
    def run() -> Outcome:
        result = call()
        return Outcome(result.run.bytes, result.run.lines, {"templates": len(result.templates)})

    return run


def logfold_analyze(task: Task) -> Job:
    """`logfold.analyze`: reads the file itself."""
    import logfold

    return _logfold_run(task, lambda: logfold.analyze(task.path, **task.parameters)), None


def logfold_match(task: Task) -> Job:
    """`logfold.match` against the state of an `analyze` of the same input, made before."""
    import logfold

    state = str(Path(task.work) / f"{Path(task.path).stem}.logfold.json")
    if not Path(state).exists():
        logfold.analyze(task.path, save_state=state, **task.parameters)
    return _logfold_run(task, lambda: logfold.match(state, task.path, **task.parameters)), None


def tipping_parse(task: Task) -> Job:
    """`tipping.parse` with its defaults; one thread by way of RAYON_NUM_THREADS."""
    import tipping

    messages = _messages(task)

    def run() -> Outcome:
        clusters, _, templates = tipping.parse(messages, **task.parameters)
        return Outcome(task.bytes, len(clusters), {"templates": len(templates)})

    return run, None
