"""Variable accuracy: which of the variables in the messages were found, and as what.

PA says whether a whole template is right. This says which kinds of variables a parser finds: it may
get every address and miss every user name. A variable is a span of characters of the message; it is
found when the prediction has a variable with exactly the same ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from logpipe.errors import UsageError
from logpipe.metrics.groups import f1
from logpipe.metrics.labels import LengthMismatch, NothingToScore
from logpipe.metrics.styles import SLOT

CATEGORIES = ("OID", "LOI", "OBN", "TID", "SID", "TDA", "CRS", "OBA", "STC", "OTP")
"""The ten categories of Li et al., "Did We Miss Something Important? Studying and Exploring
Variable-Aware Log Abstraction", ICSE 2023: object id, location, object name, type, switch, time or
duration, computing resource, object
amount, status code, other."""

Text = TypeVar("Text", str, bytes)


@dataclass(frozen=True, slots=True, order=True)
class Variable:
    """A variable of a message.

    Attributes:
        start: Offset of its first character (or byte).
        end: Offset after its last one; at least `start`. An empty variable has both equal.
        category: One of `CATEGORIES`, or any other word; empty where none was assigned.
    """

    start: int
    end: int
    category: str = ""


Row: TypeAlias = Sequence[Variable]


@dataclass(frozen=True, slots=True)
class VariableScore:
    """How well the variables of one category were found.

    Attributes:
        variables: True variables of the category.
        found: Those for which the prediction has a variable with the same ends.
        typed: Found ones whose predicted category is the true one.
        predicted: Predicted variables of the category; for "all", all predicted variables.
        right: Predicted ones that have the ends (and, but for "all", the category) of a true
            variable.
    """

    variables: int
    found: int
    typed: int
    predicted: int
    right: int

    @property
    def accuracy(self) -> float:
        """`found` over `variables`; 1 if there are none."""
        return self.found / self.variables if self.variables else 1.0

    @property
    def type_accuracy(self) -> float:
        """`typed` over `variables`; 1 if there are none."""
        return self.typed / self.variables if self.variables else 1.0

    @property
    def precision(self) -> float:
        """`right` over `predicted`; 1 if there are none."""
        return self.right / self.predicted if self.predicted else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of `precision` and `accuracy`."""
        return f1(self.precision, self.accuracy)


def variable_accuracy(
    truth: Iterable[Row | None], predicted: Iterable[Row | None]
) -> dict[str, VariableScore]:
    """The variables found, per category of the truth, and for "all".

    Args:
        truth: The true variables of each row; None where the row has no truth (not scored).
        predicted: The predicted variables of each row, as many rows; None counts as no variables.
            Their category may be empty: then `VariableScore.accuracy` still says how many were
            found.

    Returns:
        A score for each category that occurs on either side, sorted, then "all".

    Raises:
        LengthMismatch: There are not as many rows on both sides.
        NothingToScore: No row has a truth.
        UsageError: A category is called "all".

    >>> truth = [[Variable(5, 8, "OBN"), Variable(12, 14, "OBA")]]
    >>> perfect = variable_accuracy(truth, truth)
    >>> perfect["OBN"].accuracy, perfect["all"].f1
    (1.0, 1.0)
    >>> over_split = variable_accuracy(
    ...     truth, [[Variable(5, 8, "OID"), Variable(12, 13), Variable(13, 14)]]
    ... )
    >>> over_split["OBN"].accuracy, over_split["OBN"].type_accuracy, over_split["OBA"].accuracy
    (1.0, 0.0, 0.0)
    >>> over_split["all"]
    VariableScore(variables=2, found=1, typed=0, predicted=3, right=1)
    >>> merged = variable_accuracy(truth, [[Variable(5, 14, "OBN")]])
    >>> merged["all"].accuracy, merged["OBN"].precision
    (0.0, 0.0)
    """
    true_rows, predicted_rows = list(truth), list(predicted)
    if len(true_rows) != len(predicted_rows):
        raise LengthMismatch(
            f"the truth has {len(true_rows):,} rows and the prediction {len(predicted_rows):,}; "
            "expected a list of variables, or None, for each row"
        )
    tallies: dict[str, list[int]] = {}
    total = [0] * 5
    scored = 0
    for true_row, predicted_row in zip(true_rows, predicted_rows, strict=True):
        if true_row is None:
            continue
        scored += 1
        true = {(v.start, v.end): v.category for v in true_row}
        guess = {(v.start, v.end): v.category for v in predicted_row or ()}
        for ends, category in true.items():
            hit = (1, ends in guess, guess.get(ends) == category, 0, 0)
            _add(tallies.setdefault(category, [0] * 5), hit)
            _add(total, hit)
        for ends, category in guess.items():
            if category:
                _add(
                    tallies.setdefault(category, [0] * 5), (0, 0, 0, 1, true.get(ends) == category)
                )
            _add(total, (0, 0, 0, 1, ends in true))
    if not scored:
        raise NothingToScore(f"none of the {len(true_rows):,} rows has a truth")
    if "all" in tallies:
        raise UsageError("a variable has the category 'all', the name of the result's last entry")
    return {name: VariableScore(*tallies[name]) for name in sorted(tallies)} | {
        "all": VariableScore(*total)
    }


def slot_spans(message: Text, template: Text) -> list[tuple[int, int]] | None:
    """Where the variables of a template are in a message; None if the two do not match.

    Variables are the ``<*>`` in the text, each as short as possible from the left (the last one as
    long as needed). A ``<*>`` that is part of the message itself cannot be told from a variable in
    template text; templates that are not text do not have this flaw.

    Args:
        message: Text or bytes.
        template: The same type.

    Returns:
        (start, end) of each variable in order; they may be empty.

    >>> slot_spans("user ann took 15 ms", "user <*> took <*> ms")
    [(5, 8), (14, 16)]
    >>> slot_spans("user ann", "user <*> took <*> ms") is None
    True
    """
    marker: Any = SLOT if isinstance(template, str) else SLOT.encode()
    literals = template.split(marker)
    first, last = literals[0], literals[-1]
    if not message.startswith(first):
        return None
    if len(literals) == 1:
        return [] if message == first else None
    limit = len(message) - len(last)
    position = len(first)
    spans = []
    for literal in literals[1:-1]:
        found = message.find(literal, position, limit)
        if found < 0:
            return None
        spans.append((position, found))
        position = found + len(literal)
    if limit < position or not message.endswith(last):
        return None
    spans.append((position, limit))
    return spans


def _add(tally: list[int], amounts: Sequence[int]) -> None:
    for i, amount in enumerate(amounts):
        tally[i] += amount
