"""What a detection found, in the form that every output is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.findings import Finding
from logpipe.anomaly.scores import Score

__all__ = ["DetectResult", "TellingLine"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TellingLine:
    """A line that shows what is wrong.

    Attributes:
        source: name of the log.
        line: 1-based number in it.
        template: text of its template.
        text: the line, or None if it was not read again.
        context: lines around it as (number, text), itself included.
    """

    source: str
    line: int
    template: str
    text: str | None = None
    context: tuple[tuple[int, str], ...] = ()


@dataclass
class DetectResult:
    """Everything about the windows of the logs that were looked at.

    Attributes:
        sources: names of the logs.
        window: the windows, as `--window` has them.
        window_reason: why these, if logpipe chose.
        detector: its name; `detector_detail` says which one `auto` took.
        trained_on: names of the training logs, or a sentence.
        names: per window: the session's key or the range.
        source: int64 per window: index into `sources` of its first line.
        first_line, last_line: int64, 1-based in their source, 0 for windows without lines.
        lines: int64, lines per window.
        start_time: int64 nanoseconds of the first line of each window, or where one without lines
            begins; None if unknown.
        scores: float64 per window; above 1 is abnormal.
        anomalous: bool per window, after verdicts.
        reasons: per anomalous window: pattern, reason, nearest normal window.
        findings: ranked.
        telling: lines of each finding, in the order of `findings`.
        columns: text of the templates (or of what else columns are).
        ordered: whether windows follow each other.
        total_lines, without_window: lines in all, and those in no window.
        labelled: the score against labels, if there were any; `label_facts` with more beside it.
        warnings: sentences a user should see.
        seconds, cpu_seconds: of the whole.
    """

    sources: tuple[str, ...]
    window: str
    window_reason: str
    detector: str
    detector_detail: str
    trained_on: str
    names: Sequence[str]
    source: Ints
    first_line: Ints
    last_line: Ints
    lines: Ints
    start_time: Ints | None
    scores: npt.NDArray[np.float64]
    anomalous: npt.NDArray[np.bool_]
    reasons: Mapping[int, tuple[str, str, str]]
    findings: list[Finding]
    telling: list[list[TellingLine]]
    columns: Sequence[str]
    nearest_names: list[str]
    ordered: bool
    total_lines: int
    without_window: int
    labelled: Score | None = None
    label_facts: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.names)

    def row(self, window: int) -> dict[str, object]:
        """One row of the JSON lines."""
        row: dict[str, object] = {
            "window": self.names[window],
            "first_line": int(self.first_line[window]),
            "last_line": int(self.last_line[window]),
            "lines": int(self.lines[window]),
            "anomaly_score": round(float(self.scores[window]), 6),
            "anomalous": bool(self.anomalous[window]),
        }
        if len(self.sources) > 1:
            row["source"] = self.sources[int(self.source[window])]
        if self.anomalous[window]:
            pattern, reason, nearest = self.reasons[window]
            row |= {"pattern": pattern, "reason": reason, "nearest_normal": nearest or None}
        return row
