"""What stands in front of Prefect: names, key=value, settings, tables."""

import csv
import io
import os
import subprocess
import sys
from typing import Any

import pytest

import flows
from flows import tables
from flows.arguments import convert, pairs
from flows.environment import DEFAULTS, prepare, workers
from flows.runners import task_runner
from logpipe.errors import OutputError, UnknownNameError, UsageError


def example(
    names: list[str] | None = None,
    threads: int = 1,
    share: float = 0.5,
    loud: bool = False,
    output: str | None = None,
    extra: dict[str, Any] | None = None,
):
    """A flow's signature."""


def test_pairs_are_split_at_the_first_equals_sign():
    """A value may hold more of them."""
    assert pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}


@pytest.mark.parametrize("texts", [["a"], ["=b"], ["a=1", "a=2"]])
def test_what_is_no_pair_is_refused(texts):
    """No equals sign, no key, or a key that comes twice."""
    with pytest.raises(UsageError, match=r"expected KEY=VALUE|is given twice"):
        pairs(texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names=a,b", {"names": ["a", "b"]}),
        ("names=a", {"names": ["a"]}),
        ('names=["a,b"]', {"names": ["a,b"]}),
        ("names=none", {"names": None}),
        ("threads=4", {"threads": 4}),
        ("share=.25", {"share": 0.25}),
        ("loud=true", {"loud": True}),
        ("output=none", {"output": None}),
        ("output=a,b", {"output": "a,b"}),
        ('extra={"drain": {"depth": 5}}', {"extra": {"drain": {"depth": 5}}}),
    ],
)
def test_text_becomes_what_the_signature_asks_for(text, expected):
    """Lists with commas or as JSON, mappings as JSON, the rest as one says it."""
    assert convert(example, pairs([text]), "flow 'x'") == expected


def test_values_that_are_no_text_are_checked_only():
    """For callers in Python."""
    assert convert(example, {"names": ["a"], "threads": 2}, "x") == {"names": ["a"], "threads": 2}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("threads=many", r"flow 'x': threads should be a whole number, found 'many'"),
        ("loud=perhaps", r"loud should be true or false"),
        ("names=[1", r"names should be a list \(a,b,...\) or none"),
        ("extra=[]", r"extra should be a JSON object or none"),
    ],
)
def test_a_value_of_the_wrong_kind_says_what_it_should_be(text, words):
    """Where, expected, found."""
    with pytest.raises(UsageError, match=words):
        convert(example, pairs([text]), "flow 'x'")


def test_an_unknown_parameter_lists_the_known_ones():
    """A slip of the pen is not ignored."""
    with pytest.raises(UnknownNameError, match=r"no parameter 'name'; it has names, threads"):
        convert(example, {"name": "a"}, "flow 'x'")


def test_a_missing_parameter_is_named():
    """With what it should be."""
    with pytest.raises(UsageError, match=r"x needs count=a whole number"):
        convert(_needs, {}, "x")


def _needs(count: int):
    """A function with a parameter that has no default."""


def test_an_unknown_flow_lists_the_known_ones():
    """With the one that was probably meant."""
    with pytest.raises(UnknownNameError, match=r"unknown flow 'parse_al'.* mean 'parse-all'"):
        flows.load("parse_al")
    with pytest.raises(UnknownNameError, match="Known: compress-all, detect-all, download"):
        flows.run("nothing")
    assert "Parquet" in flows.summary("parse-all")


def test_importing_flows_does_not_import_prefect():
    """Two seconds of CPU that only a run has to pay."""
    code = "import sys, flows; print('prefect' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_settings_of_the_user_stay(monkeypatch):
    """Ours are defaults."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")

    prepare()

    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "120"


def test_the_number_of_workers_is_bounded(monkeypatch):
    """One per core, unless LOGPIPE_WORKERS says otherwise."""
    monkeypatch.delenv("LOGPIPE_WORKERS", raising=False)
    assert 1 <= workers() <= 8
    monkeypatch.setenv("LOGPIPE_WORKERS", "3")
    assert workers() == 3
    for wrong in ("0", "-1", "many", "257"):
        monkeypatch.setenv("LOGPIPE_WORKERS", wrong)
        with pytest.raises(UsageError, match="from 1 to 256"):
            workers()


def test_an_unknown_runner_is_refused(monkeypatch):
    """With those there are."""
    monkeypatch.setenv("LOGPIPE_RUNNER", "moon")
    with pytest.raises(UsageError, match="one of: threads, processes, dask, ray; found 'moon'"):
        task_runner()


ROWS = [
    {"name": "a|b", "lines": 1234567, "seconds": 0.5, "error": "two\nlines"},
    {"name": "c", "lines": None, "seconds": 1234.5},
]


def test_a_markdown_table_lines_up():
    """Every line has the same width; numbers stand to the right; a cell stays a cell."""
    text = tables.to_markdown(ROWS, ["name", "lines", "seconds", "error"])

    assert len({len(line) for line in text.splitlines()}) == 1
    assert "1,234,567" in text
    assert "two lines" in text
    assert "a\\|b" in text
    assert text.splitlines()[1] == "| ---- | --------: | ------: | --------- |"


def test_a_csv_keeps_every_digit():
    """It is for programs."""
    text = tables.to_csv(ROWS, ["name", "lines", "error"])

    assert list(csv.DictReader(io.StringIO(text))) == [
        {"name": "a|b", "lines": "1234567", "error": "two\nlines"},
        {"name": "c", "lines": "", "error": ""},
    ]


def test_a_result_that_cannot_be_written_is_an_output_error(tmp_path):
    """And leaves no temporary file."""
    (tmp_path / "taken").mkdir()

    with pytest.raises(OutputError, match=r"cannot write .*taken"):
        tables.write_json(tmp_path / "taken", {})
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
