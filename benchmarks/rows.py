"""Targets beside measurements: pure functions from recorded runs to the rows of the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.runner import Run

__all__ = ["Row", "geometric_mean", "make_rows", "ratios"]


@dataclass(frozen=True)
class Row:
    """One target.

    Attributes:
        name: of the target.
        target: what is to be reached, as text.
        goal: what would be better still; empty if nothing was said.
        measured: what was, as text.
        met: None if nothing was measured.
        detail: the single figures behind it.
    """

    name: str
    target: str
    goal: str
    measured: str
    met: bool | None
    detail: str = ""


def geometric_mean(values: Iterable[float]) -> float:
    """0 if any value is 0 (a failed run counts as 0), NaN of nothing."""
    given = list(values)
    if not given:
        return math.nan
    if min(given) <= 0:
        return 0.0
    return math.exp(sum(math.log(value) for value in given) / len(given))


def _by_round(runs: Iterable[Run], part: str, contestant: str, source: str) -> dict[int, Run]:
    return {
        run.round: run
        for run in runs
        if (run.part, run.contestant, run.input) == (part, contestant, source)
        and run.status != "disabled"
    }


def ratios(
    ours: dict[int, Run],
    theirs: dict[int, Run],
    value: Callable[[Run], float] = lambda run: run.mb_per_cpu_s,
) -> list[float]:
    """`value` of ours over theirs by round: 0 where ours failed, left out where theirs did."""
    return [
        value(ours[number]) / value(theirs[number])
        for number in sorted(ours.keys() & theirs.keys())
        if value(theirs[number]) > 0
    ]


def _inputs(runs: Sequence[Run], part: str) -> list[str]:
    return list(dict.fromkeys(run.input for run in runs if run.part == part))


def _against(
    runs: Sequence[Run], title: str, ours: str, theirs: str, label: str, least: float, goal: float
) -> Row | None:
    """A geometric mean over sets of the median ratio within a round."""
    each: dict[str, float] = {}
    for source in _inputs(runs, "sets"):
        mine = _by_round(runs, "sets", ours, source)
        found = ratios(mine, _by_round(runs, "sets", theirs, source))
        if found:
            each[source] = median(found)
    if not each:
        return None
    mean = geometric_mean(each.values())
    return Row(
        f"{title} against {label}",
        f">= {least:g}x" if least else "-",
        f"{goal:g}x" if goal else "",
        f"{mean:.3g}x",
        mean >= least if least else None,
        ", ".join(f"{name} {value:.3g}x" for name, value in each.items()),
    )


def _lines_per_second(
    runs: Sequence[Run], title: str, ours: str, wanted: float = 1.25, goal: str = ""
) -> Row | None:
    each = {}
    for source in _inputs(runs, "sets"):
        found = _by_round(runs, "sets", ours, source)
        if found:
            each[source] = median(run.lines_per_cpu_s for run in found.values()) / 1e6
    if not each:
        return None
    least = min(each.values())
    return Row(
        f"{title}: lines per CPU-second, slowest set",
        f"> {wanted:.3g} M",
        goal,
        f"{least:.3g} M",
        least > wanted,
        ", ".join(f"{name} {value:.3g} M" for name, value in each.items()),
    )


def _exact(runs: Sequence[Run]) -> Row | None:
    """Every set's bytes come back from the batches: by one thread, two, and a frozen model."""
    ours = [r for r in runs if r.contestant.startswith("logpipe") and r.round == 0]
    ours = [r for r in ours if "each_s" not in r.facts]
    ours = [r for r in ours if r.part in ("sets", "stress")]
    if not ours:
        return None
    wrong = [f"{r.contestant} on {r.input}" for r in ours if not r.facts.get("verified_bytes")]
    total = sum(int(r.facts.get("verified_bytes", 0)) for r in ours)
    return Row(
        "parse -> render gives the input's bytes",
        "all of them",
        "",
        f"{total / 1e6:.0f} MB equal" + (f"; not: {', '.join(wrong)}" if wrong else ""),
        not wrong,
    )


def _threads(runs: Sequence[Run], cores: int, ours: str = "logpipe", what: str = "") -> Row | None:
    each, unequal = {}, []
    for source in _inputs(runs, "sets"):
        one = _by_round(runs, "sets", ours, source)
        two = _by_round(runs, "sets", f"{ours}-2-threads", source)
        found = ratios(two, one, lambda run: 1 / run.wall_s if run.ok and run.wall_s else 0.0)
        if not found:
            continue
        each[source] = median(found)
        digests = [runs_of[0].facts.get("digest") for runs_of in (one, two) if 0 in runs_of]
        if len(digests) < 2 or None in digests or digests[0] != digests[1]:
            unequal.append(source)
    if not each:
        return None
    mean = geometric_mean(each.values())
    same = f"output differs on {', '.join(unequal)}" if unequal else "identical output"
    enough = cores >= 2
    return Row(
        f"two threads against one, wall{what}",
        ">= 1.7x, identical output",
        "",
        f"{mean:.3g}x, {same}" + ("" if enough else " (this machine has one core)"),
        (mean >= 1.7 and not unequal) if enough else None,
        ", ".join(f"{name} {value:.3g}x" for name, value in each.items()),
    )


def _at_once(runs: Sequence[Run]) -> Row | None:
    """What two processes that share nothing gain: other work and shared caches cost them, too."""
    each = {}
    for source in _inputs(runs, "sets"):
        one = _by_round(runs, "sets", "logpipe", source)
        two = _by_round(runs, "sets", "logpipe-2-processes", source)
        found = [
            2 * one[number].wall_s / two[number].facts["each_s"]
            for number in sorted(one.keys() & two.keys())
            if one[number].ok and two[number].ok
        ]
        if found:
            each[source] = median(found)
    if not each:
        return None
    return Row(
        "two processes at once against one after the other",
        "-",
        "",
        f"{geometric_mean(each.values()):.3g}x",
        None,
        ", ".join(f"{name} {value:.3g}x" for name, value in each.items()),
    )


def _growth(runs: Sequence[Run]) -> list[Row]:
    names = _inputs(runs, "growth")
    if len(names) < 3:
        return []
    by = [_by_round(runs, "growth", "logpipe", name) for name in names]

    def cpu(run: Run) -> float:
        return run.cpu_s if run.ok else 0.0

    found = [ratios(of, by[0], cpu) for of in by]
    if not all(found) or not all(r.ok for of in by for r in of.values()):
        return [Row("growth: 10x the lines", "<= 10.5x the CPU", "", "a run failed", False)]
    times = [median(values) for values in found]
    sizes = [of[min(of)].lines for of in by]
    peaks = [max(run.peak_mb for run in of.values()) for of in by]
    highest = max(r.peak_mb for r in runs if r.contestant.startswith("logpipe"))
    lines = ", ".join(f"{size:,} lines" for size in sizes)
    return [
        Row(
            "growth: 10x the lines",
            "<= 10.5x the CPU",
            "",
            f"{times[2]:.3g}x",
            times[2] <= 10.5,
            f"{lines}: CPU {', '.join(f'{t:.3g}x' for t in times)}",
        ),
        Row(
            "peak memory, highest of all our runs",
            "< 300 MB",
            "100 MB",
            f"{highest:.0f} MB",
            highest < 300,
            f"{lines}: {', '.join(f'{p:.0f} MB' for p in peaks)}",
        ),
    ]


def _start(runs: Sequence[Run]) -> list[Row]:
    rows = []
    for command, least in (("logpipe --help", 0.15), ("first template", 0.3)):
        found = [run for run in runs if run.part == "start" and run.contestant == command]
        if not found:
            continue
        failed = next((run.error for run in found if not run.ok), "")
        cpu = median(run.cpu_s for run in found)
        others = {
            name: median(run.cpu_s for run in runs if run.contestant == name and run.ok)
            for name in dict.fromkeys(r.contestant for r in runs if r.part == "start" and r.ok)
            if name != command
        }
        rows.append(
            Row(
                f"start: {command}",
                f"< {least:g} s CPU",
                "",
                f"failed: {failed}" if failed else f"{cpu:.3f} s",
                not failed and cpu < least,
                ", ".join(f"{name} {value:.3f} s" for name, value in others.items()),
            )
        )
    return rows


def _stress(runs: Sequence[Run]) -> list[Row]:
    rows = []
    for stressed in [name for name in _inputs(runs, "stress") if name.endswith("-stress")]:
        plain = stressed.removesuffix("-stress")
        one = _by_round(runs, "stress", "logpipe", plain)
        two = _by_round(runs, "stress", "logpipe", stressed)
        found = ratios(two, one)
        if not found:
            continue
        share = median(found)
        counts = [max(int(r.facts.get("templates", 0)) for r in of.values()) for of in (one, two)]
        calm = 0 < counts[1] <= 2 * counts[0]
        rows.append(
            Row(
                f"stress: {plain} with fresh words for user names",
                ">= 0.75x the plain log's speed, at most twice its templates",
                "",
                f"{share:.3g}x, {counts[1]} templates against {counts[0]}",
                share >= 0.75 and calm,
            )
        )
    return rows


def make_rows(runs: Sequence[Run], cores: int) -> list[Row]:
    """Every row that these runs say something about; what fell short comes first.

    Args:
        runs: all runs of a suite, failed ones included.
        cores: of the machine; two threads cannot be judged on one.
    """
    found: list[Row | None] = []
    for title, ours in (("parse", "logpipe"), ("match, frozen", "logpipe-frozen")):
        found += [
            _against(runs, title, ours, "zstd-3", "zstd -3", 1.6, 2),
            _against(runs, title, ours, "drain3", "drain3 (ids and variables)", 89, 100),
            _lines_per_second(runs, title, ours),
        ]
    found += [
        _lines_per_second(runs, "iterative, whole job", "logpipe-iterative", 0.5, "1 M"),
        _lines_per_second(runs, "iterative, frozen", "logpipe-iterative-frozen"),
        _exact(runs),
        _threads(runs, cores),
        _threads(runs, cores, "logpipe-parquet", ", to a Parquet file"),
        _at_once(runs),
        *_growth(runs),
        *_start(runs),
        *_stress(runs),
        _against(runs, "parse", "logpipe", "drain3-ids", "drain3, ids only", 0, 0),
        _against(
            runs, "parse, header columns too", "logpipe-header-columns", "zstd-3", "zstd -3", 0, 0
        ),
        _against(runs, "parse to a Parquet file", "logpipe-parquet", "zstd-3", "zstd -3", 0, 0),
        _against(runs, "parse", "logpipe", "logfold", "logfold", 0, 0),
        _against(runs, "match, frozen", "logpipe-frozen", "logfold-match", "logfold.match", 0, 0),
        _against(runs, "parse", "logpipe", "tipping", "tipping", 0, 0),
        _against(runs, "parse", "logpipe", "memcpy", "memcpy", 0, 0),
    ]
    order: dict[bool | None, int] = {False: 0, True: 1, None: 2}
    return sorted((row for row in found if row is not None), key=lambda row: order[row.met])
