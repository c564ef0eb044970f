"""Tables that can be sorted by a click on a heading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from logpipe.report.page import plain

__all__ = ["Cell", "Column", "table"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading.
        number: aligned to the right, and sorted as numbers, the highest first.
        text: values are text of a log: every blank is kept and shown.
        title: what the heading means, shown when it is pointed at.
    """

    name: str
    number: bool = False
    text: bool = False
    title: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell that is more than its text.

    Attributes:
        value: text, or HTML as `Markup`.
        key: what it is sorted by, where that is not the text.
        style: `muted`, `bad`, `good`, `best`, or several of them.
    """

    value: object
    key: object = None
    style: str = ""


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[object]],
    *,
    caption: str = "",
    sortable: bool = True,
    heads: bool = True,
) -> Markup:
    """An HTML table.

    Args:
        columns: of each row.
        rows: a cell for each column: text, a number, `Markup`, `Cell`, or None for nothing.
        caption: a line above it.
        sortable: whether a click on a heading sorts.
        heads: whether there are headings; a small table inside another one may do without.

    >>> html = table([Column("a"), Column("n", number=True)], [["<x>", 1]])
    >>> "&lt;x&gt;" in html and '<td class="number">1</td>' in html
    True
    """
    lines = Markup("").join(
        Markup("<tr>{}</tr>\n").format(
            Markup("").join(_cell(c, v) for c, v in zip(columns, row, strict=True))
        )
        for row in rows
    )
    head = Markup("<thead><tr>{}</tr></thead>").format(
        Markup("").join(_head(column, sortable) for column in columns)
    )
    above = Markup("<caption>{}</caption>").format(plain(caption)) if caption else Markup("")
    return Markup('<div class="scroll"><table>{}{}<tbody>\n{}</tbody></table></div>').format(
        above, head if heads else Markup(""), lines
    )


def _head(column: Column, sortable: bool) -> Markup:
    classes = [*(["number"] if column.number else []), *(["sortable"] if sortable else [])]
    attributes = Markup(' class="{}"').format(" ".join(classes)) if classes else Markup("")
    if sortable:
        attributes += Markup(' tabindex="0" data-first="{}"').format(
            "high" if column.number else "low"
        )
    if column.title:
        attributes += Markup(' title="{}"').format(plain(column.title))
    return Markup('<th scope="col"{}>{}</th>').format(attributes, plain(column.name))


def _cell(column: Column, value: object) -> Markup:
    cell = value if isinstance(value, Cell) else Cell(value)
    classes = [
        *(["number"] if column.number else []),
        *(["text"] if column.text else []),
        *([cell.style] if cell.style else []),
    ]
    attributes = Markup(' class="{}"').format(" ".join(classes)) if classes else Markup("")
    if cell.key is not None:
        attributes += Markup(' data-key="{}"').format(plain(cell.key))
    inside = cell.value if isinstance(cell.value, Markup) else plain(_shown(cell.value))
    return Markup("<td{}>{}</td>").format(attributes, inside)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)
