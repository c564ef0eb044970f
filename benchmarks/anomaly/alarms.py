"""What the unlabelled false alarms are: patterns that are flagged although labels call them normal.

A pattern is the counts of a session's rigid columns. Beside each stand two facts that no detector
without labels can do anything about: how many sessions with the very same pattern labels call
abnormal, and how many of those that are the same but for a step between two common patterns, such
as the deletion that sessions go through sooner or later (its *continuation*).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.anomaly.sets import LabelledSet
from logpipe.anomaly.base import strangeness
from logpipe.anomaly.patterns import Patterns

__all__ = ["false_alarms"]


def false_alarms(data: LabelledSet) -> list[dict[str, Any]]:
    """One row per pattern, those with most false alarms first.

    Each has `normal` and `abnormal`, the sessions with the pattern by their labels,
    `continued_normal` and `continued_abnormal`, those with a continuation of it, and `differs`,
    the columns in which it differs from the commonest pattern: (text, seen, expected).
    """
    rows, truth = data.features("counts"), data.truth
    detector = Patterns().fit(rows.matrix)
    flagged = strangeness(detector, rows.matrix) > 1
    projected = detector.rigidity_.project(rows.matrix)
    patterns, at, support = np.unique(projected, axis=0, return_inverse=True, return_counts=True)
    at = at.ravel()
    bad = np.bincount(at, truth == 1, len(patterns)).astype(int)
    is_flagged = np.bincount(at, flagged, len(patterns)) > 0
    common = patterns[~is_flagged]
    steps = [b - a for a in common for b in common if (b >= a).all() and (b > a).any()]
    place = {pattern.tobytes(): i for i, pattern in enumerate(patterns)}
    usual = patterns[int(np.argmax(support * ~is_flagged))]
    names = [rows.names[i] for i in np.flatnonzero(detector.rigidity_.rigid)]
    found = []
    for i in np.flatnonzero(is_flagged & (bad < support)).tolist():
        later = {place[key] for step in steps if (key := (patterns[i] + step).tobytes()) in place}
        found.append(
            {
                "normal": int(support[i] - bad[i]),
                "abnormal": int(bad[i]),
                "continued_normal": int(sum(support[j] - bad[j] for j in later)),
                "continued_abnormal": int(sum(bad[j] for j in later)),
                "differs": [
                    (name, int(seen), int(expected))
                    for name, seen, expected in zip(names, patterns[i], usual, strict=True)
                    if seen != expected
                ],
            }
        )
    return sorted(found, key=lambda row: -row["normal"])
