"""`logpipe demo`: the whole chain on the embedded sample.

The sample is logs of real servers that the project recorded itself, with a marked fault window.
Every log is parsed, written as Parquet and as an archive, read back from both, and compared with
the original. Then it is asked what is abnormal in it.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from logpipe.cli.options import json_option, quiet_option
from logpipe.cli.progress import ProgressBar
from logpipe.cli.tables import Column, print_json, print_table, size
from logpipe.errors import OutputError
from logpipe.registry import DEFAULT_PARSER, STREAMING_PARSER

if TYPE_CHECKING:
    from logpipe.pipeline import ParseResult

__all__ = ["command"]

_TELLING = 3
"""How many templates of the fault are shown per log."""


@dataclass(frozen=True)
class _Row:
    """One log parsed by one parser; `cpu_seconds` is the parsing alone, the layout being known."""

    log: str
    parser: str
    layout: str
    lines: int
    templates: int
    checked_templates: int
    bytes: int
    cpu_seconds: float
    parquet_bytes: int
    archive_bytes: int
    exact: bool
    output: str


@dataclass(frozen=True)
class _Fault:
    """What of one log is only seen while something is wrong."""

    log: str
    first_line: int
    last_line: int
    only_then: int
    examples: list[str]


@dataclass(frozen=True)
class _Found:
    """The window of one log that was found most abnormal, by nothing but the log itself."""

    log: str
    window: str
    first_line: int
    reason: str
    in_fault: bool


@click.command("demo")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    help="Folder for the Parquet files; default: results/demo in LOGPIPE_HOME.",
)
@json_option
@quiet_option
def command(output: str | None, as_json: bool, quiet: bool) -> int:
    """Parse the embedded sample, prove that nothing was lost, and show what is in it."""
    import yaml

    sample = resources.files("logpipe") / "data" / "sample"
    about = yaml.safe_load((sample / "sample.yaml").read_text(encoding="utf-8"))
    folder = _folder(output)
    parsers = [
        DEFAULT_PARSER,
        STREAMING_PARSER,
        *(["drain3"] if importlib.util.find_spec("drain3") else []),
    ]
    rows, faults, detected = [], [], []
    with resources.as_file(sample) as place, ProgressBar("parsing the sample", quiet=quiet) as bar:
        logs = {name: place / f"{name}.zst" for name in about["files"]}
        for done, (name, path) in enumerate(logs.items()):
            facts = about["files"][name]
            bar(done, len(logs))
            for parser in parsers:
                target = folder / f"{Path(name).stem}.{parser}.parquet"
                result = _parse(path, parser, target)
                # The better of two: a page fault here and there is a tenth of so small a log.
                again = [_parse(path, parser, None, result.layout) for _ in range(2)]
                cpu_seconds = min(each.cpu_seconds for each in again)
                rows.append(_row(name, parser, facts, result, cpu_seconds, target, path))
                if parser == DEFAULT_PARSER:
                    faults.append(_fault(name, facts, result))
                    detected.append(_detect(name, path, facts))
    exact = all(row.exact for row in rows)
    if as_json:
        print_json(
            {
                "logs": [asdict(row) for row in rows],
                "fault": {**about["fault"], "logs": [asdict(fault) for fault in faults]},
                "detected": [asdict(found) for found in detected],
                "exact": exact,
            }
        )
    else:
        _print(rows, faults, detected, about, next(iter(logs.values())), parsers)
    return 0 if exact else 1


def _folder(output: str | None) -> Path:
    if output is None:
        from logpipe.datasets import Home

        folder = Home().folder / "results" / "demo"
    else:
        folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from None
    return folder


def _parse(log: Path, parser: str, target: Path | None, layout: str = "auto") -> ParseResult:
    from logpipe import pipeline
    from logpipe.export import ParseInfo, Sink, open_sink
    from logpipe.formats.readers import open_sources

    def sink(info: ParseInfo) -> Sink:
        return open_sink(str(target), info=info, force=True)

    return pipeline.parse(
        open_sources([str(log)]),
        parser=parser,
        layout=layout,
        sink=None if target is None else sink,
    )


def _row(
    name: str,
    parser: str,
    facts: dict[str, Any],
    result: ParseResult,
    cpu_seconds: float,
    target: Path,
    log: Path,
) -> _Row:
    import logpipe.archive
    from logpipe.export.parquet import restore

    digest, again = hashlib.sha256(), hashlib.sha256()
    for part in restore(str(target)):
        digest.update(part)
    archive = _archive(log, target)
    with logpipe.archive.open(str(archive)) as opened:
        for piece in opened.raw():
            again.update(piece.data)
    return _Row(
        log=name,
        parser=parser,
        layout=result.layout,
        lines=result.lines,
        templates=int((result.counts > 0).sum()),
        checked_templates=facts["templates"],
        bytes=result.bytes,
        cpu_seconds=cpu_seconds,
        parquet_bytes=target.stat().st_size,
        archive_bytes=archive.stat().st_size,
        exact=digest.hexdigest() == facts["sha256"] == again.hexdigest(),
        output=str(target),
    )


def _archive(log: Path, parquet: Path) -> Path:
    """The log as an archive, in the same folder; it does not depend on the parser."""
    from logpipe.pipeline.compressing import compress

    target = parquet.with_name(log.name.removesuffix(".zst") + ".lpz")
    compress([str(log)], str(target), force=True)
    return target


def _fault(name: str, facts: dict[str, Any], result: ParseResult) -> _Fault:
    """The templates that have no line outside of the fault window."""
    first, last = facts["fault_lines"]["first"], facts["fault_lines"]["last"]
    inside = (result.counts > 0) & (result.first_line >= first) & (result.last_line <= last)
    inside[0] = False
    chosen = sorted(inside.nonzero()[0].tolist(), key=lambda i: (-result.counts[i], i))
    return _Fault(
        log=name,
        first_line=first,
        last_line=last,
        only_then=len(chosen),
        examples=[
            f"{result.counts[i]:,} x {result.info.templates[i].text()}" for i in chosen[:_TELLING]
        ],
    )


def _detect(name: str, log: Path, facts: dict[str, Any]) -> _Found:
    """The first finding in a log."""
    from logpipe.pipeline.detecting import detect

    result = detect(str(log)).result
    if not result.findings:
        return _Found(name, "", 0, "", False)
    finding = result.findings[0]
    window = int(finding.windows[0])
    line = int(result.first_line[window])
    end = int(result.last_line[window])
    within = line <= facts["fault_lines"]["last"] and end >= facts["fault_lines"]["first"]
    return _Found(name, result.names[window], line, finding.reason, within)


def _print(
    rows: list[_Row],
    faults: list[_Fault],
    detected: list[_Found],
    about: dict[str, Any],
    log: Path,
    parsers: list[str],
) -> None:
    click.echo(f"{about['description']}.\n")
    print_table(
        [
            Column("log"),
            Column("layout"),
            Column("parser"),
            Column("lines", "right"),
            Column("templates", "right"),
            Column("by hand", "right"),
            Column("raw", "right"),
            Column("Parquet", "right"),
            Column("archive", "right"),
            Column("parse MB/cpu-s", "right"),
            Column("same bytes back"),
        ],
        [
            [
                row.log,
                row.layout,
                row.parser,
                f"{row.lines:,}",
                f"{row.templates:,}",
                f"{row.checked_templates:,}",
                size(row.bytes),
                size(row.parquet_bytes),
                f"{size(row.archive_bytes)} ({row.bytes / row.archive_bytes:.0f}x)",
                f"{row.bytes / 1e6 / row.cpu_seconds:.0f}" if row.cpu_seconds else "-",
                "yes" if row.exact else "NO",
            ]
            for row in rows
        ],
    )
    click.echo(
        "\nlayout: as found from the lines. Flows and `evaluate` use the one that the templates "
        "checked by\nhand were made for, which leaves more of an nginx line in the message."
    )
    if "drain3" not in parsers:
        click.echo("\nFor a comparison with the package drain3: pip install 'logpipe[drain3]'")
    fault = about["fault"]
    click.echo(f"\nFrom {fault['start']} to {fault['end']} something was wrong:")
    for what in fault["what"]:
        click.echo(f"  {what}")
    click.echo("\nTemplates that occur only then:")
    for each in faults:
        click.echo(
            f"  {each.log}, lines {each.first_line:,} to {each.last_line:,}: {each.only_then}"
        )
        for example in each.examples:
            click.echo(f"      {_cut(example)}")
    click.echo("\nWhat `logpipe detect` finds first in each log, told nothing about the fault:")
    for found in detected:
        where = "in the fault" if found.in_fault else "outside of the fault"
        click.echo(
            f"  {found.log}, line {found.first_line:,}, {where}\n      {_cut(found.reason)}"
            if found.window
            else f"  {found.log}: nothing"
        )
    click.echo(
        f"\nTry next:\n"
        f"  logpipe templates {log} --top 10\n"
        f"  logpipe templates {rows[0].output} --json\n"
        f"  logpipe parse YOUR.log -o YOUR.parquet\n"
        f"  logpipe compress YOUR.log; logpipe grep error YOUR.log.lpz\n"
        f"  logpipe detect YOUR.log --report YOUR.html\n"
        f"  logpipe evaluate --dataset sample --report parsers.html"
    )


def _cut(text: str, width: int = 110) -> str:
    text = click.unstyle(text)
    return text if len(text) <= width else f"{text[: width - 1]}…"
