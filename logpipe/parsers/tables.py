"""The passes of a parse with a parser whose learned state is a table of templates.

Such a parser (`Parser.matcher`) never sees every line, and no line is looked at by Python:

1. A sample of the lines is taken and the parser fitted on it. It is spread evenly over all sources
   and does not depend on chunks or threads; a log with fewer lines than that is the sample.
2. All lines are matched natively. What fits nothing is put aside.
3. Of what was put aside, lines that differ from a template in white space only make templates of
   its group. Of the others the parser is given a sample again (`partial_fit`), and all that is left
   is matched against the new templates, until nothing is left, nothing new is learned, a round has
   learned about as many templates as there are lines that fit them, or after some rounds. What is
   left then comes to the parser once more if it has `settle`. A line keeps the template it was
   given first, so that no round changes what came before.

Then the template of every line is known, and the last pass is that of `Learning.batches`.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import zstandard

from logpipe.batch import ByteColumn
from logpipe.errors import LogpipeError, ParserError
from logpipe.formats.readers import Source
from logpipe.native import MAX_LEVEL, Header, Matcher, Programs, sample_levels, take
from logpipe.parsers.align import respacings
from logpipe.parsers.base import Parser
from logpipe.parsers.idspool import IdSpool
from logpipe.parsers.learning import Learning, Queue
from logpipe.parsers.stream import Progress, Workers, matched, sampled
from logpipe.template import UNKNOWN_GROUP, VERBATIM, TemplateTable

__all__ = ["ROUNDS", "SAMPLE_BYTES", "Sample", "TableLearning", "has_matcher"]

SAMPLE_BYTES = 64 << 20
"""Bytes of messages that a parser learns from at a time, whatever their number."""

ROUNDS = 4
"""How often what fitted nothing is learned from."""


EARNS = 2
"""Lines that a template of a round must fit on average for another round to be worth it."""

TOLD = 100
"""One line of so many is told to the user if it has no template."""

RESPACED = 1 << 15
"""Lines that fitted nothing of which the white space is looked at."""


def has_matcher(parser: object) -> bool:
    """Whether a parser's class says that its learned state is a table."""
    return getattr(type(parser), "matcher", Parser.matcher) is not Parser.matcher


def _joined(columns: list[ByteColumn]) -> ByteColumn:
    """Columns that begin at 0 and hold nothing else, one after the other."""
    offsets, at = [np.zeros(1, np.int64)], 0
    for column in columns:
        offsets.append(column.offsets[1:].astype(np.int64) + at)
        at += int(column.offsets[-1])
    data = np.concatenate([np.zeros(0, np.uint8), *(column.data for column in columns)])
    return ByteColumn(np.concatenate(offsets).astype(np.int32), data)


class Sample:
    """Messages of the lines of a level; the level rises so that they stay within the bounds.

    What is kept in the end depends on the messages and their levels alone, not on how they came in.

    Args:
        lines, size: how many messages, and bytes of messages, are kept at most.
    """

    def __init__(self, lines: int, size: int = SAMPLE_BYTES) -> None:
        self.level = 0
        self._bounds = lines, size
        self._kept: list[tuple[ByteColumn, npt.NDArray[np.uint8]]] = []
        self._have = [0, 0]

    def add(self, messages: ByteColumn, levels: npt.NDArray[np.uint8]) -> None:
        """Offers messages; copies what it keeps."""
        self._keep(messages, levels)
        while self.level < MAX_LEVEL and any(
            have > bound for have, bound in zip(self._have, self._bounds, strict=True)
        ):
            self.level += 1
            kept, self._kept, self._have = self._kept, [], [0, 0]
            for column, own in kept:
                self._keep(column, own)

    def _keep(self, messages: ByteColumn, levels: npt.NDArray[np.uint8]) -> None:
        rows = np.flatnonzero(levels >= self.level)
        if len(rows):
            column = take(messages, rows)
            self._kept.append((column, levels[rows]))
            self._have[0] += len(rows)
            self._have[1] += int(column.offsets[-1])

    def head(self, lines: int) -> ByteColumn:
        """The first of what was kept."""
        column = _joined([column for column, _ in self._kept])
        return column.slice(0, min(lines, len(column)))

    def column(self) -> ByteColumn:
        """All that was kept, in order; nothing is kept any more."""
        kept, self._kept, self._have = [column for column, _ in self._kept], [], [0, 0]
        return _joined(kept)


class _Left:
    """Messages that fitted nothing: all of them, compressed, and a sample.

    Attributes:
        lines: how many.
        sample: of them.
    """

    _TOGETHER = 1 << 18

    def __init__(self, sample_lines: int) -> None:
        self.lines = 0
        self.sample = Sample(sample_lines)
        self._file = tempfile.SpooledTemporaryFile(max_size=16 << 20)  # noqa: SIM115
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._waiting: list[ByteColumn] = []
        self._waiting_bytes = 0
        self._columns = 0

    def add(self, messages: ByteColumn) -> None:
        """Adds messages, copied."""
        if len(messages) == 0:
            return
        self.sample.add(messages, sample_levels(self.lines, len(messages)))
        self._waiting.append(take(messages, np.arange(len(messages))))
        self._waiting_bytes += int(messages.offsets[-1] - messages.offsets[0])
        self.lines += len(messages)
        if self._waiting_bytes > self._TOGETHER:
            self._flush()

    def _flush(self) -> None:
        column, self._waiting, self._waiting_bytes = _joined(self._waiting), [], 0
        for part in (column.offsets, column.data):
            packed = self._compressor.compress(part.tobytes())
            self._file.write(struct.pack("<I", len(packed)) + packed)
        self._columns += 1

    def __iter__(self) -> Iterator[ByteColumn]:
        """The messages again, in order, many at a time."""
        if self._waiting:
            self._flush()
        self._file.seek(0)
        for _ in range(self._columns):
            yield ByteColumn(
                np.frombuffer(self._unpacked(), np.int32), np.frombuffer(self._unpacked(), np.uint8)
            )

    def _unpacked(self) -> bytes:
        (length,) = struct.unpack("<I", self._file.read(4))
        return zstandard.ZstdDecompressor().decompress(self._file.read(length))

    def close(self) -> None:
        """Frees the memory or the file."""
        self._file.close()


def _names(inputs: list[tuple[Source, Header, Workers, Progress | None]]) -> str:
    names = [source.name for source, *_ in inputs]
    return names[0] if len(names) == 1 else f"{len(names)} inputs, {names[0]} the first"


class TableLearning(Learning):
    """Learning with a parser that has a `matcher`."""

    def __init__(self, parser: Parser, name: str, frozen: bool) -> None:
        super().__init__(parser)
        self._name = name
        self._frozen = frozen
        self._inputs: list[tuple[Source, Header, Workers, Progress | None]] = []
        self._splitter = Matcher()
        self._sample = Sample(parser.sample_lines)
        self._sampled = 0
        self._lines = 0
        self._unknown = 0
        self._rounds: list[IdSpool] = []
        self._queues: list[Queue] = []

    def learn(
        self, source: Source, header: Header, pool: Workers, progress: Progress | None
    ) -> None:
        """The first pass: a sample is taken."""
        self._inputs.append((source, header, pool, progress))
        if self._frozen:
            return
        for messages, levels, size in sampled(
            source,
            self._splitter,
            header,
            lambda: self._sample.level,
            pool,
            self._sampled,
            progress,
        ):
            self._sample.add(messages, levels)
            self._sampled += size
            del messages

    def finish(self) -> TemplateTable:
        """Learns, matches everything, and learns from what is left."""
        if not self._frozen:
            self._call("fit", self._sample.column())
        matcher = self._matcher()
        left = self._match(matcher)
        can_learn = not self._frozen and callable(getattr(self.parser, "partial_fit", None))
        earned = self._lines - left.lines >= EARNS * (len(matcher.templates) - 1)
        for _ in range(ROUNDS):
            left = self._respace(matcher, left)
            if left.lines == 0 or not can_learn or not earned:
                break
            known, lines = len(matcher.templates), left.lines
            self._call("partial_fit", left.sample.column())
            matcher = self._checked(matcher, known)
            new = len(matcher.templates) - known
            if new == 0:
                break
            left = self._match_left(matcher, left)
            earned = lines - left.lines >= EARNS * new
        if left.lines and can_learn and callable(getattr(self.parser, "settle", None)):
            known = len(matcher.templates)
            self._call("settle", left.sample.head(left.lines))
            matcher = self._checked(matcher, known)
            if len(matcher.templates) > known:
                left = self._match_left(matcher, left)
        self._unknown = left.lines
        left.close()
        self._count(matcher.templates)
        self._programs = Programs(matcher.templates, matcher.delimiters)
        return matcher.templates

    def warnings(self) -> list[str]:
        """Says so if many lines were not worth learning."""
        # What a given model does not know is told by whoever has its name.
        if self._frozen or self._unknown < max(2, self._lines // TOLD):
            return []
        return [
            f"{self._unknown:,} of {self._lines:,} lines have no template: they are too different "
            f"from each other; they are in group {UNKNOWN_GROUP}, kept as they are"
        ]

    def _call(self, method: str, messages: ByteColumn) -> None:
        where = f"a sample of {len(messages)} lines of {_names(self._inputs)}"
        try:
            getattr(self.parser, method)(messages)
        except ParserError as error:
            raise ParserError(f"{where}: {error}") from error
        except LogpipeError:
            raise
        except (Exception, SystemExit) as error:  # a plug-in must not end the program
            raise ParserError(
                f"{where}: parser {self._name!r} failed in {method}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _matcher(self) -> Matcher:
        matcher = self.parser.matcher()
        if not isinstance(matcher, Matcher):
            raise ParserError(
                f"parser {self._name!r} has no matcher after fitting: found {matcher!r:.60}, "
                f"expected a logpipe.native.Matcher"
            )
        return matcher

    def _checked(self, before: Matcher, known: int) -> Matcher:
        """The matcher as it is now; its first templates must be those it had."""
        matcher = self._matcher()
        if matcher is before:
            # One table can only be appended to.
            return matcher
        kept = [(t.group, t.literals, t.kinds) for t in list(before.templates)[:known]]
        found = [(t.group, t.literals, t.kinds) for t in list(matcher.templates)[:known]]
        if kept != found:
            raise ParserError(
                f"parser {self._name!r}: partial_fit changed templates that were there before; "
                f"expected that it only adds some"
            )
        return matcher

    def _respace(self, matcher: Matcher, left: _Left) -> _Left:
        """Lines that differ from a template in white space get one of their own in its group."""
        if left.lines == 0:
            return left
        new = respacings(matcher.templates, left.sample.head(RESPACED), matcher.delimiters)
        if not new:
            return left
        matcher.append(new)
        return self._match_left(matcher, left)

    def _match(self, matcher: Matcher) -> _Left:
        """The second pass: matches all lines, and returns those that fit nothing."""
        left = _Left(self.parser.sample_lines)
        for source, header, pool, progress in self._inputs:
            spool = self._spool(header)
            for batch in matched(source, matcher, header, pool, progress):
                spool.put(batch.template_ids)
                self.summary.bytes += batch.size
                self._lines += len(batch)
                self.summary.look_at(batch)
                self.summary.count_headers(batch)
                left.add(batch.column(VERBATIM, 0))
                del batch
        return left

    def _match_left(self, matcher: Matcher, left: _Left) -> _Left:
        """The same for what an earlier round left."""
        spool, rest = IdSpool(), _Left(self.parser.sample_lines)
        self._rounds.append(spool)
        for column in left:
            batch = matcher.match_messages(column)
            spool.put(batch.template_ids)
            self.summary.look_at(batch)
            rest.add(batch.column(VERBATIM, 0))
            del batch
        left.close()
        return rest

    def _count(self, table: TemplateTable) -> None:
        """Counts the lines by the templates they have in the end."""
        for _, header, _, _ in self._inputs:
            line = 1
            for kept in self._spool(header):
                ids = self._final(kept)
                self.summary.count(ids, line, 0)
                line += len(ids)
        self._queues = []
        self.summary.grow(len(table))
        for template in table:
            table.set_types(template.id, self.summary.types(template.id))

    def _final(self, kept: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        if not self._queues:
            self._queues = [Queue(spool) for spool in self._rounds]
        ids = kept
        for queue in self._queues:
            rows = np.flatnonzero(ids == VERBATIM)
            if len(rows) == 0:
                break
            ids = ids.copy() if ids is kept else ids
            ids[rows] = queue.take(len(rows))
        return ids

    def close(self) -> None:
        """As `Learning.close`."""
        super().close()
        for spool in self._rounds:
            spool.close()
