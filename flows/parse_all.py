"""`parse-all`: every data set with every parser, one Parquet file and one manifest for each pair.

A task is thin: fetching is one call of `logpipe.datasets`, parsing one of `logpipe.pipeline`. What
Prefect adds is that they run side by side, that a failure stays where it is, and that what was done
is not done again: the cache key of a parse is made of the content of its inputs, the code and the
parameters, so a changed file, parser or setting is always parsed anew.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

# Imported here because it would otherwise count as work of whatever is parsed first.
import pyarrow.parquet  # noqa: F401
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.states import Failed

import logpipe
from flows.environment import task_runner
from flows.tables import to_csv, to_markdown, write_bytes, write_json
from logpipe import datasets as catalogue
from logpipe import parsers as known_parsers
from logpipe import pipeline
from logpipe.errors import InputError, UsageError
from logpipe.export import open_sink
from logpipe.formats.readers import open_sources

if TYPE_CHECKING:
    from prefect import State
    from prefect.context import TaskRunContext

__all__ = ["check", "fetch", "parse", "parse_all"]

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
        "notes": list(found.notes),
        "span": [begin, time.time()],
    }


def _cache_key(context: TaskRunContext, arguments: dict[str, Any]) -> str:
    dataset = arguments["dataset"]
    facts = {
        "task": "parse-all/parse/1",
        "code": code_version(),
        # Where the files lie does not matter, which they are does.
        "dataset": {key: dataset[key] for key in ("name", "layout", "sha256")},
        "files": [Path(path).name for path in dataset["paths"]],
        **{key: arguments[key] for key in ("parser", "parameters", "output")},
    }
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()


@task(
    name="parse",
    task_run_name="parse {dataset[name]} with {parser}",
    cache_key_fn=_cache_key,
    persist_result=True,
    result_serializer="json",
)
def parse(
    dataset: dict[str, Any], parser: str, parameters: dict[str, Any], output: str, threads: int
) -> dict[str, Any]:
    """Parse one data set with one parser into `output`; the manifest, which lies beside it."""
    begin, target = time.time(), Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    result = pipeline.parse(
        open_sources(dataset["paths"]),
        parser=parser,
        parameters=parameters,
        layout=dataset["layout"],
        threads=threads,
        sink=lambda info: open_sink(output, style=None, info=info, force=True),
    )
    manifest = {
        "logpipe": code_version(),
        "dataset": dataset["name"],
        "layout": dataset["layout"],
        "inputs": dataset["paths"],
        "sha256": dataset["sha256"],
        "parser": parser,
        "parameters": parameters,
        "output": target.name,
        "output_bytes": target.stat().st_size,
        "lines": result.lines,
        "bytes": result.bytes,
        "templates": sum(1 for count in result.counts if count),
        "groups": result.groups,
        "seconds": result.seconds,
        "span": [begin, time.time()],
    }
    write_json(_manifest_path(target), manifest)
    return manifest


@flow(name="parse-all", task_runner=task_runner(), persist_result=False)
def parse_all(
    datasets: list[str] | None = None,
    parsers: list[str] | None = None,
    output: str | None = None,
    parameters: dict[str, dict[str, Any]] | None = None,
    threads: int = 1,
    mirror: str | None = None,
) -> Any:
    """Parse data sets with parsers.

    Args:
        datasets: names and groups; default: the embedded sample, and of loghub-2k what is here.
        parsers: names or `package.module:Class`; default: drain and drain3.
        output: folder for the results; default: `results/parse-all` in LOGPIPE_HOME.
        parameters: parser to its parameters.
        threads: per parse; several parses run at once anyway.
        mirror: as LOGPIPE_MIRROR.
    """
    begin = time.time()
    chosen, used, folder = check(datasets, parsers, output, parameters, threads, mirror)
    fetched = {name: fetch.submit(name, mirror) for name in chosen}
    rows, running, spans, notes = [], [], [], []
    for name, future in fetched.items():
        dataset = future.result(raise_on_failure=False)
        if isinstance(dataset, BaseException):
            rows += [_failure(name, parser, dataset) for parser in used]
            continue
        spans.append(dataset.pop("span"))
        notes += dataset.pop("notes")
        for parser in used:
            target = folder / name / (re.sub(r"[^A-Za-z0-9._-]+", "_", parser) + ".parquet")
            # The cache remembers that it was done, not whether the file is still there.
            again = not _complete(target)
            running.append(
                (
                    name,
                    parser,
                    parse.with_options(refresh_cache=again).submit(
                        dataset, parser, (parameters or {}).get(parser, {}), str(target), threads
                    ),
                )
            )
    for name, parser, task_run in running:
        manifest = task_run.result(raise_on_failure=False)
        if isinstance(manifest, BaseException):
            rows.append(_failure(name, parser, manifest))
            continue
        status = "cached" if task_run.state.name == "Cached" else "ok"
        if status == "ok":
            spans.append(manifest["span"])
        rows.append(_row(manifest, status, folder))
    order = {name: place for place, name in enumerate(chosen)}
    rows.sort(key=lambda row: (order[row["dataset"]], used.index(row["parser"])))
    return _publish(rows, notes, folder, time.time() - begin, _covered(spans))


def check(
    datasets: list[str] | None = None,
    parsers: list[str] | None = None,
    output: str | None = None,
    parameters: dict[str, dict[str, Any]] | None = None,
    threads: int = 1,
    mirror: str | None = None,
) -> tuple[list[str], list[str], Path]:
    """What the arguments ask for: data sets, parsers, output folder. Nothing is touched.

    Raises:
        UnknownNameError: a data set, group or parser that there is not.
        UsageError: nothing to do, or parameters for a parser that is not used.
        InputError: the mirror is a folder that does not exist.
    """
    if datasets is None:
        here = set(catalogue.available(mirror=mirror))
        asked = catalogue.load().resolve(["sample", "loghub-2k"])
        chosen = [d.name for d in asked if d.embedded or d.name in here]
    else:
        asked = catalogue.load().resolve(datasets)
        if not all(d.embedded for d in asked):
            catalogue.mirror_setting(mirror)
        chosen = [d.name for d in asked]
    used = list(dict.fromkeys(["drain", "drain3"] if parsers is None else parsers))
    if not chosen or not used:
        raise UsageError("nothing to do: at least one data set and one parser are needed")
    for parser in used:
        known_parsers.load(parser, **(parameters or {}).get(parser, {}))
    if unused := set(parameters or {}) - set(used):
        raise UsageError(f"parameters for {sorted(unused)[0]!r}, but parsers are {', '.join(used)}")
    if threads < 1:
        raise UsageError(f"threads should be at least 1, found {threads}")
    home = catalogue.Home().folder / "results" / "parse-all"
    return chosen, used, Path(output).expanduser().absolute() if output else home


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


def _manifest_path(target: Path) -> Path:
    return target.with_suffix(".json")


def _complete(target: Path) -> bool:
    """Whether the output is what its manifest says."""
    try:
        manifest = orjson.loads(_manifest_path(target).read_bytes())
        return bool(target.stat().st_size == manifest["output_bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _row(manifest: dict[str, Any], status: str, folder: Path) -> dict[str, Any]:
    facts = ("dataset", "parser", "lines", "templates", "groups", "seconds")
    seconds = manifest["seconds"]
    return {
        **{key: manifest[key] for key in facts},
        "status": status,
        "megabytes": manifest["bytes"] / 1e6,
        "lines_per_second": round(manifest["lines"] / seconds) if seconds > 0 else None,
        "output": str(folder / manifest["dataset"] / manifest["output"]),
        "error": "",
    }


def _failure(name: str, parser: str, error: BaseException) -> dict[str, Any]:
    said = str(error) or type(error).__name__
    kind = "" if isinstance(error, InputError | UsageError) else f"{type(error).__name__}: "
    return {"dataset": name, "parser": parser, "status": "failed", "error": kind + said}


def _covered(spans: Iterable[list[float]]) -> float:
    """Seconds in which at least one task was at work."""
    total, until = 0.0, 0.0
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def _publish(
    rows: list[dict[str, Any]], notes: list[str], folder: Path, wall: float, busy: float
) -> dict[str, Any] | State[Any]:
    """The table as files, as artifacts, in the log; and everything as the result of the flow."""
    failed = [row for row in rows if row["status"] == "failed"]
    columns = COLUMNS if failed else COLUMNS[:-1]
    table = to_markdown(rows, columns)
    files = {name: str(folder / f"parse-all.{name}") for name in ("csv", "md", "json")}
    every = list(dict.fromkeys(key for row in [*rows, dict.fromkeys(COLUMNS)] for key in row))
    result = {
        "flow": "parse-all",
        "logpipe": code_version(),
        "rows": rows,
        "failed": len(failed),
        "cached": sum(1 for row in rows if row["status"] == "cached"),
        "notes": notes,
        "output": str(folder),
        "files": files,
        "table": table,
        "wall_seconds": wall,
        "busy_seconds": busy,
    }
    write_bytes(Path(files["csv"]), to_csv(rows, every).encode())
    write_bytes(Path(files["md"]), table.encode())
    write_json(Path(files["json"]), result)
    create_table_artifact(key="parse-all", table=[{c: row.get(c) for c in columns} for row in rows])
    where = "\n".join(f"- `{path}`" for path in files.values())
    create_markdown_artifact(key="parse-all-files", markdown=f"Results are in\n\n{where}\n")
    get_run_logger().info("results in %s\n%s", folder, table)
    if failed:
        which = ", ".join(f"{row['dataset']} with {row['parser']}" for row in failed[:5])
        return Failed(message=f"{len(failed)} of {len(rows)} failed: {which}", data=result)
    return result
