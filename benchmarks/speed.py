"""The speed suite: `python -m benchmarks.speed`, or `make bench`.

Measures the rows of the project's speed targets that concern parsing, against drain3, logfold,
tipping and the yardsticks zstd and memcpy, and writes speed.json and speed.md into
`benchmarks/results/<date>-<machine>/`. What is timed and how is said in `benchmarks/__init__.py`.

Parts: `sets` (parse, match, two threads, against all others, on every set), `growth` (the same log
at 1x, 3x and 10x the lines), `start` (the command line), `stress` (fresh words for user names).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import machine, report
from benchmarks.contestants import CONTESTANTS, Contestant, entry, with_availability
from benchmarks.inputs import Input, Origin, find_origins, prefix, prepare
from benchmarks.rows import make_rows
from benchmarks.runner import Run, run_command, run_job, take_turns

__all__ = ["PARTS", "main"]

PARTS = ("sets", "growth", "start", "stress")
HERE = Path(__file__).resolve().parent
Turn = Callable[[int], Run]


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=(__doc__ or "").split("\n\n")[1]
    )
    add = parser.add_argument
    add("--size", type=int, default=200, metavar="MB", help="size of every input (default 200)")
    add("--sets", default="all", help="comma-separated names, for example HDFS,BGL (default all)")
    add("--rounds", type=int, default=5, help="runs of every contestant (default 5)")
    add("--only", default=",".join(PARTS), help=f"parts to run (default {','.join(PARTS)})")
    add("--contestants", default="all", help="comma-separated names (default all)")
    add("--seed", type=int, default=1, help="of the fresh variables (default 1)")
    add("--timeout", type=float, default=120.0, metavar="S", help="per run (default 120)")
    add("--mirror", type=Path, default=None, help="folder of real logs (default $LOGPIPE_MIRROR)")
    add("--work", type=Path, default=HERE / ".work", help="where inputs are kept")
    add("--out", type=Path, default=None, help="folder for speed.json and speed.md")
    add("--again", type=Path, metavar="JSON", help="write the report of recorded runs anew")
    options = parser.parse_args(given)
    if options.size < 1 or options.rounds < 1:
        parser.error("--size and --rounds start at 1")
    unknown = sorted(set(options.only.split(",")) - set(PARTS))
    if unknown:
        parser.error(f"--only: no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    names = [c.name for c in CONTESTANTS]
    unknown = sorted(set(options.contestants.split(",")) - {*names, "all"})
    if unknown:
        parser.error(f"--contestants: no {', '.join(unknown)}; there are {', '.join(names)}")
    if options.mirror is None and os.environ.get("LOGPIPE_MIRROR"):
        options.mirror = Path(os.environ["LOGPIPE_MIRROR"])
    return options


class _Suite:
    """One run of the suite: what was asked for, what is there, and what was measured so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.started = time.monotonic()
        self.runs: list[Run] = []
        self.inputs: dict[str, Input] = {}
        origins = find_origins(options.mirror)
        names = [o.name for o in origins if not o.stress]
        wanted = names if options.sets == "all" else options.sets.split(",")
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            raise SystemExit(f"--sets: no {', '.join(unknown)}; there are {', '.join(names)}")
        self.origins = {o.name: o for o in origins if o.stress or o.name in wanted}
        self.plain = [o for o in self.origins.values() if not o.stress]
        asked = options.contestants.split(",")
        self.contestants = [
            with_availability(c)
            for c in CONTESTANTS
            if "all" in asked or c.name in asked or c.name in ("logpipe", "zstd-3")
        ]

    def say(self, text: str) -> None:
        """One line of progress."""
        print(f"[{time.monotonic() - self.started:5.0f} s] {text}", file=sys.stderr, flush=True)

    def say_run(self, run: Run) -> None:
        """How a run went."""
        if not run.ok:
            result = f"{run.status}: {run.error}"
        elif run.bytes:
            result = (
                f"{run.mb_per_cpu_s:7.1f} MB/cpu-s  {run.lines_per_cpu_s / 1e6:5.2f} M lines/cpu-s"
                f"  {run.peak_mb:4.0f} MB"
            )
        else:
            result = f"{run.cpu_s:.3f} s CPU"
        self.say(f"{run.part} {run.round + 1} {run.input:16} {run.contestant:18} {result}")

    def input(self, origin: Origin) -> Input:
        """The input scaled from an origin."""
        if origin.name not in self.inputs:
            o = self.options
            self.inputs[origin.name] = prepare(
                origin, o.size, o.work, o.mirror, seed=o.seed, say=self.say
            )
        return self.inputs[origin.name]

    def turn(self, part: str, contestant: Contestant, source: Input, label: str = "") -> Turn:
        """A function of the round's number; outputs are checked in the first round only."""

        def run(number: int) -> Run:
            return run_job(
                part,
                contestant,
                source,
                number,
                self.options.work,
                check=number == 0 and part in ("sets", "stress"),
                timeout=self.options.timeout,
                label=label,
            )

        return run

    def go(self, turns: Sequence[Turn]) -> None:
        """Runs the turns in rounds and keeps their records."""
        self.runs += take_turns(turns, self.options.rounds, self.say_run)

    def sets(self) -> None:
        """Every contestant on every set."""
        for origin in self.plain:
            source = self.input(origin)
            self.go([self.turn("sets", c, source) for c in self.contestants])

    def growth(self) -> None:
        """One log at 1x, 3x and 10x the lines."""
        whole = self.input(self.plain[0])
        step = max(1, whole.lines // 10)
        ours = entry("logpipe")
        turns = []
        for times in (1, 3, 10):
            source = prefix(whole, lines=step * times)
            turns.append(self.turn("growth", ours, source, f"{whole.name} {times}x"))
        self.go(turns)

    def start(self) -> None:
        """Commands from nothing to their first output, beside Python alone and drain3's import."""
        small = prefix(self.input(self.plain[0]), lines=1000)
        python = sys.executable
        # `-m logpipe` finds the source tree's package even where no script was installed.
        logpipe = [python, "-m", "logpipe"]
        commands: list[tuple[str, list[str]]] = [
            ("logpipe --help", [*logpipe, "--help"]),
            ("first template", [*logpipe, "templates", small.path, "--top", "1"]),
            ("python -c pass", [python, "-c", "pass"]),
            ("import drain3", [python, "-c", "import drain3"]),
        ]
        self.go([partial(_command, name, command) for name, command in commands])

    def stress(self) -> None:
        """Logs whose user names are fresh words, beside the plain log."""
        for origin in [o for o in self.origins.values() if o.stress]:
            plain = self.origins.get(origin.name.removesuffix("-stress"))
            if plain is not None:
                ours = entry("logpipe")
                self.go([self.turn("stress", ours, self.input(o)) for o in (plain, origin)])

    def document(self, before: dict[str, Any]) -> dict[str, Any]:
        """All that is not a run."""
        o = self.options
        command = f"python -m benchmarks.speed --size {o.size} --rounds {o.rounds} --seed {o.seed}"
        command += "" if o.sets == "all" else f" --sets {o.sets}"
        command += "" if o.only == ",".join(PARTS) else f" --only {o.only}"
        command += "" if o.contestants == "all" else f" --contestants {o.contestants}"
        after = machine.describe()["load_average"]
        return {
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "command": command,
            "commit": machine.commit(),
            "rounds": o.rounds,
            "seconds": round(time.monotonic() - self.started),
            "machine": {**before, "load_average_after": after},
            "versions": machine.versions(),
            "contestants": [asdict(c) for c in self.contestants],
            # Paths are this machine's business.
            "inputs": [asdict(replace(i, path=Path(i.path).name)) for i in self.inputs.values()],
        }


def _command(name: str, command: Sequence[str], number: int) -> Run:
    return run_command("start", name, command, number)


def main(given: Sequence[str] | None = None) -> int:
    """Runs the suite; 0 if it ran, whatever the figures are."""
    options = _arguments(given)
    if options.again is not None:
        document, runs = report.load(options.again)
        report.save(options.out or options.again.parent, document, runs)
        return 0
    before = machine.describe()
    try:
        suite = _Suite(options)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    if before["load_average"][0] > 0.5 * before["cores"]:
        suite.say(f"the machine is busy (load {before['load_average'][0]}): mind the ranges")
    if any(origin.label.startswith("sample:") for origin in suite.plain):
        where = options.mirror or "LOGPIPE_MIRROR (not set)"
        suite.say(f"none of the real logs in {where}: scaling the embedded sample instead")
    try:
        for part in PARTS:
            if part in options.only.split(","):
                getattr(suite, part)()
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    document = suite.document(before)
    folder = options.out or HERE / "results" / f"{document['date']}-{machine.slug(before)}"
    report.save(folder, document, suite.runs)
    for row in make_rows(suite.runs, before["cores"]):
        verdict = {True: "met  ", False: "SHORT", None: "     "}[row.met]
        print(f"{verdict} {row.name}: {row.measured} (target {row.target})")
    print(f"written: {os.path.relpath(folder / 'speed.md')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
