"""Charts without axes, as SVG elements: bars and a heat map.

Colours are classes of the page's style sheet, so that a chart follows light and dark. Every mark
carries a `<title>`: pointing at it says what it is, and so does a screen reader. A value that is
not finite is not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from logpipe.report.svg import (
    LETTER,
    SERIES,
    WIDTH,
    clip,
    cut,
    figure,
    number,
    rule,
    text_at,
    title,
)

__all__ = ["Bar", "bar_chart", "heat_map"]


@dataclass(frozen=True)
class Bar:
    """A bar: `value`, and maybe an interval around it; `series` chooses the colour."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    series: int = 0
    faint: bool = False


def bar_chart(
    bars: Sequence[Bar], *, caption: str = "", highest: float | None = None, digits: int = 3
) -> Markup:
    """Horizontal bars, one below the other, with whiskers where there is an interval.

    Args:
        bars: values from 0 up.
        caption: a line above it.
        highest: right end of the scale; default: the highest value or whisker.
        digits: of the numbers at the bars' ends.
    """
    bars = [bar for bar in bars if math.isfinite(bar.value)]
    ends = [end for bar in bars for end in (bar.value, bar.high or 0) if end < 1e200]
    top = highest or max(ends, default=0) or 1.0
    left = min(320.0, 16 + LETTER * max([len(bar.label) for bar in bars], default=0))
    room, step = WIDTH - left - 70, 24
    parts = []
    for i, bar in enumerate(bars):
        y = 6 + i * step
        end = clip(bar.value / max(top, 1e-200)) * room
        span = "" if bar.low is None or bar.high is None else f" [{bar.low:.3f}, {bar.high:.3f}]"
        parts.append(
            text_at(left - 8, y + 13, cut(bar.label, left), anchor="end")
            + Markup(
                '<rect class="s{}{}" x="{}" y="{}" width="{}" height="16" rx="2">{}</rect>'
            ).format(
                bar.series % SERIES,
                " faint" if bar.faint else "",
                number(left),
                y,
                number(max(end, 0.5)),
                title(f"{bar.label}: {bar.value:.{digits}f}{span}"),
            )
        )
        mark = end
        if bar.low is not None and bar.high is not None:
            low, mark = clip(bar.low / top) * room, max(end, clip(bar.high / top) * room)
            parts.append(rule(left + low, y + 8, left + mark, y + 8, "whisker"))
        parts.append(text_at(left + mark + 6, y + 13, f"{bar.value:.{digits}f}", "soft"))
    return figure(parts, WIDTH, 12 + step * len(bars), caption)


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    caption: str = "",
    lowest: float = 0.0,
    highest: float = 1.0,
    digits: int = 2,
) -> Markup:
    """A grid of cells, the darker the higher; None is an empty cell with a dash.

    Args:
        rows: R names, on the left.
        columns: C names, on top, slanted.
        values: R sequences of C values.
        caption: a line above it.
        lowest: value of the faintest colour.
        highest: value of the fullest.
        digits: printed in the cells.
    """
    left = min(280.0, 16 + LETTER * max([len(row) for row in rows], default=0))
    top = min(150.0, 22 + 0.62 * LETTER * max([len(name) for name in columns], default=0))
    cell = max(38.0, min(60.0, (WIDTH - left - top) / max(1, len(columns))))
    parts = []
    for j, name in enumerate(columns):
        x, y = left + (j + 0.45) * cell, top - 8
        parts.append(
            Markup('<text transform="translate({},{}) rotate(-40)">{}{}</text>').format(
                number(x), number(y), cut(name, 200), title(name)
            )
        )
    for i, (row, line) in enumerate(zip(rows, values, strict=True)):
        y = top + i * 26
        parts.append(text_at(left - 8, y + 17, cut(row, left), anchor="end"))
        for j, (name, value) in enumerate(zip(columns, line, strict=True)):
            x = left + j * cell
            known = value is not None and math.isfinite(value)
            share = clip(((value or 0) - lowest) / (highest - lowest)) if known else 0.0
            shown = f"{value:.{digits}f}" if known else "–"
            parts.append(
                Markup(
                    '<rect class="s0" fill-opacity="{}" x="{}" y="{}" width="{}" height="24">{}'
                    "</rect>"
                ).format(
                    number(0.04 + 0.96 * share) if known else 0,
                    number(x),
                    number(y),
                    number(cell - 2),
                    title(f"{row}, {name}: {shown}"),
                )
                + text_at(
                    x + cell / 2 - 1,
                    y + 16,
                    shown,
                    "over" if share > 0.55 else "" if known else "soft",
                    anchor="middle",
                )
            )
    width = max(WIDTH, left + cell * len(columns) + top)
    return figure(parts, width, top + 26 * len(rows) + 4, caption)
