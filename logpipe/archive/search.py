"""Search in archives: exactly the lines that grep finds in the raw bytes, most of them never made.

A block is skipped if its filter knows that none of the literals which every match contains can be
in it. One of columns is searched as it is (`native/src/search/columns.rs`): only streams that
matter are unpacked, only lines that were found are made. Any other block is decoded, and its lines
are found as in any text. Blocks are looked at by several threads and answered in order.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from logpipe.archive.layout import CONTINUES
from logpipe.archive.pattern import Found, Pattern
from logpipe.errors import LogpipeError, NativeError
from logpipe.native.search import may_contain
from logpipe.native.select import View, label_lines

if TYPE_CHECKING:
    from concurrent.futures import Future

    from logpipe.archive.reader import Archive

__all__ = ["BlockHits", "Searchable", "search_blocks", "units"]


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


@dataclass(frozen=True)
class BlockHits:
    """What was found in one block.

    Attributes:
        first_line: number of the block's first line, from 1.
        numbers: of the lines found, in the block, from 0; empty if only a count was asked for.
        lines: the lines found, each with a line feed behind it.
        count: how many lines were found.
        opened: whether anything of the block was decoded.
        error: why the block could not be searched; its lines are missing then.
    """

    first_line: int
    numbers: array[int]
    lines: bytes
    count: int
    opened: bool
    error: LogpipeError | None = None

    def labelled(self, prefix: bytes = b"", *, numbers: bool = False) -> bytes:
        """The lines, a prefix and maybe their number in the archive and a colon before each."""
        if not prefix and not numbers:
            return self.lines
        absolute = array("q", [self.first_line + n for n in self.numbers]) if numbers else None
        return label_lines(self.lines, prefix, absolute)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Number in the archive and bytes, without the line feed, of every line."""
        lines = self.lines.split(b"\n")
        return ((self.first_line + n, lines[i]) for i, n in enumerate(self.numbers))


@dataclass(frozen=True)
class _Unit:
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
        return b"".join(self.archive.block(i).tobytes() for i in range(self.first, self.end))


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
    threads: int = 1,
) -> Iterator[BlockHits]:
    """What every block has, in order; blocks in which nothing can be are told, too.

    Args:
        blocks: in the order of their lines.
        pattern: what to look for.
        invert: the lines that do not match.
        limit: no more lines than this in all, the first ones.
        counts: `count` is all that is wanted.
        threads: blocks looked at side by side.
    """
    left = limit

    def one(block: Searchable) -> BlockHits:
        return _search(block, pattern, invert, limit, counts)

    for hits in _in_order(blocks, one, threads):
        if left is None:
            yield hits
            continue
        if hits.count > left:
            hits = _first(hits, left)
        left -= hits.count
        yield hits
        if left == 0:
            return


def _first(hits: BlockHits, most: int) -> BlockHits:
    """The first lines of what was found."""
    kept = hits.lines.split(b"\n", most)[:most]
    lines = b"".join(line + b"\n" for line in kept) if hits.lines else b""
    return BlockHits(hits.first_line, hits.numbers[:most], lines, most, hits.opened, hits.error)


def _search(
    block: Searchable, pattern: Pattern, invert: bool, limit: int | None, counts: bool
) -> BlockHits:
    literals = pattern.literals
    first = block.first_line
    try:
        if literals is not None and block.filter and not may_contain(block.filter, literals):
            if not invert:
                return BlockHits(first, array("q"), b"", 0, False)
            if counts:
                return BlockHits(first, array("q"), b"", block.line_count, False)
        found = _found(block, pattern, invert, limit, counts)
    except LogpipeError as error:
        return BlockHits(first, array("q"), b"", 0, True, error)
    return BlockHits(first, found.numbers, found.lines, found.count, True)


def _found(
    block: Searchable, pattern: Pattern, invert: bool, limit: int | None, counts: bool
) -> Found:
    try:
        view = block.view()
        if view is not None:
            return pattern.find_in(view, invert=invert, most=limit, counts=counts)
    except NativeError:
        # Too much for a search in columns; or damaged, which decoding the block tells exactly.
        pass
    return pattern.find(block.text(), invert=invert, most=limit, counts=counts)


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
