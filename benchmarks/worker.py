"""Runs one job in this process and prints its record: `python -m benchmarks.worker < task.json`."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks import jobs

__all__ = ["cpu_seconds", "main", "peak_mb"]


def cpu_seconds() -> float:
    """User and system time of this process so far, its threads and ended children included."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """The most memory this process has held, in 10^6 bytes."""
    # ru_maxrss is no good on Linux: a child starts with the figure of the process it came from.
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def _run(name: str, task: jobs.Task) -> dict[str, Any]:
    # Ours are imported for ours alone: the memory of others should not hold them.
    module, _, function = name.rpartition(":")
    module = module or ("benchmarks.jobs" if hasattr(jobs, name) else "benchmarks.jobs_logpipe")
    job: jobs.Job = getattr(importlib.import_module(module), function)(task)
    run, check = job
    ready_mb = peak_mb()
    gc.collect()
    cpu, wall = cpu_seconds(), time.perf_counter()
    outcome = run()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    record: dict[str, Any] = {
        "cpu_s": cpu,
        "wall_s": wall,
        "ready_mb": ready_mb,
        "peak_mb": peak_mb(),
        "bytes": outcome.bytes,
        "lines": outcome.lines,
        "facts": outcome.facts,
    }
    for what, seen, expected in (
        ("bytes", outcome.bytes, task.bytes),
        ("lines", outcome.lines, task.lines),
    ):
        if seen is not None and seen != expected:
            raise ValueError(f"the input has {expected} {what}, {name} saw {seen}")
    if task.check and check is not None:
        record["facts"] = {**outcome.facts, **check()}
    return record


def main() -> None:
    """Reads {"job": name, "task": {...}}, prints one line of JSON."""
    request = json.load(sys.stdin)
    # Whatever a contestant prints must not get into the record.
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        record = {"status": "ok", **_run(request["job"], jobs.Task(**request["task"]))}
    except Exception as error:
        traceback.print_exc()
        record = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    with os.fdopen(out, "w") as file:
        json.dump(record, file)


if __name__ == "__main__":
    main()
