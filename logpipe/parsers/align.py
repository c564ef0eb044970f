"""From groups to exact templates: every message gets a template of its group that renders it.

A parser says which messages belong together and roughly what they look like. Here each message is
held against the templates of its group. One that differs from them in runs of white space only gets
a template of its own with that spacing; one that fits none at all is kept verbatim in its group.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn
from logpipe.native import Matcher, Programs
from logpipe.parsers.base import Groups, squeezed, take
from logpipe.template import SlotKind, Template, TemplateTable

__all__ = ["Aligner", "respacings"]

MAX_SPACINGS = 64
"""Templates a group may get for its spacings; further ones are kept verbatim."""

_WHITE = b" \t\n\r\x0b\x0c"


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
            literals = respaced(self.table[template_id], message, self._delimiters)
            if literals is None:
                continue
            # Slots of any kind were not asked what they may hold.
            kinds = (SlotKind.ANY,) * (len(literals) - 1)
            for known in self._by_group[group]:
                if self.table[known].literals == literals and self.table[known].kinds == kinds:
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


def respacings(
    templates: Iterable[Template], messages: ByteColumn, delimiters: bytes = b""
) -> list[Template]:
    """Templates for messages that differ from one of `templates` in runs of white space only.

    Of several that would do, the one with the most literal bytes counts. A group gets no more than
    64 of them.
    """
    blanks = re.compile(b"[" + re.escape(_WHITE + delimiters) + b"]+")
    known = [template for template in templates if template.group]
    uneven = _uneven(delimiters)
    if not any(uneven((message,)) for message in messages):
        # What fits no template as it is can only fit one whose own spacing is not the usual.
        known = [template for template in known if uneven(template.literals)]
    if not known:
        return []
    forms = Matcher(
        (
            Template(0, number, squeezed(t.literals, blanks), t.kinds)
            for number, t in enumerate(known, 1)
        ),
        delimiters,
    )
    column = ByteColumn.of([squeezed((message,), blanks)[0] for message in messages])
    found: dict[tuple[int, tuple[bytes, ...]], Template] = {}
    spacings: dict[int, int] = defaultdict(int)
    numbers = forms.groups(column)
    for row in np.flatnonzero(numbers).tolist():
        template = known[int(numbers[row]) - 1]
        literals = respaced(template, messages[row], delimiters)
        if literals is None or (template.group, literals) in found:
            continue
        if spacings[template.group] < MAX_SPACINGS:
            spacings[template.group] += 1
            new = Template(0, template.group, literals, template.kinds)
            found[template.group, literals] = new
    return list(found.values())


def _uneven(delimiters: bytes) -> Callable[[tuple[bytes, ...]], bool]:
    """Whether literals have other white space than single blanks between other bytes."""
    others = re.escape(_WHITE.replace(b" ", b"") + delimiters.replace(b" ", b""))
    search = re.compile(b"[" + others + b"]|  ").search
    return lambda literals: (
        literals[0].startswith(b" ") or literals[-1].endswith(b" ") or any(map(search, literals))
    )


def respaced(
    template: Template, message: bytes, delimiters: bytes = b""
) -> tuple[bytes, ...] | None:
    """The literals of a template with the white space of the message, if that makes it fit.

    White space and `delimiters` are all the same here.

    Each literal is searched once, from where the one before it ended: slots take any bytes, so the
    leftmost place is as good as any, and no pattern can make this go back and forth.

    >>> t = Template(1, 1, (b"port ", b" open"), (SlotKind.ANY,))
    >>> respaced(t, b" port  22 open")
    (b' port  ', b' open')
    """
    first, *middle, last = _pieces(template.literals, delimiters)
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
        start = _ending(last, message, at, _WHITE + delimiters)
        if start is None:
            return None
        literals.append(message[start:])
    elif at != len(message):
        return None
    return tuple(literals)


def _ending(words: list[bytes], message: bytes, at: int, white: bytes) -> int | None:
    """Where the words that close the message begin, all blanks before them included."""
    end = at + len(message[at:].rstrip(white))
    for i, word in enumerate(reversed(words)):
        if i:
            rest = at + len(message[at:end].rstrip(white))
            if rest == end:
                return None
            end = rest
        if not message.endswith(word, at, end):
            return None
        end -= len(word)
    return end


@lru_cache(maxsize=4096)
def _pieces(literals: tuple[bytes, ...], delimiters: bytes) -> tuple[Any, ...]:
    """One pattern per literal, blanks flexible; the words of the closing one.

    At the ends of the message blanks can be absent. Patterns never give blanks back, and a run of
    them is entered at its begin only: the time stays linear in the message.
    """
    white = _WHITE + delimiters
    blank = b"[" + re.escape(white) + b"]"
    *others, last = (re.split(blank + b"+", literal) for literal in literals)
    patterns = []
    for i, words in enumerate(others or [last]):
        if i == 0 and not words[0]:
            # The blanks that open the message are taken care of below.
            words = words[1:] or [b""]
        text = (blank + b"++").join(map(re.escape, words))
        if i == 0:
            text = blank + b"*+" + text
        elif not words[0] and len(words) > 1:
            text = b"(?<!" + blank + b")" + text
        if not others:
            text = text.removesuffix(blank + b"++") + blank + b"*+"
        patterns.append(re.compile(text))
    if len(last) > 1 and not last[-1]:
        last.pop()
    return (*patterns, last)
