"""What a new user tries first, and once went wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from logpipe import parsers, pipeline
from logpipe.errors import UnknownNameError, UsageError
from logpipe.export.columns import column_names
from logpipe.export.times import time_column
from logpipe.formats.auto import detect

PARSER = """
import numpy as np
from logpipe.parsers.base import Parser, as_column, text_template
class One(Parser):
    def fit_predict(self, messages):
        self.templates_ = [text_template(1, b"<*>")]
        return np.ones(len(as_column(messages)), np.uint32)
    def predict(self, messages):
        return np.ones(len(as_column(messages)), np.uint32)
"""


def run(*arguments: str, cwd: Path, shell: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "logpipe", *arguments]
    if shell:
        return subprocess.run(
            ["bash", "-c", f'"$@" {shell}', "bash", *command],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_severity_is_no_host() -> None:
    """`<time> INFO module: text` is not taken for `<time> host program: text`."""
    line = b"2024-03-31T07:05:07.123Z INFO com.x.Server: started 1\n"

    assert "journald" not in detect(line * 5).layout.name


def test_names_that_differ_in_case_only_are_made_different() -> None:
    """DuckDB and Spark take `Timestamp` and `timestamp` for one column."""
    assert time_column(column_names(["Timestamp"])) == "timestamp_"
    assert column_names(["Line_No"]) == ["Line_No_"]


def test_a_parquet_file_is_no_log(tmp_path: Path) -> None:
    """Our own output given as input is refused, not parsed as text."""
    (tmp_path / "x.parquet").write_bytes(b"PAR1\x15\x04\x15\nPAR1")

    ran = run("parse", "x.parquet", cwd=tmp_path)

    assert ran.returncode == 2
    assert "is a Parquet file" in ran.stderr


def test_a_closed_standard_output_is_told(tmp_path: Path) -> None:
    """In a daemon there may be none."""
    (tmp_path / "a.log").write_text("one 1\ntwo 2\n")

    ran = run("parse", "a.log", "-q", "-o", "-", cwd=tmp_path, shell=">&-")

    assert ran.returncode == 2
    assert ran.stderr == "logpipe: error: cannot write standard output: it is closed\n"


@pytest.mark.parametrize("name", ["mine:One", "mine.py:One", "./mine.py:One"])
def test_a_parser_in_the_current_folder_is_found(tmp_path: Path, name: str) -> None:
    """By module or by file."""
    (tmp_path / "mine.py").write_text(PARSER)
    (tmp_path / "a.log").write_text("one 1\ntwo 2\n")

    ran = run("parse", "a.log", "--parser", name, "-o", "out.jsonl", cwd=tmp_path)

    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "out.jsonl").read_text().count('"group":1') == 2


def test_a_parser_file_that_is_not_there_is_named() -> None:
    """Instead of an error of the import system."""
    with pytest.raises(UnknownNameError, match="no file"):
        parsers.load("./nowhere.py:One")
    with pytest.raises(UnknownNameError, match="no module name"):
        parsers.load("./nowhere:One")


def test_messages_that_are_text_are_refused_clearly() -> None:
    """The message says what to do."""
    with pytest.raises(UsageError, match="message 2 is of type str, expected bytes"):
        parsers.load("drain").fit_predict([b"a", "b"])  # type: ignore[list-item]
    for wrong in (None, b"one line", 7, iter([b"a"])):
        with pytest.raises(UsageError, match=f"type {type(wrong).__name__}, expected a list"):
            parsers.load("iterative").fit([b"a"]).predict(wrong)  # type: ignore[arg-type]


def test_parse_takes_paths(tmp_path: Path) -> None:
    """As `stream` does."""
    log = tmp_path / "a.log"
    log.write_text("one 1\ntwo 2\n")

    assert pipeline.parse(str(log)).lines == 2
    assert pipeline.parse([str(log), str(log)]).lines == 4


def test_lines_without_a_header_are_counted(tmp_path: Path) -> None:
    """A layout that fits only the head of a file is noticed."""
    log = tmp_path / "a.log"
    good = "Jan  1 10:00:00 host prog[1]: hello 1\n"
    log.write_text(good * 1500 + "something else\n" * 500)

    ran = run("parse", str(log), "-o", "out.jsonl", cwd=tmp_path)

    assert "500 of 2,000 lines do not have the header of layout syslog" in ran.stderr


def test_syslog_has_a_time_as_a_number_once_its_year_is_said(tmp_path: Path) -> None:
    """Without --year a note says why there is none."""
    lines = "".join(f"Dec 31 23:59:0{i} host sshd[{i}]: session {i} opened\n" for i in range(9))
    (tmp_path / "a.log").write_text(lines)

    without = run("parse", "a.log", "-o", "a.parquet", cwd=tmp_path)
    ran = run("parse", "a.log", "-o", "b.parquet", "--year", "2023", cwd=tmp_path)

    assert "--year" in without.stderr
    assert "--year" not in ran.stderr
    assert "timestamp" not in pq.read_schema(tmp_path / "a.parquet").names
    times = pq.read_table(tmp_path / "b.parquet", columns=["timestamp"])["timestamp"]
    assert str(times[8]) == "2023-12-31 23:59:08"


def test_a_log_in_utf_16_is_kept_and_said_to_be_one(tmp_path: Path) -> None:
    """Windows tools write it; its lines are parsed byte by byte, which helps nobody unless told."""
    (tmp_path / "a.log").write_bytes("one 1\r\ntwo 2\r\n".encode("utf-16"))

    ran = run("parse", "a.log", "-o", "a.jsonl", cwd=tmp_path)

    assert ran.returncode == 0
    assert "UTF-16" in ran.stderr
    assert "iconv" in ran.stderr
