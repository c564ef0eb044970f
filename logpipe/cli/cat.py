"""`logpipe cat`: lines of an archive."""

from __future__ import annotations

import click

from logpipe.errors import UsageError

__all__ = ["command"]


@click.command("cat", short_help="Print lines of an archive.")
@click.argument("file", metavar="FILE.lpz")
@click.option(
    "--lines", metavar="A:B", help="Only lines A to B, counted from 1; either may be left away."
)
def command(file: str, lines: str | None) -> int:
    """Print the log in an archive, or a range of its lines: only what is needed is decoded."""
    import sys

    from logpipe.archive.reader import Archive

    start, stop = _range(lines)
    with Archive(file) as archive:
        for piece in archive.pieces(start, stop):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        if start > max(archive.lines, 1):
            print(
                f"logpipe: {file}: nothing printed: --lines {lines} begins behind the last line, "
                f"{archive.lines:,}",
                file=sys.stderr,
            )
    return 0


def _range(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 1, None
    a, colon, b = text.partition(":")
    try:
        start = int(a) if a else 1
        stop = (int(b) if b else None) if colon else start
    except ValueError:
        raise UsageError(f"--lines {text}: expected A:B, for example 100:200") from None
    if start < 1 or (stop is not None and stop < start):
        raise UsageError(f"--lines {text}: expected 1 <= A <= B")
    return start, stop
