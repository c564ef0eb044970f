"""Lossless reconstruction: is the log still in the parse?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from logpipe.metrics.labels import Labels, LengthMismatch, NothingToScore, encode
from logpipe.metrics.variables import slot_spans


def lossless_reconstruction(
    originals: Sequence[str | bytes],
    rebuilt: Sequence[str | bytes | None],
) -> float:
    """The share of rows that come back exactly, character for character or byte for byte.

    A row that was not rebuilt (None) is lost. Text and bytes are never equal: compare bytes if the
    log is not text.

    Args:
        originals: The message (or the whole line) of each row.
        rebuilt: What the parse gives back for each row: template rendered with variables.

    Raises:
        LengthMismatch: The columns have different lengths.
        NothingToScore: There are no rows.

    >>> lossless_reconstruction([b"a  1", b"b 2"], [b"a  1", b"b 2"])
    1.0
    >>> lossless_reconstruction([b"a  1", b"b 2"], [b"a 1", b"b 2"])  # a blank was squeezed
    0.5
    """
    _check(len(originals), len(rebuilt))
    return sum(a == b for a, b in zip(originals, rebuilt, strict=True)) / len(originals)


def template_match(messages: Sequence[str | bytes], predicted: Labels) -> float:
    """The share of rows whose predicted template text matches their message.

    For parsers that give only a template text for each row, and no variables: a text that matches
    (some filling of its ``<*>`` gives the message) could give the message back, any other has lost
    it. An upper limit of `lossless_reconstruction` for such a parser, and a check of a truth: the
    published ones match 100 % of few sets. Messages given as bytes are read as UTF-8 with
    ``surrogateescape``, as template texts are.

    Args:
        messages: The message of each row.
        predicted: The template text of each row; null never matches.

    Raises:
        LengthMismatch: The columns have different lengths.
        NothingToScore: There are no rows.

    >>> template_match(["up 1 s", "up 2 s", "down"], ["up <*> s", "up <*> s", "down"])  # perfect
    1.0
    >>> template_match(["up 1 s", "up 2 s", "down"], ["up 1 s", "up <*> s", "down"])  # over-split
    1.0
    >>> template_match(["up 1 s", "up 2 s", "down"], ["up <*> s", "up <*> s", "up <*> s"])  # merged
    0.6666666666666666
    """
    encoded = encode(predicted, "prediction")
    _check(len(messages), len(encoded.codes))
    matched = np.zeros(len(messages), dtype=bool)
    for row, (message, code) in enumerate(zip(messages, encoded.codes.tolist(), strict=True)):
        if code >= 0:
            text = (
                message if isinstance(message, str) else message.decode("utf-8", "surrogateescape")
            )
            matched[row] = slot_spans(text, str(encoded.values[code])) is not None
    return int(matched.sum()) / len(messages)


def _check(rows: int, others: int) -> None:
    if rows != others:
        raise LengthMismatch(
            f"there are {rows:,} messages and {others:,} rows to compare with; expected as many"
        )
    if not rows:
        raise NothingToScore("there are no messages: 0 rows")
