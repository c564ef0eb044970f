"""Templates: what the lines of a group have in common, and where they differ.

A template interleaves literals and slots: `literals[0] slot[0] literals[1] ... literals[n]`. There
is no in-band marker, so a message that contains `<*>` is nothing special; `text()` exists for
people and for scoring only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["UNKNOWN_GROUP", "VERBATIM", "LexicalClass", "SlotKind", "Template", "readable"]

UNKNOWN_GROUP = 0
"""The group of lines that no template describes."""

VERBATIM = 0
"""Id of the template `("", "")`: one slot that holds the whole message."""


class SlotKind(IntEnum):
    """What a slot may hold; the native matcher relies on it, so the numbers are part of the ABI."""

    TOKEN = 1
    """One whole token: everything up to the next delimiter, never empty."""
    ATOM = 2
    """A digit-bearing part of a token as the native lexer finds it (native/src/lex.rs)."""
    ANY = 3
    """Any bytes, delimiters included, possibly none; ends where the next literal first occurs."""


class LexicalClass(IntEnum):
    """What the values of a slot look like (native/src/recognise.rs assigns it to a value).

    The numbers are part of the ABI and of saved models; they are never reused.
    """

    EMPTY = 0
    INTEGER = 1
    NUMBER = 2
    HEX = 3
    IP = 4
    HOST_PORT = 5
    MAC = 6
    UUID = 7
    TIME = 8
    DURATION = 9
    SIZE = 10
    VERSION = 11
    PATH = 12
    URL = 13
    EMAIL = 14
    ID = 15
    WORD = 16
    TEXT = 17

    @property
    def label(self) -> str:
        """The name as users see it: lower case, `-` for `_`."""
        return self.name.lower().replace("_", "-")


def readable(data: bytes) -> str:
    r"""Bytes as text: UTF-8 where it is, `\xNN` for every byte that is not.

    >>> readable(b"caf\xc3\xa9 \xff")
    'café \\xff'
    """
    return data.decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Template:
    """One template; immutable, so that a batch that refers to its id stays valid.

    Attributes:
        id: index in its table; 0 is the verbatim template.
        group: the parser's group. Lines that differ only in spacing have different templates of
            one group.
        literals: `len(kinds) + 1` byte strings; any of them may be empty.
        kinds: one `SlotKind` per slot.
        types: one `LexicalClass` per slot, once values have been seen; empty before.
    """

    id: int
    group: int
    literals: tuple[bytes, ...]
    kinds: tuple[SlotKind, ...] = field(default=())
    types: tuple[LexicalClass, ...] = field(default=())

    def __post_init__(self) -> None:
        if len(self.literals) != len(self.kinds) + 1:
            raise ValueError(
                f"template {self.id}: {len(self.kinds)} slots need {len(self.kinds) + 1} literals, "
                f"found {len(self.literals)}"
            )

    @property
    def slots(self) -> int:
        """The number of slots."""
        return len(self.kinds)

    def render(self, variables: Sequence[bytes]) -> bytes:
        """The message: literals and variables interleaved.

        Raises:
            ValueError: not exactly one variable per slot.
        """
        if len(variables) != self.slots:
            raise ValueError(
                f"template {self.id} has {self.slots} slots, found {len(variables)} variables"
            )
        return b"".join(self._interleave(variables))

    def _interleave(self, variables: Sequence[bytes]) -> Iterator[bytes]:
        yield self.literals[0]
        for variable, literal in zip(variables, self.literals[1:], strict=True):
            yield variable
            yield literal

    def text(self, placeholder: str = "<*>") -> str:
        """The template for people: every slot printed as `placeholder`."""
        return placeholder.join(readable(literal) for literal in self.literals)
