"""Detection results as files: JSON lines, OpenTelemetry, and a small timeline for terminals."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

import numpy as np
import orjson

import logpipe
from logpipe.anomaly.result import DetectResult

__all__ = ["json_rows", "otel_rows", "summary", "timeline"]

_BARS = " ▁▂▃▄▅▆▇█"


def json_rows(result: DetectResult) -> Iterator[bytes]:
    """One line of JSON per window, normal ones too."""
    for window in range(len(result)):
        yield orjson.dumps(result.row(window)) + b"\n"


def otel_rows(result: DetectResult) -> Iterator[bytes]:
    """One OTLP-JSON line per finding: a log record of severity WARN, of INFO for drift.

    The form is that of `logpipe.export.otel`. `timeUnixNano` is the time of the first line, where
    it is known.
    """
    observed = str(time.time_ns())
    for finding, lines in zip(result.findings, result.telling, strict=True):
        if finding.verdict == "normal":
            continue
        window = int(finding.windows[0])
        facts: dict[str, object] = {
            "logpipe.anomaly.pattern": finding.pattern,
            "logpipe.anomaly.kind": finding.kind,
            "logpipe.anomaly.score": finding.score,
            "logpipe.anomaly.windows": len(finding.windows),
            "logpipe.anomaly.window": result.names[window],
            "logpipe.anomaly.detector": result.detector,
            "log.file.path": result.sources[int(result.source[window])],
            "log.file.line": int(result.first_line[window]),
        }
        if lines:
            facts["log.template"] = lines[0].template
            facts["log.record.original"] = lines[0].text or ""
        drift = finding.kind == "drift"
        record: dict[str, object] = {
            "observedTimeUnixNano": observed,
            "severityNumber": 9 if drift else 13,
            "severityText": "INFO" if drift else "WARN",
            "body": {"stringValue": finding.reason},
            "attributes": [{"key": k, "value": _value(v)} for k, v in facts.items()],
        }
        if result.start_time is not None and result.start_time[window] > 0:
            record["timeUnixNano"] = str(int(result.start_time[window]))
        scope = {"name": "logpipe", "version": logpipe.__version__}
        yield (
            orjson.dumps(
                {
                    "resourceLogs": [
                        {
                            "resource": {"attributes": []},
                            "scopeLogs": [{"scope": scope, "logRecords": [record]}],
                        }
                    ]
                }
            )
            + b"\n"
        )


def _value(value: object) -> dict[str, object]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    return {"stringValue": str(value)}


def summary(result: DetectResult) -> dict[str, object]:
    """What `--json` prints: facts and findings, without a row per window."""
    labelled = result.labelled
    return {
        "sources": list(result.sources),
        "window": result.window,
        "window_reason": result.window_reason,
        "detector": result.detector,
        "detector_detail": result.detector_detail,
        "trained_on": result.trained_on,
        "lines": result.total_lines,
        "lines_without_window": result.without_window,
        "windows": len(result),
        "anomalous": int(result.anomalous.sum()),
        "findings": [
            {
                "pattern": finding.pattern,
                "kind": finding.kind,
                "verdict": finding.verdict,
                "windows": len(finding.windows),
                "window": result.names[int(finding.windows[0])],
                "score": round(finding.score, 6),
                "reason": finding.reason,
                "nearest_normal": nearest or None,
                "differences": [
                    {
                        "template": result.columns[d.column],
                        "change": d.change,
                        "seen": d.seen,
                        "expected": d.expected,
                    }
                    for d in finding.differences
                ],
                "lines": [
                    {
                        "source": line.source,
                        "line": line.line,
                        "template": line.template,
                        "text": line.text,
                    }
                    for line in lines
                ],
            }
            for finding, lines, nearest in zip(
                result.findings, result.telling, result.nearest_names, strict=True
            )
        ],
        "score": None if labelled is None else {**vars(labelled), **result.label_facts},
        "warnings": result.warnings,
        "seconds": result.seconds,
        "cpu_seconds": result.cpu_seconds,
    }


def timeline(result: DetectResult, width: int = 64) -> str:
    """A line of bars from the first window to the last: the higher, the more are abnormal.

    >>> from types import SimpleNamespace as Some
    >>> timeline(Some(anomalous=np.array([False] * 6 + [True] * 2)), 4)
    '···█'
    """
    flagged = np.asarray(result.anomalous, np.float64)
    if not len(flagged):
        return ""
    parts = np.array_split(flagged, min(width, len(flagged)))
    shares = [float(part.mean()) for part in parts]
    most = max(shares) or 1.0
    return "".join("·" if not s else _BARS[max(1, round(8 * s / most))] for s in shares)
