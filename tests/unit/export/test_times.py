"""The time of each row, as an integer beside the header's text."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logpipe.export import open_sink
from logpipe.export.times import NO_TIME, time_reader

from .making import Line, example

LINES = [
    Line(1, (b"a",), (b"2026-03-01 12:00:00,250", b"INFO")),
    Line(1, (b"b",), (b"2026-02-30 12:00:00,250", b"INFO")),
    Line(0, (b"no header",)),
    Line(1, (b"c",), (b"2026-03-01 12:00:01,000", b"INFO")),
]
NOON = int(datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC).timestamp()) * 10**9
WITH_TIME = {"timestamp_fields": ("Time",), "timestamp_pattern": "%Y-%m-%d %H:%M:%S,%f"}


def test_a_time_is_exact_or_missing() -> None:
    """The 30th of February and a line without a header have no time."""
    made = example()
    reader = time_reader(made.info(**WITH_TIME))

    assert reader is not None
    assert reader(made.batch(LINES)).tolist() == [
        NOON + 250_000_000,
        NO_TIME,
        NO_TIME,
        NOON + 10**9,
    ]


def test_several_fields_make_one_time() -> None:
    """Joined by a blank, as the layout says."""
    made = example()
    info = made.info(timestamp_fields=("Time", "Level"), timestamp_pattern="%Y-%m-%d %H:%M:%S")
    reader = time_reader(info)
    batch = made.batch([Line(1, (b"a",), (b"2026-03-01", b"12:00:00"))])

    assert reader is not None
    assert reader(batch).tolist() == [NOON]


@pytest.mark.parametrize("pattern", ["", "%b %e %H:%M:%S"])
def test_without_a_year_there_is_no_time(pattern: str) -> None:
    """Any year would be a guess."""
    info = example().info(timestamp_fields=("Time",), timestamp_pattern=pattern)

    assert time_reader(info) is None


def test_parquet_has_a_timestamp_beside_the_text(tmp_path: Path) -> None:
    """Nanoseconds, null where the text is no time; the text stays."""
    made = example()
    sink = open_sink(str(tmp_path / "out.parquet"), info=made.info(**WITH_TIME))
    sink.write(made.batch(LINES), "app.log")
    sink.finish()
    table = pq.read_table(tmp_path / "out.parquet")

    assert table.schema.field("timestamp").type == pa.timestamp("ns")
    assert table["timestamp"].cast(pa.int64()).to_pylist() == [
        NOON + 250_000_000,
        None,
        None,
        NOON + 10**9,
    ]
    assert table["Time"].to_pylist()[1] == "2026-02-30 12:00:00,250"


def test_otel_has_the_time_where_it_is_known(tmp_path: Path) -> None:
    """As text, because JSON numbers lose nanoseconds; left out where unknown."""
    made = example()
    sink = open_sink(str(tmp_path / "out.jsonl"), info=made.info(**WITH_TIME), style="otel")
    sink.write(made.batch(LINES), "app.log")
    sink.finish()
    request = json.loads((tmp_path / "out.jsonl").read_text())
    records = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]

    assert [record.get("timeUnixNano") for record in records] == [
        str(NOON + 250_000_000),
        None,
        None,
        str(NOON + 10**9),
    ]


def test_a_year_that_was_given_goes_on_over_new_year_and_starts_anew_with_a_source() -> None:
    """December is followed by January of the next year, from one batch to the next, too."""
    made = example()
    read = time_reader(
        made.info(timestamp_fields=("Time",), timestamp_pattern="%b %e %H:%M:%S", year=2023)
    )
    assert read is not None

    def days(first_line: int, *stamps: bytes) -> list[str]:
        lines = [Line(1, (b"a",), (stamp, b"INFO")) for stamp in stamps]
        batch = dataclasses.replace(made.batch(lines), first_line=first_line)
        return [str(np.datetime64(time, "ns"))[:10] for time in read(batch).tolist()]

    assert days(1, b"Dec 30 01:02:03", b"Dec 31 01:02:03") == ["2023-12-30", "2023-12-31"]
    assert days(3, b"Jan  1 01:02:03", b"Feb  1 01:02:03") == ["2024-01-01", "2024-02-01"]
    assert days(1, b"Dec 30 01:02:03") == ["2023-12-30"]
