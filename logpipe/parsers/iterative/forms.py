"""Forms: masked messages, and what becomes of them while they are compared.

A *form* is a masked message with single blanks (`mask`, `templates.squeezed`) in which comparing
may have put further marks; every form ends as one exact template, or one per spacing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from logpipe.parsers.iterative.mask import MARKS, mark
from logpipe.parsers.iterative.mask_rules import Mask

__all__ = ["FIELDS", "MARK", "TOKENS", "Forms", "hollow", "joint", "slot"]

MARK = f"[{MARKS[0]}-{MARKS[-1]}]"
"""A class of characters for expressions: any mark."""

FIELDS = re.compile(r"""([\s,;:=|"'()\[\]{}<>]+)""")
"""What separates the fields of a form."""

TOKENS = re.compile(r"(\s+)")
"""What separates tokens."""

# Classes whose values may hold blanks.
_WIDE = (Mask.CTIME, Mask.CLOCK, Mask.QUANTITY, Mask.DURATION, Mask.LIST, Mask.WIDE, Mask.REST)
_BLANK_INSIDE = re.compile("[" + "".join(map(mark, _WIDE)) + r"\s]")
_WORD = r"0-9A-Za-z_\x80-\xff"
_PREFIX = re.compile(rf"(?s).*[^{_WORD}{MARKS}]")
_SUFFIX = re.compile(rf"(?s)[^{_WORD}{MARKS}].*")


@dataclass
class Forms:
    """Forms under way.

    Attributes:
        counts: lines per form.
        off: rules that are not to be used.
        kin: forms that are of the group of another one though their text differs.
        work: characters, fields and tokens that were looked at.
        merges: how often forms were merged.
    """

    counts: dict[str, int]
    off: frozenset[str] = frozenset()
    kin: dict[str, str] = field(default_factory=dict)
    work: int = 0
    merges: int = 0
    _became: dict[str, str] = field(default_factory=dict)

    def on(self, rule: str) -> bool:
        """Whether a rule is to be used."""
        return rule not in self.off

    def merge(self, olds: Iterable[str], new: str) -> None:
        """Some forms become one; `new` may be there already."""
        total = 0
        self.merges += 1
        for old in olds:
            total += self.counts.pop(old)
            if old != new:
                self._became[old] = new
        self.counts[new] = self.counts.get(new, 0) + total
        # A form that was merged away may come back as what others become.
        self._became.pop(new, None)

    def final(self, form: str) -> str:
        """What a form has become by now."""
        passed = []
        while form in self._became:
            passed.append(form)
            form = self._became[form]
        for old in passed[:-1]:
            self._became[old] = form
        return form


def joint(values: Iterable[str]) -> str:
    """The mark of a slot that holds all these values."""
    return mark(Mask.WIDE if any(_BLANK_INSIDE.search(v) for v in values) else Mask.FIELD)


def slot(values: Iterable[str] | Mapping[str, int]) -> str:
    """A slot, and what all values have before and behind it, words as a whole.

    >>> slot(["(web.a.x)", "(web.b)"]) == "(web." + mark(Mask.FIELD) + ")"
    True
    >>> slot([mark(Mask.IP)]) == mark(Mask.IP)
    True
    """
    values = sorted(set(values))
    if len(values) == 1 and len(values[0]) == 1:
        return values[0]
    start, suffix = _around(values)
    return values[0][:start] + joint(value[start:] for value in values) + suffix


def hollow(values: Iterable[str]) -> list[str]:
    """The values that have nothing between what all have before and behind.

    >>> hollow(["(a)", "()"])
    ['()']
    """
    ordered = sorted(set(values))
    start, suffix = _around(ordered)
    return [value for value in ordered if len(value) <= start + len(suffix)]


def _around(values: list[str]) -> tuple[int, str]:
    """Characters of what all sorted values have before a slot, and the text behind it."""
    prefix = _PREFIX.match(values[0][: _common(values[0], values[-1])])
    start = prefix.end() if prefix else 0
    rest = sorted(value[start:][::-1] for value in values)
    suffix = _SUFFIX.search(rest[0][: _common(rest[0], rest[-1])][::-1])
    return start, suffix[0] if suffix else ""


def _common(low: str, high: str) -> int:
    """Characters that the least and the greatest of some texts, and so all, begin with."""
    length = min(len(low), len(high))
    return next((i for i in range(length) if low[i] != high[i]), length)
