"""Hypothesis strategies that several tests share: hostile bytes that still look like logs.

A new feature extends these rather than making its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import strategies as st

__all__ = [
    "LAYOUTS",
    "MemorySource",
    "TooMuch",
    "log_files",
    "log_lines",
    "messages",
    "token_logs",
]

WORDS = ["open", "close", "foo", "bar", "k", "x", "user", "<*>", "é", "ssh2", "a1", "-", "key=v"]
NUMBERS = ["0", "007", "42", "-5", "1.5", "10.0.0.1:80", "blk_-16", "4a7f", "12ab", "5--3", "a-5"]
BLANKS = [" ", " ", " ", " ", "  ", "\t", " \t ", "   ", "\x0b"]
# What a reader trips over: NUL, broken UTF-8, our own markers, lone CR, Unicode line ends.
ODDITIES = [
    *(b"\0", b"\xff", b"\xc3", "😀".encode(), b"<*>", b"\r", "\u2028".encode(), b"\x85", b"\x1c"),
    *(b"[", b"] ", b": ", b"=", b",", b"_", b"/", b"-", b"--", b'"', b"{", b"}"),
]

LAYOUTS = (
    "<Content>",
    "<Date> <Time> <Level> <Content>",
    "[<Level>] <Component>: <Content>",
    "<Content> -- <Level>",
)
"""Header layouts for property tests; `headed` makes lines that fit them."""

words = st.sampled_from(WORDS).map(str.encode)
numbers = st.one_of(
    st.sampled_from(NUMBERS).map(str.encode), st.integers(-(2**70), 2**70).map(lambda n: b"%d" % n)
)
blanks = st.sampled_from(BLANKS).map(str.encode)
pieces = st.one_of(words, words, numbers, blanks, blanks, st.sampled_from(ODDITIES))


@st.composite
def _spaced(draw: st.DrawFn) -> bytes:
    """Words and numbers with blanks between them, so that templates are met again."""
    tokens = draw(st.lists(st.one_of(words, words, numbers), max_size=6))
    text = b"".join(token + draw(blanks) for token in tokens)
    return text if draw(st.integers(0, 4)) == 0 else text.rstrip()


messages = st.one_of(
    _spaced(),
    _spaced(),
    st.lists(pieces, max_size=8).map(b"".join),
    st.binary(max_size=24),
).map(lambda message: message.replace(b"\n", b" "))
"""One message: any bytes but a newline."""


@st.composite
def log_lines(draw: st.DrawFn) -> bytes:
    """A line without its end: with a header of one of `LAYOUTS`, or without one."""
    message = draw(messages)
    gap = draw(st.sampled_from([b" ", b" ", b" ", b"  ", b"\t"]))
    level = draw(st.sampled_from([b"INFO", b"WARN", b"E"]))
    return draw(
        st.sampled_from(
            [
                message,
                gap.join([b"2024-05-01", b"10:00:01", level, message]),
                b"[" + level + b"]" + gap + b"disk: " + message,
                message + b" -- " + level,
            ]
        )
    )


line_ends = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r\r\n", b"\n\n", b"\r"])


@st.composite
def log_files(draw: st.DrawFn, max_lines: int = 40) -> bytes:
    """A whole file: lines with ends of every kind, the last one perhaps without."""
    lines = draw(st.lists(log_lines(), max_size=max_lines))
    text = b"".join(line + draw(line_ends) for line in lines)
    return text + draw(st.sampled_from([b"", b"", b"no end", b"\r", b"\0"]))


@st.composite
def token_logs(draw: st.DrawFn, max_lines: int = 60) -> list[bytes]:
    """Messages of very few words, so that groups compete; single blanks, ASCII only."""
    vocabulary = draw(
        st.lists(
            st.sampled_from(["a", "b", "c", "d", "a1", "b2", "7", "x=y", "p:q", "=", "e=1"]),
            min_size=1,
            max_size=6,
            unique=True,
        )
    )
    line = st.lists(st.sampled_from(vocabulary), max_size=draw(st.integers(1, 7)))
    return [" ".join(tokens).encode() for tokens in draw(st.lists(line, max_size=max_lines))]


class _BytesReader:
    """A reader of bytes in memory that gives out a few at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = data
        self._step = step
        self.position = 0

    def readinto(self, buffer: memoryview) -> int:
        count = min(len(buffer), self._step, len(self._data) - self.position)
        buffer[:count] = self._data[self.position : self.position + count]
        self.position += count
        return count

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class MemorySource:
    """A log in memory, behind the protocol of logpipe.formats.readers.Source.

    Attributes:
        data: its bytes.
        step: bytes a reader gives out at most at a time.
        later: what it holds from the second time it is opened on, where that differs.
    """

    data: bytes
    name: str = "memory"
    step: int = 1 << 16
    later: bytes | None = None
    opened: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def stored(self) -> int:
        return len(self.data)

    def open(self) -> _BytesReader:
        self.opened += 1
        changed = self.later is not None and self.opened > 1
        return _BytesReader(self.later if changed else self.data, self.step)  # type: ignore[arg-type]

    def fingerprint(self) -> tuple[int, ...]:
        return ()


class TooMuch:
    """A log of syslog lines that is made while it is read, the same every time.

    Args:
        size: its least size in bytes.
    """

    name = "too-much"
    stored = None
    _BLOCK = 2000

    def __init__(self, size: int) -> None:
        self.size = size

    def blocks(self) -> Iterator[bytes]:
        """Whole lines with fresh numbers."""
        made, number = 0, 0
        line = b"Jan %2d 10:%02d:01 host app[%d]: request %d of user%d took %d.%d ms\n"
        while made < self.size:
            block = b"".join(
                line % (i % 28 + 1, i % 60, i, i * 7919, i % 977, i % 100, i % 10)
                for i in range(number, number + self._BLOCK)
            )
            number += self._BLOCK
            made += len(block)
            yield block

    def digest(self) -> bytes:
        """Of all bytes."""
        state = hashlib.blake2b()
        for block in self.blocks():
            state.update(block)
        return state.digest()

    def open(self) -> _BlockReader:
        return _BlockReader(self.blocks())

    def fingerprint(self) -> tuple[int, ...]:
        return ()


class _BlockReader:
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""
        self.position = 0

    def readinto(self, buffer: memoryview) -> int:
        self._rest = self._rest or next(self._blocks, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self.position += count
        return count

    def close(self) -> None:
        """Nothing to close."""
