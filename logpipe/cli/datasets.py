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

    _print_rows(datasets.list_rows(mirror=mirror), as_json)
    return 0


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
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


@command.command("show")
@click.argument("name", metavar="NAME|GROUP")
@mirror_option
@json_option
def show(name: str, mirror: str | None, as_json: bool) -> int:
    """Everything that is known about a data set; the members of a group."""
    from logpipe import datasets

    if name in datasets.load().groups:
        rows = datasets.list_rows(mirror=mirror)
        _print_rows([row for row in rows if name in row["groups"]], as_json)
        return 0
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
    """Bring data sets here, verified; what is here already is not fetched again.

    One that cannot be had does not stop the others; the command ends with 2 then.
    """
    from logpipe import datasets
    from logpipe.errors import LogpipeError

    datasets.mirror_setting(mirror)
    chosen = datasets.load().resolve(names)
    fetched, failed = {}, 0
    for dataset in chosen:
        try:
            _fetch(dataset.name, mirror, quiet)
            fetched[dataset.name] = datasets.path(dataset.name, mirror=mirror)
        except LogpipeError as error:
            if len(chosen) == 1:
                raise
            failed += 1
            click.echo(f"logpipe: error: {' '.join(str(error).split())}", err=True)
    _print_paths(fetched, as_json)
    if failed:
        click.echo(f"logpipe: {failed} of {len(chosen)} data sets were not fetched", err=True)
    return 2 if failed else 0


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
@mirror_option
@json_option
def check(names: tuple[str, ...], mirror: str | None, as_json: bool) -> int:
    """Read what is here and compare it with its checksums; ends with 1 if it is damaged.

    Files in a mirror folder are used in place, so they are read too.
    """
    from logpipe import datasets

    rows = datasets.check(names or ("all",), mirror=mirror)
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
