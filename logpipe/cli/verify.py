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
    """Check every checksum and the decoded bytes, and say which lines damage costs.

    What searches rely on is held against the lines, too: guides and filters, which checksums alone
    do not prove, and the counts of lines.

    The exit code is 1 where there is damage, and 3 where it is no archive at all.
    """
    from logpipe.archive.checking import verify

    with ProgressBar("verifying", quiet=quiet) as bar:
        check = verify(file, progress=bar)
    tell(file, check, as_json, quiet)
    return 0 if check.good else 1


def tell(file: str, check: Check, as_json: bool, quiet: bool, written: str = "") -> None:
    """Prints what a check found; `written` is the archive that was made of it."""
    if as_json:
        from logpipe.cli.tables import print_json

        more = {"written": written} if written else {}
        print_json({**asdict(check), "file": file, "good": check.good, **more})
        return
    if quiet and check.good:
        return
    from logpipe.cli.tables import counted

    found = counted(check.lines, "line")
    click.echo(f"{file}: {found} in {counted(check.blocks, 'good block')}")
    for lost in check.lost:
        what = "found" if lost.bytes == 0 else "lost"
        click.echo(f"  {what}: {_lines(lost)}at byte {lost.at:,}: {lost.reason}")
    if not check.complete:
        click.echo("  the end is missing: it was cut short, or never finished")
    if written:
        blocks = "the good block" if check.blocks == 1 else "the good blocks"
        click.echo(f"  {written} has {blocks}: {found}, {counted(check.raw, 'byte')}")
    elif not check.good:
        click.echo(f"  `logpipe repair {file} -o OUT.lpz` keeps what is good")


def _lines(lost: Lost) -> str:
    if lost.first is None:
        return ""
    if lost.last is None:
        return f"line {lost.first:,} and all after it, "
    from logpipe.cli.tables import counted

    size = "" if lost.bytes is None else f" ({counted(lost.bytes, 'byte')})"
    if lost.first == lost.last:
        return f"line {lost.first:,}{size}, "
    return f"lines {lost.first:,} to {lost.last:,}{size}, "
