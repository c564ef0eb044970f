"""JSON lines: one object per row.

line_no · source (with several inputs) · header fields · message · template_id · group ·
template · variables · variable_types · lines and continuation (with --multiline) ·
bytes (base64 of the whole line, terminator included; only where a text is not exact)
"""

from __future__ import annotations

import base64
from collections.abc import Callable

import orjson

from logpipe.export.atomic import Output
from logpipe.export.base import ParseInfo, Rows
from logpipe.export.columns import TemplateFacts, column_names, type_labels
from logpipe.export.rows import RowTexts
from logpipe.export.text import source_text

__all__ = ["JsonLinesSink"]


class JsonLinesSink:
    """Writes one JSON object per row.

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
        self._columns = column_names(info.field_names)
        self._constants: dict[int, dict[str, object]] = {}
        self._output = Output(path, force=force)

    def _constant(self, template_id: int) -> dict[str, object]:
        """What every row of a template has in common."""
        found = self._constants.get(template_id)
        if found is None:
            template = self._info.templates[template_id]
            found = self._constants[template_id] = {
                "template_id": template_id,
                "group": template.group,
                "template": self._facts.text(template_id),
                "variable_types": type_labels(template),
            }
        return found

    def write_rows(self, rows: Rows) -> None:
        """Append rows."""
        self._facts.extend(self._info.templates)
        texts = RowTexts(rows)
        several = len(self._info.sources) > 1
        source = source_text(rows.source)
        constants = [self._constant(i) for i in rows.batch.template_ids.tolist()]
        lines = []
        for i, line_no in enumerate(texts.line_numbers):
            row: dict[str, object] = {"line_no": line_no}
            if several:
                row["source"] = source
            for name, header in zip(self._columns, texts.headers, strict=True):
                row[name] = header[i]
            row["message"] = texts.messages[i]
            constant = constants[i]
            row["template_id"] = constant["template_id"]
            row["group"] = constant["group"]
            row["template"] = constant["template"]
            row["variables"] = texts.variables[i]
            row["variable_types"] = constant["variable_types"]
            if rows.lines is not None:
                row["lines"] = texts.lines[i]
                row["continuation"] = texts.continuations[i]
            if i in texts.exact:
                row["bytes"] = base64.b64encode(texts.exact[i]).decode("ascii")
            lines.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        self._output.write(b"".join(lines))

    def finish(self) -> None:
        """Give the file its name."""
        self._output.finish()

    def abort(self) -> None:
        """Remove the temporary file."""
        self._output.abort()
