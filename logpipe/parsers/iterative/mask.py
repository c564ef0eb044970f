"""The mask lexer: which parts of a message are variables by their looks alone.

One pass from left to right; at each place the first rule of `RULES` that matches wins, and the
lexer goes on behind the match. A rule sees the message only, never statistics, so that equal
messages have equal masks wherever they stand. `RULES` is the specification: the native lexer
(native/src/mask) is a port of it, and a differential test holds the two together.

Messages are text in which each character is one byte (Latin-1), so that any bytes can be masked.
A masked message is such a text with one character of `MARKS` in place of each variable: these lie
beyond Latin-1, so nothing a message holds can be taken for one.

Word characters here are ASCII letters, digits, `_`, and every byte from 0x80, that is, letters of
other alphabets in UTF-8. Only the first `WINDOW` bytes of a message are looked at; what follows is
one variable of class REST, which a variable that touches the window's end joins.
Rules have bounded repetitions, so that time is linear in the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from logpipe.parsers.iterative.mask_rules import LIST_MEMBER, RULES, UNIT_BEHIND, Mask

__all__ = [
    "BASE",
    "MARKS",
    "WINDOW",
    "Span",
    "lists",
    "mark",
    "mask_of",
    "masked",
    "quantities",
    "spans",
]

WINDOW = 8192
"""Bytes of a message that are looked at."""


BASE = 0x100
MARKS = "".join(chr(BASE + m) for m in Mask)
"""One character per `Mask`, none of them a byte."""


def mark(mask: Mask) -> str:
    """The character that stands for a variable of this class."""
    return chr(BASE + mask)


def mask_of(character: str) -> Mask:
    """The class behind a character of `MARKS`."""
    return Mask(ord(character) - BASE)


Span = tuple[int, int, Mask]
"""Where a variable begins and ends in a message, and its class."""


@lru_cache(maxsize=256)
def _compiled(off: frozenset[str]) -> tuple[re.Pattern[str], tuple[tuple[int, Mask], ...]]:
    """One expression for all rules, and per `lastindex`: the group to take, and its class."""
    parts = []
    groups: list[tuple[int, Mask]] = [(0, Mask.FIELD)]
    for rule in RULES:
        if rule.name in off:
            continue
        inner = "(?P<v>" in rule.syntax
        outer = len(groups)
        groups.append((outer + inner, rule.mask))
        if inner:
            groups.append((outer + 1, rule.mask))
        parts.append(f"({rule.syntax.replace('(?P<v>', '(')})")
    return re.compile("|".join(parts) or r"(?!)", re.ASCII), tuple(groups)


def spans(message: str, off: Iterable[str] = ()) -> list[Span]:
    """The variables of a message, in order, never overlapping, never empty.

    Args:
        message: one character per byte.
        off: names of rules that are not to be used; also `lists` and `quantities`.

    >>> spans("took 15 ms from 10.0.0.1")
    [(5, 7, <Mask.NUMBER: 22>), (16, 24, <Mask.IP: 10>)]
    """
    switched_off = frozenset(off)
    pattern, groups = _compiled(switched_off)
    window = message[:WINDOW]
    found: list[Span] = []
    for match in pattern.finditer(window):
        group, mask = groups[match.lastindex or 0]
        start, end = match.span(group)
        if end > start:
            found.append((start, end, mask))
    if "lists" not in switched_off:
        found = lists(window, found)
    if "quantities" not in switched_off:
        found = quantities(window, found)
    if len(message) > WINDOW:
        rest = WINDOW
        while found and found[-1][1] == WINDOW:
            rest = found.pop()[0]
        found.append((rest, len(message), Mask.REST))
    return found


_UNIT = re.compile(UNIT_BEHIND, re.ASCII)
_MEMBER = re.compile(LIST_MEMBER, re.ASCII)


def lists(message: str, found: list[Span]) -> list[Span]:
    """Three or more words `letters digits` in a row with the same letters are one variable.

    Between two of them is a blank, a comma, or a comma and a blank. The list takes the place of
    what was found inside it; there is no list where something found lies across one of its ends.

    >>> lists("no an1 an2,an3 an", [])
    [(3, 14, <Mask.LIST: 27>)]
    """
    runs: list[tuple[int, int]] = []
    start = end = count = 0
    letters = None
    for member in _MEMBER.finditer(message):
        same = member["letters"] == letters and message[end : member.start()] in (" ", ",", ", ")
        if not same:
            if count >= 3:
                runs.append((start, end))
            start, count, letters = member.start(), 0, member["letters"]
        count += 1
        end = member.end()
    if count >= 3:
        runs.append((start, end))
    for a, b in runs:
        if any(s < a < e or s < b < e for s, e, _ in found):
            continue
        found = [s for s in found if s[1] <= a or s[0] >= b]
        found.append((a, b, Mask.LIST))
    return sorted(found) if runs else found


def quantities(message: str, found: list[Span]) -> list[Span]:
    """Inside parentheses, a number takes the unit behind it, if `,` or `)` follows.

    A remark says the same in whichever unit fits: `(2.5 KB)` beside `(317 B)`. Inside means that
    the last parenthesis before the number is an opening one.

    >>> quantities("took (3 ms)", [(6, 7, Mask.NUMBER)])
    [(6, 10, <Mask.QUANTITY: 25>)]
    """
    out = []
    for start, end, mask in found:
        if mask == Mask.NUMBER and message.startswith(" ", end):
            unit = _UNIT.match(message, end)
            if unit and message.rfind("(", 0, start) > message.rfind(")", 0, start):
                end, mask = unit.end(), Mask.QUANTITY
        out.append((start, end, mask))
    return out


def masked(message: str, off: Iterable[str] = ()) -> str:
    """The message with a character of `MARKS` for each variable.

    >>> masked("took 15 ms") == "took " + mark(Mask.NUMBER) + " ms"
    True
    """
    parts = []
    at = 0
    for start, end, mask in spans(message, off):
        parts.append(message[at:start])
        parts.append(chr(BASE + mask))
        at = end
    parts.append(message[at:])
    return "".join(parts)
