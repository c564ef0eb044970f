"""Packing and unpacking a file, each in a process of its own (benchmarks.worker)."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from benchmarks.compression.codecs import CODECS
from benchmarks.jobs import Job, Outcome, Task

__all__ = ["pack", "packed_path", "unpack"]


def packed_path(task: Task) -> Path:
    """Where the packed form of a task's input lies."""
    return Path(task.work) / f"{Path(task.path).stem}.{task.parameters['name']}.packed"


def _first_difference(one: Path, other: Path) -> int | None:
    """Offset of the first byte that differs, or None; a file that ends early differs there."""
    at = 0
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(1 << 20), right.read(1 << 20)
            if a != b:
                same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
                return at + (min(len(a), len(b)) if same is None else same)
            if not a:
                return None
            at += len(a)


def pack(task: Task) -> Job:
    """Packs the input; `packed_bytes` in the facts is the size of all that came out."""
    codec = CODECS[task.parameters["codec"]]()
    source, target = Path(task.path), packed_path(task)
    if codec.prepare is not None:
        source = target.with_suffix(".prepared")
        codec.prepare(Path(task.path), source)

    def run() -> Outcome:
        codec.pack(source, target, task.parameters)
        return Outcome(None, None, {"packed_bytes": target.stat().st_size})

    def check() -> dict[str, Any]:
        if codec.prepare is not None:
            source.unlink()
        return {"packed_sha256": hashlib.sha256(target.read_bytes()).hexdigest()}

    return run, check


def unpack(task: Task) -> Job:
    """Unpacks what `pack` left and compares it with the input, byte for byte."""
    codec = CODECS[task.parameters["codec"]]()
    source = packed_path(task)
    target = source.with_suffix(".unpacked")

    def run() -> Outcome:
        codec.unpack(source, target, task.parameters)
        return Outcome(None, None)

    def check() -> dict[str, Any]:
        back = target
        if codec.restore is not None:
            back = target.with_suffix(".restored")
            codec.restore(target, back)
        differs = _first_difference(Path(task.path), back)
        size = back.stat().st_size
        for path in {target, back}:
            path.unlink()
        source.unlink()
        for folder in Path(task.work).glob(f"{source.stem}*.folder"):
            shutil.rmtree(folder)
        if differs is not None:
            raise ValueError(
                f"the bytes that came back differ from byte {differs} on: "
                f"expected {task.bytes} bytes, found {size}"
            )
        return {"verified_bytes": task.bytes}

    return run, check
