"""Where in a line the matches lie: as `grep -o` prints them and `--color` paints them.

The leftmost match counts, of these the longest, and the next one begins behind it. Native automata
find them (`native/src/search/parts.rs`); what these cannot know, back references and expressions
with too many states, is found here by trying all ways, with a bound on how many.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import cached_property

from logpipe.archive.automaton import assemble, turned
from logpipe.archive.brackets import WORD
from logpipe.archive.regex import Anchor, Back, Bytes, Chain, Choice, Group, Node, Repeat
from logpipe.archive.trees import Trees
from logpipe.errors import UsageError
from logpipe.native.printing import find_parts
from logpipe.native.select import Program, TooMuchError

__all__ = ["Matches"]

_MOST_STEPS = 300_000
"""Steps for one line; a pattern can have more ways to match than anyone can try."""

_Groups = tuple[tuple[int, int, int], ...]
"""Groups that matched: number, start and end; by growing number."""


class Matches:
    """Finds parts of lines.

    Args:
        trees: what to look for.
        fold: as after `grep -i`.
    """

    def __init__(self, trees: Trees, fold: bool) -> None:
        self._trees = trees
        self._fold = fold

    @cached_property
    def _programs(self) -> tuple[Program, Program] | None:
        if len(self._trees.places) > 1:
            return None
        forward = assemble(self._trees.places[0])
        backward = assemble(turned(self._trees.places[0])) if forward is not None else None
        return None if forward is None or backward is None else (forward, backward)

    def parts(self, text: bytes) -> array[int]:
        """Parts of every line of a text.

        Args:
            text: whole lines.

        Returns:
            Three numbers each: the line's from 0, start and end in it; none is empty.

        Raises:
            UsageError: there are too many ways to match a line.
        """
        if self._programs is not None:
            try:
                return find_parts(text, *self._programs, words=self._trees.words)
            except TooMuchError:
                pass
        found = array("q")
        lines = text.split(b"\n")
        for number, line in enumerate(lines if lines[-1] else lines[:-1]):
            at = 0
            search = _Search(line, self._fold)
            while at <= len(line) and (place := self._next(search, at)) is not None:
                start, end = place
                if end > start:
                    found.extend((number, start, end))
                at = max(end, start + 1)
        return found

    def has_word(self, line: bytes) -> bool:
        """Whether a line has a match as after -w."""
        return self._next(_Search(line, self._fold), 0) is not None

    def _next(self, search: _Search, at: int) -> tuple[int, int] | None:
        best: tuple[int, int] | None = None
        for tree in self._trees.places:
            place = search.word(tree, at) if self._trees.words else search.longest(tree, at)
            if place is not None and (best is None or (-place[0], place[1]) > (-best[0], best[1])):
                best = place
        return best


class _Search:
    """One line, and all ways in which trees match it."""

    def __init__(self, line: bytes, fold: bool) -> None:
        self.line = line
        self.fold = fold
        self.steps = 0

    def longest(self, tree: Node, at: int) -> tuple[int, int] | None:
        """The next match: the leftmost, of these the longest."""
        for start in range(at, len(self.line) + 1):
            ends = self.ends(tree, start)
            if ends:
                return start, ends[-1]
        return None

    def word(self, tree: Node, at: int) -> tuple[int, int] | None:
        """As `longest`, after -w; in grep's own way, see `native/src/search/parts.rs`."""
        for start in range(at, len(self.line) + 1):
            ends = self.ends(tree, start)
            first = True
            most = len(self.line)
            while fitting := [end for end in ends if end <= most]:
                end = fitting[-1]
                if not first and end == start:
                    break
                first = False
                if not self.is_word(end) and not (start and self.is_word(start - 1)):
                    return start, end
                if end == start:
                    break
                most = end - 1 - at
        return None

    def ends(self, tree: Node, start: int) -> list[int]:
        """Where matches end that begin here, growing."""
        return sorted({end for end, _ in self.ways(tree, start, ())})

    def is_word(self, at: int) -> bool:
        return at < len(self.line) and self.line[at] in WORD

    def ways(self, node: Node, at: int, groups: _Groups) -> Iterator[tuple[int, _Groups]]:
        """Ends of matches that begin at a place, each with the groups it leaves behind."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise UsageError(
                "the pattern matches a line in too many ways to tell which part is the longest"
            )
        match node:
            case Bytes(of):
                if at < len(self.line) and self.line[at] in of:
                    yield at + 1, groups
            case Anchor(kind):
                if self.holds(kind, at):
                    yield at, groups
            case Back(number):
                yield from self.again(number, at, groups)
            case Group(inner, number):
                for end, inside in self.ways(inner, at, groups):
                    others = tuple(group for group in inside if group[0] != number)
                    yield end, tuple(sorted((*others, (number, at, end))))
            case Choice(parts):
                for part in parts:
                    yield from self.ways(part, at, groups)
            case Chain(parts):
                yield from self.chain(parts, at, groups)
            case Repeat(inner, least, most):
                yield from self.repeat(inner, least, most, at, groups)

    def chain(
        self, parts: tuple[Node, ...], at: int, groups: _Groups
    ) -> Iterator[tuple[int, _Groups]]:
        reached = {(at, groups)}
        for part in parts:
            reached = {way for place, held in reached for way in self.ways(part, place, held)}
            if not reached:
                return
        yield from reached

    def repeat(
        self, inner: Node, least: int, most: int | None, at: int, groups: _Groups
    ) -> Iterator[tuple[int, _Groups]]:
        reached = {(at, groups)}
        seen: set[tuple[int, _Groups]] = set()
        count = 0
        while reached:
            if count >= least:
                yield from reached - seen
                # What was seen when it counted leads nowhere new.
                reached -= seen
                seen |= reached
            if count == most:
                return
            before = reached
            reached = {way for place, held in reached for way in self.ways(inner, place, held)}
            count += 1
            if count < least and reached == before:
                # Nothing, however often.
                count = least

    def again(self, number: int, at: int, groups: _Groups) -> Iterator[tuple[int, _Groups]]:
        for known, start, end in groups:
            if known == number:
                text, here = self.line[start:end], self.line[at : at + end - start]
                if text == here or (self.fold and text.upper() == here.upper()):
                    yield at + end - start, groups

    def holds(self, kind: str, at: int) -> bool:
        before, behind = at > 0 and self.is_word(at - 1), self.is_word(at)
        return {
            "^": at == 0,
            "$": at == len(self.line),
            "b": before != behind,
            "B": before == behind,
            "<": behind and not before,
            ">": before and not behind,
            "(": not before,
            ")": not behind,
        }[kind]
