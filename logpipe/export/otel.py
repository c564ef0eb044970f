"""OTLP-JSON lines: every line of the output is one object with `resourceLogs`.

The form is that of the OpenTelemetry protocol's JSON encoding (opentelemetry-proto, "OTLP/JSON")
and file exporter: lowerCamelCase names, 64-bit integers as decimal strings, enums as integers,
trace and span ids as hex. protobuf's own JSON writer does two of these differently, so the
objects are built here.

    timeUnixNano          the header's time, taken as UTC; left out where it is unknown
    observedTimeUnixNano  when logpipe read the line
    severityText, severityNumber   from a header field such as Level
    body                  the message (with --multiline and the lines that continue it)
    attributes            log.template, log.template.id, log.template.group, log.variables,
                          log.file.name, log.file.path, log.file.line (1-based), log.header.<Field>;
                          log.record.original as bytes where a text is not exact
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from pathlib import PurePath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

import logpipe
from logpipe.batch import ParsedBatch
from logpipe.export.atomic import STANDARD_OUTPUT, Output
from logpipe.export.base import ParseInfo, Rows
from logpipe.export.columns import TemplateFacts, continuation_columns, header_columns
from logpipe.export.json_columns import (
    Piece,
    constant,
    escaped,
    joined,
    joined_variables,
    numbers,
    per_row,
    spread,
)
from logpipe.export.rows import exact_lines
from logpipe.export.severity import level_field, severity_number
from logpipe.export.text import source_text, to_strings
from logpipe.export.times import time_reader

__all__ = ["OtelSink"]

_RECORDS_PER_REQUEST = 1000
_SCOPE = constant({"name": "logpipe", "version": logpipe.__version__})
_OPENING = (
    '{"resourceLogs":[{"resource":{"attributes":[]},'
    f'"scopeLogs":[{{"scope":{_SCOPE},"logRecords":['
).encode()
_CLOSING = b"]}]}]}\n"
_IDS = {
    "trace_id": ("traceId", 32),
    "traceid": ("traceId", 32),
    "span_id": ("spanId", 16),
    "spanid": ("spanId", 16),
}
"""Header fields that are ids: the record's member, and its hex digits; all zero is no id."""


class OtelSink:
    """Writes log records in requests of up to 1000; a request never spans two sources.

    Args:
        path: the final name; `-` is standard output.
        info: what is known about the parse.
        force: whether an existing file may be replaced.
        restyle: rewrites template text for printing.

    Raises:
        OutputError: the output exists or cannot be written.
    """

    def __init__(
        self,
        path: str,
        info: ParseInfo,
        *,
        force: bool = False,
        restyle: Callable[[str], str] | None = None,
    ) -> None:
        self._info = info
        self._facts = TemplateFacts(info.templates, restyle)
        self._level = level_field(info.field_names)
        self._ids = [
            (i, *_IDS[name.casefold()])
            for i, name in enumerate(info.field_names)
            if name.casefold() in _IDS
        ]
        self._times = time_reader(info)
        self._observed = str(time.time_ns())
        self._pending: list[bytes] = []
        self._pending_records = 0
        self._output = Output(path, force=force)

    def write_rows(self, rows: Rows) -> None:
        """Append rows."""
        if not len(rows):
            return
        self._facts.extend(self._info.templates)
        batch = rows.batch
        headers, _ = header_columns(batch)
        data, offsets = joined(
            len(rows),
            [
                "{",
                *self._time(batch),
                f'"observedTimeUnixNano":"{self._observed}"',
                *self._severity(headers),
                *_body(rows),
                ',"attributes":[',
                spread(batch.template_ids, self._template),
                joined_variables(batch, '"},{"stringValue":"'),
                spread(batch.template_ids, self._after_variables),
                numbers(rows.line_numbers),
                '"}}',
                *_file(rows.source),
                *self._header_attributes(headers),
                *_original(rows),
                "]",
                *self._trace(headers),
                "},",
            ],
        )
        self._append(data, offsets)
        if len(self._info.sources) > 1:
            self._flush()

    def _time(self, batch: ParsedBatch) -> list[Piece]:
        if self._times is None:
            return []
        times = self._times(batch)
        known = times > 0  # 0 means unknown, and the field is unsigned
        text = pc.binary_join_element_wise('"timeUnixNano":"', numbers(times), '",', "")
        return [pc.if_else(pa.array(known), text, "")]

    def _severity(self, headers: Sequence[pa.Array]) -> list[Piece]:
        if self._level is None:
            return []
        level = pc.fill_null(headers[self._level], "").dictionary_encode()
        texts = [
            f',"severityNumber":{severity_number(word)},"severityText":{constant(word)}'
            if word
            else ""
            for word in level.dictionary.to_pylist()
        ]
        return [pa.array(texts, pa.string()).take(level.indices)]

    def _template(self, template_id: int) -> str:
        """The attributes of a template, up to its variables."""
        template = self._info.templates[template_id]
        opening = '{"stringValue":"' if template.slots else ""
        return (
            f"{_attribute('log.template', self._facts.text(template_id))},"
            f"{_attribute('log.template.id', template_id)},"
            f"{_attribute('log.template.group', template.group)},"
            f'{{"key":"log.variables","value":{{"arrayValue":{{"values":[{opening}'
        )

    def _after_variables(self, template_id: int) -> str:
        closing = '"}' if self._info.templates[template_id].slots else ""
        return f'{closing}]}}}}}},{{"key":"log.file.line","value":{{"intValue":"'

    def _header_attributes(self, headers: Sequence[pa.Array]) -> list[Piece]:
        pieces: list[Piece] = []
        for name, header in zip(self._info.field_names, headers, strict=True):
            opening = f',{{"key":{constant("log.header." + name)},"value":{{"stringValue":"'
            whole = pc.binary_join_element_wise(opening, escaped(header), '"}}', "")
            pieces.append(pc.fill_null(whole, ""))
        return pieces

    def _trace(self, headers: Sequence[pa.Array]) -> list[Piece]:
        pieces: list[Piece] = []
        for field, name, digits in self._ids:
            column = pc.fill_null(headers[field], "")
            fits = pc.and_(
                pc.match_substring_regex(column, f"^[0-9a-fA-F]{{{digits}}}$"),
                pc.match_substring_regex(column, "[1-9a-fA-F]"),
            )
            text = pc.binary_join_element_wise(f',"{name}":"', pc.ascii_lower(column), '"', "")
            pieces.append(pc.if_else(fits, text, ""))
        return pieces

    def _append(self, data: memoryview, offsets: npt.NDArray[np.int32]) -> None:
        """Add records, each with a comma after it, and write the requests that are full."""
        start, count = 0, len(offsets) - 1
        while start < count:
            stop = min(count, start + _RECORDS_PER_REQUEST - self._pending_records)
            self._pending.append(bytes(data[offsets[start] : offsets[stop]]))
            self._pending_records += stop - start
            start = stop
            if self._pending_records == _RECORDS_PER_REQUEST:
                self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        records = b"".join(self._pending)[:-1]  # without the last comma
        self._pending, self._pending_records = [], 0
        self._output.write(_OPENING + records + _CLOSING)

    def finish(self) -> None:
        """Write the last records, and give the file its name."""
        try:
            self._flush()
        except BaseException:
            self.abort()
            raise
        self._output.finish()

    def abort(self) -> None:
        """Remove the temporary file."""
        self._output.abort()
        self._pending = []


def _attribute(key: str, value: str | int) -> str:
    found = {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}
    return constant({"key": key, "value": found})


def _file(source: str) -> list[Piece]:
    if source == STANDARD_OUTPUT:
        return []
    path = source_text(source)
    name, whole = (
        _attribute("log.file.name", PurePath(path).name),
        _attribute("log.file.path", path),
    )
    return [f",{name},{whole}"]


def _body(rows: Rows) -> list[Piece]:
    """The message; with its further lines, but without the last terminator."""
    batch = rows.batch
    pieces: list[Piece] = [',"body":{"stringValue":"', escaped(to_strings(batch.messages)[0])]
    more, _ = continuation_columns(rows)
    if more.null_count < len(rows):
        ends = pa.array(["", "\\n", "\\r\\n"]).take(pa.array(batch.terminators))
        rest = escaped(pc.replace_substring_regex(more, "\\r?\\n$", ""))
        pieces.append(pc.fill_null(pc.binary_join_element_wise(ends, rest, ""), ""))
    return [*pieces, '"}']


def _original(rows: Rows) -> list[Piece]:
    exact = exact_lines(rows)
    return [
        per_row(
            len(rows),
            {
                row: f',{{"key":"log.record.original","value":{{"bytesValue":"'
                f'{base64.b64encode(line).decode("ascii")}"}}}}'
                for row, line in exact.items()
            },
        )
    ]
