"""The author's list: every kind of mistake is named, the costly ones come first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from logpipe.evaluation.wrong import Wrong, wrong_templates
from logpipe.pipeline.evaluating import evaluate

from .making import truth_file

PARSER = """
class Given:
    def parse(self, messages):
        return {answers!r}
"""


@pytest.fixture
def mistakes(tmp_path: Path) -> Callable[..., tuple[list[Wrong], int]]:
    def run(truth: list[str], answers: list[str], **more: object) -> tuple[list[Wrong], int]:
        rows = [(i, f"line {i}", text) for i, text in enumerate(truth, 1)]
        source = truth_file(tmp_path, rows)
        (tmp_path / "given.py").write_text(PARSER.format(answers=answers))
        found = evaluate([f"{tmp_path}/given.py:Given"], [str(source)], folder=tmp_path / "out")
        one = found.scored[0]
        return wrong_templates(found.run_folder(one.record), found.cases[str(source)], **more)

    return run


def test_each_kind_of_mistake_is_named(mistakes: Callable[..., tuple[list[Wrong], int]]):
    """Text only, split, merged, torn; the right one is not listed."""
    truth = [*"aaa", *"bbbb", *"cc", *"dddddd", *"e"]
    answers = ["A", "A", "A", "b", "b", "B", "B", "x", "x", *"xxxyyy", "e"]

    found, missed = mistakes(truth, answers)

    assert missed == 4
    assert [(w.expected, w.kind, w.wrong_rows) for w in found] == [
        ("d", "torn", 6),
        ("b", "split", 4),
        ("a", "text", 3),
        ("c", "merged", 2),
    ]
    assert [(g.text, g.rows, g.others) for g in found[0].given] == [("x", 3, 2), ("y", 3, 0)]
    assert (found[2].line_no, found[2].example) == (1, "line 1")
    assert found[1].line_no == 4


def test_only_the_costly_ones_are_described(mistakes: Callable[..., tuple[list[Wrong], int]]):
    """A long list is cut, and its length is known."""
    found, missed = mistakes([f"t{i}" for i in range(9)], ["w"] * 9, top=2)

    assert (len(found), missed) == (2, 9)


def test_a_text_given_in_many_ways_is_summed_up(
    mistakes: Callable[..., tuple[list[Wrong], int]],
):
    """Five texts are shown, the number of all is told."""
    found, _ = mistakes(["t"] * 9, [f"w{i}" for i in range(9)])

    assert (len(found[0].given), found[0].texts) == (5, 9)
