"""Driving chunks of a source through the native core, with any number of threads.

A source is read in chunks of about 512 kB of whole lines. A few of them are under way at a time:
matched in parallel against what is known and, where every line is known, gathered at once (made
into columns); then learned from one after the other in file order; then gathered, if learning
changed them or they had to wait for it. Neither the number of threads, nor the size of a chunk, nor
how many are under way changes any result: a chunk knows the state it was matched against, and looks
again at the lines whose answer has changed since (native/src/drain.rs).

The calling thread is one of the threads: it reads, learns, hands out, and takes over calls that
wait where it would have to wait itself. Waking a thread costs as much as a tenth of a chunk.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from functools import partial
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.errors import InputError, NativeError
from logpipe.formats.readers import RawReader, Source
from logpipe.native import Arena, ArenaPool, DrainCore, Header, Matcher, Programs

__all__ = [
    "CHUNK",
    "Progress",
    "Workers",
    "aligned",
    "changed",
    "chunks",
    "learned",
    "matched",
    "sampled",
    "workers",
]

CHUNK = 1 << 19
"""Bytes of a chunk: larger ones fall out of the caches, smaller ones cost more calls."""

AHEAD = 2
"""Chunks under way for every thread: few, because the memory of each costs time when it is new."""

_FIRST_CHUNK = 1 << 15

Progress = Callable[[int, int | None], None]
"""Called with the stored bytes read so far and their total, if known."""

T = TypeVar("T")


class Workers(Protocol):
    """The part of an executor that is used here.

    Attributes:
        ahead: chunks worth having under way at a time.
    """

    ahead: int

    def submit(self, fn: Callable[..., T], /, *args: object) -> Future[T]:
        """Starts a call."""
        ...


def _done(call: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    try:
        future.set_result(call())
    except Exception as error:
        future.set_exception(error)
    return future


class _Call(Generic[T]):
    """A call under way on some thread, or waiting for one."""

    def __init__(self, pool: Workers, fn: Callable[..., T], *args: object) -> None:
        self._call = partial(fn, *args)
        self._future = pool.submit(self._call)

    def done(self) -> bool:
        """Whether `result` would answer at once."""
        return self._future.done()

    def take_over(self) -> bool:
        """Runs the call here if it still waits; says whether it did."""
        if not self._future.cancel():
            return False
        self._future = _done(self._call)
        return True

    def result(self) -> T:
        """What the call returned or raised."""
        return self._future.result()


def _first(calls: deque[_Call[T]]) -> T:
    """Takes the first result; until it is there, calls that wait are run here, last ones first."""
    while not calls[0].done() and any(call.take_over() for call in reversed(calls)):
        pass
    return calls.popleft().result()


class _Inline(AbstractContextManager["_Inline"]):
    """Runs calls at once in the calling thread: one thread means one thread."""

    ahead = 1

    def submit(self, fn: Callable[..., T], /, *args: object) -> Future[T]:
        return _done(partial(fn, *args))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class _Threads(ThreadPoolExecutor):
    """Runs calls on threads, of which the calling one is the last; native code runs at once."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads - 1, "logpipe")
        self.ahead = threads * AHEAD


_HERE = _Inline()


def workers(threads: int) -> AbstractContextManager[Workers]:
    """Something to submit native calls to; leave it as a context."""
    return _Inline() if threads <= 1 else _Threads(threads)


def _sizes() -> Iterator[int]:
    """Chunk sizes: the first are small, so that the parallel part soon knows most templates."""
    size = _FIRST_CHUNK
    while size < CHUNK:
        yield size
        size *= 4
    yield from itertools.repeat(CHUNK)


def chunks(
    source: Source,
    pool: ArenaPool,
    progress: Progress | None = None,
    carried: bytes = b"",
    number: int = 0,
) -> Iterator[Arena]:
    """Arenas filled with the source's bytes in order; every one ends with a line's end.

    Args:
        source: what is read.
        pool: where arenas come from.
        progress: see `Progress`.
        carried: to go on in the middle: the bytes that were read before but not handed out; the
            source's reader begins after them.
        number: of the first chunk, from 0.

    Raises:
        InputError: the source cannot be read.
    """
    with closing(source.open()) as reader:
        for size in itertools.islice(_sizes(), number, None):
            arena = pool.take()
            try:
                carried = _fill(arena, reader, carried, size, source.name)
            except BaseException:
                pool.give_back(arena)
                raise
            if arena.used == 0:
                pool.give_back(arena)
                return
            if progress is not None:
                progress(reader.position, source.stored)
            yield arena


def _fill(arena: Arena, reader: RawReader, carried: bytes, size: int, name: str) -> bytes:
    try:
        return arena.fill(reader, carried, size)
    except NativeError as error:
        raise InputError(
            f"{name}: {error}: not a log of lines? `logpipe compress` keeps any file"
        ) from None


def learned(
    source: Source,
    core: DrainCore,
    header: Header,
    pool: Workers,
    *,
    frozen: bool = False,
    progress: Progress | None = None,
) -> Iterator[ParsedBatch]:
    """One online pass: batches in order, with the templates as they were when each was reached."""
    line = 1
    arenas = chunks(source, core.pool, progress)
    matching: deque[_Call[Arena]] = deque()
    gathering: deque[_Call[Arena]] = deque()

    def match(arena: Arena) -> Arena:
        core.match(arena, header, frozen)
        return arena

    def gather(arena: Arena) -> Arena:
        core.gather(arena)
        return arena

    for number in itertools.count(1):
        # At first one by one: what is matched before anything was learned is matched in vain.
        ahead = min(pool.ahead, number)
        for arena in itertools.islice(arenas, ahead - len(matching)):
            matching.append(_Call(pool, match, arena))
        if matching:
            arena = _first(matching)
            complete = core.learn([arena], header, frozen)
            gathering.append(_Call(_HERE if complete else pool, gather, arena))
        elif not gathering:
            return
        while gathering and (gathering[0].done() or len(gathering) >= ahead or not matching):
            arena = _first(gathering)
            first, line = line, line + arena.lines
            yield core.batch(arena, header, first)


def matched(
    source: Source,
    matcher: Matcher,
    header: Header,
    pool: Workers,
    progress: Progress | None = None,
) -> Iterator[ParsedBatch]:
    """One pass against templates that stay as they are: batches in order."""
    line = 1
    pending: deque[_Call[Arena]] = deque()
    filled = chunks(source, matcher.pool, progress)

    def match(arena: Arena) -> Arena:
        matcher.match(arena, header)
        return arena

    for number in itertools.count(1):
        # At first one by one: shapes are added in order, and most lines have one of the first.
        for arena in itertools.islice(filled, min(pool.ahead, number) - len(pending)):
            pending.append(_Call(pool, match, arena))
        if not pending:
            return
        arena = _first(pending)
        first, line = line, line + arena.lines
        yield matcher.batch(arena, matcher.pool, header, first)


def sampled(
    source: Source,
    matcher: Matcher,
    header: Header,
    level: Callable[[], int],
    pool: Workers,
    first: int = 0,
    progress: Progress | None = None,
) -> Iterator[tuple[ByteColumn, npt.NDArray[np.uint8], int]]:
    """The messages of a sample of the lines and their levels, and the bytes they were taken from.

    Args:
        source: read once.
        matcher: has the arenas; its templates do not matter.
        header: splits the lines.
        level: asked for every chunk; it may rise, and then some of the lines that come are of the
            level that was.
        pool: runs the chunks.
        first: number of the source's first byte; see `logpipe.native.sample_levels`.
        progress: called after every chunk.
    """
    pending: deque[_Call[tuple[ByteColumn, npt.NDArray[np.uint8]]]] = deque()
    sizes: deque[int] = deque()
    filled = chunks(source, matcher.pool, progress)
    while True:
        for arena in itertools.islice(filled, pool.ahead - len(pending)):
            # The arena is another one's as soon as the sample was looked at.
            sizes.append(arena.used)
            sample = matcher.sample
            pending.append(_Call(pool, sample, arena, matcher.pool, header, first, level()))
            first += sizes[-1]
        if not pending:
            return
        messages, levels = _first(pending)
        yield messages, levels, sizes.popleft()
        del messages


def aligned(
    source: Source,
    programs: Callable[[], Programs],
    header: Header,
    ids: Callable[[Arena], npt.NDArray[np.uint32]],
    pool: Workers,
    arenas: ArenaPool,
    progress: Progress | None = None,
) -> Iterator[ParsedBatch]:
    """Batches in order, with the template ids that `ids` gives for each chunk.

    `ids` is called in file order on the calling thread. Shapes must be known to the header already.

    Raises:
        InputError: a line does not fit the template given for it: the source is not what it was.
    """
    line = 1
    firsts: deque[int] = deque()
    pending: deque[_Call[ParsedBatch | int]] = deque()
    filled = chunks(source, arenas, progress)
    while True:
        for arena in itertools.islice(filled, pool.ahead - len(pending)):
            given = ids(arena)
            pending.append(_Call(pool, programs().align, arena, arenas, header, given, line))
            firsts.append(line)
            line += len(given)
        if not pending:
            return
        result = _first(pending)
        first = firsts.popleft()
        if isinstance(result, int):
            raise changed(source, first + result)
        yield result
        # The name would keep its arena while the next one is waited for.
        del result


def changed(source: Source, line: int | None = None) -> InputError:
    """The error of a source whose lines are not what they were in an earlier pass."""
    what = f"line {line}" if line is not None else "the number of lines"
    return InputError(
        f"{source.name}: {what} is not what it was when it was first read: the file changed while "
        f"it was parsed; parse it again when nobody writes to it"
    )
