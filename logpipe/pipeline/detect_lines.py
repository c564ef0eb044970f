"""What detection needs of every line: its group, its time, its session key, maybe its values.

One parse over all inputs, training ones first, so that templates mean the same in all of them. Of a
line some twenty bytes are kept; its text is read again for what is shown (`detect_telling`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from logpipe import parsers
from logpipe.anomaly.windows import WindowSpec
from logpipe.batch import ParsedBatch
from logpipe.export.base import ParseInfo, Sink
from logpipe.formats.readers import Source
from logpipe.parsers.base import Parser
from logpipe.parsers.stream import Progress
from logpipe.pipeline.detect_columns import Keys, Marks, Times, Values
from logpipe.pipeline.detect_facts import LineFacts
from logpipe.pipeline.parsing import ParseResult, parse
from logpipe.registry import DEFAULT_PARSER
from logpipe.template import readable

__all__ = ["read_lines"]

Ints = npt.NDArray[np.int64]


class _Collector:
    """The sink of the parse."""

    def __init__(self, info: ParseInfo, window: WindowSpec, values: bool, label: str) -> None:
        self._info = info
        self._group = np.array([t.group for t in info.templates], np.int64)
        self._source: str | None = None
        self.starts: list[tuple[str, int]] = []
        self.lines = 0
        self.groups: list[npt.NDArray[np.int64]] = []
        self.continued: list[npt.NDArray[np.bool_]] = []
        self.times = Times(info)
        self.keys = Keys(window, info)
        self.marks = Marks(label, info) if label else None
        skip = -1 if self.marks is None else self.marks.at
        self.values = Values(info, skip) if values else None

    def write(self, batch: ParsedBatch, source: str) -> None:
        if batch.first_line == 1 or source != self._source:
            self._source = source
            self.starts.append((source, self.lines))
            self.times.restart()
        self.groups.append(self._group[batch.template_ids])
        self.continued.append(batch.shape_ids == 0)
        self.times.read(batch, self.lines)
        self.keys.read(batch, self.lines)
        if self.marks is not None:
            self.marks.read(batch)
        if self.values is not None:
            self.values.read(batch, self.lines)
        self.lines += len(batch)

    def finish(self) -> None:
        pass

    def abort(self) -> None:
        pass


def read_lines(
    sources: Sequence[Source],
    window: WindowSpec,
    *,
    parser: str | Parser = DEFAULT_PARSER,
    parameters: Mapping[str, object] | None = None,
    layout: str = "auto",
    model: str | None = None,
    threads: int | None = None,
    values: bool = False,
    settled: bool = False,
    label: str = "",
    zones: Mapping[str, int] | None = None,
    dates: str | None = None,
    progress: Progress | None = None,
) -> LineFacts:
    """Parses the sources and keeps what detection needs.

    Args:
        sources: in order.
        window: whose keys are wanted.
        parser: as `logpipe.pipeline.parse`, and so are the others up to `progress`.
        parameters: of the parser.
        layout: of the headers.
        model: saved templates.
        threads: to work with.
        progress: called after every chunk.
        values: whether values of slots are wanted.
        settled: whether equal lines must have equal groups wherever they stand. A parser that
            learns line by line may put a line into another group later on; then all lines are
            matched again with what was learned from all of them.
        zones: as `logpipe.pipeline.parse`, and so is the next.
        dates: order of numbers.
        label: header field that is `-` in normal lines; its values are no features then.

    Raises:
        LogpipeError: as `logpipe.pipeline.parse`; a field that the layout does not have.
    """
    made: list[_Collector] = []

    def sink(info: ParseInfo) -> _Collector:
        made.append(_Collector(info, window, values, label))
        return made[0]

    def run(learned: str | None, sink: Callable[[ParseInfo], Sink] | None) -> ParseResult:
        return parse(
            list(sources),
            parser=parser,
            parameters=parameters if learned is None or learned == model else None,
            layout=layout,
            model=learned,
            threads=threads,
            zones=zones,
            dates=dates,
            sink=sink,
            progress=progress,
        )

    if settled and model is None and _learns_by_line(parser):
        with tempfile.TemporaryDirectory() as folder:
            learned = str(Path(folder) / "learned.json")
            run(None, None).save_model(learned)
            parsed = run(learned, sink)
    else:
        parsed = run(model, sink)
    found = made[0]
    raw = np.concatenate([np.zeros(0, np.int64), *found.groups])
    present, groups = np.unique(raw, return_inverse=True)
    facts = LineFacts(
        parsed=parsed,
        sources=tuple(source.name for source in sources),
        starts=_starts(found, sources),
        groups=groups.astype(np.uint32),
        columns=_texts(parsed, present),
        times=found.times.all(),
        timeless=found.times.timeless,
        continued=np.concatenate([np.zeros(0, np.bool_), *found.continued]),
        backwards=found.times.backwards,
        first_backwards=found.times.first_backwards,
        key_names=[readable(key) for key in found.keys.codes],
    )
    if found.keys.lines:
        facts.key_lines = np.concatenate(found.keys.lines)
        facts.key_codes = np.concatenate(found.keys.found)
    if found.marks is not None:
        facts.marked = found.marks.all()
    if found.values is not None:
        found.values.put(facts)
    return facts


def _learns_by_line(parser: str | Parser) -> bool:
    return isinstance(parser, str) and hasattr(parsers.REGISTRY.load(parser), "partial_fit")


def _starts(found: _Collector, sources: Sequence[Source]) -> Ints:
    """Position of the first line of each source; an empty one wrote nothing."""
    starts, left = [], list(found.starts)
    for source in sources:
        if left and left[0][0] == source.name:
            starts.append(left.pop(0)[1])
        else:
            starts.append(left[0][1] if left else found.lines)
    return np.array([*starts, found.lines], np.int64)


def _texts(parsed: ParseResult, present: Ints) -> list[str]:
    """The text of each group: that of its most frequent template."""
    best: dict[int, tuple[int, str]] = {}
    for template in parsed.templates:
        lines = int(parsed.counts[template.id]) if template.id < len(parsed.counts) else 0
        if template.group not in best or lines > best[template.group][0]:
            text = "(no template)" if template.group == 0 else template.text()
            best[template.group] = (lines, text)
    return [best[int(group)][1] for group in present]
