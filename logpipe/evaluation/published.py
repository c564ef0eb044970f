"""Figures that others printed, to stand beside those measured here; never mixed with them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Published", "published", "published_for"]

METRICS = ("GA", "FGA", "PA", "FTA")


@dataclass(frozen=True)
class Published:
    """One row of published.csv.

    Attributes:
        parser: as the paper calls it.
        system: such as `HDFS`, or `Average` over the 14.
        edition: `2k` or `full`.
        scores: of GA, FGA, PA and FTA those that were printed.
        seconds: of parsing, on the authors' machine; None if not printed.
        source: `Loghub-2.0` (its paper's tables) or `paper` (the parser's own).
    """

    parser: str
    system: str
    edition: str
    scores: dict[str, float]
    seconds: float | None
    source: str


@cache
def published() -> tuple[Published, ...]:
    """All of them, in the order of the file."""
    text = Path(__file__).with_name("published.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        Published(
            row["parser"],
            row["system"],
            row["edition"],
            {name: float(row[name]) for name in METRICS if row[name]},
            float(row["seconds"]) if row["seconds"] else None,
            row["source"],
        )
        for row in rows
    )


def published_for(sets: Iterable[tuple[str, str]]) -> list[Published]:
    """The rows of these (system, edition); the averages too, where all 14 systems are asked for."""
    wanted = set(sets)
    for edition in ("2k", "full"):
        systems = {p.system for p in published() if p.edition == edition and p.system != "Average"}
        if systems <= {system for system, e in wanted if e == edition}:
            wanted.add(("Average", edition))
    return [row for row in published() if (row.system, row.edition) in wanted]
