"""The contingency table: how many rows have this true and that predicted label.

Every metric of this package that compares a truth with a prediction is a few sums over this table,
so the rows are walked once however many metrics are asked for. The table is sparse: one entry per
pair of labels that occurs together, a few thousand for a log of millions of rows. Its labels are
sorted, so it does not depend on the order of the rows.

Decisions taken here, for all metrics:

- **Null truth.** The row is no row of any group; it is counted in `Contingency.rows` only. (The
  published evaluator:
  dropped for GA and FTA, an error for PA.)
- **Null prediction.** Reads as the empty text ``""``, as in the published evaluator; all such rows
  are one group.
- **Equal texts are one group**, even where the parser had two clusters. Score the cluster ids to
  keep them apart.
- **Different lengths** raise `LengthMismatch`. A parser that drops rows has to be aligned by line
  number first, with None for the missing rows; cutting both columns to the shorter one would
  compare different lines.
- **No rows, or no row with a truth,** raise `NothingToScore`. A ratio of nothing is neither 0 nor
  1.

Measured with ``python -m benchmarks.metrics_scale`` (see there for the command and the figures): 16
million rows are well below 60 s and 4 GB for `official`, from codes, from Arrow and from Python
strings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from logpipe.metrics.labels import (
    Encoded,
    Label,
    LabelError,
    Labels,
    LengthMismatch,
    NothingToScore,
    encode,
)

# Up to this many possible pairs are counted in a flat array; more are sorted.
_DENSE_PAIRS = 1 << 24

Style: TypeAlias = Callable[[str], str]
"""Template text -> normalised template text; see `logpipe.metrics.styles`."""


@dataclass(frozen=True, eq=False)
class Contingency:
    """Sparse counts of (true label, predicted label) pairs.

    T, P and N below are the numbers of distinct true labels, of distinct predicted labels, and of
    distinct pairs.

    Attributes:
        rows: All rows, those with a null truth included.
        null_rows: Rows with a null truth. They are in no other attribute.
        true_labels: The T distinct true labels, sorted; each occurs.
        predicted_labels: The P distinct predicted labels, sorted; each occurs on a row with a
            truth.
        pair_true: int32, shape (N,): index into `true_labels`. Pairs are sorted by true, then
            predicted index.
        pair_predicted: int32, shape (N,): index into `predicted_labels`.
        pair_rows: int64, shape (N,): rows with this pair, at least 1. Sums to ``rows - null_rows``.
    """

    rows: int
    null_rows: int
    true_labels: tuple[Label, ...]
    predicted_labels: tuple[Label, ...]
    pair_true: NDArray[np.int32]
    pair_predicted: NDArray[np.int32]
    pair_rows: NDArray[np.int64]

    @property
    def scored_rows(self) -> int:
        """Rows with a truth; at least 1."""
        return self.rows - self.null_rows

    @cached_property
    def true_rows(self) -> NDArray[np.int64]:
        """Rows of each true label, shape (T,)."""
        return _sum_by(self.pair_true, self.pair_rows, len(self.true_labels))

    @cached_property
    def predicted_rows(self) -> NDArray[np.int64]:
        """Rows (with a truth) of each predicted label, shape (P,)."""
        return _sum_by(self.pair_predicted, self.pair_rows, len(self.predicted_labels))

    @cached_property
    def predictions_of_true(self) -> NDArray[np.int64]:
        """Distinct predicted labels on the rows of each true label, shape (T,); at least 1."""
        return np.bincount(self.pair_true, minlength=len(self.true_labels))

    @cached_property
    def truths_of_predicted(self) -> NDArray[np.int64]:
        """Distinct true labels on the rows of each predicted label, shape (P,); at least 1."""
        return np.bincount(self.pair_predicted, minlength=len(self.predicted_labels))

    @cached_property
    def pair_is_group(self) -> NDArray[np.bool_]:
        """Pairs that are a true and a predicted group at once, shape (N,): the correct groups."""
        alone_in_prediction = self.truths_of_predicted[self.pair_predicted] == 1
        group: NDArray[np.bool_] = alone_in_prediction & (
            self.predictions_of_true[self.pair_true] == 1
        )
        return group

    @cached_property
    def pair_is_text(self) -> NDArray[np.bool_]:
        """Pairs whose two texts are equal, shape (N,).

        Raises:
            LabelError: A side holds group ids; ids of two sides are not comparable.
        """
        self.require_text()
        code = {label: i for i, label in enumerate(self.true_labels)}
        same = np.fromiter(
            (code.get(label, -1) for label in self.predicted_labels),
            np.int32,
            len(self.predicted_labels),
        )
        equal: NDArray[np.bool_] = same[self.pair_predicted] == self.pair_true
        return equal

    @cached_property
    def pair_is_template(self) -> NDArray[np.bool_]:
        """Pairs of equal text whose prediction is on no row of another truth, shape (N,)."""
        template: NDArray[np.bool_] = self.pair_is_text & (
            self.truths_of_predicted[self.pair_predicted] == 1
        )
        return template

    def require_text(self) -> None:
        """Raises `LabelError` unless both sides are template text."""
        for side, labels in (("truth", self.true_labels), ("prediction", self.predicted_labels)):
            if not all(isinstance(label, str) for label in labels):
                raise LabelError(
                    f"the {side} holds group ids (for example {labels[0]!r}), and this metric "
                    "compares template text; give the texts, or Coded(codes, texts)"
                )

    def restyle(self, truth: Style | None = None, predicted: Style | None = None) -> Contingency:
        """The same rows with the texts of one or both sides normalised.

        Labels that become equal are merged.

        Each distinct text is normalised once. None leaves a side as it is.
        """
        self.require_text()
        true_labels = [truth(str(x)) if truth else x for x in self.true_labels]
        predicted_labels = [predicted(str(x)) if predicted else x for x in self.predicted_labels]
        true, predicted_ = encode(true_labels, "truth"), encode(predicted_labels, "prediction")
        return _table(
            Encoded(true.codes[self.pair_true], true.values),
            Encoded(predicted_.codes[self.pair_predicted], predicted_.values),
            self.pair_rows,
            self.null_rows,
        )


def contingency_table(truth: Labels, predicted: Labels) -> Contingency:
    """Counts the pairs of labels of two columns.

    Args:
        truth: One label per row: template text or group ids. Null: the row is not scored.
        predicted: One label per row, as many as `truth`. Need not be of the same kind: the truth
            may be text and the prediction ids, for metrics that look at groups only.

    Raises:
        LabelError: A label is neither text nor an integer.
        LengthMismatch: The columns have different lengths.
        NothingToScore: There are no rows, or every truth is null.

    >>> table = contingency_table(["a", "a", "b", None], ["x", "y", "y", "y"])
    >>> table.true_labels, table.predicted_labels, table.rows, table.null_rows
    (('a', 'b'), ('x', 'y'), 4, 1)
    >>> [*zip(table.pair_true.tolist(), table.pair_predicted.tolist(), table.pair_rows.tolist())]
    [(0, 0, 1), (0, 1, 1), (1, 1, 1)]
    """
    true, guess = encode(truth, "truth"), encode(predicted, "prediction")
    if len(true.codes) != len(guess.codes):
        raise LengthMismatch(
            f"the truth has {len(true.codes):,} rows and the prediction {len(guess.codes):,}; "
            "expected one prediction for each row, in the same order. Nothing was scored. If the "
            "parser drops lines, align its output by line number first and put None for the "
            "lines it dropped."
        )
    if not len(true.codes):
        raise NothingToScore("truth and prediction are empty: 0 rows")
    keep = true.codes >= 0
    null_rows = len(keep) - int(np.count_nonzero(keep))
    if null_rows == len(keep):
        raise NothingToScore(
            f"all {null_rows:,} rows have a null truth; at least one template is needed"
        )
    if null_rows:
        true = Encoded(true.codes[keep], true.values)
        guess = Encoded(guess.codes[keep], guess.values)
    if int(guess.codes.min()) < 0:
        values = (
            *guess.values,
            "",
        )  # may repeat an empty text that is there already; _table merges them
        guess = Encoded(np.where(guess.codes < 0, np.int32(len(guess.values)), guess.codes), values)
    return _table(true, guess, None, null_rows)


def as_table(truth: Labels | Contingency, predicted: Labels | None) -> Contingency:
    """The table of two columns, or the table that was given in place of both."""
    if isinstance(truth, Contingency):
        if predicted is not None:
            raise LabelError(
                "a contingency table holds both sides already; expected no second argument"
            )
        return truth
    if predicted is None:
        raise LabelError(
            "the prediction is missing; give truth and prediction, or one contingency table"
        )
    return contingency_table(truth, predicted)


def _table(
    true: Encoded, guess: Encoded, weights: NDArray[np.int64] | None, null_rows: int
) -> Contingency:
    """The table of rows (or, with weights, of pairs) that all have a code on both sides."""
    width = len(guess.values)
    key = true.codes.astype(np.int64)
    key *= width
    key += guess.codes
    if weights is not None:
        pairs, inverse = np.unique(key, return_inverse=True)
        counts = _sum_by(inverse, weights, len(pairs))
    elif len(true.values) * width <= _DENSE_PAIRS:
        counts = np.bincount(key)
        pairs = np.flatnonzero(counts)
        counts = counts[pairs]
    else:
        key.sort()
        starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        pairs = key[starts]
        counts = np.diff(starts, append=len(key))
    rows = int(counts.sum())
    true_codes, true_labels = _canonical(pairs // width, true.values)
    guess_codes, guess_labels = _canonical(pairs % width, guess.values)
    order = np.lexsort((guess_codes, true_codes))
    true_codes, guess_codes, counts = true_codes[order], guess_codes[order], counts[order]
    first = np.concatenate(([True], (np.diff(true_codes) != 0) | (np.diff(guess_codes) != 0)))
    if not first.all():  # the empty text came in twice, as a label and as a null
        counts = np.add.reduceat(counts, np.flatnonzero(first))
        true_codes, guess_codes = true_codes[first], guess_codes[first]
    return Contingency(
        rows + null_rows, null_rows, true_labels, guess_labels, true_codes, guess_codes, counts
    )


def _canonical(
    codes: NDArray[np.int64], values: tuple[Label, ...]
) -> tuple[NDArray[np.int32], tuple[Label, ...]]:
    """Renumbers codes so that the labels that occur are sorted and distinct."""
    used = np.flatnonzero(np.bincount(codes, minlength=len(values)))
    labels = sorted({values[i] for i in used.tolist()}, key=lambda x: (isinstance(x, str), x))
    code = {label: i for i, label in enumerate(labels)}
    table = np.zeros(len(values), dtype=np.int32)
    table[used] = [code[values[i]] for i in used.tolist()]
    return table[codes], tuple(labels)


def _sum_by(codes: NDArray[np.integer], weights: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Sums of the weights by code, shape (size,); exact below 2**53."""
    return np.bincount(codes, weights=weights, minlength=size).astype(np.int64)
