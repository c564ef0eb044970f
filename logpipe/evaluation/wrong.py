"""What a parser got wrong: for each true template that it missed, what it said instead.

This is for the parser's author: sorted by the lines concerned, with an example line, and a word for
the kind of mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from logpipe.evaluation.cases import Case
from logpipe.evaluation.columns import read_messages, read_truth
from logpipe.evaluation.scoring import contingency
from logpipe.metrics import Contingency
from logpipe.template import readable

__all__ = ["Given", "Kind", "Wrong", "wrong_templates"]

Kind = Literal["text", "split", "merged", "torn"]
"""`text`: the right lines together under another text; `split`: lines in several groups, none of
which has others'; `merged`: all in one group, with lines of other templates; `torn`: both."""

_MOST_GIVEN = 5


@dataclass(frozen=True)
class Given:
    """A text that was given for some lines of a template, and how many lines of others have it."""

    text: str
    rows: int
    others: int


@dataclass(frozen=True)
class Wrong:
    """A true template that was missed.

    Attributes:
        expected: its text.
        rows: its lines.
        wrong_rows: those of them that have another text, or stand in a wrong group.
        kind: of mistake.
        given: the texts most of its lines have, at most five.
        texts: how many texts its lines have in all.
        line_no: number of the first line of it.
        example: that line's message.
    """

    expected: str
    rows: int
    wrong_rows: int
    kind: Kind
    given: tuple[Given, ...]
    texts: int
    line_no: int
    example: str


def wrong_templates(
    folder: Path, case: Case, *, top: int = 50, template_style: str = "exact"
) -> tuple[list[Wrong], int]:
    """The missed templates that concern most lines, and how many were missed in all.

    Args:
        folder: of a run that is ok.
        case: what it ran on.
        top: how many to describe.
        template_style: as for `score`.
    """
    table = contingency(folder, case, template_style)
    found = sorted(_missed(table), key=lambda missed: (-missed[1], missed[0]))
    truth = read_truth(case.truth)
    codes = truth.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    code_of = {text: i for i, text in enumerate(truth.dictionary.to_pylist())}
    first = np.full(len(code_of), len(codes), np.int64)
    np.minimum.at(first, codes[codes >= 0], np.flatnonzero(codes >= 0))
    messages = read_messages(case.messages)
    wrong = []
    for index, rows, kind in found[:top]:
        expected = str(table.true_labels[index])
        at = int(first[code_of[expected]])
        pairs = np.flatnonzero(table.pair_true == index)
        pairs = pairs[np.argsort(-table.pair_rows[pairs], kind="stable")]
        given = tuple(_given(table, int(pair)) for pair in pairs[:_MOST_GIVEN])
        wrong.append(
            Wrong(
                expected,
                int(table.true_rows[index]),
                rows,
                kind,
                given,
                len(pairs),
                at + 1,
                readable(messages[at]),
            )
        )
    return wrong, len(found)


def _missed(table: Contingency) -> Iterator[tuple[int, int, Kind]]:
    """(true template, wrong rows, kind) of those whose group or text is wrong on some line."""
    text_rows = np.bincount(
        table.pair_true,
        weights=table.pair_rows * table.pair_is_text,
        minlength=len(table.true_labels),
    ).astype(np.int64)
    mixed = np.zeros(len(table.true_labels), bool)
    mixed[table.pair_true[table.truths_of_predicted[table.pair_predicted] > 1]] = True
    split = table.predictions_of_true > 1
    for index in range(len(table.true_labels)):
        rows = int(table.true_rows[index])
        if split[index] and mixed[index]:
            yield index, rows, "torn"
        elif split[index]:
            yield index, rows, "split"
        elif mixed[index]:
            yield index, rows, "merged"
        elif text_rows[index] < rows:
            yield index, rows - int(text_rows[index]), "text"


def _given(table: Contingency, pair: int) -> Given:
    predicted = int(table.pair_predicted[pair])
    rows = int(table.pair_rows[pair])
    return Given(
        str(table.predicted_labels[predicted]),
        rows,
        int(table.predicted_rows[predicted]) - rows,
    )
