"""What a search looks for: a pattern as grep understands it, and the literals that make it fast.

A `Pattern` answers two questions. Which lines of a piece of text match (`lines`): exactly, by the
literals alone where the pattern is nothing else, by an expression of Python's `re` otherwise, which
runs over many lines at once. And what a text must contain to have a match at all (`needles`): so
that blocks, templates and columns are skipped without being looked at.

Python's `re` tries alternatives in order and does not look for the longest match as POSIX wants,
but whether a line has a match does not depend on that.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

from logpipe.archive.automaton import assemble
from logpipe.archive.brackets import with_both_cases
from logpipe.archive.regex import (
    ANY,
    DUP_MAX,
    Anchor,
    Back,
    Bytes,
    Chain,
    Choice,
    Group,
    Node,
    Reading,
    Repeat,
    parse,
)
from logpipe.errors import UsageError
from logpipe.native.search import Needles, lines_at, lines_with
from logpipe.native.select import Program, TooMuchError, View, find_lines

__all__ = ["Pattern", "compile_pattern"]

_MOST_LITERALS = 32
_LONGEST_LITERAL = 256


@dataclass(frozen=True)
class Found:
    """Lines that were found in a block.

    Attributes:
        numbers: of the lines in the block, from 0, growing.
        lines: the lines one after the other, each with a line feed behind it.
        count: how many there are.
    """

    numbers: array[int]
    lines: bytes
    count: int


@dataclass(frozen=True)
class Pattern:
    """A pattern that is ready to be searched for.

    Attributes:
        source: as it was given.
        ignore_case: letters of ASCII match both cases.
        needles: a line that matches contains one of these (lower case where `ignore_case`); None
            if nothing is known, so that every line has to be looked at.
        exact: a line that contains one of the needles matches; `expression` is not needed.
        expression: for whole lines in one text, flag MULTILINE; it never matches a line feed.
        tree: the expression.
    """

    source: bytes
    ignore_case: bool
    needles: tuple[bytes, ...] | None
    exact: bool
    expression: re.Pattern[bytes]
    tree: Node

    @property
    def literals(self) -> Needles | None:
        """The needles as native code takes them; None if nothing is known."""
        return None if self.needles is None else Needles(self.needles, self.ignore_case)

    @cached_property
    def program(self) -> Program | None:
        """The expression for native code; None if it is too big, or has back references."""
        return assemble(self.tree)

    @cached_property
    def _candidates(self) -> Program | None:
        """What finds all lines with one of the needles; None if there are no needles."""
        if self.needles is None:
            return None
        return assemble(Choice(tuple(_text(text, self.ignore_case) for text in self.needles)))

    def find(
        self, text: bytes, *, invert: bool = False, most: int | None = None, counts: bool = False
    ) -> Found:
        """Lines of the text that match.

        Args:
            text: whole lines; the last one need not end in a line feed.
            invert: the lines that do not match instead.
            most: no more lines than this, the first ones.
            counts: only how many.
        """
        if self.exact or self.program is not None:
            program = None if self.exact else self.program
            try:
                return Found(
                    *find_lines(
                        text, program, self.literals, invert=invert, most=most, counts=counts
                    )
                )
            except TooMuchError:
                pass
        wanted = None if invert else most
        found = lines_at(text, self._places(text, wanted), invert=invert, most=most).tolist()
        if counts:
            return Found(array("q"), b"", len(found))
        lines = b"".join(text[start:end] + b"\n" for _, start, end in found)
        return Found(array("q", [line for line, _, _ in found]), lines, len(found))

    def find_in(
        self, view: View, *, invert: bool = False, most: int | None = None, counts: bool = False
    ) -> Found:
        """Lines of a block of columns that match, without decoding it; as `find`.

        Raises:
            TooMuchError: the block has to be decoded for that.
            NativeError: it is damaged.
        """
        if self.program is not None:
            numbers, count = view.find(self.program, invert=invert, most=most, counts=counts)
            if counts or not count:
                return Found(array("q"), b"", count)
            return Found(numbers, _ended(view.rows(numbers)), count)
        if self._candidates is None or invert:
            raise TooMuchError("no program for that")
        numbers, _ = view.find(self._candidates)
        found = self.find(view.rows(numbers), most=most, counts=counts) if numbers else None
        if found is None:
            return Found(array("q"), b"", 0)
        return Found(array("q", [numbers[i] for i in found.numbers]), found.lines, found.count)

    def _places(self, text: bytes, most: int | None) -> list[int]:
        """One place in every line that matches."""
        search = self.expression.search
        places: list[int] = []
        if self.literals is not None:
            for _, start, end in lines_with(text, self.literals).tolist():
                if len(places) == most:
                    break
                if search(text, start, end) is not None:
                    places.append(start)
            return places
        at = 0
        while len(places) != most and (match := search(text, at)) is not None:
            places.append(match.start())
            # An expression never matches a line feed, so the rest of this line is behind it.
            at = text.find(b"\n", match.start()) + 1
            if at == 0:
                break
        return places


def _ended(lines: bytes) -> bytes:
    """Lines of which the last one has a line feed, too."""
    return lines if lines.endswith(b"\n") else lines + b"\n"


def compile_pattern(
    source: bytes,
    *,
    syntax: str = "basic",
    ignore_case: bool = False,
    words: bool = False,
    whole_lines: bool = False,
) -> Pattern:
    """A pattern; as with grep, every line of it is a pattern of its own.

    Args:
        source: the pattern's bytes.
        syntax: "basic", "extended" or "fixed", as `grep -G`, `-E`, `-F`.
        ignore_case: as `grep -i` in the C locale.
        words: as `grep -w`: what matches has no letter, digit or underscore beside it.
        whole_lines: as `grep -x`: what matches is the whole line.

    Raises:
        UsageError: an expression that grep refuses, or one too big.
    """
    if syntax not in ("basic", "extended", "fixed"):
        raise UsageError(f"syntax: expected basic, extended or fixed, found {syntax!r}")
    around = _WHOLE if whole_lines else _WORDS if words else None
    if syntax == "fixed":
        tree = _choice([_text(part, ignore_case) for part in source.split(b"\n")])
    else:
        tree, around = _for_lines(source, syntax == "extended", ignore_case, around)
    if around is not None:
        tree = Chain((Anchor(around.places[0]), tree, Anchor(around.places[1])))
    known = _needles(tree, ignore_case)
    text = _python(tree)
    try:
        expression = re.compile(text, re.MULTILINE | (re.IGNORECASE if ignore_case else 0))
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        shown = source.decode("utf-8", "backslashreplace")
        raise UsageError(f"pattern {shown!r}: too big for a regular expression: {error}") from error
    needles = known.required
    plain = known.exact is not None and needles is not None
    return Pattern(source, ignore_case, needles, plain, expression, tree)


def _choice(parts: Sequence[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))


def _text(text: bytes, fold: bool) -> Node:
    """A text, letters in both cases if `fold`."""
    sets = (with_both_cases((byte,)) if fold else frozenset((byte,)) for byte in text)
    return Chain(tuple(map(Bytes, sets)))


@dataclass(frozen=True)
class _Around:
    """What -x and -w put around a pattern: as places, and in grep's words, extended and basic."""

    places: str
    extended: tuple[bytes, bytes]
    basic: tuple[bytes, bytes]


_WHOLE = _Around("^$", (b"^(", b")$"), (rb"^\(", rb"\)$"))
_WORDS = _Around(
    "()",
    (b"(^|[^[:alnum:]_])(", b")([^[:alnum:]_]|$)"),
    (rb"\(^\|[^[:alnum:]_]\)\(", rb"\)\([^[:alnum:]_]\|$\)"),
)
_TEXT = re.compile(rb"(?:[^$*.\[^(+?{|\\]|\\[^1-9<>'`bBsSwW])*")
"""An extended expression that has no operators."""


def _for_lines(
    source: bytes, extended: bool, fold: bool, around: _Around | None
) -> tuple[Node, _Around | None]:
    """The tree that decides which lines match, and what has yet to be put around it."""
    nodes: list[Node] = []
    groups = 0
    opaque = False
    for part in source.split(b"\n"):
        read = parse(part, extended=extended, reading=Reading.PLACES, fold=fold, groups=groups)
        nodes.append(read.tree)
        groups = read.groups
        opaque |= read.opaque
    read = parse(source, extended=extended, reading=Reading.LINES, fold=fold)
    inside = read.stray and around is not None
    inside = inside and (not extended or _TEXT.fullmatch(source) is None)
    if opaque:
        if inside or _bare(read.tree) != _bare(_choice(nodes)):
            # grep asks both readers then, one after the other, but not for every line.
            shown = source.decode("utf-8", "backslashreplace")
            raise UsageError(
                f"pattern {shown!r}: grep reads it in two ways: beside a back reference, [.x.] or "
                "[=x=], expected that every operator has something to repeat, no place (like ^) is "
                "repeated, and every parenthesis is closed"
            )
        return _choice(nodes), around
    if inside and around is not None:
        # grep, too, writes its words around the text and reads them together: after -x, `a)(b`
        # is `^(a)(b)$`.
        before, behind = around.extended if extended else around.basic
        source, around = before + source + behind, None
        read = parse(source, extended=extended, reading=Reading.LINES, fold=fold)
    return read.tree, around


def _bare(node: Node) -> Node:
    """The tree without numbers of groups and without repetitions of nothing."""
    match node:
        case Group(inner, _):
            return Group(_bare(inner), 0)
        case Back():
            return Back(0)
        case Repeat(inner, least, most):
            bare = _bare(inner)
            return bare if bare == Chain(()) else Repeat(bare, least, most)
        case Chain(parts) | Choice(parts):
            bare_parts = tuple(part for part in map(_bare, parts) if part != Chain(()))
            if isinstance(node, Choice):
                return Choice(tuple(map(_bare, parts)))
            return bare_parts[0] if len(bare_parts) == 1 else Chain(bare_parts)
    return node


# -- Python's words for a tree ---------------------------------------------------------------------

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


def _python(node: Node) -> bytes:
    """The same expression as Python writes it; it can stand in a chain as it is."""
    match node:
        case Bytes(of):
            return _set(of)
        case Anchor(kind):
            return _ANCHORS[kind]
        case Back(number):
            return b"(?:\\%d)" % number
        case Group(inner, _):
            return b"(" + _python(inner) + b")"
        case Repeat(inner, least, most):
            if least > DUP_MAX or (most or 0) > DUP_MAX:
                raise UsageError("regular expression too big")
            bounds = b"{%d,%s}" % (least, b"" if most is None else b"%d" % most)
            return b"(?:" + _python(inner) + b")" + bounds
        case Chain(parts):
            return b"".join(_python(part) for part in parts)
        case Choice(parts):
            return b"(?:" + b"|".join(_python(part) for part in parts) + b")"


# -- Literals that every match contains ------------------------------------------------------------


@dataclass(frozen=True)
class _Known:
    """What is known of the matches of a part.

    Attributes:
        exact: all texts it can match; None if they are too many, or depend on the place.
        required: every match contains one of these; None if nothing is known.
    """

    exact: frozenset[bytes] | None
    required: tuple[bytes, ...] | None


_EMPTY = _Known(frozenset((b"",)), None)
_NOTHING = _Known(None, None)


def _better(
    one: tuple[bytes, ...] | None, other: tuple[bytes, ...] | None
) -> tuple[bytes, ...] | None:
    """The one that rules out more: long literals first, then few of them."""
    if one is None or other is None:
        return one if other is None else other

    def worth(literals: tuple[bytes, ...]) -> tuple[int, int]:
        return min(map(len, literals)), -len(literals)

    return max(one, other, key=worth)


def _from_exact(exact: frozenset[bytes]) -> _Known:
    if len(exact) > _MOST_LITERALS or any(len(text) > _LONGEST_LITERAL for text in exact):
        return _Known(None, _required(exact))
    return _Known(exact, _required(exact))


def _required(exact: frozenset[bytes]) -> tuple[bytes, ...] | None:
    """The texts as literals, without those that contain another; None if one is empty."""
    if not exact or b"" in exact or len(exact) > 4 * _MOST_LITERALS:
        return None
    kept: list[bytes] = []
    for text in sorted(exact, key=lambda text: (len(text), text)):
        if not any(shorter in text for shorter in kept):
            kept.append(text)
    return tuple(kept)


def _joined(left: _Known, right: _Known) -> _Known:
    """What is known of a match of `left` with one of `right` behind it."""
    required = _better(left.required, right.required)
    if left.exact is not None and right.exact is not None:
        if len(left.exact) * len(right.exact) <= _MOST_LITERALS:
            return _from_exact(frozenset(a + b for a in left.exact for b in right.exact))
        required = _better(required, _required(left.exact))
    return _Known(None, required)


def _alternative(parts: Sequence[_Known]) -> _Known:
    if all(part.exact is not None for part in parts):
        union = frozenset[bytes]().union(*(part.exact or frozenset() for part in parts))
        return _from_exact(union)
    if any(part.required is None for part in parts):
        return _NOTHING
    union = frozenset(text for part in parts for text in part.required or ())
    return _Known(None, _required(union))


def _chain(parts: Sequence[Node], fold: bool) -> _Known:
    """Runs of parts whose texts are all known are joined; the best run is what is required."""
    best: tuple[bytes, ...] | None = None
    whole = True
    run = _EMPTY
    for part in parts:
        known = _of(part, fold)
        if isinstance(part, Anchor):
            # A place, no text: what is around it still stands side by side.
            whole = False
            continue
        joined = _joined(run, known)
        if joined.exact is None:
            best = _better(best, run.required)
            best = _better(best, known.required)
            run = known if known.exact is not None else _EMPTY
            whole = False
        else:
            run = joined
    best = _better(best, run.required)
    return _Known(run.exact if whole else None, best)


def _of(node: Node, fold: bool) -> _Known:
    match node:
        case Bytes(of):
            texts = {bytes((byte,)).lower() if fold else bytes((byte,)) for byte in of}
            return _from_exact(frozenset(texts)) if len(texts) <= 8 else _NOTHING
        case Anchor() | Back():
            return _NOTHING
        case Group(inner, _):
            return _of(inner, fold)
        case Repeat(inner, least, most):
            known = _of(inner, fold)
            if least == 0:
                if most == 1 and known.exact is not None:
                    return _Known(known.exact | {b""}, None)
                return _NOTHING
            if least == most and least <= _LONGEST_LITERAL and known.exact is not None:
                return reduce(_joined, [known] * least)
            return _Known(None, known.required)
        case Chain(parts):
            return _chain(parts, fold)
        case Choice(parts):
            return _alternative([_of(part, fold) for part in parts])


def _needles(node: Node, fold: bool) -> _Known:
    known = _of(node, fold)
    if isinstance(node, Anchor | Back):
        return _NOTHING
    return known
