"""Templates: what the lines of a group have in common, and where they differ.

A template interleaves literals and slots: `literals[0] slot[0] literals[1] ... literals[n]`. There
is no in-band marker, so a message that contains `<*>` is nothing special; `text()` exists for
people and for scoring only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

__all__ = [
    "UNKNOWN_GROUP",
    "VERBATIM",
    "LexicalClass",
    "SlotKind",
    "Template",
    "TemplateTable",
    "read_wire",
    "readable",
]

UNKNOWN_GROUP = 0
"""The group of lines that no template describes."""

VERBATIM = 0
"""Id of the template `("", "")`: one slot that holds the whole message."""


class SlotKind(IntEnum):
    """What a slot may hold; the native matcher relies on it, so the numbers are part of the ABI.

    A delimiter is ASCII white space, or one of the bytes a parser adds. A value whose end the kind
    leaves open is as short as the rest of the template allows.
    """

    TOKEN = 1
    """One whole token: everything up to the next delimiter, never empty."""
    ATOM = 2
    """A digit-bearing part of a token as the native lexer finds it (native/src/lex.rs)."""
    ANY = 3
    """Any bytes, delimiters included, possibly none; ends where the next literal first occurs."""
    FIELD = 4
    """Part of a token: one byte or more, no delimiter. `key=<*>,` is a FIELD between literals."""
    OPTIONAL = 5
    """A FIELD, or nothing."""
    CODE = 6
    """A FIELD that holds a digit: an id, an address, a path with a number in it."""
    NUMBER = 7
    """Digits, with signs, dots and commas around and between them; no other bytes."""
    HEX = 8
    """Hexadecimal digits, perhaps after `0x`."""
    RUN = 9
    """One token or several with the delimiters between them: a list, free text; never empty."""


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

    @property
    def slot_types(self) -> Sequence[LexicalClass]:
        """What the values of each slot look like, one class per slot.

        A slot of which no value was ever seen is `TEXT`, the class that excludes nothing.
        """
        if len(self.types) == self.slots:
            return self.types
        return (LexicalClass.TEXT,) * self.slots

    @property
    def type_labels(self) -> list[str]:
        """The names of `slot_types` as users see them."""
        return [lexical.label for lexical in self.slot_types]

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


class TemplateTable:
    """An append-only sequence of templates; an id keeps its meaning for good.

    Template 0 is always the verbatim one, so that a line that nothing describes has an id too.
    """

    def __init__(self) -> None:
        self._templates: list[Template] = []
        self._wire = bytearray()
        self.append(UNKNOWN_GROUP, (b"", b""), (SlotKind.ANY,))

    def __len__(self) -> int:
        return len(self._templates)

    def __getitem__(self, template_id: int) -> Template:
        return self._templates[template_id]

    def __iter__(self) -> Iterator[Template]:
        return iter(self._templates)

    def append(
        self,
        group: int,
        literals: Iterable[bytes],
        kinds: Iterable[SlotKind],
        types: Iterable[LexicalClass] = (),
    ) -> int:
        """Adds a template and returns its id."""
        template = Template(
            len(self._templates), group, tuple(literals), tuple(kinds), tuple(types)
        )
        self._templates.append(template)
        self._wire += struct.pack("<II", group, template.slots) + bytes(template.kinds)
        for literal in template.literals:
            self._wire += struct.pack("<I", len(literal)) + literal
        return template.id

    def extend_from_wire(self, wire: bytes | memoryview) -> None:
        """Appends templates in the form of native/src/wire.rs."""
        for group, literals, kinds in read_wire(wire):
            self.append(group, literals, kinds)

    def set_types(self, template_id: int, types: Iterable[LexicalClass]) -> None:
        """Records what the values of a template's slots look like."""
        self._templates[template_id] = replace(self._templates[template_id], types=tuple(types))

    @property
    def wire(self) -> bytes:
        """All templates in the form of native/src/wire.rs."""
        return bytes(self._wire)

    def slot_counts(self) -> list[int]:
        """Slots per template id."""
        return [template.slots for template in self._templates]


def read_wire(
    wire: bytes | memoryview,
) -> Iterator[tuple[int, tuple[bytes, ...], tuple[SlotKind, ...]]]:
    """(group, literals, kinds) of each template in the form of native/src/wire.rs."""
    wire = bytes(wire)
    at = 0
    while at < len(wire):
        group, slots = struct.unpack_from("<II", wire, at)
        at += 8
        kinds = tuple(SlotKind(k) for k in wire[at : at + slots])
        at += slots
        literals = []
        for _ in range(slots + 1):
            (length,) = struct.unpack_from("<I", wire, at)
            at += 4
            literals.append(wire[at : at + length])
            at += length
        yield group, tuple(literals), kinds
