r"""Sets of bytes in expressions: classes, and what stands in brackets, as GNU grep reads it.

grep has two readers of expressions (`regex.py` says when which one counts), and their brackets
differ with -i alone: one adds the other case to every member, the other one raises pattern and
line to upper case. `[_-a]` has no members then, and is refused; `[!-a]` has no `b`.
"""

from __future__ import annotations

from collections.abc import Iterable

from logpipe.errors import UsageError

__all__ = ["ANY", "ESCAPED_SETS", "WORD", "read_brackets", "with_both_cases"]

ANY = frozenset(range(256)) - {10}
"""What `.` matches: no line has a line feed in it."""


def _span(low: int, high: int) -> frozenset[int]:
    return frozenset(range(low, high + 1))


_UPPER, _LOWER, _DIGIT = _span(65, 90), _span(97, 122), _span(48, 57)
_ALPHA = _UPPER | _LOWER
_ALNUM = _ALPHA | _DIGIT
_SPACE = frozenset(b"\t\x0b\x0c\r ")
WORD = _ALNUM | {95}
"""Letters, digits and the underscore: what `\\w` matches."""
_CLASSES: dict[bytes, frozenset[int]] = {
    b"alpha": _ALPHA,
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
ESCAPED_SETS = {
    ord("w"): WORD,
    ord("W"): ANY - WORD,
    ord("s"): _SPACE,
    ord("S"): ANY - _SPACE,
}
"""What follows a backslash and stands for a set."""
_LONGEST_NAME = 32


def with_both_cases(of: Iterable[int]) -> frozenset[int]:
    """A set with the other case of its letters (of ASCII)."""
    members = bytes(of)
    return frozenset(members + members.swapcase())


def read_brackets(
    text: bytes, at: int, *, fold: bool, strict: bool, where: str
) -> tuple[frozenset[int], int, bool]:
    """The bytes that brackets match.

    Args:
        text: an expression.
        at: behind the opening bracket.
        fold: as after `grep -i`.
        strict: as the reader that finds errors; it raises pattern and line to upper case for
            `fold`. The other one takes a range with its ends exchanged for an empty one.
        where: what errors begin with.

    Returns:
        The set, closed under case if `fold`; the place behind the closing bracket; whether a
        collating symbol or an equivalence class is among the members.

    Raises:
        UsageError: what grep refuses.
    """
    reader = _Brackets(text, at, strict, strict and fold, where)
    found = reader.members()
    if reader.raised:
        found = frozenset(byte for byte in range(256) if _upper(byte) in found)
    elif fold:
        found = with_both_cases(found)
    members = ANY - found if reader.negated else found & ANY
    return members, reader.at, reader.collating


def _upper(byte: int) -> int:
    return byte - 32 if byte in _LOWER else byte


class _Brackets:
    """Members one by one; `at` is the next byte."""

    def __init__(self, text: bytes, at: int, strict: bool, raised: bool, where: str) -> None:
        self.text = text
        self.negated = text[at : at + 1] == b"^"
        self.at = at + self.negated
        self.strict = strict
        self.raised = raised
        self.where = where
        self.collating = False

    def wrong(self, what: str) -> UsageError:
        return UsageError(f"{self.where}: {what}")

    def next(self) -> bytes:
        """The next byte, as bytes; none at the end."""
        return self.text[self.at : self.at + 1]

    def members(self) -> frozenset[int]:
        """All up to the closing bracket, which is passed."""
        found: set[int] = set()
        begin = self.at
        plain = True
        while self.next() != b"]" or self.at == begin:
            if self.next() == b"-" and self.at > begin and self.text[self.at + 1 :][:1] != b"]":
                # A hyphen that is no range stands first, last or behind a range's hyphen.
                raise self.wrong("invalid range end")
            low = self.member()
            if not isinstance(low, int):
                found |= low
                plain = False
            elif self.next() == b"-" and self.text[self.at + 1 :][:1] not in (b"]", b""):
                self.at += 1
                high = self.member()
                if not isinstance(high, int) or (high < low and self.strict):
                    raise self.wrong("invalid range end")
                found |= _span(low, high)
                plain = False
            else:
                found.add(low)
        inside = self.text[begin : self.at]
        self.at += 1
        if plain and inside[:1] == inside[-1:] == b":" and inside.strip(b":"):
            raise self.wrong("character class syntax is [[:space:]], not [:space:]")
        return frozenset(found)

    def member(self) -> int | frozenset[int]:
        """One member: a byte, or the bytes of a class."""
        byte = self.next()
        kind = self.text[self.at + 1 : self.at + 2]
        if not byte:
            raise self.wrong("unmatched [, [^, [:, [., or [=")
        if byte != b"[" or kind not in (b":", b".", b"="):
            self.at += 1
            return self.raise_(byte)
        end = self.text.find(kind + b"]", self.at + 2)
        if end < 0 or end - self.at - 2 >= _LONGEST_NAME:
            raise self.wrong("unmatched [, [^, [:, [., or [=")
        name = self.text[self.at + 2 : end]
        self.at = end + 2
        if kind == b":":
            if name not in _CLASSES:
                raise self.wrong("invalid character class name")
            cased = self.raised and name in (b"upper", b"lower")
            return _CLASSES[b"alpha" if cased else name]
        self.collating = True
        if len(name) != 1:
            raise self.wrong("invalid collation character")
        return self.raise_(name) if kind == b"." else frozenset((self.raise_(name),))

    def raise_(self, byte: bytes) -> int:
        return ord(byte.upper() if self.raised else byte)
