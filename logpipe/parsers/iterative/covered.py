"""Covered forms: rare forms that a heavy one already says, but for words in its slots.

Places are compared one at a time (`steps.word_slots`). Where two slots vary at once, some lines are
alone in both: no other form differs from `unit amy stopped on web3` in one place only, while `unit
<*> stopped on <*>` has been found from the rest. Such a form belongs to the heavy one.
"""

from __future__ import annotations

import re
from collections import defaultdict

from logpipe.parsers.iterative.bounds import within_bounds
from logpipe.parsers.iterative.forms import FIELDS, Forms
from logpipe.parsers.iterative.mask import MARKS, mark
from logpipe.parsers.iterative.mask_rules import Mask
from logpipe.parsers.iterative.words import HEAVY, TIMES, protected, state, technical

__all__ = ["covered"]

_FOUND_MARKS = "".join(map(mark, (Mask.FIELD, Mask.WIDE)))
_DRAWN_MARKS = "".join(map(mark, (Mask.HEX, Mask.ID, Mask.SIGNED_ID)))
_FOUND = re.compile(f"[{_FOUND_MARKS}]")
_SLOT = re.compile(f"[{_FOUND_MARKS}{_DRAWN_MARKS}]")
_DRAWN_WORD = re.compile(r"[a-f]{4,}|[A-F]{4,}|[A-Za-z_]+[0-9][0-9A-Za-z_]*")

MOST_LOOKED_UP = 1 << 20
"""Fields that are looked up; the heaviest forms come first."""

_Slots = tuple[int, ...]


def covered(forms: Forms) -> None:
    """Forms that become a heavy one when some of their words are taken for values of its slots.

    The heavy form has a slot found by comparing in each such place, as many times the lines, and
    the same separators. A word that says what happened is no value.
    """
    cells: dict[tuple[str, ...], list[tuple[str, list[str]]]] = defaultdict(list)
    for form, pieces in within_bounds(forms, FIELDS):
        cells[tuple(pieces[1::2])].append((form, pieces[::2]))
    left = MOST_LOOKED_UP
    for members in cells.values():
        if len(members) < 2:
            continue
        heavy: dict[_Slots, dict[tuple[str, ...], str]] = {}
        for form, fields in members:
            slots = tuple(i for i, f in enumerate(fields) if _SLOT.search(f))
            if forms.counts[form] >= HEAVY and any(_FOUND.search(fields[i]) for i in slots):
                heavy.setdefault(slots, {}).setdefault(_without(fields, slots), form)
        fields_of = dict(members)
        for form, fields in reversed(members):
            for slots in sorted(heavy, key=lambda s: (len(s), s)):
                left -= len(fields)
                if left < 0:
                    break
                target = heavy[slots].get(_without(fields, slots))
                if (
                    target is not None
                    and target != form
                    and target in forms.counts
                    and forms.counts[form] * TIMES <= forms.counts[target]
                    and all(_value(fields[i], fields_of[target][i]) for i in slots)
                ):
                    forms.work += len(form)
                    forms.merge([form, target], target)
                    break
    forms.work += MOST_LOOKED_UP - left


def _without(fields: list[str], slots: _Slots) -> tuple[str, ...]:
    rest = list(fields)
    for i in slots:
        rest[i] = ""
    return tuple(rest)


def _value(field: str, slot: str) -> bool:
    """Whether a field could be a value of a slot."""
    if field == slot:
        return True
    at = _SLOT.search(slot)
    if at is None:
        return False
    before, after = slot[: at.start()], slot[at.end() :]
    value = field[len(before) : len(field) - len(after)]
    if not value or field != before + value + after:
        return False
    if at[0] in _DRAWN_MARKS:
        return _DRAWN_WORD.fullmatch(value) is not None and not technical(value)
    return value in MARKS or not (protected(value) or state(value))
