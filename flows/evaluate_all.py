"""`evaluate-all`: parsers scored on data sets whose templates are known.

A task is one call of `logpipe.pipeline.evaluating`, for one parser and one data set; its folder,
beside the scores, keeps the parser's raw output, so that scores can be computed anew. `logpipe
evaluate` gives the same figures, and leaderboards across data sets.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import storage
from flows.fetching import choose, title
from flows.results import Jobs, cache_key, file_name, manifest, refused, results_folder
from flows.runners import task_runner
from flows.tables import to_csv
from logpipe import datasets as catalogue
from logpipe.errors import LogpipeError, ParserError, UsageError
from logpipe.evaluation.contestants import choose as choose_contestants
from logpipe.evaluation.contestants import load_contestants
from logpipe.registry import DEFAULT_PARSER, STREAMING_PARSER

__all__ = ["check", "evaluate", "evaluate_all"]

SCORES = ("GA", "FGA", "PA", "FTA")
COLUMNS = ("dataset", "parser", "status", *SCORES, "templates", "lines", "cpu_seconds", "error")


@task(
    name="evaluate",
    task_run_name="evaluate {parser} on {dataset[name]}",
    cache_key_fn=cache_key("evaluate-all/evaluate/1", "parser", "output"),
    persist_result=True,
    result_serializer="json",
)
def evaluate(dataset: dict[str, Any], parser: str, output: str) -> dict[str, Any]:
    """Score one parser on one data set; the manifest, with every score of every slice."""
    from logpipe.pipeline import evaluating

    begin = time.time()
    with _work(output) as folder:
        found = evaluating.evaluate(
            [parser],
            [dataset["name"]],
            folder=folder,
            jobs=1,
            retry=True,
            mirror=dataset["mirror"],
        )
    rows = found.rows
    whole = next(row for row in rows if row["slice"] == "all")
    if whole["status"] != "ok":
        raise ParserError(f"{whole['status']}: {whole['error']}")
    content = to_csv(rows, list(dict.fromkeys(key for row in rows for key in row))).encode()
    storage.store_bytes(output, content)
    facts = {key: whole[key] for key in (*SCORES, "templates", "lines")}
    facts |= {"cpu_seconds": whole["cpu_s"], "notes": list(found.notes)}
    return manifest(dataset, output, len(content), begin, parser=parser, **facts)


@flow(name="evaluate-all", task_runner=task_runner(), persist_result=False)
def evaluate_all(
    datasets: list[str] | None = None,
    parsers: list[str] | None = None,
    output: str | None = None,
    mirror: str | None = None,
) -> Any:
    """Score parsers on data sets.

    Args:
        datasets: names and groups; default: the embedded sample, and of loghub-2k what is here.
        parsers: as `logpipe evaluate --parser`; default: iterative, drain and drain3.
        output: folder or address; default: `results/evaluate-all` in LOGPIPE_HOME.
        mirror: as LOGPIPE_MIRROR.
    """
    try:
        chosen, used, folder = check(datasets, parsers, output, mirror)
    except LogpipeError as error:
        return refused(error)
    jobs = Jobs("dataset", "parser")
    for name, dataset in jobs.fetched(chosen, mirror):
        for parser in used:
            identity = {"dataset": name, "parser": parser}
            if isinstance(dataset, BaseException):
                jobs.fail(identity, dataset)
                continue
            target = storage.join(folder, name, f"{file_name(parser)}.csv")
            jobs.submit(
                evaluate, identity, target, _row, dataset=dataset, parser=parser, output=target
            )
    order = {"dataset": [title(name) for name in chosen], "parser": used}
    return jobs.publish("evaluate-all", folder, COLUMNS, order)


def check(
    datasets: list[str] | None = None,
    parsers: list[str] | None = None,
    output: str | None = None,
    mirror: str | None = None,
) -> tuple[list[str], list[str], str]:
    """What the arguments ask for: data sets, parsers, output folder. Nothing is touched.

    Raises:
        UnknownNameError: a data set, group or parser that there is not.
        UsageError: nothing to do, or a data set without known templates is named.
        InputError: the mirror is a folder that does not exist.
    """
    chosen = choose(datasets, mirror)
    known = catalogue.load()
    without = [name for name in chosen if name not in known or not _has_templates(known[name])]
    if without:
        raise UsageError(f"{', '.join(without)}: nothing is known about the templates of its lines")
    used = list(
        dict.fromkeys([DEFAULT_PARSER, STREAMING_PARSER, "drain3"] if parsers is None else parsers)
    )
    if not used:
        raise UsageError("nothing to do: at least one parser is needed")
    choose_contestants(used, load_contestants(None), None)
    return chosen, used, results_folder("evaluate-all", output)


def _has_templates(dataset: catalogue.Dataset) -> bool:
    return any(truth.kind == "template-lines" for truth in dataset.truth)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in (*SCORES, "templates", "lines", "cpu_seconds", "output")}


@contextmanager
def _work(output: str) -> Iterator[Path]:
    """The folder that an evaluation keeps its runs in; a temporary one for results elsewhere."""
    if storage.is_remote(output):
        with tempfile.TemporaryDirectory(prefix="logpipe-") as folder:
            yield Path(folder) / "evaluation"
    else:
        yield Path(output.removesuffix(".csv") + ".evaluation")
