"""Detection from raw logs to findings: `detect` is the whole of it as one function.

    lines ─ windows ─▶ rows of counts ─ detector ─▶ scores ─ explanations ─▶ findings ─ verdicts

With training logs, these are parsed together with the logs to be judged, so that a template means
the same in both. Without, the log is judged by what is common in itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe import anomaly
from logpipe.anomaly.base import FEATURES, features_of, strangeness
from logpipe.anomaly.counts import as_csr, distinct
from logpipe.anomaly.explain import Explainer, Explanation
from logpipe.anomaly.findings import by_pattern, by_run, describe
from logpipe.anomaly.labels import Labels, label_windows, read_labels
from logpipe.anomaly.model import SavedDetector, dump_detector, read_detector
from logpipe.anomaly.patterns import COMMON, common_share
from logpipe.anomaly.result import DetectResult
from logpipe.anomaly.rigid import find_rigidity
from logpipe.anomaly.scores import ceiling, flag_everything, refuse, score
from logpipe.anomaly.verdicts import Verdict, apply_verdicts
from logpipe.anomaly.windows import Windows, WindowSpec
from logpipe.errors import DetectorError, LogpipeError, UsageError
from logpipe.formats.readers import Source, open_sources
from logpipe.parsers.base import Parser
from logpipe.parsers.stream import Progress
from logpipe.pipeline.detect_drift import drift_findings
from logpipe.pipeline.detect_features import Featured, featured
from logpipe.pipeline.detect_lines import LineFacts, read_lines
from logpipe.pipeline.detect_telling import telling_lines
from logpipe.pipeline.detect_windows import (
    check_windows,
    chosen_window,
    make_windows,
    wanted_window,
)

__all__ = ["Detection", "detect"]

Ints = npt.NDArray[np.int64]

_ALIKE = 0.9
"""Share of sessions that must have a common pattern for a proposed key to be taken."""

_EXPLAINED = 5000
"""Different rows that are explained; the strangest ones."""

FOLDS = 5
"""Parts of a labelled log that take turns in training and being judged."""


@dataclass
class Detection:
    """What `detect` gives: the result, and what it can be repeated with.

    Attributes:
        result: for outputs.
        saved: what `--save-detector` writes.
        facts: of the lines.
        windows: that were judged.
    """

    result: DetectResult
    saved: SavedDetector
    facts: LineFacts
    windows: Windows

    def save_detector(self) -> bytes:
        """The content of a file for `load_detector`."""
        return dump_detector(self.saved)


def detect(
    logs: Sequence[Source | str] | str,
    *,
    window: str | WindowSpec = "auto",
    train: Sequence[Source | str] = (),
    detector: str | Any = anomaly.DEFAULT,
    detector_parameters: Mapping[str, object] | None = None,
    load_detector: str | Path | None = None,
    labels: str | Labels | None = None,
    verdicts: Mapping[str, Verdict] | None = None,
    parser: str | Parser = "drain",
    parameters: Mapping[str, object] | None = None,
    layout: str = "auto",
    model: str | None = None,
    threads: int | None = None,
    multiline: bool = False,
    context: int = 2,
    progress: Progress | None = None,
) -> Detection:
    r"""Finds what is abnormal in logs.

    Args:
        logs: of one layout: paths or sources.
        window: as on the command line: `session:REGEX`, `field:NAME`, `lines:N`, `time:60s`, or
            `auto`, which proposes a session key, else takes spans of time, else lines.
        train: logs that are known to be good; without, the logs are judged by themselves.
        detector: name, `package.module:Class`, or a detector.
        detector_parameters: of the detector, when it is given by name.
        load_detector: a file that `Detection.save_detector` made; instead of `train`.
        labels: file of labels: to learn from for detectors that need them, and to score by.
        verdicts: pattern id to what the user said.
        parser: as `logpipe.pipeline.parse`, and so are the others below.
        parameters: of the parser.
        layout: of the headers.
        model: saved templates.
        threads: to work with.
        progress: called after every chunk.
        multiline: lines without a header belong to the record before them and are not counted.
        context: lines that are read again around each telling one; -1: none at all.

    Raises:
        UsageError: no window, or only one and nothing to compare it with; labels match nothing.
        LogpipeError: of the kind of what went wrong.
    """
    started, cpu = time.perf_counter(), time.process_time()
    targets = _opened([logs] if isinstance(logs, str) else logs)
    trained = _opened(train)
    if not targets:
        raise UsageError("no input")
    saved = read_detector(load_detector) if load_detector is not None else None
    if saved is not None and trained:
        raise UsageError("a saved detector is trained already; leave --train away")
    spec, why = wanted_window(window, saved, [*trained, *targets], layout, threads)
    judge, name = _detector(detector, detector_parameters, saved, bool(trained), spec)
    facts = read_lines(
        [*trained, *targets],
        spec,
        parser=parser,
        parameters=parameters,
        layout=layout,
        model=model,
        threads=threads,
        values=features_of(judge) in ("values", "everything") or bool(why and saved is None),
        progress=progress,
    )
    if saved is None and (spec.kind == "auto" or (why and not _alike(facts, spec))):
        # Sessions that have little in common say less than the minutes of a log do.
        spec, why = chosen_window(facts)
        judge, name = _detector(detector, detector_parameters, saved, bool(trained), spec)
    features = features_of(judge)
    if features not in FEATURES:
        raise DetectorError(
            f"detector {name!r} wants features {features!r}; known: {', '.join(FEATURES)}"
        )
    border = int(facts.starts[len(trained)])
    total = int(facts.starts[-1])
    if multiline:
        facts.leave_out_continuations()
    windows = make_windows(facts, spec, border, total)
    check_windows(windows, spec, facts, total - border)
    past = make_windows(facts, spec, 0, border) if trained else None
    if past is not None:
        check_windows(past, spec, facts, border, "the training logs: ")
    given = read_labels(labels) if isinstance(labels, str) else labels
    judged, *rest = featured(facts, [windows] if past is None else [windows, past], features)
    known = rest[0] if rest else None
    warnings = list(facts.parsed.warnings) + _clock_warnings(facts, spec)
    y, y_past = _labels(given, windows, past, facts, len(trained))
    scores, normal, detail = _judged(
        judge, name, judged, known, saved, y if y_past is None else y_past, warnings
    )
    result = _result(
        facts,
        windows,
        judged,
        normal,
        past,
        scores,
        verdicts or {},
        warnings,
        spec=spec,
        offset=len(trained),
    )
    result.window_reason, result.detector, result.detector_detail = why, name, detail
    result.trained_on = (
        ", ".join(source.name for source in trained)
        if trained
        else f"the saved detector {load_detector}"
        if saved
        else "the log itself"
    )
    if given is not None:
        _score(result, judged, y)
    result.telling = telling_lines(
        result, judged, facts, windows, targets, offset=len(trained), context=context
    )
    result.seconds = time.perf_counter() - started
    result.cpu_seconds = time.process_time() - cpu
    keep = known if known is not None else judged
    keep_labels = y if known is None else y_past
    file = saved or SavedDetector(
        name,
        {} if not hasattr(judge, "get_params") else dict(judge.get_params()),
        str(spec),
        features,
        keep.names,
        keep.matrix,
        keep_labels if getattr(judge, "supervised", False) else None,
    )
    return Detection(result, file, facts, windows)


def _opened(sources: Sequence[Source | str]) -> list[Source]:
    return [
        opened
        for source in sources
        for opened in (open_sources([source]) if isinstance(source, str) else [source])
    ]


def _detector(
    detector: str | Any,
    parameters: Mapping[str, object] | None,
    saved: SavedDetector | None,
    trained: bool,
    spec: WindowSpec,
) -> tuple[Any, str]:
    if saved is not None:
        return anomaly.load(saved.detector, **saved.parameters), saved.detector
    if not isinstance(detector, str):
        if parameters:
            raise UsageError("parameters belong to a detector given by name")
        return detector, type(detector).__name__
    given = dict(parameters or {})
    if detector == anomaly.DEFAULT:
        given.setdefault("assume", "normal" if trained else "mixed")
        given.setdefault("windows", "sessions" if spec.kind in ("session", "field") else "spans")
    if trained is False and detector in ("never-seen", "new-template", "values", "new-pair"):
        # Judged by itself, a log has seen everything; what is rare takes the place of what is new.
        given.setdefault("share", 0.02)
    return anomaly.load(detector, **given), detector


def _clock_warnings(facts: LineFacts, spec: WindowSpec) -> list[str]:
    if spec.kind != "time":
        return []
    said = []
    if facts.backwards:
        source, line = facts.place(facts.first_backwards)
        said.append(
            f"{facts.backwards:,} lines are earlier than the line before them (first: {source} "
            f"line {line:,}); each counts in the window its time says"
        )
    if facts.timeless:
        said.append(
            f"{facts.timeless:,} lines have no time stamp; they count in the window of the line "
            f"before them"
        )
    return said


def _alike(facts: LineFacts, spec: WindowSpec) -> bool:
    """Whether nearly all sessions of a proposed key are of a few kinds."""
    windows = make_windows(facts, spec, 0, int(facts.starts[-1]))
    if len(windows) < 2:
        return False
    known = distinct(featured(facts, [windows])[0].matrix)
    return common_share(find_rigidity(known), known, 0.02) >= _ALIKE


def _labels(
    given: Labels | None,
    windows: Windows,
    past: Windows | None,
    facts: LineFacts,
    trained: int,
) -> tuple[npt.NDArray[np.int8] | None, npt.NDArray[np.int8] | None]:
    """Labels of the windows to be judged and of those of training, where there are any."""
    if given is None:
        return None, None
    starts = dict(zip(facts.sources, facts.starts.tolist(), strict=False))
    here = {name: starts[name] for name in facts.sources[trained:]}
    there = {name: starts[name] for name in facts.sources[:trained]}
    y = y_past = None
    problem: UsageError | None = None
    try:
        y = label_windows(given, windows, times=facts.times, first_position=here)
    except UsageError as error:
        problem = error
    if past is not None:
        try:
            y_past = label_windows(given, past, times=facts.times, first_position=there)
        except UsageError:
            y_past = None
    if y is None and y_past is None and problem is not None:
        raise problem
    return y, y_past


def _judged(
    judge: Any,
    name: str,
    judged: Featured,
    known: Featured | None,
    saved: SavedDetector | None,
    y: npt.NDArray[np.int8] | None,
    warnings: list[str],
) -> tuple[npt.NDArray[np.float64], Any, str]:
    """Scores above 1 for abnormal windows, and the matrix of training windows, if any."""
    matrix, before = judged.matrix, judged.before
    train = known.matrix if known is not None else None
    if saved is not None:
        matrix, train, before = _aligned(judged, saved, warnings)
        y = saved.labels
    if train is None and matrix.shape[0] < 2:
        raise UsageError(
            "there is one window only, and nothing to compare it with: make windows smaller "
            "(--window), or give a log that is known to be good by --train"
        )
    if before is not None and hasattr(judge, "name_columns"):
        judge.name_columns(before)
    try:
        if getattr(judge, "supervised", False):
            scores = _supervised(judge, name, matrix, train, y)
        else:
            judge.fit(matrix if train is None else train)
            scores = strangeness(judge, matrix)
    except LogpipeError:
        raise
    except Exception as error:
        raise DetectorError(f"detector {name!r} failed: {type(error).__name__}: {error}") from error
    if scores.shape != (matrix.shape[0],) or not np.isfinite(scores).all():
        raise DetectorError(
            f"detector {name!r} gave scores of shape {scores.shape} for {matrix.shape[0]} windows, "
            f"or some that are not finite"
        )
    inner = getattr(judge, "detector_", None)
    detail = type(inner).__name__.lower() if inner is not None else ""
    if train is None and len(np.unique(distinct(matrix).inverse)) == 1:
        warnings.append(f"all {matrix.shape[0]:,} windows have the same counts: nothing stands out")
    return scores, train, detail


def _supervised(
    judge: Any, name: str, matrix: Any, train: Any, y: npt.NDArray[np.int8] | None
) -> npt.NDArray[np.float64]:
    """Scores by a model that never saw the window it judges."""
    if y is None:
        raise UsageError(f"detector {name!r} learns from labels; give them by --labels")
    known = np.flatnonzero(y >= 0)
    kinds = set(y[known].tolist())
    if kinds != {0, 1}:
        raise UsageError(
            f"detector {name!r} needs normal and abnormal windows to learn from; the labels make "
            f"all {len(known):,} {'abnormal' if kinds == {1} else 'normal'}"
        )
    if train is not None:
        judge.fit(train[known], y[known])
        return strangeness(judge, matrix)
    scores = np.zeros(matrix.shape[0])
    part = np.zeros(matrix.shape[0], np.int64)
    shuffled = np.random.default_rng(0).permutation(matrix.shape[0])
    for label in (-1, 0, 1):  # the same share of each in every part
        chosen = shuffled[y[shuffled] == label]
        part[chosen] = np.arange(len(chosen)) % FOLDS
    for fold in range(FOLDS):
        rest = known[part[known] != fold]
        if len(set(y[rest].tolist())) < 2:
            raise UsageError(
                f"detector {name!r}: too few labelled windows of a kind to learn from one part "
                f"and judge another; give labelled training logs by --train"
            )
        judge.fit(matrix[rest], y[rest])
        held = np.flatnonzero(part == fold)
        if len(held):
            scores[held] = strangeness(judge, matrix[held])
    return scores


def _aligned(
    judged: Featured, saved: SavedDetector, warnings: list[str]
) -> tuple[Any, Any, Ints | None]:
    """Both matrices over the same columns, matched by their text."""
    from scipy import sparse

    place = {text: i for i, text in enumerate(saved.columns)}
    new = [text for text in dict.fromkeys(judged.names) if text not in place]
    for text in new:
        place[text] = len(place)
    known = len(saved.columns)
    if len(new) == len(set(judged.names)):
        warnings.append(
            "no template of this log is among those the detector was trained on; is it the right "
            "detector for this log?"
        )
    matrix = judged.matrix.tocoo()
    columns = np.array([place[text] for text in judged.names], np.int64)
    width = known + len(new)
    moved = sparse.csr_array(
        (matrix.data, (matrix.row, columns[matrix.col])), shape=(matrix.shape[0], width)
    )
    train = sparse.csr_array(saved.matrix)
    train.resize((train.shape[0], width))
    before = None
    if judged.before is not None:
        first = [text.split(" -> ")[0] for text in place]
        before = np.unique(first, return_inverse=True)[1].astype(np.int64)
    judged.columns[:] = columns[judged.columns]
    judged.names[:] = list(place)
    object.__setattr__(judged, "matrix", as_csr(moved))
    return judged.matrix, as_csr(train), before


def _result(
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
        start_time=None if facts.times is None else facts.times[np.maximum(first, 0)],
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


def _score(result: DetectResult, judged: Featured, y: npt.NDArray[np.int8] | None) -> None:
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
