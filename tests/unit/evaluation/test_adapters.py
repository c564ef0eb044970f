"""Parsers of other packages, and of another interpreter, behind one form."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from logpipe.batch import ByteColumn
from logpipe.errors import ParserError, UsageError
from logpipe.evaluation.adapters import Logparser3
from logpipe.evaluation.calling import ask, make_parser
from logpipe.evaluation.contestants import Contestant, choose, load_contestants
from logpipe.metrics import Variable
from logpipe.parsers.base import Parser, text_template
from logpipe.pipeline.evaluating import evaluate

MESSAGES = [b"took 15 ms in caf\xc3\xa9", b"took 7 ms in bar", b"disk full"] * 4

FAKE = r"""
import csv, os
class LogParser:
    def __init__(self, log_format, indir, outdir, rex=(), limit=99, same=False):
        assert log_format == "<Content>"
        self.indir, self.outdir, self.limit = indir, outdir, limit
        self.same = same
    def parse(self, name):
        print("Parsing", name)
        with open(self.indir + name, encoding="utf-8") as file:
            lines = file.read().splitlines()
        with open(os.path.join(self.outdir, name + "_structured.csv"), "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["LineId", "Content", "EventTemplate"])
            for number, line in enumerate(lines[: self.limit], 1):
                rows.writerow([1 if self.same else number, line, line.split()[0] + " <*>"])
"""


def answer(target: str, **parameters: object) -> list[str | None]:
    """The text a parser gives each message."""
    found = ask(target, make_parser(target, parameters), ByteColumn.of(MESSAGES))()
    return [found.texts[code] if code >= 0 else None for code in found.codes.tolist()]


@pytest.mark.parametrize(
    ("name", "module", "expected"),
    [
        ("Drain3Tuned", "drain3", ["took <*> ms in <*>", "took <*> ms in <*>", "disk full"]),
        ("Logfold", "logfold", ["took <*> ms in <*>", "took <*> ms in <*>", "disk full"]),
        ("Tipping", "tipping", [None, None, None]),
    ],
)
def test_a_package_answers_in_order(name: str, module: str, expected: list[str | None]):
    """One text per message, variables as `<*>`, and never a text of another line."""
    pytest.importorskip(module)

    found = answer(f"logpipe.evaluation.adapters:{name}")

    assert len(found) == len(MESSAGES)
    if expected[0] is not None:
        assert found[:3] == expected
    for message, text in zip(MESSAGES, found, strict=True):
        assert text is None or text.split(" ")[0] in (message.decode().split(" ")[0], "<*>")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the form of logparser3 that this interpreter finds, and its interpreter."""
    package = tmp_path / "logparser" / "Fake"
    package.mkdir(parents=True)
    (tmp_path / "logparser" / "__init__.py").write_text("")
    # As in that package: the folder's own file is imported as if it were at the top.
    (package / "__init__.py").write_text("from Fake import *\n")
    (package / "Fake.py").write_text(FAKE)
    python = tmp_path / "python"
    lines = ["#!/bin/sh", f'shift; PYTHONPATH={tmp_path} exec {sys.executable} "$@"']
    python.write_text("\n".join(lines) + "\n")
    python.chmod(0o755)
    return python


def test_a_parser_of_another_interpreter_answers(fake: Path):
    """Messages go there as a file, templates and seconds come back; what it prints is no answer."""
    parser = Logparser3("Fake", "HDFS", str(fake), rex=["x"])

    assert parser.parse(["a b", "c\nd", ""][:2]) == ["a <*>", "c <*>"]
    assert set(parser.measured_) == {"cpu_s", "wall_s", "peak_mb"}


def test_a_parser_elsewhere_that_drops_lines_is_seen(fake: Path):
    """Its rows carry line numbers: the dropped lines have no template, the others keep theirs."""
    parser = Logparser3("Fake", "HDFS", str(fake), limit=2)

    assert parser.parse(["a 1", "b 2", "c 3"]) == ["a <*>", "b <*>", None]


def test_numbers_that_repeat_say_nothing(fake: Path):
    """One of the package's parsers gives equal lines one number; its rows are in order."""
    parser = Logparser3("Fake", "HDFS", str(fake), same=True)

    assert parser.parse(["a 1", "b 2", "c 3"]) == ["a <*>", "b <*>", "c <*>"]


def test_what_went_wrong_elsewhere_is_told(fake: Path, tmp_path: Path):
    """No interpreter, no package, an exception there: the last line it printed."""
    with pytest.raises(ParserError, match=r"AssertionError|TypeError"):
        Logparser3("Fake", "HDFS", str(fake), no_such_setting=1).parse(["a"])
    with pytest.raises(ParserError, match=r"No module named 'logparser.Gone'"):
        Logparser3("Gone", "HDFS", str(fake)).parse(["a"])
    with pytest.raises(UsageError, match="cannot run"):
        Logparser3("Fake", "HDFS", str(tmp_path / "gone")).parse(["a"])
    with pytest.raises(UsageError, match="LOGPIPE_CONTESTANT_PYTHON"):
        Logparser3("Fake", "HDFS", "").parse(["a"])


def test_the_list_that_comes_with_logpipe_is_complete():
    """Fifteen published parsers and the ones that run here; each has a reason or can be made."""
    known = load_contestants()
    names = {c.published for c in known.values()}

    published = "AEL Drain IPLoM LenMa LFA LogCluster LogMine Logram LogSig MoLFI SHISO SLCT Spell"
    assert {*published.split(), "UniParser", "LogPPT"} <= names
    assert {"drain", "iterative", "drain3", "drain3-tuned", "logfold", "tipping"} <= set(known)
    assert all(c.disabled or c.parser for c in known.values())
    assert not known["drain"].disabled
    assert len({name.lower() for name in known}) == len(known), "they are names of folders"
    assert "drain" in {c.name for c in choose([], known)}
    assert not any(c.disabled for c in choose([], known))


def test_settings_are_those_of_the_system():
    """Per system and edition; one that is not listed gets no expression."""
    tuned = load_contestants()["drain3-tuned"]

    assert tuned.parameters_for("HDFS", "full")["masks"] != tuned.parameters_for("HDFS", "2k")
    assert tuned.parameters_for("HDFS", "2k")["masks"] == ["blk_-?\\d+"]
    assert tuned.parameters_for("nothing known") == {"depth": 4, "sim_th": 0.5, "masks": []}
    assert Contestant("x", parameters={"a": 1}).parameters_for("HDFS") == {"a": 1}


class SeveralTemplates(Parser):
    """A group with templates of its own for spacings, and lines in no group."""

    def fit_predict(self, messages):
        self.templates_ = [
            text_template(7, b"took <*>  ms"),
            text_template(7, b"took <*> ms"),
            text_template(8, b"never  <*>"),
        ]
        return np.array([7, 7, 7, 0], np.uint32)

    def predict(self, messages):
        raise NotImplementedError


def test_a_group_is_scored_on_its_most_frequent_template():
    """One text for each group, blanks squeezed; a line in no group is `<*>`."""
    messages = ByteColumn.of([b"took 1 ms", b"took 2 ms", b"took 3  ms", b"else"])

    found = ask("several", SeveralTemplates(), messages)()

    assert [found.texts[code] for code in found.codes] == ["took <*> ms"] * 3 + ["<*>"]
    assert found.groups is not None
    assert found.groups.tolist() == [7, 7, 7, 0]


def test_variables_are_found_by_category(tmp_path: Path):
    """The sample says of what category each variable is; the truth itself finds all of them."""
    perfect = tmp_path / "perfect.py"
    perfect.write_text(
        "import re\n"
        "class Half:\n"
        "    def parse(self, messages):\n"
        "        return [re.sub(r'(?<= from )\\S+', '<*>', m) for m in messages]\n"
    )
    one = evaluate([f"{perfect}:Half"], ["sample/sshd"], folder=tmp_path / "out").scored[0]

    assert one.record.status == "ok", one.record.error
    assert one.variables["all"].variables > one.variables["LOI"].variables > 1000
    assert 0.1 < one.variables["LOI"].accuracy < 0.9
    assert one.variables["OBA"].accuracy == 0.0
    assert "LOI" in (tmp_path / "out" / "variables.csv").read_text()
    assert Variable(1, 2) == Variable(1, 2, "")
