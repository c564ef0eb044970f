"""Scores of several sets put together.

Failures stay in the average, and editions of the truth are compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from logpipe.errors import UsageError
from logpipe.metrics.evaluator import OFFICIAL, official
from logpipe.metrics.labels import Labels, NothingToScore


def mean_counting_failures(scores: Mapping[str, float | None] | Iterable[float | None]) -> float:
    """The mean, a failed run counting as 0.

    A parser that times out or crashes on the hard sets must not profit from it: averages that skip
    those sets cannot be compared. For scores where higher is better; a distance has no value that
    stands for a failure.

    Args:
        scores: The score of each set, by name or in any order; None or NaN where the run failed.

    Raises:
        NothingToScore: There are no sets at all.

    >>> mean_counting_failures({"Apache": 1.0, "Linux": 0.5, "Mac": None})
    0.5
    """
    values = list(scores.values() if isinstance(scores, Mapping) else scores)
    if not values:
        raise NothingToScore("there are no scores to average")
    return math.fsum(x for x in values if x is not None and not math.isnan(x)) / len(values)


def edition_effect(
    editions: Mapping[str, Labels],
    predicted: Labels,
    *,
    truth_style: str = "exact",
    predicted_style: str = "exact",
) -> dict[str, dict[str, float]]:
    """`official` against each edition of the truth, and the spread between them.

    Several corrected editions of the Loghub truths are in circulation; a figure without its edition
    means little.

    Args:
        editions: Name -> true template text of each row.
        predicted: Template text of each row.
        truth_style: As for `official`.
        predicted_style: As for `official`.

    Returns:
        A mapping of the eight figures for each edition, then "spread": highest less lowest of each.

    Raises:
        NothingToScore: There are no editions.
        UsageError: An edition is called "spread".

    >>> effect = edition_effect({"2019": ["a 1", "b"], "2022": ["a <*>", "b"]}, ["a <*>", "b"])
    >>> effect["2019"]["PA"], effect["2022"]["PA"], effect["spread"]["PA"], effect["spread"]["GA"]
    (0.5, 1.0, 0.5, 0.0)
    """
    if not editions:
        raise NothingToScore("there are no editions of the truth")
    if "spread" in editions:
        raise UsageError("an edition is called 'spread', the name of the result's last entry")
    effect = {
        name: official(truth, predicted, truth_style=truth_style, predicted_style=predicted_style)
        for name, truth in editions.items()
    }
    spread = {}
    for metric in OFFICIAL:
        values = [scores[metric] for scores in effect.values()]
        spread[metric] = max(values) - min(values)
    return effect | {"spread": spread}
