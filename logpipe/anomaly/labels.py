"""Labels: what somebody says about sessions, lines or spans of time.

A file is CSV with a heading, or JSON lines with the same names:

    session,label        block_17,anomaly      (also BlockId, block_id, seq_id, window, key)
    line,label           1204,1                (1-based; also line_no, LineId; `source` is optional)
    start,end,label      2026-01-02T10:00:00Z,2026-01-02T10:05:00Z,anomaly

`label` may be left out: then everything listed is abnormal. Instead of a file, `field:NAME` names a
header field that is `-` in normal lines. A window is abnormal if its session is,
if one of its lines is, or if one of its lines lies in an abnormal span.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.windows import Windows
from logpipe.errors import InputError, UsageError

__all__ = ["Labels", "label_windows", "read_labels"]

Ints = npt.NDArray[np.int64]

_SESSION = ("session", "window", "key", "blockid", "block_id", "seq_id")
_LINE = ("line", "line_no", "lineid", "line_number")
_START, _END = ("start", "begin", "from"), ("end", "until", "to")
_LABEL = ("label", "anomaly", "abnormal", "anomalous")
_ABNORMAL = {"1", "true", "yes", "anomaly", "anomalous", "abnormal", "bad", "fault", "failure"}
_NORMAL = {"0", "false", "no", "normal", "good", "ok", "-", ""}


@dataclass
class Labels:
    """What a file of labels says.

    Attributes:
        name: of the file, for messages.
        sessions: key to whether it is abnormal.
        lines: (source or "", 1-based number) to whether it is abnormal.
        spans: (start, end, abnormal), nanoseconds since 1970 UTC, both ends included.
        field: a header field that is `-` in normal lines.
    """

    name: str
    sessions: dict[str, bool] = dataclasses.field(default_factory=dict)
    lines: dict[tuple[str, int], bool] = dataclasses.field(default_factory=dict)
    spans: list[tuple[int, int, bool]] = dataclasses.field(default_factory=list)
    field: str = ""


def read_labels(path: str) -> Labels:
    """Reads a file of labels.

    Raises:
        InputError: it cannot be read.
        UsageError: it is not of one of the forms above; the message has the line.
    """
    if path.startswith("field:") and path != "field:":
        return Labels(path, field=path.removeprefix("field:"))
    found = Labels(path)
    for number, row in _rows(path):
        where = f"{path}: line {number}"
        label = _first(row, _LABEL)
        abnormal = True if label is None else _abnormal(label, where)
        session, line, start = _first(row, _SESSION), _first(row, _LINE), _first(row, _START)
        if session is not None:
            found.sessions[session] = abnormal
        elif line is not None:
            if not line.strip().isdecimal() or int(line) < 1:
                raise UsageError(f"{where}: expected the number of a line, from 1, found {line!r}")
            found.lines[row.get("source") or "", int(line)] = abnormal
        elif start is not None:
            end = _first(row, _END)
            begins, ends = _instant(start, where), _instant(end or start, where)
            if ends < begins:
                raise UsageError(f"{where}: the span ends ({end}) before it starts ({start})")
            found.spans.append((begins, ends, abnormal))
        else:
            raise UsageError(
                f"{where}: expected a session, a line, or start and end, found {', '.join(row)}; "
                f"the first line names the columns, for example session,label"
            )
    if not (found.sessions or found.lines or found.spans):
        raise UsageError(f"{path}: there are no labels in it")
    return found


def _rows(path: str) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="backslashreplace")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("{"):
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{path}: line {number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise UsageError(f"{path}: line {number}: expected an object, found {line[:40]!r}")
            yield number, {str(k).lower(): _text(v) for k, v in row.items()}
        return
    try:
        for number, values in enumerate(csv.DictReader(lines), 2):
            yield number, {(k or "").strip().lower(): _text(v) for k, v in values.items()}
    except csv.Error as error:
        raise UsageError(f"{path}: not CSV: {error}") from None


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _first(row: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((row[name] for name in names if name in row), None)


def _abnormal(label: str, where: str) -> bool:
    word = label.strip().lower()
    if word in _ABNORMAL or word in _NORMAL:
        return word in _ABNORMAL
    raise UsageError(f"{where}: expected normal or anomaly (or 0 or 1), found {label!r}")


def _instant(text: str, where: str) -> int:
    try:
        seconds = float(text)
    except ValueError:
        try:
            time = datetime.fromisoformat(text.strip())
        except ValueError:
            raise UsageError(
                f"{where}: expected a time as 2026-01-02T10:00:00Z or in seconds since 1970, "
                f"found {text!r}"
            ) from None
        seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if not abs(seconds) < 9e9:
        raise UsageError(f"{where}: {text} is no time in seconds since 1970")
    return round(seconds * 1e6) * 1000


def label_windows(
    labels: Labels,
    windows: Windows,
    *,
    times: Ints | None,
    first_position: Mapping[str, int],
    marked: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.int8]:
    """The label of each window: 1 abnormal, 0 normal, -1 if nothing is said about it.

    What is not mentioned is normal if labels only say what is abnormal, or are of lines or times;
    of a window without lines the latter say nothing.

    Args:
        labels: as read.
        windows: to be labelled.
        times: int64 nanoseconds per line, None if unknown.
        first_position: source name to the position of its first line.
        marked: bool per line: it is abnormal by `Labels.field`.

    Raises:
        UsageError: no label matches anything.
    """
    found = np.full(len(windows), -1, np.int8)
    matched = 0
    if labels.sessions:
        if not any(not abnormal for abnormal in labels.sessions.values()):
            found[:] = 0
        for i, name in enumerate(windows.names):
            said = labels.sessions.get(name)
            if said is not None:
                found[i] = said
                matched += 1
    if labels.lines or labels.spans or labels.field:
        found[found < 0] = 0
        abnormal = np.zeros(int(windows.lines.max(initial=-1)) + 1, np.bool_)
        for (source, number), bad in labels.lines.items():
            base = _base(source, first_position, labels.name)
            if base is not None and base + number - 1 < len(abnormal):
                matched += 1
                abnormal[base + number - 1] |= bad
        if labels.field and marked is not None:
            # A field that is there says something of every line, be it that all are normal.
            matched += len(abnormal)
            abnormal |= marked[: len(abnormal)]
        for start, end, bad in labels.spans:
            if times is None:
                raise UsageError(
                    f"{labels.name}: labels are spans of time, but the layout does not say how "
                    f"time is spelt; name one by --format, or label lines"
                )
            inside = (times >= start) & (times <= end)
            matched += int(inside.any())
            abnormal[inside[: len(abnormal)].nonzero()[0]] |= bad
        found[windows.owner[abnormal[windows.lines]]] = 1
        if not labels.sessions:
            # Of silence, labels of lines and of their times say nothing.
            found[np.diff(windows.starts) == 0] = -1
    if not matched:
        kind = "sessions" if labels.sessions else "lines" if labels.lines else "spans of time"
        raise UsageError(
            f"{labels.name}: labels match nothing: it is about {kind} (the first is "
            f"{_first_label(labels)}), but {_there(labels, windows, times)}"
        )
    return found


def _first_label(labels: Labels) -> str:
    if labels.sessions:
        return repr(next(iter(labels.sessions)))
    if labels.lines:
        source, number = next(iter(labels.lines))
        return f"line {number:,}" + (f" of {source}" if source else "")
    start, end, _ = labels.spans[0]
    return f"{_moment(start)} to {_moment(end)}"


def _there(labels: Labels, windows: Windows, times: Ints | None) -> str:
    """What labels could have matched."""
    if labels.sessions or not len(windows.lines):
        return f"the windows are such as {windows.names[0] if len(windows) else 'none'!r}"
    if labels.lines:
        lines = int(windows.lines.max() - windows.lines.min()) + 1
        return f"the log has {lines:,} lines"
    assert times is not None
    return f"the log is of {_moment(int(times.min()))} to {_moment(int(times.max()))}"


def _moment(nanoseconds: int) -> str:
    return f"{np.datetime64(nanoseconds // 10**9, 's')}Z"


def _base(source: str, first_position: Mapping[str, int], name: str) -> int | None:
    if source:
        return next(
            (p for s, p in first_position.items() if s == source or s.endswith("/" + source)), None
        )
    if len(first_position) > 1:
        raise UsageError(f"{name}: there are several logs; lines need a column `source`")
    return next(iter(first_position.values()), None)
