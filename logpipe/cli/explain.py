"""`logpipe templates --explain`: what was learned of each template, and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from logpipe.cli.parse import parse_logs
from logpipe.cli.tables import percent, print_json
from logpipe.errors import UsageError

if TYPE_CHECKING:
    from logpipe.export import ParseInfo, Sink
    from logpipe.parsers.iterative.report import SlotReport, Statistics, TemplateReport

__all__ = ["explain_logs", "is_model"]

_LONGEST = 60


def explain_logs(
    logs: Sequence[str],
    template_id: int | None,
    *,
    top: int | None,
    as_json: bool,
    model: str | None,
    **how: Any,
) -> int:
    """Prints the report of a log, or of a saved model alone.

    Args:
        logs: as given; one saved model instead is reported without lines.
        template_id: the only one to report; None: all.
        top: only so many of those with most lines.
        as_json: instead of text.
        model: as `--model`.
        **how: parser, settings, layout, threads, quiet, as `parse_logs`.

    Raises:
        UsageError: there is no such template.
    """
    if len(logs) == 1 and model is None and is_model(logs[0]):
        found, lines = _of_model(logs[0], template_id), 0
    else:
        found, lines = _of_logs(logs, template_id, model, how)
    if as_json:
        print_json([asdict(report) for report in found[:top]])
        return 0
    for number, report in enumerate(found[:top]):
        if number:
            click.echo()
        for line in _told(report, lines):
            click.echo(line)
    return 0


def is_model(path: str) -> bool:
    """Whether a file is JSON of `--save-model`, by how it begins."""
    if path == "-" or not Path(path).is_file():
        return False
    try:
        with Path(path).open("rb") as file:
            return b'"format": "logpipe' in file.read(200).replace(b'":"', b'": "')
    except OSError:
        return False  # opening it as a log says what is wrong


def _of_model(path: str, template_id: int | None) -> list[TemplateReport]:
    from logpipe.parsers import model
    from logpipe.parsers.iterative.keeping import categories_of_values
    from logpipe.parsers.iterative.report import made
    from logpipe.template import TemplateTable

    parser = model.load(path)
    table = TemplateTable()
    for template in parser.templates_:
        table.append(template.group, template.literals, template.kinds, template.types)
    only = _only(template_id, len(table))
    return made(table, getattr(parser, "forms_", {}), categories_of_values, None, only)


def _of_logs(
    logs: Sequence[str], template_id: int | None, model: str | None, how: dict[str, Any]
) -> tuple[list[TemplateReport], int]:
    from logpipe.parsers.iterative.keeping import categories_of_values
    from logpipe.parsers.iterative.report import Statistics, made

    seen: list[Statistics] = []

    def sink(info: ParseInfo) -> Sink:
        seen.append(Statistics(_only(template_id, len(info.templates))))
        return seen[0]

    result = parse_logs(logs, model=model, sink=sink, **how)
    only = _only(template_id, len(result.templates))
    found = made(result.templates, result.info.forms, categories_of_values, seen[0], only)
    return found, result.lines


def _only(template_id: int | None, templates: int) -> Collection[int] | None:
    if template_id is None:
        return None
    if not 1 <= template_id < templates:
        known = f"1 to {templates - 1}" if templates > 1 else "none"
        raise UsageError(f"--explain {template_id}: there is no such template; known: {known}")
    return (template_id,)


def _told(report: TemplateReport, lines: int) -> list[str]:
    share = "" if report.lines is None else f", {report.lines:,} lines"
    if lines and report.lines is not None:
        share += f" ({percent(report.lines, lines)})"
    told = [
        click.style(f"template {report.template_id} of group {report.group}{share}", bold=True),
        f"  {_one_line(report.template)}",
    ]
    several = len({source for source, *_ in report.examples}) > 1
    for source, number, message in report.examples:
        where = f"{source}:{number}" if several else f"line {number}"
        told.append(f"  {where}: {_one_line(message)}")
    told += [f"  slot {n}: {_slot(slot)}" for n, slot in enumerate(report.slots, 1)]
    told += [f"  not group {a.group} ({a.reason}): {_one_line(a.why)}" for a in report.apart]
    return told


def _slot(slot: SlotReport) -> str:
    parts = [" ".join(filter(None, (slot.category, slot.lexical_class)))]
    values = slot.values
    if values is not None:
        several = "value" if values.distinct == 1 else "different values"
        parts.append(f"{'more than ' if values.more else ''}{values.distinct:,} {several}")
        if values.distinct > 1:
            parts.append(f"{_short(values.least)} to {_short(values.greatest)}")
        top = values.top if values.distinct <= len(values.top) else values.top[:3]
        parts.append(", ".join(f"{_short(v)} {100 * share:.1f} %" for v, _, share in top))
    return "; ".join(parts)


def _short(value: str) -> str:
    text = _one_line(value) or "(empty)"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
