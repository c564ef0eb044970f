"""Which published figures an evaluation reproduces: `python -m benchmarks.published DIR...`.

Each DIR is what `logpipe evaluate -o` wrote. A run reproduces the published row of its parser,
system and edition if GA, FGA, PA and FTA are all within .01; compared is the text as it is, as the
published evaluator does. What does not is listed with both figures, and runs without a result with
what happened. The result goes to standard output as Markdown.

    logpipe evaluate --parser all --dataset loghub-2k --dataset loghub-2.0-full -o DIR
    python -m benchmarks.published DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from logpipe.evaluation.contestants import load_contestants
from logpipe.evaluation.published import Published, published
from logpipe.evaluation.runs import Record, read_record
from logpipe.evaluation.scoring import official_against

__all__ = ["WITHIN", "compare", "main"]

WITHIN = 0.0101
"""A hundredth, and what rounding to three digits adds."""

METRICS = ("GA", "FGA", "PA", "FTA")


def compare(folders: Iterable[Path]) -> list[str]:
    """Lines of Markdown about the runs of some evaluations; later folders win."""
    names = {name: c.published for name, c in load_contestants().items() if c.published}
    rows = {(p.parser, p.system, p.edition): p for p in published()}
    runs: dict[tuple[str, str, str], tuple[Record, dict[str, float]]] = {}
    for folder in folders:
        for record, figures in _runs(folder):
            if names.get(record.contestant):
                key = (record.contestant, record.system, record.edition)
                if record.ok or key not in runs:
                    runs[key] = (record, figures)
    lines = ["| contestant | published as | rows reproduced | rows that differ | no result |"]
    lines.append("|---|---|---:|---:|---:|")
    differ: list[str] = []
    for name, parser in names.items():
        mine = {k[1:]: v for k, v in runs.items() if k[0] == name}
        if not mine:
            continue
        good = bad = none = 0
        for (system, edition), (record, figures) in sorted(mine.items()):
            row = rows.get((parser, system, edition))
            if row is None or not row.scores:
                continue
            if not record.ok:
                none += 1
                differ.append(f"- {name}, {system} {edition}: {record.status}, {record.error}")
            elif off := _off(figures, row):
                bad += 1
                differ.append(f"- {name}, {system} {edition}: {off}")
            else:
                good += 1
        lines.append(f"| {name} | {parser} | {good} | {bad} | {none} |")
    return [*lines, "", *(["What differs or has no result:", "", *differ] if differ else [])]


def main(given: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.published", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    print("\n".join(compare(parser.parse_args(given).folders)))
    return 0


def _off(figures: dict[str, float], row: Published) -> str:
    return ", ".join(
        f"{metric} {figures[metric]:.3f} for {row.scores[metric]:.3f}"
        for metric in METRICS
        if metric in row.scores and abs(figures[metric] - row.scores[metric]) > WITHIN
    )


def _runs(folder: Path) -> Iterable[tuple[Record, dict[str, float]]]:
    truths = {
        mark.read_text("utf-8"): mark.parent / "truth.arrow"
        for mark in (folder / "cases").glob("*/digest")
    }
    for place in sorted((folder / "runs").glob("*/*")):
        record = read_record(place)
        if record is None or not record.edition or not record.counts:
            continue
        if record.ok and record.digest in truths:
            yield record, official_against(place, truths[record.digest])
        elif not record.ok:
            yield record, {}


if __name__ == "__main__":
    sys.exit(main())
