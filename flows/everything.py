"""`everything`: the other flows one after the other, over the same data sets.

Each stage is a flow run of its own, below this one, with its own table; a stage that fails in part
does not stop the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from prefect import flow

from flows import storage
from flows.compress_all import compress_all
from flows.detect_all import detect_all
from flows.download import download
from flows.evaluate_all import evaluate_all
from flows.fetching import choose, is_path
from flows.parse_all import check as check_parse
from flows.parse_all import parse_all
from flows.results import plain_error, publish, refused, results_folder
from flows.runners import task_runner
from logpipe import datasets as catalogue
from logpipe.errors import LogpipeError

__all__ = ["check", "everything"]

COLUMNS = ("stage", "status", "rows", "failed", "cached", "seconds", "busy_seconds", "error")


@flow(name="everything", task_runner=task_runner(), persist_result=False)
def everything(
    datasets: list[str] | None = None,
    parsers: list[str] | None = None,
    detectors: list[str] | None = None,
    output: str | None = None,
    threads: int = 1,
    mirror: str | None = None,
) -> Any:
    """Fetch, parse, compress, score and look for what is abnormal.

    Args:
        datasets: names, groups, paths of own logs (`./app.log`); default: the embedded sample, and
            of loghub-2k what is here. Only those whose templates are known are scored.
        parsers: names or `package.module:Class`; default: iterative and drain.
        detectors: as of detect-all.
        output: folder or address for the results of all; default: `results/everything` in
            LOGPIPE_HOME.
        threads: per task.
        mirror: as LOGPIPE_MIRROR.
    """
    begin = time.time()
    try:
        chosen, folder = check(datasets, parsers, detectors, output, threads, mirror)
    except LogpipeError as error:
        return refused(error)
    common = {"mirror": mirror}
    stages: list[tuple[str, Any, dict[str, Any]]] = [
        ("download", download, {"datasets": chosen}),
        ("parse-all", parse_all, {"datasets": chosen, "parsers": parsers, "threads": threads}),
        ("compress-all", compress_all, {"datasets": chosen, "threads": threads}),
        (
            "detect-all",
            detect_all,
            {"datasets": chosen, "detectors": detectors, "threads": threads},
        ),
    ]
    if known := with_templates(chosen):
        stages.insert(3, ("evaluate-all", evaluate_all, {"datasets": known, "parsers": parsers}))
    rows, notes, busy = [], [], 0.0
    for name, stage, arguments in stages:
        place = storage.join(folder, name)
        run = cast("Callable[..., Any]", stage)
        state = run(**arguments, **common, output=place, return_state=True)
        result = state.result(raise_on_failure=False)
        row: dict[str, Any] = {"dataset": name, "stage": name, "error": ""}
        if not isinstance(result, dict):
            rows.append({**row, "status": "failed", "error": plain_error(result)})
            continue
        notes += result["notes"]
        busy += result["busy_seconds"]
        errors = [r["error"] for r in result["rows"] if r["status"] == "failed"]
        rows.append(
            {
                **row,
                "status": "failed" if errors else "ok",
                "rows": len(result["rows"]),
                "failed": result["failed"],
                "cached": result["cached"],
                "seconds": result["wall_seconds"],
                "busy_seconds": result["busy_seconds"],
                "error": "; ".join(dict.fromkeys(errors)),
                "table": result["files"]["md"],
            }
        )
    return publish("everything", rows, COLUMNS, notes, folder, time.time() - begin, busy)


def check(
    datasets: list[str] | None = None,
    parsers: list[str] | None = None,
    detectors: list[str] | None = None,
    output: str | None = None,
    threads: int = 1,
    mirror: str | None = None,
) -> tuple[list[str], str]:
    """What the arguments ask for: data sets and output folder. Nothing is touched.

    Raises:
        LogpipeError: as of the flows that are chained.
    """
    from flows.detect_all import check as check_detect

    chosen = choose(datasets, mirror)
    check_parse(chosen, parsers, output, None, threads, mirror=mirror)
    check_detect(chosen, detectors, output=output, threads=threads, mirror=mirror)
    return chosen, results_folder("everything", output)


def with_templates(names: list[str]) -> list[str]:
    """Those of some data sets whose lines have known templates."""
    known = catalogue.load()
    return [
        name
        for name in names
        if not is_path(name) and any(t.kind == "template-lines" for t in known[name].truth)
    ]
