"""`logpipe evaluate` and `logpipe report` as users run them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from logpipe.evaluation.tables import latex_table
from tests.unit.cli.program import Ran, logpipe, names, refused

from .making import naughty, truth_file


def evaluate(folder: Path, *arguments: str) -> Ran:
    home = str(folder / "home")
    return logpipe("evaluate", *arguments, cwd=folder, LOGPIPE_HOME=home)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A right parser, a wrong one and one that fails, on a log whose templates hold odd text."""
    folder = tmp_path_factory.mktemp("command")
    rows = [
        (i, f'</script> "{word}" \x1b[31m {i}', f'</script> "{word}" \x1b[31m <*>')
        for i, word in enumerate(["a&b", "c<d", "e"] * 20, 1)
    ]
    truth_file(folder, rows)
    parsers = [naughty("Fine"), naughty("Raises"), "drain"]
    ran = evaluate(
        folder,
        *(part for name in parsers for part in ("--parser", name)),
        *(
            "--dataset",
            "own.csv",
            "-o",
            "out",
            "--report",
            "out.html",
            "--json",
            "--metrics",
            "all",
        ),
    )
    assert ran.code == 0, ran.err
    (folder / "printed.json").write_bytes(ran.out)
    return folder


def test_scores_have_a_row_for_each_slice(folder: Path):
    """The columns that scripts rely on; `all` first, with costs; intervals around the figures."""
    with (folder / "out" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    drain = [row for row in rows if row["parser"] == "drain"]

    for column in ("parser", "dataset", "status", "GA", "FGA", "PA", "FTA", "cpu_s", "peak_mb"):
        assert column in rows[0]
    assert [row["slice"] for row in drain][:2] == ["all", "rarest-5%"]
    assert drain[0]["lines"] == "60"
    assert float(drain[0]["wall_s"]) > 0
    assert float(drain[0]["GA_low"]) <= float(drain[0]["GA"]) <= float(drain[0]["GA_high"])
    assert sum(row["parser"].endswith("Raises") for row in rows) == 1


def test_json_has_the_same_facts(folder: Path):
    """What is printed, what is in scores.json, and the CSV agree."""
    printed = json.loads((folder / "printed.json").read_text())
    kept = json.loads((folder / "out" / "scores.json").read_text())
    with (folder / "out" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert printed["scores"] == kept["scores"]
    assert [row["parser"] for row in rows] == [row["parser"] for row in kept["scores"]]
    assert len(printed["leaderboard"]) == 3


def test_the_page_is_whole_and_says_it_all(folder: Path):
    """Read by a strict parser: every section, the failure's reason, expected and given texts."""
    page = (folder / "out.html").read_text("utf-8")
    root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))
    text = " ".join("".join(root.itertext()).split())

    heads = [head.text for head in root.iter("h2")]
    assert heads == [
        "Leaderboard",
        "Per data set",
        "Accuracy against cost",
        "Rare and complex templates",
        "Every run",
        "What to mend",
        "How this was measured",
    ]
    assert "ValueError: no such luck in two lines" in text
    assert '</script> "c<d" \\x1b[31m <*>' in text
    assert len(list(root.iter("script"))) == 1
    assert len(list(root.iter("{http://www.w3.org/2000/svg}svg"))) >= 8
    assert not re.search(r'(src|href)="(?!#)', page)


def test_an_evaluation_without_a_truth_says_why_and_fails(tmp_path: Path):
    """The reason is printed, also of a single run; a parser that fails is a result, code 0."""
    truth_file(tmp_path, [(1, "a 1", "a <*>"), (1, "a 2", "a <*>")])
    ran = evaluate(tmp_path, "--parser", "drain", "--dataset", "own.csv", "-o", "out")

    assert ran.code == 2
    assert b"rows 1 and 2 have the same LineId" in ran.out
    assert "no data set could be scored on" in ran.err

    truth_file(tmp_path, [(1, "a 1", "a <*>"), (2, "a 2", "a <*>")])
    (tmp_path / "mine.py").write_text("class Other: pass\n")
    ran = evaluate(tmp_path, "--parser", "mine:Nope", "--dataset", "own.csv", "-o", "out")
    assert ran.code == 0
    assert b"Nope" in ran.out


@pytest.mark.parametrize("answer", ["set(ms)", "dict.fromkeys(ms, 'a')", "'x' * len(ms)"])
def test_an_answer_that_is_no_list_is_refused(tmp_path: Path, answer: str):
    """Its order would decide, or its letters would be templates."""
    truth_file(tmp_path, [(i, f"a{i} 1", f"a{i} <*>") for i in range(1, 5)])
    (tmp_path / "mine.py").write_text(f"def parse(ms):\n    return {answer}\n")
    ran = evaluate(tmp_path, "--parser", "mine:parse", "--dataset", "own.csv", "-o", "out")

    assert ran.code == 0
    assert b"expected one template text" in ran.out


def test_the_best_of_each_data_set_is_bold_and_no_cost_is():
    """In LaTeX: a slow parser was bold where all took less than a second."""
    rows = [
        {"parser": "a", "dataset": "x", "GA": 1.0, "cpu_s": 0.9},
        {"parser": "b", "dataset": "x", "GA": 0.5, "cpu_s": 0.1},
        {"parser": "a", "dataset": "y", "GA": 0.6, "cpu_s": 0.2},
        {"parser": "b", "dataset": "y", "GA": 0.7, "cpu_s": 0.1},
    ]
    table = latex_table(rows, ["parser", "dataset", "GA", "cpu_s"])

    assert re.findall(r"textbf\{(.*?)\}", table) == ["1.000", "0.700"]


def test_report_makes_the_same_page_later(folder: Path):
    """From the folder, or from its scores; nothing is run."""
    for source, out in (("out", "again.html"), ("out/scores.csv", "third.html")):
        ran = logpipe("report", source, "-o", out, cwd=folder)
        assert ran.code == 0, ran.err
        assert (folder / out).read_text("utf-8") == (folder / "out.html").read_text("utf-8")


def test_tables_are_made_for_papers(folder: Path):
    """LaTeX with everything special escaped, Markdown with as many cells in each row."""
    latex = (folder / "out" / "tables.tex").read_text()
    markdown = (folder / "out" / "tables.md").read_text()

    assert latex.count("\\begin{tabular}") == latex.count("\\end{tabular}") == 2
    body = [line for line in latex.splitlines() if " & " in line]
    assert all(not re.search(r"(?<!\\)[_%#]", line) for line in body)
    assert {line.count(" & ") for line in body} == {9, 10}
    for block in markdown.split("\n\n"):
        assert len({re.sub(r"\\\|", "", x).count("|") for x in block.splitlines() if "|" in x}) <= 1


def test_scoring_again_runs_nothing(folder: Path):
    """Other metrics, another style, out of what is kept."""
    before = names(folder / "out" / "runs")
    ran = evaluate(
        folder,
        "--rescore",
        "-o",
        "out",
        "--metrics",
        "GA,FTA",
        "--template-style",
        "loghub-2k",
        "-q",
    )

    assert ran.code == 0, ran.err
    with (folder / "out" / "scores.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert "FGA" not in first
    assert first["template_style"] == "loghub-2k"
    assert names(folder / "out" / "runs") == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--parser", "dran"], ["unknown parser 'dran'", "Did you mean", "drain"]),
        (["--dataset", "nothing"], ["unknown data set or group 'nothing'"]),
        (["--dataset", "gone.csv"], ["gone.csv", "no such file"]),
        (["--metrics", "GA,XX"], ["no metric 'XX'", "known"]),
        (["--parser", "drain", "--set", "depth=x"], ["depth"]),
        (["--parser", "drain", "--parser", "drain3", "--set", "depth=5"], ["--set is for one"]),
        (["--contestants", "gone.yaml"], ["cannot read", "gone.yaml"]),
        (["--rescore", "-o", "nowhere"], ["evaluation.json"]),
        (["--rescore", "--parser", "drain"], ["--rescore"]),
        (["--report", "there.html"], ["there.html", "exists"]),
    ],
)
def test_a_wrong_request_is_one_clear_line(tmp_path: Path, arguments: list[str], words: list[str]):
    """Refused with 2 before anything is run or made."""
    (tmp_path / "there.html").write_text("mine")

    refused(evaluate(tmp_path, *arguments), *words)

    assert names(tmp_path) == ["there.html"]


def test_a_contestant_that_cannot_run_says_why(tmp_path: Path):
    """Disabled ones are rows, not errors, and no part of a mean."""
    (tmp_path / "list.yaml").write_text(
        "version: 1\n"
        "contestants:\n"
        "  one: {title: t, disabled: needs a crystal ball}\n"
        "  two: {title: t, parser: drain, python: LOGPIPE_NO_SUCH_VARIABLE, package: p}\n"
    )
    truth_file(tmp_path)
    ran = evaluate(
        tmp_path,
        *(
            "--contestants",
            "list.yaml",
            "--parser",
            "all",
            "--dataset",
            "own.csv",
            "-o",
            "out",
            "-q",
        ),
    )

    assert ran.code == 0, ran.err
    assert b"needs a crystal ball" in ran.out
    assert b"LOGPIPE_NO_SUCH_VARIABLE names no interpreter" in ran.out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", ["not valid YAML"]),
        ("version: 2\ncontestants: {}", ["version: 1"]),
        ("version: 1\ncontestants: {a: {titel: x}}", ["'a'", "'titel'", "known"]),
        ("version: 1\ncontestants: {a: {title: x}}", ["neither a parser nor a reason"]),
        ("version: 1\ncontestants: {a: {parser: drain, settings: Drian}}", ["Drian"]),
        ("version: 1\ncontestants: {a: {parser: [1]}}", ["parser should be of type str"]),
    ],
)
def test_a_list_with_a_mistake_is_refused(tmp_path: Path, text: str, words: list[str]):
    """A misspelt key must not be a contestant with defaults."""
    from logpipe.errors import InputError
    from logpipe.evaluation.contestants import load_contestants

    (tmp_path / "list.yaml").write_text(text)

    with pytest.raises(InputError) as refused_:
        load_contestants(tmp_path / "list.yaml")

    assert all(word in str(refused_.value) for word in words), refused_.value


def test_a_program_in_another_language_takes_part(tmp_path: Path):
    """It reads a file of messages and writes a file of templates; that it fails is told, too."""
    (tmp_path / "list.yaml").write_text(
        "version: 1\n"
        "contestants:\n"
        "  sed: {title: t, parser: 'logpipe.evaluation.adapters:Command',\n"
        '    parameters: {command: [sh, -c, \'sed "s/[0-9]*$/<*>/" "$0" > "$1"\','
        " '{input}', '{output}']}}\n"
        "  fails: {title: t, parser: 'logpipe.evaluation.adapters:Command',\n"
        "    parameters: {command: ['false']}}\n"
    )
    truth_file(tmp_path)
    ran = evaluate(
        tmp_path, *("--contestants", "list.yaml", "--dataset", "own.csv", "-o", "out", "--json")
    )
    rows = {row["parser"]: row for row in json.loads(ran.out)["leaderboard"]}

    assert rows["sed"]["PA"] == 1.0
    assert rows["fails"]["failed"] == 1


def test_a_group_can_be_shown():
    """`datasets show` knows what `evaluate --dataset` knows."""
    ran = logpipe("datasets", "show", "loghub-2k-corrected", "--json")

    assert len(json.loads(ran.out)) == 16
