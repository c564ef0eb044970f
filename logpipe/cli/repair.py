"""`logpipe repair`: what is good of a damaged archive."""

from __future__ import annotations

import click

from logpipe.cli.compress import check_other_file
from logpipe.cli.options import json_option, quiet_option
from logpipe.cli.progress import ProgressBar
from logpipe.cli.verify import tell

__all__ = ["command"]


@click.command("repair", short_help="Save what is good of a damaged archive.")
@click.argument("file", metavar="FILE.lpz")
@click.option("-o", "--output", required=True, metavar="OUT.lpz", help="The new archive.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@json_option
@quiet_option
def command(file: str, output: str, force: bool, as_json: bool, quiet: bool) -> int:
    """Write an archive of every good block, and say which lines are gone.

    The exit code is 1 where lines are gone, 3 where no good block is left: then nothing is written.
    """
    from logpipe.archive.checking import repair
    from logpipe.export.atomic import replacing

    check_other_file(file, output)
    with (
        replacing(output, force=force) as out,
        ProgressBar("repairing", quiet=quiet) as bar,
    ):
        check = repair(file, out, progress=bar)
    tell(file, check, as_json, quiet, written=output)
    return 1 if check.costs else 0
