"""What is taken from each batch of a parse for detection: times, session keys, values of slots.

Each of the three reads batch after batch, in line order, and in the end has arrays over all lines.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.values import VOCABULARY, magnitudes
from logpipe.anomaly.windows import WindowSpec
from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.errors import UsageError
from logpipe.export.base import ParseInfo
from logpipe.export.times import joined_fields
from logpipe.formats.timestamp_reading import TimeReader
from logpipe.pipeline.detect_facts import LineFacts
from logpipe.template import LexicalClass, readable

__all__ = ["Keys", "Marks", "Times", "Values"]

Ints = npt.NDArray[np.int64]

_KEYS_PER_LINE = 100

CLOSED = 24
"""Values up to which a slot's vocabulary may be closed, ..."""

RECURS = 30
"""... and how often each occurs on average."""

FAR = 2
"""Powers of two by which a number is far above its slot's upper quartile, ..."""

FAR_SPREADS = 3
"""... and so many distances between the quartiles (Tukey's "far out", on a logarithmic scale)."""

_IDS = re.compile(r"(?i)p?pid|tid|(process|thread)_?id")
"""Header fields whose values name a process for a while: a new one is no news."""

_NUMBERS = (LexicalClass.INTEGER, LexicalClass.NUMBER)


class Times:
    """The time of each line; carried on where a line has none.

    Windows only need the distance of times: a clock without a date goes on past midnight from day
    to day, a named zone of unknown offset counts as UTC, a year that is not written is this one.
    """

    def __init__(self, info: ParseInfo) -> None:
        self._at = [info.field_names.index(name) for name in info.timestamp_fields]
        self.found: list[Ints] = []
        self.timeless = self.backwards = self.first_backwards = self.valid = 0
        self._after: int | None = None
        self._reader = None
        if info.timestamp_pattern:
            year = datetime.now(UTC).year if info.year is None else info.year
            self._reader = TimeReader(
                info.timestamp_pattern,
                year=year,
                zones=info.zones,
                any_zone=True,
                tally=info.time_tally,
            )

    def restart(self) -> None:
        """A new source begins."""
        self._after = None
        if self._reader is not None:
            self._reader.restart()

    def read(self, batch: ParsedBatch, position: int) -> None:
        """The next batch, whose first line has this position."""
        if self._reader is None:
            return
        column = joined_fields([batch.fields[i] for i in self._at])
        values, valid = self._reader.read(column, empty=len(self._at) - 1)
        known = np.flatnonzero(valid)
        self.timeless += len(batch) - len(known)
        self.valid += len(known)
        if len(known):
            before = known[0] if self._after is None else -1
            last = np.maximum.accumulate(np.where(valid, np.arange(len(batch)), before))
            carried = self._after if self._after is not None else int(values[known[0]])
            times = np.where(last >= 0, values[np.maximum(last, 0)], carried)
            steps = np.diff(values[known], prepend=carried)
            back = np.flatnonzero(steps < 0)
            if len(back) and not self.backwards:
                self.first_backwards = position + int(known[back[0]])
            self.backwards += len(back)
            self._after = int(values[known[-1]])
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


def header_field(name: str, info: ParseInfo, where: str) -> int:
    """The place of a header field, whatever the case of its letters.

    Raises:
        UsageError: the layout has none of this name.
    """
    names = [known.casefold() for known in info.field_names]
    if name.casefold() not in names:
        raise UsageError(
            f"{where}: layout {info.layout} has no field {name!r}; it has "
            f"{', '.join(info.field_names) or 'none'}"
        )
    return names.index(name.casefold())


class Keys:
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
            self._field = header_field(window.pattern, info, f"--window {window}")

    def read(self, batch: ParsedBatch, position: int) -> None:
        """The next batch, whose first line has this position."""
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


class Marks:
    """Whether a header field, such as an alert tag, says that a line is abnormal: it is not `-`."""

    def __init__(self, field: str, info: ParseInfo) -> None:
        self.at = header_field(field, info, "--labels field:" + field)
        self.field = field
        self.found: list[npt.NDArray[np.bool_]] = []
        self._normal = False
        self._example = b""

    def read(self, batch: ParsedBatch) -> None:
        """The next batch; a line without a header is not marked."""
        values = list(batch.fields[self.at])
        said = [bool(value) and value != b"-" for value in values]
        self.found.append(np.array(said, np.bool_))
        self._normal |= b"-" in values
        self._example = self._example or next((value for value in values if value), b"")

    def all(self) -> npt.NDArray[np.bool_]:
        """Of all lines.

        Raises:
            UsageError: the field is never `-`, so that it cannot be one of labels.
        """
        if self._example and not self._normal:
            raise UsageError(
                f"--labels field:{self.field}: a field of labels is - in normal lines, but this "
                f"one never is (it begins with {readable(self._example)!r:.60}); name a field "
                f"that marks abnormal lines, or a file of labels"
            )
        return np.concatenate([np.zeros(0, np.bool_), *self.found])


class Values:
    """Values of slots as columns: of a small vocabulary each, of other numbers their magnitude.

    Args:
        info: of the parse.
        skip: header field whose values are no features, because they are labels; -1: none.
    """

    def __init__(self, info: ParseInfo, skip: int = -1) -> None:
        self._templates = info.templates
        self._fields = info.field_names
        self._skipped = {info.field_names.index(name) for name in info.timestamp_fields} | {skip}
        self._skipped |= {i for i, name in enumerate(info.field_names) if _IDS.fullmatch(name)}
        self._codes: dict[tuple[int, int, object], int] = {}
        self._sizes: dict[tuple[int, int], int] = {}
        self._found: dict[tuple[int, int], list[tuple[Ints, Ints, bool]]] = {}

    def read(self, batch: ParsedBatch, position: int) -> None:
        """The next batch, whose first line has this position."""
        for at, column in enumerate(batch.fields):
            if at not in self._skipped and self._sizes.get((_FIELD, at), 0) <= VOCABULARY:
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
        if place[0] == _FIELD and b"" in values:  # a line without a header has no value
            said = at != values.index(b"")
            rows, at = rows[said], at[said]
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
        parts = []
        far: set[int] = set()
        for place, found in self._found.items():
            many = self._sizes[place] > VOCABULARY
            parts += [(rows, codes) for rows, codes, magnitude in found if magnitude == many]
            beyond = self._far([codes for _, codes, magnitude in found if magnitude])
            far.update(beyond)
            if beyond and CLOSED < self._sizes[place] <= VOCABULARY:
                # Its values are columns, each too rare to count; the far ones count together.
                large = [(rows, codes) for rows, codes, magnitude in found if magnitude]
                kept = [np.isin(codes, beyond) for _, codes in large]
                parts += [(r[k], c[k]) for (r, c), k in zip(large, kept, strict=True)]
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
            f"header {self._fields[s]}={_shown(key)}"
            if g == _FIELD and isinstance(key, bytes)
            else f"{_marked(texts[g], s)} {_value_name(key)}"
            for g, s, key in keys
        ]
        facts.value_closed = np.array(
            [
                code in far
                or (
                    isinstance(key, bytes)
                    and self._sizes[g, s] <= CLOSED
                    and seen[g, s] >= RECURS * self._sizes[g, s]
                    # What most lines have says no more than the template does.
                    and 2 * count <= seen[g, s]
                )
                for code, (g, s, key), count in zip(used.tolist(), keys, each, strict=True)
            ],
            np.bool_,
        )

    def _far(self, codes: list[Ints]) -> list[int]:
        """Codes of the magnitudes of a slot that lie far above its usual ones.

        Only above: a number that may be anything up to a limit is seldom small.
        """
        if not codes:
            return []
        every = list(self._codes)
        used, counts = np.unique(np.concatenate(codes), return_counts=True)
        sizes = np.array([every[code][2] for code in used.tolist()], np.int64)
        order = np.argsort(sizes)
        share = np.cumsum(counts[order]) / max(int(counts.sum()), 1)
        low, high = (int(sizes[order][np.searchsorted(share, q)]) for q in (0.25, 0.75))
        if counts.sum() < RECURS or high < 1000:
            return []
        limit = high + FAR_SPREADS * (high - max(low, 1000)) + FAR
        return [int(code) for code in used[sizes > limit]]


def _marked(text: str, slot: int) -> str:
    """A template's text in which one slot is written `<?>`."""
    parts = text.split("<*>")
    if len(parts) <= slot + 1:
        return f"{text} [slot {slot + 1}]"
    return "<*>".join(parts[: slot + 1]) + "<?>" + "<*>".join(parts[slot + 1 :])


def _shown(value: bytes) -> str:
    return readable(value)[:60]


def _value_name(key: object) -> str:
    if isinstance(key, bytes):
        return f"with {_shown(key)}"
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
