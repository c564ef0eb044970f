"""`logpipe verify`: whether an archive is whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from logpipe.cli.options import json_option, quiet_option
from logpipe.cli.progress import ProgressBar

if TYPE_CHECKING:
    from logpipe.archive.checking import Check, Lost

__all__ = ["command", "tell"]


@click.command("verify", short_help="Check every byte of an archive.")
@click.argument("file", metavar="FILE.lpz")
@json_option
@quiet_option
def command(file: str, as_json: bool, quiet: bool) -> int:
    """Check every checksum and the decoded bytes; 1 if there is damage, with the lines it costs."""
    from logpipe.archive.checking import verify

    with ProgressBar("verifying", quiet=quiet) as bar:
        check = verify(file, progress=bar)
    tell(file, check, as_json, quiet)
    return 0 if check.good else 1


def tell(file: str, check: Check, as_json: bool, quiet: bool) -> None:
    """Prints what a check found."""
    if as_json:
        from logpipe.cli.tables import print_json

        print_json({**asdict(check), "file": file, "good": check.good})
        return
    if quiet and check.good:
        return
    click.echo(f"{file}: {check.lines:,} lines in {check.blocks} good blocks")
    for lost in check.lost:
        click.echo(f"  lost: {_lines(lost)}at byte {lost.at:,}: {lost.reason}")
    if not check.complete:
        click.echo("  the end is missing: it was cut short, or never finished")
    if not check.good:
        click.echo(f"  `logpipe repair {file} -o OUT.lpz` keeps what is good")


def _lines(lost: Lost) -> str:
    if lost.first is None:
        return ""
    size = "" if lost.bytes is None else f" ({lost.bytes:,} bytes)"
    return f"lines {lost.first:,} to {lost.last:,}{size}, "
