"""compression.json has all records, compression.csv the results, compression.md is for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.compression.compressors import OURS
from benchmarks.compression.rows import Result, best_of_others, make_rows, results
from benchmarks.report import table, verdict
from benchmarks.rows import geometric_mean
from benchmarks.runner import Run

__all__ = ["FORMAT", "NAME", "load", "save"]

FORMAT = 1
"""Version of compression.json."""
NAME = "compression"


def load(folder: Path) -> tuple[dict[str, Any], list[Run]]:
    """What an earlier run left in the folder; nothing, if it is of another version or not there."""
    try:
        document = json.loads((folder / f"{NAME}.json").read_text())
    except (OSError, ValueError):
        return {}, []
    if document.get("format") != FORMAT:
        return {}, []
    names = {field.name for field in fields(Run)}
    runs = [Run(**{k: v for k, v in r.items() if k in names}) for r in document.pop("runs")]
    return document, runs


def save(folder: Path, document: Mapping[str, Any], runs: Sequence[Run]) -> None:
    """Writes the three files into the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**document, "format": FORMAT, "runs": [asdict(run) for run in runs]}
    for suffix, text in (
        ("json", json.dumps(whole, indent=1) + "\n"),
        ("csv", _csv(runs)),
        ("md", _markdown(whole, runs)),
    ):
        temporary = folder / f"{NAME}.{suffix}.part"
        temporary.write_text(text)
        temporary.replace(folder / f"{NAME}.{suffix}")


def _csv(runs: Sequence[Run]) -> str:
    out = io.StringIO()
    names = [field.name for field in fields(Result)]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, "ratio"])
    for result in results(runs).values():
        row = asdict(result)
        for name in ("pack_speed", "unpack_speed", "pack_mb", "unpack_mb"):
            row[name] = f"{row[name]:.2f}"
        writer.writerow([*(row[name] for name in names), f"{result.ratio:.4f}"])
    return out.getvalue()


def _cell(result: Result | None, best: int) -> str:
    if result is None:
        return ""
    if not result.packed:
        return "-"
    text = f"{result.ratio:.2f}"
    if not result.exact:
        return f"~~{text}~~"
    return f"**{text}**" if result.packed == best else text


def _speed(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def _markdown(document: Mapping[str, Any], runs: Sequence[Run]) -> str:
    found = results(runs)
    logs = list(dict.fromkeys(log for log, _ in found))
    names = [c["name"] for c in document["compressors"]]
    rows = make_rows(runs)
    short = sum(row.met is False for row in rows)
    out = [
        f"# Compression, {document['date']}, {document['machine']['cpu']}",
        "",
        f"`{document['command']}` with logpipe {document['versions'].get('logpipe', '?')} at "
        f"{document['commit']}. Ratio is raw bytes over packed bytes; every packed form was "
        "unpacked and compared byte for byte. Speed is MB (10^6 bytes) of raw log per CPU-second. "
        + (f"**{short} of the targets fell short.**" if short else "No target fell short."),
        "",
        *([document["note"], ""] if document.get("note") else []),
        "## Targets",
        "",
    ]
    out += table(
        ("", "what", "target", "goal", "measured", "detail"),
        [[verdict(r), r.name, r.target, r.goal, r.measured, r.detail] for r in rows],
    )
    out += [
        "## Ratio",
        "",
        "The best of a row is bold; struck out: the bytes that came back were others.",
        "",
    ]
    body = []
    for log in logs:
        mine = {name: found.get((log, name)) for name in names}
        good = [r.packed for r in mine.values() if r is not None and r.counts]
        size = next(r for r in mine.values() if r is not None)
        cells = [_cell(mine[name], min(good, default=-1)) for name in names]
        body.append([log, f"{size.bytes / 1e6:.1f}", f"{size.lines:,}", *cells])
    means = []
    for name in names:
        each = [found[log, name].ratio for log in logs if (log, name) in found]
        counts = [found[log, name].counts for log in logs if (log, name) in found]
        whole = len(each) == len(logs) and all(counts)
        means.append(f"{geometric_mean(each):.2f}" if whole else "")
    body.append(["geometric mean", "", "", *means])
    out += table(("log", "MB", "lines", *names), body)
    out += ["## Ours beside the best of the others", ""]
    body = []
    for log in logs:
        other = best_of_others(found, log)
        if other is None:
            continue
        cells = []
        for name in OURS:
            result = found.get((log, name))
            gain = f"{result.ratio / other.ratio:.2f}x" if result and result.counts else "-"
            cells.append(gain)
        body.append([log, other.compressor, f"{other.ratio:.2f}", *cells])
    out += table(("log", "best other", "its ratio", *OURS), body)
    out += [
        "## Speed and memory on these logs",
        "",
        "Geometric means over the logs that came back exactly; the most memory of any of them.",
        "",
    ]
    body = []
    for name in names:
        good_ones = [found[log, name] for log in logs if (log, name) in found]
        good_ones = [r for r in good_ones if r.counts]
        if good_ones:
            body.append(
                [
                    name,
                    f"{len(good_ones)} of {len(logs)}",
                    _speed(geometric_mean(r.pack_speed for r in good_ones)),
                    _speed(geometric_mean(r.unpack_speed for r in good_ones)),
                    f"{max(r.pack_mb for r in good_ones):.0f}",
                    f"{max(r.unpack_mb for r in good_ones):.0f}",
                ]
            )
    out += table(
        ("compressor", "logs", "pack MB/cpu-s", "unpack MB/cpu-s", "pack MB", "unpack MB"), body
    )
    out += _big(runs)
    out += ["## Compressors", ""]
    out += table(
        ("name", "what it is", "parameters", "version", "not run because"),
        [
            [
                c["name"],
                c["title"],
                f"`{json.dumps({k: v for k, v in c['parameters'].items() if k != 'codec'})}`",
                document["versions"].get(c["package"], ""),
                c["disabled"],
            ]
            for c in document["compressors"]
        ],
    )
    failed = [r for r in found.values() if r.error and not r.error.startswith("not installed")]
    if failed:
        out += ["## What went wrong", ""]
        out += table(
            ("log", "compressor", "what"), [[r.log, r.compressor, r.error] for r in failed]
        )
    out += ["## Machine", ""]
    out += table(("", ""), [[k.replace("_", " "), str(v)] for k, v in document["machine"].items()])
    return "\n".join(out)


def _big(runs: Sequence[Run]) -> list[str]:
    """The runs on scaled logs, one row per input and contestant."""
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        if run.part not in ("pack", "unpack"):
            groups.setdefault((run.part, run.input, run.contestant), []).append(run)
    if not groups:
        return []
    body = []
    for (part, source, name), found in groups.items():
        good = [run for run in found if run.ok]
        bad = next((f"{run.status}: {run.error}" for run in found if not run.ok), "")
        if not good:
            body.append([part, source, name, "-", "-", "-", bad])
            continue
        facts = good[0].facts
        notes = [
            f"{key.replace('_', ' ')} {facts[key]:,}"
            for key in sorted(facts)
            if isinstance(facts[key], int | float)
        ]
        body.append(
            [
                part,
                source,
                name,
                _speed(median(run.mb_per_cpu_s for run in found)),
                f"{median(run.cpu_s for run in good):.3f}",
                f"{max(run.peak_mb for run in good):.0f}",
                "; ".join([*notes, *([bad] if bad else [])]),
            ]
        )
    head = ("part", "input", "contestant", "MB/cpu-s", "CPU s", "peak MB", "notes")
    return [
        "## Big logs",
        "",
        "Real logs scaled by fresh variables; medians of rounds in which the contestants of an "
        "input took turns.",
        "",
        *table(head, body),
    ]
