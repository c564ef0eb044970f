"""`logpipe parsers list`."""

from __future__ import annotations

import inspect

import click

from logpipe.cli.options import json_option
from logpipe.cli.tables import Column, print_json, print_table

__all__ = ["command"]


@click.group("parsers")
def command() -> None:
    """List the parsers that can be used."""


@command.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List the parsers that can be used, with their parameters and defaults.

    A parser of your own is found through the entry-point group logpipe.parsers, or given as
    package.module:Class.
    """
    from logpipe.parsers import REGISTRY, WHY_DEFAULT

    rows = [_row(name, REGISTRY.target(name)) for name in REGISTRY.names()]
    if as_json:
        print_json(rows)
        return 0
    print_table(
        [Column("parser"), Column("class"), Column("parameters", shrink=True), Column("problem")],
        [
            [
                str(row["name"]),
                str(row["class"]),
                ", ".join(f"{k}={v}" for k, v in row["parameters"].items()),  # type: ignore[attr-defined]
                str(row["problem"] or ""),
            ]
            for row in rows
        ],
    )
    click.echo(WHY_DEFAULT)
    return 0


def _row(name: str, target: str) -> dict[str, object]:
    """One parser; a plug-in that cannot be imported is listed with the reason."""
    from logpipe.parsers import DEFAULT, REGISTRY, parameters_of

    row: dict[str, object] = {
        "name": name,
        "class": target,
        "default": name == DEFAULT,
        "parameters": {},
        "problem": None,
    }
    try:
        parameters = parameters_of(REGISTRY.load(name))
    except Exception as error:
        return {**row, "problem": f"{type(error).__name__}: {error}"}
    row["parameters"] = {
        key: None if p.default is inspect.Parameter.empty else p.default
        for key, p in parameters.items()
    }
    return row
