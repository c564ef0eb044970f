"""What a data set says about itself, as labels for `detect`: sessions, lines, or a span of time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from logpipe.anomaly.labels import Labels, read_labels
from logpipe.errors import InputError, LogpipeError
from logpipe.formats.named import layout_for
from logpipe.formats.timestamp_pattern import compile_pattern

__all__ = ["labels_of_truth"]


def labels_of_truth(
    kind: str, path: str | None, field: str | None, log: str, layout: str
) -> Labels | None:
    """Labels of a log by one of its data set's kinds of truth; None if that says nothing.

    Args:
        kind: `session-labels` (a file of labels, or a Parquet table with `seq_id` and `anomaly`),
            `line-labels` (a header field that is `-` in normal lines) or `fault-window` (YAML with
            `fault: {start, end}`, and maybe lines as `files: {LOG: {fault_lines: {first, last}}}`).
        path: of the file that says it; None for line labels.
        field: of line labels.
        log: path of the log.
        layout: of the log.

    Raises:
        LogpipeError: the file is not what its kind says.
    """
    if kind == "line-labels" and field:
        return Labels(f"field {field}", field=field)
    if path is None:
        return None
    if kind == "session-labels" and Path(path).suffix in (".csv", ".jsonl"):
        return read_labels(path)
    if kind == "session-labels" and Path(path).suffix == ".parquet":
        return _table(path)
    if kind == "fault-window":
        return _window(path, log, layout)
    return None


def _table(path: str) -> Labels:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["seq_id", "anomaly"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: expected columns seq_id and anomaly: {error}") from None
    names, said = (table.column(i).to_pylist() for i in (0, 1))
    return Labels(path, {str(n): bool(bad) for n, bad in zip(names, said, strict=True)})


def _window(path: str, log: str, layout: str) -> Labels:
    import yaml

    try:
        about: Any = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        start, end = (_nanoseconds(about["fault"][name]) for name in ("start", "end"))
        files = about.get("files", {})
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: expected fault: start and end: {error}") from None
    name = Path(log).name
    lines = next(
        (f["fault_lines"] for n, f in files.items() if name.startswith(n) and "fault_lines" in f),
        None,
    )
    if lines is not None and not _has_year(layout):
        # Without a year in the log, its times depend on when they are read.
        numbers = range(int(lines["first"]), int(lines["last"]) + 1)
        return Labels(path, lines={("", number): True for number in numbers})
    return Labels(path, spans=[(start, end, True)])


def _nanoseconds(text: str) -> int:
    return round(datetime.fromisoformat(str(text)).timestamp() * 1e6) * 1000


def _has_year(layout: str) -> bool:
    try:
        timestamp = layout_for(layout).timestamp
        return timestamp is not None and not compile_pattern(timestamp.pattern).lacks_year
    except LogpipeError:
        return False
