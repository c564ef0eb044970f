"""What data sets say about themselves, and header fields that are labels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logpipe.anomaly.labels import Labels, label_windows
from logpipe.anomaly.windows import by_time
from logpipe.errors import InputError, UsageError
from logpipe.pipeline.detect_truth import labels_of_truth
from logpipe.pipeline.detecting import detect
from tests.unit.anomaly.making import steady

ABOUT = """
fault: {start: '2026-03-04T10:01:00Z', end: '2026-03-04T10:01:30Z'}
files:
  app.log: {fault_lines: {first: 12, last: 14}}
"""
TAGGED = "<Tag> <Date> <Time> <Level> <Logger>: <Content>"


def tagged(folder) -> str:
    """A log whose first field says which lines are alerts."""
    path = folder / "tagged.log"
    lines = [f"{'DISK' if 'disk full' in line else '-'} {line}" for line in steady(200)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_fault_window_is_a_span_of_time_or_of_lines(tmp_path) -> None:
    """Lines where the log's times lack a year, because then they depend on when they are read."""
    about = tmp_path / "sample.yaml"
    about.write_text(ABOUT)

    span = labels_of_truth("fault-window", str(about), None, "/x/app.log.zst", "log4j")
    lines = labels_of_truth("fault-window", str(about), None, "/x/app.log.zst", "syslog")
    other = labels_of_truth("fault-window", str(about), None, "/x/other.log", "syslog")

    assert span is not None
    assert lines is not None
    assert other is not None
    assert span.spans == [(1772618460 * 10**9, 1772618490 * 10**9, True)]
    assert sorted(lines.lines) == [("", 12), ("", 13), ("", 14)]
    assert other.spans == span.spans


def test_session_labels_are_a_file_or_a_table(tmp_path) -> None:
    """Of other files nothing is known, and a table without the columns is explained."""
    pq.write_table(
        pa.table({"seq_id": ["a", "b"], "anomaly": [True, False]}), tmp_path / "t.parquet"
    )
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "u.parquet")
    (tmp_path / "t.csv").write_text("session,label\na,1\n")

    def read(name: str):
        return labels_of_truth("session-labels", str(tmp_path / name), None, "x.log", "plain")

    rows, csv = read("t.parquet"), read("t.csv")
    assert rows is not None
    assert rows.sessions == {"a": True, "b": False}
    assert csv is not None
    assert csv.sessions == {"a": True}
    assert read("t.txt") is None
    with pytest.raises(InputError, match="seq_id and anomaly"):
        read("u.parquet")


def test_a_header_field_labels_lines_and_is_no_feature_then(tmp_path) -> None:
    """A detector that saw the alert tag would be scored by what it was told."""
    log = tagged(tmp_path)

    plain = detect(log, layout=TAGGED, window="time:2s", context=-1).result
    found = detect(log, layout=TAGGED, window="time:2s", context=-1, labels="field:tag").result

    assert any("header Tag" in column for column in plain.columns)
    assert not any("header Tag" in column for column in found.columns)
    assert found.labelled is not None
    assert found.labelled.recall == 1.0
    assert np.isclose(found.labelled.prevalence, 0.06)
    with pytest.raises(UsageError, match="has no field 'Alarm'; it has Tag, Date"):
        detect(log, layout=TAGGED, labels="field:Alarm")


def test_a_field_that_is_never_a_dash_holds_no_labels(tmp_path) -> None:
    """A process id would make every line abnormal, and every score perfect."""
    with pytest.raises(UsageError, match="Date: a field of labels is - in normal lines, but this"):
        detect(tagged(tmp_path), layout=TAGGED, window="time:2s", labels="field:Date")


def test_of_silence_labels_of_lines_say_nothing() -> None:
    """While a server is down it logs nothing; that is neither a hit nor a false alarm."""
    times = np.array([0, 1, 2, 12, 13], np.int64) * 10**9
    windows = by_time(times, np.arange(5), 5 * 10**9, 5 * 10**9)

    by_line = Labels("x", lines={("", 4): True})
    by_span = Labels("x", spans=[(4 * 10**9, 20 * 10**9, True)])

    for labels in (by_line, by_span):
        found = label_windows(labels, windows, times=times, first_position={"a.log": 0})
        assert found.tolist() == [0, -1, 1]
