"""`download`: bring data sets here, verified, several at a time."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.fetching import choose, title
from flows.results import Jobs, refused, results_folder
from flows.runners import task_runner
from logpipe.errors import LogpipeError

__all__ = ["check", "download"]

COLUMNS = ("dataset", "status", "files", "megabytes", "seconds", "from", "error")


@flow(name="download", task_runner=task_runner(), persist_result=False)
def download(
    datasets: list[str] | None = None, output: str | None = None, mirror: str | None = None
) -> Any:
    """Fetch data sets.

    Args:
        datasets: names and groups, `loghub` and `loghub-2.0` for the whole archives; default: the
            embedded sample, and of loghub-2k what is here.
        output: folder or address for the table; default: `results/download` in LOGPIPE_HOME.
        mirror: as LOGPIPE_MIRROR.
    """
    try:
        chosen, folder = check(datasets, output, mirror)
    except LogpipeError as error:
        return refused(error)
    jobs = Jobs("dataset")
    for name, facts in jobs.fetched(chosen, mirror):
        if isinstance(facts, BaseException):
            jobs.fail({"dataset": name}, facts)
            continue
        places = sorted(set(facts["origins"].values()))
        here = all(not place.startswith(("http:", "https:")) for place in places)
        row = {
            "files": facts["files"],
            "megabytes": facts["bytes"] / 1e6,
            "seconds": facts["seconds"],
            "from": places[0] if len(places) == 1 else f"{len(places)} places",
            "paths": " ".join(facts["paths"]),
        }
        jobs.done({"dataset": name}, "here" if here else "ok", row)
    return jobs.publish("download", folder, COLUMNS, {"dataset": [title(name) for name in chosen]})


def check(
    datasets: list[str] | None = None, output: str | None = None, mirror: str | None = None
) -> tuple[list[str], str]:
    """What the arguments ask for: data sets and output folder. Nothing is touched.

    Raises:
        UnknownNameError: a data set or group that there is not.
        InputError: the mirror is a folder that does not exist.
    """
    return choose(datasets, mirror), results_folder("download", output)
