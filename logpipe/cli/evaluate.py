"""`logpipe evaluate`: parsers on logs whose templates are known."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from logpipe.cli.options import json_option, quiet_option, split_assignments, typed_parameters
from logpipe.cli.tables import Column, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from logpipe.pipeline.evaluating import Evaluation

__all__ = ["command"]

_FEW = ("GA", "FGA", "PA", "FTA")
_MOST_RUNS = 60
_MOST_PUBLISHED = 40


@click.command("evaluate")
@click.option(
    "--parser",
    "parsers",
    multiple=True,
    metavar="NAME|pkg.mod:Class|all",
    help="Who takes part; may be repeated. Default: every contestant that can run here.",
)
@click.option(
    "--dataset",
    "names",
    multiple=True,
    metavar="NAME|GROUP|all|FILE.csv",
    help="What to score on; may be repeated. Default: sample, which needs no download. "
    "FILE.csv has Content and EventTemplate.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the parser, if there is only one; may be repeated.",
)
@click.option(
    "--metrics",
    multiple=True,
    metavar="NAME,...|official|extended|all",
    help="Columns of the scores. Default: all but PMSS.",
)
@click.option(
    "--template-style",
    type=click.Choice(["exact", "loghub-2k", "loghub-2.0", "truth"]),
    default="exact",
    show_default=True,
    help="What predicted templates are brought to before they are compared, whoever made them; "
    "exact: compared as they are, as the published evaluator does; truth: each set's own style.",
)
@click.option(
    "-o",
    "folder",
    metavar="DIR",
    help="Scores, and the output of every run; what is there is not run again. "
    "Default: results/evaluate in LOGPIPE_HOME.",
)
@click.option("--report", "page", metavar="OUT.html", help="Everything on one page.")
@click.option("--contestants", metavar="FILE.yaml", help="Another list of contestants.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="For each run, on the wall.",
)
@click.option(
    "--cpu-limit",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="For each run, of CPU-seconds: the fair limit on a busy machine; 0: none.",
)
@click.option(
    "--memory-limit",
    type=click.FloatRange(min=0),
    default=8000.0,
    show_default=True,
    metavar="MB",
    help="For each run; 0: none.",
)
@click.option(
    "-j",
    "jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Runs at a time; default: all cores. Speeds that are to be printed want -j 1.",
)
@click.option("--retry", is_flag=True, help="Do runs again that failed.")
@click.option("--rerun", is_flag=True, help="Do all runs again.")
@click.option(
    "--rescore", is_flag=True, help="Run nothing: score what is kept in DIR, maybe in other ways."
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="Wrong templates on the page for each parser and data set.",
)
@click.option(
    "--mirror",
    metavar="DIR|URL",
    help="Searched before the official address; default: LOGPIPE_MIRROR.",
)
@click.option("--force", is_flag=True, help="Replace an existing page.")
@json_option
@quiet_option
def command(**given: Any) -> int:
    """Score parsers on logs whose templates are known.

    Each run is a process of its own with limits of time and memory; what it answers is kept, and
    scores are computed from that. A run that fails counts as 0 and stays in the table. DIR gets
    scores.csv (a row per parser, data set and slice), the same as JSON, tables in Markdown and
    LaTeX, published figures, and every output.

    Groups: loghub-2k (corrected templates of 16 systems), loghub-2.0 (14 full sets), sample, ...
    """
    from logpipe.export.atomic import check_output, replacing

    page = given["page"]
    if page is not None:
        check_output(page, force=given["force"])
    found = _rescored(given) if given["rescore"] else _evaluated(given)
    if page is not None:
        from logpipe.evaluation.page import render

        with replacing(page, force=given["force"]) as out:
            out.write(render(found, top=given["top"]).encode())
    if given["as_json"]:
        print_json(
            {
                "folder": str(found.folder),
                "metrics": list(found.metrics),
                "template_style": found.template_style,
                "leaderboard": found.leaderboard,
                "scores": found.rows,
                "published": found.published,
                "editions": list(found.editions),
                "notes": list(found.notes),
            }
        )
    elif page != "-":
        _print(found)
        if not given["quiet"]:
            _note(f"everything is in {found.folder}" + (f", the page is {page}" if page else ""))
    # A parser that fails is a result; a truth that is none leaves nothing to have a result on.
    if all(row["status"] == "no-data" for row in found.rows):
        _note("no data set could be scored on; the table says why")
        return 2
    return 0


def _evaluated(given: Mapping[str, Any]) -> Evaluation:
    from logpipe.evaluation.supervise import Limits
    from logpipe.pipeline.evaluating import evaluate

    quiet = given["quiet"]
    found = evaluate(
        given["parsers"],
        given["names"] or ("sample",),
        folder=given["folder"],
        parameters=_parameters(given["parsers"], given["settings"]),
        metrics=given["metrics"],
        template_style=given["template_style"],
        contestants=given["contestants"],
        limits=Limits(given["time_limit"], given["memory_limit"], given["cpu_limit"]),
        jobs=given["jobs"],
        retry=given["retry"],
        again=given["rerun"],
        mirror=given["mirror"],
        progress=None if quiet else _say,
    )
    if not quiet:
        for sentence in found.notes:
            _note(sentence)
    return found


def _rescored(given: Mapping[str, Any]) -> Evaluation:
    from logpipe.errors import UsageError
    from logpipe.pipeline.evaluating import default_folder, load_evaluation

    for name, option in (("parsers", "--parser"), ("names", "--dataset"), ("settings", "--set")):
        if given[name]:
            raise UsageError(f"--rescore scores what is kept; {option} has no place beside it")
    return load_evaluation(
        given["folder"] or default_folder(),
        metrics=given["metrics"],
        template_style=None if given["template_style"] == "exact" else given["template_style"],
        mirror=given["mirror"],
        write=True,
    )


def _parameters(parsers: Sequence[str], settings: Sequence[str]) -> dict[str, object]:
    """Typed by the constructor of a parser that comes with logpipe or an installed package.

    A parser given by path is not imported here, because it may do anything: its values are read
    as JSON where they are JSON, and are text otherwise.
    """
    if not settings:
        return {}
    from logpipe.errors import UsageError
    from logpipe.parsers import REGISTRY

    if len(parsers) != 1 or parsers[0] == "all":
        raise UsageError("--set is for one parser; name it with --parser")
    if ":" not in parsers[0] and parsers[0] in REGISTRY.names():
        factory: Any = REGISTRY.load(parsers[0])
        return typed_parameters(parsers[0], factory, settings)
    import orjson

    typed: dict[str, object] = {}
    for key, text in split_assignments(settings, "--set").items():
        try:
            typed[key] = orjson.loads(text)
        except orjson.JSONDecodeError:
            typed[key] = text
    return typed


def _print(found: Evaluation) -> None:
    few = [m for m in (*_FEW, "strict_FTA") if m in found.metrics] or list(found.metrics[:5])
    costs = ["cpu_s", "peak_mb", "lines_per_cpu_s"]
    _table(found.leaderboard, ["parser", "sets", "failed", *few, *costs])
    runs = [row for row in found.rows if row["slice"] == "all"]
    shown = runs
    if len(runs) > _MOST_RUNS:
        shown = [row for row in runs if row["status"] != "ok"]
    if shown and (len(runs) > 1 or runs[0]["status"] != "ok"):
        click.echo()
        _table(shown, ["parser", "dataset", "status", *few, "cpu_s", "peak_mb", "error"])
    if len(shown) < len(runs):
        click.echo(f"{len(runs) - len(shown)} runs that are ok: {found.folder / 'scores.csv'}")
    published = found.published
    if len(published) > _MOST_PUBLISHED:
        published = [row for row in published if row["system"] == "Average"] or published[:0]
    if published:
        click.echo("\nPublished, not measured here:")
        _table(published, ["parser", "system", "edition", *_FEW, "source"])


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    from logpipe.evaluation.tables import shown

    texts = ("parser", "dataset", "status", "system", "edition", "source", "error")
    names = [n for n in names if n != "error" or any(row.get(n) for row in rows)]
    print_table(
        [
            Column(n, "left" if n in texts else "right", shrink=n in ("error", "parser"))
            for n in names
        ],
        [
            [str(row.get(n) or "") if n == "error" else shown(row.get(n), n) for n in names]
            for row in rows
        ],
    )


def _say(done: int, total: int, sentence: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"[{done}/{total}] {sentence}", err=True)


def _note(sentence: str) -> None:
    click.echo(f"logpipe: {sentence}", err=True)
