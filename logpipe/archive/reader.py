"""Archives being read: lines, ranges of lines, Arrow batches, raw bytes."""

from __future__ import annotations

import bisect
import itertools
import os
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar

from logpipe.archive.layout import (
    BLOCK_HEADER,
    CONTINUES,
    MAX_RAW,
    RECORD_FILTERS,
    BlockHeader,
    Entry,
    parse_filters,
)
from logpipe.archive.scan import open_archive, read_footer
from logpipe.archive.unpacking import COLUMNS, open_view, unpack_block
from logpipe.errors import ArchiveError, NativeError, UsageError
from logpipe.native.select import View

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from logpipe.archive.pattern import Pattern
    from logpipe.archive.search import BlockHits, Context

__all__ = ["Archive", "Raw"]

Raw: TypeAlias = "npt.NDArray[np.uint8]"
"""Raw bytes of a block."""

T = TypeVar("T")

_KEPT = 2
"""Decoded blocks that are kept, because ranges are often asked for one after the other."""

_PIECES = 4
"""Pieces that are taken of a block before it is decoded whole."""


class Archive:
    """A logpipe archive, opened for reading.

    Blocks are decoded when something of them is asked for, and every one is checked. Lines are
    numbered from 1; a line is bytes up to and including its line feed.

    Args:
        path: of the archive.
        limit: raw bytes that one block may claim to have.

    Attributes:
        path: as given.
        size: bytes of the file.
        lines: lines of the source.
        raw_size: bytes of the source.
        entries: the blocks.

    Raises:
        InputError: the file cannot be opened.
        ArchiveError: it is not an archive, is damaged, or was cut short.
    """

    def __init__(self, path: str, *, limit: int = MAX_RAW) -> None:
        self.path = path
        self._limit = limit
        self._file = open_archive(path)
        try:
            self.size = os.fstat(self._file.fileno()).st_size
            footer = read_footer(path, self._file).footer
        except BaseException:
            self._file.close()
            raise
        assert footer is not None
        self.records = footer.records
        self.entries = tuple(footer.entries)
        self.lines = footer.lines
        self.raw_size = footer.raw
        self._filters: list[bytes] | None = None
        self._first = [0, *itertools.accumulate(e.starts for e in self.entries)]
        self._offsets = [0, *itertools.accumulate(e.raw for e in self.entries)]
        self._kept: OrderedDict[int, memoryview | bytes] = OrderedDict()
        # Blocks opened in stages, and how many pieces of each were taken so.
        self._views: OrderedDict[int, tuple[View, int]] = OrderedDict()

    def fileno(self) -> int:
        """The descriptor of the file."""
        self._check_open()
        return self._file.fileno()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        self._kept.clear()
        self._views.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def first_line(self, block: int) -> int:
        """The 1-based number of the first line that begins in a block."""
        return self._first[block] + 1

    def header(self, block: int) -> BlockHeader:
        """A block's header, which agrees with the footer.

        Raises:
            ArchiveError: it does not.
        """
        return self._stored(block)[0]

    def payload(self, block: int) -> tuple[BlockHeader, bytes]:
        """A block's header and its bytes as stored; nothing of them is checked but their header."""
        return self._stored(block)

    def _check_open(self) -> None:
        if self._file.closed:
            raise UsageError(f"{self.path}: was closed; open it again")

    def _stored(self, block: int) -> tuple[BlockHeader, bytes]:
        self._check_open()
        if not 0 <= block < len(self.entries):
            last = len(self.entries) - 1
            raise UsageError(f"{self.path}: has blocks 0 to {last}, asked for {block}")
        entry = self.entries[block]
        data = os.pread(self._file.fileno(), BLOCK_HEADER + entry.payload, entry.at)
        header = BlockHeader.parse(data)
        expected = (entry, self._offsets[block])
        if header is None or (Entry.of(entry.at, header), header.offset) != expected:
            raise ArchiveError("the block's header is damaged")
        if len(data) != BLOCK_HEADER + entry.payload:
            raise ArchiveError("the file ends in it")
        if header.raw > self._limit:
            raise ArchiveError(
                f"claims {header.raw:,} bytes, more than the limit of {self._limit:,}"
            )
        return header, data[BLOCK_HEADER:]

    def filter(self, block: int) -> bytes:
        """What the block's words look like; empty if the archive does not tell."""
        if self._filters is None:
            record = self.records.get(RECORD_FILTERS, b"")
            self._filters = parse_filters(record, len(self.entries))
        return self._filters[block]

    def block(self, block: int) -> Raw:
        """The raw bytes of a block, checked.

        Raises:
            ArchiveError: it is damaged; the message says which lines are affected and which not.
        """
        import numpy as np

        return np.frombuffer(self.data(block), np.uint8)

    def data(self, block: int) -> memoryview | bytes:
        """As `block`, without numpy."""
        kept = self._kept.get(block)
        if kept is not None:
            with suppress(KeyError):
                self._kept.move_to_end(block)
            return kept
        data = self.buffer(block)
        self._kept[block] = data
        while len(self._kept) > _KEPT:
            with suppress(KeyError):
                self._kept.popitem(last=False)
        return data

    def buffer(self, block: int) -> memoryview | bytes:
        """As `data`, but nothing is kept."""
        try:
            return unpack_block(*self._stored(block))
        except ArchiveError as error:
            raise ArchiveError(f"{self.path}: {self._where(block)}: {error}") from None

    def view(self, block: int) -> View | None:
        """A block opened in stages; None where it has to be decoded whole, or was already.

        Raises:
            ArchiveError: it is damaged, as far as the checksum of its stored bytes can tell.
            NativeError: its streams are not what an encoder makes.
        """
        if self.entries[block].codec != COLUMNS or block in self._kept:
            return None
        try:
            return open_view(*self._stored(block))
        except ArchiveError as error:
            raise ArchiveError(f"{self.path}: {self._where(block)}: {error}") from None

    def _where(self, block: int) -> str:
        first, after = self._first[block] + 1, self._first[block + 1]
        others = "all other blocks can be read" if len(self.entries) > 1 else "there is no other"
        lines = f"line {first:,}" if after <= first else f"lines {first:,} to {after:,}"
        return (
            f"block {block + 1} of {len(self.entries)}, {lines}, at byte "
            f"{self.entries[block].at:,} ({others}; `logpipe verify` says which are good)"
        )

    def blocks(self, first: int = 0, end: int | None = None, threads: int = 1) -> Iterator[Raw]:
        """The raw bytes of blocks in order, decoded ahead by some threads."""
        stop = len(self.entries) if end is None else end
        return _ahead(self.block, range(first, stop), threads)

    def buffers(self, threads: int = 1) -> Iterator[memoryview | bytes]:
        """The raw bytes of all blocks in order, decoded ahead by some threads; without numpy."""
        return _ahead(self.buffer, range(len(self.entries)), threads)

    def raw(self, start: int = 1, stop: int | None = None, threads: int = 1) -> Iterator[Raw]:
        """The bytes of lines start to stop, 1-based and inclusive, in pieces.

        Raises:
            UsageError: start is below 1.
            ArchiveError: a block that is needed is damaged.
        """
        import numpy as np

        for piece in self.pieces(start, stop, threads):
            yield np.frombuffer(piece, np.uint8)

    def pieces(
        self, start: int = 1, stop: int | None = None, threads: int = 1
    ) -> Iterator[memoryview | bytes]:
        """As `raw`; where few lines of a block are wanted, mostly bytes made from these alone.

        Numpy is needed only where a block is cut.
        """
        if start < 1:
            raise UsageError(f"lines are numbered from 1, found {start}")
        stop = self.lines if stop is None else min(stop, self.lines)
        if start > stop:
            return
        first = bisect.bisect_right(self._first, start - 1) - 1
        end = bisect.bisect_right(self._first, stop - 1, hi=len(self.entries))
        # The last line may go on in later blocks.
        while end < len(self.entries) and self.entries[end].flags & CONTINUES:
            end += 1
        if end - first <= 2:
            for number in range(first, end):
                yield self._some(number, start - 1, stop)
            return
        blocks = _ahead(self.data, range(first, end), threads)
        for number, data in enumerate(blocks, first):
            yield memoryview(data)[slice(*self._cut(number, data, start - 1, stop))]

    def _some(self, block: int, start: int, stop: int) -> memoryview | bytes:
        """What lines start to stop (0-based, stop exclusive) have in a block."""
        piece = self.piece(block, start, stop)
        if piece is not None:
            return piece
        data = self.data(block)
        return memoryview(data)[slice(*self._cut(block, data, start, stop))]

    def piece(self, block: int, start: int, stop: int) -> bytes | None:
        """Lines of a block (0-based, stop exclusive) without decoding it; None if it has to be.

        A few pieces of a block are taken so; if more are asked for, decoding it once is cheaper.
        """
        entry = self.entries[block]
        origin = self._first[block] - (entry.lines - entry.starts)
        begin, end = max(start - origin, 0), min(stop - origin, entry.lines)
        if 2 * (end - begin) > entry.lines:
            return None
        try:
            view, used = self._views.pop(block, (None, 0))
            view = view or self.view(block)
            if view is None or used >= _PIECES:
                return None
            piece = view.rows(array("q", range(begin, end)))
        except NativeError:
            # Decoding the block tells what is wrong with it.
            return None
        self._views[block] = view, used + 1
        while len(self._views) > _KEPT:
            with suppress(KeyError):
                self._views.popitem(last=False)
        return piece

    def _cut(self, block: int, data: memoryview | bytes, start: int, stop: int) -> tuple[int, int]:
        """Where lines start to stop (0-based, stop exclusive) lie in a block's bytes."""
        begins, ends = self._first[block], self._first[block + 1]
        continued = self.entries[block].lines - self.entries[block].starts
        if start <= begins - continued and stop >= ends:
            return 0, len(data)
        import numpy as np

        feeds = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)

        def place(line: int) -> int:
            """Where a line begins; line `begins - continued` does at 0."""
            k = line - (begins - continued)
            if k <= 0:
                return 0
            return int(feeds[k - 1]) + 1 if k <= len(feeds) else len(data)

        return place(start), place(stop)

    def iter_lines(
        self,
        start: int = 1,
        stop: int | None = None,
        where: Callable[[bytes], bool] | None = None,
    ) -> Iterator[bytes]:
        """Lines start to stop, 1-based and inclusive, with their terminators.

        Args:
            start: first line.
            stop: last line; None: to the end.
            where: a line is given only if this is true for it.
        """
        rest = b""
        for piece in self.raw(start, stop):
            lines = (rest + piece.tobytes()).split(b"\n")
            rest = lines.pop()
            for line in lines:
                whole = line + b"\n"
                if where is None or where(whole):
                    yield whole
        if rest and (where is None or where(rest)):
            yield rest

    def search_blocks(
        self,
        pattern: Pattern,
        *,
        invert: bool = False,
        limit: int | None = None,
        counts: bool = False,
        context: Context | None = None,
        threads: int = 1,
    ) -> Iterator[BlockHits]:
        """What `logpipe.archive.search.search_blocks` finds, block by block."""
        from logpipe.archive.search import search_blocks, units

        self._check_open()
        if limit is not None and limit < 0:
            raise UsageError(f"a search has a limit of 0 lines or more, found {limit}")
        return search_blocks(
            units(self),
            pattern,
            invert=invert,
            limit=limit,
            counts=counts,
            context=context,
            # For one block there is no need of what threads need.
            threads=min(threads, len(self.entries)),
        )

    def search(
        self,
        pattern: bytes | str,
        *,
        syntax: str = "extended",
        ignore_case: bool = False,
        words: bool = False,
        whole_lines: bool = False,
        invert: bool = False,
        limit: int | None = None,
        threads: int = 1,
    ) -> Iterator[tuple[int, bytes]]:
        """Lines that match, as grep finds them in the raw bytes; blocks without any are skipped.

        Args:
            pattern: what to look for; text is taken as UTF-8.
            syntax: "fixed", "basic" or "extended", as `grep -F`, `-G`, `-E` in the C locale.
            ignore_case: letters of ASCII match both cases.
            words: what matches has no letter, digit or underscore beside it.
            whole_lines: what matches is a whole line.
            invert: the lines that do not match.
            limit: no more lines than this, the first ones.
            threads: blocks looked at side by side.

        Yields:
            The number of a line, from 1, and its bytes without the line feed; a carriage return
            before it is part of the line, as it is for grep.

        Raises:
            UsageError: a pattern that grep refuses.
            ArchiveError: a block that has to be looked at is damaged.
        """
        from logpipe.archive.pattern import compile_pattern

        made = compile_pattern(
            pattern.encode("utf-8", "surrogateescape") if isinstance(pattern, str) else pattern,
            syntax=syntax,
            ignore_case=ignore_case,
            words=words,
            whole_lines=whole_lines,
        )
        for hits in self.search_blocks(made, invert=invert, limit=limit, threads=threads):
            if hits.error is not None:
                raise hits.error
            yield from hits

    def __iter__(self) -> Iterator[bytes]:
        return self.iter_lines()

    def batches(
        self,
        start: int = 1,
        stop: int | None = None,
        where: Callable[[bytes], bool] | None = None,
        size: int = 1 << 16,
    ) -> Iterator[pa.RecordBatch]:
        """The same as Arrow batches of `line_no` (uint64) and `line` (binary, no terminator).

        Args:
            start: first line.
            stop: last line; None: to the end.
            where: as in `iter_lines`; it sees the line with its terminator.
            size: lines of a batch at most.

        Raises:
            UsageError: start or size is below 1.
            ArchiveError: a block that is needed is damaged.
        """
        import pyarrow as pa

        if size < 1:
            raise UsageError(f"a batch has at least one line, found a size of {size}")

        schema = pa.schema([("line_no", pa.uint64()), ("line", pa.binary())])
        numbered = (
            (number, line)
            for number, line in enumerate(self.iter_lines(start, stop), start)
            if where is None or where(line)
        )
        while chunk := list(itertools.islice(numbered, size)):
            numbers = pa.array([n for n, _ in chunk], pa.uint64())
            lines = pa.array([_without_end(line) for _, line in chunk], pa.binary())
            yield pa.RecordBatch.from_arrays([numbers, lines], schema=schema)


def _ahead(make: Callable[[int], T], numbers: range, threads: int) -> Iterator[T]:
    """What is made of numbers, in their order, some of it ahead by threads."""
    if threads <= 1 or len(numbers) <= 1:
        yield from map(make, numbers)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads, "logpipe") as pool:
        waiting: list[Future[T]] = []
        left = iter(numbers)
        try:
            waiting.extend(pool.submit(make, n) for n in itertools.islice(left, threads))
            while waiting:
                made = waiting.pop(0).result()
                waiting.extend(pool.submit(make, n) for n in itertools.islice(left, 1))
                yield made
        finally:
            for job in waiting:
                job.cancel()


def _without_end(line: bytes) -> bytes:
    if line.endswith(b"\n"):
        return line[:-2] if line.endswith(b"\r\n") else line[:-1]
    return line
