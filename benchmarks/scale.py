"""A big log from a small real one: its lines repeated, every copy with fresh variables.

What is kept of the original: the mix of templates and the order of lines, the length of every line,
terminators, words, layout and width of every number, leading zeros, the range of octets, ports and
times of day, which digits belong to a word (`ssh2`), and equality: where one value stands in two
places of the original, one value stands in the two places of the copy (a block id in all lines of
its session; a node named twice in one line). Numbers that count up by one still do, from another
start. Stamps in the header go on where the copy before ended.

What is not: fresh values of one width are spread evenly, not as skewed as real ones are; a copy
shares no value with the others on purpose, so nothing recurs over long distances; the log gets no
new templates as it grows, which real ones do; gaps of over a minute between lines become a minute.

How close that comes: zstd -3 makes 5.9, 10.5, 13.0 and 14.0 to one of scaled BGL, HDFS, OpenSSH and
Spark logs, and 5.1, 10.9, 13.5 and 13.9 of the originals.

The first copy is the original, byte for byte. The same seed and the same original give the same
bytes, and a smaller size gives a prefix of a bigger one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.stamps import Bytes, Ints, find_stamps
from benchmarks.variables import (
    DIGIT,
    HEX,
    HIGHEST,
    WORD,
    digit_runs,
    hex_spans,
    in_words,
    kinds_of,
    sort_keys,
)

__all__ = ["VERSION", "Scaler", "WordSpans", "complete", "stress_text"]

VERSION = 1
"""Part of every cached input's name: a change to what comes out of here raises it."""

_USER = re.compile(
    rb"(?:[Ii]nvalid user |failures for |(?:password|none|publickey) for (?:invalid user )?|"
    rb"(?:opened|closed) for user |(?<![a-z])user=)(?!invalid user )(?P<user>[^\s;,]+)"
)


@dataclass(frozen=True)
class WordSpans:
    """Words of letters to be replaced: in each copy, one key is one fresh word.

    Attributes:
        start: position of the first letter.
        width: letters.
        key: any number; one key has one width.
    """

    start: Ints
    width: Ints
    key: Ints


@dataclass(frozen=True)
class _Numbers:
    """The distinct numbers of up to nine digits, leading zeros aside.

    Attributes:
        value: what the original has.
        low: the lowest number of as many digits.
        count: how many numbers of as many digits the kind allows.
        series: numbers of one series are shifted by the same amount.
        series_count: `count` per series.
        writes: for the last digit, the one before, ...: the rows that have one, and its place in
            the pool.
    """

    value: Ints
    low: Ints
    count: Ints
    series: Ints
    series_count: Ints
    writes: tuple[tuple[Ints, Ints], ...]

    def refill(self, pool: Bytes, rng: np.random.Generator) -> None:
        shift = rng.integers(0, self.series_count)
        value = self.low + (self.value - self.low + shift[self.series]) % self.count
        for rows, places in self.writes:
            pool[places] = value[rows] % 10 + 48
            value //= 10


def complete(text: bytes) -> bytes:
    """The text with its last line ended as the first one is, so that it can be repeated."""
    if not text or text.endswith(b"\n"):
        return text
    return text + (b"\r\n" if b"\r\n" in text[:4096] else b"\n")


class Scaler:
    """Makes copies of one text.

    Args:
        text: whole lines, the last one ended.
        stamp: name of the stamp format (`benchmarks.stamps.FORMATS`); None finds it.
        words: words that are variables, too.
        seed: of the fresh values.
    """

    def __init__(
        self,
        text: bytes,
        *,
        stamp: str | None = None,
        words: WordSpans | None = None,
        seed: int = 1,
    ) -> None:
        if not text.endswith(b"\n"):
            raise ValueError("the last line has no end; use complete()")
        self._base = np.frombuffer(text, np.uint8)
        self._seed = seed
        self._stamps = find_stamps(text, stamp)
        self._positions: list[Ints] = []
        self._sources: list[Ints] = []
        self._texts: list[Bytes] = []
        self._kinds: list[tuple[int, int, int]] = []
        self._pool_size = 0
        self._find_values(text, words)
        nothing = np.zeros(0, np.int64)
        self._at = np.concatenate([*self._positions, nothing])
        self._from = np.concatenate([*self._sources, nothing])
        self._pool = np.concatenate([*(t.reshape(-1) for t in self._texts), np.zeros(0, np.uint8)])
        self._numbers, self._fillers = self._plan()
        del self._positions, self._sources, self._texts, self._kinds

    def copy(self, number: int) -> Bytes:
        """Copy `number`; 0 is the original."""
        if number == 0:
            return self._base
        out = self._base.copy()
        rng = np.random.default_rng([self._seed, number])
        pool = self._pool.copy()
        self._numbers.refill(pool, rng)
        for places, lowest, highest in self._fillers:
            pool[places] = rng.integers(lowest, highest + 1, len(places), np.uint8)
        out[self._at] = pool[self._from]
        self._stamps.rewrite(out, number)
        return out

    def stream(self, size: int) -> Iterator[Bytes]:
        """Whole lines, at least `size` bytes and less than one line more, piece by piece."""
        number = 0
        while size > 0:
            piece = self.copy(number)
            if len(piece) > size:
                end = int(np.argmax(piece[size - 1 :] == ord("\n")))
                piece = piece[: size + end]
            yield piece
            size -= len(piece)
            number += 1

    # -- finding what varies ------------------------------------------------------------------

    def _find_values(self, text: bytes, words: WordSpans | None) -> None:
        data = self._base
        taken = np.zeros(len(data) + 1, bool)
        taken[self._stamps.positions()] = True
        if words is not None:
            for width in np.unique(words.width).tolist():
                chosen = words.width == width
                self._add(WORD, words.start[chosen], width, words.key[chosen])
                for i in range(width):
                    taken[words.start[chosen] + i] = True
        hexes = hex_spans(text)
        hexes = hexes[~taken[hexes[:, 0]]]
        for width in np.unique(hexes[:, 1] - hexes[:, 0]).tolist():
            start = hexes[hexes[:, 1] - hexes[:, 0] == width, 0]
            self._add(HEX, start, width)
            for i in range(width):
                taken[start + i] = True

        start, end = digit_runs(data)
        free = ~taken[start] & ~in_words(text, data, start)
        start, end = start[free], end[free]
        kinds = kinds_of(data, start, end)
        widths = end - start
        for code in np.unique(kinds * 1000 + np.minimum(widths, 999)).tolist():
            kind, width = divmod(code, 1000)
            # A run of a thousand digits is no number of anybody's; it is left as it is.
            if width < 999:
                self._add(kind, start[(kinds == kind) & (widths == width)], width)

    def _add(self, kind: int, start: Ints, width: int, key: Ints | None = None) -> None:
        keys = sort_keys(self._base, start, width) if key is None else key
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        text = self._base[start[first][:, None] + np.arange(width)]
        at = start[:, None] + np.arange(width)
        source = self._pool_size + inverse.reshape(-1, 1) * width + np.arange(width)
        self._positions.append(at.reshape(-1))
        self._sources.append(source.reshape(-1))
        self._texts.append(text)
        self._kinds.append((kind, width, self._pool_size))
        self._pool_size += text.size

    # -- how a pool is filled with fresh values -----------------------------------------------

    def _plan(self) -> tuple[_Numbers, list[tuple[Ints, int, int]]]:
        """The numbers, and for all else (places in the pool, lowest byte, highest byte)."""
        ends, digits, kinds, values = [], [], [], []
        fill: dict[tuple[int, int], list[Ints]] = {}

        def filler(lowest: str, highest: str, places: Ints) -> None:
            fill.setdefault((ord(lowest), ord(highest)), []).append(places.reshape(-1))

        for text, (kind, width, offset) in zip(self._texts, self._kinds, strict=True):
            place = offset + np.arange(text.size).reshape(text.shape)
            # The x of 0x counts as one, so that zeros after it are leading ones, too.
            zeros = np.cumprod((text == ord("0")) | (text | 0x20 == ord("x")), axis=1).sum(axis=1)
            if kind == WORD:
                filler("a", "z", place)
            elif kind == HEX:
                free = np.arange(width) > zeros[:, None]
                digit = DIGIT[text]
                letter = ~digit & ((text | 0x20) != ord("x"))
                filler("0", "9", place[digit & free])
                # The first digit after the zeros must not become one.
                filler("1", "9", place[digit & (np.arange(width) == zeros[:, None])])
                filler("a", "f", place[letter & (text >= ord("a"))])
                filler("A", "F", place[letter & (text < ord("a"))])
            else:
                long = width - zeros > 9
                for row in np.flatnonzero(long).tolist():
                    first = int(zeros[row])
                    # 19 digits that start with 9 may not fit 64 bits, and the originals do.
                    filler("1", "8" if width - first == 19 else "9", place[row, first : first + 1])
                    filler("0", "9", place[row, first + 1 :])
                short = ~long & (zeros < width)
                ends.append(place[short, -1])
                digits.append(width - zeros[short])
                kinds.append(np.full(int(short.sum()), kind, np.int64))
                value = np.zeros(int(short.sum()), np.int64)
                for i in range(max(0, width - 9), width):
                    value = value * 10 + text[short, i] - 48
                values.append(value)
        none = np.zeros(0, np.int64)
        end = np.concatenate([*ends, none])
        length = np.concatenate([*digits, none])
        kind_of = np.concatenate([*kinds, none])
        low = 10 ** (length - 1)
        bound = np.full(16, 10**9, np.int64)
        bound[list(HIGHEST)] = list(HIGHEST.values())
        count = np.minimum(10 * low - 1, bound[kind_of]) - low + 1
        _, first_of, series = np.unique(
            kind_of * 16 + length, return_index=True, return_inverse=True
        )
        writes = []
        for j in range(9):
            rows = np.flatnonzero(length > j)
            writes.append((rows, end[rows] - j))
        numbers = _Numbers(
            np.concatenate([*values, none]), low, count, series, count[first_of], tuple(writes)
        )
        return numbers, [(np.concatenate(v), low, high) for (low, high), v in fill.items()]


def stress_text(text: bytes, *, seed: int = 1) -> tuple[bytes, WordSpans]:
    """An sshd log whose user names are words of letters, and where they are.

    Within one session (the number in `sshd[...]`) a name stays one word; every session has others.
    This is what a password-guessing run looks like, and what a parser that tells variables by their
    digits stumbles over. Words have 5 to 12 letters.
    """
    rng = np.random.default_rng([seed, 0])
    keys: dict[tuple[bytes, bytes], tuple[int, bytes]] = {}
    session = re.compile(rb"sshd\[(\d+)\]")
    pieces: list[bytes] = []
    spans: list[tuple[int, int, int]] = []
    written = 0
    for line in text.splitlines(keepends=True):
        found = session.search(line)
        done = 0
        for match in _USER.finditer(line):
            name = match.group("user")
            key = (found.group(1) if found else b"", name)
            if key not in keys:
                letters = rng.integers(97, 123, int(rng.integers(5, 13)), np.uint8).tobytes()
                keys[key] = (len(keys), letters)
            number, word = keys[key]
            pieces.append(line[done : match.start("user")])
            written += len(pieces[-1])
            spans.append((written, len(word), number))
            pieces.append(word)
            written += len(word)
            done = match.end("user")
        pieces.append(line[done:])
        written += len(pieces[-1])
    table = np.array(spans, np.int64).reshape(-1, 3)
    return b"".join(pieces), WordSpans(table[:, 0], table[:, 1], table[:, 2])
