"""`logpipe report DIR|FILE -o OUT.html`."""

from __future__ import annotations

import click

from logpipe.cli.options import quiet_option

__all__ = ["command"]


@click.command("report")
@click.argument("place", metavar="DIR|FILE")
@click.option("-o", "output", required=True, metavar="OUT.html", help="The page; - for stdout.")
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="Wrong templates shown for each parser and data set.",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@quiet_option
def command(place: str, output: str, top: int, force: bool, quiet: bool) -> int:
    """One self-contained HTML page of what an earlier command kept.

    DIR is what `logpipe evaluate -o` wrote; it is scored anew, nothing is run.
    """
    from logpipe.export.atomic import check_output, replacing
    from logpipe.pipeline.reporting import report

    check_output(output, force=force)
    page = report(place, top=top)
    with replacing(output, force=force) as out:
        out.write(page.encode())
    if not quiet and output != "-":
        click.echo(f"logpipe: wrote {output}", err=True)
    return 0
