r"""GNU grep's regular expressions, read into a tree: basic and extended, in the C locale.

What POSIX leaves open is decided as GNU grep 3.8 does with `LC_ALL=C`: bytes are characters,
letters are those of ASCII, `\w \W \s \S \b \B \< \>` exist in both kinds, `\+ \? \|` in basic ones,
and an interval that is none (`a{x`) is text in extended ones.

grep has two readers, and where POSIX leaves something open they may disagree. The automaton's
(`Reading.LINES`) decides which lines match. The matcher's (`Reading.PLACES`) decides what is an
error and where in a line a match lies; and which lines match, too, if the automaton cannot know:
after back references and collating symbols (`opaque`). They differ in an operator that has nothing
to repeat (the automaton repeats the empty expression; the matcher leaves the operator out), in
places that are repeated, in `$` in the middle of basic expressions, and in brackets after -i. The
parser has both, as the lines that grep prints do.

Why a parser and not a translation of the text: what a byte means depends on what stands around it
(`*` after `\(`, `^` inside an expression, `]` first in brackets), and the literals that make a
search fast have to come from what was understood, not from what was written. `pattern.py` makes
both of the tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from logpipe.archive.brackets import (
    ANY,
    ESCAPED_SETS,
    read_brackets,
    with_both_cases,
)
from logpipe.errors import UsageError

__all__ = [
    "ANY",
    "DUP_MAX",
    "Anchor",
    "Back",
    "Bytes",
    "Chain",
    "Choice",
    "Group",
    "Node",
    "Parsed",
    "Reading",
    "Repeat",
    "parse",
]

DUP_MAX = 0x7FFF
"""The most repetitions an interval may ask for, as in GNU grep."""
_DIGITS = frozenset(b"0123456789")
_ESCAPED_ANCHORS = {ord("b"): "b", ord("B"): "B", ord("<"): "<", ord(">"): ">"}
_ESCAPED_ANCHORS |= {ord("`"): "^", ord("'"): "$"}


@dataclass(frozen=True)
class Bytes:
    """One byte out of a set; no byte at all matches an empty one."""

    of: frozenset[int]


@dataclass(frozen=True)
class Anchor:
    r"""A place: `^` and `$` line start and end, `b B < >` as in `\b \B \< \>`.

    `(` has no letter, digit or underscore before it, `)` none behind it: -w asks for that.
    """

    kind: str


@dataclass(frozen=True)
class Back:
    """What the group of this number matched, once more."""

    number: int


@dataclass(frozen=True)
class Group:
    """A part in parentheses; numbers start at 1."""

    inner: Node
    number: int


@dataclass(frozen=True)
class Repeat:
    """A part, `least` to `most` times; `most` None is without end."""

    inner: Node
    least: int
    most: int | None


@dataclass(frozen=True)
class Chain:
    """Parts one after the other; none of them is the empty expression."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of the parts."""

    parts: tuple[Node, ...]


Node = Bytes | Anchor | Back | Group | Repeat | Chain | Choice


class Reading(Enum):
    """Which of grep's two readers; the module says what for."""

    LINES = "lines"
    PLACES = "places"


class Parsed(NamedTuple):
    """An expression that was read.

    Attributes:
        tree: the expression.
        groups: how many there are so far.
        opaque: it has a back reference or a collating symbol.
        stray: it means something else if parentheses are put around it.
    """

    tree: Node
    groups: int
    opaque: bool
    stray: bool


def parse(
    text: bytes, *, extended: bool, reading: Reading, fold: bool = False, groups: int = 0
) -> Parsed:
    """The tree of one expression.

    Args:
        text: for `Reading.PLACES` without a line feed; else one separates alternatives.
        extended: as after `grep -E`; else as after plain `grep`.
        reading: which of the two.
        fold: as after `grep -i`: sets are closed under case.
        groups: groups that other expressions before this one have.

    Raises:
        UsageError: what grep refuses, too, in its words.
    """
    reader = _Reader(text, extended, reading, fold, groups)
    node = reader.choice(0)
    if reader.at < len(text):
        raise UsageError(f"{reader.where()}: unmatched ) or \\)")
    return Parsed(node, reader.groups, reader.opaque, reader.stray)


class _Reader:
    """A recursive descent over the bytes; `at` is the next one.

    `closed` are the groups that a back reference may name: those whose end was seen.
    """

    def __init__(
        self, text: bytes, extended: bool, reading: Reading, fold: bool, groups: int
    ) -> None:
        self.text = text
        self.extended = extended
        self.lines = reading is Reading.LINES
        self.fold = fold
        self.base = groups
        self.groups = groups
        self.closed: set[int] = set()
        self.opaque = False
        self.stray = False
        self.at = 0

    def where(self) -> str:
        """What every error begins with."""
        return f"pattern {self.text.decode('utf-8', 'backslashreplace')!r}"

    def sees(self, operator: bytes) -> bool:
        r"""Whether an operator comes next: `(` stands for itself, or for `\(` in basic ones."""
        return self.text.startswith(operator if self.extended else b"\\" + operator, self.at)

    def take(self, operator: bytes) -> bool:
        """Goes past the operator, if it comes next."""
        if not self.sees(operator):
            return False
        self.at += len(operator) + (not self.extended)
        return True

    def choice(self, depth: int) -> Node:
        """Alternatives, up to the end or a closing parenthesis."""
        if depth > 200:
            raise UsageError(f"{self.where()}: more than 200 parentheses inside each other")
        # Groups of one alternative are none in the others, but are behind all of them.
        before = self.closed.copy()
        parts = [self.chain(depth)]
        after = self.closed
        while self.take(b"|") or self.take_line_feed():
            self.closed = before.copy()
            parts.append(self.chain(depth))
            after |= self.closed
        self.closed = after
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def take_line_feed(self) -> bool:
        """Goes past a line feed between patterns."""
        found = self.lines and self.text[self.at : self.at + 1] == b"\n"
        self.at += found
        return found

    def ended(self, depth: int) -> bool:
        """Whether alternatives or groups end here."""
        if self.at == len(self.text) or self.sees(b"|"):
            return True
        if self.lines and self.text[self.at] == 10:
            return True
        return self.sees(b")") and (depth > 0 or not self.extended)

    def chain(self, depth: int) -> Node:
        """Parts, up to the end, an alternative or a closing parenthesis."""
        parts: list[Node] = []
        # Whether nothing but places came so far; whether the last part was one.
        fresh = place = True
        while not self.ended(depth):
            # In basic ones, an operator is text if it has nothing to repeat.
            nothing = fresh if self.lines else place
            if self.extended and nothing and not self.lines and self.text[self.at] in b"*+?{":
                self.at += 1
                # What ended the group, had the operator not come first.
                if self.sees(b")"):
                    parts.append(self.byte(self.text[self.at]))
                    self.at += 1
                    fresh = place = False
                continue
            repeated = None if nothing and not self.extended else self.repetition()
            if repeated is not None:
                before = parts.pop() if parts else Chain(())
                parts.append(Repeat(before, *repeated))
                fresh = place = False
                continue
            node = self.atom(depth, not parts)
            parts.append(node)
            place = isinstance(node, Anchor)
            fresh = fresh and place
        return parts[0] if len(parts) == 1 else Chain(tuple(parts))

    def repetition(self) -> tuple[int, int | None] | None:
        """A repetition that comes next, if one does."""
        if self.text[self.at] == ord("*"):
            self.at += 1
            return 0, None
        if self.take(b"+"):
            return 1, None
        if self.take(b"?"):
            return 0, 1
        return self.interval() if self.sees(b"{") else None

    def interval(self) -> tuple[int, int | None] | None:
        """`{2}`, `{2,}`, `{,3}`, `{2,3}`; None if it is text."""
        begin = self.at
        self.take(b"{")
        least = most = self.number()
        comma = self.text[self.at : self.at + 1] == b","
        if comma:
            self.at += 1
            least = least or 0
            most = self.number()
        # Whether it could have been an interval: then it is no text, but an error.
        near = self.text[self.at : self.at + 1] in ((b",", b"}") if comma else (b"}",))
        valid = self.take(b"}") and least is not None and (most is None or most >= least)
        if not valid:
            if self.extended and (self.lines or not near):
                self.at = begin
                return None
            raise UsageError(f"{self.where()}: invalid content of \\{{\\}}")
        assert least is not None
        if max(least, most or 0) > DUP_MAX:
            raise UsageError(f"{self.where()}: regular expression too big")
        return least, most

    def number(self) -> int | None:
        """Digits as a number, no more than just too big; None if there are none."""
        begin = self.at
        value = 0
        while self.at < len(self.text) and self.text[self.at] in _DIGITS:
            value = min(value * 10 + self.text[self.at] - 48, DUP_MAX + 1)
            self.at += 1
        return value if self.at > begin else None

    def atom(self, depth: int, first: bool) -> Node:
        """One byte, set, anchor, back reference or group."""
        if self.take(b"("):
            self.groups += 1
            number = self.groups
            inner = self.choice(depth + 1)
            if not self.take(b")"):
                raise UsageError(f"{self.where()}: unmatched ( or \\(")
            self.closed.add(number)
            return Group(inner, number)
        byte = self.text[self.at]
        self.at += 1
        if byte == ord("["):
            members, self.at, collating = read_brackets(
                self.text, self.at, fold=self.fold, strict=not self.lines, where=self.where()
            )
            self.opaque |= collating
            return Bytes(members)
        if byte == ord("."):
            return Bytes(ANY)
        if byte == ord("^") and (self.extended or first):
            return Anchor("^")
        if byte == ord("$") and (self.extended or self.ends()):
            return Anchor("$")
        self.stray |= byte == ord(")") and self.extended
        return self.escape() if byte == ord("\\") else self.byte(byte)

    def byte(self, byte: int) -> Bytes:
        """The byte, in both cases if that is asked for."""
        return Bytes(with_both_cases((byte,)) if self.fold else frozenset((byte,)))

    def ends(self) -> bool:
        """Whether a `$` in a basic expression is an anchor: nothing but an end follows."""
        if self.at == len(self.text) or self.sees(b")") or self.sees(b"|"):
            return True
        if not self.lines:
            return False
        # The automaton's reader takes the operator of the other kind for an end, too, if any byte
        # is behind it: one that is put around the text will do.
        like = self.text[self.at] in b")|"
        last = self.at + 1 == len(self.text)
        self.stray |= like and last
        return self.text[self.at] == 10 or (like and not last)

    def escape(self) -> Node:
        """What follows a backslash."""
        if self.at == len(self.text):
            raise UsageError(f"{self.where()}: trailing backslash")
        byte = self.text[self.at]
        self.at += 1
        if byte in ESCAPED_SETS:
            return Bytes(ESCAPED_SETS[byte])
        if byte in _ESCAPED_ANCHORS:
            return Anchor(_ESCAPED_ANCHORS[byte])
        if ord("1") <= byte <= ord("9"):
            number = self.base + byte - 48
            self.opaque = True
            if number not in self.closed and not self.lines:
                raise UsageError(f"{self.where()}: invalid back reference")
            return Back(number)
        return self.byte(byte)
