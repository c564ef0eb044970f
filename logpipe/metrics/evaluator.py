"""The eight figures of the Loghub-2.0 evaluator, and every table metric at once.

`official` gives what the published evaluator gives for the same columns (tests/differential
compares 56 results to 1e-12). Where that program has a hole, this one has a decision:

- *Row with a null truth*: dropped for GA and FTA, an error for PA. Here the same.
- *Null prediction*: read as the empty text. Here the same.
- *Template text* ``null``, ``NA``, ``None``, ... *or empty in the truth*: pandas reads it as null.
  Here it is ordinary text; `as_pandas_reads` gives the other reading.
- *Columns of different length*: a crash, or rows compared with other rows. Here `LengthMismatch`.
- *No row, or no row with a truth*: a division by zero. Here `NothingToScore`.
- *Two clusters with one text*: merged. Here the same; `group_id_accuracy` keeps them apart.
- *Right text on some rows of a template only*: counts for FTA. Here the same;
  `strict_template_accuracy` does not count it.
- *Slice without templates*: left out of the output. Here a slice with 0 templates and no scores.
- *Parser that timed out or crashed*: left out of the average. Here `mean_counting_failures`.
- *Style of the template text*: the truth is normalised in its files, the prediction never. Here a
  named option for each side.
"""

from __future__ import annotations

from collections.abc import Sequence

from logpipe.metrics.contingency import Contingency, as_table
from logpipe.metrics.edit import edit_distance
from logpipe.metrics.granularity import granularity_distances
from logpipe.metrics.groups import grouping, original_loghub
from logpipe.metrics.labels import Labels
from logpipe.metrics.styles import style
from logpipe.metrics.templates import parsing_accuracy, strict_template_accuracy, template_accuracy

OFFICIAL = ("GA", "PGA", "RGA", "FGA", "PA", "PTA", "RTA", "FTA")
"""The keys of `official`, in order."""

# What pandas.read_csv takes for a missing value unless told otherwise.
_PANDAS_NULLS = {
    *("", "null", "NULL", "None", "NA", "N/A", "n/a", "<NA>", "#NA", "#N/A", "#N/A N/A"),
    *("NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
}


def official(
    truth: Labels | Contingency,
    predicted: Labels | None = None,
    *,
    truth_style: str = "exact",
    predicted_style: str = "exact",
) -> dict[str, float]:
    """GA, PGA, RGA, FGA, PA, PTA, RTA and FTA exactly as the Loghub-2.0 evaluator computes them.

    Args:
        truth: One template text per row, or a contingency table in place of both columns.
        predicted: One template text per row, as many as `truth`.
        truth_style: Name of the style the true texts are brought to first, see
            `logpipe.metrics.styles`. The published truths are in their style already, so "exact"
            reproduces published figures.
        predicted_style: The same for the predicted texts; the published evaluator leaves them
            alone.

    Returns:
        The eight ratios, each in [0, 1], in the order of `OFFICIAL`.

    Raises:
        LabelError: A label is no text.
        LengthMismatch: The columns have different lengths.
        NothingToScore: There is no row with a truth.
        UnknownStyle: No style has that name.

    >>> def show(scores):
    ...     print(*(f"{name} {value:.2f}" for name, value in scores.items()))
    >>> show(official(["a <*>", "a <*>", "b"], ["a <*>", "a <*>", "b"]))  # perfect
    GA 1.00 PGA 1.00 RGA 1.00 FGA 1.00 PA 1.00 PTA 1.00 RTA 1.00 FTA 1.00
    >>> show(official(["a <*>", "a <*>", "b"], ["a 1", "a <*>", "b"]))  # over-split
    GA 0.33 PGA 0.33 RGA 0.50 FGA 0.40 PA 0.67 PTA 0.67 RTA 1.00 FTA 0.80
    >>> show(official(["a <*>", "b x", "b y"], ["a <*>", "b <*>", "b <*>"]))  # merged
    GA 0.33 PGA 0.50 RGA 0.33 FGA 0.40 PA 0.33 PTA 0.50 RTA 0.33 FTA 0.40
    >>> show(official(["size <*>"], ["size <*>.<*>"], predicted_style="loghub-2k"))
    GA 1.00 PGA 1.00 RGA 1.00 FGA 1.00 PA 1.00 PTA 1.00 RTA 1.00 FTA 1.00
    """
    table = _styled(as_table(truth, predicted), truth_style, predicted_style)
    return {**grouping(table), "PA": parsing_accuracy(table), **template_accuracy(table)}


def extended(
    truth: Labels | Contingency,
    predicted: Labels | None = None,
    *,
    truth_style: str = "exact",
    predicted_style: str = "exact",
) -> dict[str, float]:
    """`official` and every other metric that needs nothing but the two columns of template text.

    Adds strict_PTA, strict_RTA, strict_FTA; pair_precision, pair_recall and pair_F (of
    `original_loghub`, whose accuracy is GA); ED and NED (`edit_distance`); GGD and PGD
    (`granularity_distances`). Arguments and errors are those of `official`. Higher is better but
    for ED, GGD and PGD, which are distances and have no upper bound.

    >>> scores = extended(["a <*>", "a <*>", "b"], ["a 1", "a <*>", "b"])  # over-split
    >>> scores["strict_FTA"], scores["ED"], scores["GGD"], scores["PGD"]
    (0.4, 1.0, 1.0, 1.0)
    """
    table = _styled(as_table(truth, predicted), truth_style, predicted_style)
    pairs = original_loghub(table)
    return {
        **official(table),
        **strict_template_accuracy(table),
        **{f"pair_{name}": pairs[name] for name in ("precision", "recall", "F")},
        **edit_distance(table),
        **granularity_distances(table),
    }


def as_pandas_reads(texts: Sequence[str | None]) -> list[str | None]:
    """The column as pandas would read it from CSV, with its words for a missing value as nulls.

    The published evaluator reads its files that way, so a template ``null`` or an empty one has no
    truth there. Apply this to the truth, and to the prediction too, to reproduce a published figure
    for a set that has such a template; the sets of Loghub-2.0 at 2k rows have none.

    >>> as_pandas_reads(["ok", "null", "", "None", "none", None])
    ['ok', None, None, None, 'none', None]
    """
    return [None if text in _PANDAS_NULLS else text for text in texts]


def _styled(table: Contingency, truth_style: str, predicted_style: str) -> Contingency:
    if truth_style == predicted_style == "exact":
        return table
    return table.restyle(style(truth_style), style(predicted_style))
