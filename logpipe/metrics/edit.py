"""Edit distance between template texts: how far a wrong template is from the right one."""

from __future__ import annotations

import math

from logpipe.metrics.contingency import Contingency, as_table
from logpipe.metrics.labels import Labels


def levenshtein(a: str, b: str) -> int:
    """The fewest insertions, deletions and substitutions of characters that turn `a` into `b`.

    Computed on bit vectors as long as the longer text, one step for each character of the shorter:
    about 30 microseconds for two templates of 100 characters.

    Source: Myers, "A Fast Bit-Vector Algorithm for Approximate String Matching Based on Dynamic
    Programming", J. ACM 1999, in the form of Hyyrö 2001 (distance of whole strings).

    >>> levenshtein("kitten", "sitting"), levenshtein("", "abc"), levenshtein("same", "same")
    (3, 3, 0)
    """
    if a == b:
        return 0
    if len(a) < len(b):
        a, b = b, a
    if not b:
        return len(a)
    positions: dict[str, int] = {}
    bit = 1
    for char in a:
        positions[char] = positions.get(char, 0) | bit
        bit <<= 1
    every, last = bit - 1, bit >> 1
    # Bit i of `up`: from row i to row i + 1 of the current column the distance grows by one; of
    # `down`: it shrinks by one.
    up, down, distance = every, 0, len(a)
    for char in b:
        match = positions.get(char, 0)
        zero_diagonal = (((match & up) + up) ^ up) | match | down
        right = down | (every & ~(zero_diagonal | up))
        left = up & zero_diagonal
        if right & last:
            distance += 1
        elif left & last:
            distance -= 1
        right = (right << 1) | 1
        up = ((left << 1) | ~(zero_diagonal | right)) & every
        down = right & zero_diagonal & every
    return distance


def edit_distance(truth: Labels | Contingency, predicted: Labels | None = None) -> dict[str, float]:
    """ED and NED: the mean edit distance of predicted from true text, in characters and relative.

    ED is the mean over rows of the Levenshtein distance, ``<*>`` counting as three characters; 0 is
    perfect, there is no upper bound. NED is the mean over rows of ``1 - distance / length of the
    longer text``: a similarity, 1 is perfect, 0 nothing in common; two empty texts have similarity
    1. Papers print either under the name ED. Rows with a null truth are left out. Each distinct
    pair of texts is compared once.

    Source: Nulog (Nedelkoski et al., ECML-PKDD 2020) for ED as a metric of parsers; the relative
    form as in the survey of Beck et al., "System Log Parsing with Large Language Models: A Review",
    2025.

    Args:
        truth: One template text per row, or a contingency table in place of both columns.
        predicted: One template text per row.

    Returns:
        ``{"ED", "NED"}``: characters, and a ratio in [0, 1].

    >>> edit_distance(["a <*>", "a <*>"], ["a <*>", "a <*>"])  # perfect
    {'ED': 0.0, 'NED': 1.0}
    >>> edit_distance(["a <*>", "a <*>"], ["a 1", "a <*>"])  # over-split
    {'ED': 1.5, 'NED': 0.7}
    >>> edit_distance(["a xyz", "a pqr"], ["a <*>", "a <*>"])  # merged
    {'ED': 3.0, 'NED': 0.4}
    """
    table = as_table(truth, predicted)
    distances, similarities = [], []
    for i, j, rows, equal in zip(
        table.pair_true.tolist(),
        table.pair_predicted.tolist(),
        table.pair_rows.tolist(),
        table.pair_is_text.tolist(),
        strict=True,
    ):
        if equal:
            similarities.append(float(rows))
            continue
        true, guess = str(table.true_labels[i]), str(table.predicted_labels[j])
        distance = levenshtein(true, guess)
        distances.append(rows * distance)
        similarities.append(rows * (1 - distance / max(len(true), len(guess))))
    return {
        "ED": sum(distances) / table.scored_rows,
        "NED": math.fsum(similarities) / table.scored_rows,
    }
