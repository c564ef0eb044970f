r"""The grammar of header layouts, and the program a layout is compiled to.

A layout is written as Loghub writes it, `<Date> <Time> <Level> <Component>(\[<Pid>\])?: <Content>`:

=====================  ============================================================================
`<Name>`               a header field; ends at the first place where what follows it can match
`<Name:check>`         the same, and the line has no header unless the field passes the check
`<Content>`            the message; exactly once
a blank                one or more blanks or tabs, always all there are
`(...)?`               an optional part, tried first; `(a|b)` alternatives, the first tried first
`\` and punctuation    that character; `\t` a tab, `\` and a blank exactly one blank
anything else          itself
=====================  ============================================================================

Options are multiplied out to at most 64 alternatives, which program.py turns into bytes for the
native core.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from logpipe.errors import LayoutError
from logpipe.formats.program import Alternative, Check, Field, Item, Literal, Message, Run, joined

__all__ = ["RESERVED", "parse"]

MAX_ALTERNATIVES = 64
MAX_FIELDS = 64
MAX_BYTES = 4096
MAX_WAYS = 16
RESERVED = frozenset(
    {"line_no", "message", "template", "template_id", "variables", "variable_types"}
)
"""Columns of the output that a field must not be called like."""

_FIELD = re.compile(r"([A-Za-z_@][\w.@-]*)(?::([\w-]*))?(>?)")
_CHECKS = {check.name.lower(): check for check in Check if check is not Check.ANY}


@dataclass(frozen=True, slots=True)
class _Group:
    """Parts of which a line has one, the preferred one first."""

    choices: tuple[tuple[Item | _Group, ...], ...]


class _Parser:
    """One pass over the text of a layout; every error names its column."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.fields: list[str] = []

    def fail(self, column: int, expected: str, found: str = "") -> LayoutError:
        if not found:
            found = repr(self.text[column]) if column < len(self.text) else "the end"
        error = LayoutError(
            f"layout {self.text!r}, column {column + 1}: expected {expected}, found {found}"
        )
        error.add_note(f"  {self.text}\n  {' ' * column}^")
        return error

    def sequence(self, inside: bool) -> tuple[Item | _Group, ...]:
        items: list[Item | _Group] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            if inside and character in "|)":
                break
            if character == ")":
                raise self.fail(self.at, r"'(' before it, or '\)' for a parenthesis")
            items.append(self.item(character))
        return tuple(items)

    def item(self, character: str) -> Item | _Group:
        start = self.at
        self.at += 1
        if character == "<":
            return self.field(start)
        if character == "(":
            return self.group(start)
        if character in " \t":
            return Run()
        if character == "\\":
            if self.at == len(self.text):
                raise self.fail(self.at, "a character after the backslash")
            character = self.text[self.at]
            if character.isalnum() and character != "t":
                raise self.fail(
                    self.at, r"punctuation, a blank or 't' after the backslash (no \d, \w, \s here)"
                )
            self.at += 1
            return Literal(b"\t" if character == "t" else _encoded(character))
        if character in "\r\n":
            raise self.fail(start, "one line", "a line end")
        return Literal(_encoded(character))

    def field(self, start: int) -> Item:
        match = _FIELD.match(self.text, self.at)
        if match is None:
            raise self.fail(self.at, r"a field name after '<' ('\<' for the character itself)")
        name, check_name, closed = match.groups()
        if not closed:
            raise self.fail(match.end(), f"'>' to close <{name}")
        self.at = match.end()
        if name == "Content":
            if check_name is not None:
                raise self.fail(start, "<Content> without a check", f"':{check_name}'")
            return Message()
        if name in RESERVED:
            raise self.fail(start, "a field name that is not a column of the output", repr(name))
        if check_name is not None and check_name not in _CHECKS:
            raise self.fail(match.start(2), f"a check ({', '.join(_CHECKS)})", repr(check_name))
        if name not in self.fields:
            if len(self.fields) == MAX_FIELDS:
                raise self.fail(start, f"at most {MAX_FIELDS} fields", "one more")
            self.fields.append(name)
        return Field(self.fields.index(name), _CHECKS[check_name] if check_name else Check.ANY)

    def group(self, start: int) -> _Group:
        if self.text.count("(", 0, start) > 200:
            raise self.fail(start, "fewer groups")
        choices = [self.sequence(inside=True)]
        while self.text[self.at : self.at + 1] == "|":
            self.at += 1
            choices.append(self.sequence(inside=True))
        if self.at == len(self.text):
            raise self.fail(self.at, f"')' for the '(' in column {start + 1}")
        self.at += 1
        if self.text[self.at : self.at + 1] == "?":
            self.at += 1
            choices.append(())
        elif len(choices) == 1:
            raise self.fail(
                self.at, r"'?' after an optional part ('\(' and '\)' for parentheses themselves)"
            )
        return _Group(tuple(choices))


def _encoded(character: str) -> bytes:
    return character.encode("utf-8", "surrogateescape")


def _expand(items: Sequence[Item | _Group]) -> Iterator[tuple[Item, ...]]:
    parts = [
        [path for choice in item.choices for path in _expand(choice)]
        if isinstance(item, _Group)
        else [(item,)]
        for item in items
    ]
    return (tuple(itertools.chain.from_iterable(path)) for path in itertools.product(*parts))


def _count(items: Sequence[Item | _Group]) -> int:
    count = 1
    for item in items:
        if isinstance(item, _Group):
            count *= sum(_count(choice) for choice in item.choices)
    return count


def _fault(items: Alternative, names: Sequence[str]) -> tuple[str, str] | None:
    """Expected and found, if this alternative cannot be a header."""

    def name(item: Item) -> str:
        return f"<{names[item.number]}>" if isinstance(item, Field) else "<Content>"

    targets = [item for item in items if isinstance(item, Field | Message)]
    messages = targets.count(Message())
    if messages != 1:
        return "<Content> (the message) exactly once, whichever options are taken", (
            "it twice" if messages else "none"
        )
    numbers = [item.number for item in targets if isinstance(item, Field)]
    twice = [number for number in numbers if numbers.count(number) > 1]
    if twice:
        return "every field at most once in a line", f"<{names[twice[0]]}> twice"
    for a, b in itertools.pairwise(items):
        if isinstance(a, Field | Message) and isinstance(b, Field | Message):
            return "something between two fields", f"{name(a)}{name(b)}"
        literal_blank = (
            isinstance(a, Run) and isinstance(b, Literal) and b.data[:1] in b" \t"
        ) or (isinstance(a, Literal) and isinstance(b, Run) and a.data[-1:] in b" \t")
        if literal_blank:
            return (
                "either a blank or an escaped blank",
                r"both side by side (a blank takes all there are, so '\ ' could never match)",
            )
    size = sum(len(item.data) if isinstance(item, Literal) else 1 for item in items)
    if size > MAX_BYTES:
        return f"at most {MAX_BYTES} bytes", f"{size}"
    return None


def _most_ways(alternatives: Sequence[Alternative]) -> int:
    """The largest number of different continuations after one field, or what bounds it."""
    if len(alternatives) <= MAX_WAYS:
        return len(alternatives)
    ways: dict[Alternative, set[Alternative]] = {}
    for items in alternatives:
        prefix = 0
        for i, item in enumerate(items):
            if isinstance(item, Field | Message):
                ways.setdefault(items[:prefix], set()).add(items[prefix : i + 1])
                prefix = i + 1
        ways.setdefault(items[:prefix], set()).add(items[prefix:])
    return max(map(len, ways.values()))


def parse(text: str) -> tuple[tuple[str, ...], tuple[Alternative, ...]]:
    """The field names in order of appearance, and the alternatives, the preferred one first.

    Raises:
        LayoutError: not a layout; the message has the column, what was expected and what is there,
            a note of the exception shows the place.
    """
    parser = _Parser(text)
    items = parser.sequence(inside=False)
    count = _count(items)
    if count > MAX_ALTERNATIVES:
        raise parser.fail(0, f"at most {MAX_ALTERNATIVES} combinations of options", f"{count}")
    alternatives = tuple(dict.fromkeys(joined(path) for path in _expand(items)))
    for alternative in alternatives:
        fault = _fault(alternative, parser.fields)
        if fault is not None:
            raise parser.fail(0, *fault)
    if (ways := _most_ways(alternatives)) > MAX_WAYS:
        raise parser.fail(0, f"at most {MAX_WAYS} ways to go on after one field", f"{ways}")
    return tuple(parser.fields), alternatives
