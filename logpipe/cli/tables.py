"""Tables for people: fitted to a terminal, complete everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import click

__all__ = ["Column", "counted", "percent", "print_json", "print_table", "size"]


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        name: its heading.
        align: numbers to the right.
        shrink: whether it may be cut to fit the terminal.
    """

    name: str
    align: Literal["left", "right"] = "left"
    shrink: bool = False


def counted(number: int, what: str) -> str:
    """A number with the word for what is counted: `1 line`, `2 lines`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def print_json(value: object) -> None:
    r"""A value as JSON on standard output, indented; what is no UTF-8 in a name is `\xNN`."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    try:
        data = orjson.dumps(value, option=options, default=str)
    except orjson.JSONEncodeError:
        data = orjson.dumps(_in_utf8(value), option=options, default=str)
    sys.stdout.buffer.write(data)


def _in_utf8(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {_in_utf8(key): _in_utf8(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_in_utf8(part) for part in value]
    return value


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Rows of text on standard output; only on a terminal are they cut to its width."""
    cells = [[_one_line(cell) for cell in row] for row in rows]
    widths = [
        max([len(column.name), *(len(row[i]) for row in cells)]) for i, column in enumerate(columns)
    ]
    if sys.stdout.isatty():
        from shutil import get_terminal_size

        _fit(columns, widths, get_terminal_size().columns)
    heading = "  ".join(_line(columns, widths, [column.name for column in columns]))
    click.echo(click.style(heading.rstrip(), bold=True))
    for row in cells:
        click.echo("  ".join(_line(columns, widths, row)).rstrip())


def _fit(columns: Sequence[Column], widths: list[int], room: int) -> None:
    """Cut the widest of the columns that may shrink until the line fits."""
    excess = sum(widths) + 2 * (len(widths) - 1) - room
    while excess > 0:
        candidates = [i for i, c in enumerate(columns) if c.shrink and widths[i] > 20]
        if not candidates:
            return
        widest = max(candidates, key=lambda i: widths[i])
        widths[widest] -= 1
        excess -= 1


def _line(columns: Sequence[Column], widths: Sequence[int], row: Sequence[str]) -> list[str]:
    parts = []
    for column, width, cell in zip(columns, widths, row, strict=True):
        cut = cell if len(cell) <= width else cell[: width - 1] + "…"
        parts.append(cut.rjust(width) if column.align == "right" else cut.ljust(width))
    return parts


def _one_line(text: str) -> str:
    """Control characters in a log must not move the cursor of whoever looks at it."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def percent(part: float, whole: float) -> str:
    """A share, for example `12.3 %`."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def size(count: float) -> str:
    """A number of bytes, for example `1.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError
