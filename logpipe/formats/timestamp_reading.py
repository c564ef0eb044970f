"""Reads every time of a log, however its zone, fraction and padding change on the way.

`logpipe.formats.timestamps` reads one exact spelling, because it must be able to write it back.
Here only the instant counts: a log whose offset changes in the night of the clock change, or that
has `Z` beside `+01:00`, has a time in every line. Spellings that were met before are tried on all
rows at once, then new ones that numpy can find out from the rows left over, and what is left after
that is brought into one spelling row by row. The instant of a row is the same by each of these
ways, so it depends neither on where batches begin nor on which spelling came first.

The module is long because the fast ways and the slow one must agree, and are judged side by side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn
from logpipe.formats.timestamp_detect import candidates
from logpipe.formats.timestamp_pattern import (
    WEEKDAYS,
    Pattern,
    compile_pattern,
    date_order,
    opened,
    resolve,
    swapped,
    zone_seconds,
)
from logpipe.formats.timestamps import parse_exact, parse_timestamps, place_years

__all__ = ["TimeReader", "TimeTally", "detect_readings", "fitting"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_KNOWN = 8
"""Spellings that are kept to be tried first."""

_WORTH_A_PASS = 256
"""Rows below which a new spelling is not looked for: reading them one by one costs less."""

_PASSES = 6
"""New spellings per batch, at most."""

_TRIED_OTHERWISE = 1000
"""Failing rows that are tried with day and month in the other order."""

_HALF_A_DAY = 43_200 * 10**9
_DAY = 2 * _HALF_A_DAY
_MOST_ZONES = 1000


@dataclass(slots=True)
class TimeTally:
    """What reading the times of a log came to.

    Attributes:
        written: rows that have something where the time stands.
        untimed: those of them that have no time, unknown zones included.
        zones: rows by name of a zone that nobody said the offset of; among `untimed` unless the
            reader takes such zones as UTC.
        otherwise: of the first failing rows, how many fit with day and month exchanged.
        tried: how many failing rows were tried that way.
        any_zone: whether rows of such zones were taken as UTC.
    """

    written: int = 0
    untimed: int = 0
    zones: Counter[str] = field(default_factory=Counter)
    otherwise: int = 0
    tried: int = 0
    any_zone: bool = False


class TimeReader:
    """The times of the columns of a log, in order.

    Args:
        pattern: how times are spelt (`logpipe.formats.timestamp_pattern`); its zone and fraction
            are those of most rows at best, and count for nothing here.
        year: for a pattern without one: of the first time after each `restart`.
        zones: offset in seconds by name of a zone, beside UTC, GMT and Z.
        any_zone: a zone that is in neither of these counts as UTC; else its rows have no time.
        tally: is added to.
    """

    def __init__(
        self,
        pattern: str,
        *,
        year: int | None = None,
        zones: Mapping[str, int] | None = None,
        any_zone: bool = False,
        tally: TimeTally | None = None,
    ) -> None:
        self._open = compile_pattern(opened(pattern))
        self._lenient = _Lenient(self._open)
        other = swapped(self._open.source)
        self._other = _Lenient(compile_pattern(other)) if other else None
        self._known: list[Pattern] = []
        self._year = year
        self._zones = dict(zones or {})
        self._any_zone = any_zone
        self.tally = TimeTally() if tally is None else tally
        self.tally.any_zone = any_zone
        self._placed: tuple[int, int] | None = None
        self._clock: int | None = None
        self._days = 0

    def restart(self) -> None:
        """Another log begins: its first time is in the year that was given."""
        self._placed, self._clock, self._days = None, None, 0

    def read(self, column: ByteColumn, empty: int = 0) -> tuple[Ints, Bools]:
        """The next rows.

        Args:
            column: the values as written.
            empty: bytes of a row that has nothing written.

        Returns:
            int64 nanoseconds since 1970 UTC per row (0 where there is none), and bool per row.
        """
        values = np.zeros(len(column), np.int64)
        valid = np.zeros(len(column), np.bool_)
        offsets = np.zeros(len(column), np.int64)
        todo = np.flatnonzero(np.diff(column.offsets) > empty)
        self.tally.written += len(todo)
        hits: dict[str, int] = {}
        passes = 0
        spellings = list(self._known)
        while len(todo):
            if not spellings:
                if passes == _PASSES or len(todo) < (_WORTH_A_PASS if self._known else 1):
                    break
                passes += 1
                found = self._spelling(_taken(column, todo))
                if found.source in hits:
                    break
                spellings.append(found)
            exact = spellings.pop(0)
            zone = self._offset(exact)
            local, fits = parse_exact(exact, _taken(column, todo))
            hits[exact.source] = int(np.count_nonzero(fits))
            if not hits[exact.source]:
                if passes:
                    break
                continue
            if exact not in self._known:
                self._known.append(exact)
            rows = todo[fits]
            todo = todo[~fits]
            # To local time, which years are told by.
            values[rows] = local[fits] + exact.offset * 10**9
            if zone is None:
                self._unknown(exact.zone or "", len(rows))
            offsets[rows] = zone or 0
            valid[rows] = zone is not None or self._any_zone
        self._known.sort(key=lambda exact: -hits.get(exact.source, 0))
        del self._known[_KNOWN:]
        if len(todo):
            self._one_by_one(column, todo, values, valid, offsets)
        if self._open.lacks_year:
            self._placed = place_years(values, valid, self._year, self._placed)
            if "a" in self._open.names:
                _check_weekdays(column, values, valid)
        elif self._open.lacks_date:
            self._roll_over(values, valid)
        if offsets.any():
            values -= offsets * 10**9
        values[~valid] = 0
        untimed = np.flatnonzero((np.diff(column.offsets) > empty) & ~valid)
        self.tally.untimed += len(untimed)
        if self._other is not None and len(untimed) and self.tally.tried < _TRIED_OTHERWISE:
            tried = untimed[: _TRIED_OTHERWISE - self.tally.tried]
            self.tally.tried += len(tried)
            self.tally.otherwise += self._other.fitting(_taken(column, tried))
        return values, valid

    def _one_by_one(
        self, column: ByteColumn, todo: Ints, values: Ints, valid: Bools, offsets: Ints
    ) -> None:
        """Fill in the rows that no common spelling fits."""
        texts, rows, zones = self._lenient.rewritten(column, todo)
        if not texts:
            return
        local, fits = parse_exact(self._lenient.target, ByteColumn.of(texts))
        at = todo[np.array(rows, np.int64)]
        values[at[fits]] = local[fits]
        seconds: dict[bytes, int | None] = {}
        for zone in set(zones):
            seconds[zone] = zone_seconds(zone.decode("ascii"), self._zones)
        for zone, count in Counter(
            z for z, ok in zip(zones, fits.tolist(), strict=True) if ok and seconds[z] is None
        ).items():
            self._unknown(zone.decode("ascii"), count)
        offsets[at] = [seconds[zone] or 0 for zone in zones]
        known = np.array([self._any_zone or seconds[zone] is not None for zone in zones])
        valid[at] = fits & known

    def _spelling(self, column: ByteColumn) -> Pattern:
        """What most rows are written like."""
        found = resolve(self._open, column)
        # A number of milliseconds is told from a fraction once, before the first batch.
        if "%f" in self._open.source:
            found = compile_pattern(re.sub(r"%-[1-9]f", "%-f", found.source))
        return found

    def _offset(self, exact: Pattern) -> int | None:
        return 0 if exact.zone is None else zone_seconds(exact.zone, self._zones)

    def _unknown(self, zone: str, rows: int) -> None:
        if zone in self.tally.zones or len(self.tally.zones) < _MOST_ZONES:
            self.tally.zones[zone] += rows

    def _roll_over(self, values: Ints, valid: Bools) -> None:
        """Clocks without a date: past midnight is the next day."""
        rows = np.flatnonzero(valid)
        if not len(rows):
            return
        clock = values[rows]
        before = clock[0] if self._clock is None else self._clock
        step = np.diff(clock, prepend=before)
        # A line that is late comes from before midnight; the first day is as early as it gets.
        days = self._days + np.cumsum((step < -_HALF_A_DAY).astype(np.int64) - (step > _HALF_A_DAY))
        lowest = np.minimum.accumulate(np.minimum(days, 0))
        days -= lowest
        self._clock, self._days = int(clock[-1]), int(days[-1])
        values[rows] = clock + days * _DAY


def _taken(column: ByteColumn, rows: Ints) -> ByteColumn:
    """Some rows of a column, in order."""
    if len(rows) == len(column):
        return column
    starts = column.offsets[:-1][rows].astype(np.int64)
    lengths = np.diff(column.offsets)[rows]
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    at = np.arange(int(offsets[-1])) + np.repeat(starts - offsets[:-1], lengths)
    return ByteColumn(offsets.astype(np.int32), column.data[at])


def _check_weekdays(column: ByteColumn, values: Ints, valid: Bools) -> None:
    """A weekday that its date does not have, now that the year is known: no time."""
    days = (values // _DAY + 4) % 7
    for row in np.flatnonzero(valid).tolist():
        if WEEKDAYS[int(days[row])] not in column[row]:
            valid[row] = False


def fitting(pattern: str, column: ByteColumn) -> int:
    """How many rows have a time by a pattern, of any zone and any fraction."""
    return int(np.count_nonzero(TimeReader(pattern, any_zone=True).read(column)[1]))


def detect_readings(values: Sequence[bytes]) -> list[str]:
    """As `detect_timestamp`: the best pattern, then equally good ones of other orders of the date.

    A date with dots and a year of four digits is day first; nowhere is it written otherwise.
    """
    column = ByteColumn.of(values)
    least, most = 0.9 * len(values), 0
    found: list[tuple[int, str]] = []
    complete: str | None = None
    for pattern in candidates(values):
        if complete is not None and date_order(pattern) in ("", complete):
            continue
        exact = parse_timestamps(pattern, column)
        count = int(exact.valid.sum())
        if count < len(values):
            # Several zones, or a fraction in some lines only, is one pattern all the same.
            count = max(count, fitting(exact.pattern, column))
        if count and count >= least:
            found.append((count, exact.pattern))
            most = max(most, count)
        if count == len(values):
            if not date_order(pattern):
                break
            complete = complete or date_order(pattern)
    orders: dict[str, str] = {}
    for count, pattern in found:
        if count == most:
            orders.setdefault(date_order(pattern), pattern)
    best = next(iter(orders), "")
    if re.search(r"%-?d\.%-?m\.%Y", orders.get(best, "")):
        orders = {best: orders[best]}
    return list(orders.values())


_PADDED = frozenset("mdHMSe")
_AS_WRITTEN = {
    "Y": rb"\d{4}",
    "y": rb"\d\d",
    "b": rb"[A-Z][a-z]{2}",
    "B": rb"[A-Z][a-z]{2,8}",
    "a": rb"[A-Z][a-z]{2}",
    "p": rb"[AP]M",
    "I": rb"\d\d",
    "-I": rb"\d\d?",
    "s": rb"\d{1,10}",
}


class _Lenient:
    """A pattern as a regular expression, and the one spelling that what fits is brought into.

    Attributes:
        target: fields of two digits, nine digits of fraction, no zone.
    """

    def __init__(self, pattern: Pattern) -> None:
        expression: list[bytes] = []
        target: list[str] = []
        self._parts: list[bytes | tuple[int, str]] = []
        directives = pattern.directives
        has_fraction = any(d.name.lstrip("-")[:1] == "f" for d in directives)
        groups = 0

        def take(kind: str, text: bytes) -> None:
            nonlocal groups
            groups += 1
            expression.append(text)
            self._parts.append((groups, kind))

        skip = False
        for i, directive in enumerate(directives):
            name, bare = directive.name, directive.name.lstrip("-")
            before = directives[i - 1] if i else None
            after = directives[i + 1] if i + 1 < len(directives) else None
            if skip:
                skip = False
            elif name == "literal":
                text = directive.text
                mark = text[-1:] if after is not None and after.is_fraction else b""
                if mark and mark in b".,:":
                    text = text[:-1]
                    digits = rb"(\d{1,9})"
                    take(
                        "fraction",
                        re.escape(text)
                        + (rb"(?:[.,]%s)?" % digits if mark != b":" else b":" + digits),
                    )
                    self._parts.insert(-1, text)
                    target += [_escaped(text), ".%9f"]
                    skip = True
                else:
                    expression.append(re.escape(text))
                    self._parts.append(text)
                    target.append(_escaped(text))
            elif bare in _PADDED:
                alone = all(d is None or d.name == "literal" for d in (before, after))
                take("padded", rb"( ?\d\d?)" if alone else rb"(\d\d)")
                target.append("%d" if bare == "e" else "%" + bare)
            elif name == "z":
                take("zone", rb"(Z|[+-]\d\d(?::?[0-5]\d)?)")
            elif name == "Z":
                take("zone", rb"([A-Z]{1,5}|[+-]\d\d(?::?[0-5]\d)?)")
            elif name == "c":
                take("left out", rb"([" + re.escape(directive.text) + rb"])")
            elif name == "f":
                take("digits", rb"(\d{1,9})")
                target.append("%9f")
            elif bare.startswith("f"):
                take("same", rb"(\d{%d,%d})" % (directive.least, directive.most))
                target.append("%" + name)
            else:
                take("same", b"(" + _AS_WRITTEN[name] + b")")
                target.append("%" + name)
            ends_second = bare == "S" or (bare == "s" and name == "s")
            if ends_second and not has_fraction:
                take("fraction", rb"(?:[.,](\d{1,9}))?")
                target.append(".%9f")
        self._fullmatch = re.compile(b"".join(expression)).fullmatch
        self.target = compile_pattern("".join(target))

    def rewritten(
        self, column: ByteColumn, rows: Ints
    ) -> tuple[list[bytes], list[int], list[bytes]]:
        """Rows that fit in the one spelling, where in `rows` they stand, and their zones."""
        texts: list[bytes] = []
        places: list[int] = []
        zones: list[bytes] = []
        for place, row in enumerate(rows.tolist()):
            found = self._fullmatch(column[row])
            if found is None:
                continue
            out: list[bytes] = []
            zone = b"Z"
            for part in self._parts:
                if isinstance(part, bytes):
                    out.append(part)
                    continue
                group, kind = part
                text = found[group]
                if kind == "padded":
                    out.append(text.strip().zfill(2))
                elif kind == "fraction":
                    out.append(b"." + (text or b"").ljust(9, b"0"))
                elif kind == "digits":
                    out.append(text.ljust(9, b"0"))
                elif kind == "zone":
                    zone = text
                elif kind == "same":
                    out.append(text)
            texts.append(b"".join(out))
            places.append(place)
            zones.append(zone)
        return texts, places, zones

    def fitting(self, column: ByteColumn) -> int:
        """How many rows are times by this pattern, of whatever zone."""
        texts, _, _ = self.rewritten(column, np.arange(len(column)))
        return int(np.count_nonzero(parse_exact(self.target, ByteColumn.of(texts))[1]))


def _escaped(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape").replace("%", "%%")
