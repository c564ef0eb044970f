"""What a sink is given, what it must do, and how the right one is found.

The pipeline opens a sink when every template is final, writes batches in line order, source after
source, and ends with `finish` or `abort`. Nothing appears under the final name before `finish`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Protocol

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.errors import UsageError
from logpipe.export.atomic import STANDARD_OUTPUT
from logpipe.formats.timestamp_reading import TimeTally
from logpipe.template import TemplateTable

__all__ = ["STYLES", "ParseInfo", "RowSink", "Rows", "Sink", "check_sink", "open_sink"]

STYLES = ("loghub", "otel")
"""Values of `--style`; without one, the ending of the file name decides."""


@dataclass(frozen=True)
class ParseInfo:
    """What is known about a parse before its first row is written.

    Attributes:
        sources: names of the inputs, in order.
        layout: the header layout, by name or as `<Field> ... <Content>`.
        field_names: the layout's header fields, without the message.
        parser: name of the parser.
        parameters: the parser's parameters; JSON-like values.
        templates: complete; `templates[0]` is verbatim.
        timestamp_fields: the header fields that together hold the time; empty if none is known.
        timestamp_pattern: how those fields, joined by one blank, spell it
            (`logpipe.formats.timestamps`); empty if none is known.
        year: of the first time of every source, where the pattern has none.
        zones: seconds ahead of UTC by name of a zone that times may be written in.
        time_note: why there is no time though a field looks like one; else empty.
        time_tally: what reading the times came to so far; grows while a sink writes.
        forms: for parsers that know classes of variables: masked text per group, from which
            `logpipe.export.styles` prints templates in a style.
        categories: for parsers that say what a slot means: the category of each slot
            (`logpipe.parsers.iterative.categories`) by template id; empty for others.
        line_counts: int64, lines per template id as far as counted while learning; only used to
            choose the most frequent template of a group.
    """

    sources: tuple[str, ...]
    layout: str
    field_names: tuple[str, ...]
    parser: str
    parameters: Mapping[str, object]
    templates: TemplateTable
    timestamp_fields: tuple[str, ...] = ()
    timestamp_pattern: str = ""
    year: int | None = None
    zones: Mapping[str, int] = field(default_factory=dict)
    time_note: str = ""
    time_tally: TimeTally = field(default_factory=TimeTally, compare=False)
    line_counts: npt.NDArray[np.int64] | None = field(default=None, compare=False)
    forms: Mapping[int, str] = field(default_factory=dict, compare=False)
    categories: Mapping[int, Sequence[str]] = field(default_factory=dict, compare=False)


class Sink(Protocol):
    """One output of a parse."""

    def write(self, batch: ParsedBatch, source: str) -> None:
        """Append the lines of a batch; batches come in line order, source after source."""
        ...

    def finish(self) -> None:
        """Complete the output, make it durable and give it its final name."""
        ...

    def abort(self) -> None:
        """Leave nothing behind; never raises, and does nothing after `finish`."""
        ...


@dataclass(frozen=True)
class Rows:
    """A batch as rows to be written: one per line, or with `--multiline` one per record.

    Attributes:
        batch: one line per row; with `--multiline` the first line of each record, so that its
            lines are not consecutive.
        source: the name of the input.
        line_numbers: int64 per row, 1-based number of the row's first line in the source.
        lines: int64 per row, how many lines the row stands for; None means one each.
        continuation: the further lines of each row with their terminators; None means none.
    """

    batch: ParsedBatch
    source: str
    line_numbers: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64] | None = None
    continuation: ByteColumn | None = None

    @classmethod
    def of(cls, batch: ParsedBatch, source: str) -> Rows:
        """One row per line."""
        return cls(batch, source, batch.line_numbers())

    def __len__(self) -> int:
        return len(self.batch)


class RowSink(Protocol):
    """What knows how to write rows; `Sink` is made from it by `logpipe.export.multiline`."""

    def write_rows(self, rows: Rows) -> None:
        """Append rows."""
        ...

    def finish(self) -> None:
        """As `Sink.finish`."""
        ...

    def abort(self) -> None:
        """As `Sink.abort`."""
        ...


def check_sink(path: str, style: str | None, *, multiline: bool = False) -> str:
    """The kind of output a path and a style ask for: parquet, jsonl, loghub or otel.

    Raises:
        UsageError: the name and the style say nothing, or contradict each other.
    """
    ending = PurePath(path).suffix.lower()
    if style is not None and style not in STYLES:
        raise UsageError(f"unknown style {style!r}; known: {', '.join(STYLES)}")
    if style == "loghub":
        if path == STANDARD_OUTPUT or ending != ".csv":
            raise UsageError(
                f"--style loghub writes a pair of files, NAME.csv and NAME_templates.csv; "
                f"-o must end in .csv, found {path!r}"
            )
        if multiline:
            raise UsageError(
                "--style loghub has one row per input line; it cannot be combined with --multiline"
            )
        return "loghub"
    if style == "otel":
        if ending in (".parquet", ".csv"):
            raise UsageError(f"--style otel writes JSON lines, but -o ends in {ending}: {path!r}")
        return "otel"
    if path == STANDARD_OUTPUT or ending in (".jsonl", ".ndjson"):
        return "jsonl"
    if ending == ".parquet":
        return "parquet"
    hint = "; for Loghub's CSV pair add --style loghub" if ending == ".csv" else ""
    raise UsageError(
        f"cannot tell the format of the output from {path!r}: "
        f"the name must end in .parquet or .jsonl, or be - for JSON lines on stdout{hint}"
    )


def open_sink(
    path: str,
    *,
    style: str | None = None,
    info: ParseInfo,
    force: bool = False,
    multiline: bool = False,
    restyle: Callable[[str], str] | None = None,
    threads: int = 1,
) -> Sink:
    """The sink for an output.

    Args:
        path: `*.parquet`, `*.jsonl`, `*.csv` (style loghub), or `-` for standard output.
        style: None, `loghub` or `otel`.
        info: what is known about the parse.
        force: whether an existing file may be replaced.
        multiline: attach lines without a header to the record before them.
        restyle: rewrites template text for printing; None prints it exactly.
        threads: more than one let an output encode while the next rows are made. What is written
            does not depend on it.

    Raises:
        UsageError: path and style contradict each other.
        OutputError: the output exists, or cannot be made.
    """
    from logpipe.export.multiline import PerLine, PerRecord

    kind = check_sink(path, style, multiline=multiline)
    inner: RowSink
    if kind == "parquet":
        from logpipe.export.parquet import ParquetSink

        inner = ParquetSink(
            path, info, force=force, multiline=multiline, restyle=restyle, threads=threads
        )
    elif kind == "jsonl":
        from logpipe.export.jsonl import JsonLinesSink

        inner = JsonLinesSink(path, info, force=force, restyle=restyle)
    elif kind == "loghub":
        from logpipe.export.loghub import LoghubSink

        inner = LoghubSink(path, info, force=force, restyle=restyle)
    else:
        from logpipe.export.otel import OtelSink

        inner = OtelSink(path, info, force=force, restyle=restyle)
    return PerRecord(inner) if multiline else PerLine(inner)
