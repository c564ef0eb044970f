"""Splitting one line in Python: what the native core does, written a second time.

Small, slow and independent: a check on the native splitter, and good enough to try layouts on the
head of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from logpipe.formats import program as programs
from logpipe.formats.program import Alternative, Check, Field, Literal, Message, Run

__all__ = ["SplitLine", "scan_json", "scan_logfmt", "split"]

_MESSAGE = -1
_MESSAGE_TRIES = 64
_BLANKS = b" \t"
_MAX_KEY = 8192
_MAX_MEMBERS = 1000

_LEVELS = (
    rb"info|debug|warn|error|warning|notice|trace|fatal|[idwevfa]|err|crit|critical|alert|emerg|"
    rb"panic|severe|failure|fine|finer|finest|config|verbose|log|success|default|fault"
)
_CHECKS = {
    Check.INT: rb"[0-9]+",
    Check.DIGIT: rb"[0-9].*",
    Check.WORD: rb"[^ \t]+",
    Check.LEVEL: rb"(?i:" + _LEVELS + rb")",
    Check.MONTH: rb"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
    Check.WEEKDAY: rb"Mon|Tue|Wed|Thu|Fri|Sat|Sun",
    Check.DAY: rb"[0-9]{1,2}",
    Check.CLOCK: rb"[0-9]{1,2}:[0-9]{2}[^ \t]*",
    Check.DATE: rb"[0-9][0-9./-]{4,}[0-9]",
    Check.ISO: rb"[0-9]{4}([/-])[0-9]{2}\1[0-9]{2}.*",
    Check.COUNT: rb"[0-9]+|-",
    Check.NAME: rb"[A-Za-z_/][^ \t]*",
    Check.STREAM: rb"stdout|stderr",
    Check.LETTER: rb"[A-Za-z]",
    Check.CTIME: rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) .*",
}


class SplitLine(NamedTuple):
    """One line taken apart.

    Joining `separators` and the parts that `order` names in turn gives the line.

    Attributes:
        fields: values by name, those that the line has, in the order of the line.
        message: the message.
        separators: one more than `order`.
        order: field names, None for the message.
    """

    fields: dict[str, bytes]
    message: bytes
    separators: tuple[bytes, ...]
    order: tuple[str | None, ...]


class _Way(NamedTuple):
    """A separator and what comes after it."""

    find: Callable[[bytes, int], re.Match[bytes] | None]
    begins_with_run: bool
    target: Field | Message | None
    node: _Node


class _Node(NamedTuple):
    """What can follow one field; empty at the end of the line."""

    ways: list[_Way]


def _regex(separator: Alternative) -> bytes:
    return b"".join(
        re.escape(item.data) if isinstance(item, Literal) else b"[ \\t]++" for item in separator
    )


def _tree(alternatives: Sequence[Alternative], start: bool) -> _Node:
    """Alternatives that begin alike share their beginning; the order stays."""
    groups: dict[tuple[Alternative, Field | Message | None], list[Alternative]] = {}
    for items in alternatives:
        end = 0
        while end < len(items) and isinstance(items[end], Literal | Run):
            end += 1
        target = items[end] if end < len(items) else None
        assert target is None or isinstance(target, Field | Message)
        groups.setdefault((items[:end], target), []).append(items[end + 1 :])
    ways = []
    for (separator, target), rest in groups.items():
        regex = re.compile(_regex(separator) + (b"" if target else b"\\Z"))
        runs = bool(separator) and isinstance(separator[0], Run)
        node = _tree(rest, start=False) if target else _Node([])
        ways.append(_Way(regex.match if start else regex.search, runs, target, node))
    return _Node(ways)


_Spans = dict[int, tuple[int, int]]


def _go(node: _Node, target: Field | Message, at: int, line: bytes) -> _Spans | None:
    """The spans from `target`, which begins at `at`, to the end of the line."""
    retry = isinstance(target, Message)
    live = dict(enumerate(node.ways))
    begin = dict.fromkeys(live, at)
    found: dict[int, re.Match[bytes]] = {}
    tries = 0
    while True:
        for i, way in list(live.items()):
            if i not in found:
                match = way.find(line, begin[i])
                if match is None:
                    del live[i]
                else:
                    found[i] = match
        if not live:
            return None
        best = min(live, key=lambda i: (found[i].start(), i))
        way, match = live[best], found.pop(best)
        end = match.start()
        if isinstance(target, Message) or _passes(target.check, line[at:end]):
            number = _MESSAGE if isinstance(target, Message) else target.number
            if way.target is None:
                return {number: (at, end)}
            rest = _go(way.node, way.target, match.end(), line)
            if rest is not None:
                return {number: (at, end), **rest}
        tries += 1
        if retry and way.target is not None and tries < _MESSAGE_TRIES:
            begin[best] = match.end() if way.begins_with_run else end + 1
            if way.begins_with_run:
                begin[best] = end + len(line[end:]) - len(line[end:].lstrip(_BLANKS))
        else:
            del live[best]
        if retry and tries == _MESSAGE_TRIES:
            for i, other in list(live.items()):
                if other.target is not None:
                    del live[i]
                    found.pop(i, None)


def is_level(value: bytes) -> bool:
    """Whether a value is the name of a severity."""
    return _passes(Check.LEVEL, value)


def _passes(check: Check, value: bytes) -> bool:
    # A layout has a few of them; to compile all takes milliseconds of every start.
    return check is Check.ANY or _expression(check).fullmatch(value) is not None


@lru_cache
def _expression(check: Check) -> re.Pattern[bytes]:
    return re.compile(_CHECKS[check], re.DOTALL)


def _split_text(root: _Node, line: bytes) -> _Spans | None:
    for way in root.ways:
        match = way.find(line, 0)
        if match is not None and way.target is not None:
            spans = _go(way.node, way.target, match.end(), line)
            if spans is not None:
                return spans
    return None


_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_SCALAR = re.compile(rb"[0-9A-Za-z.+-]+")
_SPACE = re.compile(rb"[ \t\r\n]*")
_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+([{}\[\]])', re.DOTALL)
"""What comes before a bracket outside of strings, and the bracket."""


def _nested_end(line: bytes, at: int) -> int | None:
    depth = 0
    while found := _BRACKET.match(line, at):
        depth += 1 if found[1] in b"{[" else -1
        at = found.end()
        if depth == 0:
            return at
    return None


Member = tuple[bytes, int, int]


def scan_json(line: bytes) -> list[Member] | None:
    """(key, start, end of the value) of every member of a line that is one JSON object.

    Strings without their quotes, still escaped; None for anything that is not such a line.
    """

    def space(at: int) -> int:
        match = _SPACE.match(line, at)
        return match.end() if match else at

    at = space(0)
    if line[at : at + 1] != b"{":
        return None
    members: list[Member] = []
    while True:
        key = _STRING.match(line, space(at + 1))
        if key is None:
            return None
        at = space(key.end())
        if line[at : at + 1] != b":":
            return None
        at = space(at + 1)
        if line[at : at + 1] in (b"{", b"["):
            end = _nested_end(line, at)
            if end is None:
                return None
            members.append((key.group(1), at, end))
        else:
            value = _STRING.match(line, at)
            scalar = value or _SCALAR.match(line, at)
            if scalar is None:
                return None
            members.append((key.group(1), *scalar.span(1 if value else 0)))
            end = scalar.end()
        at = space(end)
        if line[at : at + 1] == b"}":
            return members if space(at + 1) == len(line) and len(members) <= _MAX_MEMBERS else None
        if line[at : at + 1] != b",":
            return None


_PAIR = re.compile(
    rb'[ \t]*+([^ \t="]++)=(?:"((?:[^"\\]|\\.)*+)"|((?!")[^ \t]*+))(?=[ \t]|\Z)', re.DOTALL
)


def scan_logfmt(line: bytes) -> list[Member] | None:
    """(key, start, end of the value) of every pair of a logfmt line; None for any other line."""
    members: list[Member] = []
    at = 0
    while not members or line[at:].strip(_BLANKS):
        pair = _PAIR.match(line, at)
        if pair is None or len(members) == _MAX_MEMBERS:
            return None
        members.append((pair.group(1), *pair.span(2 if pair.group(2) is not None else 3)))
        at = pair.end()
    return members


def _split_members(
    members: list[Member] | None, fields: list[bytes], messages: list[bytes]
) -> _Spans | None:
    if members is None:
        return None
    names = [key for key, _, _ in members]
    ranks = [messages.index(name) for name in names if name in messages]
    if len(set(names)) < len(names) or not ranks:
        return None
    winner = messages[min(ranks)]
    if not all(name in fields or name == winner for name in names):
        return None
    return {
        _MESSAGE if name == winner else fields.index(name): (start, end)
        for name, start, end in members
    }


@lru_cache(maxsize=256)
def _compiled(program: bytes) -> tuple[int, _Node, list[bytes], list[bytes]]:
    kind, _, alternatives, fields, messages = programs.decode(program)
    return kind, _tree(alternatives, start=True), fields, messages


def split(program: bytes, names: Sequence[str], line: bytes) -> SplitLine | None:
    """The parts of one line (without terminator), or None if it does not fit the layout.

    Args:
        program: `Layout.program`; trusted, unlike in the native core.
        names: the layout's field names.
        line: any bytes.
    """
    kind, root, fields, messages = _compiled(program)
    if kind == programs.TEXT:
        spans = _split_text(root, line)
    else:
        scan = scan_json if kind == programs.JSON else scan_logfmt
        spans = _split_members(scan(line), fields, messages)
    if spans is None:
        return None
    bounds = [0, *(bound for span in spans.values() for bound in span), len(line)]
    pieces = list(zip(bounds[::2], bounds[1::2], strict=True))
    separators = tuple(line[a:b] for a, b in pieces)
    if sum(map(len, separators)) > _MAX_KEY // 2 and _key_size(kind, separators) > _MAX_KEY:
        return None
    order = tuple(None if number == _MESSAGE else names[number] for number in spans)
    values = {names[number]: line[a:b] for number, (a, b) in spans.items() if number != _MESSAGE}
    message = line[slice(*spans[_MESSAGE])]
    return SplitLine(values, message, separators, order)


def _key_size(kind: int, separators: Sequence[bytes]) -> int:
    """Roughly what the native core needs to tell the shape apart; it refuses giant shapes."""
    if kind != programs.TEXT:
        return sum(4 + len(separator) for separator in separators)
    runs = [run for separator in separators for run in re.findall(rb"[ \t]+", separator)]
    return 2 + sum(1 if len(run) < 256 and b"\t" not in run else 3 + len(run) for run in runs)
