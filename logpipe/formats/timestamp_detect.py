"""Which patterns a time stamp of unknown origin could be written in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["candidates"]

LOOKED_AT = 20
LONGEST = 64

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_OPEN = re.compile(r"[\[({<\"']*")
_CLOSE = re.compile(r"[\])}>\"',;:]*")
_WEEKDAY = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(,? +)")
# What a date looks like, and the patterns that it may have; `s` and `t` are its separators.
_DATES = [
    (rf"{_MONTH}(?P<s> )(?: \d|\d\d?)(?!\d)", ["%b %e", "%b %d", "%b %-d"]),
    (rf"\d\d?(?P<s>[-/ ]){_MONTH}(?P=s)\d{{4}}", ["%d{s}%b{s}%Y", "%-d{s}%b{s}%Y"]),
    (r"\d{4}(?P<s>[-/.])\d\d?(?P=s)\d\d?(?!\d)", ["%Y{s}%m{s}%d", "%Y{s}%-m{s}%-d"]),
    (
        r"\d\d?(?P<s>[-/.])\d\d?(?P=s)\d{4}",
        ["%d{s}%m{s}%Y", "%m{s}%d{s}%Y", "%-d{s}%-m{s}%Y", "%-m{s}%-d{s}%Y"],
    ),
    (r"\d\d(?P<s>[-/.])\d\d(?P=s)\d\d(?!\d)", ["%y{s}%m{s}%d", "%d{s}%m{s}%y", "%m{s}%d{s}%y"]),
    (r"\d{8}(?=\D)", ["%Y%m%d"]),
    (r"\d{6}(?=\D)", ["%y%m%d"]),
    (r"\d\d(?P<s>[-./])\d\d(?=[ T]\d)", ["%m{s}%d", "%d{s}%m"]),
]
_BETWEEN = re.compile(r",? +|[T:_-]")
_CLOCKS = [
    (
        r"\d\d?(?P<s>[:.])\d\d?(?P=s)\d\d?(?!\d)",
        ["%H{s}%M{s}%S", "%-H{s}%M{s}%S", "%-H{s}%-M{s}%-S"],
    ),
    (r"\d\d?:\d\d(?!\d)", ["%H:%M", "%-H:%M"]),
    (r"\d{6}(?!\d)", ["%H%M%S"]),
]
_FRACTION = re.compile(r"([.,:])(\d{1,9})")
_HALF = re.compile(r" ?[AP]M")
_ZONE = re.compile(r"( ?)(?:(Z|[+-]\d\d(?::?[0-5]\d)?)|([A-Z]{2,5}))(?![A-Za-z0-9])")
_YEAR = re.compile(r"(,? )\d{4}(?!\d)")
_EPOCH = [
    (re.compile(r"1\d{9}"), "%s"),
    (re.compile(r"1\d{9}\.\d{1,9}"), "%s.%f"),
    (re.compile(r"1\d{12}"), "%s%3f"),
    (re.compile(r"1\d{15}"), "%s%6f"),
    (re.compile(r"1\d{18}"), "%s%9f"),
]


def candidates(values: Sequence[bytes]) -> list[str]:
    """Patterns worth trying, likeliest first, from a look at some of the values."""
    step = max(1, len(values) // LOOKED_AT)
    found: dict[str, None] = {}
    for value in values[::step]:
        if len(value) <= LONGEST:
            for pattern in _patterns(value.decode("latin-1")):
                found.setdefault(pattern)
    return list(found)


def _patterns(text: str) -> Iterator[str]:
    for expression, pattern in _EPOCH:
        if expression.fullmatch(text):
            yield pattern
    start = _OPEN.match(text)
    assert start is not None
    prefix, at = start[0], start.end()
    weekday = _WEEKDAY.match(text, at)
    if weekday:
        prefix, at = prefix + "%a" + weekday[1], weekday.end()
    dates = list(_match(_DATES, text, at))
    if weekday:
        # `Sun Dec 04` is how Apache writes it, `Dec  4` how syslog does; after the 9th both fit.
        dates.sort(key=lambda d: "%e" in d[0])
    for date, end in dates:
        between = _BETWEEN.match(text, end)
        if _CLOSE.fullmatch(text, end):
            yield prefix + date + text[end:]
        if between:
            for rest in _clock(text, between.end()):
                yield prefix + date + between[0] + rest
    # Without a date only colons make a clock: `10.0.0.1` and `203615` are other things.
    if re.compile(r"\d\d?:").match(text, at):
        for rest in _clock(text, at):
            yield prefix + rest


def _match(table: list[tuple[str, list[str]]], text: str, at: int) -> Iterator[tuple[str, int]]:
    for expression, patterns in table:
        found = re.compile(expression).match(text, at)
        if found:
            separator = found.groupdict().get("s") or ""
            for pattern in patterns:
                yield pattern.replace("{s}", separator), found.end()


def _clock(text: str, at: int) -> Iterator[str]:
    """Patterns of a time of day and all that follows it."""
    for clock, end in _match(_CLOCKS, text, at):
        fractions = [("", end)]
        fraction = _FRACTION.match(text, end)
        if fraction:
            mark, digits = fraction.groups()
            # Trailing zeros that are missing show as different widths.
            fractions = [(f"{mark}%f", fraction.end()), (f"{mark}%-f", fraction.end())]
            if mark == ":" and len(digits) <= 3:
                fractions.insert(1, (":%-3f", fraction.end()))
        for middle, then in fractions:
            half = _HALF.match(text, then)
            twelve = clock
            if half:
                twelve = clock.replace("H", "I")
                middle, then = middle + half[0][:-2] + "%p", half.end()
            tail = ""
            zone = _ZONE.match(text, then)
            if zone:
                tail, then = zone[1] + ("%z" if zone[2] else "%Z"), zone.end()
            year = _YEAR.match(text, then)
            if year:
                tail, then = tail + year[1] + "%Y", year.end()
            if _CLOSE.fullmatch(text, then):
                yield twelve + middle + tail + text[then:]
