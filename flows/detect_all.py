"""`detect-all`: what is abnormal in data sets, by any set of detectors.

A task is one call of `logpipe.pipeline.detect`, for one detector and one data set: a row per window
as JSON lines, and a page for people. Where the data set says what is abnormal (sessions, lines by a
header field, or the window of a fault), the verdicts are scored, and detectors that learn from
labels learn from them.
"""

from __future__ import annotations

import time
from typing import Any

from prefect import flow, task

from flows import storage
from flows.fetching import choose, labels_here, paths_here, title
from flows.results import Jobs, cache_key, file_name, manifest, refused, results_folder
from flows.runners import task_runner
from logpipe import anomaly
from logpipe import parsers as known_parsers
from logpipe.errors import LogpipeError, UsageError
from logpipe.export.atomic import replacing
from logpipe.formats.readers import open_sources
from logpipe.registry import DEFAULT_PARSER

__all__ = ["check", "detect", "detect_all"]

COLUMNS = (
    "dataset",
    "detector",
    "status",
    "window",
    "windows",
    "anomalous",
    "findings",
    "lines",
    "F1",
    "seconds",
    "error",
)


@task(
    name="detect",
    task_run_name="detect in {dataset[name]} with {detector}",
    cache_key_fn=cache_key("detect-all/detect/2", "detector", "window", "parser", "output"),
    persist_result=True,
    result_serializer="json",
)
def detect(
    dataset: dict[str, Any], detector: str, window: str, parser: str, output: str, threads: int
) -> dict[str, Any]:
    """Look at one data set with one detector; the manifest."""
    from logpipe.anomaly.output import json_rows
    from logpipe.anomaly.page import page
    from logpipe.pipeline.detecting import detect as look

    begin = time.time()
    labels = labels_here(dataset)
    if labels is not None and labels.sessions and window.startswith(("time", "lines")):
        labels = None  # they say nothing about such windows
    found = look(
        open_sources(paths_here(dataset)),
        window=window,
        detector=detector,
        parser=parser,
        layout=dataset["layout"],
        labels=labels,
        threads=threads,
    ).result
    refused = found.label_facts.get("refused") or None
    with storage.writing(output) as path:
        with replacing(str(path), force=True) as file:
            for row in json_rows(found):
                file.write(row)
        size = path.stat().st_size
    storage.store_bytes(page_of(output), page(found).encode())
    return manifest(
        dataset,
        output,
        size,
        begin,
        detector=detector,
        parser=parser,
        window=found.window,
        windows=len(found),
        anomalous=int(found.anomalous.sum()),
        findings=len(found.findings),
        lines=found.total_lines,
        F1=None if found.labelled is None or refused else found.labelled.f1,
        F1_refused=refused,
        page=page_of(output),
        warnings=list(found.warnings),
        seconds=found.seconds,
    )


@flow(name="detect-all", task_runner=task_runner(), persist_result=False)
def detect_all(
    datasets: list[str] | None = None,
    detectors: list[str] | None = None,
    window: str = "auto",
    parser: str = DEFAULT_PARSER,
    output: str | None = None,
    threads: int = 1,
    mirror: str | None = None,
) -> Any:
    """Look for what is abnormal in data sets.

    Args:
        datasets: names, groups, paths of own logs (`./app.log`); default: the embedded sample, and
            of loghub-2k what is here.
        detectors: names or `package.module:Class`; default: auto.
        window: as `logpipe detect --window`.
        parser: name or `package.module:Class`.
        output: folder or address for the results; default: `results/detect-all` in LOGPIPE_HOME.
        threads: per data set; several run at once anyway.
        mirror: as LOGPIPE_MIRROR.
    """
    try:
        chosen, used, folder = check(datasets, detectors, window, parser, output, threads, mirror)
    except LogpipeError as error:
        return refused(error)
    jobs = Jobs("dataset", "detector")
    for name, dataset in jobs.fetched(chosen, mirror):
        for detector in used:
            identity = {"dataset": name, "detector": detector}
            if isinstance(dataset, BaseException):
                jobs.fail(identity, dataset)
                continue
            target = storage.join(folder, name, f"{file_name(detector)}.jsonl")
            jobs.submit(
                *(detect, identity, target, _row),
                dataset=dataset,
                detector=detector,
                window=window,
                parser=parser,
                output=target,
                threads=threads,
            )
    order = {"dataset": [title(name) for name in chosen], "detector": used}
    return jobs.publish("detect-all", folder, COLUMNS, order)


def check(
    datasets: list[str] | None = None,
    detectors: list[str] | None = None,
    window: str = "auto",
    parser: str = DEFAULT_PARSER,
    output: str | None = None,
    threads: int = 1,
    mirror: str | None = None,
) -> tuple[list[str], list[str], str]:
    """What the arguments ask for: data sets, detectors, output folder. Nothing is touched.

    Raises:
        UnknownNameError: a data set, group, detector or parser that there is not.
        UsageError: nothing to do, or a window that is none.
        InputError: the mirror is a folder that does not exist.
    """
    from logpipe.anomaly.windows import parse_window

    chosen = choose(datasets, mirror)
    used = list(dict.fromkeys([anomaly.DEFAULT] if detectors is None else detectors))
    if not used:
        raise UsageError("nothing to do: at least one detector is needed")
    for detector in used:
        anomaly.REGISTRY.load(detector)
    known_parsers.REGISTRY.load(parser)
    if window != "auto":
        parse_window(window)
    if threads < 1:
        raise UsageError(f"threads should be at least 1, found {threads}")
    return chosen, used, results_folder("detect-all", output)


def page_of(output: str) -> str:
    """Where the page for people lies."""
    return output.removesuffix(".jsonl") + ".html"


def _row(found: dict[str, Any]) -> dict[str, Any]:
    facts = ("window", "windows", "anomalous", "findings", "lines", "F1", "seconds", "page")
    return {key: found[key] for key in (*facts, "output")}
