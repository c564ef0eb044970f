"""Metrics that look at the template text: is what the parser says exactly what the truth says?"""

from __future__ import annotations

import numpy as np

from logpipe.metrics.contingency import Contingency, as_table
from logpipe.metrics.groups import f1
from logpipe.metrics.labels import Labels


def parsing_accuracy(truth: Labels | Contingency, predicted: Labels | None = None) -> float:
    """PA: the share of all rows whose predicted text equals the true text exactly.

    Rows with a null truth are in the denominator and never correct, as in the published evaluator.

    Source: Dai et al., "Logram: Efficient Log Parsing Using n-Gram Dictionaries", TSE 2020;
        Loghub-2.0, ISSTA 2024.

    Args:
        truth: One template text per row, or a contingency table in place of both columns.
        predicted: One template text per row.

    Raises:
        LabelError: Group ids were given.

    >>> parsing_accuracy(["a <*>", "a <*>", "b"], ["a <*>", "a <*>", "b"])  # perfect
    1.0
    >>> parsing_accuracy(["a <*>", "a <*>", "b", "b"], ["a 1", "a <*>", "b", "b"])  # over-split
    0.75
    >>> parsing_accuracy(["a <*>", "b x", "b y"], ["a <*>", "b <*>", "b <*>"])  # merged
    0.3333333333333333
    """
    table = as_table(truth, predicted)
    return int(table.pair_rows[table.pair_is_text].sum()) / table.rows


def template_accuracy(
    truth: Labels | Contingency, predicted: Labels | None = None
) -> dict[str, float]:
    """PTA, RTA and FTA as the official evaluator counts them: how many templates are exactly right.

    A predicted text is correct when the true texts of its rows are one and the same, and equal to
    it. It need not be on all rows of that template: a template that was found for some of its rows
    counts fully, so FTA can exceed FGA. See `strict_template_accuracy` for the count that asks for
    all rows. PTA is correct texts over distinct predicted texts, RTA over distinct true ones, FTA
    their harmonic mean, 0 if both are 0. Rows with a null truth are left out.

    Source: Khan et al., "Guidelines for Assessing the Accuracy of Log Message Template
    Identification Techniques", ICSE 2022; Loghub-2.0, ISSTA 2024.

    Returns:
        ``{"PTA", "RTA", "FTA"}``, each in [0, 1].

    >>> template_accuracy(["a <*>", "a <*>", "b"], ["a <*>", "a <*>", "b"])  # perfect
    {'PTA': 1.0, 'RTA': 1.0, 'FTA': 1.0}
    >>> template_accuracy(["a <*>", "a <*>", "b"], ["a 1", "a <*>", "b"])  # over-split, and yet
    {'PTA': 0.6666666666666666, 'RTA': 1.0, 'FTA': 0.8}
    >>> template_accuracy(["a <*>", "b x", "b y"], ["a <*>", "b <*>", "b <*>"])  # merged
    {'PTA': 0.5, 'RTA': 0.3333333333333333, 'FTA': 0.4}
    """
    table = as_table(truth, predicted)
    return _ratios(int(np.count_nonzero(table.pair_is_template)), table, "PTA", "RTA", "FTA")


def strict_template_accuracy(
    truth: Labels | Contingency, predicted: Labels | None = None
) -> dict[str, float]:
    """The same ratios, counting a template only if its text is on all of its rows and no other.

    Correct here is correct for FGA and for FTA at once, so strict FTA is at most the smaller of the
    two. This is what the paper's text describes; its evaluator asks for less.

    Returns:
        ``{"strict_PTA", "strict_RTA", "strict_FTA"}``, each in [0, 1].

    >>> strict_template_accuracy(["a <*>", "a <*>", "b"], ["a <*>", "a <*>", "b"])  # perfect
    {'strict_PTA': 1.0, 'strict_RTA': 1.0, 'strict_FTA': 1.0}
    >>> strict_template_accuracy(["a <*>", "a <*>", "b"], ["a 1", "a <*>", "b"])  # over-split
    {'strict_PTA': 0.3333333333333333, 'strict_RTA': 0.5, 'strict_FTA': 0.4}
    >>> strict_template_accuracy(["a <*>", "b x", "b y"], ["a <*>", "b <*>", "b <*>"])  # merged
    {'strict_PTA': 0.5, 'strict_RTA': 0.3333333333333333, 'strict_FTA': 0.4}
    """
    table = as_table(truth, predicted)
    correct = int(np.count_nonzero(table.pair_is_template & table.pair_is_group))
    return _ratios(correct, table, "strict_PTA", "strict_RTA", "strict_FTA")


def _ratios(
    correct: int, table: Contingency, p_name: str, r_name: str, f_name: str
) -> dict[str, float]:
    precision, recall = correct / len(table.predicted_labels), correct / len(table.true_labels)
    return {p_name: precision, r_name: recall, f_name: f1(precision, recall)}
