"""Archives being read: lines, ranges of lines, Arrow batches, raw bytes."""

from __future__ import annotations

import bisect
import itertools
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from logpipe.archive.blocks import unpack_block
from logpipe.archive.layout import (
    BLOCK_HEADER,
    CONTINUES,
    MAX_RAW,
    BlockHeader,
    Entry,
    parse_filters,
)
from logpipe.archive.scan import read_footer
from logpipe.archive.writer import RECORD_FILTERS
from logpipe.errors import ArchiveError, InputError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from logpipe.archive.pattern import Pattern
    from logpipe.archive.search import BlockHits

__all__ = ["Archive", "Raw"]

Raw = npt.NDArray[np.uint8]
"""Raw bytes of a block."""

_KEPT = 2
"""Decoded blocks that are kept, because ranges are often asked for one after the other."""


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
        try:
            self._file = Path(path).open("rb")  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise InputError(f"{path}: cannot be opened: {error.strerror}") from None
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
        self._kept: OrderedDict[int, Raw] = OrderedDict()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        self._kept.clear()

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

    def _stored(self, block: int) -> tuple[BlockHeader, bytes]:
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
        kept = self._kept.get(block)
        if kept is not None:
            with suppress(KeyError):
                self._kept.move_to_end(block)
            return kept
        try:
            header, payload = self._stored(block)
            raw = np.frombuffer(unpack_block(header, payload), np.uint8)
        except ArchiveError as error:
            raise ArchiveError(f"{self.path}: {self._where(block)}: {error}") from None
        self._kept[block] = raw
        while len(self._kept) > _KEPT:
            with suppress(KeyError):
                self._kept.popitem(last=False)
        return raw

    def _where(self, block: int) -> str:
        first, after = self._first[block] + 1, self._first[block + 1]
        others = "all other blocks can be read" if len(self.entries) > 1 else "there is no other"
        return (
            f"block {block + 1} of {len(self.entries)}, lines {first:,} to {after:,}, at byte "
            f"{self.entries[block].at:,} ({others}; `logpipe verify` says which are good)"
        )

    def blocks(self, first: int = 0, end: int | None = None, threads: int = 1) -> Iterator[Raw]:
        """The raw bytes of blocks in order, decoded ahead by some threads."""
        stop = len(self.entries) if end is None else end
        if threads <= 1 or stop - first <= 1:
            for number in range(first, stop):
                yield self.block(number)
            return
        with ThreadPoolExecutor(threads, "logpipe") as pool:
            waiting: list[Future[Raw]] = []
            numbers = iter(range(first, stop))
            try:
                for number in itertools.islice(numbers, threads):
                    waiting.append(pool.submit(self.block, number))
                while waiting:
                    raw = waiting.pop(0).result()
                    for number in itertools.islice(numbers, 1):
                        waiting.append(pool.submit(self.block, number))
                    yield raw
            finally:
                for job in waiting:
                    job.cancel()

    def raw(self, start: int = 1, stop: int | None = None, threads: int = 1) -> Iterator[Raw]:
        """The bytes of lines start to stop, 1-based and inclusive, in pieces.

        Raises:
            UsageError: start is below 1.
            ArchiveError: a block that is needed is damaged.
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
        for number, raw in enumerate(self.blocks(first, end, threads), first):
            yield raw[slice(*self._cut(number, raw, start - 1, stop))]

    def _cut(self, block: int, raw: Raw, start: int, stop: int) -> tuple[int, int]:
        """Where lines start to stop (0-based, stop exclusive) lie in a block's bytes."""
        begins, ends = self._first[block], self._first[block + 1]
        continued = self.entries[block].lines - self.entries[block].starts
        if start <= begins - continued and stop >= ends:
            return 0, len(raw)
        feeds = np.flatnonzero(raw == 10)

        def place(line: int) -> int:
            """Where a line begins; line `begins - continued` does at 0."""
            k = line - (begins - continued)
            if k <= 0:
                return 0
            return int(feeds[k - 1]) + 1 if k <= len(feeds) else len(raw)

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
        threads: int = 1,
    ) -> Iterator[BlockHits]:
        """What `logpipe.archive.search.search_blocks` finds, block by block."""
        from logpipe.archive.search import search_blocks, units

        return search_blocks(
            units(self), pattern, invert=invert, limit=limit, counts=counts, threads=threads
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
            for line, start, end in hits.rows.tolist():
                yield hits.first_line + line, hits.text[start:end]

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
        """
        import pyarrow as pa

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


def _without_end(line: bytes) -> bytes:
    if line.endswith(b"\n"):
        return line[:-2] if line.endswith(b"\r\n") else line[:-1]
    return line
