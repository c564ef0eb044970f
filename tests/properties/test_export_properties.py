"""Outputs lose nothing, whatever the bytes."""

from __future__ import annotations

import base64
import csv
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from logpipe.batch import ByteColumn, ParsedBatch, Shape
from logpipe.export import ParseInfo, open_sink
from logpipe.export.parquet import restore
from logpipe.template import SlotKind, TemplateTable

# Broken UTF-8, halves of characters, NUL, CR, quotes and things that look like our own markers.
PIECES = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([b"", b"a", b" ", b"\r", b"\xc3", b"\xa9", "é".encode(), b"<*>", b"\\xff"]),
    st.sampled_from([b'"', b"'", b",", b"\t", "\u2028".encode(), "😀".encode(), b"\x00"]),
)
VALUES = st.lists(PIECES, max_size=4).map(b"".join).map(lambda v: v.replace(b"\n", b""))


class Parsed(NamedTuple):
    """A log as a parser might hand it over."""

    info: ParseInfo
    batches: list[ParsedBatch]

    @property
    def source(self) -> bytes:
        """The bytes of the log."""
        return b"".join(batch.render() for batch in self.batches)


@st.composite
def logs(draw: st.DrawFn) -> Parsed:
    """Any templates, any shapes, any values, cut into batches anywhere."""
    table = TemplateTable()
    for _ in range(draw(st.integers(0, 4))):
        literals = draw(st.lists(VALUES, min_size=1, max_size=4))
        table.append(draw(st.integers(1, 3)), literals, [SlotKind.ANY] * (len(literals) - 1))
    shapes = [Shape((b"", b""), (-1,))]
    for fields in draw(st.lists(st.permutations([0, 1, -1]), max_size=2)):
        separators = draw(st.lists(VALUES, min_size=4, max_size=4))
        shapes.append(Shape(tuple(separators), tuple(fields)))
    shapes.append(Shape((b"<", b"> ", b""), (1, -1)))
    batches, first = [], 1
    for count in draw(st.lists(st.integers(1, 5), max_size=4)):
        ids = draw(st.lists(st.integers(0, len(table) - 1), min_size=count, max_size=count))
        shape_ids = draw(st.lists(st.integers(0, len(shapes) - 1), min_size=count, max_size=count))
        slots = sum(table[i].slots for i in ids)
        fields = [
            [draw(VALUES) if k in shapes[s].fields else b"" for s in shape_ids] for k in range(2)
        ]
        batches.append(
            ParsedBatch(
                first_line=first,
                field_names=("Time", "Level"),
                shapes=shapes,
                shape_ids=np.array(shape_ids, np.uint16),
                terminators=np.array(
                    draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)), np.uint8
                ),
                fields=tuple(ByteColumn.of(column) for column in fields),
                templates=table,
                template_ids=np.array(ids, np.uint32),
                values=ByteColumn.of(draw(st.lists(VALUES, min_size=slots, max_size=slots))),
            )
        )
        first += count
    info = ParseInfo(("a.log",), "<Time> <Level>", ("Time", "Level"), "any", {}, table)
    return Parsed(info, batches)


def written(log: Parsed, folder: str, name: str, **options: object) -> Path:
    """The log as an output."""
    path = Path(folder) / name
    sink = open_sink(str(path), info=log.info, **options)  # type: ignore[arg-type]
    for batch in log.batches:
        sink.write(batch, "a.log")
    sink.finish()
    return path


@given(logs(), st.booleans())
def test_parquet_gives_the_source_back(log: Parsed, multiline: bool) -> None:
    """For any bytes, with and without --multiline."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(log, folder, "out.parquet", multiline=multiline)

        assert b"".join(restore(str(path))) == log.source


@given(logs())
def test_parquet_text_is_exact_or_has_an_exact_twin(log: Parsed) -> None:
    """In every row, the bytes column if it is there, else the encoded text, is the message."""
    messages = [message for batch in log.batches for message in batch.messages]
    with tempfile.TemporaryDirectory() as folder:
        rows = pq.read_table(written(log, folder, "out.parquet")).to_pylist()

    assert [
        row["message"].encode() if row["message_bytes"] is None else row["message_bytes"]
        for row in rows
    ] == messages
    for row in rows:
        exact = row["variables_bytes"]
        values = [v.encode() for v in row["variables"]] if exact is None else exact
        template = log.info.templates[row["template_id"]]
        assert template.render(values) == messages[row["line_no"] - 1]
        assert len(row["variable_types"]) == template.slots


@given(logs(), st.booleans())
def test_json_lines_have_every_line(log: Parsed, multiline: bool) -> None:
    """Every line is in a row, written as orjson writes; if its text is not exact, it has bytes."""
    lines = [line for batch in log.batches for line in batch.messages]
    with tempfile.TemporaryDirectory() as folder:
        path = written(log, folder, "out.jsonl", multiline=multiline)
        text = path.read_bytes()
        rows = [json.loads(row) for row in text.split(b"\n")[:-1]]

    assert sum(row.get("lines", 1) for row in rows) == len(lines)
    assert [orjson.dumps(row) for row in rows] == text.split(b"\n")[:-1]
    for row in rows:
        if "bytes" in row:
            assert base64.b64decode(row["bytes"], validate=True) in log.source
        else:
            assert row["message"].encode() == lines[row["line_no"] - 1]


@given(logs())
def test_loghub_rows_are_the_lines_in_order(log: Parsed) -> None:
    """As many rows as lines, each with its message as text, whatever needs quoting."""
    messages = [m for batch in log.batches for m in batch.messages]
    with tempfile.TemporaryDirectory() as folder:
        path = written(log, folder, "out.csv", style="loghub")
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))

    assert [row["Content"] for row in rows] == [
        m.decode("utf-8", "backslashreplace") for m in messages
    ]
    assert [row["LineId"] for row in rows] == [str(i + 1) for i in range(len(messages))]


@given(logs(), st.booleans())
def test_otel_has_one_record_per_line(log: Parsed, multiline: bool) -> None:
    """Every line of the output is JSON, and there is a record for every line of the input."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(log, folder, "out.jsonl", style="otel", multiline=multiline)
        text = path.read_bytes()
        requests = [json.loads(row) for row in text.split(b"\n")[:-1]]

    assert [orjson.dumps(request) for request in requests] == text.split(b"\n")[:-1]
    records = [
        record
        for request in requests
        for resource in request["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]
    messages = [m.decode("utf-8", "backslashreplace") for b in log.batches for m in b.messages]
    if multiline:
        assert len(records) <= len(messages)
    else:
        assert [record["body"]["stringValue"] for record in records] == messages
