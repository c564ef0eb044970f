"""What all flows share: task runs that become rows, and rows that become tables, files, artifacts.

A flow submits tasks through `Jobs`. A failure is a row with its reason and stops nothing else; a
task that was done before, on the same content with the same code and parameters, is a row marked
`cached`, provided that its output is still there.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

import logpipe
from flows import storage
from flows.tables import to_csv, to_markdown
from logpipe import datasets as catalogue
from logpipe.errors import InputError, LogpipeError, OutputError, UsageError

if TYPE_CHECKING:
    from prefect import State, Task
    from prefect.context import TaskRunContext
    from prefect.futures import PrefectFuture

__all__ = [
    "Jobs",
    "cache_key",
    "code_version",
    "file_name",
    "manifest",
    "plain_error",
    "publish",
    "refused",
    "results_folder",
]

CLEAR = (InputError, OutputError, UsageError)
"""Errors whose message says all; others are told with the name of their class."""


@cache
def code_version() -> str:
    """The version and a digest of the installed code, so that a cache never outlives a change."""
    package = Path(logpipe.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in (".py", ".so", ".dylib", ".pyd", ".dll"):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{logpipe.__version__}+{digest.hexdigest()[:12]}"


def cache_key(name: str, *arguments: str) -> Callable[[TaskRunContext, dict[str, Any]], str]:
    """A key of the content of the data set, the code, and these arguments of the task.

    Where the data set lies does not matter, which it is does.
    """

    def key(context: TaskRunContext, given: dict[str, Any]) -> str:
        dataset = given["dataset"]
        facts = {
            "task": name,
            "code": code_version(),
            "dataset": {k: dataset[k] for k in ("name", "layout", "sha256")},
            "files": [Path(path).name for path in dataset["paths"]],
            **{argument: given[argument] for argument in arguments},
        }
        return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()

    return key


def results_folder(flow: str, output: str | None) -> str:
    """The folder or address for the results of a flow.

    Args:
        flow: its name.
        output: what the user said; None: `results/<flow>` in LOGPIPE_HOME.

    Raises:
        UsageError: an address that no installed package can open.
    """
    return storage.absolute(output or catalogue.Home().folder / "results" / flow)


def file_name(text: str) -> str:
    """A text (the name of a parser, perhaps with a module) as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)


def refused(error: LogpipeError) -> State[Any]:
    """The state of a flow that cannot begin: a mistake of the user needs no traceback in a log."""
    from prefect.states import Failed

    return Failed(message=plain_error(error), data=error)


def plain_error(error: BaseException) -> str:
    """An exception in one line."""
    said = " ".join((str(error) or type(error).__name__).split())
    return said if isinstance(error, CLEAR) else f"{type(error).__name__}: {said}"


def manifest(
    dataset: Mapping[str, Any], output: str, size: int, begin: float, **facts: Any
) -> dict[str, Any]:
    """What a task did, also as a file beside its output.

    Args:
        dataset: facts of the task `fetch`.
        output: where the output lies.
        size: its bytes.
        begin: when the task began, as `time.time` has it.
        facts: what was found.

    Raises:
        OutputError: the file cannot be written.
    """
    found = {
        "logpipe": code_version(),
        "dataset": dataset["name"],
        "layout": dataset["layout"],
        "inputs": dataset["paths"],
        "sha256": dataset["sha256"],
        "output": output,
        "output_bytes": size,
        "seconds": time.time() - begin,
        **facts,
        "span": [begin, time.time()],
    }
    storage.store_json(storage.manifest_of(output), found)
    return found


class Jobs:
    """The task runs of one flow run.

    Args:
        keys: names of the columns that say what a row is about; rows are sorted by the order in
            which their values were first seen.

    Attributes:
        notes: sentences a user should see.
    """

    def __init__(self, *keys: str) -> None:
        self.notes: list[str] = []
        self._keys = keys
        self._begin = time.time()
        self._rows: list[dict[str, Any]] = []
        self._spans: list[list[float]] = []
        self._running: list[tuple[dict[str, Any], PrefectFuture[Any], Callable[..., Any]]] = []

    def fetched(self, names: Iterable[str], mirror: str | None) -> Iterator[tuple[str, Any]]:
        """Bring data sets here, all at once; (name, facts or exception) in the order of names."""
        from flows.fetching import fetch, title

        futures = [(title(name), fetch.submit(name, mirror)) for name in list(names)]
        for name, future in futures:
            facts = future.result(raise_on_failure=False)
            if not isinstance(facts, BaseException):
                self._spans.append(facts.pop("span"))
                self.notes += facts.pop("notes")
            yield name, facts

    def submit(
        self,
        task: Task[..., Any],
        identity: Mapping[str, Any],
        target: str,
        row: Callable[[dict[str, Any]], dict[str, Any]],
        **arguments: Any,
    ) -> None:
        """Start a task whose result is a manifest.

        Args:
            task: has a cache key.
            identity: a value for each of the keys.
            target: the output; if it is not there, or not complete, the cache does not count.
            row: facts of the manifest for the table.
            arguments: of the task.
        """
        again = not storage.complete(target)
        self.follow(identity, task.with_options(refresh_cache=again).submit(**arguments), row)

    def follow(
        self,
        identity: Mapping[str, Any],
        future: PrefectFuture[Any],
        row: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:
        """The same for a task that was started already."""
        self._running.append((dict(identity), future, row))

    def outcome(self, future: PrefectFuture[Any]) -> Any:
        """The plain data a task returns, or its exception; its time counts as work."""
        result = future.result(raise_on_failure=False)
        if isinstance(result, dict) and "span" in result and future.state.name != "Cached":
            self._spans.append(result["span"])
        return result

    def fail(self, identity: Mapping[str, Any], error: BaseException) -> None:
        """A row that failed."""
        self._rows.append({**identity, "status": "failed", "error": plain_error(error)})

    def done(self, identity: Mapping[str, Any], status: str, facts: Mapping[str, Any]) -> None:
        """A row that did not."""
        self._rows.append({**identity, "status": status, **facts, "error": ""})

    def rows(self) -> list[dict[str, Any]]:
        """Wait for everything; one row per task."""
        for identity, future, row in self._running:
            manifest = self.outcome(future)
            if isinstance(manifest, BaseException):
                self.fail(identity, manifest)
                continue
            status = "cached" if future.state.name == "Cached" else "ok"
            self.done(identity, status, row(manifest))
        self._running.clear()
        return self._rows

    def publish(
        self, flow: str, folder: str, columns: Sequence[str], order: Mapping[str, Sequence[str]]
    ) -> Any:
        """Wait, and end the flow with the table of all rows; see `publish`."""
        rows = self.rows()
        places = {key: {value: i for i, value in enumerate(order[key])} for key in self._keys}
        rows.sort(key=lambda row: tuple(places[key][row[key]] for key in self._keys))
        wall = time.time() - self._begin
        return publish(flow, rows, columns, self.notes, folder, wall, covered(self._spans))


def covered(spans: Iterable[list[float]]) -> float:
    """Seconds in which at least one task was at work."""
    total, until = 0.0, 0.0
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def publish(
    flow: str,
    rows: list[dict[str, Any]],
    columns: Sequence[str],
    notes: Sequence[str],
    folder: str,
    wall: float,
    busy: float,
    **more: Any,
) -> Any:
    """The table as files, as artifacts and in the log; and everything as the result of the flow.

    Args:
        flow: its name, and that of the files.
        rows: one per task.
        columns: of the table; the CSV has all facts of a row. `error` is left out if none failed.
        notes: sentences a user should see.
        folder: path or address.
        wall: seconds of the flow.
        busy: those of them in which a task was at work.
        more: for the result.

    Returns:
        The result, or a failed state that holds it if a row failed.

    Raises:
        OutputError: the files cannot be written.
    """
    from prefect import get_run_logger
    from prefect.artifacts import create_markdown_artifact, create_table_artifact
    from prefect.states import Failed

    failed = [row for row in rows if row["status"] == "failed"]
    shown = [column for column in columns if failed or column != "error"]
    table = to_markdown(rows, shown)
    files = {kind: storage.join(folder, f"{flow}.{kind}") for kind in ("csv", "md", "json")}
    every = list(dict.fromkeys(key for row in [*rows, dict.fromkeys(columns)] for key in row))
    result = {
        "flow": flow,
        "logpipe": code_version(),
        "rows": rows,
        "failed": len(failed),
        "cached": sum(1 for row in rows if row["status"] == "cached"),
        "notes": list(notes),
        "output": folder,
        "files": files,
        "table": table,
        "wall_seconds": wall,
        "busy_seconds": busy,
        **more,
    }
    storage.store_bytes(files["csv"], to_csv(rows, every).encode())
    storage.store_bytes(files["md"], table.encode())
    storage.store_json(files["json"], result)
    create_table_artifact(key=flow, table=[{c: row.get(c) for c in shown} for row in rows])
    where = "\n".join(f"- `{path}`" for path in files.values())
    create_markdown_artifact(key=f"{flow}-files", markdown=f"Results are in\n\n{where}\n")
    get_run_logger().info("results in %s\n%s", folder, table)
    if failed:
        which = ", ".join(_words(row) for row in failed[:5])
        more_of_them = ", ..." if len(failed) > 5 else ""
        message = f"{len(failed)} of {len(rows)} failed: {which}{more_of_them}"
        return Failed(message=message, data=result)
    return result


def _words(row: Mapping[str, Any]) -> str:
    about = next((row[key] for key in ("parser", "level", "detector") if row.get(key)), "")
    return f"{row['dataset']} with {about}" if about else str(row["dataset"])
