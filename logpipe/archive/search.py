"""Search in archives: exactly the lines that grep finds in the raw bytes, most blocks unopened.

A block is skipped if its filter knows that none of the literals which every match contains can be
in it; else it is decoded, and its lines are found as in any text (`pattern.py`). Blocks are looked
at by several threads and answered in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from logpipe.archive.layout import CONTINUES
from logpipe.archive.pattern import Pattern
from logpipe.archive.reader import Archive
from logpipe.errors import LogpipeError
from logpipe.native.search import may_contain

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

    def text(self) -> bytes:
        """Its raw bytes."""


@dataclass(frozen=True)
class BlockHits:
    """What was found in one block.

    Attributes:
        first_line: number of the block's first line, from 1.
        text: the block's bytes; empty if nothing was found, or only a count was asked for.
        rows: int64, one row per line found: its number in the block from 0, its start and its end
            in `text`, line feed not included.
        count: how many lines were found.
        opened: whether the block was decoded.
        error: why the block could not be searched; its lines are missing then.
    """

    first_line: int
    text: bytes
    rows: npt.NDArray[np.int64]
    count: int
    opened: bool
    error: LogpipeError | None = None


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


_NO_ROWS = np.empty((0, 3), np.int64)


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
            hits = BlockHits(hits.first_line, hits.text, hits.rows[:left], left, hits.opened)
        left -= hits.count
        yield hits
        if left == 0:
            return


def _search(
    block: Searchable, pattern: Pattern, invert: bool, limit: int | None, counts: bool
) -> BlockHits:
    literals = pattern.literals
    first = block.first_line
    try:
        if literals is not None and block.filter and not may_contain(block.filter, literals):
            if not invert:
                return BlockHits(first, b"", _NO_ROWS, 0, False)
            if counts:
                return BlockHits(first, b"", _NO_ROWS, block.line_count, False)
        text = block.text()
        rows = pattern.lines(text, invert=invert, most=limit)
    except LogpipeError as error:
        return BlockHits(first, b"", _NO_ROWS, 0, True, error)
    if counts or len(rows) == 0:
        return BlockHits(first, b"", _NO_ROWS, len(rows), True)
    return BlockHits(first, text, rows, len(rows), True)


def _in_order(
    blocks: Iterable[Searchable], call: Callable[[Searchable], BlockHits], threads: int
) -> Iterator[BlockHits]:
    """The answers in the order of the blocks, a few blocks ahead of what was taken."""
    if threads <= 1:
        yield from map(call, blocks)
        return
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
