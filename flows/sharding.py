"""A big log as many tasks: learn once, write shards anywhere, put them together.

The tasks are those of `logpipe.pipeline.sharding`. What they hand on are files in a folder beside
the output, `<output>.shards`, which every machine must be able to reach; it is removed once the
output is there. A run that was killed goes on with the shards that are missing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import task

from flows import storage
from flows.fetching import paths_here
from flows.results import Jobs, cache_key, manifest
from logpipe.export.parquet import BATCHES_PER_CUT
from logpipe.parsers.stream import CHUNK
from logpipe.pipeline import sharding

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture

__all__ = ["Sharded", "is_big", "learn", "merge", "write"]

KEY = ("parser", "parameters", "output", "batches")


def is_big(dataset: dict[str, Any], shard_megabytes: int) -> bool:
    """Whether a data set is worth sharing out: over two shards, in files that can be entered."""
    paths = [Path(path) for path in dataset["paths"]]
    if shard_megabytes < 1 or not all(path.is_file() for path in paths):
        return False
    size = sum(path.stat().st_size for path in paths)
    return size > 2e6 * shard_megabytes and sharding.plain_files(dataset["paths"])


def batches_of(shard_megabytes: int) -> list[int]:
    """Cuts per shard, and chunks per cut.

    Shards below the usual distance of cuts have nearer ones; their rows are the same, but the row
    groups are smaller than those of `logpipe parse`.
    """
    chunks = max(1, shard_megabytes * 10**6 // CHUNK)
    return [max(1, chunks // BATCHES_PER_CUT), min(chunks, BATCHES_PER_CUT)]


@task(
    name="learn",
    task_run_name="learn {dataset[name]} with {parser}",
    cache_key_fn=cache_key("parse-all/learn/1", *KEY),
    persist_result=True,
    result_serializer="json",
)
def learn(
    dataset: dict[str, Any],
    parser: str,
    parameters: dict[str, Any],
    output: str,
    threads: int,
    batches: list[int],
) -> dict[str, Any]:
    """Learn the templates of a log, and plan its shards; how many there are."""
    begin, folder = time.time(), shards_folder(output)
    with _folder(folder) as local:
        facts = sharding.learn_shards(
            paths_here(dataset),
            local,
            parser=parser,
            parameters=parameters,
            layout=dataset["layout"],
            threads=threads,
            cuts=batches[0],
            batches_per_cut=batches[1],
        )
        if storage.is_remote(folder):
            # The plan last: where it is, the rest is.
            for path in sorted(local.iterdir(), key=lambda path: path.name == sharding.PLAN):
                storage.store_bytes(storage.join(folder, path.name), path.read_bytes())
    return {**facts, "span": [begin, time.time()]}


@task(
    name="shard",
    task_run_name="shard {shard} of {dataset[name]} with {parser}",
    cache_key_fn=cache_key("parse-all/shard/1", *KEY, "shard"),
    persist_result=True,
    result_serializer="json",
)
def write(
    dataset: dict[str, Any],
    parser: str,
    parameters: dict[str, Any],
    output: str,
    batches: list[int],
    shard: int,
) -> dict[str, Any]:
    """Write the rows of one shard."""
    begin, folder = time.time(), shards_folder(output)
    paths = paths_here(dataset)
    needed = (sharding.PLAN, sharding.ids_name(shard))
    with _folder(folder, *needed) as local, storage.writing(part_of(output, shard)) as part:
        facts = sharding.write_shard(local, shard, str(part), paths=paths)
        size = part.stat().st_size
    return {**facts, "part_bytes": size, "span": [begin, time.time()]}


@task(
    name="merge",
    task_run_name="merge {dataset[name]} with {parser}",
    cache_key_fn=cache_key("parse-all/merge/1", *KEY),
    persist_result=True,
    result_serializer="json",
)
def merge(
    dataset: dict[str, Any],
    parser: str,
    parameters: dict[str, Any],
    output: str,
    batches: list[int],
    learned: dict[str, Any],
    seconds: float,
    reused: int,
) -> dict[str, Any]:
    """Put the shards together; the manifest, which lies beside the output."""
    begin, folder = time.time(), shards_folder(output)
    names = [part_of(output, shard).rpartition("/")[2] for shard in range(learned["shards"])]
    with _folder(folder, sharding.PLAN, *names) as local, storage.writing(output) as target:
        parts = [str(local / name) for name in names]
        sharding.merge_shards(local, parts, str(target), force=True)
        size = target.stat().st_size
    facts = ("lines", "bytes", "templates", "groups", "shards", "warnings")
    found = manifest(
        dataset,
        output,
        size,
        begin,
        parser=parser,
        parameters=parameters,
        **{key: learned[key] for key in facts},
        shards_reused=reused,
        seconds=seconds + learned["seconds"] + time.time() - begin,
    )
    storage.remove(folder)
    return found


class Sharded:
    """The task runs of one log that is shared out.

    The flow goes through the three methods for all such logs in turn, so that the shards of one
    are written while another is learned from.
    """

    def __init__(self, jobs: Jobs, identity: dict[str, Any], arguments: dict[str, Any]) -> None:
        self._jobs = jobs
        self.identity = identity
        self._arguments = arguments
        self.output: str = arguments["output"]
        self._done = storage.complete(self.output)
        self._shards: list[PrefectFuture[Any]] = []
        self.learned: Any = None

    def learn(self, threads: int) -> None:
        """Start to learn, unless output or plan are there."""
        plan = storage.join(shards_folder(self.output), sharding.PLAN)
        again = not self._done and storage.size_of(plan) is None
        self._learning = learn.with_options(refresh_cache=again).submit(
            **self._arguments, threads=threads
        )

    def write(self) -> None:
        """Wait for that, and start the shards that are not there."""
        self.learned = self._jobs.outcome(self._learning)
        if isinstance(self.learned, BaseException):
            return
        for shard in range(self.learned["shards"]):
            part = part_of(self.output, shard)
            again = not self._done and storage.size_of(part) is None
            self._shards.append(
                write.with_options(refresh_cache=again).submit(**self._arguments, shard=shard)
            )

    def merge(self) -> PrefectFuture[Any] | BaseException:
        """Wait for those, and start to put them together."""
        if isinstance(self.learned, BaseException):
            return self.learned
        results = [self._jobs.outcome(shard) for shard in self._shards]
        for result in results:
            if isinstance(result, BaseException):
                return result
        merging: PrefectFuture[Any] = merge.with_options(refresh_cache=not self._done).submit(
            **self._arguments,
            learned=self.learned,
            seconds=sum(result["seconds"] for result in results),
            reused=sum(1 for shard in self._shards if shard.state.name == "Cached"),
        )
        return merging


def shards_folder(output: str) -> str:
    """Where the shards of an output lie."""
    return f"{output}.shards"


def part_of(output: str, shard: int) -> str:
    """Where the rows of a shard lie."""
    return storage.join(shards_folder(output), f"part-{shard:05d}.parquet")


@contextmanager
def _folder(folder: str, *names: str) -> Iterator[Path]:
    """A folder as a local one; of an address a temporary one, with copies of the files named."""
    if not storage.is_remote(folder):
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="logpipe-") as temporary:
        for name in names:
            with storage.reading(storage.join(folder, name)) as copy:
                copy.replace(Path(temporary) / name)
        yield Path(temporary)
