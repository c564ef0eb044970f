"""`logpipe up`: a Prefect server and all flows, served from one terminal."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("up")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the server listens.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=4200, show_default=True, metavar="PORT"
)
@click.option("--limit", type=click.IntRange(min=1), help="Flow runs at a time; default: cores.")
def command(host: str, port: int, limit: int | None) -> int:
    """Start a Prefect server and serve every flow, until Ctrl-C.

    A server that PREFECT_API_URL names, or that is at the port already, is used instead. Then, from
    the project folder: prefect deployment run parse-all
    """
    from flows.serving import up

    up(host, port, limit, lambda sentence: click.echo(f"logpipe: {sentence}", err=True))
    return 0
