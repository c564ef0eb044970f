"""speed.json (all records) and speed.md (what people read), from the runs of one suite."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rows import Row, make_rows
from benchmarks.runner import Run

__all__ = ["FORMAT", "load", "markdown", "save", "table", "verdict"]

FORMAT = 1
"""Version of speed.json."""


def load(path: Path) -> tuple[dict[str, Any], list[Run]]:
    """The document and its runs, so that scores can be computed anew from recorded runs.

    Raises:
        ValueError: another version.
    """
    document = json.loads(path.read_text())
    if document.get("format") != FORMAT:
        raise ValueError(f"{path}: expected format {FORMAT}, found {document.get('format')!r}")
    names = {field.name for field in fields(Run)}
    return document, [Run(**{k: v for k, v in r.items() if k in names}) for r in document["runs"]]


def save(folder: Path, document: Mapping[str, Any], runs: Sequence[Run]) -> None:
    """Writes speed.json and speed.md into the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"format": FORMAT, **document, "runs": [asdict(run) for run in runs]}
    (folder / "speed.json").write_text(json.dumps(whole, indent=1) + "\n")
    (folder / "speed.md").write_text(markdown(whole, runs))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    out += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return [*out, ""]


def verdict(row: Row) -> str:
    return {True: "met", False: "**short**", None: "-"}[row.met]


def _speeds(runs: Sequence[Run]) -> list[list[str]]:
    """One row per input and contestant, in the order they ran."""
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        if run.part != "start":
            groups.setdefault((run.part, run.input, run.contestant), []).append(run)
    out = []
    for (part, source, contestant), found in groups.items():
        good = [run for run in found if run.ok]
        bad = next((f"{run.status}: {run.error}" for run in found if not run.ok), "")
        if not good:
            out.append([part, source, contestant, "-", "-", "-", "-", "-", bad])
            continue
        speeds = [run.mb_per_cpu_s for run in found]
        facts = next((run.facts for run in found if run.facts), {})
        notes = [f"{facts[key]:,} {what}" for key, what in _NOTES.items() if key in facts]
        if "compressed_bytes" in facts:
            notes.append(f"ratio {good[0].bytes / facts['compressed_bytes']:.1f}")
        out.append(
            [
                part,
                source,
                contestant,
                f"{median(speeds):.0f}" if median(speeds) >= 100 else f"{median(speeds):.1f}",
                f"{min(speeds):.3g}-{max(speeds):.3g}",
                f"{median(run.lines_per_cpu_s for run in found) / 1e6:.2f}",
                f"{good[0].bytes / 1e6:.0f}",
                f"{max(run.peak_mb for run in good):.0f}",
                "; ".join([*notes, *([bad] if bad else [])]),
            ]
        )
    return out


_NOTES = {"templates": "templates", "verified_bytes": "bytes verified"}


def markdown(document: Mapping[str, Any], runs: Sequence[Run]) -> str:
    """The report."""
    machine = document["machine"]
    rows = make_rows(runs, int(machine["cores"]))
    short = sum(row.met is False for row in rows)
    sampled = any(str(i["origin"]).startswith("sample:") for i in document["inputs"])
    out = [f"# Speed, {document['date']}", ""]
    if sampled:
        out += [
            "**Scaled from the embedded sample, because LOGPIPE_MIRROR names no real logs: these "
            "figures cannot be compared with those on HDFS, BGL, OpenSSH and Spark.**",
            "",
        ]
    out += [
        f"`{document['command']}` with logpipe {document['versions'].get('logpipe', '?')} at "
        f"{document['commit']}. Speed is MB (10^6 bytes) of raw log per CPU-second; medians of "
        f"{document['rounds']} rounds, ratios within a round. "
        + (f"**{short} of the targets fell short.**" if short else "No target fell short."),
        "",
        "## Targets",
        "",
    ]
    out += table(
        ("", "what", "target", "goal", "measured", "by set"),
        [[verdict(r), r.name, r.target, r.goal, r.measured, r.detail] for r in rows],
    )
    out += ["## Every contestant", ""]
    out += table(
        (
            "part",
            "input",
            "contestant",
            "MB/cpu-s",
            "range",
            "M lines/cpu-s",
            "MB read",
            "peak MB",
            "notes",
        ),
        _speeds(runs),
    )
    out += ["## Contestants", ""]
    out += table(
        ("name", "what it does", "parameters", "reads at most", "disabled"),
        [
            [
                c["name"],
                c["title"],
                f"`{json.dumps(c['parameters'])}`",
                f"{c['limit_mb']} MB" if c["limit_mb"] else "all",
                c["disabled"],
            ]
            for c in document["contestants"]
        ],
    )
    out += ["## Inputs", ""]
    out += table(
        ("set", "scaled from", "original bytes", "bytes", "lines", "sha256"),
        [
            [
                i["name"],
                i["origin"],
                f"{i['origin_bytes']:,}",
                f"{i['bytes']:,}",
                f"{i['lines']:,}",
                f"{i['digest'][:16]}...",
            ]
            for i in document["inputs"]
        ],
    )
    out += ["## Machine", ""]
    named = {**machine, **{f"version of {k}": v for k, v in document["versions"].items()}}
    out += table(("", ""), [[key.replace("_", " "), str(value)] for key, value in named.items()])
    return "\n".join(out)
