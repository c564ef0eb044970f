"""Runs a parser of logparser3; the only file here that another interpreter executes.

It therefore imports nothing of logpipe, and works with any Python from 3.8 on. A request comes on
standard input as JSON, the answer goes to a file: seconds of the call, and [line, text] for each
line that has a template. Times are those of the parser's own `parse`, which reads the log and
writes CSV files, as in the published tables.
"""

import csv
import importlib
import importlib.util
import json
import os
import resource
import sys
import tempfile
import time
from typing import Any


def cpu() -> float:
    """User and system seconds so far, ended children included."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """The most memory this process has held, in 10^6 bytes."""
    try:
        with open("/proc/self/status") as file:  # noqa: PTH123 - as old as need be
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def build(algorithm: str, system: str, settings: dict[str, Any], folder: str, out: str) -> Any:
    """The package's parser with its settings."""
    home = importlib.util.find_spec("logparser")
    if home is None:
        raise SystemExit("the package logparser3 is not installed for this interpreter")
    for place in home.submodule_search_locations or []:
        # Some of its folders import their files as if they were at the top.
        sys.path.append(os.path.join(place, algorithm))  # noqa: PTH118
    found = importlib.import_module(f"logparser.{algorithm}").LogParser
    common = {"log_format": "<Content>", "indir": folder, "outdir": out}
    if algorithm == "Brain":
        common["logname"] = system
    return found(**common, **settings)


def main() -> None:
    """Reads the request, runs, writes the answer."""
    request = json.load(sys.stdin)
    folder, name = os.path.split(request["log"])
    with tempfile.TemporaryDirectory(prefix="logpipe-") as out:
        # Some write beside the current folder.
        os.chdir(out)
        parser = build(
            request["algorithm"],
            request["system"],
            request["settings"],
            os.path.join(folder, ""),  # noqa: PTH118 - some glue folder and name together
            os.path.join(out, ""),  # noqa: PTH118
        )
        started, before = time.perf_counter(), cpu()
        parser.parse(name)
        measured = {"wall_s": time.perf_counter() - started, "cpu_s": cpu() - before}
        measured["peak_mb"] = peak_mb()
        found = os.path.join(out, name + "_structured.csv")  # noqa: PTH118
        with open(found, newline="", encoding="utf-8") as file:  # noqa: PTH123
            rows = [
                (int(float(row["LineId"])), row["EventTemplate"]) for row in csv.DictReader(file)
            ]
    with open(request["log"], "rb") as file:  # noqa: PTH123
        lines = sum(1 for _ in file)
    if len(rows) == lines and len({number for number, _ in rows}) < lines:
        # Logram looks a line's number up by its words, so that equal lines have the first one's;
        # its rows are in the order of the lines.
        rows = [(number, text) for number, (_, text) in enumerate(rows, 1)]
    with open(request["answer"], "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump({"measured": measured, "templates": rows}, file)


if __name__ == "__main__":
    main()
