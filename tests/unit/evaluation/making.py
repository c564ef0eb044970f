"""Logs with known templates, invented here."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
NAUGHTY = HERE / "naughty.py"

LINES = [
    (f"{word} {i}", f"{word} <*>") for i in range(30) for word in ("opened", "closed", "moved")
]
"""(message, true template); every line has another template than its neighbours."""


def truth_file(
    folder: Path, rows: Sequence[Sequence[object]] | None = None, name: str = "own.csv", **head: str
) -> Path:
    """A structured CSV; rows are (LineId, Content, EventTemplate)."""
    path = folder / name
    if rows is None:
        rows = [(i, *line) for i, line in enumerate(LINES, 1)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head.get("columns", "LineId,Content,EventTemplate").split(","))
        writer.writerows(rows)
    return path


def naughty(name: str) -> str:
    """A parser of naughty.py by its path."""
    return f"{NAUGHTY}:{name}"
