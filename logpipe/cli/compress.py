"""`logpipe compress`: logs into archives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from logpipe.cli.options import quiet_option
from logpipe.cli.progress import ProgressBar
from logpipe.cli.tables import counted, size
from logpipe.errors import UsageError

if TYPE_CHECKING:
    from logpipe.formats.readers import Source

__all__ = ["SUFFIX", "check_other_file", "command"]

SUFFIX = ".lpz"

_NOTES = 3
"""Notes of one kind that are printed."""
_PACKED = (
    *(f".tar.{e}" for e in ("gz", "bz2", "xz", "zst")),
    *(".tgz", ".tar", ".zip", ".gz", ".bz2", ".xz", ".zst", SUFFIX),
)


@click.command("compress", short_help="Compress logs into an archive.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o",
    "--output",
    metavar="OUT.lpz",
    help="One archive of all files, one behind the other; default: FILE.lpz for each. - is stdout.",
)
@click.option(
    "--level",
    type=click.Choice(["fast", "default", "max"]),
    default="default",
    show_default=True,
    help="fast: about the speed of zstd; max: smallest, slow both ways.",
)
@click.option(
    "--format",
    "layout",
    default="auto",
    show_default=True,
    metavar="auto|NAME|LAYOUT",
    help="The header layout, for example loghub:HDFS or '<Date> <Time> <Content>'.",
)
@click.option("--append", is_flag=True, help="Add to an archive that exists.")
@click.option("--rm", "remove", is_flag=True, help="Delete each FILE once its archive is verified.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@click.option(
    "-j", "threads", type=click.IntRange(min=1), metavar="N", help="Threads; default: all cores."
)
@quiet_option
def command(
    files: tuple[str, ...],
    output: str | None,
    level: str,
    layout: str,
    append: bool,
    remove: bool,
    force: bool,
    threads: int | None,
    quiet: bool,
) -> int:
    """Compress logs into archives that give the same bytes back, and any line of them at once."""
    if append and output is None:
        raise UsageError("--append needs the archive to add to: -o OUT.lpz")
    if output is None and "-" in files:
        raise UsageError("standard input has no name to make an archive's name of: give -o OUT.lpz")
    if remove and (output == "-" or "-" in files or any("!" in f for f in files)):
        raise UsageError("--rm deletes files once their archive is verified; give files and a file")
    jobs = [(files, output)] if output is not None else [((f,), None) for f in files]
    for names, target in jobs:
        _compress(names, target, level, layout, append, remove, force, threads, quiet)
    return 0


def check_other_file(source: str, target: str) -> None:
    """Refuse to write over what is read, whatever the names and whatever --force says.

    Raises:
        UsageError: both are one file.
    """
    if "-" in (source, target):
        return
    with suppress(OSError):
        if Path(source).samefile(target):
            raise UsageError(
                f"{target}: is the input itself, which is never overwritten; name another output"
            )


def _archive_name(file: str, sources: Sequence[Source]) -> str:
    """Of the log inside: what was packed is not kept, and must not give its name to a text."""
    if len(sources) == 1 and getattr(sources[0], "compression", "") is None:
        return file + SUFFIX
    bare = next((file.removesuffix(e) for e in _PACKED if file.lower().endswith(e)), file)
    return (bare if Path(bare).name else file) + SUFFIX


def _compress(
    files: tuple[str, ...],
    output: str | None,
    level: str,
    layout: str,
    append: bool,
    remove: bool,
    force: bool,
    threads: int | None,
    quiet: bool,
) -> None:
    from logpipe.export.atomic import leftovers
    from logpipe.formats.readers import open_sources
    from logpipe.pipeline.compressing import check_removable, compress, remove_verified

    sources = open_sources(files)
    target = output if output is not None else _archive_name(files[0], sources)
    if remove:
        check_removable(files, target)
    for file in files:
        check_other_file(file, target)
    if not quiet:
        if output is None and target != files[0] + SUFFIX:
            click.echo(
                f"logpipe: {files[0]}: the log in it goes into {target}, which gives the log back, "
                f"not the packed file",
                err=True,
            )
        for left in leftovers(target):
            click.echo(
                f"logpipe: {left} was left by a run that was killed; nothing needs it, delete it",
                err=True,
            )
    with ProgressBar("compressing", quiet=quiet) as bar:
        result = compress(
            sources,
            target,
            level=level,  # type: ignore[arg-type]
            layout=layout,
            append=append,
            force=force,
            threads=threads,
            progress=bar,
        )
    if remove:
        with ProgressBar("verifying", quiet=quiet) as bar:
            remove_verified(sources, files, target, result, bar)
    if not quiet:
        if result.removed.bytes:
            click.echo(
                f"logpipe: {target}: {counted(result.removed.lines, 'line')} "
                f"({counted(result.removed.bytes, 'byte')}) of an append that was killed were "
                f"removed behind its end",
                err=True,
            )
        for one, other in result.joined[:_NOTES]:
            click.echo(
                f"logpipe: {one} does not end in a line feed: its last line and the first one of "
                f"{other} are one line",
                err=True,
            )
        if len(result.joined) > _NOTES:
            rest = counted(len(result.joined) - _NOTES, "more file")
            click.echo(f"logpipe: the same at the end of {rest}", err=True)
        ratio = f"{result.bytes / result.archive_bytes:.2f}" if result.archive_bytes else "-"
        shown = "standard output" if target == "-" else os.fspath(Path(target))
        more = f" added; {counted(result.total_lines, 'line')} in all" if append else ""
        click.echo(
            f"{shown}: {counted(result.lines, 'line')}, {size(result.bytes)} to "
            f"{size(result.archive_bytes)}, ratio {ratio}{more}",
            err=True,
        )
