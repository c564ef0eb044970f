"""Findings: flagged windows put together, so that a fault is one thing to look at.

Sessions with the same pattern (what differs from the nearest normal one) are one finding. Windows
that follow each other are put together in runs: a fault that lasts ten windows is one finding, too.
Drift is one finding whatever its size. Findings are ranked by how strange their windows are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.explain import Difference, Explanation, pattern_id

__all__ = ["Finding", "by_pattern", "by_run", "describe", "runs"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

GAP = 2
"""Normal windows in a row that do not end a run."""

NAMED = 3
"""Differences that a reason names."""


@dataclass
class Finding:
    """One thing to look at.

    Attributes:
        pattern: eight hex digits, the same in every run for the same differences.
        kind: `pattern`, `run` or `drift`.
        windows: indices of the windows it is about, the strangest first.
        score: the highest of them, 1 being the threshold.
        reason: a sentence.
        differences: of its strangest window.
        nearest: index of the nearest normal window, or -1.
        verdict: `normal` or `abnormal` if the user said so, else empty.
        lines: positions of the telling lines of its strangest window.
    """

    pattern: str
    kind: str
    windows: Ints
    score: float
    reason: str
    differences: tuple[Difference, ...]
    nearest: int
    verdict: str = ""
    lines: list[int] = field(default_factory=list)


Explain = Callable[[int], Explanation]


def by_pattern(
    flagged: Ints, scores: Floats, explain: Explain, columns: Sequence[str]
) -> list[Finding]:
    """One finding per pattern.

    Args:
        flagged: windows.
        scores: of all windows.
        explain: of a window.
        columns: text per column.
    """
    found: dict[tuple[tuple[int, str], ...], list[int]] = defaultdict(list)
    for window in flagged.tolist():
        found[explain(window).pattern].append(window)
    return _ranked(
        [
            _finding("pattern", np.array(windows, np.int64), scores, explain, columns)
            for windows in found.values()
        ]
    )


def by_run(
    flagged: Ints, scores: Floats, explain: Explain, columns: Sequence[str]
) -> list[Finding]:
    """One finding per run of windows that follow each other."""
    return _ranked(
        [_finding("run", run, scores, explain, columns) for run in runs(flagged) if len(run)]
    )


def runs(flagged: Ints, gap: int = GAP) -> list[Ints]:
    """Windows in runs that are not interrupted by more than `gap` others.

    >>> [run.tolist() for run in runs(np.array([1, 2, 4, 9]))]
    [[1, 2, 4], [9]]
    """
    ordered = np.sort(flagged)
    if not len(ordered):
        return []
    return np.split(ordered, np.flatnonzero(np.diff(ordered) > gap + 1) + 1)


def _finding(
    kind: str, windows: Ints, scores: Floats, explain: Explain, columns: Sequence[str]
) -> Finding:
    windows = windows[np.argsort(-scores[windows], kind="stable")]
    best = explain(int(windows[0]))
    return Finding(
        pattern=pattern_id(best.pattern, columns),
        kind=kind,
        windows=windows,
        score=float(scores[windows[0]]),
        reason=describe(best.differences, columns),
        differences=best.differences,
        nearest=best.nearest,
    )


def _ranked(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (-f.score * np.log2(1 + len(f.windows)), f.windows[0]))


def describe(differences: Sequence[Difference], columns: Sequence[str]) -> str:
    """The differences in words.

    >>> describe([Difference(0, 2, 0, True, 9.0), Difference(1, 3, 4, False, 1.0)], ["disk full",
    ... "saved"])
    "2 x 'disk full', never in a normal window; 3 x 'saved', expected 4"
    """
    if not differences:
        return "the counts are those of a normal window"
    said = []
    for each in differences[:NAMED]:
        text = _short(columns[each.column])
        if each.new:
            said.append(f"{each.seen:,} x {text!r}, never in a normal window")
        else:
            said.append(f"{each.seen:,} x {text!r}, expected {each.expected:,}")
    rest = len(differences) - NAMED
    return "; ".join(said) + (f"; {rest:,} more differ" if rest > 0 else "")


def _short(text: str, longest: int = 90) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
