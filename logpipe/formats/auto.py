"""`--format auto`: tries every layout on the head of a file and says which it takes, and why.

The share of lines that fit decides, since named layouts refuse what only looks like a header. Of
layouts that fit (nearly) equally well the more specific one is taken: the one with more checked
fields, then with more fields. Lines that begin with a blank and do not fit are continuation lines
(stack traces, wrapped text) and count for no side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, TypeVar

from logpipe import native
from logpipe.batch import ByteColumn, Shape
from logpipe.formats import program as programs
from logpipe.formats.layouts import MESSAGE_KEYS, Layout, Timestamp, member_layout
from logpipe.formats.named import layout_for, named, names
from logpipe.formats.splitter import is_level, scan_json, scan_logfmt
from logpipe.template import readable

__all__ = ["HEAD_BYTES", "HEAD_LINES", "Detection", "detect", "discover", "resolve"]

HEAD_LINES = 1000
HEAD_BYTES = 1 << 20
"""What `detect` looks at, at most; more of a file need not be given."""

_T = TypeVar("_T")

_THRESHOLD = 0.6
_PROBE = 60
_TIMED = 500
"""Lines whose times are looked at: of one that begins on the 1st many have the 13th."""
_NEARLY = 0.03
_MAX_KEYS = 500

_CONTINUATION = re.compile(rb"[ \t]|Traceback\b|Caused by: |[\w.$]+(?:Error|Exception)\b")
"""Lines of a record's further text: indented ones, and what stack traces begin with at column 0."""

_HALF = re.compile(rb"[AaPp]\.?[Mm]\b")

_TIME_KEYS = (
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "t",
    "date",
    "datetime",
    "asctime",
    "eventTime",
)

_TIME_GROUPS = (
    ("date", "time", "half"),
    ("date", "time", "zone"),
    ("date", "time"),
    ("month", "date", "time"),
    ("month", "day", "time"),
    ("weekday", "month", "day", "time", "year"),
    ("day", "month", "date", "time", "year"),
    ("timestamp",),
    ("time",),
    ("date",),
)
"""Names, whatever the case of their letters, of the fields that make a time together."""

_TIME_PARTS = frozenset(part for group in _TIME_GROUPS for part in group)


@dataclass(frozen=True)
class Detection:
    """A layout for a file.

    Attributes:
        layout: the one to use.
        share: of the lines looked at, how many fit (0 to 1).
        reason: one sentence for people.
    """

    layout: Layout
    share: float
    reason: str


class _Trial(NamedTuple):
    """How one layout fared."""

    layout: Layout
    fits: int
    counted: int
    specificity: tuple[float, float]

    @property
    def share(self) -> float:
        return self.fits / self.counted if self.counted else 0.0

    @property
    def fitted(self) -> str:
        return f"fits {self.fits} of {self.counted} lines"


def _lines(head: bytes) -> list[bytes]:
    """The lines of the head without terminators; a last line that may be cut off only if alone."""
    cut = head[:HEAD_BYTES]
    lines = cut.split(b"\n", HEAD_LINES)[:HEAD_LINES]
    if len(lines) > 1 and cut.count(b"\n", 0, len(cut)) < HEAD_LINES:
        lines.pop()
    lines = [line.removesuffix(b"\r") for line in lines]
    return [line for line in lines if line.strip()]


def _try(
    layout: Layout, lines: Sequence[bytes], *, closely: bool = False
) -> tuple[_Trial, list[Mapping[str, bytes]]]:
    """How a layout fares with some lines, and the header fields of about `_TIMED` that fit.

    At every start all layouts are tried, most of them in vain: if it is not `closely`, there are
    fields only where they tell how the layout fares, and the trial has no specificity.
    """
    shape_ids, shapes, value = _split(layout, lines)
    fits = [i for i, shape in enumerate(shape_ids) if shape]
    misfits = (i for i, shape in enumerate(shape_ids) if not shape)
    continuation = sum(_CONTINUATION.match(lines[i]) is not None for i in misfits)
    specificity = (0.0, 0.0)
    if closely and fits:
        checked = _checked_fields(layout.program, layout.fields)
        # Of the lines of a shape, each has the same fields.
        counts = Counter(shape_ids[i] for i in fits)
        have = {
            shape: {layout.fields[k] for k in shapes[shape].fields if k >= 0} for shape in counts
        }
        specificity = (
            sum(len(checked & have[shape]) * count for shape, count in counts.items()) / len(fits),
            sum(len(have[shape]) * count for shape, count in counts.items()) / len(fits),
        )
    looked_at = _spread(fits, _TIMED) if closely or "Host" in layout.fields else []
    rows: list[Mapping[str, bytes]] = [
        {layout.fields[k]: value(k, i) for k in shapes[shape_ids[i]].fields if k >= 0}
        for i in looked_at
    ]
    hosts = [row["Host"] for row in rows if "Host" in row]
    if sum(is_level(host) for host in hosts) > len(hosts) / 2:
        # `<time> INFO module: text` has the shape of `<time> host program: text`.
        return _Trial(layout, 0, len(lines) - continuation, specificity), []
    return _Trial(layout, len(fits), len(lines) - continuation, specificity), rows


def _split(
    layout: Layout, lines: Sequence[bytes]
) -> tuple[list[int], Sequence[Shape], Callable[[int, int], bytes]]:
    """The lines with their headers split off by the native core; the messages are not looked at.

    Returns:
        The shape of each line, the shapes, and the value of a field in a line by their numbers.
    """
    core = native.DrainCore(
        depth=3,
        similarity=1.0,
        max_children=1,
        max_groups=0,
        mask_atoms=False,
        delimiters=b"",
    )
    header = native.Header(layout.program, layout.fields)
    arena = core.pool.take()
    arena.put(b"".join(line + b"\n" for line in lines))
    core.match(arena, header, frozen=True)
    core.learn([arena], header, frozen=True)
    shape_ids, places, text = core.split(arena, header)
    return shape_ids, header.shapes, lambda k, i: text[places[k][i] : places[k][i + 1]]


@lru_cache(maxsize=256)
def _checked_fields(program: bytes, fields: tuple[str, ...]) -> frozenset[str]:
    # Every source is tried with the same layouts: of small files this took half of the time.
    _, _, alternatives, _, _ = programs.decode(program)
    items = {item for alternative in alternatives for item in alternative}
    return frozenset(
        fields[item.number]
        for item in items
        if isinstance(item, programs.Field) and item.check is not programs.Check.ANY
    )


def _spread(lines: Sequence[_T], count: int) -> list[_T]:
    """About `count` of them from all over, the first among them."""
    return list(lines[:: -(-len(lines) // count)]) if lines else []


def _time_fields(layout: Layout) -> list[tuple[str, ...]]:
    """Fields of a layout that may hold its time, to judge by their names; the likeliest first."""
    parts = {part: name for name in layout.fields if (part := name.lower()) in _TIME_PARTS}
    together = [
        tuple(parts[part] for part in group) for group in _TIME_GROUPS if parts.keys() >= set(group)
    ]
    return together + [(name,) for name in _TIME_KEYS if name in layout.fields]


def _with_timestamp(
    layout: Layout, rows: Sequence[Mapping[str, bytes]], lines: Sequence[bytes] = ()
) -> Layout:
    """The layout with the pattern its time stamps really have, should the given one not fit."""
    from logpipe.formats.timestamp_pattern import date_order, opened
    from logpipe.formats.timestamp_reading import detect_readings, fitting

    given = layout.timestamp
    if given and "%H" in given.pattern and _halved(layout, lines):
        return replace(
            layout,
            timestamp=None,
            time_note=f"AM or PM stands behind the time that layout {layout.name} knows, so there "
            f"is no time as a number; --format '<Date> <Time> <Half> <Content>' makes one",
        )
    groups = [given.fields] if given else _time_fields(layout)
    for fields in groups:
        values = [
            b" ".join(row[name] for name in fields)
            for row in rows
            if all(name in row for name in fields)
        ]
        if not values:
            continue
        if given and fitting(given.pattern, ByteColumn.of(values)) >= 0.9 * len(values):
            pattern = _counted(given.pattern, values)
            return replace(layout, timestamp=Timestamp(fields, pattern))
        found = detect_readings(values)
        if len(found) == 1:
            return replace(layout, timestamp=Timestamp(fields, opened(found[0])))
        if found:
            readings = [
                (date_order(pattern), Timestamp(fields, opened(pattern))) for pattern in found
            ]
            return replace(
                layout,
                timestamp=None,
                readings=tuple(readings),
                time_note=_undecided(values[0], readings),
            )
    return layout


def _halved(layout: Layout, lines: Sequence[bytes]) -> bool:
    """Whether most messages begin with the half of the day."""
    found = [split.message for line in _spread(lines, 20) if (split := layout.split(line))]
    return 2 * sum(_HALF.match(message) is not None for message in found) > len(found)


def _counted(pattern: str, values: Sequence[bytes]) -> str:
    """The pattern, with a number of milliseconds in place of a fraction if that is what it is."""
    from logpipe.formats.timestamp_pattern import compile_pattern, counts_fraction, resolve

    exact = resolve(compile_pattern(pattern), ByteColumn.of(values))
    return counts_fraction(pattern, exact.source)


def _undecided(value: bytes, readings: Sequence[tuple[str, Timestamp]]) -> str:
    from logpipe.formats.timestamps import parse_timestamps

    said = []
    for order, timestamp in readings:
        read = parse_timestamps(timestamp.pattern, ByteColumn.of([value]))
        day = str(read.values.astype("datetime64[ns]")[0])[:10]
        said.append(f"{day} (--dates {order})" if read.valid[0] else f"--dates {order}")
    return (
        f"the first lines do not tell the order of day and month: {readable(value)} can be "
        f"{' or '.join(said)}; until it is given there is no time as a number"
    )


_SCANNERS: dict[str, Callable[[bytes], list[tuple[bytes, int, int]] | None]] = {
    "json": scan_json,
    "logfmt": scan_logfmt,
}


def discover(kind: str, head: bytes, *, times: bool = True) -> Layout | None:
    """The layout of a file whose lines name their fields.

    The fields are the keys that the head has, in the order they appear. The message is the first of
    `MESSAGE_KEYS` in a line; where most lines have none of them, it is the member with the most
    bytes.

    Args:
        kind: `json` or `logfmt`.
        head: the first bytes of the file.
        times: as in `detect`.

    Returns:
        None if fewer than half of the lines are of that kind.
    """
    lines = _lines(head)
    scan = _SCANNERS[kind]
    scanned = [members for line in lines if (members := scan(line)) is not None]
    # A word with a `=` in it is not yet logfmt.
    if kind == "logfmt":
        scanned = [members for members in scanned if len(members) > 1]
    if not scanned or len(scanned) < len(lines) / 2:
        return None
    count = Counter(key for members in scanned for key, _, _ in members)
    size: Counter[bytes] = Counter()
    for members in scanned:
        for key, start, end in members:
            size[key] += end - start
    messages = [key for text in MESSAGE_KEYS if (key := text.encode()) in count]
    has_message = sum(any(key in messages for key, _, _ in members) for members in scanned)
    if has_message < len(scanned) / 2:
        common = [key for key in count if count[key] >= len(scanned) / 2]
        messages.append(max(common or list(count), key=lambda key: size[key]))
    often = {key for key, _ in count.most_common(_MAX_KEYS)}
    keys = [key for key in count if key in often]
    if len(messages) == 1:
        keys = [key for key in keys if key not in messages]
    layout = member_layout(kind, keys, messages)
    return _with_timestamp(layout, _try(layout, lines, closely=True)[1], lines) if times else layout


def _candidates(head: bytes, times: bool) -> Iterable[Layout]:
    for name in names():
        if name in _SCANNERS:
            found = discover(name, head, times=times)
            if found is not None:
                yield found
        elif name != "plain":
            yield named(name)


def _described(layout: Layout) -> str:
    kind, _, _, _, messages = programs.decode(layout.program)
    if kind == programs.TEXT:
        return f"layout {layout.name}"
    keys = " or ".join(readable(key) for key in messages[:3])
    return f"layout {layout.name} ({len(layout.fields)} fields, message in {keys})"


def detect(head: bytes, *, times: bool = True) -> Detection:
    """The layout that fits the head of a file best; `plain` if none fits 60 % of its lines.

    Args:
        head: the first bytes of the file. `HEAD_BYTES` or `HEAD_LINES`, whichever is less, are
            looked at.
        times: whether to find out how times are written, too, which takes numpy.
    """
    lines = _lines(head)
    plain = named("plain")
    if not lines:
        return Detection(plain, 1.0, "layout plain: there are no lines to tell from")
    probe = _spread(lines, _PROBE)
    first = [_try(layout, probe)[0] for layout in _candidates(head, times)]
    likely = [trial for trial in first if trial.share >= _THRESHOLD / 2]
    best = max((trial.share for trial in likely), default=0.0)
    likely = [trial for trial in likely if trial.share >= best - 0.2]
    trials = [_try(trial.layout, lines, closely=True) for trial in likely]
    best = max((trial.share for trial, _ in trials), default=0.0)
    if best < _THRESHOLD:
        # Of a few lines spread over the head many a layout fits more than of all.
        tried = [trial for trial, _ in trials] or first
        nearest = max(tried, key=lambda trial: trial.share)
        near = f" (nearest: {nearest.layout.name}, {nearest.share:.0%})" if nearest.fits else ""
        counted = f"the {len(lines):,} lines looked at"
        return Detection(
            plain, 1.0, f"layout plain: no header layout fits {_THRESHOLD:.0%} of {counted}{near}"
        )
    # `max` takes the first of equals, and the candidates come in the order of preference.
    trial, rows = max(
        (pair for pair in trials if pair[0].share >= best - _NEARLY),
        key=lambda pair: pair[0].specificity,
    )
    layout = _with_timestamp(trial.layout, rows, lines) if times else trial.layout
    return Detection(layout, trial.share, f"{_described(layout)}: {trial.fitted}")


def resolve(text: str, head: bytes, *, times: bool = True) -> Detection:
    """What `--format` means for a file: `auto`, a name, or a layout itself.

    `json` and `logfmt` take their fields from the head. `times` is as in `detect`.

    Raises:
        UnknownNameError: no such name.
        LayoutError: not a layout.
    """
    if text == "auto":
        return detect(head, times=times)
    layout = discover(text, head, times=times) if text in _SCANNERS else None
    layout = layout or layout_for(text)
    lines = _lines(head)
    trial, _ = _try(layout, _spread(lines, _PROBE))
    rows = _try(layout, lines, closely=True)[1] if times else []
    layout = _with_timestamp(layout, rows, lines) if times else layout
    described = "layout as given" if layout.name == layout.spec else _described(layout)
    return Detection(layout, trial.share, f"{described}: {trial.fitted} tried")
