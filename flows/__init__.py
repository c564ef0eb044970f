"""Prefect flows over `logpipe.pipeline`: which there are, and how to run one without any set-up.

Importing this package does not import Prefect (two seconds of CPU); `load` and `run` do.
"""

from __future__ import annotations

import difflib
import importlib
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from flows.arguments import convert
from flows.environment import prepare
from logpipe.errors import LogpipeError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from prefect import Flow, State

__all__ = ["convert", "load", "names", "run", "summary"]

FLOWS = {
    "download": (
        "flows.download",
        "download",
        "fetch data sets, verified, several at a time",
    ),
    "compress-all": (
        "flows.compress_all",
        "compress_all",
        "put data sets into archives, each read back and compared",
    ),
    "evaluate-all": (
        "flows.evaluate_all",
        "evaluate_all",
        "score parsers on data sets whose templates are known",
    ),
    "detect-all": (
        "flows.detect_all",
        "detect_all",
        "find what is abnormal in data sets, with pages that say why",
    ),
    "everything": (
        "flows.everything",
        "everything",
        "all of the others, one after the other, over the same data sets",
    ),
    "parse-all": (
        "flows.parse_all",
        "parse_all",
        "parse data sets with any set of parsers into Parquet, one table of lines and lines/s",
    ),
}
"""Name to (module, function, what it does)."""


def names() -> list[str]:
    """Every flow, sorted."""
    return sorted(FLOWS)


def summary(name: str) -> str:
    """What a flow does, in one line, without importing it.

    Raises:
        UnknownNameError: there is no such flow.
    """
    return _entry(name)[2]


def load(name: str) -> Flow[..., Any]:
    """The Prefect flow of this name.

    Raises:
        UnknownNameError: there is no such flow.
        UsageError: Prefect is not installed.
    """
    module, function, _ = _entry(name)
    prepare()
    try:
        found: Flow[..., Any] = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "prefect":
            raise
        raise UsageError(
            "flows need Prefect, which is not installed: pip install 'logpipe[flows]'"
        ) from None
    return found


def run(name: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Run a flow in this process; a temporary Prefect server is started and stopped with it.

    Args:
        name: of the flow.
        parameters: by name; strings are converted by the flow's signature (see `convert`).

    Returns:
        What the flow returns: plain data with `rows`, `failed` (how many of them) and `files`; and
        `prefect_seconds`, the wall time in which Prefect, not the work, kept us waiting.

    Raises:
        UnknownNameError: there is no such flow or parameter, data set or parser.
        UsageError: a parameter of the wrong kind, or Prefect is not installed.
        LogpipeError: the flow as a whole could not run. What failed inside it is in `rows`.
    """
    flow = load(name)
    arguments = convert(flow.fn, parameters or {}, f"flow {name!r}")
    # Mistakes are told at once instead of after the ten seconds in which a server starts.
    from flows import storage
    from flows.runners import check_server, reachable_server

    checked = importlib.import_module(FLOWS[name][0]).check(**arguments)
    storage.prepare(checked[-1])
    check_server()
    server = os.environ.get("PREFECT_API_URL", "")
    started = time.perf_counter()
    try:
        start = cast("Callable[..., State[Any]]", flow)
        with reachable_server():
            state = start(**arguments, return_state=True)
            result = state.result(raise_on_failure=False)
    except LogpipeError:
        raise
    except Exception as error:
        where = f"the server at {server} (PREFECT_API_URL)" if server else "a temporary server"
        raise UsageError(f"Prefect could not run {name!r} with {where}: {error!r}") from error
    if isinstance(result, LogpipeError):
        raise result
    if not isinstance(result, dict):
        raise UsageError(f"flow {name!r} ended {state.name}: {result or state.message}")
    total = time.perf_counter() - started
    return {**result, "prefect_seconds": max(total - result["busy_seconds"], 0.0)}


def _entry(name: str) -> tuple[str, str, str]:
    if name not in FLOWS:
        near = difflib.get_close_matches(name.replace("_", "-"), FLOWS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownNameError(f"unknown flow {name!r}.{hint} Known: {', '.join(names())}.")
    return FLOWS[name]
