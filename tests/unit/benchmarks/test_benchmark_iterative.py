"""The benchmarks of `iterative` in small form: what they compute, on truths made here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks import ablation, accuracy, categories, default_parser
from benchmarks.truths import COLLECTIONS, Truth
from logpipe.parsers.iterative.parser import rule_names


def truth() -> Truth:
    messages = [f"took {i} ms" for i in range(20)] + [f"user u{i} left" for i in range(20)]
    templates = ["took <*> ms"] * 20 + ["user <*> left"] * 20
    return Truth("Made", "loghub-2k", messages, templates)


def test_a_parser_that_finds_the_truth_scores_one() -> None:
    """Predictions are printed in the style of the truth and compared row by row."""
    assert accuracy.predicted(truth()) == truth().templates
    assert accuracy.score(truth()) == (1.0, 1.0, 1.0, 1.0)


def test_rules_that_are_off_cost_what_they_are_worth() -> None:
    """Without any rule every user has a template; numbers alone are seen by the style."""
    grouping, _, text, _ = accuracy.score(truth(), off=rule_names())

    assert grouping == text == 0.5
    assert accuracy.mean([(1, 1, 1, 1), (0, 0, 0, 0)]) == (0.5, 0.5, 0.5, 0.5)


def test_rules_of_print_can_be_off() -> None:
    """They are not the parser's, and take part in its scores."""
    messages = ["took 1 ms (2 kb)", "took 3 ms (4 kb)"]
    both = Truth("A", "loghub-2k", messages, ["took <*> ms"] * 2)

    assert accuracy.score(both, off=["drop-remarks"]) != accuracy.score(both)


def test_a_collection_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the names of those that are."""
    with pytest.raises(SystemExit):
        accuracy.main(["nothing"])
    told = capsys.readouterr().err
    assert all(name in told for name in COLLECTIONS)


def test_a_system_is_scored_without_the_rules_that_it_alone_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Support is what the others gain; what they do not miss is off, what harms them, too."""
    worth = {"A": {"both": 0.2, "mine": 0.5}, "B": {"both": 0.1, "bad": -0.3}, "C": {"both": 0.1}}

    def scored(truth: Truth, off: Iterable[str] = ()) -> accuracy.Scores:
        return (1.0 - sum(worth[truth.name].get(rule, 0.0) for rule in off), 1.0, 1.0, 1.0)

    sets = tuple(Truth(name, "loghub-2k", [], []) for name in worth)
    monkeypatch.setattr(ablation, "collection", lambda _: sets)
    monkeypatch.setattr(ablation, "score", scored)
    units = {"both": ("both",), "mine": ("mine",), "bad": ("bad",), "idle": ("idle",)}
    found, rows, weak = ablation.left_out(ablation.without(()), units)

    assert {name: row[0] for name, row in rows.items()} == {"A": 0.5, "B": 1.3, "C": 1.0}
    assert found["both"]["helps"] == ["A", "B", "C"]
    assert (found["bad"]["helps"], found["bad"]["harms"]) == ([], ["B"])
    assert weak["A"] == ("mine", (0.5, 1.0, 1.0, 1.0))


def test_every_rule_is_in_the_ablation() -> None:
    """Alone, and in one of the kinds."""
    in_kinds = [rule for rules in ablation.KINDS.values() for rule in rules]

    assert set(rule_names()) <= set(ablation.single_rules())
    assert len(in_kinds) == len(set(in_kinds))
    assert set(in_kinds) == set(ablation.single_rules())


def test_the_scores_of_categories_count_slots_and_templates() -> None:
    """Precision, recall and whole templates, by hand."""
    found = [
        categories.Slot("A", "E1", 0, "OID", "OID"),
        categories.Slot("A", "E1", 1, "LOI", "OID"),
        categories.Slot("A", "E2", 0, "LOI", "LOI"),
    ]
    table = categories.scores(found)

    assert table["OID"]["precision"] == 0.5
    assert table["LOI"]["recall"] == 0.5
    assert table["all slots"] == {"accuracy": 2 / 3, "slots": 3}
    assert table["whole templates"] == {"accuracy": 0.5, "templates": 2}


def test_held_out_systems_are_among_the_labelled() -> None:
    """A name with a mistake in it would hold nothing out."""
    text = categories.TRUTH.read_text(encoding="utf-8")

    assert all(f"/{system}," in text for system in categories.HELD_OUT)


def test_both_parsers_are_measured_on_the_same_lines(tmp_path: Path) -> None:
    """What the table of the default parser is made of."""
    log = tmp_path / "a.log"
    log.write_bytes(b"".join(b"took %d ms\n" % i for i in range(50)))
    out = tmp_path / "o.parquet"
    rows = {p: default_parser.measure(str(log), p, str(out)) for p in default_parser.PARSERS}

    assert {row["lines"] for row in rows.values()} == {50}
    assert all(row["written"] > 0 and row["unknown"] == 0 for row in rows.values())
    lines = default_parser._table([("a.log", {p: {**r, "writing": 1} for p, r in rows.items()})])
    assert sum(line.startswith("| a.log") for line in lines) == 2
