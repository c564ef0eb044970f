"""Windows: which lines are looked at together.

A window is a session (the lines that share a key), a number of lines, or a span of time; the last
two may slide. Windows know line positions only, so that anything that can name the group, the key
or the time of a line can be windowed.

>>> parse_window("time:60s/10s")
WindowSpec(kind='time', pattern='', size=60000000000, step=10000000000)
>>> by_lines(5, 2, 2).members(2).tolist()
[4]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from logpipe.errors import UsageError

__all__ = ["WindowSpec", "Windows", "by_key", "by_lines", "by_time", "parse_window"]

Ints = npt.NDArray[np.int64]

_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_UNITS["d"] = 24 * _UNITS["h"]
_DURATION = re.compile(r"(\d+)(ns|us|ms|s|m|h|d)")
_KINDS = "session:REGEX, field:NAME, lines:N, lines:N/STEP, time:60s, time:60s/10s, or auto"

EMPTY_WINDOWS = 100_000
"""So many windows without a line are made at most; a log with larger gaps gets none."""

ENTRIES = 1 << 28
"""Lines times windows they are in, at most: a step that is too small would need endless memory."""


@dataclass(frozen=True)
class WindowSpec:
    """What the user asked for.

    Attributes:
        kind: `auto`, `session`, `field`, `lines` or `time`.
        pattern: the regular expression of a session key, or the name of a header field.
        size, step: lines, or nanoseconds; equal for windows that do not slide.
    """

    kind: str
    pattern: str = ""
    size: int = 0
    step: int = 0

    def __str__(self) -> str:
        if self.kind in ("session", "field"):
            return f"{self.kind}:{self.pattern}"
        if self.kind == "auto":
            return "auto"
        write = str if self.kind == "lines" else _duration
        slides = "" if self.step == self.size else f"/{write(self.step)}"
        return f"{self.kind}:{write(self.size)}{slides}"


def parse_window(text: str) -> WindowSpec:
    r"""A window as it is written on the command line.

    >>> str(parse_window(r"session:blk_-?\d+")), str(parse_window("lines:100/20"))
    ('session:blk_-?\\d+', 'lines:100/20')

    Raises:
        UsageError: not a window: what was expected and what was found.
    """
    kind, colon, rest = text.partition(":")
    if text == "auto":
        return WindowSpec("auto")
    if not colon or not rest or kind not in ("session", "field", "lines", "time"):
        raise UsageError(f"--window {text!r}: expected {_KINDS}")
    if kind == "session":
        try:
            if re.compile(rest.encode()).groups > 1:
                raise UsageError(
                    f"--window {text!r}: the key is what one group holds, or the whole match; "
                    f"write the other groups as (?:...)"
                )
        except re.error as error:
            raise UsageError(
                f"--window {text!r}: not a regular expression: {error.msg} at column {error.pos}"
            ) from None
        return WindowSpec("session", rest)
    if kind == "field":
        return WindowSpec("field", rest)
    size, slash, step = rest.partition("/")
    read = _lines if kind == "lines" else _nanoseconds
    length = read(size, text)
    stride = read(step, text) if slash else length
    if stride > length:
        raise UsageError(f"--window {text!r}: the step is larger than the window: lines get lost")
    return WindowSpec(kind, "", length, stride)


def _lines(text: str, whole: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**62:
        raise UsageError(f"--window {whole!r}: expected a number of lines, found {text!r}")
    return int(text)


def _nanoseconds(text: str, whole: str) -> int:
    found = _DURATION.fullmatch(text)
    if not found or not 0 < int(found[1]) * _UNITS[found[2]] < 2**62:
        raise UsageError(
            f"--window {whole!r}: expected a time such as 500ms, 60s, 5m, 1h, found {text!r}"
        )
    return int(found[1]) * _UNITS[found[2]]


def _duration(nanoseconds: int) -> str:
    for unit, length in sorted(_UNITS.items(), key=lambda item: -item[1]):
        if nanoseconds % length == 0:
            return f"{nanoseconds // length}{unit}"
    raise AssertionError


@dataclass(frozen=True)
class Windows:
    """Windows over the lines of an input, in order of their first line.

    Attributes:
        names: one per window: the session's key, or the range.
        starts: int64, `len + 1` entries: window i has `lines[starts[i]:starts[i + 1]]`.
        lines: int64 positions of lines, from 0, ascending within a window. A line may be in
            several windows, or in none.
        order: whether the windows follow each other in time, so that "before" has a meaning.
    """

    names: Sequence[str]
    starts: Ints
    lines: Ints
    order: bool = True

    def __len__(self) -> int:
        return len(self.starts) - 1

    def members(self, window: int) -> Ints:
        """The positions of the lines of one window."""
        return self.lines[self.starts[window] : self.starts[window + 1]]

    @property
    def owner(self) -> Ints:
        """int64: the window of each entry of `lines`."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def first(self) -> Ints:
        """int64: position of the first line of each window, -1 where it has none."""
        return self._edge(self.starts[:-1])

    def last(self) -> Ints:
        """int64: position of the last line of each window, -1 where it has none."""
        return self._edge(self.starts[1:] - 1)

    def _edge(self, at: Ints) -> Ints:
        found = np.full(len(self), -1, np.int64)
        filled = np.diff(self.starts) > 0
        found[filled] = self.lines[at[filled]]
        return found


def by_key(lines: Ints, codes: Ints, names: Sequence[str]) -> Windows:
    """Sessions: one window per key, in order of first appearance.

    Args:
        lines: int64, position of the line of each entry, ascending.
        codes: int64, the key of each entry, an index into `names`; a line with several keys has
            several entries.
        names: the keys, numbered in order of first appearance.
    """
    order = np.argsort(codes, kind="stable")
    starts = np.zeros(len(names) + 1, np.int64)
    np.cumsum(np.bincount(codes, minlength=len(names)), out=starts[1:])
    return Windows(names, starts, lines[order])


def by_lines(count: int, size: int, step: int, *, first: int = 0) -> Windows:
    """Windows of a number of lines; the last one may be shorter.

    Args:
        count: lines there are, counted from position `first`.
        size: lines of a window.
        step: lines from one window's beginning to the next.
        first: position of the first line; names count from it.
    """
    begins = np.arange(0, max(count - max(size - step, 0), 1 if count else 0), step, dtype=np.int64)
    ends = np.minimum(begins + size, count)
    lengths = ends - begins
    if int(lengths.sum()) > ENTRIES:
        raise UsageError(f"windows of {size} lines every {step}: too many; use a larger step")
    starts = np.concatenate([[0], np.cumsum(lengths)])
    within = np.arange(int(starts[-1])) - np.repeat(starts[:-1], lengths)
    lines = np.repeat(begins, lengths) + within + first
    names = [f"lines {a + 1}-{b}" for a, b in zip(begins.tolist(), ends.tolist(), strict=True)]
    return Windows(names, starts, lines)


def by_time(times: Ints, lines: Ints, size: int, step: int) -> Windows:
    """Windows of a span of time; lines belong where their time says, in whatever order they stand.

    Args:
        times: int64 nanoseconds since 1970 UTC per line.
        lines: int64 position of each of these lines, ascending.
        size: nanoseconds of a window.
        step: nanoseconds from one window's beginning to the next; they begin at its multiples.
    """
    if not len(times):
        return Windows([], np.zeros(1, np.int64), lines)
    copies = -(-size // step)
    if len(times) * copies > ENTRIES:
        raise UsageError("such windows of time overlap too much; use a larger step")
    latest = times // step
    slots = (latest[:, None] - np.arange(copies)[None, :]).ravel()
    where = np.repeat(lines, copies)
    # Where the step does not divide the size, the earliest windows do not reach the line.
    inside = np.repeat(times, copies) < slots * step + size
    slots, where = slots[inside], where[inside]
    low, high = int(latest.min()), int(latest.max())
    present = np.unique(slots[slots >= low])
    wanted = np.arange(low, high + 1) if high - low < EMPTY_WINDOWS + len(present) else present
    kept = slots >= low
    slots, where = np.searchsorted(wanted, slots[kept]), where[kept]
    order = np.lexsort((where, slots))
    starts = np.zeros(len(wanted) + 1, np.int64)
    np.cumsum(np.bincount(slots, minlength=len(wanted)), out=starts[1:])
    unit = "s" if step % 10**9 == 0 else "ms" if step % 10**6 == 0 else "ns"
    shown = (wanted * step).astype("datetime64[ns]").astype(f"datetime64[{unit}]")
    return Windows([f"{text}Z" for text in shown.astype(str).tolist()], starts, where[order])
