"""The command line with the parser `iterative`: --explain, --keep, categories in the outputs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq

from logpipe.export.parquet import restore

from .program import log_file, logpipe, refused

LOG = b"".join(
    [
        *(b"session id=s%d00 from 10.0.0.%d opened\n" % (i % 2, i) for i in range(20)),
        *(b"session id=s%d00 from 10.0.0.%d closed\n" % (i % 2, i) for i in range(10)),
    ]
)
ITERATIVE = ("--parser", "iterative", "--format", "plain", "-q")


def test_explain_tells_values_and_reasons(tmp_path: Path) -> None:
    """Example lines, slots with category, class and values, and why neighbours are apart."""
    log = log_file(tmp_path, LOG)
    ran = logpipe("templates", log, *ITERATIVE, "--explain")
    text = ran.out.decode()

    assert ran.code == 0, ran.err
    assert text.startswith(
        "template 1 of group 1, 20 lines (66.7 %)\n"
        "  session id=<*> from <*> opened\n"
        "  line 1: session id=s000 from 10.0.0.0 opened\n"
    )
    assert "  slot 1: OID id; 2 different values; s000 to s100; s000 50.0 %, s100 50.0 %\n" in text
    assert "  not group 2 (protected-word): 'opened' here, 'closed' there" in text


def test_explain_takes_the_id_of_a_template_or_none(tmp_path: Path) -> None:
    """With an ID, one template; before the log or behind it, text or JSON."""
    log = log_file(tmp_path, LOG)
    ran = logpipe("templates", "--explain", "2", log, *ITERATIVE, "--json")
    (only,) = json.loads(ran.out)
    first = logpipe("templates", "--explain", log, *ITERATIVE, "--json")

    assert only["template"] == "session id=<*> from <*> closed"
    assert only["slots"][0]["category"] == "OID"
    assert only["slots"][0]["values"]["distinct"] == 2
    assert only["apart"][0]["reason"] == "protected-word"
    assert [r["template_id"] for r in json.loads(first.out)] == [1, 2]


def test_explain_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    """An ID that there is not, a Parquet file, a style, no log."""
    log = log_file(tmp_path, LOG)
    logpipe("parse", log, *ITERATIVE, "-o", tmp_path / "o.parquet")

    refused(logpipe("templates", log, *ITERATIVE, "--explain", "9"), "known: 1 to 2")
    refused(logpipe("templates", tmp_path / "o.parquet", "--explain", "-q"), "the log itself")
    refused(logpipe("templates"), "no input")
    refused(
        logpipe("templates", log, *ITERATIVE, "--explain", "--template-style", "loghub-2k"),
        "--template-style",
    )


def test_a_saved_model_is_no_log(tmp_path: Path) -> None:
    """Without --explain its JSON was parsed as if it were a log; now it says what to do."""
    log, model = log_file(tmp_path, LOG), tmp_path / "m.json"
    logpipe("parse", log, *ITERATIVE, "-o", tmp_path / "o.jsonl", "--save-model", model)
    refused(logpipe("templates", model), "m.json: a saved model knows no lines; --explain")


def test_a_saved_model_is_explained_without_lines(tmp_path: Path) -> None:
    """What a model knows: templates, categories, reasons."""
    log, model = log_file(tmp_path, LOG), tmp_path / "m.json"
    logpipe("parse", log, *ITERATIVE, "-o", tmp_path / "o.jsonl", "--save-model", model)
    ran = logpipe("templates", model, "--explain")
    with_lines = json.loads(
        logpipe("templates", log, "--model", model, "--explain", "1", "--json", "-q").out
    )

    assert ran.code == 0, ran.err
    assert b"  slot 1: OID\n" in ran.out
    assert b"(protected-word)" in ran.out
    assert with_lines[0]["lines"] == 20


def test_explain_works_for_other_parsers(tmp_path: Path) -> None:
    """Drain has no categories of its own; they are guessed from its templates and values."""
    log = log_file(tmp_path, LOG)
    ran = logpipe("templates", log, "--format", "plain", "-q", "--explain", "--json")

    assert json.loads(ran.out)[0]["lines"] in (20, 30)


def test_keep_leaves_values_of_a_category_in_the_templates(tmp_path: Path) -> None:
    """Sessions stay, addresses are abstracted; drain has no categories to keep."""
    log = log_file(tmp_path, LOG)
    ran = logpipe("parse", log, *ITERATIVE, "--keep", "OID")
    rows = [json.loads(line) for line in ran.out.splitlines()]

    assert {row["template"] for row in rows} == {
        f"session id=s{i}00 from <*> {word}" for i in (0, 1) for word in ("opened", "closed")
    }
    assert rows[1]["variables"] == ["10.0.0.1"]
    refused(logpipe("parse", log, "--parser", "drain", "--keep", "OID"), "--parser iterative")
    refused(logpipe("parse", log, *ITERATIVE, "--keep", "XYZ"), "XYZ", "OID")


def test_categories_are_in_every_output(tmp_path: Path) -> None:
    """JSON lines, Parquet (rows and metadata), the templates as CSV and as JSON."""
    log, out = log_file(tmp_path, LOG), tmp_path / "o.parquet"
    rows = [json.loads(line) for line in logpipe("parse", log, *ITERATIVE).out.splitlines()]
    logpipe("parse", log, *ITERATIVE, "-o", out, "--templates", tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    expected = ["OID", "LOI"]

    assert all(row["variable_categories"] == expected for row in rows)
    assert pq.read_table(out)["variable_categories"].to_pylist() == [expected] * 30
    metadata = json.loads(pq.read_metadata(out).metadata[b"logpipe"])
    assert metadata["templates"][1]["categories"] == expected
    assert table[0]["variable_categories"] == "OID LOI"
    for source in ([log, *ITERATIVE], [out, "-q"]):
        found = json.loads(logpipe("templates", *source, "--json").out)
        assert found[0]["variable_categories"] == expected


def test_a_parser_without_categories_has_no_column(tmp_path: Path) -> None:
    """Files of drain are what they were."""
    log, out = log_file(tmp_path, LOG), tmp_path / "o.parquet"
    drain = ("--parser", "drain", "-q", "--format", "plain")
    logpipe("parse", log, *drain, "-o", out)
    row = json.loads(logpipe("parse", log, *drain).out.splitlines()[0])

    assert "variable_categories" not in pq.read_schema(out).names
    assert "variable_categories" not in row


def test_the_rows_give_every_byte_back(tmp_path: Path) -> None:
    """The column of categories changes nothing about exactness."""
    data = LOG + b"\xff odd \x00\r\nno newline"
    log, out = log_file(tmp_path, data), tmp_path / "o.parquet"
    logpipe("parse", log, *ITERATIVE, "-o", out)

    assert b"".join(restore(str(out))) == data


def test_styles_are_the_same_from_a_log_and_from_its_parquet_file(tmp_path: Path) -> None:
    """A Parquet file keeps the classes of variables that a style asks for."""
    log, out = tmp_path / "a.log", tmp_path / "o.parquet"
    log.write_bytes(b"".join(b"ready at 04:05:%02d (%d KB)\n" % (i, i) for i in range(20)))
    logpipe("parse", log, *ITERATIVE, "-o", out)
    style = ("--template-style", "loghub-2k", "--json", "-q")
    of_log = json.loads(logpipe("templates", log, *ITERATIVE, *style[:3]).out)
    of_parquet = json.loads(logpipe("templates", out, *style).out)

    assert [row["template"] for row in of_log] == ["ready at <*>:<*>:<*>"]
    assert [row["template"] for row in of_parquet] == ["ready at <*>:<*>:<*>"]
