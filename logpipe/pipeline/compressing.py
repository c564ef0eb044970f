"""Compressing logs into an archive: one parsing pass, blocks packed in parallel, written in order.

Rows grow chunk by chunk on the calling thread; a full block is packed by another one, which
matches the next chunk if it has nothing to pack. What a block holds depends on the bytes alone,
so that archives are the same whatever the number of threads.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from logpipe.archive.blocks import PackedBlock, least_columns, pack_rows
from logpipe.archive.layout import RECORD_LAYOUT
from logpipe.archive.packing import Level
from logpipe.archive.removing import check_regular_output
from logpipe.archive.scan import NOTHING, Unfinished
from logpipe.archive.writer import Appending, ArchiveWriter
from logpipe.errors import OutputError, UsageError
from logpipe.export.atomic import Output
from logpipe.formats.layouts import Layout
from logpipe.formats.picking import pick_layout
from logpipe.formats.readers import RawReader, Source, check_unchanged, open_sources
from logpipe.native import Arena, DrainCore, Header
from logpipe.native.archive import BlockRows, Kind, match_rows
from logpipe.native.threads import default_threads
from logpipe.parsers.drain import Drain
from logpipe.pipeline.jobs import Job, Workers

if TYPE_CHECKING:
    from logpipe.parsers.stream import Progress

__all__ = ["BLOCK", "CompressResult", "check_removable", "compress", "remove_verified"]

BLOCK = {"fast": 16 << 20, "default": 16 << 20, "max": 36 << 20}
"""Raw bytes after which a block is full.

Rows learn from all of their block: 112 MB of a cluster's logs, which repeat across nodes, take a
110th of their room in blocks of 16 MiB, a 160th in blocks of 36, and a 166th in blocks of 64. But
two blocks of 64 that are packed side by side take 430 MB of memory, and two of 36 take 300.
"""

_CHUNK = 1 << 19
_LONGEST = 16 << 20
"""A line of more bytes goes on in the next block, so that no line can ask for all memory."""
_TAIL = 1 << 16
_NOBODY = Workers(1)
_FEW = 1 << 16
"""Raw bytes of a block up to which level max packs columns, too, whatever they promise."""


class CompressResult(NamedTuple):
    """What was written.

    Attributes:
        lines, bytes: of the sources.
        archive_bytes: of the archive; with `append`, of the new blocks and the new footer.
        total_lines, blocks: of the archive.
        layouts: header layouts that were used.
        seconds, cpu_seconds: wall clock, and user + system time of this process.
        joined: pairs of names: where the first one ends without a line feed, and its last line goes
            on in the second one.
        removed: with `append`, what a killed one had left behind the archive's end, and is gone.
    """

    lines: int
    bytes: int
    archive_bytes: int
    total_lines: int
    blocks: int
    layouts: tuple[str, ...]
    seconds: float
    cpu_seconds: float
    joined: tuple[tuple[str, str], ...] = ()
    removed: Unfinished = NOTHING


def compress(
    sources: Sequence[Source | str] | str,
    output: str,
    *,
    level: Level = "default",
    layout: str = "auto",
    append: bool = False,
    force: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> CompressResult:
    """Writes logs, one behind the other, into one archive.

    Args:
        sources: paths, or what `logpipe.formats.readers.open_sources` gives.
        output: the archive; `-` is standard output.
        level: `fast`, `default` or `max`.
        layout: as `pick_layout`; found out for every source.
        append: add to an archive that exists; it has the lines that it had if anything fails.
        force: replace an output that exists.
        threads: default: one per processor.
        progress: called after every chunk with stored bytes read and, if known, their total.

    Raises:
        LogpipeError: of the kind of what went wrong; nothing is left of the output then.
    """
    started, cpu = time.perf_counter(), time.process_time()
    named = [sources] if isinstance(sources, str) else sources
    opened = [s for n in named for s in (open_sources([n]) if isinstance(n, str) else [n])]
    removed = NOTHING
    with ExitStack() as stack:
        if append:
            appending = stack.enter_context(Appending(output))
            writer, settle = appending.writer, appending.settle
            removed = appending.removed
        else:
            out = Output(output, force=force)
            stack.push(lambda kind, *_: out.abort() if kind else out.finish())
            writer, settle = ArchiveWriter(out), out.flush
        before = (writer.lines, writer.raw, writer.position)
        job = _Compression(writer, level, threads or default_threads())
        job.unended = output if writer.open_end else ""
        with closing(job):
            for source in opened:
                seen = source.fingerprint()
                job.add(source, layout, progress)
                check_unchanged(source, seen)
            job.finish()
        settle()
        # Those of the lines that it had before, too.
        names = "\n".join(filter(None, dict.fromkeys(writer.layouts + job.layouts))).encode("utf-8")
        writer.finish({RECORD_LAYOUT: names} if names else None)
    return CompressResult(
        lines=writer.lines - before[0],
        bytes=writer.raw - before[1],
        archive_bytes=writer.position - (before[2] if append else 0),
        total_lines=writer.lines,
        blocks=writer.blocks,
        layouts=tuple(job.layouts),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
        joined=tuple(job.joined),
        removed=removed,
    )


class _Compression:
    """Rows under way, blocks being packed, and the writer behind them."""

    def __init__(self, writer: ArchiveWriter, level: Level, threads: int) -> None:
        self.layouts: list[str] = []
        self.joined: list[tuple[str, str]] = []
        # What came last, if it ended without a line feed.
        self.unended = ""
        self._writer = writer
        self._level: Level = level
        self._workers = Workers(threads)
        # Blocks that others have. One more than they can pack, so that none waits for us; but at
        # level max, where a block takes seconds, each of them takes 100 MB.
        self._most = threads if threads > 1 and level != "max" else threads - 1
        self._packing: deque[tuple[BlockRows, Job[PackedBlock]]] = deque()
        self._free: list[BlockRows] = []
        self._rows = BlockRows("bytes" if level == "max" else "columns")
        self._core: DrainCore | None = None
        self._header: Header | None = None
        self._spec = ""

    def close(self) -> None:
        """Waits for what is under way, and forgets it."""
        self._workers.close()
        self._packing.clear()

    def add(self, source: Source, layout: str, progress: Progress | None) -> None:
        """Reads a source to its end."""
        compiled, _ = pick_layout(layout, [source], times=False)
        core, header = self._parser(compiled)
        ends = True
        with closing(_chunks(source, core, progress)) as chunks:
            chunk, upcoming = next(chunks, None), None
            # There is nothing else to do meanwhile.
            job = self._matching(core, header, chunk, _NOBODY)
            try:
                while chunk is not None:
                    upcoming = next(chunks, None)
                    job.result()
                    arena, ends = chunk
                    if self.unended:
                        self.joined.append((self.unended, source.name))
                        self.unended = ""
                    core.learn([arena], header)
                    job = self._matching(core, header, upcoming)
                    self._rows.add(core, header, arena)
                    core.pool.give_back(arena)
                    if not ends or self._rows.size >= BLOCK[self._level]:
                        self.flush()
                    chunk = upcoming
            finally:
                job.forget()
        if not ends:
            self.flush()
            self.unended = source.name

    def _matching(
        self,
        core: DrainCore,
        header: Header,
        chunk: tuple[Arena, bool] | None,
        workers: Workers | None = None,
    ) -> Job[None]:
        """Matches a chunk with all that was learned from those before it."""
        # At level max a full block is learned from anew, which comes before the next chunk.
        if chunk is None or self._level == "max":
            workers = _NOBODY
        call = partial(match_rows, core, chunk[0], header) if chunk else lambda: None
        return (workers or self._workers).begin(call)

    def _parser(self, layout: Layout) -> tuple[DrainCore, Header]:
        """What was learned before is used again while the layout stays the same."""
        if self._core is None or self._header is None or self._spec != layout.spec:
            # Numbers of templates and columns mean another thing from here on.
            self.flush()
            self._spec = layout.spec
            self._core = Drain().new_core()
            self._header = Header(layout.program, layout.fields)
            if layout.name not in self.layouts:
                self.layouts.append(layout.name)
        return self._core, self._header

    def flush(self, workers: Workers | None = None) -> None:
        """Gives the rows to a packer."""
        if self._rows.size == 0:
            return
        rows = self._rows
        if self._level == "max":
            rows = self._matched_again(rows, "rows")
            if rows.size <= BLOCK["default"]:
                self._pack_both(rows)
                return
        job = (workers or self._workers).begin(partial(pack_rows, rows, self._level))
        self._packing.append((rows, job))
        if len(self._packing) > self._most:
            job.do()
        self._write(self._most)
        if self._level != "max":
            self._rows = self._free.pop() if self._free else BlockRows()

    def _done(self, rows: BlockRows) -> None:
        """A block was written: its memory is for the next one.

        At level max, where it is soon made and much, it is given back.
        """
        rows.clear()
        if self._level != "max":
            self._free.append(rows)

    def _pack_both(self, rows: BlockRows) -> None:
        """Writes a short block as rows or as columns.

        Of a few lines a model has learned too little; and where long lines differ in a few numbers,
        columns that never change cost nothing.
        """
        packed = pack_rows(rows, self._level)
        columns = self._matched_again(rows, "columns")
        if rows.size <= _FEW or least_columns(columns) < len(packed.payload):
            packed = min(packed, pack_rows(columns, self._level), key=lambda p: len(p.payload))
        self._write(0)
        self._writer.write(packed)
        self._done(rows)

    def _matched_again(self, first: BlockRows, kind: Kind) -> BlockRows:
        """Rows anew, with the templates that all of the block was learned into.

        A block's first lines are learned one by one, into templates that the lines after them make
        more general: as they stand they would be rows of many templates that are one. So a block of
        level max is only bytes at first, which its rows take over.
        """
        core, header = self._core, self._header
        assert core is not None, "rows are of a parser"
        assert header is not None, "rows are of a layout"
        rows = BlockRows(kind)
        if kind == "rows":
            rows.take(first)
        raw = rows.raw if kind == "rows" else first.raw
        start = 0
        while start < len(raw):
            end = min(start + _CHUNK, len(raw))
            if end < len(raw):
                end = _after_last_feed(raw, start, end) or _after_feed(raw, end)
            arena = core.pool.take()
            arena.input(end - start)[: end - start] = raw[start:end]
            arena.used = end - start
            match_rows(core, arena, header)
            core.learn([arena], header)
            rows.add(core, header, arena)
            core.pool.give_back(arena)
            start = end
        return rows

    def finish(self) -> None:
        """Writes all that is left."""
        self.flush(_NOBODY)
        for _, job in self._packing:
            job.do()
        self._write(0)

    def _write(self, most: int) -> None:
        """Writes blocks in order until at most this many are being packed."""
        while len(self._packing) > most or (self._packing and self._packing[0][1].done):
            rows, job = self._packing.popleft()
            self._writer.write(job.result())
            self._done(rows)


def _chunks(
    source: Source, core: DrainCore, progress: Progress | None
) -> Generator[tuple[Arena, bool]]:
    """Arenas filled with a source's bytes in order, and whether each ends with a line's end.

    As `logpipe.parsers.stream.chunks`, but for lines that are longer than `_LONGEST`.
    """
    with closing(source.open()) as reader:
        carried, ended = b"", False
        while not ended:
            arena = core.pool.take()
            try:
                carried, ended = _fill(arena, reader, carried)
            except BaseException:
                core.pool.give_back(arena)
                raise
            if arena.used == 0:
                core.pool.give_back(arena)
                return
            if progress is not None:
                progress(reader.position, source.stored)
            yield arena, _ends(arena)


def _ends(arena: Arena) -> bool:
    return arena.input(arena.used)[arena.used - 1] == 10


def _fill(arena: Arena, reader: RawReader, carried: bytes) -> tuple[bytes, bool]:
    """Reads whole lines, or a part of one that is too long: (what is left over, at the end)."""
    size = len(carried) + _CHUNK
    view = arena.input(size)
    view[: len(carried)] = carried
    have, searched = len(carried), len(carried)
    while True:
        while have < len(view):
            n = reader.readinto(view[have:])
            if n == 0:
                arena.used = have
                return b"", True
            have += n
        cut = _after_last_feed(view, searched, have)
        if cut:
            arena.used = cut
            return bytes(view[cut:have]), False
        if have >= _LONGEST:
            arena.used = have
            return b"", False
        searched = have
        view = arena.input(min(2 * have, _LONGEST))


def _after_last_feed(view: memoryview, start: int, end: int) -> int:
    """The position after the last line feed of view[start:end], or 0."""
    while end > start:
        begin = max(start, end - _TAIL)
        at = bytes(view[begin:end]).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0


def _after_feed(view: memoryview, start: int) -> int:
    """The position after the first line feed of view[start:], or its end."""
    while start < len(view):
        at = bytes(view[start : start + _TAIL]).find(b"\n")
        if at >= 0:
            return start + at + 1
        start += _TAIL
    return len(view)


def check_removable(paths: Sequence[str], output: str) -> None:
    """Refuses, before any work, to remove what is not a plain file with one log in it.

    Raises:
        UsageError: a path is something else; what it names could not be had back from the archive.
            Or it is there twice, or the output does not keep what is written to it.
    """
    check_regular_output(output)
    seen: set[str] = set()
    for path in paths:
        real = os.path.realpath(path)
        if real in seen:
            raise UsageError(f"--rm: {path} is named twice, and can be deleted only once")
        seen.add(real)
        sources = open_sources([path])
        plain = Path(path).is_file() and not Path(path).is_symlink()
        # Of a tar, a zip or an archive it has no names, nor what is no log in it.
        if not plain or len(sources) != 1 or not hasattr(sources[0], "compression"):
            raise UsageError(f"--rm: {path} is not a plain file with one log in it")


def remove_verified(
    sources: Sequence[Source],
    paths: Sequence[str],
    output: str,
    result: CompressResult,
    progress: Progress | None = None,
) -> None:
    """Deletes the files of an archive after comparing every byte of theirs with what it gives back.

    Raises:
        OutputError: the archive does not give the same bytes; nothing was deleted.
    """
    from logpipe.archive.reader import Archive

    seen = [source.fingerprint() for source in sources]
    with Archive(output) as archive:
        # With `append`, the new lines are the last ones.
        skip = archive.raw_size - result.bytes
        pieces = _after(archive.buffers(), skip)
        rest = memoryview(b"")
        buffer = memoryview(bytearray(_CHUNK))
        done = 0
        for source in sources:
            with closing(source.open()) as reader:
                while n := reader.readinto(buffer):
                    given = 0
                    while given < n:
                        if not rest:
                            rest = memoryview(next(pieces, b""))
                        m = min(len(rest), n - given)
                        if m == 0 or rest[:m] != buffer[given : given + m]:
                            raise OutputError(
                                f"{output} does not give back the bytes of {source.name} from byte "
                                f"{done + given:,} on; nothing was deleted"
                            )
                        given += m
                        rest = rest[m:]
                    done += n
                    if progress is not None:
                        progress(done, result.bytes)
        if rest or next(pieces, None) is not None:
            raise OutputError(f"{output} has more than its files; nothing was deleted")
    for source, before, path in zip(sources, seen, paths, strict=True):
        check_unchanged(source, before)
        try:
            Path(path).unlink()
        except OSError as error:
            raise OutputError(
                f"cannot delete {path}: {error.strerror}; {output} has all of its bytes"
            ) from None


def _after(pieces: Iterator[memoryview | bytes], skip: int) -> Iterator[bytes]:
    for piece in pieces:
        if len(piece) > skip:
            yield bytes(piece[skip:])
        skip = max(0, skip - len(piece))
