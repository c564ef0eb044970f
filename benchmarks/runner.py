"""Runs contestants in turns, each run in a process of its own, and keeps every record."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant
from benchmarks.inputs import MB, Input, prefix
from benchmarks.jobs import Task

__all__ = ["ONE_THREAD", "ROOT", "Run", "anonymous", "run_command", "run_job", "take_turns"]

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)


@dataclass(frozen=True)
class Run:
    """One run, ok or not.

    Attributes:
        part: of the suite: "sets", "growth", "start", "stress".
        contestant: name of the entry or command.
        input: name of the set, with a suffix where one set has several sizes.
        round: from 0; runs of one round and input stood side by side.
        status: "ok", "failed", "timeout" or "disabled".
        error: why not ok.
        bytes: of the input, also when the run failed.
        lines: of the input.
        cpu_s: user and system time of the job, without start-up; 0 unless ok.
        wall_s: the same as time on the wall.
        process_cpu_s: user and system time of the whole process, start-up, preparation and check
            included.
        peak_mb: the most memory the process held until the end of the job, in 10^6 bytes.
        facts: what else the job tells.
    """

    part: str
    contestant: str
    input: str
    round: int
    status: str
    error: str = ""
    bytes: int = 0
    lines: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    process_cpu_s: float = 0.0
    peak_mb: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether its times mean anything."""
        return self.status == "ok"

    @property
    def mb_per_cpu_s(self) -> float:
        """Speed in 10^6 bytes per CPU-second; 0 if the run failed."""
        return self.bytes / MB / self.cpu_s if self.ok and self.cpu_s > 0 else 0.0

    @property
    def lines_per_cpu_s(self) -> float:
        """Speed in lines per CPU-second; 0 if the run failed."""
        return self.lines / self.cpu_s if self.ok and self.cpu_s > 0 else 0.0


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def anonymous(text: str) -> str:
    """The text without this machine's paths: records are published."""
    for place, name in (
        (sys.executable, "python"),
        (str(ROOT), "."),
        (sys.prefix, "<python>"),
        (str(Path.home()), "~"),
    ):
        if len(place) > 1:
            text = text.replace(place, name)
    return text


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    found = {**os.environ, **ONE_THREAD, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    # An installed package is compiled; without this every run would compile the source tree.
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def run_job(
    part: str,
    contestant: Contestant,
    source: Input,
    number: int,
    work: Path,
    *,
    check: bool = False,
    timeout: float = 600.0,
    label: str = "",
) -> Run:
    """One run of a contestant on an input; a failure is a record, not an exception."""
    run = Run(part, contestant.name, label or source.name, number, "ok")
    if contestant.disabled:
        return replace(run, status="disabled", error=contestant.disabled)
    if contestant.limit_mb is not None:
        source = prefix(source, size=contestant.limit_mb * MB)
    task = Task(
        path=source.path,
        layout=source.layout,
        words=source.words,
        bytes=source.bytes,
        lines=source.lines,
        parameters=contestant.parameters,
        work=str(work),
        check=check,
    )
    run = replace(run, bytes=source.bytes, lines=source.lines)
    before = _children_cpu()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.worker"],
            input=json.dumps({"job": contestant.job, "task": asdict(task)}),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        return replace(run, status="timeout", error=f"stopped after {timeout:.0f} s")
    try:
        record = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        error = f"the process ended with {done.returncode}: {last}"
        return replace(run, status="failed", error=anonymous(error))
    if record["status"] != "ok":
        return replace(run, status=record["status"], error=anonymous(record["error"]))
    return replace(
        run,
        cpu_s=record["cpu_s"],
        wall_s=record["wall_s"],
        process_cpu_s=_children_cpu() - before,
        peak_mb=record["peak_mb"],
        facts=record["facts"],
    )


def run_command(
    part: str, name: str, command: Sequence[str], number: int, *, timeout: float = 60.0
) -> Run:
    """One run of a command; its time is that of the whole process."""
    head = (part, name, "", number)
    before, wall = _children_cpu(), time.perf_counter()
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        return Run(*head, "timeout", f"stopped after {timeout:.0f} s")
    except OSError as error:
        return Run(*head, "failed", anonymous(str(error)))
    wall, cpu = time.perf_counter() - wall, _children_cpu() - before
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        return Run(*head, "failed", anonymous(f"exit code {done.returncode}: {last}"))
    return Run(*head, "ok", cpu_s=cpu, wall_s=wall, process_cpu_s=cpu)


def take_turns(
    turns: Sequence[Callable[[int], Run]], rounds: int, say: Callable[[Run], None]
) -> list[Run]:
    """A B C A B C ...: every round runs each turn once, in the order given.

    A turn that timed out is not tried again: its later rounds are recorded as timeouts, too.
    """
    runs: list[Run] = []
    given_up: dict[int, Run] = {}
    for number in range(rounds):
        for index, turn in enumerate(turns):
            if index in given_up:
                runs.append(replace(given_up[index], round=number))
                continue
            run = turn(number)
            runs.append(run)
            say(run)
            if run.status == "timeout":
                given_up[index] = run
    return runs
