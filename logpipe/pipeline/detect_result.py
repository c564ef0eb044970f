"""From scores to what is told: explanations, findings, verdicts, and a score by labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import distinct
from logpipe.anomaly.explain import Explainer, Explanation
from logpipe.anomaly.findings import by_pattern, by_run, describe
from logpipe.anomaly.patterns import COMMON, common_share
from logpipe.anomaly.result import DetectResult
from logpipe.anomaly.rigid import find_rigidity
from logpipe.anomaly.scores import ceiling, flag_everything, refuse, score
from logpipe.anomaly.verdicts import Verdict, apply_verdicts
from logpipe.anomaly.windows import Windows, WindowSpec
from logpipe.pipeline.detect_drift import drift_findings
from logpipe.pipeline.detect_facts import LineFacts
from logpipe.pipeline.detect_features import Featured

__all__ = ["make_result", "score_result"]

Ints = npt.NDArray[np.int64]

_EXPLAINED = 5000
"""Different rows that are explained; the strangest ones."""


def make_result(
    facts: LineFacts,
    windows: Windows,
    judged: Featured,
    train: Any,
    past: Windows | None,
    scores: npt.NDArray[np.float64],
    verdicts: Mapping[str, Verdict],
    warnings: list[str],
    *,
    spec: WindowSpec,
    offset: int,
) -> DetectResult:
    """Explains what is flagged, applies verdicts, and puts windows together."""
    ordered = spec.kind in ("lines", "time")
    flagged = scores > 1.0
    normal = np.flatnonzero(~flagged)
    matrix = judged.matrix[normal] if train is None else train
    known = distinct(matrix)
    rigidity = find_rigidity(known)
    exact = not ordered and common_share(rigidity, known, 0.02) >= COMMON
    explainer = Explainer(
        matrix, normal if train is None else np.arange(train.shape[0]), exact=exact
    )
    names = list(windows.names) if train is None else _past_names(past, train)
    explanations = _explanations(explainer, judged.matrix, np.flatnonzero(flagged), scores)

    def explain(window: int) -> Explanation:
        return explanations[window]

    group = by_run if ordered else by_pattern
    findings = group(np.flatnonzero(flagged), scores, explain, judged.names)
    anomalous = flagged.copy()
    drift = drift_findings(
        judged,
        rigidity if exact else None,
        windows.names,
        flagged,
        columns=len(facts.columns) if spec.kind in ("lines", "time") else len(judged.names),
        good=train,
    )
    apply_verdicts([*findings, *drift], anomalous, verdicts)
    first, last = windows.first(), windows.last()
    reasons = {}
    for finding in findings:
        for window in finding.windows.tolist():
            why = explanations[window]
            nearest = names[why.nearest] if why.nearest >= 0 else ""
            said = describe(why.differences, judged.names)
            reasons[window] = (finding.pattern, said, nearest)
    begin = int(facts.starts[offset])
    inside = np.zeros(int(facts.starts[-1]) - begin, np.bool_)
    inside[windows.lines - begin] = True
    if flagged.mean() > 0.3 and train is None:
        warnings.append(
            f"{flagged.mean():.0%} of the windows are flagged: nothing common was found to "
            f"compare with; try other windows (--window), or a log known to be good (--train)"
        )
    source = np.searchsorted(facts.starts, np.maximum(first, 0), "right") - 1 - offset
    return DetectResult(
        sources=facts.sources[offset:],
        window=str(spec),
        window_reason="",
        detector="",
        detector_detail="",
        trained_on="",
        names=windows.names,
        source=np.maximum(source, 0),
        first_line=facts.numbers(first),
        last_line=facts.numbers(last),
        lines=np.diff(windows.starts),
        start_time=_start_times(facts, windows, first, spec),
        scores=scores,
        anomalous=anomalous,
        reasons=reasons,
        findings=[*findings, *drift],
        telling=[],
        columns=judged.names,
        nearest_names=[names[f.nearest] if f.nearest >= 0 else "" for f in [*findings, *drift]],
        ordered=ordered,
        total_lines=len(inside),
        without_window=int((~inside).sum()),
        warnings=warnings,
    )


def _start_times(facts: LineFacts, windows: Windows, first: Ints, spec: WindowSpec) -> Ints | None:
    """Nanoseconds per window: of its first line; of a window without one, when it begins."""
    if facts.times is None:
        return None
    found = facts.times[np.maximum(first, 0)]
    empty = np.flatnonzero(first < 0)
    if not len(empty):
        return found
    if spec.kind == "time":
        begins = [windows.names[i].removesuffix("Z") for i in empty.tolist()]
        found[empty] = np.array(begins, "datetime64[ns]").astype(np.int64)
        return found
    before = np.maximum.accumulate(np.where(first >= 0, np.arange(len(first)), -1))
    return np.where(before < 0, found, found[before])


def _past_names(past: Windows | None, train: Any) -> list[str]:
    if past is None:
        return [f"training window {i + 1}" for i in range(train.shape[0])]
    return [f"{name} (training)" for name in past.names]


def _explanations(
    explainer: Explainer, matrix: Any, flagged: Ints, scores: npt.NDArray[np.float64]
) -> dict[int, Explanation]:
    """Of each flagged window; equal rows are explained once."""
    if not len(flagged):
        return {}
    chosen = flagged[np.argsort(-scores[flagged], kind="stable")]
    known = distinct(matrix[chosen])
    looked = min(_EXPLAINED, len(known.support))
    found = explainer.explain(known.rows[:looked])
    rest = Explanation(-1, (), ())
    return {
        int(window): found[place] if place < looked else rest
        for window, place in zip(chosen, known.inverse.tolist(), strict=True)
    }


def score_result(result: DetectResult, judged: Featured, y: npt.NDArray[np.int8] | None) -> None:
    """The score against labels, and what has to stand beside it."""
    if y is None:
        return
    known = np.flatnonzero(y >= 0)
    truth = y[known] == 1
    found = score(truth, result.anomalous[known], result.scores[known])
    best = ceiling(judged.matrix[known], truth)
    everything = flag_everything(found.prevalence)
    result.labelled = found
    result.label_facts = {
        "ceiling_f1": best,
        "flag_everything_f1": everything,
        "unlabelled_windows": len(y) - len(known),
        "threshold_from": "training windows",
        "refused": refuse(best, everything),
    }
