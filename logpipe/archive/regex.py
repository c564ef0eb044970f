r"""GNU grep's regular expressions, read into a tree: basic and extended, in the C locale.

What POSIX leaves open is decided as GNU grep 3.8 does with `LC_ALL=C`: bytes are characters,
letters are those of ASCII, `\w \W \s \S \b \B \< \>` exist in both kinds, `\+ \? \|` in basic ones,
and an interval that is none (`a{x`) is text in extended ones.

Why a parser and not a translation of the text: what a byte means depends on what stands around it
(`*` after `\(`, `^` inside an expression, `]` first in brackets), and the literals that make a
search fast have to come from what was understood, not from what was written. `pattern.py` makes
both of the tree.
"""

from __future__ import annotations

from dataclasses import dataclass

from logpipe.errors import UsageError

__all__ = [
    "ANY",
    "DUP_MAX",
    "WORD",
    "Anchor",
    "Back",
    "Bytes",
    "Chain",
    "Choice",
    "Group",
    "Node",
    "Repeat",
    "parse",
]

DUP_MAX = 0x7FFF
"""The most repetitions an interval may ask for, as in GNU grep."""
ANY = frozenset(range(256)) - {10}
"""What `.` matches: no line has a line feed in it."""


def _span(low: int, high: int) -> frozenset[int]:
    return frozenset(range(low, high + 1))


_UPPER, _LOWER, _DIGIT = _span(65, 90), _span(97, 122), _span(48, 57)
_ALNUM = _UPPER | _LOWER | _DIGIT
_SPACE = frozenset(b"\t\x0b\x0c\r ")
WORD = _ALNUM | {95}
"""Letters, digits and the underscore: what `\\w` matches."""
_CLASSES: dict[bytes, frozenset[int]] = {
    b"alpha": _UPPER | _LOWER,
    b"digit": _DIGIT,
    b"alnum": _ALNUM,
    b"upper": _UPPER,
    b"lower": _LOWER,
    b"blank": frozenset(b"\t "),
    b"space": _SPACE,
    b"punct": _span(33, 126) - _ALNUM,
    b"print": _span(32, 126),
    b"graph": _span(33, 126),
    b"cntrl": (_span(0, 31) | {127}) - {10},
    b"xdigit": _DIGIT | _span(65, 70) | _span(97, 102),
}
_ESCAPED_SETS = {
    ord("w"): WORD,
    ord("W"): ANY - WORD,
    ord("s"): _SPACE,
    ord("S"): ANY - _SPACE,
}
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


def parse(text: bytes, *, extended: bool, groups: int = 0) -> tuple[Node, int]:
    """The tree of one expression.

    Args:
        text: without a line feed.
        extended: as after `grep -E`; else as after plain `grep`.
        groups: groups that other expressions before this one have.

    Returns:
        The tree, and the number of groups so far.

    Raises:
        UsageError: what grep refuses, too, in its words.
    """
    reader = _Reader(text, extended, groups)
    node = reader.choice(0)
    if reader.at < len(text):
        raise UsageError(f"{reader.where()}: unmatched ) or \\)")
    return node, reader.groups


class _Reader:
    """A recursive descent over the bytes; `at` is the next one, `fresh` whether an atom may start.

    `closed` are the groups that a back reference may name: those whose end was seen.
    """

    def __init__(self, text: bytes, extended: bool, groups: int) -> None:
        self.text = text
        self.extended = extended
        self.base = groups
        self.groups = groups
        self.closed: set[int] = set()
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
        parts = [self.chain(depth)]
        while self.take(b"|"):
            parts.append(self.chain(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def chain(self, depth: int) -> Node:
        """Parts, up to the end, an alternative or a closing parenthesis."""
        parts: list[Node] = []
        fresh = True
        while self.at < len(self.text):
            if self.sees(b"|") or (self.sees(b")") and (depth or not self.extended)):
                break
            repeated = self.repetition(fresh)
            if repeated is not None:
                # An operator with nothing before it repeats the empty expression.
                before = parts.pop() if parts and not fresh else Chain(())
                parts.append(Repeat(before, *repeated))
                fresh = False
                continue
            node = self.atom(depth, not parts)
            parts.append(node)
            # In a basic expression, `*` after the first `^` is text.
            fresh = fresh and node == Anchor("^")
        return parts[0] if len(parts) == 1 else Chain(tuple(parts))

    def repetition(self, fresh: bool) -> tuple[int, int | None] | None:
        """A repetition that comes next, if one does."""
        byte = self.text[self.at : self.at + 1]
        if byte == b"*" and (self.extended or not fresh):
            self.at += 1
            return 0, None
        for operator, bounds in ((b"+", (1, None)), (b"?", (0, 1))):
            if self.sees(operator) and (self.extended or not fresh):
                self.take(operator)
                return bounds
        return self.interval(fresh) if self.sees(b"{") else None

    def interval(self, fresh: bool) -> tuple[int, int | None] | None:
        """`{2}`, `{2,}`, `{,3}`, `{2,3}`; None if it is text."""
        begin = self.at
        if fresh and not self.extended:
            return None
        self.take(b"{")
        least = self.number()
        most = least
        if self.text[self.at : self.at + 1] == b",":
            self.at += 1
            least = least or 0
            most = self.number()
            endless = most is None
        else:
            endless = False
        valid = self.take(b"}") and least is not None and (endless or (most or 0) >= least)
        if not valid:
            if self.extended:
                self.at = begin
                return None
            raise UsageError(f"{self.where()}: invalid content of \\{{\\}}")
        assert least is not None
        if max(least, most or 0) > DUP_MAX:
            raise UsageError(f"{self.where()}: regular expression too big")
        return least, None if endless else most

    def number(self) -> int | None:
        """Digits as a number, no more than just too big; None if there are none."""
        begin = self.at
        value = 0
        while self.at < len(self.text) and self.text[self.at] in _DIGIT:
            value = min(value * 10 + self.text[self.at] - 48, DUP_MAX + 1)
            self.at += 1
        return value if self.at > begin else None

    def atom(self, depth: int, begins: bool) -> Node:
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
            return self.brackets()
        if byte == ord("."):
            return Bytes(ANY)
        if byte == ord("^") and (self.extended or begins):
            return Anchor("^")
        if byte == ord("$") and (self.extended or self.ends()):
            return Anchor("$")
        return self.escape() if byte == ord("\\") else Bytes(frozenset((byte,)))

    def ends(self) -> bool:
        """Whether a `$` in a basic expression is an anchor: nothing but an end follows."""
        return self.at == len(self.text) or self.sees(b")") or self.sees(b"|")

    def escape(self) -> Node:
        """What follows a backslash."""
        if self.at == len(self.text):
            raise UsageError(f"{self.where()}: trailing backslash")
        byte = self.text[self.at]
        self.at += 1
        if byte in _ESCAPED_SETS:
            return Bytes(_ESCAPED_SETS[byte])
        if byte in _ESCAPED_ANCHORS:
            return Anchor(_ESCAPED_ANCHORS[byte])
        if ord("1") <= byte <= ord("9"):
            number = self.base + byte - 48
            if number not in self.closed:
                raise UsageError(f"{self.where()}: invalid back reference")
            return Back(number)
        return Bytes(frozenset((byte,)))

    def brackets(self) -> Node:
        """A set in brackets; the opening one is behind us."""
        begin = self.at
        negated = self.text[self.at : self.at + 1] == b"^"
        self.at += negated
        found: set[int] = set()
        first = True
        while True:
            if self.at >= len(self.text):
                raise UsageError(f"{self.where()}: unmatched [, [^, [:, [., or [=")
            if self.text[self.at] == ord("]") and not first:
                self.at += 1
                break
            first = False
            low = self.member()
            if not isinstance(low, int):
                found |= low
                continue
            if self.text[self.at : self.at + 1] == b"-" and self.text[
                self.at + 1 : self.at + 2
            ] not in (b"]", b""):
                self.at += 1
                high = self.member()
                if not isinstance(high, int) or high < low:
                    raise UsageError(f"{self.where()}: invalid range end")
                found |= _span(low, high)
            else:
                found.add(low)
        inside = self.text[begin : self.at - 1]
        if len(inside) > 2 and inside[:1] == inside[-1:] == b":":
            raise UsageError(
                f"{self.where()}: character class syntax is [[:space:]], not [:space:]"
            )
        return Bytes(ANY - found if negated else frozenset(found) & ANY)

    def member(self) -> int | frozenset[int]:
        """One member of brackets: a byte, or the bytes of a class."""
        byte = self.text[self.at]
        kind = self.text[self.at + 1 : self.at + 2]
        if byte != ord("[") or kind not in (b":", b".", b"="):
            self.at += 1
            return byte
        end = self.text.find(kind + b"]", self.at + 2)
        if end < 0:
            raise UsageError(f"{self.where()}: unmatched [, [^, [:, [., or [=")
        name = self.text[self.at + 2 : end]
        self.at = end + 2
        if kind == b":":
            if name not in _CLASSES:
                raise UsageError(f"{self.where()}: invalid character class name")
            return _CLASSES[name]
        if len(name) != 1:
            raise UsageError(f"{self.where()}: invalid collation character")
        return name[0] if kind == b"." else frozenset(name)
