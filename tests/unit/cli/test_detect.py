"""`logpipe detect` and `logpipe detectors`, run as users run them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.unit.anomaly.making import session_lines, stamped, steady
from tests.unit.cli.program import Ran, environment, log_file, logpipe, names, refused

WINDOW = r"session:job-\d+"
ODD = {60: "lost {} on the way", 90: "lost {} on the way"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    made = tmp_path_factory.mktemp("detect")
    for name, odd in (("good.log", None), ("bad.log", ODD)):
        lines = stamped(session_lines(150, odd))
        log_file(made, "\n".join(lines).encode() + b"\n", name)
    (made / "sessions.csv").write_text("session,label\nblk_1,1\n")
    (made / "lines.csv").write_text("line,label\n99999,1\n")
    (made / "spans.csv").write_text("start,end\n2020-01-01T00:00:00Z,2020-01-01T00:01:00Z\n")
    log_file(made, "\n".join(steady(30)).encode(), "other.log")
    log_file(made, b"", "empty.log")
    return made


def test_the_summary_names_lines_and_reasons(folder) -> None:
    """On a pipe as on a terminal; exit 0."""
    ran = logpipe("detect", "bad.log", "--window", WINDOW, cwd=folder)

    out = ran.out.decode()
    assert ran.code == 0, ran
    assert out.startswith("2 of 150 windows are abnormal")
    assert "2 windows, such as job-70" in out
    assert "never in a normal window" in out
    assert "lost job-70" in out


def test_rows_page_and_detector_are_written(folder, tmp_path) -> None:
    """One row per window, normal ones too, with the promised members."""
    ran = logpipe(
        "detect", folder / "bad.log", "--window", WINDOW, "-o", "rows.jsonl", "--report",
        "page.html", "--save-detector", "d.json", cwd=tmp_path,
    )  # fmt: skip

    assert ran.code == 0, ran
    assert names(tmp_path) == ["d.json", "page.html", "rows.jsonl"]
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_bytes().splitlines()]
    assert len(rows) == 150
    base = ["window", "first_line", "last_line", "lines", "anomaly_score", "anomalous"]
    normal = next(row for row in rows if not row["anomalous"])
    odd = [row for row in rows if row["anomalous"]]
    assert list(normal) == base
    assert list(odd[0]) == [*base, "pattern", "reason", "nearest_normal"]
    assert [row["window"] for row in odd] == ["job-7060", "job-7090"]
    assert odd[0]["anomaly_score"] > 1 >= normal["anomaly_score"]
    again = logpipe("detect", folder / "bad.log", "-o", "rows.jsonl", cwd=tmp_path)
    refused(again, "rows.jsonl", "--force")
    loaded = logpipe("detect", folder / "good.log", "--load-detector", "d.json", cwd=tmp_path)
    assert loaded.code == 0, loaded


def test_otel_records(folder) -> None:
    """One per finding, in the form of the protocol."""
    ran = logpipe("detect", "bad.log", "--window", WINDOW, "--style", "otel", cwd=folder)

    (line,) = ran.out.splitlines()
    record = json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    facts = {a["key"]: a["value"] for a in record["attributes"]}
    assert record["severityText"] == "WARN"
    assert "lost" in record["body"]["stringValue"]
    assert facts["logpipe.anomaly.windows"] == {"intValue": "2"}
    assert int(record["timeUnixNano"]) > 1.7e18


def test_fail_on_is_for_machines(folder) -> None:
    """1 if something is at least that strange, else 0."""
    bad = ("detect", "bad.log", "--train", "good.log", "--window", WINDOW, "-q", "--fail-on")
    good = ("detect", "good.log", "--train", "good.log", "--window", WINDOW, "--fail-on", "1")

    assert logpipe(*bad, "1", cwd=folder).code == 1
    assert logpipe(*bad, "1e9", cwd=folder).code == 0
    assert logpipe(*good, cwd=folder).code == 0


def test_answers_of_a_review_are_remembered(folder, tmp_path) -> None:
    """And applied at once and next time."""
    base = ("detect", folder / "bad.log", "--window", WINDOW, "--verdicts", "v.yaml")

    asked = logpipe(*base, "--review", "-o", "r.jsonl", stdin=b"n\n", cwd=tmp_path)
    later = logpipe(*base, "--json", cwd=tmp_path)

    assert asked.code == 0, asked
    assert b'"anomalous":true' not in (tmp_path / "r.jsonl").read_bytes()
    assert "verdict: normal" in (tmp_path / "v.yaml").read_text()
    assert json.loads(later.out)["anomalous"] == 0
    refused(logpipe("detect", folder / "bad.log", "--review"), "--verdicts")


def test_verdicts_that_are_not_there_are_an_error(folder, tmp_path) -> None:
    """A mistyped name would switch all of them off; a review makes the file, if it is answered."""
    base = ("detect", folder / "bad.log", "--window", WINDOW, "--verdicts", "v.yaml")

    refused(logpipe(*base, cwd=tmp_path), "--verdicts v.yaml: there is no such file")
    ran = logpipe(*base, "--review", stdin=b"q\n", cwd=tmp_path)
    assert ran.code == 0
    assert "v.yaml was not written" in ran.err


def test_a_wrong_parameter_of_a_detector_names_its_option(folder) -> None:
    """`--set` is the parser's."""
    ran = logpipe("detect", folder / "bad.log", "--window", WINDOW, "--detector-set", "foo=1")
    refused(ran, "--detector-set foo: detector 'auto' has no such parameter")


@pytest.mark.parametrize("redirect", ["<&-", "</dev/null"])
def test_a_review_without_anybody_to_answer_is_a_wrong_request(redirect, folder, tmp_path) -> None:
    """Not an interruption: one line says what is missing, and 2; with nothing to ask it is fine."""
    base = f"exec {sys.executable} -m logpipe detect --review --verdicts {tmp_path}/v.yaml"
    asked = f"{base} --window '{WINDOW}' bad.log {redirect}"
    nothing = f"{base} --train good.log --window '{WINDOW}' good.log {redirect}"

    ran = [
        subprocess.run(
            ["sh", "-c", command], capture_output=True, cwd=folder, env=environment(), check=False
        )
        for command in (asked, nothing)
    ]

    refused(Ran(ran[0].returncode, ran[0].stdout, ran[0].stderr.decode()), "--review asks")
    assert ran[1].returncode == 0, ran[1]


def test_logs_that_are_all_alike_end_with_0(tmp_path) -> None:
    """There is a sensible result, and a note says what it is worth."""
    same = b"".join(
        b"2026-01-02 10:%02d:%02d,000 INFO a.B: tick\n" % divmod(i, 60) for i in range(600)
    )
    log_file(tmp_path, same, "same.log")

    ran = logpipe("detect", "same.log", cwd=tmp_path)

    assert ran.code == 0, ran
    assert "0 of 120 windows are abnormal" in ran.out.decode()
    assert "have the same counts" in ran.err


def test_times_that_go_backwards_or_are_missing_end_with_0_and_a_note(folder, tmp_path) -> None:
    """Lines count where their time says, or where the line before them does."""
    lines = (folder / "bad.log").read_bytes().splitlines(keepends=True)
    log_file(tmp_path, b"".join(lines[300:] + lines[:300]), "back.log")
    log_file(tmp_path, b"".join([*lines[:9], b"  at app.Worker:7\n", *lines[9:]]), "some.log")

    back = logpipe("detect", "back.log", "--window", "time:10s", cwd=tmp_path)
    some = logpipe("detect", "some.log", "--window", "time:10s", cwd=tmp_path)

    assert (back.code, some.code) == (0, 0), (back, some)
    assert (
        f"1 line is earlier than the line before (the first: back.log line {len(lines) - 299}"
        in (back.err)
    )
    assert "1 line has no time stamp" in some.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--window", "session:zzz"], ["no session found"]),
        (["--window", "lines:9999"], ["one window only", "--train"]),
        (["--window", "day"], ["expected session:REGEX"]),
        (["--window", "time:5x"], ["500ms, 60s", "'5x'"]),
        (["--window", "lines:0"], ["a number of lines", "'0'"]),
        (["--window", "lines:5/9"], ["the step is larger"]),
        (["--window", "session:("], ["not a regular expression"]),
        (["--window", "time:5s", "--format", "plain"], ["no line has a time stamp", "--format"]),
        (["--labels", "sessions.csv"], ["match nothing", "'blk_1'", "'job-7000'"]),
        (["--labels", "lines.csv"], ["match nothing", "line 99,999", "760 lines"]),
        (["--labels", "spans.csv"], ["match nothing", "2020-01-01T00:00:00Z", "2026-03-04T10:00"]),
        (["--train", "other.log", "--window", WINDOW], ["training logs", "no session found"]),
        (["--train", "empty.log"], ["training logs", "no lines"]),
        (["--window", "field:Job"], ["has no field 'Job'"]),
        (["--detector", "nearst"], ["Did you mean 'nearest'"]),
        (["--detector", "tree"], ["--labels"]),
        (["--detector-set", "share=lots"], ["share"]),
        (["--labels", "none.csv"], ["none.csv"]),
        (["--train", "none.log"], ["none.log"]),
        (["--load-detector", "bad.log"], ["not a saved detector"]),
        (["--report", "bad.log"], ["never overwritten"]),
        (["--fail-on", "nan"], ["expected a number"]),
    ],
)
def test_a_wrong_request_ends_with_one_line_and_2(arguments, words, folder) -> None:
    """What was expected and what was found; no traceback."""
    refused(logpipe("detect", "bad.log", "-q", *arguments, cwd=folder), *words)


def test_detectors_are_listed() -> None:
    """With what they learn from."""
    rows = {row["name"]: row for row in json.loads(logpipe("detectors", "list", "--json").out)}

    assert {"auto", "nearest", "pca", "invariants", "isolation-forest", "tree"} <= set(rows)
    assert rows["tree"]["supervised"] is True
    assert not [row for row in rows.values() if row["problem"]]
