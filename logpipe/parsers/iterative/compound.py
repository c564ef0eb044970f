"""Slots that are parts of one value: a date in three slots, a clock, an address and its port.

A template may cut a value at its punctuation. What a part means is seen only with its neighbours
and the separators between them, so these are looked at together, before any word around them is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

__all__ = ["part_of"]

_SLOT = r"<\*>"
_LEFT = re.compile(rf"(?:{_SLOT}[:/.T-])+$")
_RIGHT = re.compile(rf"(?:[:/.T-]{_SLOT})+")
_CLOCK = re.compile(rf"{_SLOT}:{_SLOT}(?::{_SLOT}(?:\.{_SLOT})?)?")
_DATE = re.compile(rf"{_SLOT}([-/.]){_SLOT}\1{_SLOT}")
_STAMP = re.compile(rf"{_SLOT}([-/.]){_SLOT}\1{_SLOT}T{_SLOT}:{_SLOT}(?::{_SLOT})?(?:\.{_SLOT})?")
_UUID = re.compile(rf"{_SLOT}(?:-{_SLOT}){{4}}")
_ADDRESS = re.compile(rf"{_SLOT}(?:\.{_SLOT}){{3}}(?::{_SLOT})?|{_SLOT}(?::{_SLOT}){{5,7}}")
_BESIDE_DATE = re.compile(rf"{_SLOT}([-/.]){_SLOT}\1{_SLOT} $")
_BESIDE_CLOCK = re.compile(rf"{_SLOT}:{_SLOT}:{_SLOT}(?: [A-Z]{{3,5}})? $")
_DAYS = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_MONTHS = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_NAMED = re.compile(rf"(?:{_DAYS}|{_MONTHS})\.?")
_BEHIND_NAME = re.compile(rf"(?<![0-9A-Za-z])(?:{_DAYS},?|{_MONTHS}) +$")
_SOURCE_LINE = re.compile(r"[0-9A-Za-z_]\.[a-z]{1,4}[:(]$")
_SHORT = re.compile(r"[0-9]{1,2}(?:[.,][0-9]+)?")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_DAY = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_EPOCH = re.compile(r"1[0-9]{9}(?:[0-9]{3}|\.[0-9]{1,9})")
_HEX = re.compile(r"[0-9a-fA-F]{4,12}")
_PORT = re.compile(r"[0-9]{2,5}")
_LINE = re.compile(r"[0-9]{1,6}")
_BIT = re.compile(r"[01]")
_OCTETS = re.compile(r"[0-9]{1,3}|[0-9a-fA-F]{2}")

Told = Literal["TDA", "LOI", "OID", "SID"]


def part_of(before: str, after: str, values: Sequence[str]) -> Told | None:
    """The category of a slot by what it is a part of, or by values that can be one thing only.

    Args:
        before: the template's text before the slot, other slots as `<*>`.
        after: what is behind it.
        values: some of its values.

    >>> part_of("backup of <*>-", "-<*> done", ["05"])
    'TDA'
    >>> part_of("opened <*>:", "", ["8080"])
    'LOI'
    >>> part_of("opened ", "", ["8080"])
    """
    if not values:
        return None

    def are(*looks: re.Pattern[str]) -> bool:
        return all(any(look.fullmatch(value) for look in looks) for value in values)

    left, right = _LEFT.search(before), _RIGHT.match(after)
    chain = (left[0] if left else "") + "<*>" + (right[0] if right else "")
    begin = before[: left.start()] if left else before
    if _STAMP.fullmatch(chain) or (_DATE.fullmatch(chain) and are(_SHORT, _YEAR)):
        return "TDA"
    dated = chain.count(":") > 1 or _BESIDE_DATE.search(begin) or _BEHIND_NAME.search(begin)
    if dated and _CLOCK.fullmatch(chain) and are(_SHORT):
        return "TDA"
    if are(_NAMED) or are(_EPOCH) or are(_DAY):
        return "TDA"
    if _BEHIND_NAME.search(before) and are(_SHORT, _YEAR):
        return "TDA"
    if _BESIDE_CLOCK.search(before) and are(_YEAR):
        return "TDA"
    if _UUID.fullmatch(chain) and are(_HEX):
        return "OID"
    if _ADDRESS.fullmatch(chain) and are(_OCTETS, _PORT):
        return "LOI"
    if before.endswith("<*>:") and chain == "<*>:<*>" and are(_PORT):
        return "LOI"
    if _SOURCE_LINE.search(before) and are(_LINE):
        return "LOI"
    if before.endswith("...") and are(_BIT):
        return "SID"
    return None
