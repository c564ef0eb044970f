"""JSON lines: one object per row.

line_no · source (with several inputs) · header fields · message · template_id · group ·
template · variables · variable_types · variable_categories (of a parser that has them) ·
lines and continuation (with --multiline) ·
bytes (base64 of the whole line, terminator included; only where a text is not exact)
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from logpipe.export.atomic import Output
from logpipe.export.base import ParseInfo, Rows
from logpipe.export.columns import (
    TemplateFacts,
    column_names,
    continuation_columns,
    header_columns,
)
from logpipe.export.json_columns import (
    Piece,
    constant,
    joined,
    joined_variables,
    numbers,
    per_row,
    quoted,
    spread,
)
from logpipe.export.rows import exact_lines
from logpipe.export.text import source_text, to_strings

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
        self._output = Output(path, force=force)

    def _template(self, template_id: int) -> str:
        """What every row of a template has in common, up to its variables."""
        facts = {
            "template_id": template_id,
            "group": self._info.templates[template_id].group,
            "template": self._facts.text(template_id),
        }
        opening = '["' if self._info.templates[template_id].slots else "["
        return f',{constant(facts)[1:-1]},"variables":{opening}'

    def _types(self, template_id: int) -> str:
        """What follows the variables."""
        template = self._info.templates[template_id]
        closing = '"]' if template.slots else "]"
        types = f'{closing},"variable_types":{constant(template.type_labels)}'
        if not self._info.categories:
            return types
        return f'{types},"variable_categories":{constant(list(self._info.categories[template_id]))}'

    def write_rows(self, rows: Rows) -> None:
        """Append rows."""
        if not len(rows):
            return
        self._facts.extend(self._info.templates)
        batch = rows.batch
        pieces: list[Piece] = ['{"line_no":', numbers(rows.line_numbers)]
        if len(self._info.sources) > 1:
            pieces.append(f',"source":{constant(source_text(rows.source))}')
        headers, _ = header_columns(batch)
        for name, header in zip(self._columns, headers, strict=True):
            pieces += [f",{constant(name)}:", *quoted(header)]
        pieces += [',"message":', *quoted(to_strings(batch.messages)[0])]
        pieces.append(spread(batch.template_ids, self._template))
        pieces.append(joined_variables(batch, '","'))
        pieces.append(spread(batch.template_ids, self._types))
        if rows.lines is not None:
            pieces += [',"lines":', numbers(rows.lines)]
            pieces += [',"continuation":', *quoted(continuation_columns(rows)[0])]
        exact = {
            row: f',"bytes":"{base64.b64encode(line).decode("ascii")}"'
            for row, line in exact_lines(rows).items()
        }
        pieces += [per_row(len(rows), exact), "}\n"]
        self._output.write(joined(len(rows), pieces)[0])

    def finish(self) -> None:
        """Give the file its name."""
        self._output.finish()

    def abort(self) -> None:
        """Remove the temporary file."""
        self._output.abort()
