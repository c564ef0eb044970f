"""Charts with axes, as SVG elements: points, lines, a time line; linear or logarithmic.

A value that is not finite, or not positive where the axis is logarithmic, is not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from logpipe.report.page import plain
from logpipe.report.svg import SERIES, WIDTH, clip, figure, number, rule, text_at, title

__all__ = ["Line", "Mark", "Point", "line_chart", "scatter", "timeline"]


@dataclass(frozen=True)
class Point:
    """A point of a scatter plot."""

    label: str
    x: float
    y: float
    series: int = 0
    faint: bool = False


@dataclass(frozen=True)
class Line:
    """Points joined in the order given."""

    label: str
    points: Sequence[tuple[float, float]]
    series: int = 0


@dataclass(frozen=True)
class Mark:
    """A place on a time line: `flagged` ones stand out."""

    x: float
    y: float
    label: str = ""
    flagged: bool = False


def scatter(
    points: Sequence[Point],
    *,
    x_title: str,
    y_title: str,
    caption: str = "",
    log_x: bool = False,
    log_y: bool = False,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Points with their names beside them."""
    frame = _Frame(
        [p.x for p in points], [p.y for p in points], log_x, log_y, y_range, x_title, y_title
    )
    parts = frame.axes()
    for point in points:
        if not frame.holds(point.x, point.y):
            continue
        x, y = frame.at(point.x, point.y)
        parts.append(
            Markup('<circle class="s{}{}" cx="{}" cy="{}" r="6">{}</circle>').format(
                point.series % SERIES,
                " faint" if point.faint else "",
                number(x),
                number(y),
                title(f"{point.label}: {point.x:.4g}, {point.y:.4g}"),
            )
        )
        right = x < WIDTH - 140
        parts.append(
            text_at(x + (9 if right else -9), y + 4, point.label, anchor="" if right else "end")
        )
    return figure(parts, WIDTH, frame.height, caption)


def line_chart(
    lines: Sequence[Line],
    *,
    x_title: str,
    y_title: str,
    caption: str = "",
    log_x: bool = False,
    log_y: bool = False,
) -> Markup:
    """Lines, each with its name at its last point."""
    frame = _Frame(
        [x for line in lines for x, _ in line.points],
        [y for line in lines for _, y in line.points],
        log_x,
        log_y,
        None,
        x_title,
        y_title,
    )
    parts = frame.axes()
    for line in lines:
        places = [frame.at(x, y) for x, y in line.points if frame.holds(x, y)]
        if not places:
            continue
        parts.append(
            Markup('<polyline class="l{}" points="{}">{}</polyline>').format(
                line.series % SERIES,
                " ".join(f"{number(x)},{number(y)}" for x, y in places),
                title(line.label),
            )
        )
        parts += [
            Markup('<circle class="s{}" cx="{}" cy="{}" r="3"/>').format(
                line.series % SERIES, number(x), number(y)
            )
            for x, y in places
        ]
        x, y = places[-1]
        parts.append(text_at(min(x + 8, WIDTH - 130), y - 6, line.label))
    return figure(parts, WIDTH, frame.height, caption)


def timeline(
    marks: Sequence[Mark],
    *,
    x_title: str = "",
    y_title: str = "",
    caption: str = "",
    threshold: float | None = None,
) -> Markup:
    """Values over time or line numbers, flagged ones in the colour of warnings.

    Args:
        marks: in any order; thousands are fine, flagged ones are drawn last.
        x_title: of the axis.
        y_title: of the axis.
        caption: a line above it.
        threshold: drawn as a broken line.
    """
    heights = [m.y for m in marks] + ([] if threshold is None else [threshold])
    frame = _Frame([m.x for m in marks], heights, False, False, None, x_title, y_title, 240)
    parts = frame.axes()
    if threshold is not None and marks:
        _, y = frame.at(marks[0].x, threshold)
        parts.append(rule(frame.left, y, WIDTH - frame.right, y, "rule"))
    for mark in sorted(marks, key=lambda m: m.flagged):
        if not frame.holds(mark.x, mark.y):
            continue
        x, y = frame.at(mark.x, mark.y)
        parts.append(
            Markup('<circle class="{}" cx="{}" cy="{}" r="{}">{}</circle>').format(
                "flag" if mark.flagged else "s0 faint",
                number(x),
                number(y),
                4 if mark.flagged else 2.5,
                title(mark.label or f"{mark.x:.6g}: {mark.y:.4g}"),
            )
        )
    return figure(parts, WIDTH, frame.height, caption)


class _Frame:
    """The area between two axes, and where values lie in it."""

    left, right, top, bottom = 70.0, 30.0, 12.0, 46.0

    def __init__(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        log_x: bool,
        log_y: bool,
        y_range: tuple[float, float] | None,
        x_title: str,
        y_title: str,
        height: float = 420,
    ) -> None:
        self.height = height
        self._logs = (log_x, log_y)
        self._titles = (x_title, y_title)
        self._x = _span(xs, log_x)
        self._y = y_range or _span(ys, log_y)

    def holds(self, x: float, y: float) -> bool:
        """Whether the point can be drawn."""
        return all(_usable(value, log) for value, log in zip((x, y), self._logs, strict=True))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a point in the drawing."""
        across = _share(x, self._x, self._logs[0])
        up = _share(y, self._y, self._logs[1])
        return (
            self.left + across * (WIDTH - self.left - self.right),
            self.height - self.bottom - up * (self.height - self.top - self.bottom),
        )

    def axes(self) -> list[Markup]:
        """Grid lines, their numbers, and the titles."""
        parts = []
        for value in _ticks(self._x, self._logs[0]):
            x, _ = self.at(value, self._y[0])
            parts.append(rule(x, self.top, x, self.height - self.bottom, "grid"))
            parts.append(
                text_at(x, self.height - self.bottom + 16, _short(value), "soft", anchor="middle")
            )
        for value in _ticks(self._y, self._logs[1]):
            _, y = self.at(self._x[0], value)
            parts.append(rule(self.left, y, WIDTH - self.right, y, "grid"))
            parts.append(text_at(self.left - 6, y + 4, _short(value), "soft", anchor="end"))
        middle = (self.left + WIDTH - self.right) / 2
        parts.append(text_at(middle, self.height - 8, self._titles[0], "soft", anchor="middle"))
        parts.append(
            Markup(
                '<text class="soft" text-anchor="middle" transform="translate(14,{}) rotate(-90)">'
                "{}</text>"
            ).format(number((self.height - self.bottom) / 2), plain(self._titles[1]))
        )
        return parts


def _span(values: Sequence[float], log: bool) -> tuple[float, float]:
    usable = [v for v in values if _usable(v, log)]
    if not usable:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = min(usable), max(usable)
    if log:
        return 10 ** (math.log10(low) - 0.15), 10 ** (math.log10(high) + 0.15)
    if high - low <= 1e-6 * max(abs(low), abs(high), 1e-12):
        # Narrower than what the labels of an axis can tell apart.
        room = max(0.5, 1e-6 * max(abs(low), abs(high)))
        return low - room, high + room
    return low, high + 0.03 * (high - low)


def _usable(value: float, log: bool) -> bool:
    """Whether arithmetic on it stays finite, logarithms included."""
    return (1e-200 if log else -1e200) < value < 1e200


def _share(value: float, span: tuple[float, float], log: bool) -> float:
    low, high = span
    if log:
        value, low, high = math.log10(value), math.log10(low), math.log10(high)
    return clip((value - low) / (high - low))


def _ticks(span: tuple[float, float], log: bool) -> list[float]:
    low, high = span
    if log:
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        if len(powers) > 1:
            return [10.0**p for p in powers[:: 1 + len(powers) // 9]]
        return [
            step * 10.0**p
            for p in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            for step in (1, 2, 5)
            if low <= step * 10.0**p <= high
        ]
    rough = (high - low) / 6
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * f for f in (1, 2, 5, 10) if unit * f >= rough)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]


def _short(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):g}{unit}"
    return f"{value:.6g}"
