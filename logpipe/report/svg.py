"""What all charts are drawn with: places, texts, rules, the figure around them.

Sizes are in the units of the drawing, which scales down with the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from logpipe.report.page import plain

__all__ = [
    "LETTER",
    "SERIES",
    "WIDTH",
    "clip",
    "cut",
    "figure",
    "number",
    "rule",
    "text_at",
    "title",
]

SERIES = 5
"""Colours there are; series beyond them begin again."""

WIDTH = 900
"""Of every drawing, unless it needs more."""

LETTER = 6.6
"""Width of a letter, roughly; text is never measured."""


def clip(value: float) -> float:
    """The value, between 0 and 1."""
    return min(1.0, max(0.0, value)) if value == value else 0.0


def number(value: float) -> str:
    """A coordinate with two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def cut(text: str, room: float) -> str:
    """Text that fits into the room, shortened if need be."""
    most = max(4, int((room - 12) / LETTER))
    text = plain(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def title(text: str) -> Markup:
    """What pointing at a mark says."""
    return Markup("<title>{}</title>").format(plain(text))


def text_at(x: float, y: float, text: str, style: str = "", anchor: str = "") -> Markup:
    """A line of text."""
    attributes = Markup(' class="{}"').format(style) if style else Markup("")
    if anchor:
        attributes += Markup(' text-anchor="{}"').format(anchor)
    return Markup('<text x="{}" y="{}"{}>{}</text>').format(
        number(x), number(y), attributes, plain(text)
    )


def rule(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    """A straight line."""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
        style, number(x1), number(y1), number(x2), number(y2)
    )


def figure(parts: Sequence[Markup], width: float, height: float, caption: str) -> Markup:
    """The drawing of these parts, with a caption above."""
    above = Markup("<figcaption>{}</figcaption>").format(plain(caption)) if caption else Markup("")
    label = Markup(' aria-label="{}"').format(plain(caption)) if caption else Markup("")
    return Markup(
        '<figure>{}<svg xmlns="http://www.w3.org/2000/svg" role="img"{} width="{}" height="{}" '
        'viewBox="0 0 {} {}">{}</svg></figure>'
    ).format(
        above,
        label,
        number(width),
        number(height),
        number(width),
        number(height),
        Markup("").join(parts),
    )
