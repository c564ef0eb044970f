"""`logpipe flow`: run a flow in this process."""

from __future__ import annotations

import click

from logpipe.cli.options import json_option
from logpipe.cli.tables import print_json

__all__ = ["command"]


@click.command("flow")
@click.argument("name", required=False)
@click.option("-p", "parameters", multiple=True, metavar="KEY=VALUE", help="A flow parameter.")
@json_option
def command(name: str | None, parameters: tuple[str, ...], as_json: bool) -> int:
    """Run a flow in this process, no server to set up; without NAME, list the flows.

    Ends with 1 if a part of the flow failed; the table says which.
    """
    import flows
    from flows.arguments import pairs

    if name is None:
        _list(as_json)
        return 0
    result = flows.run(name, pairs(parameters))
    if as_json:
        print_json(result)
    else:
        click.echo(result.get("table", ""), nl=False)
        for note in result.get("notes", ()):
            click.echo(f"logpipe: {note}", err=True)
        for kind, path in dict(result.get("files", {})).items():
            click.echo(f"{kind}: {path}")
    return 1 if result.get("failed") else 0


def _list(as_json: bool) -> None:
    import flows

    rows = {name: flows.summary(name) for name in flows.names()}
    if as_json:
        print_json([{"name": name, "summary": text} for name, text in rows.items()])
        return
    for name, text in rows.items():
        click.echo(f"{name}  {text}")
