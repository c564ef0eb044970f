"""The figures as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["PUBLISHED", "markdown"]

PUBLISHED = (
    ("supervised", "decision tree", 0.998, "loglizer, HDFS_v1"),
    ("supervised", "SVM", 0.965, "loglizer, HDFS_v1"),
    ("normals only", "DeepLog", 0.945, "threshold chosen on test"),
    ("normals only", "LogAnomaly", 0.976, "threshold chosen on test"),
    ("normals only", "LogAI LSTM", 0.981, "best epoch chosen on test"),
    ("contaminated", "InvariantsMiner", 0.915, "loglizer, HDFS_v1"),
    ("contaminated", "IsolationForest", 0.802, "loglizer, HDFS_v1"),
    ("contaminated", "PCA", 0.769, "loglizer, HDFS_v1"),
)
"""Regime, detector, F1, where it is from: on the whole of HDFS_v1, not measured here."""

TARGETS: tuple[tuple[str, str, str, float | tuple[str, str]], ...] = (
    ("normals only", "auto", "f1", 0.985),
    ("normals only", "auto", "average_precision", 0.999),
    ("50 normals", "auto", "f1", ("plain-nearest", "f1")),
    ("50 normals", "auto", "average_precision", ("plain-nearest", "average_precision")),
    ("contaminated", "auto", "f1", 0.956),
    ("contaminated", "auto", "recall", 0.99),
    ("one log", "auto", "f1", 0.956),
    ("with verdicts", "auto", "f1", 0.99),
    ("supervised", "forest", "f1", 0.996),
    ("chronological, adapting", "auto", "f1", 0.90),
)
"""Regime, detector, figure, at least (or what another detector has there); on hdfs-2percent."""


def markdown(found: dict[str, Any]) -> str:
    """All tables."""
    parts = ["# Anomaly detection\n"]
    machine = found["machine"]
    parts.append(
        f"Commit {found['commit']}, {machine['cpu']}, {machine['cores']} cores; seeds "
        f"{found['seeds']}; {found['cpu_seconds']:.0f} s of CPU in all.\n"
    )
    parts.append("How it is measured: `benchmarks/anomaly/__init__.py`. Regimes:\n")
    parts += [f"- **{name}**: {what}" for name, what in found["regimes"].items()]
    parts.append("")
    parts += _targets(found)
    for data in found["sets"]:
        parts += _set(data)
    parts += ["## Published, for comparison\n"]
    parts.append(
        _table(
            ["regime", "detector", "F1 (published)", "where"],
            [[a, b, f"{c:.3f}", d] for a, b, c, d in PUBLISHED],
        )
    )
    if found["iotdb"]:
        parts += _iotdb(found["iotdb"])
    return "\n".join(parts) + "\n"


def _targets(found: dict[str, Any]) -> list[str]:
    data = next((d for d in found["sets"] if d["set"] == "hdfs-2percent"), None)
    if data is None:
        return []
    rows = []
    every = {(row["regime"], row["detector"]): row for row in data["rows"]}
    for regime, detector, figure, least in TARGETS:
        row = every.get((regime, detector))
        if row is None:
            continue
        if isinstance(least, tuple):
            other = every.get((regime, least[0]), {}).get(least[1], 0.0)
            wanted, at_least = f"{other:.4f} ({least[0]})", other
        else:
            wanted, at_least = f"{least:.3f}", least
        value = row.get(figure, 0.0)
        met = "yes" if value >= at_least else "NO"
        rows.append([regime, detector, figure, wanted, f"{value:.4f}", met])
    head = ["regime", "detector", "figure", "at least", "measured", "reached"]
    return ["## Targets (hdfs-2percent)\n", _table(head, rows)]


def _set(data: dict[str, Any]) -> list[str]:
    said = f"; {data['note']}" if data["note"] else ""
    parts = [
        f"## {data['set']}\n",
        f"{data['windows']:,} sessions, {data['abnormal']:,} abnormal, prevalence "
        f"{data['prevalence']:.2%}; ceiling F1 {data['ceiling_f1']:.3f}, flagging everything "
        f"{data['flag_everything_f1']:.3f}{said}.\n",
    ]
    if data["refused"]:
        return [*parts, f"**No F1 is reported**: {data['refused']}.\n"]
    head = ["regime", "detector", "F1", "lowest", "precision", "recall", "AP", "FPR"]
    head += ["prevalence", "ceiling", "flag all", "duplicates", "threshold", "CPU s", "seeds"]
    rows = []
    for row in sorted(data["rows"], key=lambda r: (list_index(r["regime"]), -r["f1"])):
        if "error" in row:
            rows.append([row["regime"], row["detector"], "0", row["error"], *[""] * 11])
            continue
        figures = ("f1", "f1_lowest", "precision", "recall", "average_precision")
        rows.append(
            [
                row["regime"],
                row["detector"],
                *(f"{row[name]:.4f}" for name in figures),
                f"{row['false_positive_rate']:.4f}",
                f"{row['prevalence']:.2%}",
                f"{data['ceiling_f1']:.3f}",
                f"{data['flag_everything_f1']:.3f}",
                f"{row['duplicates']:.1%}",
                "labels" if row["regime"] == "supervised" else "training",
                f"{row['seconds']:.2f}",
                str(row["seeds"]),
            ]
        )
    return [*parts, _table(head, rows), *_alarms(data.get("false_alarms", []))]


def _alarms(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    table = [
        [
            str(row["normal"]),
            str(row["abnormal"]),
            f"{row['continued_normal']} / {row['continued_abnormal']}",
            "; ".join(
                f"{seen} x `{text[:60]}`, not {usual}" for text, seen, usual in row["differs"]
            ),
        ]
        for row in rows
    ]
    alarms = sum(row["normal"] for row in rows)
    twins = sum(row["normal"] for row in rows if row["abnormal"] or row["continued_abnormal"])
    return [
        f"False alarms without labels (one log): {alarms} sessions of {len(rows)} patterns. Labels "
        f"call sessions with the same counts in all rigid columns, or with the same but for a step "
        f"between two common patterns (their continuation), abnormal for {twins} of them.\n",
        _table(
            ["labelled normal", "the same, abnormal", "continued: normal / abnormal", "differs"],
            table,
        ),
    ]


def list_index(regime: str) -> int:
    """The place of a regime among all."""
    from benchmarks.anomaly.runs import REGIMES

    return list(REGIMES).index(regime)


def _iotdb(rows: Sequence[dict[str, Any]]) -> list[str]:
    names = list(rows[0]["average_precision"])
    table = [
        [
            row["fault"],
            f"{row['abnormal']}/{row['windows']}",
            str(row["training_windows"]),
            *(f"{row['average_precision'][name]:.3f}" for name in names),
            ", ".join(row["beats_both"]) or "none",
        ]
        for row in rows
    ]
    return [
        "## multilog-iotdb: average precision against clock and line count\n",
        "Windows of 10 s, six nodes a fault, trained on the windows before the injection. Each "
        "file is a start-up and then one injection, so the clock alone ranks most windows; only "
        "what beats both baselines is called a win.\n",
        _table(["fault", "abnormal", "training", *names, "beats both"], table),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
