"""Expressions in the words of Python's `re`, which answers what the native automaton cannot.

That are back references, and expressions with too many states. Alternatives are tried in order
there, and not for the longest match as POSIX wants; whether a line has a match does not depend on
that.
"""

from __future__ import annotations

import re

from logpipe.archive.brackets import ANY
from logpipe.archive.regex import (
    DUP_MAX,
    Anchor,
    Back,
    Bytes,
    Chain,
    Choice,
    Group,
    Node,
    Repeat,
)
from logpipe.errors import UsageError

__all__ = ["to_python"]

_ANCHORS = {
    "^": b"^",
    "$": b"$",
    "b": rb"\b",
    # Python's own \B wants at least one byte of text.
    "B": rb"(?:(?<=\w)(?=\w)|(?<!\w)(?!\w))",
    "<": rb"(?<!\w)(?=\w)",
    ">": rb"(?<=\w)(?!\w)",
    # What -w puts around a pattern.
    "(": rb"(?<!\w)",
    ")": rb"(?!\w)",
}


def _set(of: frozenset[int]) -> bytes:
    if len(of) == 1:
        return re.escape(bytes(of))
    if not of:
        return b"(?!)"
    if of == ANY:
        return b"."
    inverted = len(of) > 128
    members = sorted(frozenset(range(256)) - of if inverted else of)
    ranges: list[tuple[int, int]] = []
    for byte in members:
        if ranges and ranges[-1][1] == byte - 1:
            ranges[-1] = (ranges[-1][0], byte)
        else:
            ranges.append((byte, byte))
    inside = "".join(f"\\x{a:02x}" + (f"-\\x{b:02x}" if b > a else "") for a, b in ranges)
    return f"[{'^' if inverted else ''}{inside}]".encode()


def to_python(node: Node) -> bytes:
    """The same expression as Python writes it; it can stand in a chain as it is."""
    match node:
        case Bytes(of):
            return _set(of)
        case Anchor(kind):
            return _ANCHORS[kind]
        case Back(number):
            return b"(?:\\%d)" % number
        case Group(inner, _):
            return b"(" + to_python(inner) + b")"
        case Repeat(inner, least, most):
            if least > DUP_MAX or (most or 0) > DUP_MAX:
                raise UsageError("regular expression too big")
            bounds = b"{%d,%s}" % (least, b"" if most is None else b"%d" % most)
            return b"(?:" + to_python(inner) + b")" + bounds
        case Chain(parts):
            return b"".join(to_python(part) for part in parts)
        case Choice(parts):
            return b"(?:" + b"|".join(to_python(part) for part in parts) + b")"
