"""Time stamps at the head of log lines: found once, then rewritten in place for a later time.

Only formats of fixed width are known, so a rewritten line keeps its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FORMATS", "Stamps", "find_stamps"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_MONTHS = b"JanFebMarAprMayJunJulAugSepOctNovDec"
_MAX_GAP = 60
_ASSUMED_YEAR = 2015

# Group names say what stands there; a suffix _2 marks a further copy of the same instant.
# y4, y2: year; mo: month in digits; mon: month's name; d: day; e: day padded with a blank;
# h, mi, s: time of day; epoch: ten digits, seconds; keep: a fraction, not touched.
_TIME = rb"(?P<h>\d\d):(?P<mi>\d\d):(?P<s>\d\d)(?:[.,](?P<keep>\d+))?"
FORMATS: dict[str, re.Pattern[bytes]] = {
    "hdfs": re.compile(
        rb"(?m)^(?P<y2>\d\d)(?P<mo>\d\d)(?P<d>\d\d) (?P<h>\d\d)(?P<mi>\d\d)(?P<s>\d\d)(?!\d)"
    ),
    "bgl": re.compile(
        rb"(?m)^\S+ (?P<epoch>\d{10}) (?P<y4_2>\d{4})\.(?P<mo_2>\d\d)\.(?P<d_2>\d\d) \S+ "
        rb"(?P<y4>\d{4})-(?P<mo>\d\d)-(?P<d>\d\d)-(?P<h>\d\d)\.(?P<mi>\d\d)\.(?P<s>\d\d)\.(?P<keep>\d+)"
    ),
    "syslog": re.compile(rb"(?m)^(?P<mon>[A-Z][a-z]{2}) (?P<e>[ \d]\d) " + _TIME),
    "spark": re.compile(rb"(?m)^(?P<y2>\d\d)/(?P<mo>\d\d)/(?P<d>\d\d) " + _TIME),
    "iso": re.compile(
        rb"(?m)^[^\n]{0,40}?(?<!\d)(?P<y4>\d{4})[-/](?P<mo>\d\d)[-/](?P<d>\d\d)[T ]" + _TIME
    ),
    "common": re.compile(
        rb"(?m)^[^\n]{0,80}?\[(?P<d>\d\d)/(?P<mon>[A-Z][a-z]{2})/(?P<y4>\d{4}):" + _TIME
    ),
    "redis": re.compile(
        rb"(?m)^\d+:[A-Z] (?P<d>\d\d) (?P<mon>[A-Z][a-z]{2}) (?P<y4>\d{4}) " + _TIME
    ),
}


def _digits_at(data: Bytes, at: Ints, width: int) -> Ints:
    """The numbers of `width` digits at these positions; a blank counts as 0."""
    number = np.zeros(len(at), np.int64)
    for i in range(width):
        digit = data[at + i].astype(np.int64) - 48
        number = number * 10 + np.where(digit < 0, 0, digit)
    return number


def _write_digits(data: Bytes, at: Ints, width: int, number: Ints) -> None:
    for i in range(width - 1, -1, -1):
        data[at + i] = number % 10 + 48
        number = number // 10


@dataclass(frozen=True)
class Stamps:
    """The stamps of one text.

    Attributes:
        groups: group name of the format to the position of its first byte, one per stamp.
        instants: seconds since 1970, one per stamp, as the text has them.
        forward: seconds since the first stamp for a copy of the text: never goes back, and no step
            is longer than a minute, so that a thousand copies of a log of half a year still fit
            four digits of year.
        epochs: value of the `epoch` group, if the format has one.
    """

    groups: dict[str, Ints]
    instants: Ints
    forward: Ints
    epochs: Ints | None

    @property
    def span(self) -> int:
        """Seconds a copy takes, the step to the next copy included."""
        return int(self.forward[-1]) + 1 if len(self.forward) else 0

    def positions(self) -> Ints:
        """Bytes that are no variables: all that `rewrite` writes, and the first of each `keep`."""
        parts = [at + i for name, at in self.groups.items() for i in range(_width(name))]
        found = np.unique(np.concatenate([*parts, np.zeros(0, np.int64)]))
        return found[found >= 0]

    def rewrite(self, data: Bytes, copy: int) -> None:
        """Makes the stamps of `data` those of the given copy (from 1), later than all before."""
        if not len(self.instants):
            return
        first = int(self.instants.max()) + 1 + (copy - 1) * self.span
        seconds = first + self.forward
        moment = seconds.astype("datetime64[s]")
        month = moment.astype("datetime64[M]")
        year = moment.astype("datetime64[Y]").astype(np.int64) + 1970
        of_day = seconds % 86400
        day = (moment.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64) + 1
        month_number = month.astype(np.int64) % 12
        for name, at in self.groups.items():
            kind = name.partition("_")[0]
            if kind == "keep":
                continue
            if kind == "mon":
                names = np.frombuffer(_MONTHS, np.uint8)
                for i in range(3):
                    data[at + i] = names[month_number * 3 + i]
            elif kind == "epoch":
                assert self.epochs is not None
                _write_digits(data, at, 10, self.epochs + (seconds - self.instants))
            elif kind == "e":
                _write_digits(data, at, 2, day)
                data[at[day < 10]] = ord(" ")
            else:
                value = {
                    "y4": year,
                    "y2": year % 100,
                    "mo": month_number + 1,
                    "d": day,
                    "h": of_day // 3600,
                    "mi": of_day // 60 % 60,
                    "s": of_day % 60,
                }[kind]
                _write_digits(data, at, _width(name), value)


def _width(group: str) -> int:
    return {"y4": 4, "mon": 3, "epoch": 10, "keep": 1}.get(group.partition("_")[0], 2)


def find_stamps(text: bytes, name: str | None = None) -> Stamps:
    """The stamps of a text in the named format, or in the one most lines of its head have.

    A text without any known stamp gives an empty `Stamps`; its lines are then repeated as they are.
    """
    if name is None:
        head = text[: 256 * 1024]
        name = max(FORMATS, key=lambda n: sum(1 for _ in FORMATS[n].finditer(head)))
    pattern = FORMATS[name]
    regs = [m.regs for m in pattern.finditer(text)]
    if not regs:
        nothing = np.zeros(0, np.int64)
        return Stamps({}, nothing, nothing, None)
    starts = np.array(regs, np.int64)[:, :, 0]
    groups = {group: starts[:, i] for group, i in pattern.groupindex.items()}
    data = np.frombuffer(text, np.uint8)

    def number(group: str) -> Ints:
        return _digits_at(data, groups[group], _width(group))

    if "mon" in groups:
        at = groups["mon"]
        index = [_MONTHS.find(text[i : i + 3]) // 3 for i in at.tolist()]
        month = np.maximum(np.array(index, np.int64), 0)
    else:
        month = number("mo") - 1
    if "y4" in groups:
        year = number("y4")
    elif "y2" in groups:
        year = number("y2") + 2000
    else:
        year = np.full(len(month), _ASSUMED_YEAR, np.int64)
    months = ((year - 1970) * 12 + month).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.int64) + number("d" if "d" in groups else "e")
    instants = (days - 1) * 86400 + number("h") * 3600 + number("mi") * 60 + number("s")
    steps = np.clip(np.diff(instants), 0, _MAX_GAP)
    forward = np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])
    return Stamps(groups, instants, forward, number("epoch") if "epoch" in groups else None)
