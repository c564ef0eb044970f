"""`logpipe parse`: logs to rows of templates and typed variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from logpipe.cli.options import (
    json_option,
    log_options,
    multiline_option,
    quiet_option,
    template_style_option,
    time_options,
    typed_parameters,
    zone_offsets,
)
from logpipe.cli.progress import ProgressBar
from logpipe.cli.summary import (
    print_summary,
    say_layout,
    say_result,
    say_warnings,
    template_rows,
)
from logpipe.errors import UsageError

if TYPE_CHECKING:
    from logpipe.export import ParseInfo, Sink
    from logpipe.pipeline import ParseResult

__all__ = ["check_style", "command", "parse_logs", "restyler"]


@click.command("parse", short_help="Turn logs into templates and typed variables.")
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@log_options
@multiline_option
@click.option(
    "-o",
    "--output",
    metavar="OUT.parquet|OUT.jsonl|-",
    help="Where the rows go; the ending decides the format, - is JSON lines on standard output.",
)
@click.option(
    "--templates", metavar="OUT.csv", help="Also write the templates, with counts, as CSV."
)
@click.option(
    "--style",
    type=click.Choice(["loghub", "otel"]),
    help="loghub: Loghub's pair of CSV files. otel: OTLP-JSON lines (OpenTelemetry).",
)
@template_style_option
@click.option(
    "--year",
    type=click.IntRange(1678, 2261),
    metavar="YYYY",
    help="Year of the first line of each log, where time stamps have none (BSD syslog).",
)
@time_options
@click.option(
    "--keep",
    metavar="OID,STC,...",
    help="Categories of variables whose values stay in the templates (parser iterative).",
)
@click.option("--save-model", metavar="OUT.json", help="Save what was learned, for --model.")
@click.option("--force", is_flag=True, help="Replace existing outputs.")
@json_option
@quiet_option
def command(
    logs: tuple[str, ...],
    parser: str,
    settings: tuple[str, ...],
    layout: str,
    model: str | None,
    threads: int | None,
    multiline: bool,
    output: str | None,
    templates: str | None,
    style: str | None,
    template_style: str,
    keep: str | None,
    year: int | None,
    zones: tuple[str, ...],
    dates: str | None,
    save_model: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Turn logs into templates and typed variables, one row per line.

    A row has line_no, the header fields, message, template_id, template, variables and
    variable_types. Nothing is lost: a Parquet file gives every byte of the log back.

    Without -o, a terminal gets a table of the templates, anything else the rows as JSON lines.
    """
    if keep is not None and parser in ("drain", "drain3"):
        raise UsageError("--keep needs a parser that knows categories: --parser iterative")
    if output is None and (style is not None or not (sys.stdout.isatty() or as_json)):
        output = "-"
    _check_outputs(
        logs, output, templates, save_model, style=style, multiline=multiline, force=force
    )
    if output == "-" and as_json:
        raise UsageError("--json prints the summary on standard output, where -o - writes the rows")
    check_style(template_style)

    def sink(info: ParseInfo) -> Sink:
        from logpipe.export import open_sink
        from logpipe.native.threads import default_threads

        assert output is not None
        return open_sink(
            output,
            style=style,
            info=info,
            force=force,
            multiline=multiline,
            restyle=restyler(template_style, info),
            threads=threads or default_threads(),
        )

    result = parse_logs(
        logs,
        parser=parser,
        settings=settings if keep is None else (*settings, f"keep={keep}"),
        layout=layout,
        model=model,
        threads=threads,
        quiet=quiet,
        year=year,
        zones=zone_offsets(zones),
        dates=dates,
        sink=None if output is None else sink,
    )
    if multiline and not quiet and not result.info.field_names:
        click.echo(
            f"logpipe: --multiline attaches nothing: layout {result.layout} has no header; "
            f"name one by --format",
            err=True,
        )
    if not quiet and (style == "otel" or (output or "").endswith(".parquet")):
        _say_timeless(result)
    if templates is not None:
        from logpipe.export.templates import write_templates

        rows = template_rows(result, restyler(template_style, result.info))
        write_templates(
            templates,
            [
                (
                    r.template_id,
                    r.group,
                    r.lines,
                    r.first_line,
                    r.last_line,
                    r.template,
                    r.variable_types,
                    r.variable_categories,
                )
                for r in rows
            ],
            force=force,
        )
    if save_model is not None:
        result.save_model(save_model)
    if as_json or output is None:
        print_summary(result, as_json=as_json, restyle=restyler(template_style, result.info))
    elif not quiet:
        say_result(result, output)
    return 0


def parse_logs(
    logs: Sequence[str],
    *,
    parser: str,
    settings: Sequence[str] = (),
    layout: str = "auto",
    model: str | None = None,
    threads: int | None = None,
    quiet: bool = False,
    year: int | None = None,
    zones: Mapping[str, int] | None = None,
    dates: str | None = None,
    sink: Callable[[ParseInfo], Sink] | None = None,
) -> ParseResult:
    """Parse with a progress bar and a note on the layout, as every command that reads logs does.

    Raises:
        LogpipeError: an input, the parser, a parameter, the layout, the model or the output.
    """
    from logpipe import pipeline
    from logpipe.formats.readers import open_sources
    from logpipe.parsers import REGISTRY

    context = click.get_current_context(silent=True)
    named = context is not None and context.get_parameter_source("parser")
    if model is not None and named is ParameterSource.COMMANDLINE:
        raise UsageError("a saved model has its own parser; leave --parser away")
    constructor: Any = REGISTRY.load(parser)
    parameters = typed_parameters(parser, constructor, settings)
    sources = open_sources(logs)
    with ProgressBar("parsing", quiet=quiet) as progress:
        result = pipeline.parse(
            sources,
            parser=parser,
            parameters=parameters,
            layout=layout,
            model=model,
            threads=threads,
            year=year,
            zones=zones,
            dates=dates,
            sink=sink,
            progress=progress,
        )
    if layout == "auto" and not quiet:
        say_layout(result)
    if not quiet:
        say_warnings(result)
    return result


def _say_timeless(result: ParseResult) -> None:
    from logpipe.export.time_notes import why_no_times

    why = why_no_times(result.info)
    if why:
        click.echo(f"logpipe: {why}", err=True)


def check_style(template_style: str) -> None:
    """Refuses an unknown `--template-style` before any work is done."""
    if template_style != "exact":
        from logpipe.metrics.styles import style

        style(template_style)


def restyler(template_style: str, info: ParseInfo) -> Callable[[str], str] | None:
    """The rewriting of template text that a `--template-style` asks for; None for none."""
    if template_style == "exact":
        return None
    from logpipe.export.styles import restyler as made

    return made(template_style, info.templates, info.forms)


def _check_outputs(
    logs: Sequence[str],
    output: str | None,
    templates: str | None,
    save_model: str | None,
    *,
    style: str | None,
    multiline: bool,
    force: bool,
) -> None:
    """Refuse at once what would otherwise fail after the work is done."""
    from logpipe.export.atomic import check_output
    from logpipe.export.base import check_sink

    wanted: dict[str, str] = {}
    if output is not None:
        if Path(output).is_dir():  # its ending would be found wrong first
            check_output(output, force=force)
        kind = check_sink(output, style, multiline=multiline)
        wanted["-o"] = output
        if kind == "loghub":
            from logpipe.export.loghub import templates_path

            wanted["--style loghub"] = templates_path(output)
    if templates is not None:
        wanted["--templates"] = templates
    if save_model is not None:
        wanted["--save-model"] = save_model
    inputs = {os.path.realpath(log) for log in logs if log != "-"}
    seen: dict[str, str] = {}
    for option, path in wanted.items():
        real = path if path == "-" else os.path.realpath(path)
        if real in inputs:
            raise UsageError(f"{option} {path}: is an input, which is never overwritten")
        if real in seen and not Path(real).is_char_device():
            raise UsageError(f"{option} {path}: is the output of {seen[real]} already")
        seen[real] = option
        check_output(path, force=force)
    if save_model is not None and (save_model == "-" or _is_special(save_model)):
        raise UsageError(f"--save-model {save_model}: a model needs a file of its own")


def _is_special(path: str) -> bool:
    return Path(path).exists() and not Path(path).is_file()
