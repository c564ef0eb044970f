"""Our figures against the published evaluator's, and our styles against the published truths."""

from __future__ import annotations

import csv
import gzip
import os
from functools import cache
from pathlib import Path

import pytest

from logpipe.metrics import contingency_table, extended, official, style

TRUTH = "loghub-2k/{0}/loghub-2.0/{0}_2k.log_structured_corrected.csv"
PREDICTIONS = "evaluator-golden/predictions.csv.gz"
SCORES = "evaluator-golden/scores.csv"

pytestmark = pytest.mark.mirror


def mirror(name: str) -> Path:
    """A file of the data folder; the test is skipped, with the reason, where it is not there."""
    folder = os.environ.get("LOGPIPE_MIRROR")
    if not folder:
        pytest.skip("LOGPIPE_MIRROR is not set; set it to the folder that holds evaluator-golden/")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"LOGPIPE_MIRROR={folder} has no {name}")
    return path


@cache
def templates(path: Path) -> list[str]:
    """The template column of a structured or a templates CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return [row["EventTemplate"] for row in csv.DictReader(file)]


@cache
def predictions(path: Path) -> dict[tuple[str, str], list[str]]:
    """Parser and set -> the predicted template of each row, in the order of the lines."""
    rows: dict[tuple[str, str], list[tuple[int, str]]] = {}
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["prediction"], row["dataset"]
            rows.setdefault(key, []).append((int(row["line"]), row["template"]))
    return {key: [text for _, text in sorted(lines)] for key, lines in rows.items()}


def golden_scores() -> list[dict[str, str]]:
    with mirror(SCORES).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_official_equals_the_published_evaluator_on_all_56_rows():
    """GA, FGA, PA, PTA, RTA and FTA equal the recorded figures to 1e-12, and so do the counts."""
    scores = golden_scores()
    predicted = predictions(mirror(PREDICTIONS))

    for row in scores:
        truth = templates(mirror(TRUTH.format(row["dataset"])))
        table = contingency_table(truth, predicted[row["prediction"], row["dataset"]])
        ours = official(table)
        for metric in ("GA", "FGA", "PA", "PTA", "RTA", "FTA"):
            difference = abs(ours[metric] - float(row[metric]))
            assert difference <= 1e-12, (row["prediction"], row["dataset"], metric)
        assert len(table.predicted_labels) == int(row["predicted_templates"])
        assert len(table.true_labels) == int(row["true_templates"])

    assert len(scores) == 56


def test_further_metrics_agree_with_the_golden_figures_where_they_must():
    """Strict FTA is below FTA and FGA; GGD and PGD are 0 exactly where GA and PA are 1."""
    predicted = predictions(mirror(PREDICTIONS))

    for (_, dataset), column in predicted.items():
        scores = extended(templates(mirror(TRUTH.format(dataset))), column)
        assert scores["strict_FTA"] <= min(scores["FTA"], scores["FGA"])
        assert (scores["GGD"] == 0) == (scores["GA"] == 1)
        assert (scores["PGD"] == 0) == (scores["PA"] == 1) == (scores["ED"] == 0)


def test_the_2k_style_turns_the_2019_labels_into_the_corrected_ones():
    """On all rows of the 14 sets the 2k style of the 2019 label is the Loghub-2.0 2k label."""
    for dataset in sorted({row["dataset"] for row in golden_scores()}):
        corrected = templates(mirror(TRUTH.format(dataset)))
        labels = templates(mirror(f"loghub-2k/{dataset}/{dataset}_2k.log_structured.csv"))

        assert [*map(style("loghub-2k"), labels)] == corrected, dataset


def test_the_full_style_leaves_the_full_truths_as_they_are():
    """Every template of a Loghub-2.0 full set is a fixed point of the full-set style."""
    files = sorted(mirror("loghub-2.0-full").glob("*/*_templates.csv"))

    for path in files:
        full = templates(path)
        assert [*map(style("loghub-2.0"), full)] == full, path.name

    assert files
