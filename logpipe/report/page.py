"""The page itself: head, sections, styles and script in one string."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

import logpipe

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["Section", "code", "details", "note", "paragraph", "plain", "render_page"]

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)
_ANCHOR = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading.

    Attributes:
        title: the heading; also what its anchor is made of.
        parts: HTML, from the functions of this package. A plain `str` is text and is escaped.
        lead: a sentence or two below the heading.
    """

    title: str
    parts: Sequence[Markup | str]
    lead: str = ""


def plain(text: object) -> str:
    r"""Text that a document may hold: control characters and the like become visible escapes.

    >>> plain("a\x00b\x1b[0m")
    'a\\x00b\\x1b[0m'
    """
    return _FORBIDDEN.sub(_escape, str(text))


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def paragraph(text: str) -> Markup:
    """A paragraph of text.

    >>> str(paragraph("a < b"))
    '<p>a &lt; b</p>'
    """
    return Markup("<p>{}</p>").format(plain(text))


def note(text: str) -> Markup:
    """A paragraph in small, soft letters."""
    return Markup('<p class="note">{}</p>').format(plain(text))


def code(text: str) -> Markup:
    """Text of a log or a command, every blank kept."""
    return Markup("<code>{}</code>").format(plain(text))


def details(summary: str, parts: Sequence[Markup | str], *, opened: bool = False) -> Markup:
    """Parts that are folded away below a line."""
    inside = Markup("\n").join(_part(part) for part in parts)
    state = Markup(' open="open"') if opened else Markup("")
    return Markup("<details{}><summary>{}</summary>{}</details>").format(
        state, plain(summary), inside
    )


def render_page(
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    facts: Mapping[str, object] | None = None,
) -> str:
    """The page as one string of HTML that loads nothing and is well-formed XML.

    Args:
        title: of the page.
        sections: in the order shown; more than two get a list of links.
        subtitle: a sentence below the title.
        facts: name -> value, shown in one line: date, version, machine.
    """
    script = _file("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    taken: dict[str, int] = {}
    shown = [
        {
            "title": plain(section.title),
            "anchor": _anchor(section.title, taken),
            "lead": plain(section.lead),
            "parts": [_part(part) for part in section.parts],
        }
        for section in sections
    ]
    return _template().render(
        title=plain(title),
        subtitle=plain(subtitle),
        facts=[(plain(name), plain(value)) for name, value in (facts or {}).items()],
        sections=shown,
        style=Markup(_file("page.css")),
        script=Markup(script),
        script_digest=digest,
        version=logpipe.__version__,
    )


def _part(part: Markup | str) -> Markup:
    return part if isinstance(part, Markup) else escape(plain(part))


def _anchor(title: str, taken: dict[str, int]) -> str:
    name = _ANCHOR.sub("-", title.lower()).strip("-") or "section"
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}-{taken[name]}"


@cache
def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_file("page.html"))
