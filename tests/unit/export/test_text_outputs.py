"""JSON lines, Loghub's CSV pair, OTLP-JSON lines."""

from __future__ import annotations

import ast
import base64
import csv
import json
from pathlib import Path

import numpy as np
import pytest

from logpipe.errors import OutputError, UsageError
from logpipe.export import open_sink
from logpipe.export.base import check_sink
from logpipe.export.severity import level_field, severity_number

from .making import Line, Made, example

HEADER = (b"12:00", b"WARN")
LINES = [
    Line(1, (b'ann, "the" o\'hara',), HEADER),
    Line(2, (b"bob\xff",), HEADER, terminator=2),
    Line(3, (b"3", b"4"), (b"12:01", b"")),
    Line(0, (b"  at a.b\rc",)),
]


def write(path: Path, made: Made, lines: list[Line] = LINES, **options: object) -> None:
    """Write one batch."""
    sink = open_sink(str(path), info=made.info(), **options)  # type: ignore[arg-type]
    sink.write(made.batch(lines), "logs/app.log")
    sink.finish()


def json_lines(path: Path) -> list[dict]:
    """What is in a file of JSON lines."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_json_row_has_the_fields_of_the_command_line_document(tmp_path: Path) -> None:
    """Names and order are part of the interface."""
    write(tmp_path / "out.jsonl", example())
    rows = json_lines(tmp_path / "out.jsonl")

    assert list(rows[0].items()) == [
        ("line_no", 1),
        ("Time", "12:00"),
        ("Level", "WARN"),
        ("message", 'user ann, "the" o\'hara logged in'),
        ("template_id", 1),
        ("group", 1),
        ("template", "user <*> logged in"),
        ("variables", ['ann, "the" o\'hara']),
        ("variable_types", ["word"]),
    ]
    assert len(rows) == len(LINES)
    assert rows[3]["Level"] is None


def test_a_json_row_that_is_not_utf8_has_the_exact_line(tmp_path: Path) -> None:
    """And only such a row: the whole line with its terminator, in base64."""
    write(tmp_path / "out.jsonl", example())
    rows = json_lines(tmp_path / "out.jsonl")

    assert [("bytes" in row) for row in rows] == [False, True, False, False]
    assert base64.b64decode(rows[1]["bytes"]) == b"[12:00] WARN: user  bob\xff logged in\r\n"
    assert rows[1]["variables"] == ["bob\\xff"]


def test_a_json_record_has_its_further_lines(tmp_path: Path) -> None:
    """With --multiline a row says how many lines it stands for and what they are."""
    write(tmp_path / "out.jsonl", example(), multiline=True)
    rows = json_lines(tmp_path / "out.jsonl")

    assert [(row["line_no"], row["lines"], row["continuation"]) for row in rows] == [
        (1, 1, None),
        (2, 1, None),
        (3, 2, "  at a.b\rc\n"),
    ]


def test_loghub_rows_are_the_input_lines(tmp_path: Path) -> None:
    """One row per line in order, with Loghub's columns and quoting that reads back."""
    write(tmp_path / "out.csv", example(), style="loghub")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert list(rows[0]) == [
        "LineId",
        "Time",
        "Level",
        "Content",
        "EventId",
        "EventTemplate",
        "ParameterList",
    ]
    assert [row["LineId"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[3]["Content"] == "  at a.b\rc"
    assert ast.literal_eval(rows[0]["ParameterList"]) == ['ann, "the" o\'hara']
    assert ast.literal_eval(rows[1]["ParameterList"]) == ["bob\\xff"]


def test_loghub_has_one_text_per_group(tmp_path: Path) -> None:
    """Two spacings of a group are one EventTemplate; the second file counts them."""
    write(tmp_path / "out.csv", example(), style="loghub")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    templates = (tmp_path / "out_templates.csv").read_text()

    assert [(row["EventId"], row["EventTemplate"]) for row in rows] == [
        ("E1", "user <*> logged in"),
        ("E1", "user <*> logged in"),
        ("E2", "took <*> of <*> ms"),
        ("E0", "<*>"),
    ]
    assert templates.splitlines() == [
        "EventId,EventTemplate,Occurrences",
        "E0,<*>,1",
        "E1,user <*> logged in,2",
        "E2,took <*> of <*> ms,1",
    ]


def test_loghub_takes_the_most_frequent_template_of_a_group(tmp_path: Path) -> None:
    """Where the parser counted, the counts decide."""
    made = example()
    made.templates.append(1, [b"user  root\t", b" logged in"], [1])  # type: ignore[list-item]
    info = made.info(line_counts=np.array([0, 2, 1, 1, 7]))
    sink = open_sink(str(tmp_path / "out.csv"), info=info, style="loghub")
    sink.write(made.batch(LINES), "app.log")
    sink.finish()

    assert "E1,user root <*> logged in,2" in (tmp_path / "out_templates.csv").read_text()


def test_the_loghub_pair_appears_together_or_not_at_all(tmp_path: Path) -> None:
    """If the second name is taken, the first is not written either."""
    (tmp_path / "out_templates.csv").write_text("mine")

    with pytest.raises(OutputError, match=r"out_templates\.csv exists already"):
        write(tmp_path / "out.csv", example(), style="loghub")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out_templates.csv"]


def test_a_template_style_changes_what_is_printed(tmp_path: Path) -> None:
    """The text is restyled, ids and variables are not."""
    write(tmp_path / "out.jsonl", example(), restyle=str.upper)
    row = json_lines(tmp_path / "out.jsonl")[0]

    assert row["template"] == "USER <*> LOGGED IN"
    assert row["template_id"] == 1


def test_otel_lines_are_requests_of_the_logs_service(tmp_path: Path) -> None:
    """The OTLP/JSON encoding: nesting, integers as strings, enums as numbers."""
    write(tmp_path / "out.jsonl", example(), style="otel")
    (request,) = json_lines(tmp_path / "out.jsonl")
    (resource,) = request["resourceLogs"]
    (scope,) = resource["scopeLogs"]
    record = scope["logRecords"][0]
    attributes = {a["key"]: a["value"] for a in record["attributes"]}

    assert scope["scope"]["name"] == "logpipe"
    assert len(scope["logRecords"]) == len(LINES)
    assert record["severityNumber"] == 13
    assert record["severityText"] == "WARN"
    assert record["body"] == {"stringValue": 'user ann, "the" o\'hara logged in'}
    assert int(record["observedTimeUnixNano"]) > 1_700_000_000 * 10**9
    assert isinstance(record["observedTimeUnixNano"], str)
    assert attributes["log.template"] == {"stringValue": "user <*> logged in"}
    assert attributes["log.template.id"] == {"intValue": "1"}
    assert attributes["log.variables"] == {
        "arrayValue": {"values": [{"stringValue": 'ann, "the" o\'hara'}]}
    }
    assert attributes["log.file.name"] == {"stringValue": "app.log"}
    assert attributes["log.header.Time"] == {"stringValue": "12:00"}
    assert "log.record.original" not in attributes


def test_otel_keeps_the_exact_line_where_text_cannot(tmp_path: Path) -> None:
    """log.record.original is a bytes value for a line that is not UTF-8."""
    write(tmp_path / "out.jsonl", example(), style="otel")
    records = json_lines(tmp_path / "out.jsonl")[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    attributes = {a["key"]: a["value"] for a in records[1]["attributes"]}

    assert base64.b64decode(attributes["log.record.original"]["bytesValue"]) == (
        b"[12:00] WARN: user  bob\xff logged in\r\n"
    )


def test_an_otel_record_has_its_further_lines_in_its_body(tmp_path: Path) -> None:
    """With --multiline the body is the message and what continues it, without the last newline."""
    write(tmp_path / "out.jsonl", example(), [*LINES, LINES[3]], style="otel", multiline=True)
    records = json_lines(tmp_path / "out.jsonl")[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"]

    assert records[2]["body"]["stringValue"] == "took 3 of 4 ms\n  at a.b\rc\n  at a.b\rc"
    assert len(records) == 3


def test_otel_requests_do_not_mix_sources(tmp_path: Path) -> None:
    """Each file's records are in requests of their own, under its name."""
    made = example()
    sink = open_sink(str(tmp_path / "o.jsonl"), info=made.info(["a.log", "b.log"]), style="otel")
    for source in ("a.log", "b.log"):
        sink.write(made.batch(LINES), source)
    sink.finish()
    found = [
        {
            a["value"]["stringValue"]
            for record in request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
            for a in record["attributes"]
            if a["key"] == "log.file.name"
        }
        for request in json_lines(tmp_path / "o.jsonl")
    ]

    assert found == [{"a.log"}, {"b.log"}]


def test_otel_requests_are_bounded(tmp_path: Path) -> None:
    """2500 records are three requests."""
    write(tmp_path / "out.jsonl", example(), LINES[:1] * 2500, style="otel")
    requests = json_lines(tmp_path / "out.jsonl")

    assert [len(r["resourceLogs"][0]["scopeLogs"][0]["logRecords"]) for r in requests] == [
        1000,
        1000,
        500,
    ]


def test_otel_ids_come_from_the_header(tmp_path: Path) -> None:
    """A header field that holds a trace id becomes one, in lower-case hex; anything else not."""
    made = example()
    info = made.info()
    object.__setattr__(info, "field_names", ("trace_id", "span_id"))
    lines = [
        Line(1, (b"a",), (b"0AF7651916CD43DD8448EB211C80319C", b"b7ad6b7169203331")),
        Line(1, (b"a",), (b"0" * 32, b"none")),
    ]
    sink = open_sink(str(tmp_path / "out.jsonl"), info=info, style="otel")
    sink.write(made.batch(lines), "app.log")
    sink.finish()
    first, second = json_lines(tmp_path / "out.jsonl")[0]["resourceLogs"][0]["scopeLogs"][0][
        "logRecords"
    ]

    assert first["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert first["spanId"] == "b7ad6b7169203331"
    assert "traceId" not in second
    assert "spanId" not in second


@pytest.mark.parametrize(
    ("level", "number"),
    [
        ("TRACE", 1),
        ("debug", 5),
        ("I", 9),
        ("notice", 10),
        ("[Warning]", 13),
        ("ERROR", 17),
        ("crit", 18),
        ("<34>", 18),
        ("191", 5),
        ("192", 0),
        ("FATAL", 21),
        ("blue", 0),
        ("", 0),
    ],
)
def test_a_level_has_a_severity(level: str, number: int) -> None:
    """The numbers of OpenTelemetry's data model, 0 where the word is unknown."""
    assert severity_number(level) == number


def test_the_level_is_found_by_name() -> None:
    """A field that says level wins over one that says priority."""
    assert level_field(["Date", "LEVEL", "Pri"]) == 1
    assert level_field(["pri", "Severity"]) == 1
    assert level_field(["Date", "Component"]) is None


@pytest.mark.parametrize(
    ("path", "style", "says"),
    [
        ("out.txt", None, "must end in .parquet or .jsonl"),
        ("out.csv", None, "add --style loghub"),
        ("out.parquet", "loghub", "must end in .csv"),
        ("-", "loghub", "pair of files"),
        ("out.parquet", "otel", "writes JSON lines"),
        ("out.jsonl", "xml", "unknown style 'xml'; known: loghub, otel"),
    ],
)
def test_a_name_and_a_style_must_agree(path: str, style: str | None, says: str) -> None:
    """The message says what the name must be."""
    with pytest.raises(UsageError, match=says):
        check_sink(path, style)


def test_loghub_and_multiline_exclude_each_other() -> None:
    """Loghub's format has one row per input line."""
    with pytest.raises(UsageError, match="cannot be combined with --multiline"):
        check_sink("out.csv", "loghub", multiline=True)
