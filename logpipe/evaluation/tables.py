"""Scores as rows, and rows as CSV, JSON, Markdown and LaTeX.

`scores.csv` has a row per parser, data set and slice; the columns are documented in `COLUMNS`. The
leaderboard has a row per parser: means over the data sets, in which a failure is 0.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from logpipe.evaluation.published import Published
from logpipe.evaluation.scoring import DISTANCES, METRICS, Scored
from logpipe.metrics import OFFICIAL, mean_counting_failures

__all__ = [
    "csv_text",
    "latex_table",
    "leaderboard",
    "markdown_table",
    "published_rows",
    "score_rows",
    "shown",
    "variable_rows",
]

_HEAD = ("parser", "dataset", "slice", "status", "edition", "template_style")
_TAIL = (
    *("templates", "true_templates", "lines", "cpu_s", "wall_s", "peak_mb", "lines_per_cpu_s"),
    *("error", "notes"),
)


def columns(metrics: Sequence[str]) -> list[str]:
    """The columns of scores.csv."""
    intervals = [f"{name}_{end}" for name in metrics if name in OFFICIAL for end in ("low", "high")]
    return [*_HEAD, *metrics, *_TAIL, *intervals]


def score_rows(
    scored: Iterable[Scored], metrics: Sequence[str], template_style: str
) -> list[dict[str, Any]]:
    """One row per run and slice, `all` first; what there is not is None."""
    rows = []
    for one in scored:
        record = one.record
        base: dict[str, Any] = dict.fromkeys(columns(metrics))
        base |= {
            "parser": record.contestant,
            "dataset": record.dataset,
            "status": record.status,
            "edition": record.edition,
            "template_style": template_style,
            "error": record.error,
        }
        measured = {
            "cpu_s": record.cpu_s,
            "wall_s": record.wall_s,
            "peak_mb": record.peak_mb,
            "lines_per_cpu_s": record.lines / record.cpu_s if record.cpu_s else None,
        }
        whole = {
            **base,
            "slice": "all",
            **one.scores,
            "templates": one.templates or None,
            "true_templates": one.true_templates or None,
            "lines": record.lines,
            **(measured if record.ok else {}),
            "notes": "; ".join(one.notes),
        }
        rows.append(whole)
        for name, part in one.slices.items():
            figures: dict[str, Any] = {}
            for metric, interval in part.scores.items():
                if metric in metrics:
                    figures |= {
                        metric: interval.value,
                        f"{metric}_low": interval.low,
                        f"{metric}_high": interval.high,
                    }
            if name == "all":
                # The values are there, PA over all rows included; the intervals are not.
                whole |= {k: v for k, v in figures.items() if k.endswith(("_low", "_high"))}
                continue
            rows.append(
                {
                    **base,
                    "slice": name,
                    **figures,
                    "templates": part.predicted,
                    "true_templates": part.templates,
                    "lines": part.rows,
                }
            )
    return rows


def leaderboard(
    scored: Iterable[Scored], metrics: Sequence[str], resamples: int = 1000
) -> list[dict[str, Any]]:
    """One row per parser over its data sets, the best mean first.

    Means count failures as 0; distances are means over the runs that are ok. Intervals are those of
    the mean over data sets: the sets are resampled, which says how much it depends on which sets
    are there. CPU-seconds are sums over the runs that are ok, memory is the highest.
    """
    by_parser: dict[str, list[Scored]] = {}
    for one in scored:
        by_parser.setdefault(one.record.contestant, []).append(one)
    rows = []
    for parser, runs in by_parser.items():
        counted = [run for run in runs if run.record.counts]
        fine = [run for run in counted if run.record.ok]
        row: dict[str, Any] = {
            "parser": parser,
            "sets": len(counted),
            "failed": len(counted) - len(fine),
            "left_out": len(runs) - len(counted),
        }
        for metric in metrics:
            values = [run.scores.get(metric) for run in counted]
            if metric in DISTANCES:
                known = [v for v in values if v is not None]
                row[metric] = math.fsum(known) / len(known) if known else None
            elif metric == "group_GA" and fine and all(metric not in r.scores for r in fine):
                row[metric] = None
            else:
                row[metric] = mean_counting_failures(values) if values else None
                if metric in OFFICIAL and values:
                    row[f"{metric}_low"], row[f"{metric}_high"] = _interval(values, resamples)
        cpu = math.fsum(run.record.cpu_s for run in fine)
        lines = sum(run.record.lines for run in fine)
        row |= {
            "lines": lines,
            "cpu_s": cpu if fine else None,
            "wall_s": math.fsum(run.record.wall_s for run in fine) if fine else None,
            "peak_mb": max((run.record.peak_mb for run in fine), default=None),
            "lines_per_cpu_s": lines / cpu if cpu else None,
        }
        rows.append(row)
    first = [m for m in OFFICIAL if m in metrics]
    rows.sort(key=lambda r: -math.fsum(r[m] or 0 for m in first))
    return rows


def _interval(values: Sequence[float | None], resamples: int) -> tuple[float, float]:
    import numpy as np

    known = np.array([0.0 if v is None else v for v in values])
    picks = np.random.default_rng(0).integers(0, len(known), (max(resamples, 1), len(known)))
    low, high = np.quantile(known[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def published_rows(rows: Iterable[Published]) -> list[dict[str, Any]]:
    """Published figures as rows of a table of their own."""
    return [
        {
            "parser": row.parser,
            "system": row.system,
            "edition": row.edition,
            **{name: row.scores.get(name) for name in ("GA", "FGA", "PA", "FTA")},
            "seconds": row.seconds,
            "source": row.source,
        }
        for row in rows
    ]


def variable_rows(scored: Iterable[Scored]) -> list[dict[str, Any]]:
    """How many variables of each category every run found, and "all"."""
    return [
        {
            "parser": one.record.contestant,
            "dataset": one.record.dataset,
            "category": category,
            "variables": found.variables,
            "found": found.found,
            "accuracy": found.accuracy,
        }
        for one in scored
        for category, found in one.variables.items()
    ]


def csv_text(rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> str:
    """Rows as CSV; a number in full, None as nothing."""
    out = io.StringIO()
    head = list(names or (rows[0] if rows else ()))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow(["" if row.get(name) is None else row[name] for name in head])
    return out.getvalue()


def shown(value: object, name: str = "") -> str:
    """A value for people: three digits for ratios, fewer for what is big."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        if name in ("cpu_s", "wall_s", "seconds"):
            return f"{value:.2f}" if value >= 1 else f"{value:.3f}"
        if name in ("lines_per_cpu_s", "peak_mb"):
            return f"{value:,.0f}"
        if name in DISTANCES:
            return f"{value:.1f}"
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def markdown_table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    r"""A table in Markdown.

    >>> print(markdown_table([{"parser": "a|b", "GA": 0.5}], ["parser", "GA"]), end="")
    | parser | GA |
    |---|---:|
    | a\|b | 0.500 |
    """
    lines = ["| " + " | ".join(names) + " |"]
    lines.append("|" + "|".join("---" if n in _TEXTS else "---:" for n in names) + "|")
    for row in rows:
        cells = (shown(row.get(name), name).replace("|", "\\|") for name in names)
        lines.append("| " + " | ".join(" ".join(cell.split()) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


_TEXTS = ("parser", "dataset", "system", "status", "source", "edition")
_LATEX = {c: "\\" + c for c in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
}


def latex_table(rows: Sequence[Mapping[str, Any]], names: Sequence[str], caption: str = "") -> str:
    r"""A table in LaTeX, for the package booktabs; the best value of each metric is bold.

    With a column `dataset` the best of each data set.

    >>> print(latex_table([{"parser": "my_one", "GA": 0.5}], ["parser", "GA"]), end="")
    \begin{table}
    \centering
    \begin{tabular}{lr}
    \toprule
    parser & GA \\
    \midrule
    my\_one & \textbf{0.500} \\
    \bottomrule
    \end{tabular}
    \end{table}
    """
    # Speed and memory are not marked: they are compared on big inputs, not here.
    marked = [name for name in names if name in METRICS and name not in DISTANCES]
    best: dict[tuple[object, str], float] = {}
    for row in rows:
        for name in marked:
            value, place = row.get(name), (row.get("dataset"), name)
            if isinstance(value, float):
                best[place] = max(value, best.get(place, value))
    lines = ["\\begin{table}", "\\centering"]
    if caption:
        lines.append(f"\\caption{{{_latex(caption)}}}")
    lines.append(f"\\begin{{tabular}}{{{''.join('l' if n in _TEXTS else 'r' for n in names)}}}")
    lines += ["\\toprule", " & ".join(map(_latex, names)) + " \\\\", "\\midrule"]
    for row in rows:
        cells = []
        for name in names:
            text = _latex(shown(row.get(name), name))
            value = row.get(name)
            bold = isinstance(value, float) and value == best.get((row.get("dataset"), name))
            cells.append(f"\\textbf{{{text}}}" if bold else text)
        lines.append(" & ".join(cells) + " \\\\")
    lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}"]
    return "\n".join(lines) + "\n"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in " ".join(text.split()))
