"""Parsing as plain functions: `stream` for programs, `parse` for files that people read.

`stream` goes over a source once and yields batches as it learns, so that the first lines of a
group carry an earlier form of its template than the last ones. `parse` reads every source twice: it
learns from the whole, and then writes each line with the final template of its group.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from logpipe import parsers
from logpipe.batch import ParsedBatch
from logpipe.errors import UsageError
from logpipe.export.base import ParseInfo, Sink
from logpipe.export.time_notes import times_said
from logpipe.formats.layouts import Layout
from logpipe.formats.picking import pick_layout
from logpipe.formats.readers import Source, check_unchanged, head, open_sources
from logpipe.native import ArenaPool, Header
from logpipe.native.threads import default_threads
from logpipe.parsers.base import Parser
from logpipe.parsers.drain import Drain
from logpipe.parsers.learning import DrainLearning, Learning, ParserLearning
from logpipe.parsers.stream import Progress, learned, matched, workers
from logpipe.parsers.summary import Summary
from logpipe.parsers.tables import TableLearning, has_matcher
from logpipe.registry import STREAMING_PARSER
from logpipe.template import UNKNOWN_GROUP, TemplateTable

Value = bytes
"""A value of a slot; the name keeps clear of `ParseResult.bytes`."""

__all__ = ["ParseResult", "default_threads", "parse", "pick_layout", "stream"]


def _parser(
    parser: str | Parser, parameters: Mapping[str, object] | None, model: str | None
) -> tuple[Parser, str]:
    if model is not None:
        from logpipe.parsers.model import load

        if parameters:
            raise UsageError("a saved model has its own parameters; leave --set away")
        loaded = load(model)
        return loaded, str(getattr(loaded, "parser", type(loaded).__name__.lower()))
    if isinstance(parser, str):
        return parsers.load(parser, **(parameters or {})), parser
    if parameters:
        raise UsageError("parameters belong to a parser given by name")
    return parser, type(parser).__name__


def stream(
    source: Source | str,
    *,
    parser: str | Parser = STREAMING_PARSER,
    parameters: Mapping[str, object] | None = None,
    layout: str | Layout = "auto",
    model: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[ParsedBatch]:
    """Parses a source in one pass, learning on the way; memory stays bounded.

    Args:
        source: a path or a source.
        parser: a native one (`drain` without regular expressions among its masks), or with `model`
            any whose learned state is a table of templates (`Parser.matcher`).
        parameters: of the parser, when it is given by name.
        layout: as `pick_layout`.
        model: path of a saved model; then nothing is learned, and unknown lines are in group 0.
        threads: default: one per processor.
        progress: called after every chunk.

    Yields:
        Batches of consecutive lines. Template ids keep their meaning from batch to batch; the
        template of a group can change from one id to another while it generalises.

    Raises:
        UsageError: the parser cannot run in one pass; use `parse`.
    """
    if isinstance(source, str):
        sources = open_sources([source])
        if len(sources) != 1:
            raise UsageError(f"{source} holds {len(sources)} logs; parse them one by one")
        source = sources[0]
    chosen, name = _parser(parser, parameters, model)
    table = chosen.matcher() if model is not None and has_matcher(chosen) else None
    is_drain = isinstance(chosen, Drain) and chosen.is_native
    if not is_drain and table is None:
        raise UsageError(f"parser {name!r} cannot run in one pass; use logpipe.pipeline.parse")
    compiled = layout if isinstance(layout, Layout) else pick_layout(layout, [source])[0]
    header = Header(compiled.program, compiled.fields)
    with workers(threads or default_threads()) as pool:
        if isinstance(chosen, Drain):
            yield from learned(
                source, chosen.core_, header, pool, frozen=model is not None, progress=progress
            )
        elif table is not None:
            yield from matched(source, table, header, pool, progress)


@dataclass(frozen=True)
class ParseResult:
    """What a parse found.

    Attributes:
        info: sources, layout, parser, final templates.
        lines, bytes: of all sources together, uncompressed.
        seconds, cpu_seconds: wall clock, and user + system time of this process.
        layout, layout_reason: what was used, and why.
        counts: int64, lines per template id.
        first_line, last_line: int64, line numbers per template id, 0 where it does not occur. With
            several sources, numbers count within the source they are in.
        warnings: sentences a user should see.
    """

    info: ParseInfo
    lines: int
    bytes: int
    seconds: float
    cpu_seconds: float
    layout: str
    layout_reason: str
    counts: npt.NDArray[np.int64]
    first_line: npt.NDArray[np.int64]
    last_line: npt.NDArray[np.int64]
    warnings: tuple[str, ...]
    _learning: Learning = field(repr=False)

    @property
    def templates(self) -> TemplateTable:
        """The final templates."""
        return self.info.templates

    @property
    def groups(self) -> int:
        """Groups that have at least one line, "unknown" not counted."""
        present = np.flatnonzero(self.counts)
        return len({self.templates[int(t)].group for t in present} - {0})

    def examples(self, template_id: int) -> list[list[Value]]:
        """Some values of each slot of a template, as they were met first."""
        return self._learning.summary.examples(template_id)

    def save_model(self, path: str) -> None:
        """Writes what the parser learned, for `model=`."""
        self._learning.parser.save(path)


@dataclass(frozen=True)
class Job:
    """A parse that has not read anything yet.

    Attributes:
        sources: the logs.
        headers: one per source.
        layout, layout_reason: what is used, and why.
        parser, name: what learns, and what it is called.
        learning: the passes.
    """

    sources: Sequence[Source]
    headers: list[Header]
    layout: Layout
    layout_reason: str
    parser: Parser
    name: str
    learning: Learning


def begin(
    sources: Sequence[Source],
    parser: str | Parser,
    parameters: Mapping[str, object] | None,
    layout: str,
    model: str | None = None,
) -> Job:
    """What `parse` decides before its first pass; arguments and errors as there."""
    if not sources:
        raise UsageError("no input")
    compiled, reason = pick_layout(layout, sources)
    chosen, name = _parser(parser, parameters, model)
    headers = [Header(compiled.program, compiled.fields) for _ in sources]
    learning = _learning(chosen, name, frozen=model is not None)
    return Job(sources, headers, compiled, reason, chosen, name, learning)


def describe_parse(
    job: Job,
    templates: TemplateTable,
    year: int | None = None,
    zones: Mapping[str, int] | None = None,
    dates: str | None = None,
) -> ParseInfo:
    """What outputs are told once the templates are final."""
    timestamp = dict(job.layout.readings).get(dates or "", job.layout.timestamp)
    slot_categories = getattr(job.parser, "slot_categories", None)
    return ParseInfo(
        sources=tuple(source.name for source in job.sources),
        layout=job.layout.name,
        field_names=job.layout.fields,
        parser=job.name,
        parameters=_parameters(job.parser),
        templates=templates,
        timestamp_fields=timestamp.fields if timestamp else (),
        timestamp_pattern=timestamp.pattern if timestamp else "",
        year=year,
        zones=zones or {},
        time_note="" if timestamp else job.layout.time_note,
        line_counts=job.learning.summary.counts,
        forms=getattr(job.parser, "forms_", {}),
        categories=(
            slot_categories(templates, job.learning.summary.examples) if slot_categories else {}
        ),
    )


def parse(
    sources: Sequence[Source | str] | str,
    *,
    parser: str | Parser = parsers.DEFAULT,
    parameters: Mapping[str, object] | None = None,
    layout: str = "auto",
    model: str | None = None,
    threads: int | None = None,
    year: int | None = None,
    zones: Mapping[str, int] | None = None,
    dates: str | None = None,
    sink: Callable[[ParseInfo], Sink] | None = None,
    progress: Progress | None = None,
) -> ParseResult:
    """Parses sources with any parser and writes every line to a sink.

    Args:
        sources: logs of one layout: paths, or what `logpipe.formats.readers.open_sources` gives.
        parser: name, `package.module:Class`, or a parser.
        parameters: of the parser, when it is given by name.
        layout: as `pick_layout`.
        model: path of a saved model; then nothing is learned, and unknown lines are in group 0.
        threads: default: one per processor.
        year: of the first time stamp of every source, for those that are written without one.
        zones: seconds ahead of UTC by name of a zone that time stamps are written in.
        dates: `day-first`, `month-first` or `year-first`: how dates of numbers are meant that can
            be read in several ways.
        sink: opens the output once the templates are known; None: nothing is written.
        progress: called after every chunk with the bytes read and, if known, their total; goes
            over the sources once per pass.

    Raises:
        LogpipeError: of the kind of what went wrong; then nothing is left of the output.
    """
    started, cpu = time.perf_counter(), time.process_time()
    sources = _opened([sources] if isinstance(sources, str) else sources)
    job = begin(sources, parser, parameters, layout, model)
    before = [source.fingerprint() for source in sources]
    learning, headers = job.learning, job.headers
    with workers(threads or default_threads()) as pool, closing(learning):
        for source, header in zip(sources, headers, strict=True):
            learning.learn(source, header, pool, progress)
        info = describe_parse(job, learning.finish(), year, zones, dates)
        if sink is not None:
            arenas = ArenaPool()
            opened = sink(info)
            try:
                for source, header, seen in zip(sources, headers, before, strict=True):
                    for batch in learning.batches(source, header, pool, arenas, progress):
                        opened.write(batch, source.name)
                        del batch
                    check_unchanged(source, seen)
                opened.finish()
            except BaseException:
                opened.abort()
                raise
    summary = learning.summary
    return ParseResult(
        info=info,
        lines=summary.lines,
        bytes=summary.bytes,
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
        layout=job.layout.name,
        layout_reason=job.layout_reason,
        counts=summary.counts,
        first_line=summary.first_line,
        last_line=summary.last_line,
        warnings=(
            *_encoded(sources),
            *_headerless(summary, job.layout.name),
            *(_unknown(summary, info.templates, model) if model is not None else ()),
            *learning.warnings(),
            *times_said(info),
        ),
        _learning=learning,
    )


def _opened(sources: Sequence[Source | str]) -> list[Source]:
    return [
        opened
        for source in sources
        for opened in (open_sources([source]) if isinstance(source, str) else [source])
    ]


def _encoded(sources: Sequence[Source]) -> Iterator[str]:
    """UTF-16 is parsed byte by byte like everything else: exact, and of no use to anybody."""
    for source in sources:
        first = head(source, 4096)[:4096]
        marked = first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        # Without a mark: of most scripts' text with blanks and digits, every other byte is often 0.
        zeros = sorted(first[at::2].count(0) for at in (0, 1))
        if marked or (len(first) >= 16 and zeros[1] * 5 > len(first) and not zeros[0]):
            yield (
                f"{source.name} looks like UTF-16, which is kept exactly, but not understood; for "
                f"templates that mean something give it as UTF-8: iconv -f {_utf16(first)} -t UTF-8"
            )


def _utf16(first: bytes) -> str:
    """What iconv calls the encoding; without a mark it has to be told the order."""
    if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "UTF-16"
    return "UTF-16LE" if first[1::2].count(0) else "UTF-16BE"


def _headerless(summary: Summary, layout: str) -> list[str]:
    if not summary.headerless:
        return []
    return [
        f"{summary.headerless:,} of {summary.lines:,} lines do not have the header of layout "
        f"{layout}; such a line is a message as a whole, or with --multiline part of the record "
        f"before it"
    ]


def _unknown(summary: Summary, templates: TemplateTable, model: str) -> list[str]:
    counts = summary.counts
    unknown = sum(int(counts[t.id]) for t in templates if t.group == UNKNOWN_GROUP)
    if not unknown:
        return []
    return [
        f"{unknown:,} of {summary.lines:,} lines fit no template of the model {model}; "
        f"they are in group {UNKNOWN_GROUP}"
    ]


def _learning(parser: Parser, name: str, frozen: bool) -> Learning:
    if isinstance(parser, Drain) and parser.is_native:
        return DrainLearning(parser, frozen)
    if has_matcher(parser):
        return TableLearning(parser, name, frozen)
    return ParserLearning(parser, name, frozen)


def _parameters(parser: Parser) -> dict[str, object]:
    try:
        return dict(parser.get_params())
    except (AttributeError, TypeError):
        # A parser of somebody else need not tell.
        return {}
