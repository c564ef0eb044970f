"""One run: a set, a regime, a detector and a seed; what is learned from which windows."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.anomaly.sets import LabelledSet
from logpipe import anomaly
from logpipe.anomaly.base import features_of, strangeness
from logpipe.anomaly.counts import row_hashes
from logpipe.anomaly.explain import Explainer
from logpipe.anomaly.scores import Score, score

__all__ = ["REGIMES", "SEEDS", "SLOW", "Split", "judged_by_user", "mean_score", "run", "split_of"]

SEEDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
"""The same for every detector; the default was developed on splits of these seeds."""

SLOW = ("isolation-forest", "invariants")
"""Detectors that run the first two seeds only."""

REGIMES = {
    "normals only": "random halves; learns from the normal sessions of one, judges the other",
    "50 normals": "learns from 50 normal sessions drawn at random, judges all others",
    "contaminated": "random halves; learns from one without labels, judges the other",
    "one log": "learns from all sessions without labels, and judges them",
    "with verdicts": "as one log; then the user judges the 20 largest patterns",
    "supervised": "random halves; learns from one with labels, judges the other",
    "chronological": "learns from the first half without labels, judges the second",
    "chronological, adapting": "as chronological, but unlabelled windows of the second half are "
    "seen before they are judged",
}
"""Regime to what it means."""

GOOD = ("normals only", "50 normals")
"""Regimes that learn from windows known to be good."""

FEW = 50
"""Sessions to learn from where there are few."""

QUESTIONS = 20
"""Patterns that the user judges."""


@dataclass(frozen=True)
class Split:
    """Indices of windows to learn from and to judge, and what the latter count for."""

    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


def split_of(data: LabelledSet, regime: str, seed: int) -> Split:
    """Which windows are for what."""
    n, truth = len(data.windows), data.truth
    random = np.random.default_rng(seed)
    if regime.startswith("chronological"):
        train, test = np.arange(n // 2), np.arange(n // 2, n)
    elif regime in ("one log", "with verdicts"):
        train = test = np.arange(n)
    elif regime == "50 normals":
        order = random.permutation(n)
        train = np.sort(order[truth[order] == 0][:FEW])
        test = np.setdiff1d(order, train)
    else:
        order = random.permutation(n)
        train, test = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
    if data.prevalence is not None and regime not in GOOD:
        train = _thinned(train, truth, data.prevalence, random)
    if regime in ("one log", "with verdicts"):
        test = train
    if regime == "normals only":
        train = train[truth[train] == 0]
    weights = np.ones(len(test))
    bad = truth[test] == 1
    if data.prevalence is not None and regime not in ("one log", "with verdicts"):
        wanted = data.prevalence / (1 - data.prevalence) * (~bad).sum()
        weights[bad] = wanted / max(bad.sum(), 1)
    return Split(train, test, weights)


def _thinned(
    train: npt.NDArray[np.int64],
    truth: npt.NDArray[np.int8],
    prevalence: float,
    random: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """All normal windows, and as many abnormal ones as there would be in truth."""
    normal, bad = train[truth[train] == 0], train[truth[train] == 1]
    kept = min(len(bad), round(prevalence / (1 - prevalence) * len(normal)))
    return np.sort(np.concatenate([normal, random.permutation(bad)[:kept]]))


def run(data: LabelledSet, regime: str, name: str, seed: int) -> dict[str, Any]:
    """Figures of one run."""
    given: dict[str, object] = {}
    if name == "auto":
        given = {"assume": "normal" if regime in GOOD else "mixed", "windows": "sessions"}
    elif regime not in GOOD and name in _RARE:
        # In unlabelled training everything was seen; what is rare takes the place of what is new.
        given = {"share": 0.02}
    detector = anomaly.load(name, **given)
    rows = data.features(features_of(detector))
    split = split_of(data, regime, seed)
    if rows.before is not None and hasattr(detector, "name_columns"):
        detector.name_columns(rows.before)
    train, test = rows.matrix[split.train], rows.matrix[split.test]
    cpu = time.process_time()
    if getattr(detector, "supervised", False):
        detector.fit(train, data.truth[split.train])
    else:
        detector.fit(train)
    if regime.endswith("adapting") and hasattr(detector, "adapt"):
        detector.adapt(test)
    strange = strangeness(detector, test)
    seconds = time.process_time() - cpu
    flagged = strange > 1
    asked = 0
    if regime == "with verdicts":
        flagged, asked = judged_by_user(test, strange, data.truth[split.test])
    found = score(data.truth[split.test], flagged, strange, split.weights)
    seen = np.isin(row_hashes(test), row_hashes(train))
    return {
        **asdict(found),
        "duplicates": float(split.weights[seen].sum() / split.weights.sum()),
        "train_windows": len(split.train),
        "seconds": seconds,
        "asked": asked,
    }


_RARE = ("never-seen", "new-template", "new-pair", "new-triple", "values")


def judged_by_user(
    matrix: Any, strange: npt.NDArray[np.float64], truth: npt.NDArray[np.int8]
) -> tuple[npt.NDArray[np.bool_], int]:
    """What stays flagged after a user said of the largest patterns what most of each are."""
    flagged = strange > 1
    normal = np.flatnonzero(~flagged)
    explainer = Explainer(matrix[normal], normal, exact=True)
    patterns: dict[object, list[int]] = {}
    at = np.flatnonzero(flagged)
    for window, why in zip(at.tolist(), explainer.explain(matrix[at]), strict=True):
        patterns.setdefault(why.pattern, []).append(window)
    largest = sorted(patterns.values(), key=lambda windows: (-len(windows), windows[0]))
    kept = flagged.copy()
    for windows in largest[:QUESTIONS]:
        if truth[windows].mean() < 0.5:
            kept[windows] = False
    return kept, min(QUESTIONS, len(largest))


def mean_score(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over seeds of every figure, and the lowest F1."""
    names = [*Score.__dataclass_fields__, "duplicates", "train_windows", "seconds", "asked"]
    found = {name: float(np.mean([one[name] for one in runs])) for name in names}
    return {**found, "f1_lowest": min(one["f1"] for one in runs), "seeds": len(runs)}
