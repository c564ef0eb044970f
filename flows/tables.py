"""Rows to a table: for people as Markdown, for programs as CSV, and both as files."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from logpipe.errors import OutputError

__all__ = ["to_csv", "to_markdown", "write_bytes", "write_json"]

Rows = Sequence[dict[str, Any]]


def to_markdown(rows: Rows, columns: Sequence[str]) -> str:
    """A table whose columns line up in plain text too; numbers to the right, with separators."""
    cells = [[_text(row.get(column)) for column in columns] for row in rows]
    right = [any(isinstance(row.get(column), int | float) for row in rows) for column in columns]
    widths = [
        max(3, len(column), *(len(line[i]) for line in cells)) for i, column in enumerate(columns)
    ]

    def line(values: Sequence[str]) -> str:
        parts = (
            value.rjust(width) if to_right else value.ljust(width)
            for value, width, to_right in zip(values, widths, right, strict=True)
        )
        return f"| {' | '.join(parts)} |"

    rule = [
        "-" * (width - 1) + ":" if to_right else "-" * width
        for width, to_right in zip(widths, right, strict=True)
    ]
    return "\n".join([line(columns), line(rule), *(line(values) for values in cells)]) + "\n"


def to_csv(rows: Rows, columns: Sequence[str]) -> str:
    """The same with every digit."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def write_json(path: Path, content: Any) -> None:
    """Indented, complete or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_bytes(path, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


def write_bytes(path: Path, content: bytes) -> None:
    """A file with these bytes, complete or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.3f}" if value < 100 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    # A bar would end the cell, a line break the row.
    return " ".join(str(value).replace("|", "\\|").split())
