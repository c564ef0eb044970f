"""What was found, as grep prints it: names, numbers, parts of lines, context and separators.

Context within a block comes with what was found there; the rest of it is taken from the blocks
beside it, of which only these lines are made. Nothing is held back: when a block was searched, all
of it that is to be printed goes out.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from logpipe.archive.pattern import ended
from logpipe.errors import LogpipeError, UsageError
from logpipe.native.printing import print_lines

if TYPE_CHECKING:
    from logpipe.archive.matches import Matches
    from logpipe.archive.reader import Archive
    from logpipe.archive.search import BlockHits, Context

__all__ = ["Printer", "Style"]

_SEPARATOR = b"--\n"
_PAINTED = b"\x1b[36m\x1b[K--\x1b[m\x1b[K\n"


class Style(NamedTuple):
    """How lines are printed.

    Attributes:
        numbers: with their number.
        context: lines around those found, too.
        matches: finds parts of lines, to be printed alone (none of the lines that were found if
            `invert`, which have none, but of their context) or to be painted.
        invert: what was found are lines that do not match.
        painted: in colours; `matches` are painted in whole lines, if not `parts`.
        parts: only `matches` of lines are printed.
        zero: a zero byte stands behind names.
    """

    numbers: bool = False
    context: Context | None = None
    matches: Matches | None = None
    invert: bool = False
    painted: bool = False
    parts: bool = True
    zero: bool = False


class Printer:
    """Prints one archive after the other.

    Args:
        write: takes bytes.
        style: how.
    """

    def __init__(self, write: Callable[[bytes], object], style: Style) -> None:
        self._write = write
        self._style = style
        # Whether anything was printed before: a separator stands between, not first.
        self._used = False

    def print(
        self, archive: Archive, blocks: Iterable[BlockHits], name: bytes | None
    ) -> Iterator[BlockHits]:
        """Prints what is found in an archive while it is found.

        Args:
            archive: that was searched.
            blocks: what was found in it, with the context that `style` wants.
            name: of the file, to stand before every line.

        Yields:
            Every block, when it was printed; `error` is set for context that is damaged, too.
        """
        if self._style.context is None:
            for hits in blocks:
                self._out(hits.lines, hits.numbers, None, hits.first_line, name)
                yield hits
            return
        yield from _InContext(self._out, self._style.context, archive, name).blocks(blocks)

    def _out(
        self,
        lines: bytes,
        numbers: array[int],
        marks: bytes | None,
        origin: int,
        name: bytes | None,
        *,
        neighbour: bool = False,
    ) -> None:
        """Prints lines.

        Args:
            lines: each with a line feed.
            numbers: of the lines.
            marks: which of them were found, if some are context.
            origin: what is added to the numbers.
            name: of the file.
            neighbour: the line before them was printed last.
        """
        style = self._style
        only = style.matches is not None and style.parts
        if not lines or (only and style.invert and marks is None):
            return
        if marks is not None and self._used and not neighbour:
            self._write(_PAINTED if style.painted else _SEPARATOR)
        self._used = True
        parts = self._parts(lines)
        if parts is None and marks is None and name is None and not style.numbers:
            self._write(lines)
            return
        self._write(
            print_lines(
                lines,
                numbers,
                name=name,
                origin=origin,
                numbered=style.numbers,
                found=marks,
                parts=parts,
                context=style.invert,
                zero=style.zero,
                painted=style.painted,
                whole=not only,
            )
        )

    def _parts(self, lines: bytes) -> array[int] | None:
        """Parts of lines that are printed or painted."""
        style = self._style
        if style.matches is None:
            return None
        try:
            return style.matches.parts(lines)
        except UsageError:
            # Too many ways to match: lines without colours are better than none.
            if style.parts:
                raise
            return None


class _InContext:
    """Prints one archive with context; `last` is the line printed last, from 1, 0 for none."""

    def __init__(
        self, out: Callable[..., None], context: Context, archive: Archive, name: bytes | None
    ) -> None:
        self.out = out
        self.context = context
        self.archive = archive
        self.name = name
        self.last = 0
        # The line up to which there is context of lines found; the first one that can be read.
        self.until = 0
        self.least = 1

    def blocks(self, blocks: Iterable[BlockHits]) -> Iterator[BlockHits]:
        """Prints what is in the blocks, and what is around them."""
        error: LogpipeError | None = None
        hits: BlockHits | None = None
        for hits in blocks:
            if hits.error is None:
                error = self.block(hits)
            else:
                # Nobody knows what is in it.
                self.until = 0
                self.least = hits.first_line + hits.line_count
            yield hits if error is None else _with(hits, error)
        if hits is not None and (error := self.between(self.last + 1, self.until)) is not None:
            yield _with(hits, error, count=0)

    def block(self, hits: BlockHits) -> LogpipeError | None:
        """Prints what is in a block; what is wrong with the context in other ones."""
        if hits.shown is None:
            # The context that reaches into it.
            return self.between(
                self.last + 1, min(self.until, hits.first_line + hits.line_count - 1)
            )
        first = hits.first_line + hits.numbers[0]
        shown = hits.first_line + hits.shown[0]
        error = self.between(self.last + 1, min(self.until, shown - 1))
        before = max(self.last + 1, first - self.context.before, self.least)
        if shown == hits.first_line:
            error = self.between(before, shown - 1) or error
        self.out(
            hits.lines,
            hits.shown,
            hits.marks,
            hits.first_line,
            self.name,
            neighbour=self.last + 1 == shown and self.last > 0,
        )
        self.last = hits.first_line + hits.shown[-1]
        self.until = hits.first_line + hits.numbers[-1] + self.context.after
        return error

    def between(self, start: int, stop: int) -> LogpipeError | None:
        """Prints lines as context, both included; what is wrong with them."""
        stop = min(stop, self.archive.lines)
        if start > stop:
            return None
        try:
            rest = b""
            for piece in self.archive.pieces(start, stop):
                # A line may go on in the next block.
                whole, feed, rest = (rest + bytes(piece)).rpartition(b"\n")
                start = self.as_context(whole + feed, start)
            if rest:
                self.as_context(ended(rest), start)
        except LogpipeError as error:
            self.until = 0
            return error
        return None

    def as_context(self, lines: bytes, start: int) -> int:
        """Prints lines as context, the first one by its number; the number behind the last."""
        count = lines.count(b"\n")
        if not count:
            return start
        numbers = array("q", range(start, start + count))
        neighbour = self.last + 1 == start and self.last > 0
        self.out(lines, numbers, bytes(count), 0, self.name, neighbour=neighbour)
        self.last = start + count - 1
        return start + count


def _with(hits: BlockHits, error: LogpipeError, count: int | None = None) -> BlockHits:
    from dataclasses import replace

    return replace(hits, error=error, count=hits.count if count is None else count)
