"""Accuracy of the parser `iterative` on all truths at once: GA, FGA, PA and FTA.

    python -m benchmarks.accuracy                      every collection, a table
    python -m benchmarks.accuracy 2k df --sets         some of them, a line per set
    python -m benchmarks.accuracy --json OUT.json      the same as JSON, for benchmarks/results

One configuration for all sets. Collections are those of `benchmarks.truths`; predictions are
printed in the style of each truth (`logpipe.export.styles`) and compared by
`logpipe.metrics.official`. `validation` is scored and its lines are not read.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from benchmarks.truths import COLLECTIONS, Truth, collection
from logpipe.batch import ByteColumn
from logpipe.export.styles import STYLE_RULES, group_texts
from logpipe.metrics import official
from logpipe.parsers.iterative.parser import Iterative

__all__ = ["METRICS", "Scores", "main", "mean", "predicted", "score"]

METRICS = ("GA", "FGA", "PA", "FTA")
Scores = tuple[float, float, float, float]

TARGETS: Mapping[str, Scores] = {
    "2k": (0.95, 0.95, 0.90, 0.87),
    "df": (0.98, 0.95, 0.88, 0.83),
    "Proxifier_full": (0.99, 0.90, 0.999, 0.95),
    "Apache_full": (1.0, 1.0, 0.99, 0.80),
    "validation": (0.97, 0.95, 0.58, 0.56),
}


def predicted(truth: Truth, off: Iterable[str] = ()) -> list[str]:
    """The template text of every message, in the style of the truth."""
    # Rules of print are not the parser's.
    names = tuple(off)
    parser = Iterative(off=[name for name in names if name not in STYLE_RULES])
    messages = ByteColumn.of([message.encode("latin-1") for message in truth.messages])
    groups = parser.fit_predict(messages)
    texts = group_texts(parser, truth.style, names) or {}
    return [texts.get(group, "<*>") for group in groups.tolist()]


def score(truth: Truth, off: Iterable[str] = ()) -> Scores:
    """GA, FGA, PA and FTA of one set."""
    found = official(truth.templates, predicted(truth, off))
    return found["GA"], found["FGA"], found["PA"], found["FTA"]


def mean(rows: Sequence[Scores]) -> Scores:
    """Averages over sets."""
    columns = [fmean(column) for column in zip(*rows, strict=True)]
    return columns[0], columns[1], columns[2], columns[3]


def _line(name: str, row: Sequence[float], more: str = "") -> str:
    return f"{name:24} " + " ".join(f"{value:.3f}" for value in row) + more


def main(arguments: list[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", nargs="*", metavar="COLLECTION")
    parser.add_argument("--sets", action="store_true", help="a line per set")
    parser.add_argument("--json", type=Path, help="write the scores here")
    options = parser.parse_args(arguments)
    for name in options.collections:
        if name not in COLLECTIONS:
            parser.error(f"there is no collection {name!r}; known: {', '.join(COLLECTIONS)}")
    out: dict[str, dict[str, Scores]] = {}
    print(f"{'':24} " + "   ".join(f"{metric:>3}" for metric in METRICS))
    for name in options.collections or COLLECTIONS:
        started = time.process_time()
        rows = {truth.name: score(truth) for truth in collection(name)}
        seconds = time.process_time() - started
        out[name] = rows
        for system, row in rows.items():
            label = f"{system}_full" if name == "full" else f"{name}/{system}"
            if options.sets or name == "full":
                print(_line(label, row, _beside(label)))
        print(
            _line(f"{name} mean", mean(list(rows.values())), _beside(name) + f"  {seconds:.1f} s")
        )
    if options.json:
        options.json.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


def _beside(label: str) -> str:
    target = TARGETS.get(label)
    return "  target " + " ".join(f"{value:.3f}" for value in target) if target else ""


if __name__ == "__main__":
    main()
