"""From forms to exact templates: literals and typed slots that render every message of a form.

A form has single blanks; a message may have others. The template of a message has the blanks that
the message has, so a form may become several templates, all of one group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice

from logpipe.parsers.iterative.mask import BASE, MARKS
from logpipe.parsers.iterative.mask_rules import Mask
from logpipe.template import SlotKind

__all__ = ["Shape", "respaced", "shape_of", "squeezed"]

Shape = tuple[tuple[bytes, ...], tuple[SlotKind, ...]]
"""Literals and kinds of a template."""

_SLOTS = re.compile(f"[{MARKS[0]}-{MARKS[-1]}]+")
_BLANKS = re.compile(r"[ \t\n\r\x0b\x0c]+")

# What a slot may hold beside the values it was learned from. CODE: a digit is in every value.
_KINDS: Mapping[Mask, SlotKind] = {
    Mask.CTIME: SlotKind.RUN,
    Mask.CLOCK: SlotKind.RUN,
    Mask.QUANTITY: SlotKind.RUN,
    Mask.DURATION: SlotKind.RUN,
    Mask.LIST: SlotKind.RUN,
    Mask.WIDE: SlotKind.RUN,
    Mask.REST: SlotKind.ANY,
    **dict.fromkeys(
        (
            *(Mask.NUMBER, Mask.HEX, Mask.IP, Mask.ID, Mask.SIGNED_ID, Mask.VERSION, Mask.SIZE),
            *(Mask.DATE, Mask.DATE_SLASH, Mask.MINUTES, Mask.ISO_TIME, Mask.PROTOCOL),
        ),
        SlotKind.CODE,
    ),
}


_KIND_OF = {c: _KINDS.get(Mask(ord(c) - BASE), SlotKind.FIELD) for c in MARKS}

MOST_SLOTS = 500
"""Slots of a template; the last of so many holds the rest of the message."""


def squeezed(text: str) -> str:
    """Single blanks, and none at the ends."""
    return _BLANKS.sub(" ", text).strip(" ")


def respaced(form: str, message: str) -> str:
    """A squeezed form with the blanks of the masked message that it was made of.

    No step of the grouping takes blanks away but those inside quotes; there the form stays as it
    is, and whoever matches finds out about the blanks of the line.

    >>> respaced("a b", " a  b")
    ' a  b'
    """
    if not form:
        return message
    if squeezed(message) == message:
        return form
    runs = _BLANKS.findall(message)
    before = runs.pop(0) if message[0] in " \t\n\r\x0b\x0c" else ""
    after = runs.pop() if runs and message[-1] in " \t\n\r\x0b\x0c" else ""
    words = form.split(" ")
    if len(runs) != len(words) - 1:
        return form
    inside = "".join(w + b for w, b in zip(words, [*runs, ""], strict=True))
    return before + inside + after


def shape_of(form: str) -> Shape:
    r"""Literals and kinds; marks with nothing between them are one slot.

    >>> from logpipe.parsers.iterative.mask import masked
    >>> shape_of(masked("took 15 ms"))
    ((b'took ', b' ms'), (<SlotKind.CODE: 6>,))
    """
    texts = _SLOTS.split(form, MOST_SLOTS)
    if len(texts) > MOST_SLOTS and _SLOTS.search(texts[-1]):
        texts[-1] = ""
        rest = True
    else:
        rest = False
    kinds = []
    for match in islice(_SLOTS.finditer(form), MOST_SLOTS):
        own = [_KIND_OF[c] for c in match[0]]
        kinds.append(own[0] if len(own) == 1 else _joined(own))
    if rest:
        kinds[-1] = SlotKind.ANY
    return tuple(text.encode("latin-1") for text in texts), tuple(kinds)


def _joined(kinds: list[SlotKind]) -> SlotKind:
    if SlotKind.ANY in kinds:
        return SlotKind.ANY
    return SlotKind.RUN if SlotKind.RUN in kinds else SlotKind.FIELD
