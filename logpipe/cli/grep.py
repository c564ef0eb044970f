"""`logpipe grep`: the lines of archives that match, exactly as grep prints those of the raw log."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from logpipe.cli.options import quiet_option
from logpipe.errors import LogpipeError, UsageError

if TYPE_CHECKING:
    from logpipe.archive.pattern import Pattern

__all__ = ["command"]


@dataclass(frozen=True)
class _Output:
    """How lines are printed; the fields are grep's options."""

    count: bool
    numbers: bool
    names: bool
    list_files: bool
    quiet: bool


@click.command("grep", short_help="Find lines in archives.")
@click.argument("pattern")
@click.argument("files", nargs=-1, required=True, metavar="FILE.lpz...")
@click.option("-F", "--fixed-strings", "fixed", is_flag=True, help="PATTERN is text.")
@click.option("-E", "--extended-regexp", "extended", is_flag=True, help="PATTERN is extended.")
@click.option("-i", "--ignore-case", is_flag=True, help="Letters of ASCII match both cases.")
@click.option("-v", "--invert-match", "invert", is_flag=True, help="Lines that do not match.")
@click.option("-w", "--word-regexp", "words", is_flag=True, help="Only whole words match.")
@click.option("-x", "--line-regexp", "whole", is_flag=True, help="Only whole lines match.")
@click.option("-c", "--count", is_flag=True, help="Only how many lines.")
@click.option("-n", "--line-number", "numbers", is_flag=True, help="With line numbers.")
@click.option("-l", "--files-with-matches", "list_files", is_flag=True, help="Only file names.")
@click.option("-H", "--with-filename", "with_names", flag_value="always", help="With file names.")
@click.option("-h", "--no-filename", "with_names", flag_value="never", help="Without file names.")
@click.option("-m", "--max-count", type=click.IntRange(min=0), metavar="N", help="N lines a file.")
@click.option("-j", "threads", type=click.IntRange(min=1), metavar="N", help="Threads.")
@quiet_option
def command(
    pattern: str,
    files: tuple[str, ...],
    fixed: bool,
    extended: bool,
    ignore_case: bool,
    invert: bool,
    words: bool,
    whole: bool,
    count: bool,
    numbers: bool,
    list_files: bool,
    with_names: str | None,
    max_count: int | None,
    threads: int | None,
    quiet: bool,
) -> int:
    """Find lines in archives, without unpacking them: the same lines, in the same order, as grep.

    PATTERN is a regular expression as after `grep` (with -E, `grep -E`), read as in the C locale:
    bytes are characters, and case is that of ASCII. Nothing is "binary": lines with any bytes are
    printed, as after `grep -a`. Blocks in which nothing can be are not opened.

    The exit code is 0 if lines were found, 1 if none, 2 if the request is wrong, 3 if a part of an
    archive is damaged; lines of the other parts are printed all the same (but no count).
    """
    from logpipe.archive.pattern import compile_pattern

    if fixed and extended:
        raise UsageError("-F and -E: expected one of them")
    made = compile_pattern(
        os.fsencode(pattern),
        syntax="fixed" if fixed else "extended" if extended else "basic",
        ignore_case=ignore_case,
        words=words,
        whole_lines=whole,
    )
    if max_count == 0 or (pattern == "" and invert and not words and not whole):
        # grep looks at no file then, and prints not even counts.
        return 1
    names = with_names == "always" or (len(files) > 1 and with_names is None)
    output = _Output(count, numbers, names, list_files, quiet)
    found, code = False, 0
    for path in files:
        try:
            lines, failed = _one(path, made, invert, max_count, threads, output)
        except LogpipeError as error:
            _say(str(error))
            lines, failed = 0, error.exit_code
        found |= lines > 0
        code = max(code, failed)
        if quiet and found:
            return 0
    return code or int(not found)


def _one(
    path: str,
    pattern: Pattern,
    invert: bool,
    most: int | None,
    threads: int | None,
    output: _Output,
) -> tuple[int, int]:
    """Searches one archive; lines found, and an exit code if a part of it was damaged."""
    from logpipe import archive

    only_some = 1 if output.list_files or output.quiet else most
    lines, code = 0, 0
    prefix = os.fsencode(path) + b":" if output.names else b""
    out = sys.stdout.buffer
    with archive.open(path) as opened:
        for hits in opened.search_blocks(
            pattern,
            invert=invert,
            limit=only_some,
            counts=output.count or output.list_files or output.quiet,
            threads=threads or os.cpu_count() or 1,
        ):
            if hits.error is not None:
                _say(str(hits.error))
                code = hits.error.exit_code
            lines += hits.count
            if hits.lines:
                out.write(hits.labelled(prefix, numbers=output.numbers))
    if output.quiet:
        return lines, code
    if output.list_files:
        if lines:
            out.write(os.fsencode(path) + b"\n")
    elif output.count and code == 0:
        out.write(prefix + b"%d\n" % lines)
    elif output.count:
        # A number on standard output would be taken for the whole answer.
        _say(f"{path}: no count: {lines:,} lines are in the parts that can be read", word="")
    return lines, code


def _say(message: str, word: str = "error: ") -> None:
    sys.stdout.flush()
    print(f"logpipe: {word}{' '.join(message.split())}", file=sys.stderr)
