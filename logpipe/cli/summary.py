"""What a parse found, for people: a table of templates, and notes on standard error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from logpipe.cli.tables import Column, percent, print_json, print_table, size

if TYPE_CHECKING:
    from logpipe.pipeline import ParseResult

__all__ = [
    "TemplateRow",
    "print_summary",
    "print_templates",
    "say_layout",
    "say_result",
    "template_rows",
]

_WORTH_A_RATE = 10_000_000
_SHOWN = 20
_EXAMPLES = 3
_LONGEST_EXAMPLE = 40


@dataclass(frozen=True)
class TemplateRow:
    """One template as people and JSON see it.

    Attributes:
        template_id, group, template: as in the rows of a parse.
        lines: how many lines it has.
        first_line, last_line: where it occurs.
        variable_types: one label per slot.
        variable_categories: one category per slot, of parsers that have them.
        examples: a few values per slot.
    """

    template_id: int
    group: int
    template: str
    lines: int
    first_line: int
    last_line: int
    variable_types: list[str]
    variable_categories: list[str]
    examples: list[list[str]]


def template_rows(
    result: ParseResult, restyle: Callable[[str], str] | None = None
) -> list[TemplateRow]:
    """The templates that occur, the most frequent first."""
    from logpipe.template import readable

    rows = []
    for template_id in result.counts.nonzero()[0].tolist():
        template = result.info.templates[template_id]
        text = template.text()
        rows.append(
            TemplateRow(
                template_id=template_id,
                group=template.group,
                template=text if restyle is None else restyle(text),
                lines=int(result.counts[template_id]),
                first_line=int(result.first_line[template_id]),
                last_line=int(result.last_line[template_id]),
                variable_types=template.type_labels,
                variable_categories=list(result.info.categories.get(template_id, ())),
                examples=[
                    [readable(value) for value in slot[:_EXAMPLES]]
                    for slot in result.examples(template_id)
                ],
            )
        )
    return sorted(rows, key=lambda row: (-row.lines, row.template_id))


def print_templates(rows: Sequence[TemplateRow], *, top: int | None, as_json: bool) -> None:
    """Templates on standard output, with examples by slot."""
    total = sum(row.lines for row in rows)
    shown = rows[:top]
    if as_json:
        print_json([asdict(row) for row in shown])
        return
    print_table(
        [
            Column("lines", "right"),
            Column("share", "right"),
            Column("first", "right"),
            Column("last", "right"),
            Column("template", shrink=True),
            Column("examples by slot", shrink=True),
        ],
        [
            [
                f"{row.lines:,}",
                percent(row.lines, total),
                f"{row.first_line:,}",
                f"{row.last_line:,}",
                _named(row),
                _examples(row),
            ]
            for row in shown
        ],
    )


def print_summary(
    result: ParseResult, *, as_json: bool, restyle: Callable[[str], str] | None = None
) -> None:
    """The whole of a parse on standard output."""
    rows = template_rows(result, restyle)
    if as_json:
        print_json(
            {
                "sources": list(result.info.sources),
                "lines": result.lines,
                "bytes": result.bytes,
                "seconds": result.seconds,
                "cpu_seconds": result.cpu_seconds,
                "layout": result.layout,
                "layout_reason": result.layout_reason,
                "parser": result.info.parser,
                "parameters": dict(result.info.parameters),
                "groups": result.groups,
                "warnings": list(result.warnings),
                "templates": [asdict(row) for row in rows],
            }
        )
        return
    print_table(
        [
            Column("lines", "right"),
            Column("share", "right"),
            Column("template", shrink=True),
        ],
        [[f"{r.lines:,}", percent(r.lines, result.lines), _named(r)] for r in rows[:_SHOWN]],
    )
    if len(rows) > _SHOWN:
        rest = sum(row.lines for row in rows[_SHOWN:])
        click.echo(f"... and {len(rows) - _SHOWN:,} more templates with {rest:,} lines")
    click.echo(f"{_facts(result)}; -o OUT.parquet writes the rows")


def say_layout(result: ParseResult) -> None:
    """Which layout `--format auto` picked, on standard error."""
    click.echo(f"logpipe: {result.layout_reason}", err=True)


def say_warnings(result: ParseResult) -> None:
    """What the user should know about the result, on standard error."""
    for warning in result.warnings:
        click.echo(f"logpipe: {warning}", err=True)


def say_result(result: ParseResult, output: str) -> None:
    """One line about what was written, on standard error."""
    where = "" if output == "-" else f"{output}: "
    click.echo(f"logpipe: {where}{_facts(result)}", err=True)


def _facts(result: ParseResult) -> str:
    templates = int((result.counts > 0).sum())
    # Of a small log most of the time is start-up.
    fast = result.bytes >= _WORTH_A_RATE and result.seconds > 0
    rate = f" ({result.bytes / 1e6 / result.seconds:.0f} MB/s)" if fast else ""
    return (
        f"{result.lines:,} lines, {templates:,} templates in {result.groups:,} groups, "
        f"{size(result.bytes)} read in {result.seconds:.2f} s{rate}"
    )


def _named(row: TemplateRow) -> str:
    return "(no template)" if row.template_id == 0 else row.template


def _examples(row: TemplateRow) -> str:
    return " | ".join(
        f"{label}: {', '.join(_short(value) for value in values)}"
        for label, values in zip(row.variable_types, row.examples, strict=False)
    )


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_EXAMPLE else value[: _LONGEST_EXAMPLE - 1] + "…"
