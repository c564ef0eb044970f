"""Slices: the official figures on rare, frequent, simple and complex templates.

A log is dominated by a few templates; the lines that matter are often among the others. A slice is
a set of true templates, and its figures are the official ones with everything else left out of the
counts:

- GA, PA: over the rows whose truth is in the slice.
- RGA, RTA: correct templates of the slice over the size of the slice.
- PGA, PTA: the same over the predicted texts that are on some row of the slice.

What is correct is decided on the whole log: a predicted text that also covers rows outside the
slice is not.

Slices by frequency take the rarest or most frequent 5, 10 or 20 % of the true templates, rounded
down, sorted by rows; ties are broken by the text, so the result does not depend on the order of the
rows (the published evaluator leaves ties to an unstable sort). Slices by complexity count the
``<*>`` of the true text: 0, 1 to 4, 5 or more (the published evaluator counts every ``>``, because
the pattern it uses is a regular expression).

**Intervals.** The unit that is resampled is the true template, with all its rows: rows of one
template are right or wrong together, so resampling rows would give absurdly narrow intervals. For
each resample the numerators and denominators of all figures are summed over the drawn templates and
divided. A predicted text on rows of k templates of the slice counts 1/k with each of them, so that
drawing every template once gives exactly the figure itself. The interval is the percentile
interval. It says how much a figure depends on which templates happen to be in the log, not how it
would vary with another log of other systems.

Source: Jiang et al., Loghub-2.0, ISSTA 2024 (slices); Efron & Tibshirani, "An Introduction to the
Bootstrap", 1993.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from logpipe.errors import UsageError
from logpipe.metrics.contingency import Contingency, as_table
from logpipe.metrics.groups import f1
from logpipe.metrics.labels import Labels
from logpipe.metrics.styles import SLOT

SLICES = (
    "all",
    *(f"{kind}-{percent}%" for kind in ("rarest", "most-frequent") for percent in (5, 10, 20)),
    *("slots-0", "slots-1-4", "slots-5+"),
)
"""The names of the slices. The three by number of slots are a partition of "all"."""

_BLOCK = 1 << 22  # numbers drawn at a time


class Interval(NamedTuple):
    """A figure and its bootstrap interval; ``low <= high``, all three in [0, 1]."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SliceScore:
    """The figures of one slice.

    Attributes:
        templates: True templates in the slice.
        rows: Their rows.
        predicted: Predicted texts on some of these rows.
        scores: The eight official figures by name; empty if the slice has no template.
    """

    templates: int
    rows: int
    predicted: int
    scores: Mapping[str, Interval]


def slices(
    truth: Labels | Contingency,
    predicted: Labels | None = None,
    *,
    names: Iterable[str] = SLICES,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, SliceScore]:
    """The official figures of each slice.

    Args:
        truth: One template text per row, or a contingency table in place of both columns.
        predicted: One template text per row.
        names: Which slices, of `SLICES`.
        resamples: Bootstrap resamples; 0 gives intervals of no width.
        confidence: Of the intervals, between 0 and 1.
        seed: Of the resamples. A slice's interval does not depend on which other slices are asked
            for.

    Returns:
        Name -> score. Rows with a null truth are in no slice, so PA of "all" is that of the rows
        with a truth.

    Raises:
        LabelError: Group ids were given.
        UsageError: A name is unknown, or a number is out of range.

    >>> truth = ["a"] * 6 + ["b <*>"] * 3 + ["c", "d", "e"]
    >>> perfect = slices(truth, truth)
    >>> perfect["rarest-20%"].templates, perfect["rarest-20%"].scores["FTA"]
    (1, Interval(value=1.0, low=1.0, high=1.0))
    >>> over_split = slices(truth, ["a"] * 6 + ["b 1", "b 2", "b 3", "c", "d", "e"])
    >>> over_split["slots-0"].scores["GA"].value, over_split["slots-1-4"].scores["PGA"].value
    (1.0, 0.0)
    >>> merged = slices(truth, ["a"] * 6 + ["b <*>"] * 3 + ["<*>"] * 3)
    >>> merged["all"].scores["RGA"].value, merged["most-frequent-20%"].scores["RGA"].value
    (0.4, 1.0)
    >>> merged["slots-5+"]
    SliceScore(templates=0, rows=0, predicted=0, scores={})
    """
    if not 0 < confidence < 1:
        raise UsageError(
            f"the confidence is {confidence!r}; expected a number between 0 and 1, such as 0.95"
        )
    if resamples < 0:
        raise UsageError(f"there are to be {resamples!r} resamples; expected 0 or more")
    table = as_table(truth, predicted)
    table.require_text()
    members = slice_members(table)
    wanted = list(names)
    if unknown := [name for name in wanted if name not in members]:
        raise UsageError(f"there is no slice {unknown[0]!r}; known: {', '.join(SLICES)}")
    return {
        name: _score(table, members[name], name, resamples, confidence, seed) for name in wanted
    }


def slice_members(table: Contingency) -> dict[str, NDArray[np.intp]]:
    """The true templates of each slice, as sorted indices into `Contingency.true_labels`.

    >>> from logpipe.metrics.contingency import contingency_table
    >>> table = contingency_table(["a", "a", "a <*>"], ["x", "x", "y"])
    >>> members = slice_members(table)
    >>> members["slots-0"].tolist(), members["slots-1-4"].tolist(), members["rarest-20%"].tolist()
    ([0], [1], [])
    """
    size = len(table.true_labels)
    by_rows = np.argsort(
        table.true_rows, kind="stable"
    )  # labels are sorted, so ties are in the order of the text
    slots = np.array([str(label).count(SLOT) for label in table.true_labels])
    members = {"all": np.arange(size)}
    for percent in (5, 10, 20):
        members[f"rarest-{percent}%"] = np.sort(by_rows[: size * percent // 100])
        members[f"most-frequent-{percent}%"] = np.sort(by_rows[size - size * percent // 100 :])
    members["slots-0"] = np.flatnonzero(slots == 0)
    members["slots-1-4"] = np.flatnonzero((slots >= 1) & (slots <= 4))
    members["slots-5+"] = np.flatnonzero(slots >= 5)
    return members


def _score(
    table: Contingency,
    chosen: NDArray[np.intp],
    name: str,
    resamples: int,
    confidence: float,
    seed: int,
) -> SliceScore:
    if not len(chosen):
        return SliceScore(0, 0, 0, {})
    shares, touched = _contributions(table, chosen)
    values = _ratios(shares.sum(axis=0)[None, :])
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    drawn = [values[:0]]
    block = max(1, _BLOCK // len(chosen))
    for done in range(0, resamples, block):
        picks = random.integers(0, len(chosen), size=(min(block, resamples - done), len(chosen)))
        drawn.append(
            _ratios(np.stack([np.bincount(row, minlength=len(chosen)) for row in picks]) @ shares)
        )
    samples = np.concatenate(drawn) if resamples else values
    tail = (1 - confidence) / 2
    lows, highs = np.quantile(samples, [tail, 1 - tail], axis=0)
    exact = _exact(shares.sum(axis=0), touched)
    scores = {
        metric: Interval(exact[metric], float(low), float(high))
        if resamples
        else Interval(*[exact[metric]] * 3)
        for metric, low, high in zip(exact, lows, highs, strict=True)
    }
    return SliceScore(len(chosen), int(table.true_rows[chosen].sum()), touched, scores)


def _contributions(table: Contingency, chosen: NDArray[np.intp]) -> tuple[NDArray[np.float64], int]:
    """What each template adds to the sums, and how many predicted texts touch the slice.

    Columns: templates (1), rows, predicted texts (shares), correct groups, rows in them, rows of
    right text, correct templates. Shape (templates of the slice, 7).
    """
    size = len(table.true_labels)
    inside = np.zeros(size, dtype=bool)
    inside[chosen] = True
    here = inside[table.pair_true]
    true, guess, rows = table.pair_true[here], table.pair_predicted[here], table.pair_rows[here]
    sharers = np.bincount(guess, minlength=len(table.predicted_labels))

    def summed(
        weights: NDArray[np.float64] | NDArray[np.int64] | NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        return np.bincount(true, weights=weights, minlength=size)[chosen].astype(np.float64)

    group, text = table.pair_is_group[here], table.pair_is_text[here]
    columns = [
        np.ones(len(chosen)),
        summed(rows),
        summed(1 / sharers[guess]),
        summed(group),
        summed(rows * group),
        summed(rows * text),
        summed(table.pair_is_template[here]),
    ]
    return np.stack(columns, axis=1), int(np.count_nonzero(sharers))


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The eight figures, in the order of `_exact`, for each row of sums."""
    templates, rows, texts, groups, group_rows, text_rows, right = sums.T
    pga, rga, pta, rta = groups / texts, groups / templates, right / texts, right / templates
    ga, pa, fga, fta = group_rows / rows, text_rows / rows, _f1(pga, rga), _f1(pta, rta)
    figures = np.stack([ga, pga, rga, fga, pa, pta, rta, fta], axis=1)
    np.clip(figures, 0, 1, out=figures)  # shares of a third each may sum to a hair below 1
    return figures


def _f1(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    total = precision + recall
    mean: NDArray[np.float64] = 2 * precision * recall / np.where(total > 0, total, 1)
    return mean


def _exact(sums: NDArray[np.float64], touched: int) -> dict[str, float]:
    """The figures themselves, from whole numbers only."""
    templates, rows, _, groups, group_rows, text_rows, right = (float(x) for x in sums)
    pga, rga, pta, rta = groups / touched, groups / templates, right / touched, right / templates
    return {
        "GA": group_rows / rows,
        "PGA": pga,
        "RGA": rga,
        "FGA": f1(pga, rga),
        "PA": text_rows / rows,
        "PTA": pta,
        "RTA": rta,
        "FTA": f1(pta, rta),
    }
