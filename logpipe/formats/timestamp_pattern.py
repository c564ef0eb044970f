"""Patterns of time stamps: strptime's directives, made exact enough to be written back.

| directive | stands for |
|---|---|
| `%Y` `%m` `%d` `%H` `%M` `%S` | year (4 digits), month, day, hour, minute, second (2 each) |
| `%y` | year in 2 digits: 69-99 is 1969-1999, 00-68 is 2000-2068 |
| `%I` `%p` | hour 01-12, and `AM` or `PM` |
| `%-m` `%-d` `%-H` `%-I` `%-M` `%-S` | the same without leading zeros |
| `%e` | day, padded with a blank: ` 7` |
| `%b` `%B` `%a` | `Jan`, `January`, `Mon`; English, first letter upper case |
| `%3f` (`%1f` to `%9f`) | fraction of a second in so many digits |
| `%-3f` | the number of milliseconds (`%-6f`: microseconds, ...) without leading zeros |
| `%-f` | fraction in up to 9 digits without zeros at its end, as Go writes it |
| `%s` | seconds since 1970; `%s%3f` is milliseconds |
| `%[+0800]z` | this offset: `Z`, `+HH`, `+HHMM` or `+HH:MM` |
| `%[PDT]Z` | this name; the time is taken as UTC here, see timestamp_reading.py |
| `%[IWEF]c` | one of these characters, which says nothing about time |
| `%%` | a percent sign |

`%f`, `%z` and `%Z` without a width or a text, and `%[...]c`, are *open*: they stand for whatever
most values of a column have, and are replaced by the exact directive before anything is parsed.
In the same way, because strptime takes them so, `%m` `%d` `%H` `%M` `%S` are replaced by their
forms without zeros (`%d` also by `%e`) where a column is written like that. A pattern is thus a
wish in reading and exact in writing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from logpipe.batch import ByteColumn
from logpipe.errors import LayoutError

__all__ = [
    "MONTHS",
    "WEEKDAYS",
    "Directive",
    "Pattern",
    "compile_pattern",
    "counts_fraction",
    "date_order",
    "opened",
    "resolve",
    "swapped",
    "zone_seconds",
]

MONTHS = (
    *(b"January", b"February", b"March", b"April", b"May", b"June", b"July", b"August"),
    *(b"September", b"October", b"November", b"December"),
)
WEEKDAYS = (b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat")

SAMPLE = 512

_TOKEN = re.compile(r"%(?:\[([^\]%]*)\])?(-)?([1-9])?(.?)|[^%]+", re.DOTALL)
_OFFSET = re.compile(r"Z|([+-])(\d\d)(?::?([0-5]\d))?")

# Name: fewest and most bytes. `-` marks the form without padding, `f3` a fraction of 3 digits.
_WIDTHS = {
    **dict.fromkeys("ymdHIMSep", (2, 2)),
    **{"-" + name: (1, 2) for name in "mdHIMS"},
    **{f"f{n}": (n, n) for n in range(1, 10)},
    **{f"-f{n}": (1, n) for n in range(1, 10)},
    "Y": (4, 4),
    "b": (3, 3),
    "a": (3, 3),
    "B": (3, 9),
    "-f": (1, 9),
    "s": (1, 10),
}


_PADDED = frozenset("mdHMS")
_OPEN = {
    **dict.fromkeys(_PADDED, rb" ?\d{1,2}"),
    "f": rb"\d{1,9}",
    "z": rb"(?:Z|[+-]\d\d(?::?[0-5]\d)?)",
    "Z": rb"(?:[A-Z]{1,5}|[+-]\d\d(?::?[0-5]\d)?)",
}
_UTC = frozenset(("", "Z", "UTC", "GMT", "UCT", "UT"))


@dataclass(frozen=True, slots=True)
class Directive:
    """One piece of a pattern.

    Attributes:
        name: a key of the table of widths, `"literal"`, or `"f"`, `"z"`, `"Z"`, `"c"` while open.
        text: the bytes of a literal (an exact zone is one, too), or those that `"c"` may be.
        least: fewest bytes it takes.
        most: most bytes it takes.
    """

    name: str
    text: bytes = b""
    least: int = 0
    most: int = 0

    @property
    def is_fraction(self) -> bool:
        """A fraction of a second, not a number of milliseconds or the like."""
        return self.name == "-f" or self.name[:1] == "f"


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern.

    Attributes:
        source: as written.
        directives: in order.
        offset: seconds that the written time is ahead of UTC.
        zone: text of an exact zone; None if there is none.
    """

    source: str
    directives: tuple[Directive, ...]
    offset: int
    zone: str | None = None

    @cached_property
    def names(self) -> frozenset[str]:
        """The fields that occur, without the marks for padding and width."""
        return frozenset(d.name.lstrip("-")[:1] for d in self.directives if d.name != "literal")

    @property
    def is_open(self) -> bool:
        """Whether a directive must be made exact first."""
        return any(d.name in ("f", "z", "Z", "c") for d in self.directives)

    @property
    def lacks_year(self) -> bool:
        """A month without a year: the year has to come from elsewhere."""
        return bool(self.names & {"m", "b", "B"}) and not self.names & {"Y", "y", "s"}

    @property
    def lacks_date(self) -> bool:
        """A clock without a day: it stands for no instant."""
        return not self.names & set("YymdebBs")

    @property
    def digits(self) -> int:
        """Digits of a second that can be told apart, 0 to 9."""
        names = [d.name for d in self.directives if d.name.lstrip("-").startswith("f")]
        return max((int(n[-1]) if n[-1] != "f" else 9 for n in names), default=0)

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """Fewest and most bytes of a value."""
        return sum(d.least for d in self.directives), sum(d.most for d in self.directives)

    def splits(self, length: int) -> Iterator[tuple[int, ...]]:
        """Every way in which the directives can share so many bytes."""
        return _splits(self.directives, length)


def _splits(directives: tuple[Directive, ...], length: int) -> Iterator[tuple[int, ...]]:
    if not directives:
        if not length:
            yield ()
        return
    first, rest = directives[0], directives[1:]
    least = sum(d.least for d in rest)
    most = sum(d.most for d in rest)
    for width in range(max(first.least, length - most), min(first.most, length - least) + 1):
        for others in _splits(rest, length - width):
            yield (width, *others)


@lru_cache(maxsize=256)
def compile_pattern(source: str) -> Pattern:
    """Read a pattern.

    Raises:
        LayoutError: an unknown directive, two zones, or so many fields of unknown width that a
            value could be read in too many ways.
    """
    directives: list[Directive] = []
    offset: int | None = None
    zone: str | None = None
    freedom = 1
    for token in _TOKEN.finditer(source):
        text, dash, width, letter = token.groups()
        if letter is None:
            directives.append(_literal(token[0]))
            continue
        if letter == "%" and token[0] == "%%":
            directives.append(_literal("%"))
            continue
        if letter in ("z", "Z") and not dash and not width:
            if offset is not None:
                raise LayoutError(f"time pattern {source!r}: more than one zone")
            offset = 0
            if text is None:
                directives.append(Directive(letter))
                continue
            directives.append(_literal(text))
            zone = text
            if letter == "z":
                offset = _offset(source, text)
            continue
        if letter == "c" and text and not dash and not width:
            directives.append(Directive("c", text.encode("utf-8", "surrogateescape")))
            continue
        name = (dash or "") + letter + (width or "")
        if text is not None or (name not in _WIDTHS and name != "f"):
            raise LayoutError(
                f"time pattern {source!r}: unknown directive {token[0]!r}; known are "
                f"%Y %y %m %d %e %b %B %a %H %I %p %M %S %f %s %z %Z %%, %-d and the like, %3f"
            )
        least, most = _WIDTHS.get(name, (0, 0))
        freedom *= most - least + 1
        directives.append(Directive(name, b"", least, most))
    if freedom > 20_000:
        raise LayoutError(f"time pattern {source!r}: too many fields of unknown width")
    return Pattern(source, tuple(directives), offset or 0, zone)


def _literal(text: str) -> Directive:
    data = text.encode("utf-8", "surrogateescape")
    return Directive("literal", data, len(data), len(data))


def _offset(source: str, text: str) -> int:
    found = _OFFSET.fullmatch(text)
    if not found:
        raise LayoutError(
            f"time pattern {source!r}: expected an offset such as +0800 or Z, found {text!r}"
        )
    sign, hours, minutes = found.groups()
    seconds = int(hours or 0) * 3600 + int(minutes or 0) * 60
    return -seconds if sign == "-" else seconds


def zone_seconds(zone: str, zones: Mapping[str, int]) -> int | None:
    """How far a zone is ahead of UTC; None for a name that is not among `zones`.

    Names such as IST or CST are used for several offsets, so none but UTC's own is known here.
    """
    if zone in zones:
        return zones[zone]
    if zone in _UTC:
        return 0
    return _offset(zone, zone) if _OFFSET.fullmatch(zone) else None


def opened(source: str) -> str:
    """The pattern with any zone and any fraction in the place of exact ones.

    A fraction that follows digits (`%s%3f`) stays, since only its width says where it begins.
    """
    tokens = [token[0] for token in _TOKEN.finditer(source)]
    for index, token in enumerate(tokens):
        if re.fullmatch(r"%\[[^\]%]*\][zZ]", token):
            tokens[index] = "%" + token[-1]
        elif re.fullmatch(r"%(?:[1-9]|-)f", token) and index and tokens[index - 1][:1] != "%":
            tokens[index] = "%f"
    return "".join(tokens)


def counts_fraction(source: str, exact: str) -> str:
    """A pattern whose open fraction counts milliseconds or the like where an exact one says so."""
    found = re.search(r"%-[1-9]f", exact)
    return re.sub(r"%f", found[0], source) if found else source


def date_order(source: str) -> str:
    """`day-first`, `month-first` or `year-first` of a date of numbers; else empty."""
    names = [
        token[0][-1] for token in _TOKEN.finditer(source) if re.fullmatch(r"%-?[Yymd]", token[0])
    ]
    first = names[0] if "m" in names and "d" in names else ""
    return {"d": "day-first", "m": "month-first", "Y": "year-first", "y": "year-first"}.get(
        first, ""
    )


def swapped(source: str) -> str:
    """The pattern with day and month in each other's place; empty if the year stands in front."""
    if date_order(source) not in ("day-first", "month-first"):
        return ""
    return re.sub(r"(%-?)([md])", lambda m: m[1] + ("d" if m[2] == "m" else "m"), source)


def resolve(pattern: Pattern, column: ByteColumn) -> Pattern:
    """The exact pattern that most of a sample of the column is written in."""
    expression = re.compile(b"".join(_expression(i, d) for i, d in enumerate(pattern.directives)))
    seen: defaultdict[int, Counter[bytes]] = defaultdict(Counter)
    for row in range(0, len(column), max(1, len(column) // SAMPLE)):
        found = expression.fullmatch(column[row])
        if found is not None:
            for group, value in found.groupdict().items():
                seen[int(group[1:])][value] += 1
    tokens = [token[0] for token in _TOKEN.finditer(pattern.source)]
    for index, directive in enumerate(pattern.directives):
        values = seen[index]
        if directive.name == "f":
            tokens[index] = _exact_fraction(values)
        elif directive.name in ("z", "Z"):
            default = b"Z" if directive.name == "z" else b"UTC"
            zone = values.most_common(1)[0][0] if values else default
            tokens[index] = f"%[{zone.decode('ascii')}]{directive.name}"
        elif directive.name == "c":
            one = values.most_common(1)[0][0] if values else directive.text[:1]
            tokens[index] = one.decode("latin-1").replace("%", "%%")
        elif directive.name in _PADDED:
            blank = sum(n for v, n in values.items() if v[:1] == b" ")
            single = sum(n for v, n in values.items() if len(v) == 1)
            zero = sum(n for v, n in values.items() if v[:1] == b"0" and len(v) == 2)
            if directive.name == "d" and blank > max(single, zero):
                tokens[index] = "%e"
            elif single > zero:
                tokens[index] = "%-" + directive.name
    return compile_pattern("".join(tokens))


def _exact_fraction(values: Counter[bytes]) -> str:
    """A fraction of one width; or, if that fails, one without zeros at its end or in front."""
    widths: Counter[int] = Counter()
    trimmed = number = 0
    for value, count in values.items():
        widths[len(value)] += count
        trimmed += count * (len(value) == 1 or value[-1:] != b"0")
        number += count * (len(value) == 1 or value[:1] != b"0")
    if not widths:
        return "%6f"
    width, fixed = widths.most_common(1)[0]
    if fixed >= max(trimmed, number):
        return f"%{width}f"
    # A count of milliseconds, microseconds or nanoseconds has the width of its largest.
    return "%-f" if trimmed >= number else f"%-{-(-max(widths) // 3) * 3}f"


def _expression(index: int, directive: Directive) -> bytes:
    """A loose regular expression; it captures what `resolve` chooses by."""
    name = directive.name.lstrip("-")
    if name == "literal":
        return re.escape(directive.text)
    taken = rb"[ \d]\d{%d,%d}" % (max(0, directive.least - 1), max(0, directive.most - 1))
    if name in ("a", "b", "B", "p"):
        taken = rb"[A-Za-z]{2,9}"
    if directive.name == "c":
        return b"(?P<g%d>[%s])" % (index, re.escape(directive.text))
    if directive.name not in _OPEN:
        return taken
    return b"(?P<g%d>%s)" % (index, _OPEN[directive.name])
