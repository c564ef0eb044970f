"""PMSS: a score of a parse that needs no truth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from logpipe.metrics.edit import levenshtein
from logpipe.metrics.labels import Labels, LengthMismatch, NothingToScore, encode

_BUCKETS = 256  # characters are counted modulo this many for a lower bound of the distance


def pmss(
    messages: Sequence[str | bytes], predicted: Labels, *, sample: int = 20, seed: int = 0
) -> float:
    """The parser medoid silhouette score: is each message closest to its own template?

    The template text of a group stands for its medoid. For a message, a is its Levenshtein distance
    from the template of its group and b the smallest distance from the template of another group;
    its silhouette is (b - a) / max(a, b). The score of a template is the mean over the distinct
    messages of its group, PMSS the mean over templates, so a rare template counts as much as a
    frequent one.

    In [-1, 1]. Negative values mean messages that are closer to another group's template. With a
    single template there is nothing to be separated from: 0. A perfect parse does *not* score 1,
    since a message differs from its own template by its variables; only compare parses of the same
    messages.

    Source: Qin et al., "A Story About Cohesion and Separation: Label-Free Metric for Log Parser
    Evaluation", SANER 2026 (arXiv:2512.21811), after the medoid silhouette of van der Laan et al.
    2003. The abstract fixes medoid silhouette, Levenshtein distance and the template level; that
    duplicates count once, and the sample, are decisions made here.

    Args:
        messages: The message of each row, text or bytes.
        predicted: The template text of each row. Null reads as the empty text.
        sample: At most this many distinct messages of each group are measured, drawn at random (0:
            all of them). Each costs some milliseconds with hundreds of templates of 100 characters.
        seed: Of that draw. The result does not depend on the order of the rows.

    Raises:
        LengthMismatch: The columns have different lengths.
        NothingToScore: There are no rows.

    >>> rows = ["user ann in", "user bob in", "disk 7 full", "disk 8 full"]
    >>> good = pmss(rows, ["user <*> in", "user <*> in", "disk <*> full", "disk <*> full"])
    >>> merged = pmss(rows, ["<*>"] * 4)
    >>> over_split = pmss(rows, ["user <*> in", "user bob <*>", "disk <*> full", "disk 8 <*>"])
    >>> round(good, 3), merged, round(over_split, 3)
    (0.714, 0.0, 0.163)
    """
    encoded = encode(predicted, "prediction")
    if len(messages) != len(encoded.codes):
        raise LengthMismatch(
            f"there are {len(messages):,} messages and {len(encoded.codes):,} predictions; "
            "expected one for each message"
        )
    if not len(messages):
        raise NothingToScore("there are no messages: 0 rows")
    members: dict[str, set[str]] = {}
    for message, code in zip(messages, encoded.codes.tolist(), strict=True):
        text = str(encoded.values[code]) if code >= 0 else ""
        members.setdefault(text, set()).add(
            message if isinstance(message, str) else _decode(message)
        )
    if len(members) == 1:
        return 0.0
    templates = sorted(members)
    counts = np.stack([_character_counts(text) for text in templates])
    random = np.random.default_rng(seed)
    scores = []
    for own, text in enumerate(templates):
        chosen = sorted(members[text])
        if 0 < sample < len(chosen):
            chosen = [chosen[i] for i in random.choice(len(chosen), sample, replace=False)]
        silhouettes = []
        for message in chosen:
            a = levenshtein(message, text)
            b = _nearest_other(message, own, templates, counts)
            silhouettes.append((b - a) / max(a, b))  # not 0 / 0: two templates have different texts
        scores.append(math.fsum(silhouettes) / len(silhouettes))
    return math.fsum(scores) / len(scores)


def _nearest_other(message: str, own: int, templates: list[str], counts: NDArray[np.int32]) -> int:
    """The smallest distance of the message from a template other than its own.

    Templates are tried in the order of a lower bound, the characters one text has and the other
    lacks, until the bound is no better than the best distance found; usually a few of thousands are
    measured.
    """
    surplus = counts - _character_counts(message)
    bounds = np.maximum(np.maximum(surplus, 0).sum(axis=1), np.maximum(-surplus, 0).sum(axis=1))
    best = max(len(message), max(map(len, templates)))
    for i in np.argsort(bounds, kind="stable").tolist():
        if bounds[i] >= best:
            break
        if i != own:
            best = min(best, levenshtein(message, templates[i]))
    return best


def _character_counts(text: str) -> NDArray[np.int32]:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return np.bincount(codes % _BUCKETS, minlength=_BUCKETS).astype(np.int32)


def _decode(message: bytes) -> str:
    return message.decode("utf-8", "surrogateescape")
