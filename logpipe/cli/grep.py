"""`logpipe grep`: the lines of archives that match, exactly as grep prints those of the raw log.

Options are grep's, with grep's meaning; so `-q` is silence here, and not only no notes.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from logpipe.errors import InputError, LogpipeError, UsageError

if TYPE_CHECKING:
    from logpipe.archive.pattern import Pattern
    from logpipe.archive.printing import Printer
    from logpipe.archive.search import Context

__all__ = ["command"]

_CONTEXT = click.IntRange(min=0)
_COLOR = ("--color", "--colour")
_NUMBER = re.compile(r"-\d+")
_TAKES_VALUE = re.compile(r"-[a-zA-Z]*[efmABCj]|--(regexp|file|max-count)|--.*-context|--context")


class _Grep(click.Command):
    """Knows `-5`, which is `-C 5`, and `--color`, which is `--color=auto`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given: list[str] = []
        value = False
        for i, arg in enumerate(args):
            if arg == "--" and not value:
                given.extend(args[i:])
                break
            if not value and _NUMBER.fullmatch(arg):
                given.extend(("-C", arg[1:]))
            else:
                # Its value never stands apart: the next argument is a pattern.
                given.append(f"{arg}=auto" if not value and arg in _COLOR else arg)
            value = not value and _TAKES_VALUE.fullmatch(arg) is not None
        return super().parse_args(ctx, given)


@click.command("grep", cls=_Grep, short_help="Find lines in archives.")
@click.argument("arguments", nargs=-1, metavar="[PATTERN] FILE.lpz...")
@click.option("-e", "--regexp", "patterns", multiple=True, metavar="PATTERN", help="A pattern.")
@click.option("-f", "--file", "files", multiple=True, help="A file with a pattern on each line.")
@click.option("-G", "--basic-regexp", "basic", is_flag=True, help="Patterns are basic (default).")
@click.option("-E", "--extended-regexp", "extended", is_flag=True, help="Patterns are extended.")
@click.option("-F", "--fixed-strings", "fixed", is_flag=True, help="Patterns are text.")
@click.option("-i", "--ignore-case", is_flag=True, help="Letters of ASCII match both cases.")
@click.option("-v", "--invert-match", "invert", is_flag=True, help="Lines that do not match.")
@click.option("-w", "--word-regexp", "words", is_flag=True, help="Only whole words match.")
@click.option("-x", "--line-regexp", "whole", is_flag=True, help="Only whole lines match.")
@click.option("-c", "--count", is_flag=True, help="Only how many lines.")
@click.option("-o", "--only-matching", is_flag=True, help="Only the parts that match.")
@click.option("-n", "--line-number", "numbers", is_flag=True, help="With line numbers.")
@click.option("-l", "--files-with-matches", "listed", flag_value="found", help="Only file names.")
@click.option(
    "-L", "--files-without-match", "listed", flag_value="others", help="Names of the other files."
)
@click.option("-H", "--with-filename", "with_names", flag_value="always", help="With file names.")
@click.option("-h", "--no-filename", "with_names", flag_value="never", help="Without file names.")
@click.option("-Z", "--null", "zero", is_flag=True, help="A zero byte behind file names.")
@click.option(
    "--color",
    "--colour",
    "color",
    default="never",
    type=click.Choice(["auto", "always", "never"]),
    help="Paint matches, names and numbers, in the colours grep has by itself.",
)
@click.option("-m", "--max-count", type=int, metavar="N", help="N lines a file.")
@click.option("-A", "--after-context", "after", type=_CONTEXT, metavar="N", help="N lines behind.")
@click.option("-B", "--before-context", "before", type=_CONTEXT, metavar="N", help="N before.")
@click.option("-C", "--context", type=_CONTEXT, metavar="N", help="N lines on both sides; also -N.")
@click.option("-a", "--text", "_text", is_flag=True, help="As always: nothing is binary.")
@click.option("-q", "--quiet", "--silent", is_flag=True, help="Print nothing, only exit 0 or 1.")
@click.option("-j", "threads", type=click.IntRange(min=1), metavar="N", help="Threads.")
def command(arguments: tuple[str, ...], **options: Any) -> int:
    """Find lines in archives, without unpacking them: the same lines, in the same order, as grep.

    PATTERN is a regular expression as after `grep` (with -E, `grep -E`), read as in the C locale:
    bytes are characters, and case is that of ASCII. With -e or -f, there may be several. Nothing
    is "binary": lines with any bytes are printed, as after `grep -a`. Blocks in which nothing can
    be are not opened, and of context only its lines are made.

    The exit code is 0 if lines were found, 1 if none, 2 if the request is wrong, 3 if a part of an
    archive is damaged; lines of the other parts are printed all the same (but no count).
    """
    from logpipe.archive.pattern import compile_patterns
    from logpipe.archive.printing import Printer, Style

    patterns, paths = _asked(arguments, options["patterns"], options["files"])
    kinds = [kind for kind in ("fixed", "extended", "basic") if options[kind]]
    if len(kinds) > 1:
        raise UsageError("-F, -E and -G: expected one of them")
    words, whole, invert = options["words"], options["whole"], options["invert"]
    most: int | None = options["max_count"]
    most = None if most is None or most < 0 else most
    # As with grep, silence is stronger than names, and names are stronger than counts.
    listed = None if options["quiet"] else options["listed"]
    everything = set(patterns) == {b""} and not words and not whole
    hopeless = most == 0 or (invert and everything) or (not patterns and not invert)
    if hopeless and listed != "others":
        # grep looks at no file then, and prints not even counts.
        return 1
    made = compile_patterns(
        patterns,
        syntax=kinds[0] if kinds else "basic",
        ignore_case=options["ignore_case"],
        words=words,
        whole_lines=whole,
    )
    names = options["with_names"] == "always" or (len(paths) > 1 and options["with_names"] is None)
    job = _Job(
        pattern=made,
        invert=invert,
        most=1 if (listed or options["quiet"]) and most != 0 else most,
        threads=options["threads"] or os.cpu_count() or 1,
        names=names,
        count=options["count"] and not listed,
        listed=listed,
        quiet=options["quiet"],
        zero=options["zero"],
        painted=_painted(options["color"]),
    )
    context = None if job.silent else _context(options)
    only = options["only_matching"]
    style = Style(
        numbers=options["numbers"],
        context=context,
        matches=made.matches if only or job.painted else None,
        invert=invert,
        painted=job.painted,
        parts=only,
        zero=job.zero,
    )
    printer = Printer(sys.stdout.buffer.write, style)
    found, code = False, 0
    for path in paths:
        try:
            lines, failed = job.search(path, printer, context)
        except LogpipeError as error:
            _say(str(error))
            lines, failed = 0, error.exit_code
        found |= lines > 0
        code = max(code, failed)
        if job.quiet and found:
            return 0
    return code or int(not found)


def _asked(
    arguments: tuple[str, ...], given: tuple[str, ...], files: tuple[str, ...]
) -> tuple[list[bytes], tuple[str, ...]]:
    """Patterns, one or none or several, and archives."""
    if not given and not files:
        if len(arguments) < 2:
            raise UsageError(
                "expected a pattern and at least one archive, found "
                + ("nothing" if not arguments else f"{arguments[0]!r} alone")
            )
        return os.fsencode(arguments[0]).split(b"\n"), arguments[1:]
    if not arguments:
        raise UsageError("expected at least one archive beside the patterns, found none")
    patterns = [part for text in given for part in os.fsencode(text).split(b"\n")]
    for path in files:
        patterns += _patterns_in(path)
    return patterns, arguments


def _patterns_in(path: str) -> list[bytes]:
    """The lines of a file."""
    try:
        if path == "-":
            text = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:  # noqa: PTH123 - a path, or what the shell made of <(...)
                text = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    lines = text.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _context(options: dict[str, Any]) -> Context | None:
    from logpipe.archive.search import Context

    both = options["context"]
    before, after = (
        both if options[side] is None else options[side] for side in ("before", "after")
    )
    if before is None and after is None:
        return None
    most = (1 << 62) - 1
    return Context(min(before or 0, most), min(after or 0, most))


@dataclass(frozen=True)
class _Job:
    """What is done with every archive; the fields are grep's options.

    Attributes:
        pattern: what is looked for.
        invert: lines that do not match.
        most: lines of one archive that are looked for; None: all.
        threads: blocks looked at side by side.
        names: of files stand before lines.
        count: only how many lines there are.
        listed: only names of files that have such lines ("found"), or of the "others".
        quiet: nothing is printed.
        zero: a zero byte stands behind names.
        painted: in colours.
    """

    pattern: Pattern
    invert: bool
    most: int | None
    threads: int
    names: bool
    count: bool
    listed: str | None
    quiet: bool
    zero: bool
    painted: bool

    @property
    def silent(self) -> bool:
        """Whether no lines are printed."""
        return self.count or self.listed is not None or self.quiet

    def paint(self, color: bytes, text: bytes) -> bytes:
        """Text in a colour, if colours are wanted."""
        return b"\x1b[%sm\x1b[K%s\x1b[m\x1b[K" % (color, text) if self.painted else text

    def search(self, path: str, printer: Printer, context: Context | None) -> tuple[int, int]:
        """Searches an archive; lines found, and an exit code if a part of it was damaged."""
        from logpipe import archive

        lines, code = 0, 0
        name = os.fsencode(path)
        out = sys.stdout.buffer
        with archive.open(path) as opened:
            blocks = opened.search_blocks(
                self.pattern,
                invert=self.invert,
                limit=self.most,
                counts=self.silent,
                context=context,
                threads=self.threads,
            )
            for hits in printer.print(opened, blocks, name if self.names else None):
                if hits.error is not None:
                    _say(str(hits.error))
                    code = hits.error.exit_code
                lines += hits.count
        if self.quiet:
            return lines, code
        if self.listed is not None:
            # Where a part cannot be read, nobody knows that there is nothing.
            if lines > 0 if self.listed == "found" else lines == 0 and code == 0:
                out.write(self.paint(b"35", name) + (b"\0" if self.zero else b"\n"))
        elif self.count and code == 0:
            sign = b"\0" if self.zero else self.paint(b"36", b":")
            out.write((self.paint(b"35", name) + sign if self.names else b"") + b"%d\n" % lines)
        elif self.count:
            # A number on standard output would be taken for the whole answer.
            found = "1 line is" if lines == 1 else f"{lines:,} lines are"
            _say(f"{path}: no count: {found} in the parts that can be read", word="")
        return lines, code


def _painted(color: str) -> bool:
    """Whether there are colours: "auto" is on terminals that can show them."""
    if color == "auto":
        return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return color == "always"


def _say(message: str, word: str = "error: ") -> None:
    sys.stdout.flush()
    print(f"logpipe: {word}{' '.join(message.split())}", file=sys.stderr)
