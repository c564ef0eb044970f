"""The task that all flows begin with, and which data sets a user asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import task

from logpipe import datasets as catalogue
from logpipe.errors import InputError, UsageError

__all__ = ["choose", "fetch", "paths_here"]


def choose(datasets: Sequence[str] | None, mirror: str | None) -> list[str]:
    """The names that are asked for; default: the sample, and of loghub-2k what is here.

    Raises:
        UnknownNameError: a data set or group that there is not.
        UsageError: nothing is left to do.
        InputError: the mirror is a folder that does not exist.
    """
    if datasets is None:
        here = set(catalogue.available(mirror=mirror))
        asked = catalogue.load().resolve(["sample", "loghub-2k"])
        chosen = [d.name for d in asked if d.embedded or d.name in here]
    else:
        found = catalogue.load().resolve(datasets)
        if not all(d.embedded for d in found):
            catalogue.mirror_setting(mirror)
        chosen = [d.name for d in found]
    if not chosen:
        raise UsageError("nothing to do: at least one data set is needed")
    return chosen


@task(
    name="fetch",
    task_run_name="fetch {name}",
    retries=1,
    retry_delay_seconds=5,
    # Only what the network may have caused; and `datasets` itself was patient already.
    retry_condition_fn=lambda task, run, state: "no connection" in (state.message or ""),
)
def fetch(name: str, mirror: str | None) -> dict[str, Any]:
    """Bring one data set here; plain facts about it."""
    begin = time.time()
    found = catalogue.fetch(name, mirror=mirror)
    return {
        "name": name,
        "layout": found.dataset.layout,
        "paths": [str(path) for path in found.log_paths()],
        # Of an archive it is the archive's: its members follow from it.
        "sha256": {r: s for r, s in found.sha256.items() if r == "log" or "log" in found.members},
        "mirror": mirror,
        "files": len(found.files) + sum(len(paths) for paths in found.members.values()),
        "bytes": sum(path.stat().st_size for path in found.files.values()),
        "origins": found.origins,
        "notes": list(found.notes),
        "seconds": time.time() - begin,
        "span": [begin, time.time()],
    }


def paths_here(dataset: dict[str, Any]) -> list[str]:
    """The paths of a fetched data set on the machine that asks.

    A task may run on another machine than the one that fetched. Where the paths do not exist, the
    data set is fetched there, too, and has to be the same.

    Raises:
        InputError: it cannot be had, or is another one.
    """
    paths: list[str] = dataset["paths"]
    if all(Path(path).is_file() for path in paths):
        return paths
    found = catalogue.fetch(dataset["name"], mirror=dataset.get("mirror"))
    for role, sha256 in dataset["sha256"].items():
        if found.sha256.get(role) != sha256:
            raise InputError(
                f"{dataset['name']}: on this machine sha256 of {role!r} is "
                f"{found.sha256.get(role)}, where the flow runs it is {sha256}"
            )
    return [str(path) for path in found.log_paths()]
