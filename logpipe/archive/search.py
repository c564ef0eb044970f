"""Search in archives: exactly the lines that grep finds in the raw bytes, most of them never made.

A block is skipped if its filter knows that none of the literals which every match contains can be
in it. One of columns is searched as it is (`native/src/search/columns.rs`): only streams that
matter are unpacked, only lines that were found are made. Any other block is decoded, and its lines
are found as in any text. Blocks are looked at by several threads and answered in order.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from logpipe.archive.layout import CONTINUES
from logpipe.archive.pattern import Found, Pattern, ended
from logpipe.errors import LogpipeError, NativeError
from logpipe.native.printing import around_lines, pick_lines
from logpipe.native.search import may_contain
from logpipe.native.select import View

if TYPE_CHECKING:
    from concurrent.futures import Future

    from logpipe.archive.reader import Archive

__all__ = ["BlockHits", "Context", "Searchable", "search_blocks", "units"]


class Searchable(Protocol):
    """A block as a search sees it."""

    @property
    def first_line(self) -> int:
        """Number of its first line, from 1."""

    @property
    def line_count(self) -> int:
        """Lines in it; only the last block's last line may have no line feed."""

    @property
    def filter(self) -> bytes:
        """What its words look like (`native.search.filter_of`); empty if that is not known."""

    def view(self) -> View | None:
        """The block opened in stages; None if it has to be decoded whole."""

    def text(self) -> bytes:
        """Its raw bytes."""


class Context(NamedTuple):
    """Lines that are wanted beside those found: so many before and behind each."""

    before: int
    after: int


@dataclass(frozen=True)
class BlockHits:
    """What was found in one block.

    Attributes:
        first_line: number of the block's first line, from 1.
        line_count: lines in the block.
        numbers: of the lines found, in the block, from 0; empty if only a count was asked for.
        lines: the lines found, each with a line feed behind it; if context was asked for, with
            what there is of it in this block.
        count: how many lines were found.
        opened: whether anything of the block was decoded.
        error: why the block could not be searched; its lines are missing then.
        shown: numbers of `lines`, if context was asked for.
        marks: a byte for each of `shown`: 1 if it was found, 0 if it is context.
    """

    first_line: int
    line_count: int
    numbers: array[int]
    lines: bytes
    count: int
    opened: bool
    error: LogpipeError | None = None
    shown: array[int] | None = None
    marks: bytes | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Number in the archive and bytes, without the line feed, of every line."""
        lines = self.lines.split(b"\n")
        return ((self.first_line + n, lines[i]) for i, n in enumerate(self.numbers))


class _Unit(NamedTuple):
    """Blocks of an archive that no line leaves: one, but where a line is longer than a block."""

    archive: Archive
    first: int
    end: int

    @property
    def first_line(self) -> int:
        return self.archive.first_line(self.first)

    @property
    def line_count(self) -> int:
        return sum(entry.starts for entry in self.archive.entries[self.first : self.end])

    @property
    def filter(self) -> bytes:
        # A word that is cut between blocks is in neither one's filter.
        return self.archive.filter(self.first) if self.end == self.first + 1 else b""

    def view(self) -> View | None:
        return self.archive.view(self.first) if self.end == self.first + 1 else None

    def text(self) -> bytes:
        return b"".join(self.archive.data(i) for i in range(self.first, self.end))


def units(archive: Archive) -> Iterator[Searchable]:
    """An archive's blocks; those that one line goes through are one."""
    entries = archive.entries
    first = 0
    for end in range(1, len(entries) + 1):
        if end == len(entries) or not entries[end].flags & CONTINUES:
            yield _Unit(archive, first, end)
            first = end


def search_blocks(
    blocks: Iterable[Searchable],
    pattern: Pattern,
    *,
    invert: bool = False,
    limit: int | None = None,
    counts: bool = False,
    context: Context | None = None,
    threads: int = 1,
) -> Iterator[BlockHits]:
    """What every block has, in order; blocks in which nothing can be are told, too.

    Args:
        blocks: in the order of their lines.
        pattern: what to look for.
        invert: the lines that do not match.
        limit: no more lines than this in all, the first ones.
        counts: `count` is all that is wanted.
        context: lines around those found are wanted, too.
        threads: blocks looked at side by side.
    """
    left = limit

    def one(block: Searchable) -> BlockHits:
        return _search(block, pattern, invert, limit, counts, context)

    for hits in _in_order(blocks, one, threads):
        if left is None:
            yield hits
            continue
        if hits.count > left:
            hits = _first(hits, left, context)
        left -= hits.count
        yield hits
        if left == 0:
            return


def _first(hits: BlockHits, most: int, context: Context | None) -> BlockHits:
    """The first lines of what was found."""
    numbers, kept, shown, marks = hits.numbers[:most], most, hits.shown, hits.marks
    if context is not None and shown is not None and marks is not None:
        kept = bisect_right(shown, numbers[-1] + context.after)
        # What else was found there is context now.
        end = bisect_right(shown, numbers[-1])
        shown, marks = shown[:kept], marks[:end] + bytes(kept - end)
    lines = b"".join(line + b"\n" for line in hits.lines.split(b"\n", kept)[:kept])
    return replace(
        hits,
        numbers=numbers,
        lines=lines if hits.lines else b"",
        count=most,
        shown=shown,
        marks=marks,
    )


def _search(
    block: Searchable,
    pattern: Pattern,
    invert: bool,
    limit: int | None,
    counts: bool,
    context: Context | None,
) -> BlockHits:
    literals = pattern.literals
    nothing = BlockHits(block.first_line, block.line_count, array("q"), b"", 0, False)
    try:
        if literals is not None and block.filter and not may_contain(block.filter, literals):
            if not invert:
                return nothing
            if counts:
                return replace(nothing, count=block.line_count)
        return _found(block, nothing, pattern, invert, limit, counts, context)
    except LogpipeError as error:
        return replace(nothing, opened=True, error=error)


def _found(
    block: Searchable,
    nothing: BlockHits,
    pattern: Pattern,
    invert: bool,
    limit: int | None,
    counts: bool,
    context: Context | None,
) -> BlockHits:
    try:
        view = block.view()
        if view is not None:
            found = pattern.find_in(view, invert=invert, most=limit, counts=counts)
            return _hits(nothing, found, context, view.rows)
    except NativeError:
        # Too much for a search in columns; or damaged, which decoding the block tells exactly.
        pass
    text = block.text()
    found = pattern.find(text, invert=invert, most=limit, counts=counts)
    return _hits(nothing, found, context, lambda numbers: pick_lines(text, numbers))


def _hits(
    nothing: BlockHits,
    found: Found,
    context: Context | None,
    rows: Callable[[array[int]], bytes],
) -> BlockHits:
    """What was found, with the context that is in the block."""
    hits = replace(
        nothing, numbers=found.numbers, lines=found.lines, count=found.count, opened=True
    )
    if context is None or not found.numbers:
        return hits
    shown, marks = around_lines(found.numbers, context.before, context.after, nothing.line_count)
    lines = found.lines if len(shown) == len(found.numbers) else rows(shown)
    return replace(hits, shown=shown, marks=marks, lines=ended(lines))


def _in_order(
    blocks: Iterable[Searchable], call: Callable[[Searchable], BlockHits], threads: int
) -> Iterator[BlockHits]:
    """The answers in the order of the blocks, a few blocks ahead of what was taken."""
    if threads <= 1:
        yield from map(call, blocks)
        return
    from concurrent.futures import ThreadPoolExecutor

    under_way: deque[Future[BlockHits]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for block in blocks:
                under_way.append(pool.submit(call, block))
                if len(under_way) > threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
