"""What a search looks for: a pattern as grep understands it, and the literals that make it fast.

A `Pattern` answers two questions. Which lines of a piece of text match (`lines`): exactly, by the
literals alone where the pattern is nothing else, by an expression of Python's `re` otherwise, which
runs over many lines at once. And what a text must contain to have a match at all (`needles`): so
that blocks, templates and columns are skipped without being looked at.

Where in a line the matches lie is another question, and `matches.py` answers it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from logpipe.archive.automaton import assemble
from logpipe.archive.literals import needles as needles_of
from logpipe.archive.matches import Matches
from logpipe.archive.python_re import to_python
from logpipe.archive.regex import Choice
from logpipe.archive.trees import Trees, read_trees, text_tree
from logpipe.errors import UsageError
from logpipe.native.search import Needles, lines_at, lines_with
from logpipe.native.select import Program, TooMuchError, View, find_lines

__all__ = ["Found", "Pattern", "compile_pattern", "compile_patterns", "ended"]


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
        trees: the expression, to find lines and to find where in them matches lie.
    """

    source: bytes
    ignore_case: bool
    needles: tuple[bytes, ...] | None
    exact: bool
    expression: re.Pattern[bytes]
    trees: Trees

    @property
    def literals(self) -> Needles | None:
        """The needles as native code takes them; None if nothing is known."""
        return None if self.needles is None else Needles(self.needles, self.ignore_case)

    @cached_property
    def program(self) -> Program | None:
        """The expression for native code; None if it is too big, or has back references."""
        # After -w, grep does not try all matches of these.
        if self.trees.opaque and self.trees.words:
            return None
        return assemble(self.trees.lines)

    @cached_property
    def matches(self) -> Matches:
        """Where in lines the matches lie."""
        return Matches(self.trees, self.ignore_case)

    @cached_property
    def _candidates(self) -> Program | None:
        """What finds all lines with one of the needles; None if there are no needles."""
        if self.needles is None:
            return None
        return assemble(Choice(tuple(text_tree(text, self.ignore_case) for text in self.needles)))

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
            return Found(numbers, ended(view.rows(numbers)), count)
        if self._candidates is None or invert:
            raise TooMuchError("no program for that")
        numbers, _ = view.find(self._candidates)
        found = self.find(view.rows(numbers), most=most, counts=counts) if numbers else None
        if found is None:
            return Found(array("q"), b"", 0)
        return Found(array("q", [numbers[i] for i in found.numbers]), found.lines, found.count)

    def _lines_to_search(self, text: bytes) -> list[tuple[int, int, int]]:
        """Lines that may match: number, start, end."""
        literals = self.literals or Needles((b"",))
        found: list[tuple[int, int, int]] = lines_with(text, literals).tolist()
        return found

    def _places(self, text: bytes, most: int | None) -> list[int]:
        """One place in every line that matches."""
        search = self.expression.search
        # Of these, Python finds too many lines.
        if self.trees.opaque and self.trees.words:
            return [
                start
                for _, start, end in self._lines_to_search(text)
                if search(text, start, end) and self.matches.has_word(bytes(text[start:end]))
            ][:most]
        places: list[int] = []
        if self.literals is not None:
            for _, start, end in self._lines_to_search(text):
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


def ended(lines: bytes) -> bytes:
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
    return compile_patterns(
        source.split(b"\n"),
        syntax=syntax,
        ignore_case=ignore_case,
        words=words,
        whole_lines=whole_lines,
    )


def compile_patterns(
    sources: Sequence[bytes],
    *,
    syntax: str = "basic",
    ignore_case: bool = False,
    words: bool = False,
    whole_lines: bool = False,
) -> Pattern:
    """Patterns one of which has to match; as `compile_pattern`.

    Args:
        sources: without line feeds; if there are none, nothing matches.
        syntax: as there, like all that follows.
        ignore_case: as there.
        words: as there.
        whole_lines: as there.

    Raises:
        UsageError: an expression that grep refuses, or one too big.
    """
    trees = read_trees(
        sources, syntax=syntax, fold=ignore_case, words=words and not whole_lines, whole=whole_lines
    )
    known = needles_of(trees.lines, ignore_case)
    try:
        flags = re.MULTILINE | (re.IGNORECASE if ignore_case else 0)
        expression = re.compile(to_python(trees.lines), flags)
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        shown = b"\n".join(sources).decode("utf-8", "backslashreplace")
        raise UsageError(f"pattern {shown!r}: too big for a regular expression: {error}") from error
    needles = known.required
    plain = known.exact is not None and needles is not None
    return Pattern(b"\n".join(sources), ignore_case, needles, plain, expression, trees)
