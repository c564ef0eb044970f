"""The two passes of `logpipe.pipeline.parse`: learn from every line, then hand every line out.

Between the passes one number per line is kept, compressed: the template id it was given, or the
group. `DrainLearning` is for the native parser, whose lines Python never sees; `ParserLearning`
runs any other one over messages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.errors import LogpipeError, ParserError
from logpipe.formats.readers import Source
from logpipe.native import Arena, ArenaPool, Header, Programs
from logpipe.parsers.align import Aligner
from logpipe.parsers.base import Groups, Parser, checked_groups, checked_templates
from logpipe.parsers.drain import Drain
from logpipe.parsers.idspool import IdSpool
from logpipe.parsers.stream import Progress, Workers, aligned, changed, learned
from logpipe.parsers.summary import Summary
from logpipe.template import Template, TemplateTable

__all__ = ["DrainLearning", "Learning", "ParserLearning", "Queue"]

FIT_BYTES = 256 << 20
"""Messages that a parser without `partial_fit` learns from; the rest it only predicts."""


class Learning(ABC):
    """One parse in progress.

    Attributes:
        parser: what learns.
        summary: of the lines seen so far; after `finish`, in terms of the final templates.
    """

    _programs: Programs

    def __init__(self, parser: Parser) -> None:
        self.parser = parser
        self.summary = Summary()
        self._spools: dict[int, IdSpool] = {}

    def _spool(self, header: Header) -> IdSpool:
        if id(header) not in self._spools:
            self._spools[id(header)] = IdSpool()
        return self._spools[id(header)]

    @abstractmethod
    def learn(
        self, source: Source, header: Header, pool: Workers, progress: Progress | None
    ) -> None:
        """The first pass over a source."""

    @abstractmethod
    def finish(self) -> TemplateTable:
        """Ends the first pass; the templates are final from now on."""

    def batches(
        self,
        source: Source,
        header: Header,
        pool: Workers,
        arenas: ArenaPool,
        progress: Progress | None,
    ) -> Iterator[ParsedBatch]:
        """The last pass over a source: the final template of each line is known already."""
        kept = self.final_ids(header)

        def ids(_: Arena) -> npt.NDArray[np.uint32]:
            return next(kept, np.zeros(0, np.uint32))

        yield from aligned(source, lambda: self._programs, header, ids, pool, arenas, progress)
        if next(kept, None) is not None:
            raise changed(source)

    def final_ids(self, header: Header) -> Iterator[npt.NDArray[np.uint32]]:
        """The final template id of every line of a source, one array per chunk."""
        return (self._final(kept) for kept in self._spool(header))

    def _final(self, kept: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """The final template ids for what was kept of some lines."""
        return kept

    @property
    def delimiters(self) -> bytes:
        """What ends a TOKEN slot of the final templates besides white space."""
        return self._programs.delimiters

    def warnings(self) -> list[str]:
        """What the user should know about the result."""
        return []

    def close(self) -> None:
        """Frees what was kept between the passes."""
        for spool in self._spools.values():
            spool.close()


class DrainLearning(Learning):
    """Learning with the native Drain."""

    def __init__(self, parser: Drain, frozen: bool) -> None:
        super().__init__(parser)
        self._core = parser.core_
        self._frozen = frozen

    def learn(
        self, source: Source, header: Header, pool: Workers, progress: Progress | None
    ) -> None:
        """The first pass: an online pass of which the template ids are kept."""
        spool = self._spool(header)
        for batch in learned(
            source, self._core, header, pool, frozen=self._frozen, progress=progress
        ):
            spool.put(batch.template_ids)
            self.summary.count(batch.template_ids, batch.first_line, batch.size)
            self.summary.look_at(batch)
            self.summary.count_headers(batch)
            del batch

    def finish(self) -> TemplateTable:
        """Replaces every template by what its group has become."""
        table, self._mapping = self._core.final_templates()
        self.summary = self.summary.carried_over(
            self._core.templates, table, self._mapping, self._core.delimiters
        )
        self._programs = Programs(table, self._core.delimiters)
        return table

    def _final(self, kept: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        return self._mapping[kept]


class ParserLearning(Learning):
    """Learning with any parser of the contract.

    One with `partial_fit` sees all messages, in order. One without is given up to 256 MB of
    messages to fit, and predicts the rest. Then every message is aligned to a template of its
    group.
    """

    def __init__(self, parser: Parser, name: str, frozen: bool) -> None:
        super().__init__(parser)
        self._name = name
        # A Drain that never learns splits lines into headers and messages.
        self._splitter = Drain().core_
        self._inputs: list[tuple[Source, Header, Workers]] = []
        self._groups = IdSpool()
        self._waiting: list[ByteColumn] = []
        self._waiting_bytes = 0
        self._waiting_for: list[str] = []
        self._predicts = frozen
        self._misfits = 0
        self._first_misfit = ""

    def learn(
        self, source: Source, header: Header, pool: Workers, progress: Progress | None
    ) -> None:
        """The first pass: the groups are kept."""
        self._inputs.append((source, header, pool))
        for batch in learned(source, self._splitter, header, pool, frozen=True, progress=progress):
            first = batch.first_line
            where = f"{source.name}: lines {first} to {first + len(batch) - 1}"
            self._give(batch.values, where)
            self.summary.count_headers(batch)
            del batch

    def _give(self, messages: ByteColumn, where: str) -> None:
        if self._predicts:
            self._keep("predict", messages, where)
        elif callable(getattr(self.parser, "partial_fit", None)):
            self._keep("partial_fit", messages, where)
        else:
            self._waiting_for.append(where)
            # Copied, because the views keep a whole chunk alive.
            self._waiting.append(ByteColumn(messages.offsets.copy(), messages.data.copy()))
            self._waiting_bytes += len(messages.data)
            if self._waiting_bytes > FIT_BYTES:
                self._fit()

    def _fit(self) -> None:
        """Learns from what is waiting; from now on the parser only predicts."""
        columns, self._waiting = self._waiting, []
        if not self._predicts:
            everything = ByteColumn.of([value for column in columns for value in column])
            self._keep("fit_predict", everything, _range(self._waiting_for))
        self._predicts = True

    def _keep(self, method: str, messages: ByteColumn, where: str) -> None:
        try:
            groups = getattr(self.parser, method)(messages)
            groups = checked_groups(self._name, groups, len(messages))
        except ParserError as error:
            raise ParserError(f"{where}: {error}") from error
        except LogpipeError:
            raise
        except (Exception, SystemExit) as error:  # a plug-in must not end the program
            raise ParserError(
                f"{where}: parser {self._name!r} failed in {method}: "
                f"{type(error).__name__}: {error}"
            ) from error
        self._groups.put(groups)

    def finish(self) -> TemplateTable:
        """Aligns every message to a template of its group."""
        if not callable(getattr(self.parser, "partial_fit", None)) or not self._groups.arrays:
            # An online parser that saw nothing has to be fitted, too: it has no templates yet.
            self._fit()
        delimiters = getattr(self.parser, "extra_delimiters", ())
        aligner = Aligner(self._claimed(), "".join(delimiters).encode())
        groups = Queue(self._groups)
        arenas = ArenaPool()
        for source, header, pool in self._inputs:
            spool = self._spool(header)
            for batch in learned(source, self._splitter, header, pool, frozen=True):
                given = groups.take(len(batch))
                if len(given) < len(batch):
                    raise changed(source)
                ids = aligner.align(batch.values, given)
                if aligner.misfits and not self._first_misfit:
                    line = batch.first_line + aligner.misfits[0]
                    self._first_misfit = f"{source.name}: line {line}"
                self._misfits += len(aligner.misfits)
                spool.put(ids)
                self.summary.count(ids, batch.first_line, batch.size)
                parsed = aligner.programs.align_messages(arenas, batch.values, ids)
                assert isinstance(parsed, ParsedBatch)
                self.summary.look_at(parsed)
                del batch, parsed
        if len(groups.take(1)):
            raise changed(self._inputs[-1][0])
        table = aligner.table
        self.summary.grow(len(table))
        for template in table:
            table.set_types(template.id, self.summary.types(template.id))
        self._programs = aligner.programs
        return table

    def close(self) -> None:
        """As `Learning.close`."""
        super().close()
        self._groups.close()

    def _claimed(self) -> list[Template]:
        return checked_templates(self._name, getattr(self.parser, "templates_", None))

    def warnings(self) -> list[str]:
        """Says so if templates did not render their lines."""
        if not self._misfits:
            return []
        return [
            f"parser {self._name!r} gave {self._misfits} lines a group whose templates do not "
            f"render them (first {self._first_misfit}); they were kept verbatim in their group"
        ]


def _range(places: list[str]) -> str:
    """One or several places, for a message."""
    return places[0] if len(places) == 1 else f"{places[0]}, up to {places[-1]}" if places else "-"


class Queue:
    """Arrays handed on in pieces of other lengths than they came in."""

    def __init__(self, spool: IdSpool) -> None:
        self._arrays = iter(spool)
        self._rest = np.zeros(0, np.uint32)

    def take(self, count: int) -> Groups:
        """The next ones; fewer only at the end."""
        while len(self._rest) < count:
            more = next(self._arrays, None)
            if more is None:
                break
            self._rest = np.concatenate([self._rest, more])
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken
