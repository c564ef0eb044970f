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
from logpipe.anomaly.base import FEATURES, features_of
from logpipe.anomaly.counts import distinct
from logpipe.anomaly.labels import Labels, label_windows, read_labels
from logpipe.anomaly.model import SavedDetector, dump_detector, read_detector
from logpipe.anomaly.patterns import common_share
from logpipe.anomaly.result import DetectResult
from logpipe.anomaly.rigid import find_rigidity
from logpipe.anomaly.verdicts import Verdict
from logpipe.anomaly.windows import Windows, WindowSpec
from logpipe.errors import DetectorError, UsageError
from logpipe.formats.readers import Source, open_sources
from logpipe.parsers.base import Parser
from logpipe.parsers.stream import Progress
from logpipe.pipeline.detect_edges import cut_windows, filled_up, usual_counts
from logpipe.pipeline.detect_facts import LineFacts
from logpipe.pipeline.detect_features import featured
from logpipe.pipeline.detect_judging import chosen_detector, judge_windows
from logpipe.pipeline.detect_lines import read_lines
from logpipe.pipeline.detect_result import make_result, score_result
from logpipe.pipeline.detect_telling import telling_lines
from logpipe.pipeline.detect_windows import (
    check_windows,
    chosen_window,
    make_windows,
    wanted_window,
)
from logpipe.registry import DEFAULT_PARSER

__all__ = ["Detection", "detect"]

Ints = npt.NDArray[np.int64]

_ALIKE = 0.9
"""Share of sessions that must have a common pattern for a proposed key to be taken."""


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
    parser: str | Parser = DEFAULT_PARSER,
    parameters: Mapping[str, object] | None = None,
    layout: str = "auto",
    model: str | None = None,
    threads: int | None = None,
    multiline: bool = False,
    context: int = 2,
    zones: Mapping[str, int] | None = None,
    dates: str | None = None,
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
        labels: file of labels, or `field:NAME` (`anomaly.labels`): to learn from for detectors that
            need them, and to score by.
        verdicts: pattern id to what the user said.
        parser: as `logpipe.pipeline.parse`, and so are the others below.
        parameters: of the parser.
        layout: of the headers.
        model: saved templates.
        threads: to work with.
        progress: called after every chunk.
        multiline: lines without a header belong to the record before them and are not counted.
        zones: as `logpipe.pipeline.parse`; other named zones count as UTC here.
        dates: as `logpipe.pipeline.parse`.
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
    given = read_labels(labels) if isinstance(labels, str) else labels
    saved = read_detector(load_detector) if load_detector is not None else None
    if saved is not None and trained:
        raise UsageError("a saved detector is trained already; leave --train away")
    spec, why = wanted_window(window, saved, [*trained, *targets], layout, threads)
    judge, name = chosen_detector(detector, detector_parameters, saved, bool(trained), spec)
    facts = read_lines(
        [*trained, *targets],
        spec,
        parser=parser,
        parameters=parameters,
        layout=layout,
        model=model,
        threads=threads,
        values=features_of(judge) in ("values", "everything") or bool(why and saved is None),
        settled=bool(trained),
        label="" if given is None else given.field,
        zones=zones,
        dates=dates,
        progress=progress,
    )
    border = int(facts.starts[len(trained)])
    total = int(facts.starts[-1])
    if saved is None and (spec.kind == "auto" or (why and not _suits(facts, spec, border))):
        # Sessions that have little in common say less than the minutes of a log do.
        spec, why = chosen_window(facts, border)
        judge, name = chosen_detector(detector, detector_parameters, saved, bool(trained), spec)
    features = features_of(judge)
    if features not in FEATURES:
        raise DetectorError(
            f"detector {name!r} wants features {features!r}; known: {', '.join(FEATURES)}"
        )
    if multiline:
        facts.leave_out_continuations()
    windows = make_windows(facts, spec, border, total)
    check_windows(windows, spec, facts, total - border)
    past = make_windows(facts, spec, 0, border) if trained else None
    if past is not None:
        check_windows(past, spec, facts, border, "the training logs: ")
    judged, *rest = featured(facts, [windows] if past is None else [windows, past], features)
    known = rest[0] if rest else None
    if not getattr(judge, "supervised", False):
        cut = cut_windows(windows, spec)
        cut_past = cut if past is None else cut_windows(past, spec)
        usual = usual_counts(known or judged, cut_past)
        judged = filled_up(judged, cut, usual)
        known = None if known is None else filled_up(known, cut_past, usual)
    warnings = list(facts.parsed.warnings) + _clock_warnings(facts, spec)
    if trained and not len(np.intersect1d(facts.groups[:border], facts.groups[border:])):
        warnings.append(
            "no template of this log is among those of the training logs; are they of the same "
            "program?"
        )
    y, y_past = _labels(given, windows, past, facts, len(trained))
    scores, normal, detail = judge_windows(
        judge, name, judged, known, saved, y if y_past is None else y_past, warnings
    )
    result = make_result(
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
        score_result(result, judged, y)
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


def _clock_warnings(facts: LineFacts, spec: WindowSpec) -> list[str]:
    if spec.kind != "time":
        # Windows of time might have been wanted.
        return [facts.parsed.info.time_note] if facts.parsed.info.time_note else []
    said = []
    if facts.backwards:
        source, line = facts.place(facts.first_backwards)
        lines = "1 line is" if facts.backwards == 1 else f"{facts.backwards:,} lines are"
        said.append(
            f"{lines} earlier than the line before (the first: {source} line {line:,}); each "
            f"counts in the window its time says"
        )
    if facts.timeless:
        lines = "1 line has" if facts.timeless == 1 else f"{facts.timeless:,} lines have"
        said.append(f"{lines} no time stamp: what counts is the time of the line before")
    return said


def _suits(facts: LineFacts, spec: WindowSpec, border: int) -> bool:
    """Whether nearly all sessions of a proposed key are of a few kinds.

    Before `border`, in training, and after it there must be some.
    """
    total = int(facts.starts[-1])
    windows = make_windows(facts, spec, 0, total)
    parts = ((0, border), (border, total))
    if len(windows) < 2 or not all(
        len(make_windows(facts, spec, *p)) for p in parts if p[0] < p[1]
    ):
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
    about: dict[str, Any] = {"times": facts.times, "marked": facts.marked}
    y = y_past = None
    problem: UsageError | None = None
    try:
        y = label_windows(given, windows, **about, first_position=here)
    except UsageError as error:
        problem = error
    if past is not None:
        try:
            y_past = label_windows(given, past, **about, first_position=there)
        except UsageError:
            y_past = None
    if y is None and y_past is None and problem is not None:
        raise problem
    return y, y_past
