"""How time and memory grow with the log, per parser: `python -m benchmarks.growth`.

Every contestant of `logpipe evaluate` that can run here is given the first 1 k, 4 k, 16 k, ...
lines of one scaled log, up to 16 M, each run in a process of its own. One that exceeds the time or
memory limit is given nothing larger. `logpipe stream` is the same parser as `drain`, reading the
log from its file with bounded memory, as a user does; all others are given the messages in memory.

Fitted to each is `cost = a * lines ^ b` by least squares of the logarithms, over the runs that are
above the noise: b = 1 is proportional, 2 quadratic. Time is CPU-seconds of the call; memory is what
the process held at most, less what it held before the call. growth.json, growth.md and growth.html
go to `benchmarks/results/<date>-<machine>/`.

    python -m benchmarks.growth                                       # all of it: some hours
    python -m benchmarks.growth --most 1000000 --limit 60             # a quick look
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks import machine
from benchmarks.contestants import entry
from benchmarks.inputs import MB, Input, find_origins, prefix, prepare
from benchmarks.runner import run_job
from logpipe.evaluation.cases import Case, Wanted, messages_of, write_messages
from logpipe.evaluation.contestants import Contestant, choose, load_contestants
from logpipe.evaluation.runs import perform
from logpipe.evaluation.supervise import Limits
from logpipe.report import Column, Line, Section, line_chart, note, render_page, table

__all__ = ["Fit", "Growth", "Step", "fit", "main", "sizes"]

HERE = Path(__file__).resolve().parent
STREAM = "logpipe stream"

NOISE_S = 0.1
"""CPU-seconds below which a run says nothing about growth."""

NOISE_MB = 4.0
"""Memory below which it does not."""


@dataclass(frozen=True)
class Step:
    """One run.

    Attributes:
        lines: given to it.
        status, error: how it ended; as `logpipe.evaluation.runs.Status`.
        cpu_s: of the call.
        peak_mb: held at most.
        grown_mb: less what was held before the call.
    """

    lines: int
    status: str
    error: str
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    grown_mb: float = 0.0


@dataclass(frozen=True)
class Fit:
    """`cost = a * lines ^ exponent`, over so many runs; fewer than three give none."""

    exponent: float | None
    points: int


@dataclass(frozen=True)
class Growth:
    """All runs of a parser, and what was fitted to them."""

    parser: str
    steps: tuple[Step, ...]
    time: Fit
    memory: Fit

    @property
    def largest(self) -> Step | None:
        """The largest run that is ok."""
        return next((step for step in reversed(self.steps) if step.status == "ok"), None)


def sizes(least: int, most: int) -> list[int]:
    """Numbers of lines, each four times the one before.

    >>> sizes(1_000, 16_000_000)
    [1000, 4000, 16000, 64000, 256000, 1024000, 4096000, 16000000]
    """
    found = [least]
    while found[-1] * 4 < most:
        found.append(found[-1] * 4)
    return [*found, most] if most > found[-1] else found


def fit(points: Sequence[tuple[float, float]], noise: float) -> Fit:
    """The exponent of (lines, cost) pairs whose cost is above the noise.

    >>> fit([(1_000, 1.0), (10_000, 10.0), (100_000, 100.0)], 0.1)
    Fit(exponent=1.0, points=3)
    >>> fit([(1_000, 1.0), (10_000, 100.0), (20_000, 400.0), (1, 0.01)], 0.1).exponent
    2.0
    >>> fit([(1_000, 1.0)], 0.1)
    Fit(exponent=None, points=1)
    """
    usable = [(x, y) for x, y in points if y >= noise]
    if len(usable) < 3:
        return Fit(None, len(usable))
    x, y = np.log(np.array(usable)).T
    return Fit(round(float(np.polyfit(x, y, 1)[0]), 3), len(usable))


def main(given: Sequence[str] | None = None) -> int:
    """The command."""
    options = _arguments(given)
    mirror = Path(os.environ["LOGPIPE_MIRROR"]) if os.environ.get("LOGPIPE_MIRROR") else None
    origins = {o.name: o for o in find_origins(mirror) if not o.stress}
    origin = origins.get(options.set) or next(iter(origins.values()))
    text = origin.read(mirror)
    # A little more than asked for, because lines differ in length.
    size_mb = max(1, math.ceil(options.most * len(text) / max(1, text.count(b"\n")) / MB * 1.02))
    whole = prepare(origin, size_mb, options.work, mirror, say=_say)
    most = min(options.most, whole.lines)
    chosen = [c for c in choose(options.parser, load_contestants()) if not c.disabled]
    growths: dict[str, list[Step]] = {name: [] for name in (STREAM, *(c.name for c in chosen))}
    alive = set(growths)
    for lines in sizes(options.least, most):
        part = prefix(whole, lines=lines)
        case = _case(part, options.work)
        for name in list(growths):
            if name not in alive:
                continue
            contestant = next((c for c in chosen if c.name == name), None)
            step = _run(contestant, part, case, options)
            growths[name].append(step)
            _say(f"{lines:>10,} lines  {name:16} {step.status:8} {step.cpu_s:9.2f} s  {step.error}")
            if step.status != "ok":
                alive.discard(name)
        case.messages.unlink()
    found = [_growth(name, steps) for name, steps in growths.items()]
    _write(options.out or _default_out(), found, whole, options)
    return 0


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=(__doc__ or "").split("\n\n")[0]
    )
    add = parser.add_argument
    add("--parser", action="append", default=[], help="a contestant; may be repeated (all)")
    add("--set", default="HDFS", help="what is scaled (default HDFS)")
    add("--least", type=int, default=1_000, metavar="LINES", help="default 1000")
    add("--most", type=int, default=16_000_000, metavar="LINES", help="default 16000000")
    add("--limit", type=float, default=600.0, metavar="S", help="CPU-seconds of a run (600)")
    add("--memory", type=float, default=12_000.0, metavar="MB", help="per run (12000)")
    add("--work", type=Path, default=HERE / ".work", help="where inputs are kept")
    add("--out", type=Path, default=None, help="folder for growth.json, .md and .html")
    options = parser.parse_args(given)
    if not 0 < options.least <= options.most:
        parser.error("expected 0 < --least <= --most")
    return options


def _case(part: Input, work: Path) -> Case:
    """The messages of an input, as the processes of runs read them."""
    messages = messages_of(Path(part.path), part.layout)
    folder = work / "growth"
    folder.mkdir(parents=True, exist_ok=True)
    case = Case(
        Wanted(f"{part.name}/{part.lines}", file=Path(part.path)),
        folder,
        len(messages),
        int(messages.offsets[-1]),
        part.digest,
    )
    write_messages(case, messages)
    return case


def _run(
    contestant: Contestant | None, part: Input, case: Case, options: argparse.Namespace
) -> Step:
    if contestant is None:
        run = run_job("growth", entry("logpipe"), part, 0, options.work, timeout=10 * options.limit)
        return Step(part.lines, run.status, run.error, run.cpu_s, run.peak_mb, run.peak_mb)
    limits = Limits(10 * options.limit, options.memory, options.limit)
    record, _ = perform(contestant, case, options.work / "growth" / "run", limits, again=True)
    return Step(
        case.lines,
        record.status,
        record.error,
        record.cpu_s,
        record.peak_mb,
        max(0.0, record.peak_mb - record.base_mb),
    )


def _growth(name: str, steps: Sequence[Step]) -> Growth:
    fine = [step for step in steps if step.status == "ok"]
    return Growth(
        name,
        tuple(steps),
        fit([(s.lines, s.cpu_s) for s in fine], NOISE_S),
        fit([(s.lines, s.grown_mb) for s in fine], NOISE_MB),
    )


def _write(out: Path, found: Sequence[Growth], whole: Input, options: argparse.Namespace) -> None:
    out.mkdir(parents=True, exist_ok=True)
    about = {
        "machine": machine.describe(),
        "commit": machine.commit(),
        "versions": machine.versions(),
        "input": whole.origin,
        "limit_s": options.limit,
        "memory_mb": options.memory,
        "most_lines": options.most,
    }
    kept = {**about, "growth": [asdict(growth) for growth in found]}
    (out / "growth.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    head = [
        "parser",
        "lines",
        "CPU s",
        "lines / CPU s",
        "MB",
        "time ~ lines^",
        "MB ~ lines^",
        "end",
    ]
    rows = [_row(growth) for growth in found]
    lines = [
        "# Growth with the length of the log",
        "",
        f"{whole.origin}, scaled; `python -m benchmarks.growth --most {options.most} "
        f"--limit {options.limit:g}`, commit {about['commit']}, {machine.describe()['cpu']}. "
        f"Exponents: least squares of logarithms over the runs above {NOISE_S} s and "
        f"{NOISE_MB:g} MB; - where fewer than three are. Each row tells the largest run that "
        f"ended, and what ended the next one.",
        "",
        "| " + " | ".join(head) + " |",
        "|---|" + "---:|" * 6 + "---|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]
    (out / "growth.md").write_text("\n".join(lines), "utf-8")
    times = [_line(growth, i, "cpu_s", NOISE_S) for i, growth in enumerate(found)]
    memory = [_line(growth, i, "peak_mb", 0.0) for i, growth in enumerate(found)]
    columns = [Column(name, number=0 < i < 7) for i, name in enumerate(head)]
    page = render_page(
        "Growth with the length of the log",
        [
            Section("Exponents", [table(columns, rows), note(lines[2])]),
            Section(
                "Time",
                [line_chart(times, x_title="lines", y_title="CPU-seconds", log_x=True, log_y=True)],
            ),
            Section(
                "Memory",
                [line_chart(memory, x_title="lines", y_title="peak MB", log_x=True, log_y=True)],
            ),
        ],
    )
    (out / "growth.html").write_text(page, "utf-8")
    print("\n".join(lines))


def _row(growth: Growth) -> list[str]:
    best, last = growth.largest, growth.steps[-1]
    end = "" if last.status == "ok" else f"{last.status} at {last.lines:,}"
    exponents = [
        "-" if f.exponent is None else f"{f.exponent:.2f} ({f.points})"
        for f in (growth.time, growth.memory)
    ]
    if best is None:
        return [growth.parser, "-", "-", "-", "-", *exponents, end]
    speed = f"{best.lines / best.cpu_s:,.0f}" if best.cpu_s else "-"
    return [
        growth.parser,
        f"{best.lines:,}",
        f"{best.cpu_s:.2f}",
        speed,
        f"{best.peak_mb:,.0f}",
        *exponents,
        end,
    ]


def _line(growth: Growth, number: int, name: str, noise: float) -> Line:
    points = [
        (float(step.lines), float(getattr(step, name)))
        for step in growth.steps
        if step.status == "ok" and getattr(step, name) > noise
    ]
    return Line(growth.parser, points, number)


def _default_out() -> Path:
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    return HERE / "results" / f"{day}-{machine.slug(machine.describe())}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
