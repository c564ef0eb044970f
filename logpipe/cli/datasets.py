"""`logpipe datasets`: list, show, fetch, path, check."""

from __future__ import annotations

from typing import Any

import click

from logpipe.cli.options import json_option, quiet_option
from logpipe.cli.progress import ProgressBar
from logpipe.cli.tables import Column, print_json, print_table, size

__all__ = ["command"]

mirror_option = click.option(
    "--mirror",
    metavar="DIR|URL",
    help="Searched before the official address; default: LOGPIPE_MIRROR.",
)


@click.group("datasets")
def command() -> None:
    """List, show, fetch and check data sets."""


@command.command("list")
@mirror_option
@json_option
def list_(mirror: str | None, as_json: bool) -> int:
    """List the data sets: lines, size, layout, what is known about the lines, what is here."""
    from logpipe import datasets

    rows = datasets.list_rows(mirror=mirror)
    if as_json:
        print_json(rows)
        return 0
    print_table(
        [
            Column("data set"),
            Column("lines", "right"),
            Column("size", "right"),
            Column("layout", shrink=True),
            Column("truth"),
            Column("here"),
        ],
        [
            [
                str(row["name"]),
                _number(row["lines"]),
                size(row["size"]) if row["size"] else "",
                str(row["layout"]),
                ", ".join(row["truth"]),
                str(row["here"]),
            ]
            for row in rows
        ],
    )
    return 0


@command.command("show")
@click.argument("name")
@mirror_option
@json_option
def show(name: str, mirror: str | None, as_json: bool) -> int:
    """Everything that is known about a data set."""
    from logpipe import datasets

    facts = datasets.show(name, mirror=mirror)
    if as_json:
        print_json(facts)
    else:
        _print_facts(facts, "")
    return 0


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME|GROUP|all...")
@mirror_option
@json_option
@quiet_option
def fetch(names: tuple[str, ...], mirror: str | None, as_json: bool, quiet: bool) -> int:
    """Bring data sets here, verified; what is here already is not fetched again."""
    from logpipe import datasets

    fetched = {}
    for dataset in datasets.load().resolve(names):
        _fetch(dataset.name, mirror, quiet)
        fetched[dataset.name] = datasets.path(dataset.name, mirror=mirror)
    _print_paths(fetched, as_json)
    return 0


def _fetch(name: str, mirror: str | None, quiet: bool) -> None:
    from logpipe import datasets

    with ProgressBar(name, quiet=quiet) as bar:

        def progress(_what: str, _path: str, done: int, total: int | None) -> None:
            bar(done, total)

        datasets.fetch(
            name,
            mirror=mirror,
            progress=progress,
            note=None if quiet else lambda text: click.echo(f"logpipe: {text}", err=True),
        )


@command.command("path")
@click.argument("name")
@mirror_option
@json_option
def path(name: str, mirror: str | None, as_json: bool) -> int:
    """Where the files of a data set are on this machine; nothing is fetched."""
    from logpipe import datasets

    found = datasets.path(name, mirror=mirror)
    if as_json:
        print_json(found)
        return 0
    for role, paths in found.items():
        for each in paths:
            click.echo(f"{role}\t{each}")
    return 0


@command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME|GROUP|all]...")
@json_option
def check(names: tuple[str, ...], as_json: bool) -> int:
    """Read what was fetched and compare it with its checksums; ends with 1 if it is damaged."""
    from logpipe import datasets

    rows = datasets.check(names or ("all",))
    if as_json:
        print_json(rows)
    else:
        print_table(
            [Column("status"), Column("data set"), Column("path"), Column("problem")],
            [[str(row[k]) for k in ("status", "dataset", "path", "problem")] for row in rows],
        )
    return 1 if any(row["status"] == "damaged" for row in rows) else 0


def _print_paths(fetched: dict[str, dict[str, list[str]]], as_json: bool) -> None:
    if as_json:
        print_json(fetched)
        return
    for name, roles in fetched.items():
        for role, paths in roles.items():
            for each in paths:
                click.echo(f"{name}\t{role}\t{each}")


def _print_facts(facts: dict[str, Any], indent: str) -> None:
    for key, value in facts.items():
        if value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            click.echo(f"{indent}{key}:")
            _print_facts(value, indent + "  ")
        elif isinstance(value, list) and isinstance(value[0], dict):
            for entry in value:
                click.echo(f"{indent}{key}:")
                _print_facts(entry, indent + "  ")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            click.echo(f"{indent}{key}: {shown}")


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
