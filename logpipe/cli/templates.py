"""`logpipe templates`: the templates of a log, or of a Parquet file made from one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from logpipe.cli.options import json_option, log_options, quiet_option, template_style_option
from logpipe.cli.parse import check_style, parse_logs, restyler
from logpipe.cli.summary import TemplateRow, print_templates, template_rows
from logpipe.errors import UsageError

if TYPE_CHECKING:
    from logpipe.batch import ParsedBatch

__all__ = ["command"]

_EXAMPLES = 3
_MAGIC = b"PAR1"


@click.command("templates", short_help="Show the templates of a log, with counts.")
@click.argument("logs", nargs=-1, metavar="LOG|PARQUET|MODEL.json")
@log_options
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Only the N most frequent.")
@click.option(
    "--explain",
    metavar="[ID]",
    is_flag=False,
    flag_value="all",
    help="What was learned: example lines, values of each slot, why neighbours are kept apart.",
)
@template_style_option
@json_option
@quiet_option
def command(
    logs: tuple[str, ...],
    parser: str,
    settings: tuple[str, ...],
    layout: str,
    model: str | None,
    threads: int | None,
    top: int | None,
    explain: str | None,
    template_style: str,
    as_json: bool,
    quiet: bool,
) -> int:
    """Show the templates of a log: counts, first and last line, example values by slot.

    A Parquet file written by `logpipe parse` is not parsed again. With --explain, also of a model
    saved by `logpipe parse --save-model`, which knows no lines.
    """
    check_style(template_style)
    if explain is not None and explain != "all" and not explain.isdecimal():
        logs, explain = (explain, *logs), "all"  # --explain without an ID, before the log
    if not logs:
        raise UsageError("no input: name a log, or a Parquet file of logpipe parse")
    from logpipe.cli.explain import explain_logs, is_model

    if explain is not None:
        if template_style != "exact":
            raise UsageError("--explain shows templates as they are; leave --template-style away")
        if any(_is_parquet(log) for log in logs):
            raise UsageError("--explain needs the log itself, or a saved model")
        return explain_logs(
            logs,
            None if explain == "all" else int(explain),
            top=top,
            as_json=as_json,
            parser=parser,
            settings=settings,
            layout=layout,
            model=model,
            threads=threads,
            quiet=quiet,
        )
    for log in filter(is_model, logs):
        raise UsageError(
            f"{log}: a saved model knows no lines; --explain shows what it learned, "
            "and --model with a log what is in that"
        )
    if any(_is_parquet(log) for log in logs):
        if len(logs) > 1:
            raise UsageError("a Parquet file is looked at alone; name one file")
        rows = _from_parquet(logs[0], template_style)
    else:
        result = parse_logs(
            logs,
            parser=parser,
            settings=settings,
            layout=layout,
            model=model,
            threads=threads,
            quiet=quiet,
        )
        rows = template_rows(result, restyler(template_style, result.info))
    print_templates(rows, top=top, as_json=as_json)
    return 0


def _is_parquet(path: str) -> bool:
    if path == "-" or not Path(path).is_file():
        return False
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False  # opening it as a log says what is wrong


def _from_parquet(path: str, template_style: str) -> list[TemplateRow]:
    import numpy as np

    from logpipe.export.restore import file_info, read_rows
    from logpipe.template import readable

    info = file_info(path).info
    table, restyle = info.templates, restyler(template_style, info)
    counts = np.zeros(len(table), np.int64)
    first = np.zeros(len(table), np.int64)
    last = np.zeros(len(table), np.int64)
    examples: dict[int, list[list[bytes]]] = {}
    for rows in read_rows(path):
        batch = rows.batch
        ids, starts, found = np.unique(batch.template_ids, return_index=True, return_counts=True)
        new = counts[ids] == 0
        first[ids[new]] = rows.line_numbers[starts[new]]
        counts[ids] += found
        last[batch.template_ids] = rows.line_numbers  # the last assignment of an id stays
        for template_id in ids.tolist():
            _collect(examples, batch, template_id)
    shown = []
    for template_id in np.flatnonzero(counts).tolist():
        template = table[template_id]
        text = template.text()
        shown.append(
            TemplateRow(
                template_id=template_id,
                group=template.group,
                template=text if restyle is None else restyle(text),
                lines=int(counts[template_id]),
                first_line=int(first[template_id]),
                last_line=int(last[template_id]),
                variable_types=template.type_labels,
                variable_categories=list(info.categories.get(template_id, ())),
                examples=[[readable(value) for value in slot] for slot in examples[template_id]],
            )
        )
    return sorted(shown, key=lambda row: (-row.lines, row.template_id))


def _collect(examples: dict[int, list[list[bytes]]], batch: ParsedBatch, template_id: int) -> None:
    """Remember the first few different values of each slot."""
    slots = examples.setdefault(
        template_id, [[] for _ in range(batch.templates[template_id].slots)]
    )
    for slot, values in enumerate(slots):
        if len(values) < _EXAMPLES:
            head = batch.column(template_id, slot)
            for value in head.slice(0, min(len(head), 20)):
                if value not in values and len(values) < _EXAMPLES:
                    values.append(value)
