"""Loghub's pair of CSV files, for tools that were made for Loghub.

`OUT.csv` has one row per input line, in input order: LineId, the header fields, Content, EventId,
EventTemplate, ParameterList. `OUT_templates.csv` has EventId, EventTemplate, Occurrences. These
words are Loghub's and appear only here: an event is a group, a parameter list the variables.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from logpipe.export.atomic import Output
from logpipe.export.base import ParseInfo, Rows
from logpipe.export.columns import unique_names
from logpipe.export.rows import RowTexts

__all__ = ["LoghubSink", "templates_path"]

_OWN_NAMES = ("LineId", "Content", "EventId", "EventTemplate", "ParameterList")
_BLANKS = re.compile(r"[ \t]+")


def templates_path(path: str) -> str:
    """The second file of the pair: `OUT.csv` to `OUT_templates.csv`."""
    file = Path(path)
    return str(file.with_name(f"{file.stem}_templates{file.suffix}"))


class LoghubSink:
    """Writes both files; either both get their names, or neither does.

    An EventTemplate belongs to a group, not to a row: the text of the group's most frequent
    template (the lowest id where frequencies are unknown), with every run of blanks squeezed.

    Args:
        path: the final name of the row file, `*.csv`.
        info: what is known about the parse.
        force: whether existing files may be replaced.
        restyle: rewrites template text for printing.

    Raises:
        OutputError: an output exists or cannot be written.
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
        self._restyle = restyle
        self._texts = self._group_texts()
        self._occurrences: Counter[int] = Counter()
        self._line_id = 0
        self._rows = Output(path, force=force)
        try:
            self._templates = Output(templates_path(path), force=force)
        except BaseException:
            self._rows.abort()
            raise
        names = unique_names(info.field_names, _OWN_NAMES)
        self._write(self._rows, [["LineId", *names, *_OWN_NAMES[1:]]])

    def _group_texts(self) -> dict[int, str]:
        counts = self._info.line_counts
        best: dict[int, tuple[int, int]] = {}
        for template_id in range(len(self._info.templates)):
            group = self._info.templates[template_id].group
            known = counts is not None and template_id < len(counts)
            lines = int(counts[template_id]) if counts is not None and known else 0
            if group not in best or lines > best[group][0]:
                best[group] = (lines, template_id)
        return {group: self._text(template_id) for group, (_, template_id) in best.items()}

    def _text(self, template_id: int) -> str:
        text = self._info.templates[template_id].text()
        text = _BLANKS.sub(" ", text)
        return text if self._restyle is None else self._restyle(text)

    def write_rows(self, rows: Rows) -> None:
        """Append rows."""
        texts = RowTexts(rows)
        template_ids = rows.batch.template_ids.tolist()
        group_of = {i: self._info.templates[i].group for i in set(template_ids)}
        table: list[list[object]] = []
        for i, template_id in enumerate(template_ids):
            group = group_of[template_id]
            self._line_id += 1
            self._occurrences[group] += 1
            table.append(
                [
                    self._line_id,
                    *(column[i] or "" for column in texts.headers),
                    texts.messages[i],
                    f"E{group}",
                    self._texts[group],
                    str(texts.variables[i]),
                ]
            )
        self._write(self._rows, table)

    def _write(self, output: Output, table: list[list[object]]) -> None:
        output.write(_csv(table, csv.QUOTE_MINIMAL))

    def finish(self) -> None:
        """Write the second file, and give both their names."""
        try:
            self._write(
                self._templates,
                [
                    ["EventId", "EventTemplate", "Occurrences"],
                    *(
                        [f"E{group}", self._texts[group], lines]
                        for group, lines in sorted(self._occurrences.items())
                    ),
                ],
            )
            # Whatever can go wrong with a disk goes wrong here, before either name is given.
            self._templates.settle()
            self._rows.settle()
            self._templates.finish()
            self._rows.finish()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Remove both temporary files."""
        self._rows.abort()
        self._templates.abort()


def _csv(table: list[list[object]], quoting: Literal[0, 1]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows(table)
    written = text.getvalue()
    # Minimal quoting forgets a lone CR, which every reader takes for the end of a row.
    if quoting == csv.QUOTE_MINIMAL and "\r" in written:
        return _csv(table, csv.QUOTE_ALL)
    return written.encode("utf-8")
