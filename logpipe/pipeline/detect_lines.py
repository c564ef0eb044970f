"""What detection needs of every line: its group, its time, its session key, maybe its values.

One parse over all inputs, training ones first, so that templates mean the same in all of them. Of a
line some twenty bytes are kept; its text is read again for what is shown (`read_texts`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.keys import Candidate, Proposal, propose, slot_pattern
from logpipe.anomaly.values import VOCABULARY, magnitudes
from logpipe.anomaly.windows import WindowSpec
from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.errors import UsageError
from logpipe.export.base import ParseInfo
from logpipe.formats.layouts import Layout
from logpipe.formats.readers import Source
from logpipe.formats.timestamp_pattern import compile_pattern
from logpipe.formats.timestamps import parse_timestamps
from logpipe.parsers.base import Parser
from logpipe.parsers.stream import Progress
from logpipe.pipeline.parsing import ParseResult, parse, stream
from logpipe.template import LexicalClass, readable

__all__ = ["LineFacts", "propose_window", "read_lines", "read_texts"]

Ints = npt.NDArray[np.int64]

_HEAD = 20_000
"""Lines that a key is proposed from."""

_KEYS_PER_LINE = 100

CLOSED = 24
"""Values up to which a slot's vocabulary may be closed, ..."""

RECURS = 30
"""... and how often each occurs on average."""

_NUMBERS = (LexicalClass.INTEGER, LexicalClass.NUMBER)
_NO_KEY = re.compile(r"(?i)time|date|month|day|year|zone|level|severity|content|message")


@dataclass
class LineFacts:
    """What is known of every line of all inputs, one after the other.

    Attributes:
        parsed: the parse.
        sources: names, in order.
        starts: position of the first line of each source, and the number of all lines.
        groups: uint32 per line: index into `columns`.
        columns: text of the most frequent template of each group.
        times: int64 nanoseconds per line, None if the layout does not say; lines without a time
            have that of the line before.
        timeless: lines whose time is not their own.
        backwards: lines with an earlier time than the line before; the first of them is
            `first_backwards`.
        continued: bool per line: it has no header.
        skipped: lines that are in no window, because they continue the record before them.
        key_lines, key_codes, key_names: the keys of lines; a line may have several.
        value_lines, value_columns, value_names: the values of lines as columns.
        value_closed: bool per such column: whether its slot has few values that all recur, such
            as status codes.
    """

    parsed: ParseResult
    sources: tuple[str, ...]
    starts: Ints
    groups: npt.NDArray[np.uint32]
    columns: list[str]
    times: Ints | None = None
    timeless: int = 0
    backwards: int = 0
    first_backwards: int = 0
    continued: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    skipped: bool = False
    key_lines: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    key_codes: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    key_names: list[str] = field(default_factory=list)
    value_lines: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    value_columns: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    value_names: list[str] = field(default_factory=list)
    value_closed: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def leave_out_continuations(self) -> None:
        """From now on lines without a header are in no window; a log without headers has none."""
        self.skipped = not self.continued.all()

    def place(self, position: int) -> tuple[str, int]:
        """The source and 1-based number of a line."""
        at = int(np.searchsorted(self.starts, position, "right")) - 1
        return self.sources[at], position - int(self.starts[at]) + 1

    def numbers(self, positions: Ints) -> Ints:
        """1-based numbers of lines in their sources; 0 for position -1."""
        at = np.searchsorted(self.starts, positions, "right") - 1
        return np.where(positions < 0, 0, positions - self.starts[np.maximum(at, 0)] + 1)


class _Collector:
    """The sink of the parse."""

    def __init__(self, info: ParseInfo, window: WindowSpec, values: bool) -> None:
        self._info = info
        self._group = np.array([t.group for t in info.templates], np.int64)
        self._source: str | None = None
        self.starts: list[tuple[str, int]] = []
        self.lines = 0
        self.groups: list[npt.NDArray[np.int64]] = []
        self.continued: list[npt.NDArray[np.bool_]] = []
        self.times = _Times(info)
        self.keys = _Keys(window, info)
        self.values = _Values(info) if values else None

    def write(self, batch: ParsedBatch, source: str) -> None:
        if batch.first_line == 1 or source != self._source:
            self._source = source
            self.starts.append((source, self.lines))
            self.times.restart()
        self.groups.append(self._group[batch.template_ids])
        self.continued.append(batch.shape_ids == 0)
        self.times.read(batch, self.lines)
        self.keys.read(batch, self.lines)
        if self.values is not None:
            self.values.read(batch, self.lines)
        self.lines += len(batch)

    def finish(self) -> None:
        pass

    def abort(self) -> None:
        pass


class _Times:
    """The time of each line; carried on where a line has none."""

    def __init__(self, info: ParseInfo) -> None:
        self._pattern = info.timestamp_pattern
        self._at = [info.field_names.index(name) for name in info.timestamp_fields]
        self.found: list[Ints] = []
        self.timeless = self.backwards = self.first_backwards = self.valid = 0
        self._after: int | None = None
        self._yearless = bool(self._pattern) and compile_pattern(self._pattern).lacks_year

    def restart(self) -> None:
        """A new source begins."""
        self._after = None

    def read(self, batch: ParsedBatch, position: int) -> None:
        if not self._pattern:
            return
        column = _joined([batch.fields[i] for i in self._at])
        year = datetime.now(UTC).year if self._yearless and self._after is None else None
        read = parse_timestamps(self._pattern, column, default_year=year, after=self._after)
        valid = read.valid
        known = np.flatnonzero(valid)
        self.timeless += len(batch) - len(known)
        self.valid += len(known)
        if len(known):
            before = known[0] if self._after is None else -1
            last = np.maximum.accumulate(np.where(valid, np.arange(len(batch)), before))
            carried = self._after if self._after is not None else int(read.values[known[0]])
            times = np.where(last >= 0, read.values[np.maximum(last, 0)], carried)
            steps = np.diff(read.values[known], prepend=carried)
            back = np.flatnonzero(steps < 0)
            if len(back) and not self.backwards:
                self.first_backwards = position + int(known[back[0]])
            self.backwards += len(back)
            self._after = int(read.values[known[-1]])
        else:
            missing = np.iinfo(np.int64).min if self._after is None else self._after
            times = np.full(len(batch), missing, np.int64)
        self.found.append(times)

    def all(self) -> Ints | None:
        """Of all lines; None if no line has a time."""
        if not self.valid:
            return None
        times = np.concatenate(self.found)
        missing = times == np.iinfo(np.int64).min
        if missing.any():
            # Lines before the first time of a source get the next time there is.
            index = np.where(missing, len(times), np.arange(len(times)))
            following = np.minimum.accumulate(index[::-1])[::-1]
            last = int(np.flatnonzero(~missing)[-1])
            times = times[np.minimum(following, last)]
        return times


def _joined(columns: Sequence[ByteColumn]) -> ByteColumn:
    if len(columns) == 1:
        return columns[0]
    return ByteColumn.of([b" ".join(parts) for parts in zip(*columns, strict=True)])


class _Keys:
    """The session keys of each line."""

    def __init__(self, window: WindowSpec, info: ParseInfo) -> None:
        self.codes: dict[bytes, int] = {}
        self.lines: list[Ints] = []
        self.found: list[Ints] = []
        self._field: int | None = None
        self._find = None
        if window.kind == "session":
            self._find = re.compile(window.pattern.encode()).findall
        elif window.kind == "field":
            names = [name.casefold() for name in info.field_names]
            if window.pattern.casefold() not in names:
                raise UsageError(
                    f"--window {window}: layout {info.layout} has no field {window.pattern!r}; "
                    f"it has {', '.join(info.field_names) or 'none'}"
                )
            self._field = names.index(window.pattern.casefold())

    def read(self, batch: ParsedBatch, position: int) -> None:
        codes, lines, found = self.codes, [], []
        if self._field is not None:
            for i, value in enumerate(batch.fields[self._field]):
                if value:
                    lines.append(position + i)
                    found.append(codes.setdefault(value, len(codes)))
        elif self._find is not None:
            find = self._find
            for i, line in enumerate(_lines(batch)):
                keys = find(line)
                if keys:
                    for key in keys if len(keys) == 1 else _few(keys):
                        lines.append(position + i)
                        found.append(codes.setdefault(key, len(codes)))
        if lines:
            self.lines.append(np.array(lines, np.int64))
            self.found.append(np.array(found, np.int64))


def _few(keys: list[bytes]) -> list[bytes]:
    return [key for key in dict.fromkeys(keys) if key][:_KEYS_PER_LINE]


def _lines(batch: ParsedBatch) -> list[bytes]:
    """The text of every line; a lone CR at its end stays."""
    return batch.render().split(b"\n")[: len(batch)]


_FIELD = -1
"""Stands for the group where a value is that of a header field."""


class _Values:
    """Values of slots as columns: of a small vocabulary each, of other numbers their magnitude."""

    def __init__(self, info: ParseInfo) -> None:
        self._templates = info.templates
        self._fields = info.field_names
        self._times = {info.field_names.index(name) for name in info.timestamp_fields}
        self._codes: dict[tuple[int, int, object], int] = {}
        self._sizes: dict[tuple[int, int], int] = {}
        self._found: dict[tuple[int, int], list[tuple[Ints, Ints, bool]]] = {}

    def read(self, batch: ParsedBatch, position: int) -> None:
        for at, column in enumerate(batch.fields):
            if at not in self._times and self._sizes.get((_FIELD, at), 0) <= VOCABULARY:
                rows = np.arange(position, position + len(batch))
                self._add((_FIELD, at), rows, column, numbers=False)
        for template_id in batch.present:
            template = self._templates[template_id]
            rows = batch.rows(template_id) + position
            for slot in range(template.slots if template.group else 0):
                kind = template.types[slot] if template.types else LexicalClass.TEXT
                place = (template.group, slot)
                if self._sizes.get(place, 0) <= VOCABULARY or kind in _NUMBERS:
                    self._add(place, rows, batch.column(template_id, slot), kind in _NUMBERS)

    def _add(self, place: tuple[int, int], rows: Ints, column: ByteColumn, numbers: bool) -> None:
        coded = column.to_arrow().dictionary_encode()
        values = coded.dictionary.to_pylist()
        at = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        if self._sizes.get(place, 0) <= VOCABULARY:
            codes = np.array([self._code(place, value) for value in values], np.int64)
            self._found.setdefault(place, []).append((rows, codes[at], False))
        if numbers:
            sizes = magnitudes(np.array([_number(value) for value in values]))
            codes = np.array([self._code(place, size) for size in sizes.tolist()], np.int64)
            self._found.setdefault(place, []).append((rows, codes[at], True))

    def _code(self, place: tuple[int, int], key: object) -> int:
        code = self._codes.get((*place, key))
        if code is None:
            if isinstance(key, bytes):
                self._sizes[place] = self._sizes.get(place, 0) + 1
                if self._sizes[place] > VOCABULARY:
                    return -1
            code = self._codes[(*place, key)] = len(self._codes)
        return code

    def put(self, facts: LineFacts) -> None:
        """Says it to `facts`; a slot has its values or, if they are many, its magnitudes."""
        parts = [
            (rows, codes)
            for place, found in self._found.items()
            for rows, codes, magnitude in found
            if magnitude == (self._sizes[place] > VOCABULARY)
        ]
        if not parts:
            return
        lines = np.concatenate([rows for rows, _ in parts])
        used, columns = np.unique(
            np.concatenate([codes for _, codes in parts]), return_inverse=True
        )
        texts = {t.group: t.text() for t in reversed(list(self._templates))}
        every = list(self._codes)
        keys = [every[code] for code in used.tolist()]
        seen: Counter[tuple[int, int]] = Counter()
        each = np.bincount(columns).tolist()
        for (group, slot, _), count in zip(keys, each, strict=True):
            seen[group, slot] += count
        facts.value_lines, facts.value_columns = lines, columns
        facts.value_names = [
            f"{f'header {self._fields[s]}' if g == _FIELD else _marked(texts[g], s)} "
            f"{_value_name(key)}"
            for g, s, key in keys
        ]
        facts.value_closed = np.array(
            [
                isinstance(key, bytes)
                and self._sizes[g, s] <= CLOSED
                and seen[g, s] >= RECURS * self._sizes[g, s]
                # What most lines have says no more than the template does.
                and 2 * count <= seen[g, s]
                for (g, s, key), count in zip(keys, each, strict=True)
            ],
            np.bool_,
        )


def _marked(text: str, slot: int) -> str:
    """A template's text in which one slot is written `<?>`."""
    parts = text.split("<*>")
    if len(parts) <= slot + 1:
        return f"{text} [slot {slot + 1}]"
    return "<*>".join(parts[: slot + 1]) + "<?>" + "<*>".join(parts[slot + 1 :])


def _value_name(key: object) -> str:
    if isinstance(key, bytes):
        return f"with {readable(key)[:60]}"
    assert isinstance(key, int)
    if key == 0:
        return "with 0"
    sign = "-" if key < 0 else ""
    return f"with about {sign}{2 ** max(abs(key) - 1001, 0):,}"


def _number(value: bytes) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


def read_lines(
    sources: Sequence[Source],
    window: WindowSpec,
    *,
    parser: str | Parser = "drain",
    parameters: Mapping[str, object] | None = None,
    layout: str = "auto",
    model: str | None = None,
    threads: int | None = None,
    values: bool = False,
    progress: Progress | None = None,
) -> LineFacts:
    """Parses the sources and keeps what detection needs.

    Args:
        sources: in order.
        window: whose keys are wanted.
        parser: as `logpipe.pipeline.parse`, and so are the others up to `progress`.
        parameters: of the parser.
        layout: of the headers.
        model: saved templates.
        threads: to work with.
        progress: called after every chunk.
        values: whether values of slots are wanted.

    Raises:
        LogpipeError: as `logpipe.pipeline.parse`; a field that the layout does not have.
    """
    made: list[_Collector] = []

    def sink(info: ParseInfo) -> _Collector:
        made.append(_Collector(info, window, values))
        return made[0]

    parsed = parse(
        list(sources),
        parser=parser,
        parameters=parameters,
        layout=layout,
        model=model,
        threads=threads,
        sink=sink,
        progress=progress,
    )
    found = made[0]
    raw = np.concatenate([np.zeros(0, np.int64), *found.groups])
    present, groups = np.unique(raw, return_inverse=True)
    facts = LineFacts(
        parsed=parsed,
        sources=tuple(source.name for source in sources),
        starts=_starts(found, sources),
        groups=groups.astype(np.uint32),
        columns=_texts(parsed, present),
        times=found.times.all(),
        timeless=found.times.timeless,
        continued=np.concatenate([np.zeros(0, np.bool_), *found.continued]),
        backwards=found.times.backwards,
        first_backwards=found.times.first_backwards,
        key_names=[readable(key) for key in found.keys.codes],
    )
    if found.keys.lines:
        facts.key_lines = np.concatenate(found.keys.lines)
        facts.key_codes = np.concatenate(found.keys.found)
    if found.values is not None:
        found.values.put(facts)
    return facts


def _starts(found: _Collector, sources: Sequence[Source]) -> Ints:
    """Position of the first line of each source; an empty one wrote nothing."""
    starts, left = [], list(found.starts)
    for source in sources:
        if left and left[0][0] == source.name:
            starts.append(left.pop(0)[1])
        else:
            starts.append(left[0][1] if left else found.lines)
    return np.array([*starts, found.lines], np.int64)


def _texts(parsed: ParseResult, present: Ints) -> list[str]:
    """The text of each group: that of its most frequent template."""
    best: dict[int, tuple[int, str]] = {}
    for template in parsed.templates:
        lines = int(parsed.counts[template.id]) if template.id < len(parsed.counts) else 0
        if template.group not in best or lines > best[template.group][0]:
            text = "(no template)" if template.group == 0 else template.text()
            best[template.group] = (lines, text)
    return [best[int(group)][1] for group in present]


def propose_window(source: Source, layout: Layout, threads: int | None = None) -> Proposal | None:
    """A session key for a log, from its first lines; None if nothing looks like one."""
    candidates: dict[str, Candidate] = {}
    lines = 0
    skip = set(layout.timestamp.fields if layout.timestamp else ())
    batches = _batches(source, layout, threads)
    with closing(batches):
        for batch in batches:
            groups = [batch.templates[int(t)].group for t in batch.template_ids]
            for name, column in zip(batch.field_names, batch.fields, strict=True):
                if name in skip or _NO_KEY.search(name):
                    continue
                known = candidates.setdefault(f"field:{name}", Candidate(f"field:{name}", [], []))
                for value, group in zip(column, groups, strict=True):
                    if value:
                        known.values.append(value)
                        known.groups.append(group)
            _slot_candidates(batch, candidates)
            lines += len(batch)
            if lines >= _HEAD:
                break
    return propose(list(candidates.values()), lines)


def _batches(
    source: Source, layout: Layout, threads: int | None
) -> Generator[ParsedBatch, None, None]:
    yield from stream(source, layout=layout, threads=threads)


def _slot_candidates(batch: ParsedBatch, candidates: dict[str, Candidate]) -> None:
    from logpipe.native import classify

    for template_id in batch.present:
        template = batch.templates[template_id]
        taken: set[str] = set()
        for slot in range(template.slots if template.group else 0):
            column = batch.column(template_id, slot)
            kind = LexicalClass(classify(column)).label
            pattern = slot_pattern(template.literals[slot], kind)
            if pattern is None or pattern in taken:
                continue  # a line has one key of a kind; the first stands for it
            taken.add(pattern)
            window = f"session:{pattern}"
            known = candidates.setdefault(window, Candidate(window, [], []))
            known.values.extend(column)
            known.groups.extend([template.group] * len(column))


def read_texts(
    sources: Sequence[Source], wanted: Mapping[str, set[int]]
) -> dict[tuple[str, int], bytes]:
    """The bytes of some lines, without terminator.

    Args:
        sources: the inputs.
        wanted: source name to 1-based line numbers; each source is read up to the last of them.

    Returns:
        (source name, line number) to the line, cut at 2000 bytes.
    """
    found: dict[tuple[str, int], bytes] = {}
    for source in sources:
        left = wanted.get(source.name)
        if not left:
            continue
        last, number, rest = max(left), 0, b""
        buffer = bytearray(1 << 20)
        with closing(source.open()) as reader:
            while number < last:
                part = bytes(buffer[: reader.readinto(memoryview(buffer))])
                lines = (rest + part).split(b"\n")
                rest = lines.pop() if part else b""  # the last line may have no end
                for line in lines:
                    number += 1
                    if number in left:
                        found[source.name, number] = line.rstrip(b"\r")[:2000]
                if not part:
                    break
    return found
