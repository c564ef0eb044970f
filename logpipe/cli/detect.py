"""`logpipe detect`: what is abnormal in a log, in which lines, and why."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from logpipe.cli.options import (
    json_option,
    log_options,
    multiline_option,
    quiet_option,
    time_options,
    typed_parameters,
    zone_offsets,
)
from logpipe.cli.progress import ProgressBar
from logpipe.cli.tables import print_json
from logpipe.errors import InputError, UsageError

if TYPE_CHECKING:
    from logpipe.anomaly.findings import Finding
    from logpipe.anomaly.result import DetectResult, TellingLine
    from logpipe.anomaly.verdicts import Verdict

__all__ = ["command", "print_findings"]


@click.command("detect", short_help="Say what is abnormal in a log, in which lines, and why.")
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@click.option(
    "--window",
    default="auto",
    show_default=True,
    metavar="session:REGEX|field:NAME|lines:N[/STEP]|time:60s[/STEP]",
    help="What is looked at together: lines that share a key, so many lines, or a span of time.",
)
@click.option(
    "--train",
    multiple=True,
    metavar="NORMAL.log",
    help="A log that is known to be good: only what is new or differs is shown. May be repeated.",
)
@click.option(
    "--detector",
    default="auto",
    show_default=True,
    metavar="NAME|pkg.mod:Class",
    help="How windows are judged; see `logpipe detectors list`.",
)
@click.option(
    "--detector-set",
    "detector_settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the detector; may be repeated.",
)
@click.option(
    "--labels",
    metavar="FILE|field:NAME",
    help="CSV or JSON lines with session, line, or start and end, and label; or a header field "
    "that is - in normal lines: to score by, and to learn from where the detector does.",
)
@click.option(
    "--verdicts",
    metavar="FILE.yaml",
    help="What was said about patterns before; what is normal is not shown again.",
)
@click.option(
    "--review", is_flag=True, help="Ask about each pattern, and write the answers to --verdicts."
)
@click.option(
    "-o",
    "--output",
    metavar="OUT.jsonl|-",
    help="One row per window, normal ones too; with --style otel one record per finding.",
)
@click.option("--style", type=click.Choice(["otel"]), help="otel: OTLP-JSON lines (OpenTelemetry).")
@click.option("--report", metavar="OUT.html", help="A page with timeline, findings and lines.")
@click.option(
    "--fail-on",
    type=float,
    metavar="SCORE",
    help="Exit with 1 if an abnormal window has at least this score; 1 is the threshold. Drift, "
    "what came for good, is told and fails nothing.",
)
@click.option("--save-detector", metavar="OUT.json", help="Save what was learned.")
@click.option("--load-detector", metavar="IN.json", help="Judge by what was learned before.")
@click.option(
    "--top", type=click.IntRange(min=1), default=10, show_default=True, help="Findings to print."
)
@log_options
@multiline_option
@time_options
@click.option("--force", is_flag=True, help="Replace existing outputs.")
@json_option
@quiet_option
def command(
    logs: tuple[str, ...],
    window: str,
    train: tuple[str, ...],
    detector: str,
    detector_settings: tuple[str, ...],
    labels: str | None,
    verdicts: str | None,
    review: bool,
    output: str | None,
    style: str | None,
    report: str | None,
    fail_on: float | None,
    save_detector: str | None,
    load_detector: str | None,
    top: int,
    parser: str,
    settings: tuple[str, ...],
    layout: str,
    model: str | None,
    threads: int | None,
    multiline: bool,
    zones: tuple[str, ...],
    dates: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Say what is abnormal in a log, in which lines, and why.

    Lines are put into windows, windows are compared with each other (or with those of --train), and
    what differs in the same way is one finding. A score above 1 is abnormal.

    \b
    logpipe detect app.log
    logpipe detect app.log --window 'session:req-[0-9a-f]+' --report app.html
    logpipe detect --train yesterday.log today.log --fail-on 1
    """  # noqa: D301
    outputs = {"-o": output, "--report": report, "--save-detector": save_detector}
    _check(logs, train, outputs, force=force)
    if review and verdicts is None:
        raise UsageError("--review needs a file for the answers: --verdicts FILE.yaml")
    if output == "-" and as_json:
        raise UsageError("--json prints the summary on standard output, where -o - writes the rows")
    if style is not None and output is None:
        output = "-"
    if fail_on is not None and not math.isfinite(fail_on):
        raise UsageError(f"--fail-on {fail_on}: expected a number; 1 is the threshold")
    if load_detector is not None and detector != "auto":
        raise UsageError("a saved detector says which it is; leave --detector away")

    from logpipe import anomaly
    from logpipe.anomaly.verdicts import read_verdicts
    from logpipe.formats.readers import open_sources
    from logpipe.parsers import REGISTRY
    from logpipe.pipeline.detecting import detect

    if verdicts is not None and not review and not Path(verdicts).exists():
        raise InputError(f"--verdicts {verdicts}: there is no such file; --review makes one")
    known = {} if verdicts is None else read_verdicts(verdicts)
    constructor: Any = REGISTRY.load(parser)
    judge: Any = anomaly.REGISTRY.load(detector)
    with ProgressBar("reading", quiet=quiet) as progress:
        detection = detect(
            open_sources(logs),
            window=window,
            train=open_sources(train) if train else (),
            detector=detector,
            detector_parameters=typed_parameters(
                detector, judge, detector_settings, "--detector-set", "detector"
            ),
            load_detector=load_detector,
            labels=labels,
            verdicts=known,
            parser=parser,
            parameters=typed_parameters(parser, constructor, settings),
            layout=layout,
            model=model,
            threads=threads,
            multiline=multiline,
            zones=zone_offsets(zones),
            dates=dates,
            progress=progress,
        )
    result = detection.result
    if review and verdicts is not None:
        _review(result, verdicts, known)
    _write(detection, output, style, report, save_detector, force=force)
    if as_json:
        from logpipe.anomaly.output import summary

        print_json(summary(result))
    elif output != "-":
        print_findings(result, top=top)
    if not quiet:
        for warning in result.warnings:
            click.echo(f"logpipe: {warning}", err=True)
    if fail_on is None:
        return 0
    worst = result.scores[result.anomalous]
    return int(bool(len(worst)) and float(worst.max()) >= fail_on)


def _check(
    logs: Sequence[str], train: Sequence[str], outputs: dict[str, str | None], *, force: bool
) -> None:
    """Refuse at once what would otherwise fail after the work is done."""
    from logpipe.export.atomic import check_output

    inputs = {os.path.realpath(log) for log in (*logs, *train) if log != "-"}
    seen: dict[str, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        real = path if path == "-" else os.path.realpath(path)
        if real in inputs:
            raise UsageError(f"{option} {path}: is an input, which is never overwritten")
        if real in seen:
            raise UsageError(f"{option} {path}: is the output of {seen[real]} already")
        if path == "-" and option != "-o":
            raise UsageError(f"{option} -: needs a file of its own")
        seen[real] = option
        check_output(path, force=force)


def _write(
    detection: Any,
    output: str | None,
    style: str | None,
    report: str | None,
    save_detector: str | None,
    *,
    force: bool,
) -> None:
    from logpipe.export.atomic import replacing

    if output is not None:
        from logpipe.anomaly.output import json_rows, otel_rows

        rows = otel_rows if style == "otel" else json_rows
        with replacing(output, force=force) as file:
            for row in rows(detection.result):
                file.write(row)
    if report is not None:
        from logpipe.anomaly.page import page

        with replacing(report, force=force) as file:
            file.write(page(detection.result).encode())
    if save_detector is not None:
        with replacing(save_detector, force=force) as file:
            file.write(detection.save_detector())


def print_findings(result: DetectResult, *, top: int) -> None:
    """The result for people."""
    from logpipe.anomaly.output import timeline

    flagged = int(result.anomalous.sum())
    judge = " ".join(filter(None, (result.detector, result.detector_detail)))
    click.echo(
        f"{flagged:,} of {len(result):,} windows are abnormal ({result.window}; "
        f"{result.total_lines:,} lines; detector {judge}, compared with {result.trained_on})"
    )
    if result.window_reason:
        click.echo(f"windows: {result.window_reason}; choose others by --window")
    if result.without_window:
        click.echo(f"{result.without_window:,} lines are in no window")
    click.echo(f"\n  {timeline(result)}\n")
    shown = [
        (finding, lines, nearest)
        for finding, lines, nearest in zip(
            result.findings, result.telling, result.nearest_names, strict=True
        )
        if finding.verdict != "normal"
    ]
    for number, (finding, lines, nearest) in enumerate(shown[:top], 1):
        _print_finding(result, number, finding, lines, nearest)
    if len(shown) > top:
        rest = sum(len(finding.windows) for finding, _, _ in shown[top:])
        more, windows = _several(len(shown) - top, "more finding"), _several(rest, "window")
        click.echo(f"... and {more} with {windows} (--top)")
    settled = len(result.findings) - len(shown)
    if settled:
        click.echo(f"judged normal before: {settled:,}")
    if not shown:
        click.echo("nothing stands out")
    if result.labelled is not None:
        _print_score(result)
    click.echo(f"{result.seconds:.2f} s ({result.cpu_seconds:.2f} s of CPU)")


def _print_finding(
    result: DetectResult, number: int, finding: Finding, lines: Sequence[TellingLine], nearest: str
) -> None:
    windows = finding.windows
    names = result.names
    if finding.kind == "run" and len(windows) > 1:
        where = (
            f"{len(windows):,} windows, {names[int(windows.min())]} to {names[int(windows.max())]}"
        )
    elif len(windows) > 1:
        where = f"{len(windows):,} windows, such as {names[int(windows[0])]}"
    else:
        where = str(names[int(windows[0])])
    verdict = f", judged {finding.verdict}" if finding.verdict else ""
    # Drift is no alarm: a score would stand beside a threshold that it is not held against.
    score = "" if finding.kind == "drift" else f", score {finding.score:.2f}"
    click.echo(
        click.style(f"{number}. {_clean(where)}", bold=True)
        + f"  [{finding.kind} {finding.pattern}{score}{verdict}]"
    )
    click.echo(f"   {_clean(finding.reason)}")
    if nearest:
        click.echo(f"   nearest normal window: {_clean(nearest)}")
    several = len(result.sources) > 1
    for line in lines[:4]:
        place = f"{line.source}:{line.line}" if several else f"line {line.line:,}"
        text = line.template if line.text is None else line.text
        click.echo(f"   {place}: {_clean(text)[:160]}")
    click.echo()


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _print_score(result: DetectResult) -> None:
    found = result.labelled
    assert found is not None
    refused = result.label_facts.get("refused")
    if refused:
        click.echo(f"no F1 is reported: {refused}")
        return
    click.echo(
        f"against the labels: F1 {found.f1:.4f} (precision {found.precision:.4f}, recall "
        f"{found.recall:.4f}), average precision {found.average_precision:.4f}, false positive "
        f"rate {found.false_positive_rate:.4f}; {found.prevalence:.2%} are abnormal, flagging "
        f"everything gives {result.label_facts['flag_everything_f1']:.4f}, the ceiling is "
        f"{result.label_facts['ceiling_f1']:.4f}"
    )


def _review(result: DetectResult, path: str, known: dict[str, Verdict]) -> None:
    """Ask about patterns, the most important first, and remember the answers after each."""
    from logpipe.anomaly.verdicts import Verdict, apply_verdicts, verdicts_text
    from logpipe.export.atomic import replacing

    asked: set[str] = set()
    answered = 0
    left = [f for f in result.findings if f.pattern not in known]
    for number, finding in enumerate(left, 1):
        if finding.pattern in asked:
            continue
        asked.add(finding.pattern)
        at = result.findings.index(finding)
        _print_finding(result, number, finding, result.telling[at], result.nearest_names[at])
        answer = _answer(path, answered)
        if answer == "q":
            break
        if answer == "s":
            continue
        said = "normal" if answer == "n" else "abnormal"
        answered += 1
        known[finding.pattern] = Verdict(said, finding.reason, len(finding.windows))
        with replacing(path, force=True) as file:
            file.write(verdicts_text(known))
    apply_verdicts(result.findings, result.anomalous, known)
    if known:
        click.echo(f"logpipe: verdicts in {Path(path)}: {len(known):,}", err=True)
    else:
        click.echo(f"logpipe: nothing was answered, and {Path(path)} was not written", err=True)


def _answer(path: str, answered: int) -> str:
    """One letter from standard input; at a terminal its end means quit."""
    terminal = sys.stdin is not None and sys.stdin.isatty()
    while True:
        if terminal:
            click.echo("normal, abnormal, skip or quit (n, a, s, q) [s]: ", err=True, nl=False)
        said = "" if sys.stdin is None else sys.stdin.readline()
        if not said and terminal:
            click.echo(err=True)
            return "q"
        if not said:
            raise UsageError(
                f"--review asks on standard input, which is closed or at its end; answer in a "
                f"terminal, or give a line (n, a, s or q) per finding ({answered:,} answers are "
                f"in {path})"
            )
        letter = said.strip().lower()[:1] or "s"
        if letter in "nasq":
            return letter
        click.echo(f"expected n, a, s or q, found {_clean(said.strip())[:20]!r}", err=True)


def _clean(text: str) -> str:
    """Control characters in a log must not move the cursor of whoever looks at it."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
