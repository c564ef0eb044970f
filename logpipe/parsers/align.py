"""From groups to exact templates: every message gets a template of its group that renders it.

A parser says which messages belong together and roughly what they look like. Here each message is
held against the templates of its group. One that differs from them in runs of white space only gets
a template of its own with that spacing; one that fits none at all is kept verbatim in its group.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn
from logpipe.native import Programs
from logpipe.parsers.base import Groups, take
from logpipe.template import SlotKind, Template, TemplateTable

__all__ = ["Aligner"]

MAX_SPACINGS = 64
"""Templates a group may get for its spacings; further ones are kept verbatim."""

_BLANKS = re.compile(rb"[ \t\n\r\x0b\x0c]+")


class Aligner:
    """Gives messages exact templates.

    Args:
        templates: what the parser claims; any number per group.
        delimiters: what ends a TOKEN slot besides white space.

    Attributes:
        table: all templates, those made here included; append-only.
        misfits: positions in the last `align` of messages that have a group and fit none of its
            templates; they were given a verbatim template of the group.
    """

    def __init__(self, templates: Iterable[Template], delimiters: bytes = b"") -> None:
        self.table = TemplateTable()
        self._delimiters = delimiters
        self._by_group: dict[int, list[int]] = defaultdict(list)
        self._verbatim: dict[int, int] = {0: 0}
        self._spacings: dict[int, int] = defaultdict(int)
        for template in templates:
            new = self.table.append(template.group, template.literals, template.kinds)
            self._by_group[template.group].append(new)
        self._programs = Programs(self.table, delimiters)
        self.misfits: list[int] = []

    @property
    def programs(self) -> Programs:
        """The programs of all templates so far."""
        if self._programs.known < len(self.table):
            self._programs = Programs(self.table, self._delimiters)
        return self._programs

    def align(self, messages: ByteColumn, groups: Groups) -> npt.NDArray[np.uint32]:
        """A template id per message, such that the template renders the message."""
        self.misfits = []
        ids = np.zeros(len(messages), np.uint32)
        left = np.flatnonzero(groups != 0)
        for attempt in range(max(map(len, self._by_group.values()), default=0)):
            if len(left) == 0:
                break
            candidates = self._candidates(groups[left], attempt)
            fits = self.programs.fits(take(messages, left), candidates)
            # Group 0 stands for "no further candidate".
            fits &= candidates != 0
            ids[left[fits]] = candidates[fits]
            left = left[~fits]
        for i in left.tolist():
            ids[i] = self._place(messages[i], int(groups[i]), i)
        return ids

    def _candidates(self, groups: Groups, attempt: int) -> npt.NDArray[np.uint32]:
        distinct, inverse = np.unique(groups, return_inverse=True)
        choice = [
            own[attempt] if attempt < len(own := self._by_group[int(g)]) else 0 for g in distinct
        ]
        return np.array(choice, np.uint32)[inverse]

    def _place(self, message: bytes, group: int, index: int) -> int:
        for template_id in list(self._by_group[group]):
            literals = respaced(self.table[template_id], message)
            if literals is None:
                continue
            kinds = self.table[template_id].kinds
            for known in self._by_group[group]:
                if self.table[known].literals == literals:
                    return known
            if self._spacings[group] < MAX_SPACINGS:
                self._spacings[group] += 1
                new = self.table.append(group, literals, kinds)
                self._by_group[group].append(new)
                return new
        self.misfits.append(index)
        if group not in self._verbatim:
            self._verbatim[group] = self.table.append(group, (b"", b""), (SlotKind.ANY,))
        return self._verbatim[group]


def respaced(template: Template, message: bytes) -> tuple[bytes, ...] | None:
    """The literals of a template with the white space of the message, if that makes it fit.

    Each literal is searched once, from where the one before it ended: slots take any bytes, so the
    leftmost place is as good as any, and no pattern can make this go back and forth.

    >>> t = Template(1, 1, (b"port ", b" open"), (SlotKind.ANY,))
    >>> respaced(t, b" port  22 open")
    (b' port  ', b' open')
    """
    first, *middle, last = _pieces(template.literals)
    found = first.match(message)
    if found is None:
        return None
    literals, at = [found.group()], found.end()
    for piece in middle:
        found = piece.search(message, at)
        if found is None:
            return None
        literals.append(found.group())
        at = found.end()
    if template.slots:
        found = last.search(message, at)
        if found is None:
            return None
        literals.append(found.group())
    elif at != len(message):
        return None
    return tuple(literals)


@lru_cache(maxsize=4096)
def _pieces(literals: tuple[bytes, ...]) -> tuple[re.Pattern[bytes], ...]:
    """One pattern per literal: blanks flexible, at the ends of the message also absent."""
    blank = rb"[ \t\n\r\x0b\x0c]"
    patterns = []
    for i, literal in enumerate(literals):
        opens, closes = i == 0, i == len(literals) - 1
        if opens:
            literal = literal.lstrip()
        if closes:
            literal = literal.rstrip()
        text = (blank + b"+").join(re.escape(word) for word in _BLANKS.split(literal))
        before, after = blank + b"*" if opens else b"", blank + rb"*\Z" if closes else b""
        patterns.append(re.compile(before + text + after))
    # A template without slots is one literal; callers unpack a first and a last.
    return tuple(patterns) if len(patterns) > 1 else (patterns[0], patterns[0])
