"""The task that all flows begin with, and which data sets a user asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import task

from logpipe import datasets as catalogue
from logpipe.datasets.home import digests
from logpipe.errors import InputError, UsageError

if TYPE_CHECKING:
    from logpipe.anomaly.labels import Labels

__all__ = ["choose", "fetch", "is_path", "labels_here", "paths_here", "title"]

OWN = "files/"


def choose(datasets: Sequence[str] | None, mirror: str | None) -> list[str]:
    """The names that are asked for; default: the sample, and of loghub-2k what is here.

    Logs of one's own are named by a path that begins with `/`, `./`, `../` or `~`; they are data
    sets called `files/<name of the file>`, of a layout that is found out.

    Raises:
        UnknownNameError: a data set or group that there is not.
        UsageError: nothing is left to do, or two own logs have one name.
        InputError: the mirror is a folder that does not exist, or a log is not there.
    """
    if datasets is None:
        here = set(catalogue.available(mirror=mirror))
        asked = catalogue.load().resolve(["sample", "loghub-2k"])
        chosen = [d.name for d in asked if d.embedded or d.name in here]
    else:
        own = [name for name in datasets if is_path(name)]
        found = catalogue.load().resolve([name for name in datasets if not is_path(name)])
        if not all(d.embedded for d in found):
            catalogue.mirror_setting(mirror)
        chosen = [d.name for d in found] + _own_logs(own)
    if not chosen:
        raise UsageError("nothing to do: at least one data set is needed")
    return chosen


def is_path(name: str) -> bool:
    """Whether a name stands for a log of one's own."""
    return name.startswith(("/", "./", "../", "~"))


def title(name: str) -> str:
    """What a data set is called in tables and folders."""
    return f"{OWN}{Path(name).name}" if is_path(name) else name


def _own_logs(paths: list[str]) -> list[str]:
    found: dict[str, str] = {}
    for path in paths:
        whole = Path(path).expanduser().absolute()
        if not whole.is_file():
            raise InputError(f"{path}: {'is a folder' if whole.is_dir() else 'no such file'}")
        other = found.setdefault(whole.name, str(whole))
        if other != str(whole):
            raise UsageError(f"{other} and {whole} would have the same results; rename one of them")
    return list(found.values())


def _own_log(path: str) -> dict[str, Any]:
    digest = digests(Path(path))
    return {
        "name": title(path),
        "layout": "auto",
        "paths": [path],
        "sha256": {"log": digest.sha256},
        "mirror": None,
        "files": 1,
        "bytes": digest.size,
        "origins": {"log": path},
        "notes": [],
        "seconds": 0.0,
    }


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
    if is_path(name):
        return {**_own_log(name), "span": [begin, time.time()]}
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
        "truth": _truth(found),
        "notes": list(found.notes),
        "seconds": time.time() - begin,
        "span": [begin, time.time()],
    }


def _truth(found: catalogue.FetchedDataset) -> list[dict[str, str | None]]:
    """What is known of what is abnormal: kind, and the file or the header field that says it."""
    return [
        {
            "kind": truth.kind,
            "path": str(found.paths(truth.file)[0]) if truth.file else None,
            "field": truth.field,
        }
        for truth in found.dataset.truth
        if truth.kind != "template-lines"
    ]


def labels_here(dataset: dict[str, Any]) -> Labels | None:
    """The labels of a fetched data set, of whatever kind it has; None if there are none.

    Raises:
        LogpipeError: a file of labels is not what it should be.
    """
    from logpipe.pipeline.detect_truth import labels_of_truth

    known = dataset.get("truth", [])
    if not all(each["path"] is None or Path(each["path"]).is_file() for each in known):
        known = _truth(catalogue.fetch(dataset["name"], mirror=dataset.get("mirror")))
    for each in known:
        labels = labels_of_truth(
            each["kind"], each["path"], each["field"], dataset["paths"][0], dataset["layout"]
        )
        if labels is not None:
            return labels
    return None


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
    if dataset["name"].startswith(OWN):
        raise InputError(
            f"{paths[0]}: not on this machine; a log of one's own has to lie where every machine "
            f"that takes part can read it under the same path"
        )
    found = catalogue.fetch(dataset["name"], mirror=dataset.get("mirror"))
    for role, sha256 in dataset["sha256"].items():
        if found.sha256.get(role) != sha256:
            raise InputError(
                f"{dataset['name']}: on this machine sha256 of {role!r} is "
                f"{found.sha256.get(role)}, where the flow runs it is {sha256}"
            )
    return [str(path) for path in found.log_paths()]
