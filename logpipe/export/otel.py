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
import re
import time
from collections.abc import Callable
from pathlib import PurePath

import orjson

import logpipe
from logpipe.export.atomic import STANDARD_OUTPUT, Output
from logpipe.export.base import ParseInfo, Rows
from logpipe.export.columns import TemplateFacts
from logpipe.export.rows import RowTexts
from logpipe.export.severity import level_field, severity_number
from logpipe.export.text import source_text
from logpipe.export.times import NO_TIME, time_reader

__all__ = ["OtelSink"]

_RECORDS_PER_REQUEST = 1000
_IDS = {
    "trace_id": ("traceId", re.compile(r"(?!0{32})[0-9a-fA-F]{32}")),
    "traceid": ("traceId", re.compile(r"(?!0{32})[0-9a-fA-F]{32}")),
    "span_id": ("spanId", re.compile(r"(?!0{16})[0-9a-fA-F]{16}")),
    "spanid": ("spanId", re.compile(r"(?!0{16})[0-9a-fA-F]{16}")),
}


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
        self._pending: list[dict[str, object]] = []
        self._output = Output(path, force=force)

    def write_rows(self, rows: Rows) -> None:
        """Append rows."""
        self._facts.extend(self._info.templates)
        texts = RowTexts(rows)
        batch = rows.batch
        times = None if self._times is None else self._times(batch).tolist()
        path = "" if rows.source == STANDARD_OUTPUT else source_text(rows.source)
        terminators = batch.terminators.tolist()
        for i, template_id in enumerate(batch.template_ids.tolist()):
            record: dict[str, object] = {}
            if times is not None and times[i] > 0 and times[i] != NO_TIME:
                record["timeUnixNano"] = str(times[i])
            record["observedTimeUnixNano"] = self._observed
            if self._level is not None:
                level = texts.headers[self._level][i]
                if level:
                    record["severityNumber"] = severity_number(level)
                    record["severityText"] = level
            body = texts.messages[i]
            more = texts.continuations[i]
            if more is not None:
                body += ("", "\n", "\r\n")[terminators[i]] + more.removesuffix("\n")
            record["body"] = {"stringValue": body}
            record["attributes"] = self._attributes(texts, i, template_id, path)
            for field, name, pattern in self._ids:
                value = texts.headers[field][i]
                if value and pattern.fullmatch(value):
                    record[name] = value.lower()
            self._pending.append(record)
            if len(self._pending) >= _RECORDS_PER_REQUEST:
                self._flush()
        if len(self._info.sources) > 1:
            self._flush()

    def _attributes(
        self, texts: RowTexts, i: int, template_id: int, path: str
    ) -> list[dict[str, object]]:
        variables = [{"stringValue": value} for value in texts.variables[i]]
        group = int(self._facts.groups[template_id])
        attributes: list[dict[str, object]] = [
            _string("log.template", self._facts.text(template_id)),
            _integer("log.template.id", template_id),
            _integer("log.template.group", group),
            {"key": "log.variables", "value": {"arrayValue": {"values": variables}}},
            _integer("log.file.line", texts.line_numbers[i]),
        ]
        if path:
            attributes.append(_string("log.file.name", PurePath(path).name))
            attributes.append(_string("log.file.path", path))
        for name, column in zip(self._info.field_names, texts.headers, strict=True):
            value = column[i]
            if value is not None:
                attributes.append(_string(f"log.header.{name}", value))
        if i in texts.exact:
            encoded = base64.b64encode(texts.exact[i]).decode("ascii")
            attributes.append({"key": "log.record.original", "value": {"bytesValue": encoded}})
        return attributes

    def _flush(self) -> None:
        if not self._pending:
            return
        request = {
            "resourceLogs": [
                {
                    "resource": {"attributes": []},
                    "scopeLogs": [
                        {
                            "scope": {"name": "logpipe", "version": logpipe.__version__},
                            "logRecords": self._pending,
                        }
                    ],
                }
            ]
        }
        self._output.write(orjson.dumps(request, option=orjson.OPT_APPEND_NEWLINE))
        self._pending = []

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


def _string(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def _integer(key: str, value: int) -> dict[str, object]:
    return {"key": key, "value": {"intValue": str(value)}}
