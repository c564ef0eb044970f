"""Which parser should be the default: `drain` and `iterative` side by side on real logs.

    LOGPIPE_MIRROR=DATA python -m benchmarks.default_parser [--rounds 3] [--out FILE.md]

Per log and parser, each run in a process of its own, the two by turns: MB of raw log per CPU-second
of a whole parse on one thread, once without output and once into Parquet; peak memory; templates
and groups; the share of lines without a template; bytes of the Parquet file, which say how well
templates and variables come apart. Medians. Accuracy is `benchmarks.accuracy`'s business.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import geometric_mean, median

from benchmarks.truths import mirror

__all__ = ["LOGS", "main", "measure"]

LOGS = (
    "loghub-full/Proxifier.log",
    "hdfs-raw/HDFS_20000.log",
    "hdfs-2percent/HDFS_2percent.log.zst",
    "healthapp-raw/HealthApp_20000.log",
    "bgl-raw/BGL_5000.log",
    "loghub-2.0-full/Apache/Apache_full.log.zst",
    "wild/elastic-apache-access/apache_logs",
    "wild/build-log/example.log",
    "wild/alibaba-openSample/LogD.sample.zst",
    "ait-audit/Audit_2k.log",
)
"""Below the mirror; a log that is not there is left out, and said so."""

PARSERS = ("drain", "iterative")


def measure(log: str, parser: str, output: str | None) -> dict[str, float]:
    """One parse in this process.

    Returns:
        `seconds` of CPU, `lines`, `bytes`, `templates`, `groups`, `unknown` (share of lines),
        `peak` in bytes, `written` in bytes.
    """
    import resource

    from logpipe import pipeline
    from logpipe.export import open_sink

    result = pipeline.parse(
        [log],
        parser=parser,
        threads=1,
        sink=None if output is None else (lambda info: open_sink(output, info=info, force=True)),
    )
    return {
        "seconds": result.cpu_seconds,
        "lines": result.lines,
        "bytes": result.bytes,
        "templates": int((result.counts > 0).sum()),
        "groups": result.groups,
        "unknown": float(result.counts[0]) / max(1, result.lines),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "written": Path(output).stat().st_size if output else 0,
    }


def _apart(log: str, parser: str, output: str | None) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.default_parser", "--one", log, parser]
    answer = subprocess.run(
        [*command, *([output] if output else [])], check=True, capture_output=True
    )
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def _row(log: Path, rounds: int) -> tuple[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, list[dict[str, float]]] = {parser: [] for parser in PARSERS}
        wrote: dict[str, list[dict[str, float]]] = {parser: [] for parser in PARSERS}
        for _ in range(rounds):
            for parser in PARSERS:
                runs[parser].append(_apart(str(log), parser, None))
                wrote[parser].append(_apart(str(log), parser, f"{folder}/out.parquet"))
    for parser in PARSERS:
        own = dict(wrote[parser][0])
        own["seconds"] = median(run["seconds"] for run in runs[parser])
        own["writing"] = median(run["seconds"] for run in wrote[parser])
        own["peak"] = max(run["peak"] for run in wrote[parser])
        found[parser] = own
    return log.name, found


def _table(rows: list[tuple[str, dict[str, dict[str, float]]]]) -> list[str]:
    heads = "log", "MB", "lines", "parser", "MB/cpu-s", "into Parquet", "peak MB", "templates"
    lines = ["| " + " | ".join((*heads, "groups", "no template", "Parquet kB")) + " |"]
    lines.append("|---|---:|---:|---|" + "---:|" * 7)
    for name, found in rows:
        for parser in PARSERS:
            own = found[parser]
            size = own["bytes"] / 1e6
            lines.append(
                f"| {name} | {size:.1f} | {own['lines']:,.0f} | {parser} "
                f"| {size / own['seconds']:.1f} | {size / own['writing']:.1f} "
                f"| {own['peak'] / 1e6:.0f} | {own['templates']:,.0f} | {own['groups']:,.0f} "
                f"| {100 * own['unknown']:.2f} % | {own['written'] / 1e3:,.0f} |"
            )
    for what, key, power in (
        ("speed of a parse", "seconds", -1),
        ("speed into Parquet", "writing", -1),
        ("bytes of Parquet", "written", 1),
    ):
        ratio = geometric_mean(
            (found["iterative"][key] / found["drain"][key]) ** power for _, found in rows
        )
        lines += ["", f"{what}, iterative / drain, geometric mean: {ratio:.2f}"]
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the table here, too")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        log, name, *output = options.one
        print(json.dumps(measure(log, name, output[0] if output else None)))
        return
    rows = []
    for log in LOGS:
        path = mirror() / log
        if path.is_file():
            rows.append(_row(path, options.rounds))
        else:
            print(f"left out: {log} is not in the mirror", file=sys.stderr)
    lines = _table(rows)
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
