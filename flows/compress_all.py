"""`compress-all`: data sets into archives, at any set of levels, each read back and compared.

A task is one call of `logpipe.pipeline.compressing`. An archive only counts when what it gives back
has the digest of what went in.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any, cast

from prefect import flow, task

from flows import storage
from flows.fetching import choose, paths_here, title
from flows.results import Jobs, cache_key, manifest, refused, results_folder
from flows.runners import task_runner
from logpipe.archive import open as open_archive
from logpipe.archive.packing import Level
from logpipe.errors import LogpipeError, OutputError, UnknownNameError, UsageError
from logpipe.formats.readers import Source, open_sources
from logpipe.pipeline.compressing import BLOCK
from logpipe.pipeline.compressing import compress as write_archive

__all__ = ["check", "compress", "compress_all"]

COLUMNS = (
    "dataset",
    "level",
    "status",
    "lines",
    "megabytes",
    "archive_bytes",
    "ratio",
    "seconds",
    "megabytes_per_second",
    "verify_seconds",
    "error",
)
CHUNK = 1 << 20


@task(
    name="compress",
    task_run_name="compress {dataset[name]} at {level}",
    cache_key_fn=cache_key("compress-all/compress/1", "level", "output"),
    persist_result=True,
    result_serializer="json",
)
def compress(dataset: dict[str, Any], level: str, output: str, threads: int) -> dict[str, Any]:
    """Write one archive and read it back; the manifest."""
    begin = time.time()
    with storage.writing(output) as target:
        sources = open_sources(paths_here(dataset))
        done = write_archive(
            sources,
            str(target),
            level=cast("Level", level),
            layout=dataset["layout"],
            force=True,
            threads=threads,
        )
        size = target.stat().st_size
        packed = time.time()
        digest = _digest(sources)
        if _archive_digest(str(target)) != digest:
            target.unlink()
            raise OutputError(
                f"{output} did not give back the bytes of {dataset['name']} and was removed; "
                f"please report this"
            )
    return manifest(
        dataset,
        output,
        size,
        begin,
        level=level,
        lines=done.lines,
        bytes=done.bytes,
        bytes_sha256=digest,
        seconds=done.seconds,
        verify_seconds=time.time() - packed,
    )


@flow(name="compress-all", task_runner=task_runner(), persist_result=False)
def compress_all(
    datasets: list[str] | None = None,
    levels: list[str] | None = None,
    output: str | None = None,
    threads: int = 1,
    mirror: str | None = None,
) -> Any:
    """Compress data sets.

    Args:
        datasets: names, groups, paths of own logs (`./app.log`); default: the embedded sample, and
            of loghub-2k what is here.
        levels: of fast, default and max; default: fast and default.
        output: folder or address for the archives; default: `results/compress-all` in LOGPIPE_HOME.
        threads: per archive; several are written at once anyway.
        mirror: as LOGPIPE_MIRROR.
    """
    try:
        chosen, used, folder = check(datasets, levels, output, threads, mirror)
    except LogpipeError as error:
        return refused(error)
    jobs = Jobs("dataset", "level")
    for name, dataset in jobs.fetched(chosen, mirror):
        for level in used:
            identity = {"dataset": name, "level": level}
            if isinstance(dataset, BaseException):
                jobs.fail(identity, dataset)
                continue
            target = storage.join(folder, name, f"{level}.lpz")
            jobs.submit(
                *(compress, identity, target, _row),
                dataset=dataset,
                level=level,
                output=target,
                threads=threads,
            )
    order = {"dataset": [title(name) for name in chosen], "level": used}
    return jobs.publish("compress-all", folder, COLUMNS, order)


def check(
    datasets: list[str] | None = None,
    levels: list[str] | None = None,
    output: str | None = None,
    threads: int = 1,
    mirror: str | None = None,
) -> tuple[list[str], list[str], str]:
    """What the arguments ask for: data sets, levels, output folder. Nothing is touched.

    Raises:
        UnknownNameError: a data set, group or level that there is not.
        UsageError: nothing to do.
        InputError: the mirror is a folder that does not exist.
    """
    chosen = choose(datasets, mirror)
    used = list(dict.fromkeys(["fast", "default"] if levels is None else levels))
    if not used:
        raise UsageError("nothing to do: at least one level is needed")
    for level in used:
        if level not in BLOCK:
            raise UnknownNameError(f"unknown level {level!r}. Known: {', '.join(BLOCK)}.")
    if threads < 1:
        raise UsageError(f"threads should be at least 1, found {threads}")
    return chosen, used, results_folder("compress-all", output)


def _digest(sources: Sequence[Source]) -> str:
    found, buffer = hashlib.sha256(), memoryview(bytearray(CHUNK))
    for source in sources:
        with closing(source.open()) as reader:
            while count := reader.readinto(buffer):
                found.update(buffer[:count])
    return found.hexdigest()


def _archive_digest(path: str) -> str:
    found = hashlib.sha256()
    with open_archive(path) as archive:
        for block in archive.blocks():
            found.update(block.data)
    return found.hexdigest()


def _row(found: dict[str, Any]) -> dict[str, Any]:
    megabytes, seconds = found["bytes"] / 1e6, found["seconds"]
    return {
        **{key: found[key] for key in ("lines", "seconds", "verify_seconds", "output")},
        "megabytes": megabytes,
        "archive_bytes": found["output_bytes"],
        "ratio": found["bytes"] / found["output_bytes"],
        "megabytes_per_second": megabytes / seconds if seconds > 0 else None,
    }
