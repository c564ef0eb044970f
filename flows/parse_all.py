"""`parse-all`: every data set with every parser, one Parquet file and one manifest for each pair.

A task is thin: fetching is one call of `logpipe.datasets`, parsing one of `logpipe.pipeline`. What
Prefect adds is that they run side by side, that a failure stays where it is, and that what was done
is not done again: the cache key of a parse is made of the content of its inputs, the code and the
parameters, so a changed file, parser or setting is always parsed anew. A log of several shards is
learned from in one task and written by many (flows/sharding.py); the bytes are the same.
"""

from __future__ import annotations

import time
from typing import Any

# Imported here because it would otherwise count as work of whatever is parsed first.
import pyarrow.parquet  # noqa: F401
from prefect import flow, task

from flows import storage
from flows.fetching import choose, paths_here, title
from flows.results import Jobs, cache_key, file_name, manifest, refused, results_folder
from flows.runners import task_runner
from flows.sharding import Sharded, batches_of, is_big
from logpipe import parsers as known_parsers
from logpipe import pipeline
from logpipe.errors import LogpipeError, UsageError
from logpipe.export import open_sink
from logpipe.formats.readers import open_sources
from logpipe.registry import DEFAULT_PARSER, STREAMING_PARSER

__all__ = ["check", "parse", "parse_all"]

COLUMNS = (
    "dataset",
    "parser",
    "status",
    "lines",
    "templates",
    "groups",
    "megabytes",
    "seconds",
    "lines_per_second",
    "error",
)
"""Of the table; the CSV has all the facts of a row."""


@task(
    name="parse",
    task_run_name="parse {dataset[name]} with {parser}",
    cache_key_fn=cache_key("parse-all/parse/1", "parser", "parameters", "output"),
    persist_result=True,
    result_serializer="json",
)
def parse(
    dataset: dict[str, Any], parser: str, parameters: dict[str, Any], output: str, threads: int
) -> dict[str, Any]:
    """Parse one data set with one parser into `output`; the manifest, which lies beside it."""
    begin = time.time()
    with storage.writing(output) as target:
        result = pipeline.parse(
            open_sources(paths_here(dataset)),
            parser=parser,
            parameters=parameters,
            layout=dataset["layout"],
            threads=threads,
            sink=lambda info: open_sink(
                str(target), style=None, info=info, force=True, threads=threads
            ),
        )
        size = target.stat().st_size
    return manifest(
        dataset,
        output,
        size,
        begin,
        parser=parser,
        parameters=parameters,
        lines=result.lines,
        bytes=result.bytes,
        templates=sum(1 for count in result.counts if count),
        groups=result.groups,
        shards=1,
        warnings=list(result.warnings),
        seconds=result.seconds,
    )


@flow(name="parse-all", task_runner=task_runner(), persist_result=False)
def parse_all(
    datasets: list[str] | None = None,
    parsers: list[str] | None = None,
    output: str | None = None,
    parameters: dict[str, dict[str, Any]] | None = None,
    threads: int = 1,
    shard_megabytes: int = 512,
    mirror: str | None = None,
) -> Any:
    """Parse data sets with parsers.

    Args:
        datasets: names, groups, paths of own logs (`./app.log`); default: the embedded sample, and
            of loghub-2k what is here.
        parsers: names or `package.module:Class`; default: iterative and drain.
        output: folder or address for the results; default: `results/parse-all` in LOGPIPE_HOME.
        parameters: parser to its parameters.
        threads: per parse; several parses run at once anyway.
        shard_megabytes: a plain log of over two shards of this size is written by several tasks;
            0: by one in any case.
        mirror: as LOGPIPE_MIRROR.
    """
    try:
        chosen, used, folder = check(
            datasets, parsers, output, parameters, threads, shard_megabytes, mirror
        )
    except LogpipeError as error:
        return refused(error)
    jobs = Jobs("dataset", "parser")
    shared: list[Sharded] = []
    for name, dataset in jobs.fetched(chosen, mirror):
        for parser in used:
            identity = {"dataset": name, "parser": parser}
            if isinstance(dataset, BaseException):
                jobs.fail(identity, dataset)
                continue
            target = storage.join(folder, name, f"{file_name(parser)}.parquet")
            arguments = {
                "dataset": dataset,
                "parser": parser,
                "parameters": (parameters or {}).get(parser, {}),
                "output": target,
            }
            if is_big(dataset, shard_megabytes):
                batches = batches_of(shard_megabytes)
                shared.append(Sharded(jobs, identity, arguments | {"batches": batches}))
                shared[-1].learn(threads)
            else:
                jobs.submit(parse, identity, target, _row, **arguments, threads=threads)
    for log in shared:
        log.write()
    for log in shared:
        merging = log.merge()
        if isinstance(merging, BaseException):
            jobs.fail(log.identity, merging)
        else:
            jobs.follow(log.identity, merging, _row)
    order = {"dataset": [title(name) for name in chosen], "parser": used}
    return jobs.publish("parse-all", folder, COLUMNS, order)


def check(
    datasets: list[str] | None = None,
    parsers: list[str] | None = None,
    output: str | None = None,
    parameters: dict[str, dict[str, Any]] | None = None,
    threads: int = 1,
    shard_megabytes: int = 512,
    mirror: str | None = None,
) -> tuple[list[str], list[str], str]:
    """What the arguments ask for: data sets, parsers, output folder. Nothing is touched.

    Raises:
        UnknownNameError: a data set, group or parser that there is not.
        UsageError: nothing to do, or parameters for a parser that is not used.
        InputError: the mirror is a folder that does not exist.
    """
    chosen = choose(datasets, mirror)
    used = list(dict.fromkeys([DEFAULT_PARSER, STREAMING_PARSER] if parsers is None else parsers))
    if not used:
        raise UsageError("nothing to do: at least one parser is needed")
    for parser in used:
        known_parsers.load(parser, **(parameters or {}).get(parser, {}))
    if unused := set(parameters or {}) - set(used):
        raise UsageError(f"parameters for {sorted(unused)[0]!r}, but parsers are {', '.join(used)}")
    if threads < 1:
        raise UsageError(f"threads should be at least 1, found {threads}")
    if shard_megabytes < 0:
        raise UsageError(f"shard_megabytes should be at least 0, found {shard_megabytes}")
    return chosen, used, results_folder("parse-all", output)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    """What the table says of a manifest."""
    seconds = found["seconds"]
    facts = ("lines", "templates", "groups", "seconds", "shards", "output")
    return {
        **{key: found[key] for key in facts},
        "megabytes": found["bytes"] / 1e6,
        "lines_per_second": round(found["lines"] / seconds) if seconds > 0 else None,
    }
