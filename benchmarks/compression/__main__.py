"""Runs the compression suite and writes its report; what it measures is said in the package."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.compression import report
from benchmarks.compression.big_jobs import literals
from benchmarks.compression.compressors import COMPRESSORS, with_program
from benchmarks.compression.logs import LEAST, find_logs, prepare_log
from benchmarks.compression.rows import make_rows
from benchmarks.contestants import Contestant
from benchmarks.inputs import Input, find_origins, prepare
from benchmarks.runner import Run, run_job, take_turns

__all__ = ["main"]

HERE = Path(__file__).resolve().parent.parent
PARTS = ("ratio", "speed", "grep", "range", "threads")
SPEED_LEVELS = ("fast", "default")
_JOBS = "benchmarks.compression.big_jobs"
_BIG = "HDFS"
"""The set that line ranges and threads are measured on."""


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compression", description="The compression suite."
    )
    add = parser.add_argument
    add("--only", default=",".join(PARTS), help=f"parts to run (default {','.join(PARTS)})")
    add("--logs", default="all", help="comma-separated names of logs (default all)")
    add("--compressors", default="all", help="comma-separated names (default all)")
    add("--fresh", action="store_true", help="run the others again, too")
    add("--rounds", type=int, default=5, help="runs of every contestant on big logs (default 5)")
    add("--size", type=int, default=200, metavar="MB", help="size of big logs (default 200)")
    add("--sets", default="HDFS,BGL,OpenSSH,Spark", help="sets that big logs are scaled from")
    add("--timeout", type=float, default=1800.0, metavar="S", help="per run (default 1800)")
    add("--mirror", type=Path, default=None, help="folder of real logs (default $LOGPIPE_MIRROR)")
    add("--work", type=Path, default=HERE / ".work", help="where inputs are kept")
    add("--note", default="", help="what a reader of the figures has to know; kept in the report")
    add("--out", type=Path, default=None, help="folder for compression.{json,csv,md}")
    options = parser.parse_args(given)
    if options.mirror is None and os.environ.get("LOGPIPE_MIRROR"):
        options.mirror = Path(os.environ["LOGPIPE_MIRROR"])
    if options.mirror is None or not options.mirror.is_dir():
        parser.error("no folder of real logs: set LOGPIPE_MIRROR or give --mirror")
    names = [c.name for c in COMPRESSORS]
    unknown = sorted(set(options.compressors.split(",")) - {*names, "all"})
    if unknown:
        parser.error(f"--compressors: no {', '.join(unknown)}; there are {', '.join(names)}")
    unknown = sorted(set(options.only.split(",")) - set(PARTS))
    if unknown:
        parser.error(f"--only: no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return options


def _version(entry: Contestant) -> str:
    if not entry.package or entry.disabled:
        return ""
    try:
        return metadata.version(entry.package)
    except metadata.PackageNotFoundError:
        return ""


def _job(name: str, job: str, **parameters: Any) -> Contestant:
    return Contestant(name, "", job, parameters)


def _ours(level: str, job: str, **parameters: Any) -> Contestant:
    return _job(f"logpipe-{level}", f"{_JOBS}:{job}", level=level, **parameters)


class _Suite:
    """One run of the suite: what was asked for, what is known already, what was measured."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.started = time.monotonic()
        self.machine = machine.describe()
        self.date = datetime.now(UTC).strftime("%Y-%m-%d")
        self.folder: Path = options.out or (
            HERE / "results" / f"{self.date}-{machine.slug(self.machine)}"
        )
        self.before, kept = report.load(self.folder)
        self.runs = {self.key(run): run for run in kept}
        self.entries = [with_program(entry) for entry in COMPRESSORS]
        self.changed = False

    @staticmethod
    def key(run: Run) -> tuple[str, str, str, int]:
        """What a run is found by."""
        return run.part, run.input, run.contestant, run.round

    def say(self, text: str) -> None:
        """One line of progress."""
        print(f"[{time.monotonic() - self.started:5.0f} s] {text}", file=sys.stderr, flush=True)

    def wanted(self) -> Iterable[Contestant]:
        """The compressors asked for."""
        asked = self.options.compressors.split(",")
        return [c for c in self.entries if "all" in asked or c.name in asked]

    def known(self, part: str, entry: Contestant, source: Input) -> Run | None:
        """A kept run of another's compressor with the same settings on the same bytes."""
        run = self.runs.get((part, source.name, entry.name, 0))
        if run is None or self.options.fresh or entry.rows == "ours":
            return None
        same = run.facts.get("input") == source.digest and run.facts.get("parameters") == (
            entry.parameters
        )
        # What is not installed here may have run elsewhere, and the other way round.
        return run if same and (run.status != "disabled" or entry.disabled) else None

    def ratio(self) -> None:
        """Every compressor on every real log."""
        logs = find_logs(self.options.mirror)
        asked = self.options.logs.split(",")
        unknown = sorted(set(asked) - {log.name for log in logs} - {"all"})
        if unknown:
            names = ", ".join(log.name for log in logs)
            raise SystemExit(f"--logs: no {', '.join(unknown)}; there are {names}")
        for log in logs:
            if "all" not in asked and log.name not in asked:
                continue
            source = prepare_log(log, self.options.work, self.say)
            if source.bytes < LEAST:
                continue
            for entry in self.wanted():
                self.pair(entry, source)
            self.save()

    def pair(self, entry: Contestant, source: Input) -> None:
        """Packs and unpacks one log."""
        known = [self.known(part, entry, source) for part in ("pack", "unpack")]
        if known[0] is not None and (known[1] is not None or not known[0].ok):
            return
        for part in ("pack", "unpack"):
            run = self.run(part, entry, source)
            if not run.ok and part == "pack":
                self.runs.pop(("unpack", source.name, entry.name, 0), None)
                break

    def run(self, part: str, entry: Contestant, source: Input) -> Run:
        """One run, said and kept."""
        parameters = {**entry.parameters, "name": entry.name}
        job = replace(entry, job=f"benchmarks.compression.jobs:{part}", parameters=parameters)
        o = self.options
        run = run_job(part, job, source, 0, o.work, check=True, timeout=o.timeout)
        facts = {**run.facts, "input": source.digest, "parameters": entry.parameters}
        run = replace(run, bytes=source.bytes, lines=source.lines, facts=facts)
        self.runs[self.key(run)] = run
        packed = run.facts.get("packed_bytes")
        result = f"{run.mb_per_cpu_s:8.1f} MB/cpu-s" if run.ok else f"{run.status}: {run.error}"
        ratio = f"  {source.bytes / packed:7.2f}" if packed else ""
        self.say(f"{part:6} {source.name:24} {entry.name:16} {result}{ratio}")
        return run

    def big(self, name: str, size_mb: int) -> Input:
        """A scaled log."""
        o = self.options
        origins = {origin.name: origin for origin in find_origins(o.mirror)}
        if name not in origins:
            raise SystemExit(f"--sets: no {name}; there are {', '.join(origins)}")
        return prepare(origins[name], size_mb, o.work, o.mirror, say=self.say)

    def rounds(self, part: str, entries: Sequence[Contestant], source: Input, label: str) -> None:
        """Runs contestants in turns, and forgets what was measured of them before."""
        o = self.options
        old = [key for key in self.runs if key[:2] == (part, label)]
        for key in old:
            del self.runs[key]

        def turn(entry: Contestant) -> Callable[[int], Run]:
            return lambda number: run_job(
                part, entry, source, number, o.work, check=True, timeout=o.timeout, label=label
            )

        for run in take_turns([turn(e) for e in entries], o.rounds, self.say_big):
            self.runs[self.key(run)] = run
        self.save()

    def say_big(self, run: Run) -> None:
        """How a run on a big log went."""
        result = f"{run.mb_per_cpu_s:8.1f} MB/cpu-s {run.cpu_s:7.3f} s" if run.ok else run.error
        facts = {k: v for k, v in run.facts.items() if isinstance(v, int | float)}
        self.say(f"{run.part} {run.round + 1} {run.input:20} {run.contestant:24} {result} {facts}")

    def speed(self) -> None:
        """Packing and unpacking beside zstd, on every scaled set."""
        for name in self.options.sets.split(","):
            source = self.big(name, self.options.size)
            pack = [_job("zstd-3", "zstd_compress", level=3)]
            pack += [_ours(level, "logpipe_pack", threads=1) for level in SPEED_LEVELS]
            self.rounds("compress", pack, source, name)
            unpack = [_job("zstd-3", "zstd_decompress", level=3)]
            unpack += [_ours(level, "logpipe_unpack") for level in SPEED_LEVELS]
            self.rounds("decompress", unpack, source, name)

    def grep(self) -> None:
        """Literals that are rare, absent and frequent, beside zstd and grep."""
        for name in self.options.sets.split(","):
            source = self.big(name, self.options.size)
            for kind, literal in literals(Path(source.path)).items():
                given = {"literal": literal.hex()}
                entries = [_job("zstd-grep", f"{_JOBS}:zstd_grep", **given)]
                entries += [_ours(level, "logpipe_grep", **given) for level in SPEED_LEVELS]
                if kind == "rare":
                    command = [_ours(level, "logpipe_command", **given) for level in SPEED_LEVELS]
                    entries += [replace(e, name=f"{e.name}-command") for e in command]
                self.rounds("grep", entries, source, f"{name} {kind}")
                found = {
                    r.facts.get("answer")
                    for r in self.runs.values()
                    if r.part == "grep" and r.input == f"{name} {kind}" and r.ok
                }
                if len(found) > 1:
                    raise SystemExit(f"{name}, {literal!r}: the lines found differ: {found}")

    def range(self) -> None:
        """Ten lines from anywhere in a log of a gigabyte."""
        source = self.big(_BIG, 5 * self.options.size)
        entries = [_ours(level, "logpipe_range") for level in SPEED_LEVELS]
        self.rounds("range", entries, source, f"{_BIG} x5")

    def threads(self) -> None:
        """Two threads against one."""
        source = self.big(_BIG, self.options.size)
        entries = []
        for level in SPEED_LEVELS:
            one = _ours(level, "logpipe_pack", threads=1)
            two = _ours(level, "logpipe_pack", threads=2)
            entries += [one, replace(two, name=f"{two.name}-2")]
        self.rounds("threads", entries, source, _BIG)

    def document(self) -> dict[str, Any]:
        """All that is not a run."""
        versions = {**self.before.get("versions", {}), **machine.versions()}
        versions |= {c.package: v for c in self.entries if (v := _version(c))}
        kept = {c["name"]: c for c in self.before.get("compressors", [])}
        entries = []
        for entry in self.entries:
            # Its results may be there although it is not installed any more.
            ran = any(r.ok and r.contestant == entry.name for r in self.runs.values())
            record = kept.get(entry.name) if entry.disabled and ran else None
            entries.append(record or {**asdict(entry), "disabled": "" if ran else entry.disabled})
        return {
            "date": self.date,
            "command": "python -m benchmarks.compression",
            "commit": machine.commit(),
            "note": self.options.note or self.before.get("note", ""),
            "machine": self.machine,
            "versions": versions,
            "compressors": entries,
        }

    def save(self) -> None:
        """Writes what is known so far."""
        report.save(self.folder, self.document(), list(self.runs.values()))


def main(given: Sequence[str] | None = None) -> int:
    """Runs the suite; 0 if it ran, whatever the figures are."""
    options = _arguments(given)
    suite = _Suite(options)
    try:
        for part in PARTS:
            if part in options.only.split(","):
                getattr(suite, part)()
    except KeyboardInterrupt:
        suite.save()
        print("interrupted; what was measured is kept", file=sys.stderr)
        return 130
    suite.save()
    for row in make_rows(list(suite.runs.values())):
        verdict = {True: "met  ", False: "SHORT", None: "     "}[row.met]
        print(f"{verdict} {row.name}: {row.measured} (target {row.target})")
    print(f"written: {os.path.relpath(suite.folder / 'compression.md')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
