"""Metrics that look at the groups only: which rows are together, not what their label says.

Template text is a label here like any other, so all of these take group ids as well.
"""

from __future__ import annotations

import numpy as np

from logpipe.metrics.contingency import Contingency, as_table
from logpipe.metrics.labels import Labels


def f1(precision: float, recall: float) -> float:
    """The harmonic mean of two ratios; 0 if both are 0."""
    return 2 * (precision * recall) / (precision + recall) if precision or recall else 0.0


def grouping(truth: Labels | Contingency, predicted: Labels | None = None) -> dict[str, float]:
    """GA, PGA, RGA and FGA: how many groups, and how many rows in them, are exactly right.

    A true group is correct when all its rows carry one predicted label and that label is on no
    other row. GA is the share of rows in correct groups (of the rows with a truth); PGA the correct
    groups over the predicted ones; RGA over the true ones; FGA their harmonic mean, 0 if both are
    0.

    Source: Jiang et al., "A Large-Scale Evaluation for Log Parsing Techniques: How Far Are We?"
    (Loghub-2.0), ISSTA 2024; GA by Zhu et al., "Tools and Benchmarks for Automated Log Parsing",
    ICSE-SEIP 2019.

    Args:
        truth: One label per row, or a contingency table in place of both columns.
        predicted: One label per row.

    Returns:
        ``{"GA", "PGA", "RGA", "FGA"}``, each in [0, 1]. Degenerate input raises an error.

    >>> grouping(["a", "a", "b", "c"], ["x", "x", "y", "z"])  # perfect
    {'GA': 1.0, 'PGA': 1.0, 'RGA': 1.0, 'FGA': 1.0}
    >>> grouping(["a", "a", "b", "b"], ["x", "X", "y", "y"])  # group a is split
    {'GA': 0.5, 'PGA': 0.3333333333333333, 'RGA': 0.5, 'FGA': 0.4}
    >>> grouping(["a", "a", "b", "c"], ["x", "x", "y", "y"])  # groups b and c are merged
    {'GA': 0.5, 'PGA': 0.5, 'RGA': 0.3333333333333333, 'FGA': 0.4}
    """
    table = as_table(truth, predicted)
    groups = int(np.count_nonzero(table.pair_is_group))
    precision, recall = groups / len(table.predicted_labels), groups / len(table.true_labels)
    return {
        "GA": int(table.pair_rows[table.pair_is_group].sum()) / table.scored_rows,
        "PGA": precision,
        "RGA": recall,
        "FGA": f1(precision, recall),
    }


def group_id_accuracy(truth: Labels, predicted_ids: Labels) -> float:
    """GA on group ids: the share of rows in groups that are exactly right.

    The formula is GA's. What differs is what the caller gives: the parser's own group of each row.
    The official GA sees only template text, so that two clusters which happen to have the same text
    are merged before scoring, and one cluster whose text changed while it was learning is split.
    Neither happens here.

    Args:
        truth: One label per row, template text or ids.
        predicted_ids: The parser's group id of each row.

    >>> group_id_accuracy(["a", "a", "b"], [7, 7, 9])  # perfect
    1.0
    >>> group_id_accuracy(["a", "a", "b", "b"], [7, 8, 9, 9])  # over-split
    0.5
    >>> group_id_accuracy(["a", "a", "b", "c"], [7, 7, 9, 9])  # merged
    0.5
    """
    return grouping(truth, predicted_ids)["GA"]


def original_loghub(
    truth: Labels | Contingency, predicted: Labels | None = None
) -> dict[str, float]:
    """The figures of the first Loghub evaluator: accuracy, and precision and recall of row pairs.

    What its paper calls *parsing accuracy* is what everybody has called GA since: rows in exactly
    right groups over rows. It is scored on event ids there, so give ids to reproduce it. Precision
    is the share of the pairs of rows that are together in the prediction and also together in the
    truth; recall the share of the pairs together in the truth that are together in the prediction.

    Rows with a null truth are left out. Where no two rows are together in the prediction, precision
    is 1 (nothing wrong was claimed); where none are in the truth, recall is 1 (nothing was missed).
    The original divides by zero.

    Source: Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019.

    Returns:
        ``{"accuracy", "precision", "recall", "F"}``, each in [0, 1].

    >>> original_loghub([1, 1, 2, 3], [5, 5, 6, 7])  # perfect
    {'accuracy': 1.0, 'precision': 1.0, 'recall': 1.0, 'F': 1.0}
    >>> original_loghub([1, 1, 2, 2], [5, 6, 7, 7])  # over-split
    {'accuracy': 0.5, 'precision': 1.0, 'recall': 0.5, 'F': 0.6666666666666666}
    >>> original_loghub([1, 1, 2, 3], [5, 5, 6, 6])  # merged
    {'accuracy': 0.5, 'precision': 0.5, 'recall': 1.0, 'F': 0.6666666666666666}
    """
    table = as_table(truth, predicted)
    together = _pairs(table.pair_rows)
    claimed, wanted = _pairs(table.predicted_rows), _pairs(table.true_rows)
    precision = together / claimed if claimed else 1.0
    recall = together / wanted if wanted else 1.0
    return {
        "accuracy": grouping(table)["GA"],
        "precision": precision,
        "recall": recall,
        "F": f1(precision, recall),
    }


def _pairs(sizes: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> int:
    """Pairs of rows within groups of these sizes."""
    return int((sizes * (sizes - 1) // 2).sum())
