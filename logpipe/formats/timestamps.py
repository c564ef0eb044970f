"""Time stamps as integers, with an exact inverse or not at all.

A value becomes an integer only if writing that integer with the same pattern gives the same bytes;
this is not argued but done, for every value: parsing ends with writing and comparing. So the 30th
of February, 24:00, a leap second or a wrong weekday stay text, and no table of rules is needed.

Values are grouped by width, which makes each field a few columns of a byte matrix, and numpy does
the rest: some 5 million values per second.

A time without a zone counts as UTC. A date without a year gets one from the caller, and a change
from December to January (or back) moves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn
from logpipe.errors import LayoutError, UsageError
from logpipe.formats.timestamp_detect import candidates
from logpipe.formats.timestamp_pattern import (
    MONTHS,
    WEEKDAYS,
    Directive,
    Pattern,
    compile_pattern,
    resolve,
)

__all__ = [
    "Timestamps",
    "detect_timestamp",
    "parse_exact",
    "parse_timestamps",
    "place_years",
    "render_timestamps",
]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

SECOND = 1_000_000_000
DAY = 86_400
LIMIT = 9_223_372_035
"""Seconds from 1970 that fit into 63 bits of nanoseconds; the years 1677 to 2262."""
ROWS = 1 << 15
LEAP_YEAR = 1972
"""Stands in for the year of a date that has none; it has a 29th of February."""


@dataclass(frozen=True, slots=True)
class Timestamps:
    """A column of time stamps as integers.

    Attributes:
        values: int64 nanoseconds since 1970-01-01 00:00 UTC per row; 0 where not valid.
        valid: bool per row: whether `render_timestamps(pattern, values)` gives the row's bytes.
        pattern: the pattern that was used, exact (`%f` has become `%3f`, and so on).
        unit: `"s"`, `"ms"`, `"us"` or `"ns"`: every valid value is a multiple of it.
    """

    values: Ints
    valid: Bools
    pattern: str
    unit: str


def parse_timestamps(
    pattern: str,
    column: ByteColumn,
    *,
    default_year: int | None = None,
    after: int | None = None,
    is_exact: bool = False,
) -> Timestamps:
    """Read a column of time stamps.

    Args:
        pattern: see `logpipe.formats.timestamp_pattern`.
        column: the values as written.
        default_year: for a pattern with a month and no year: the year of the first valid row.
            None: 1972.
        after: for such a pattern: the last value of the rows before these, instead of
            `default_year`; the year goes on from there.
        is_exact: the pattern is `Timestamps.pattern` of an earlier call, to be used as it is.

    Raises:
        LayoutError: the pattern cannot be read.
    """
    exact = compile_pattern(pattern)
    if not is_exact or exact.is_open:
        exact = resolve(exact, column)
    values, valid = parse_exact(exact, column)
    if exact.lacks_year:
        _set_years(exact, column, values, valid, default_year, after)
    unit = ("s", "ms", "us", "ns")[-(-exact.digits // 3)]
    return Timestamps(values, valid, exact.source, unit)


def parse_exact(exact: Pattern, column: ByteColumn) -> tuple[Ints, Bools]:
    """Nanoseconds since 1970 UTC, and validity; in `LEAP_YEAR` where the pattern has no year."""
    size = len(column)
    values = np.zeros(size, np.int64)
    valid = np.zeros(size, np.bool_)
    least, most = exact.bounds
    starts = column.offsets[:-1].astype(np.int64)
    lengths = np.diff(column.offsets)
    counts = np.bincount(np.minimum(lengths, most + 1), minlength=most + 2)
    for length in range(max(least, 1), most + 1):
        if not counts[length]:
            continue
        splits = list(exact.splits(length))
        rows = None if counts[length] == size else np.flatnonzero(lengths == length)
        for first in range(0, int(counts[length]), ROWS):
            part: slice | npt.NDArray[np.intp]
            if rows is None:
                # The values lie back to back, so the matrix is the buffer itself.
                part = slice(first, min(first + ROWS, size))
                block = column.data[column.offsets[part.start] : column.offsets[part.stop]]
                matrix = block.reshape(-1, length)
            else:
                part = rows[first : first + ROWS]
                matrix = column.data[starts[part][:, None] + np.arange(length)]
            values[part], valid[part] = _parse_block(exact, splits, matrix.T.copy())
    return values, valid


def render_timestamps(pattern: str, values: Ints) -> ByteColumn:
    """Write time stamps; what a pattern cannot express of a value is left out.

    Args:
        pattern: an exact one, as `Timestamps.pattern` is.
        values: int64 nanoseconds since 1970 UTC.

    Raises:
        LayoutError: the pattern cannot be read or is not exact.
        UsageError: a value before 1970 and `%s`.
    """
    exact = compile_pattern(pattern)
    if exact.is_open:
        raise LayoutError(
            f"time pattern {pattern!r}: %f, %z and %Z do not say what to write; use the pattern "
            f"that parse_timestamps returned, or for example %3f and %[+0000]z"
        )
    values = np.asarray(values, np.int64)
    if "s" in exact.names and values.size and int(values.min()) < 0:
        raise UsageError(f"time pattern {pattern!r}: %s cannot write times before 1970")
    fields = _Fields(values, exact)
    free = [d for d in exact.directives if d.least != d.most]
    fixed = sum(d.least for d in exact.directives if d.least == d.most)
    widths = [fields.width(d) for d in free]
    lengths = np.full(values.size, fixed, np.int64)
    key = np.zeros(values.size, np.int64)
    for width in widths:
        lengths += width
        key = key * 16 + width
    offsets = np.zeros(values.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise UsageError(f"{values.size} time stamps do not fit into one column of 2 GiB")
    out = np.empty(int(offsets[-1]), np.uint8)
    for one in np.unique(key):
        rows = np.flatnonzero(key == one)
        if not rows.size:
            continue
        share = iter([int(width[rows[0]]) for width in widths])
        split = tuple(d.least if d.least == d.most else next(share) for d in exact.directives)
        for first in range(0, rows.size, ROWS):
            part = rows[first : first + ROWS]
            text, _ = _write(exact, split, _Fields(values[part], exact))
            out[offsets[part][:, None] + np.arange(sum(split))] = text.T
    return ByteColumn(offsets.astype(np.int32), out)


def detect_timestamp(values: Sequence[bytes]) -> str | None:
    """A pattern for a column of unknown origin.

    Args:
        values: a sample, as written; a few dozen are enough.

    Returns:
        The exact pattern that fits most of them, if that is at least nine of ten, else None. Where
        day and month cannot be told apart, the order day, month wins if both fit alike;
        `timestamp_reading.detect_readings` tells of all.
    """
    column = ByteColumn.of(values)
    best, share = None, 0.9 * len(values)
    for pattern in candidates(values):
        found = parse_timestamps(pattern, column)
        count = int(found.valid.sum())
        if count >= share and (best is None or count > share) and count:
            best, share = found.pattern, count
        if count == len(values):
            break
    return best


# ------------------------------------------------------------------------------------ calendar


@lru_cache(maxsize=1)
def _month_starts() -> Ints:
    """Days from 1970 to the first of each month from the year 0 on, by `year * 12 + month - 1`."""
    months = np.arange("0000-01", "10000-01", dtype="datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64)


def _days(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days from 1970; fields that are out of range give some other day."""
    index = np.clip(year, 0, 9999) * 12 + np.clip(month, 1, 12) - 1
    found: Ints = _month_starts()[index] + day - 1
    return found


def _civil(days: Ints) -> tuple[Ints, Ints, Ints]:
    """Year, month and day."""
    if not days.size:
        return days, days, days
    low, high = int(days.min()), int(days.max())
    if high - low < days.size:
        # Few days, many rows: compute each day once.
        year, month, day = _civil_of(np.arange(low, high + 1))
        at = days - low
        return year[at], month[at], day[at]
    return _civil_of(days)


def _civil_of(days: Ints) -> tuple[Ints, Ints, Ints]:
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    since = months.astype(np.int64)
    year = since // 12 + 1970
    return year, since % 12 + 1, (dates - months).astype(np.int64) + 1


class _Fields:
    """The fields of instants, each computed when first asked for."""

    def __init__(self, values: Ints, pattern: Pattern) -> None:
        self.second_of_epoch = values // SECOND
        self.nanosecond = values - self.second_of_epoch * SECOND
        local = self.second_of_epoch + pattern.offset
        days = local // DAY
        self.day_second = local - days * DAY
        self.weekday = (days + 4) % 7
        if pattern.names & set("YymdebB"):
            self.year, self.month, self.day = _civil(days)

    def number(self, directive: Directive) -> Ints:
        """What a numeric directive writes."""
        name = directive.name.lstrip("-")
        if name in ("d", "e"):
            return self.day
        if name == "m":
            return self.month
        if name == "Y":
            return self.year
        if name == "y":
            return self.year % 100
        if name == "H":
            return self.day_second // 3600
        if name == "I":
            return (self.day_second // 3600 + 11) % 12 + 1
        if name == "M":
            return self.day_second // 60 % 60
        if name == "S":
            return self.day_second % 60
        if name == "s":
            return self.second_of_epoch
        digits = int(name[1:] or 9)
        found: Ints = self.nanosecond // 10 ** (9 - digits)
        return found

    def width(self, directive: Directive) -> Ints:
        """Bytes that a directive of variable width takes per row."""
        if directive.name == "B":
            lengths: Ints = np.array([len(m) for m in MONTHS])[self.month - 1]
            return lengths
        number = self.number(directive)
        width = np.ones(number.size, np.int64)
        if directive.name == "-f":
            for digits in range(1, 9):
                width += number % 10 ** (9 - digits) != 0
            return width
        for digits in range(1, directive.most):
            width += number >= 10**digits
        return width


# ------------------------------------------------------------------------------ reading, writing


def _table(words: tuple[bytes, ...], width: int) -> Bytes:
    """One row per byte position, one column per word."""
    data = b"".join(w[:width].ljust(width) for w in words)
    return np.frombuffer(data, np.uint8).reshape(-1, width).T.copy()


_MONTH_BYTES = _table(MONTHS, 9)
_WEEKDAY_BYTES = _table(WEEKDAYS, 3)
_MONTH_KEYS = (_MONTH_BYTES[:3].astype(np.int64) * [[1 << 16], [1 << 8], [1]]).sum(axis=0)
_MONTH_ORDER = np.argsort(_MONTH_KEYS)


def _parse_block(
    pattern: Pattern, splits: list[tuple[int, ...]], text: Bytes
) -> tuple[Ints, Bools]:
    """Values and validity of rows of one length; `text[i]` holds byte i of every row."""
    values = np.zeros(text.shape[1], np.int64)
    valid = np.zeros(text.shape[1], np.bool_)
    for split in splits:
        if not _literals_fit(pattern, split, text):
            continue
        found, in_range = _read(pattern, split, text)
        again, fits = _write(pattern, split, _Fields(found, pattern))
        if pattern.lacks_year:
            _keep_weekday(pattern, split, text, again)
        exact = in_range & fits & (again == text).all(axis=0)
        if exact.all():
            return found, exact
        values[exact] = found[exact]
        valid |= exact
    return values, valid


def _keep_weekday(pattern: Pattern, split: tuple[int, ...], text: Bytes, again: Bytes) -> None:
    """Let the weekday stand as it is until the year is known."""
    at = 0
    for directive, width in zip(pattern.directives, split, strict=True):
        if directive.name == "a":
            again[at : at + width] = text[at : at + width]
        at += width


def _literals_fit(pattern: Pattern, split: tuple[int, ...], text: Bytes) -> bool:
    """Whether at least one row has the literals where this split wants them."""
    fit = np.ones(text.shape[1], np.bool_)
    at = 0
    for directive, width in zip(pattern.directives, split, strict=True):
        for byte in directive.text:
            fit &= text[at] == byte
            at += 1
        if not directive.text:
            at += width
    return bool(fit.any())


def _read(pattern: Pattern, split: tuple[int, ...], text: Bytes) -> tuple[Ints, Bools]:
    """Instants; nonsense gives some instant, which will not be written back as the same bytes."""
    size = text.shape[1]
    found: dict[str, Ints] = {}
    at = 0
    for directive, width in zip(pattern.directives, split, strict=True):
        columns = text[at : at + width]
        at += width
        name = directive.name.lstrip("-")
        if name in ("literal", "a"):
            continue
        if name in ("b", "B"):
            weights = np.array([[1 << 16], [1 << 8], [1]])
            key = (columns[:3] * weights).sum(axis=0)
            place = np.searchsorted(_MONTH_KEYS, key, sorter=_MONTH_ORDER)
            found["m"] = _MONTH_ORDER[np.minimum(place, 11)] + 1
        elif name == "p":
            found["p"] = (columns[0] == ord("P")).astype(np.int64)
        else:
            # A blank counts as the 0 it stands for in %e.
            number = _number(np.where(columns == 32, 48, columns) if name == "e" else columns)
            if name.startswith("f"):
                digits = width if directive.name == "-f" else int(name[1:])
                name, number = "f", number * 10 ** (9 - digits)
            found["d" if name == "e" else name] = number
    zero = np.zeros(size, np.int64)
    seconds = found.get("s")
    if seconds is None:
        hour = found.get("H", zero)
        if "I" in found:
            hour = found["I"] % 12 + 12 * found.get("p", zero)
        seconds = hour * 3600 + found.get("M", zero) * 60 + found.get("S", zero) - pattern.offset
        if pattern.names & set("YymdebB"):
            year = found.get("Y")
            if year is None and "y" in found:
                year = found["y"] + np.where(found["y"] < 69, 2000, 1900)
            if year is None:
                year = zero + (LEAP_YEAR if pattern.lacks_year else 1970)
            days = _days(year, found.get("m", zero + 1), found.get("d", zero + 1))
            seconds = seconds + days * DAY
    in_range = (seconds > -LIMIT) & (seconds < LIMIT)
    nanoseconds = np.clip(found.get("f", zero), 0, SECOND - 1)
    return np.where(in_range, seconds, 0) * SECOND + nanoseconds, in_range


def _number(columns: Bytes) -> Ints:
    number: Ints = columns[0].astype(np.int64) - 48
    for column in columns[1:]:
        number = number * 10 + column - 48
    return number


def _write(pattern: Pattern, split: tuple[int, ...], fields: _Fields) -> tuple[Bytes, Bools]:
    """The bytes of every row (`text[i]`: byte i of all rows), and whether the widths are right."""
    size = fields.nanosecond.size
    text = np.empty((sum(split), size), np.uint8)
    fits = np.ones(size, np.bool_)
    at = 0
    for directive, width in zip(pattern.directives, split, strict=True):
        columns = text[at : at + width]
        at += width
        name = directive.name
        if name == "literal":
            columns[:] = np.frombuffer(directive.text, np.uint8)[:, None]
        elif name in ("b", "B"):
            columns[:] = _MONTH_BYTES[:width, fields.month - 1]
        elif name == "a":
            columns[:] = _WEEKDAY_BYTES[:, fields.weekday]
        elif name == "p":
            columns[0] = np.where(fields.day_second < DAY // 2, ord("A"), ord("P"))
            columns[1] = ord("M")
        else:
            number = fields.number(directive)
            if name == "-f":
                number = number // 10 ** (9 - width)
            for place in range(width - 1, -1, -1):
                rest = number // 10
                columns[place] = number - rest * 10 + 48
                number = rest
            if name == "e":
                columns[0][columns[0] == 48] = 32
        if directive.least != directive.most:
            fits &= fields.width(directive) == width
    return text, fits


# --------------------------------------------------------------------------------------- years


def _set_years(
    pattern: Pattern,
    column: ByteColumn,
    values: Ints,
    valid: Bools,
    default_year: int | None,
    after: int | None,
) -> None:
    """Move the valid values from `LEAP_YEAR` to their years, in place."""
    rows = np.flatnonzero(valid)
    if not rows.size:
        return
    ahead = pattern.offset * SECOND
    values[rows] += ahead
    year = LEAP_YEAR if default_year is None else default_year
    if after is None:
        place_years(values, valid, year, None)
    else:
        # Nothing is known of the first line of all, so a late line may be of any year before.
        place_years(values, valid, None, (after + ahead, -10000))
    rows = np.flatnonzero(valid)
    values[rows] -= ahead
    if "a" in pattern.names:
        again = render_timestamps(pattern.source, values[rows])
        same = np.array([a == column[int(r)] for a, r in zip(again, rows, strict=True)], np.bool_)
        valid[rows[~same]] = False
    values[~valid] = 0


LATE = 31
"""Days before the turn of the year that a line may be written too late by."""


def place_years(
    values: Ints, valid: Bools, year: int | None, after: tuple[int, int] | None
) -> tuple[int, int] | None:
    """Move the valid values from `LEAP_YEAR` to their years, in place.

    A month that is more than six earlier than that of the row before is in the next year. A line of
    December after one of January is a late line of the old year if that makes it at most `LATE`
    days late; but none is before the year of the first line, and a quiet time of many months stays
    in its year.

    Args:
        values: int64 nanoseconds of local time.
        valid: becomes False for the 29th of February of a year without one.
        year: of the first row, if `after` is None; None: `LEAP_YEAR`.
        after: what the call for the rows before returned.

    Returns:
        The last value, and the year of the first of all; for the next call.
    """
    rows = np.flatnonzero(valid)
    if not rows.size:
        return after
    _, month, day = _civil(values[rows] // (SECOND * DAY))
    if after is None:
        first = floor = LEAP_YEAR if year is None else year
        before_month, before_day = int(month[0]), int(day[0])
    else:
        there = _civil(np.array([after[0] // (SECOND * DAY)]))
        first, before_month, before_day = (int(part[0]) for part in there)
        floor = after[1]
    step = np.diff(month, prepend=before_month)
    moves = np.zeros(rows.size, np.int64)
    at = first
    for place in np.flatnonzero((step < -6) | (step > 6)).tolist():
        if step[place] < 0:
            moves[place] = 1
        elif at > floor:
            # Both within a month of New Year: the 31st of the 12th to the 1st of the 1st is a day.
            earlier = int(day[place - 1]) if place else before_day
            months = int(month[place - 1]) if place else before_month
            back = (months + 12 - int(month[place])) * 31 + earlier - int(day[place])
            moves[place] = -int(back <= LATE)
        at += int(moves[place])
    years = first + np.cumsum(moves)
    moved = _days(years, month, day)
    found = _civil(moved)
    ok = (years > 1677) & (years < 2262) & (found[1] == month) & (found[2] == day)
    shift = moved - _days(np.full_like(years, LEAP_YEAR), month, day)
    values[rows] += np.where(ok, shift, 0) * (DAY * SECOND)
    valid[rows[~ok]] = False
    values[rows[~ok]] = 0
    kept = rows[ok]
    return (int(values[kept[-1]]), floor) if kept.size else after
