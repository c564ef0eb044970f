"""`logpipe decompress`: the same bytes again."""

from __future__ import annotations

import click

from logpipe.cli.compress import SUFFIX, check_other_file
from logpipe.cli.options import quiet_option
from logpipe.cli.progress import ProgressBar
from logpipe.errors import UsageError

__all__ = ["command"]


@click.command("decompress", short_help="Get a log back from its archive.")
@click.argument("files", nargs=-1, required=True, metavar="FILE.lpz...")
@click.option("-o", "--output", metavar="OUT", help="Default: the name without .lpz. - is stdout.")
@click.option("-c", "--stdout", is_flag=True, help="To standard output, all files in turn.")
@click.option("--rm", "removed", is_flag=True, help="Delete each archive once it is decompressed.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@click.option(
    "-j", "threads", type=click.IntRange(min=1), metavar="N", help="Threads; default: all cores."
)
@quiet_option
def command(
    files: tuple[str, ...],
    output: str | None,
    stdout: bool,
    removed: bool,
    force: bool,
    threads: int | None,
    quiet: bool,
) -> int:
    """Decompress archives; every byte is checked before an output gets its name."""
    from logpipe.archive.reader import Archive
    from logpipe.archive.removing import check_regular_output, hold, remove
    from logpipe.export.atomic import replacing
    from logpipe.native.threads import default_threads

    if stdout and output is not None:
        raise UsageError("give either -c or -o")
    if stdout:
        output = "-"
    if removed and output == "-":
        raise UsageError("--rm deletes archives whose bytes are safe in a file; write to one")
    if output is None:
        bad = [f for f in files if not f.endswith(SUFFIX) or f == SUFFIX]
        if bad:
            raise UsageError(f"{bad[0]}: does not end in {SUFFIX}; name the output by -o OUT")
    elif output != "-" and len(files) > 1:
        raise UsageError("-o takes one archive; for several leave it away, or use -c")
    for name in files:
        target = name.removesuffix(SUFFIX) if output is None else output
        check_other_file(name, target)
        if removed:
            check_regular_output(target)
        with Archive(name) as archive:
            if removed:
                hold(archive)
            with (
                replacing(target, force=force) as out,
                ProgressBar("decompressing", quiet=quiet) as bar,
            ):
                for raw in archive.buffers(threads or default_threads()):
                    out.write(raw)
                    del raw  # its memory is the next block's
                    bar(out.tell(), archive.raw_size)
            if removed:
                remove(archive)
    return 0
