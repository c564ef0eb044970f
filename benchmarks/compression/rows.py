"""The targets of compression beside what was measured: pure functions of recorded runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.compression.compressors import OURS
from benchmarks.rows import Row, geometric_mean, ratios
from benchmarks.runner import Run

__all__ = ["Result", "best_of_others", "make_rows", "results"]

# Target and goal of the ratio at level max, by log.
_MAX: Mapping[str, tuple[float, float]] = {
    "Proxifier": (44, 50),
    "HDFS_20000": (50, 53),
    "HealthApp_20000": (66, 72),
    "apache-access": (34, 37),
    "nginx-json": (100, 220),
    "LogD": (7.2, 7.5),
    "hdfs-2percent-HDFS": (52, 56),
    "IoTDB": (150, 180),
}
# On no file worse than the better of these, but for the bytes of a container.
_NEVER_BELOW: Mapping[str, str] = {
    "logpipe-fast": "zstd-3",
    "logpipe-default": "zstd-19",
    "logpipe-max": "xz-9e",
}
_CONTAINER = 200


@dataclass(frozen=True)
class Result:
    """One compressor on one log.

    Attributes:
        log: name of the log.
        bytes: of the log.
        lines: of the log.
        compressor: name of the entry.
        packed: bytes of the packed form; 0 if it did not come to that.
        exact: whether unpacking gave every byte back.
        pack_speed: MB (10^6 bytes) of raw log per CPU-second.
        unpack_speed: the same on the way back.
        pack_mb: the most memory on the way there, in 10^6 bytes.
        unpack_mb: and back.
        error: why there is no figure, or why it does not count.
    """

    log: str
    bytes: int
    lines: int
    compressor: str
    packed: int
    exact: bool
    pack_speed: float
    unpack_speed: float
    pack_mb: float
    unpack_mb: float
    error: str

    @property
    def ratio(self) -> float:
        """Raw bytes over packed bytes; 0 if there are none."""
        return self.bytes / self.packed if self.packed else 0.0

    @property
    def counts(self) -> bool:
        """Whether the ratio may be compared with others."""
        return self.exact and self.packed > 0


def results(runs: Iterable[Run]) -> dict[tuple[str, str], Result]:
    """(log, compressor) to what its two runs of the part `ratio` say."""
    pairs: dict[tuple[str, str], dict[str, Run]] = {}
    for run in runs:
        if run.part in ("pack", "unpack"):
            pairs.setdefault((run.input, run.contestant), {})[run.part] = run
    found = {}
    for (log, name), pair in pairs.items():
        there = pair["pack"]
        back = pair.get("unpack")
        error = there.error or (back.error if back is not None else "not unpacked")
        found[log, name] = Result(
            log,
            there.bytes,
            there.lines,
            name,
            int(there.facts.get("packed_bytes", 0)),
            back is not None and back.ok,
            there.mb_per_cpu_s,
            back.mb_per_cpu_s if back is not None else 0.0,
            there.peak_mb,
            back.peak_mb if back is not None else 0.0,
            error,
        )
    return found


def best_of_others(found: Mapping[tuple[str, str], Result], log: str) -> Result | None:
    """The smallest exact result on a log that is not ours."""
    others = [r for (name, by), r in found.items() if name == log and by not in OURS and r.counts]
    return min(others, key=lambda r: r.packed, default=None)


def _ratio_rows(found: Mapping[tuple[str, str], Result], logs: Sequence[str]) -> list[Row]:
    rows = []
    for log, (target, goal) in _MAX.items():
        ours = found.get((log, "logpipe-max"))
        if log not in logs:
            continue
        other = best_of_others(found, log)
        beside = f"best other: {other.compressor} {other.ratio:.2f}" if other else ""
        name = f"ratio at level max, {log}"
        if ours is None or not ours.packed:
            error = ours.error if ours else "not run"
            rows.append(Row(name, f">= {target:g}", f"{goal:g}", error, None, beside))
            continue
        ratio = ours.ratio if ours.counts else 0.0
        rows.append(
            Row(name, f">= {target:g}", f"{goal:g}", f"{ratio:.2f}", ratio >= target, beside)
        )
    return rows


def _floor_rows(found: Mapping[tuple[str, str], Result], logs: Sequence[str]) -> list[Row]:
    rows = []
    for ours, other in _NEVER_BELOW.items():
        margins = {
            log: found[log, other].packed + _CONTAINER - found[log, ours].packed
            for log in logs
            if (log, ours) in found
            and found[log, ours].counts
            and (log, other) in found
            and found[log, other].counts
        }
        target = f"<= {other} + {_CONTAINER} B on any log"
        name = f"never worse, {ours}"
        if not margins:
            rows.append(Row(name, target, "", "not run", None))
            continue
        worse = {log: -margin for log, margin in margins.items() if margin < 0}
        detail = ", ".join(f"{log} {size:,} B too many" for log, size in worse.items())
        measured = f"{len(margins) - len(worse)} of {len(margins)} logs"
        rows.append(Row(name, target, "", measured, not worse, detail))
    return rows


def _mean_rows(found: Mapping[tuple[str, str], Result], logs: Sequence[str]) -> list[Row]:
    rows = []
    for ours, other, least, goal in (
        ("logpipe-fast", "zstd-3", 1.8, "2.5"),
        ("logpipe-default", "xz-9e", 1.7, ""),
    ):
        each = {
            log: found[log, ours].ratio / found[log, other].ratio
            for log in logs
            if (log, ours) in found
            and found[log, ours].counts
            and (log, other) in found
            and found[log, other].counts
        }
        name = f"ratio of {ours} over {other}"
        target = f">= {least}x, geometric mean"
        if not each:
            rows.append(Row(name, target, goal, "not run", None))
            continue
        mean = geometric_mean(each.values())
        detail = ", ".join(f"{log} {value:.2f}" for log, value in each.items())
        rows.append(Row(name, target, goal, f"{mean:.2f}x", mean >= least, detail))
    for ours, least in (("logpipe-default", 20), ("logpipe-max", 1)):
        slow = {
            log: min(r.pack_speed, r.unpack_speed)
            for log in logs
            if (r := found.get((log, ours))) is not None and r.counts
        }
        if slow:
            name = f"speed of {ours}, slower way of the two"
            mean = geometric_mean(slow.values())
            detail = ", ".join(f"{log} {value:.1f}" for log, value in slow.items())
            measured = f"{mean:.1f} MB/cpu-s, least {min(slow.values()):.1f}"
            rows.append(Row(name, f">= {least} MB/cpu-s", "", measured, mean >= least, detail))
    return rows


# Part, end of the input's name, ours, theirs, what is compared, least (0: no target), goal.
_SPEEDS: tuple[tuple[str, str, str, str, str, float, str], ...] = (
    ("compress", "", "logpipe-fast", "zstd-3", "compress, level fast, against zstd -3", 0.6, "0.9"),
    ("compress", "", "logpipe-default", "zstd-3", "compress, level default, same", 0, ""),
    (
        "decompress",
        "",
        "logpipe-fast",
        "zstd-3",
        "decompress, level fast, against zstd -d",
        0.6,
        "",
    ),
    ("decompress", "", "logpipe-default", "zstd-3", "decompress, level default, same", 0, ""),
    *(
        ("grep", f" {kind}", who, "zstd-grep", f"{what}, {who}, against zstd | grep", least, "")
        for kind, what, least in (
            ("rare", "rare literal", 5),
            ("absent", "absent literal", 0),
            ("address", "rare address", 0),
            ("frequent", "word of every second line", 0),
        )
        for who in ("logpipe-fast", "logpipe-default")
    ),
    *(
        ("grep", " rare", f"{who}-command", "zstd-grep", f"the same as a command, {who}", 0, "")
        for who in ("logpipe-fast", "logpipe-default")
    ),
)


def _speed_rows(runs: Sequence[Run]) -> list[Row]:
    rows = []
    for part, kind, ours, theirs, name, least, goal in _SPEEDS:
        each: dict[str, float] = {}
        for source in dict.fromkeys(run.input for run in runs if run.part == part):
            if not source.endswith(kind):
                continue
            both = [
                {r.round: r for r in runs if (r.part, r.input, r.contestant) == (part, source, who)}
                for who in (ours, theirs)
            ]
            found = ratios(both[0], both[1])
            if found:
                each[source.removesuffix(kind)] = median(found)
        if each:
            mean = geometric_mean(each.values())
            detail = ", ".join(f"{source} {value:.2f}" for source, value in each.items())
            target, met = (f">= {least:g}x", mean >= least) if least else ("", None)
            rows.append(Row(name, target, goal, f"{mean:.2f}x", met, detail))
    wanted = {"range": ("any line range of a big log, median", 50.0, "ms")}
    for part, (name, most, unit) in wanted.items():
        for who in dict.fromkeys(run.contestant for run in runs if run.part == part):
            times = [
                1000 * run.facts["median_s"]
                for run in runs
                if run.part == part and run.ok and run.contestant == who
            ]
            if times:
                value = median(times)
                rows.append(
                    Row(
                        f"{name}, {who}",
                        f"< {most:g} {unit}",
                        "",
                        f"{value:.1f} {unit}",
                        value < most,
                    )
                )
    two = [r for r in runs if r.part == "threads" and r.ok]
    for who in dict.fromkeys(r.contestant.removesuffix("-2") for r in two):
        one = {r.round: r for r in two if r.contestant == who}
        both_threads = {r.round: r for r in two if r.contestant == f"{who}-2"}
        gains = ratios(both_threads, one, lambda run: 1 / run.wall_s)
        if gains:
            gain = median(gains)
            same = {r.facts.get("packed_sha256") for r in two if r.contestant.startswith(who)}
            rows.append(
                Row(
                    f"two threads, {who}",
                    ">= 1.7x wall, identical bytes",
                    "",
                    f"{gain:.2f}x",
                    gain >= 1.7 and len(same) == 1,
                    "identical bytes" if len(same) == 1 else "BYTES DIFFER",
                )
            )
    memory = [r for r in runs if r.part in ("compress", "threads") and "logpipe" in r.contestant]
    if memory:
        most_mb = max(r.peak_mb for r in memory)
        rows.append(
            Row("peak memory of compressing", "< 300 MB", "100", f"{most_mb:.0f} MB", most_mb < 300)
        )
    return rows


def make_rows(runs: Sequence[Run]) -> list[Row]:
    """Every row of the targets that concerns archives."""
    found = results(runs)
    logs = list(dict.fromkeys(log for log, _ in found))
    return [
        *_ratio_rows(found, logs),
        *_mean_rows(found, logs),
        *_floor_rows(found, logs),
        *_speed_rows(runs),
    ]
