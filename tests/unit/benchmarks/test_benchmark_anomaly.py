"""The benchmark of detectors, on invented sessions: splits, regimes, tables, injections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zstandard

from benchmarks.anomaly import iotdb, sets
from benchmarks.anomaly.__main__ import detectors, measure_set
from benchmarks.anomaly.alarms import false_alarms
from benchmarks.anomaly.runs import FEW, QUESTIONS, REGIMES, SEEDS, judged_by_user, run, split_of
from benchmarks.anomaly.sets import LabelledSet
from benchmarks.anomaly.tables import markdown

NORMAL = ["open", "read", "store", "close"]


def labelled(sessions: int = 800, twin: bool = False, **more) -> LabelledSet:
    """Sessions of which every eightieth is abnormal; a twin is one that labels call normal."""
    found, truth = [], []
    for number in range(sessions):
        bad = number % 80 == 7
        steps = [*NORMAL, *["ask"] * (number % 3)]
        if bad or (twin and number == 100):
            steps.insert(2, "retry")
        found.append(steps)
        truth.append(int(bad))
    return sets._sequences("invented", found, truth, ordered=True, **more)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("regime", list(REGIMES))
def test_a_split_is_what_its_regime_says(regime: str, seed: int) -> None:
    """Nothing is both learned from and judged, but for one log, and the seed decides all."""
    data = labelled()

    split, again = split_of(data, regime, seed), split_of(data, regime, seed)

    assert split.train.tolist() == again.train.tolist()
    shared = len(np.intersect1d(split.train, split.test))
    assert shared == (800 if regime in ("one log", "with verdicts") else 0)
    assert len(split.weights) == len(split.test)
    if "normals" in regime:
        assert not data.truth[split.train].any()
    if regime == "50 normals":
        assert (len(split.train), len(split.test)) == (FEW, 800 - FEW)
    if regime.startswith("chronological"):
        assert split.train.max() < split.test.min()


def test_few_normal_sessions_are_weighted_to_the_true_prevalence() -> None:
    """Contaminated training is thinned to it, and abnormal sessions count for less in the test."""
    data = labelled(prevalence=0.006)

    split = split_of(data, "contaminated", 0)

    bad = data.truth[split.test] == 1
    assert split.weights[bad].sum() / split.weights.sum() == pytest.approx(0.006)
    assert data.truth[split.train].mean() == pytest.approx(0.006, abs=0.003)


@pytest.mark.parametrize("regime", list(REGIMES))
def test_every_regime_runs_with_the_default_detector(regime: str) -> None:
    """What is abnormal is found in all of them; labels are only given where the regime says so."""
    name = "tree" if regime == "supervised" else "auto"

    found = run(labelled(), regime, name, 0)

    assert found["recall"] == 1.0
    assert found["precision"] > 0.8
    assert 0 <= found["duplicates"] <= 1


def test_the_user_judges_the_largest_patterns_only() -> None:
    """What is mostly normal by the labels is no alarm afterwards."""
    matrix = labelled(twin=True).features("counts").matrix
    strange = np.where(np.arange(800) % 80 == 7, 2.0, 0.5)
    strange[100] = 2.0

    kept, asked = judged_by_user(matrix, strange, np.zeros(800, np.int8))

    assert not kept.any()
    assert 1 <= asked <= QUESTIONS


def test_false_alarms_are_told_with_their_twins() -> None:
    """A session that labels call normal, although those with the same counts are abnormal."""
    (row,) = false_alarms(labelled(twin=True))

    assert (row["normal"], row["abnormal"]) == (1, 10)
    assert row["differs"] == [("retry", 1, 0)]


def test_all_rows_of_a_set_end_in_the_tables(monkeypatch, tmp_path) -> None:
    """A detector that fails counts as 0 and is shown; a baseline is a target, too."""
    data = labelled(twin=True)
    data.name = "hdfs-2percent"
    monkeypatch.setitem(sets.SETS, "hdfs-2percent", lambda folder: data)

    def failing(data, regime, detector, seed):
        if detector == "pca":
            raise ValueError("broken | on purpose")
        return run(data, regime, detector, seed)

    monkeypatch.setattr("benchmarks.anomaly.__main__.run", failing)
    names = {
        regime: ["auto", "plain-nearest"] if regime == "50 normals" else ["auto", "pca"]
        for regime in REGIMES
    }
    monkeypatch.setattr("benchmarks.anomaly.__main__.detectors", lambda _, regime: names[regime])

    about = measure_set("hdfs-2percent", tmp_path, 2)
    text = markdown(
        {
            "machine": {"cpu": "none", "cores": 0},
            "commit": "0",
            "seeds": [0, 1],
            "cpu_seconds": 0.0,
            "regimes": REGIMES,
            "sets": [about],
            "iotdb": [],
        }
    )

    broken = [row for row in about["rows"] if row["detector"] == "pca"]
    assert broken[0]["f1"] == 0.0
    assert "| 50 normals | auto | f1 | " in text
    assert "(plain-nearest)" in text
    assert "ValueError: broken" in text
    assert "False alarms without labels (one log): 1 sessions of 1 patterns" in text


def test_a_set_that_is_unfit_has_a_reason_and_no_figures(monkeypatch, tmp_path) -> None:
    """Whatever a detector would reach on it."""
    data = labelled(unfit="made up")
    monkeypatch.setitem(sets.SETS, "hdfs-deeplog", lambda folder: data)

    about = measure_set("hdfs-deeplog", tmp_path, 1)

    assert about["rows"] == []
    assert about["refused"] == "made up"


def test_each_regime_has_detectors_that_fit_it() -> None:
    """Those that learn from labels run where there are labels, and nowhere else."""
    data = labelled()
    assert "tree" in detectors(data, "supervised")
    assert "tree" not in detectors(data, "normals only")
    assert {"auto", "plain-nearest"} <= set(detectors(data, "50 normals"))


def test_a_fault_is_scored_by_its_injection_window(tmp_path: Path) -> None:
    """Beside the clock and the line count; the marker of lines before the injection is no word."""
    fault = tmp_path / "multilog-iotdb" / "flood"
    fault.mkdir(parents=True)
    start = 1_767_348_000  # 2026-01-02 10:00:00 UTC
    (fault / "inject.log").write_text(f"start inject\n{start + 40}.0\nend inject\n{start + 49}.0\n")
    lines = []
    for second in range(60):
        mark = "- " if second < 40 else ""
        for n in range(5):
            at = f"2026-01-02 10:00:{second:02d},{n:03d}"
            lines.append(f"{mark}{at} [t-{n}] INFO  o.a.S:{n + 3} - wrote page {second}")
        if 40 <= second < 50:
            lines.append(f"2026-01-02 10:00:{second:02d},900 [t-9] WARN  o.a.S:9 - queue is full")
    (fault / "label1.log.zst").write_bytes(
        zstandard.ZstdCompressor().compress("\n".join(lines).encode() + b"\n")
    )

    (row,) = iotdb.measure(tmp_path)

    figures = row["average_precision"]
    assert (row["windows"], row["abnormal"], row["training_windows"]) == (6, 1, 4)
    assert figures["clock"] == 0.5
    assert figures["auto"] == 1.0
    assert "auto" not in row["beats_both"] or figures["line-count"] < 1.0
