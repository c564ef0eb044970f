"""The program that a header layout is compiled to: alternatives of literals, blanks and fields.

The bytes are described in native/src/layout.rs, which checks them and runs them for every line.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "JSON",
    "LOGFMT",
    "TEXT",
    "Alternative",
    "Check",
    "Field",
    "Item",
    "Literal",
    "Message",
    "Run",
    "decode",
    "encode",
    "encode_members",
    "joined",
]

MAGIC = b"LPL1"
TEXT, JSON, LOGFMT = 1, 2, 3


class Check(IntEnum):
    """What a field may be asked to look like; the numbers are part of the program format."""

    ANY = 0
    """Anything, nothing included."""
    INT = 1
    """One or more digits."""
    DIGIT = 2
    """Begins with a digit."""
    WORD = 3
    """Not empty, no blank or tab."""
    LEVEL = 4
    """The name of a severity in any case: `INFO`, `warn`, `E`, ..."""
    MONTH = 5
    """`Jan` ... `Dec`."""
    WEEKDAY = 6
    """`Mon` ... `Sun`."""
    DAY = 7
    """One or two digits."""
    CLOCK = 8
    """`H:MM` or `HH:MM`, then anything without blanks."""
    DATE = 9
    """Six or more of digits, `-`, `/` and `.`, a digit at both ends."""
    ISO = 10
    """`YYYY-MM-DD` or `YYYY/MM/DD`, then anything."""
    COUNT = 11
    """Digits, or `-` alone."""
    NAME = 12
    """Begins with a letter, `_` or `/`; no blank or tab."""
    STREAM = 13
    """`stdout` or `stderr`."""
    LETTER = 14
    """One letter."""
    CTIME = 15
    """Begins with a weekday and a blank, as `ctime` writes it."""


@dataclass(frozen=True, slots=True)
class Literal:
    """These bytes; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """One or more blanks or tabs, always all there are."""


@dataclass(frozen=True, slots=True)
class Field:
    """A header field by its number in the layout."""

    number: int
    check: Check = Check.ANY


@dataclass(frozen=True, slots=True)
class Message:
    """Where the message stands."""


Item = Literal | Run | Field | Message
Alternative = tuple[Item, ...]


def joined(items: Sequence[Item]) -> Alternative:
    """Neighbouring literals as one, neighbouring runs as one."""
    out: list[Item] = []
    for item in items:
        last = out[-1] if out else None
        if isinstance(item, Literal) and isinstance(last, Literal):
            out[-1] = Literal(last.data + item.data)
        elif not (isinstance(item, Run) and isinstance(last, Run)):
            out.append(item)
    return tuple(out)


def encode(fields: int, alternatives: Sequence[Alternative]) -> bytes:
    """The program of a text layout."""
    out = [MAGIC, struct.pack("<BHB", TEXT, fields, len(alternatives))]
    for alternative in alternatives:
        items: list[bytes] = []
        for item in alternative:
            match item:
                case Literal(data):
                    for i in range(0, len(data), 255):
                        part = data[i : i + 255]
                        items.append(struct.pack("<BB", 1, len(part)) + part)
                case Run():
                    items.append(b"\x02")
                case Field(number, check):
                    items.append(struct.pack("<BBB", 3, number, check))
                case Message():
                    items.append(b"\x04")
        out += [struct.pack("<H", len(items)), *items]
    return b"".join(out)


def encode_members(kind: int, fields: Sequence[bytes], messages: Sequence[bytes]) -> bytes:
    """The program of a JSON or logfmt layout: its field keys, then the keys for the message."""
    out = [MAGIC, struct.pack("<BH", kind, len(fields))]
    out += [struct.pack("<H", len(key)) + key for key in fields]
    out.append(struct.pack("<H", len(messages)))
    out += [struct.pack("<H", len(key)) + key for key in messages]
    return b"".join(out)


def decode(program: bytes) -> tuple[int, int, list[Alternative], list[bytes], list[bytes]]:
    """(kind, number of fields, alternatives, field keys, message keys) of a sound program."""
    at = len(MAGIC)

    def take(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(form, program, at)
        at += struct.calcsize(form)
        return int(value)

    def data(length: int) -> bytes:
        nonlocal at
        at += length
        return program[at - length : at]

    kind, fields = take("<B"), take("<H")
    if kind != TEXT:
        keys = [data(take("<H")) for _ in range(fields)]
        return kind, fields, [], keys, [data(take("<H")) for _ in range(take("<H"))]
    alternatives = []
    for _ in range(take("<B")):
        items: list[Item] = []
        for _ in range(take("<H")):
            match take("<B"):
                case 1:
                    items.append(Literal(data(take("<B"))))
                case 2:
                    items.append(Run())
                case 3:
                    items.append(Field(take("<B"), Check(take("<B"))))
                case _:
                    items.append(Message())
        alternatives.append(joined(items))
    return kind, fields, alternatives, [], []
