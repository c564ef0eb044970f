"""Granularity distances: how many steps turn one parse into the other.

GA and FGA are all or nothing: a group of a million rows from which one row is missing is as wrong
as one that is torn to pieces. A granularity distance counts how much would have to be done to the
prediction to get the truth.

Source of the idea and of the names: Zhong et al., "LogParser-LLM: Advancing Efficient Log Parsing
with Large Language Models", KDD 2024 (arXiv:2408.13727). The steps are spelled out below, since a
name alone is not a definition; figures printed elsewhere under these names may count otherwise
(public scorers were found that compare group counts or sizes only), so compare only figures
computed by one program.
"""

from __future__ import annotations

import numpy as np

from logpipe.metrics.contingency import Contingency, as_table
from logpipe.metrics.labels import Labels


def grouping_granularity_distance(
    truth: Labels | Contingency, predicted: Labels | None = None
) -> float:
    """GGD: the fewest steps that turn the predicted groups into the true ones.

    A step merges two groups into one or splits one group into two. The minimum is closed: call two
    groups linked when they share a row, and let C be the number of connected parts that the true
    and the predicted groups form together. Within a part of t true and p predicted groups, p - 1
    merges and t - 1 splits do it, and fewer cannot (the lattice of partitions is upper semimodular,
    so a shortest way leads through the join). In total GGD = T + P - 2 C.

    0 exactly when the groups are the same; symmetric; obeys the triangle inequality. Counts groups,
    not rows: it has no upper bound but T + P - 2. Rows with a null truth are left out.

    Args:
        truth: One label per row, text or ids, or a contingency table in place of both columns.
        predicted: One label per row.

    >>> grouping_granularity_distance(["a", "a", "b", "c"], ["x", "x", "y", "z"])  # perfect
    0.0
    >>> grouping_granularity_distance(["a", "a", "a", "b"], ["x", "y", "z", "w"])  # over-split
    2.0
    >>> grouping_granularity_distance(["a", "b", "c", "c"], ["x", "x", "y", "y"])  # merged
    1.0
    """
    table = as_table(truth, predicted)
    parts = _connected_parts(table)
    return float(len(table.true_labels) + len(table.predicted_labels) - 2 * parts)


def parsing_granularity_distance(
    truth: Labels | Contingency, predicted: Labels | None = None
) -> float:
    """PGD: the same, until the texts are right as well.

    A third kind of step rewrites the text of a group. One is needed for each true template whose
    text is on none of its rows, in addition to the steps of GGD. So PGD >= GGD, and 0 exactly when
    every row has the right text.

    Raises:
        LabelError: Group ids were given.

    >>> parsing_granularity_distance(["a <*>", "a <*>", "b"], ["a <*>", "a <*>", "b"])  # perfect
    0.0
    >>> parsing_granularity_distance(["a <*>", "a <*>", "b"], ["a 1", "a 2", "b"])  # over-split
    2.0
    >>> parsing_granularity_distance(["b x", "b y"], ["b <*>", "b <*>"])  # merged: rewrite both
    3.0
    """
    table = as_table(truth, predicted)
    found = len(np.unique(table.pair_true[table.pair_is_text]))
    return grouping_granularity_distance(table) + len(table.true_labels) - found


def granularity_distances(
    truth: Labels | Contingency, predicted: Labels | None = None
) -> dict[str, float]:
    """Both distances, ``{"GGD", "PGD"}``.

    >>> granularity_distances(["a <*>", "a <*>", "b"], ["a 1", "a 2", "b"])
    {'GGD': 1.0, 'PGD': 2.0}
    """
    table = as_table(truth, predicted)
    return {"GGD": grouping_granularity_distance(table), "PGD": parsing_granularity_distance(table)}


def _connected_parts(table: Contingency) -> int:
    """Connected components of the graph that links true and predicted labels sharing a row."""
    shift = len(table.true_labels)
    parent = list(range(shift + len(table.predicted_labels)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    parts = len(parent)
    for true, guess in zip(table.pair_true.tolist(), table.pair_predicted.tolist(), strict=True):
        a, b = root(true), root(shift + guess)
        if a != b:
            parent[a] = b
            parts -= 1
    return parts
