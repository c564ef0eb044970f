"""Where tasks run: threads of this process, processes, or a Dask or Ray cluster.

One setting decides, so that the same flow spreads over a cluster without a change in it:

| `LOGPIPE_RUNNER` | tasks run in | `LOGPIPE_RUNNER_ADDRESS` |
|---|---|---|
| `threads` (default) | threads of the flow's process | - |
| `processes` | processes of this machine | - |
| `dask` | a Dask cluster | `tcp://host:8786` |
| `ray` | a Ray cluster | `ray://host:10001` |

Without an address, a cluster of this machine is made for the flow and ends with it.
`LOGPIPE_WORKERS` bounds how many tasks run at once where the cluster is ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flows.environment import workers
from flows.running import answers
from logpipe.errors import InputError, UsageError

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

__all__ = [
    "KINDS",
    "check_server",
    "ended_with_us",
    "reachable_server",
    "runner_setting",
    "task_runner",
]

KINDS = ("threads", "processes", "dask", "ray")

_HERE = ("", "localhost", "127.0.0.1", "::1")


def runner_setting() -> tuple[str, str]:
    """The kind of runner and its address, which may be empty.

    Raises:
        UsageError: no such kind, or an address for a kind that has none.
    """
    kind = os.environ.get("LOGPIPE_RUNNER") or "threads"
    address = os.environ.get("LOGPIPE_RUNNER_ADDRESS", "")
    if kind not in KINDS:
        raise UsageError(f"LOGPIPE_RUNNER should be one of: {', '.join(KINDS)}; found {kind!r}")
    if address and kind not in ("dask", "ray"):
        raise UsageError(
            f"LOGPIPE_RUNNER_ADDRESS is {address!r}, but LOGPIPE_RUNNER={kind} has no address; "
            f"did you mean LOGPIPE_RUNNER=dask or ray?"
        )
    if address and not urlsplit(address).scheme:
        example = "tcp://host:8786" if kind == "dask" else "ray://host:10001"
        raise UsageError(f"LOGPIPE_RUNNER_ADDRESS should be like {example}, found {address!r}")
    return kind, address


def task_runner() -> TaskRunner[Any]:
    """The runner that the settings ask for; no cluster is started or contacted yet.

    Prefect's own default is a pool of threads without bound; this one is bounded.

    Raises:
        UsageError: the settings are wrong, or the extra for them is not installed.
    """
    kind, address = runner_setting()
    runner: TaskRunner[Any]
    if kind == "dask":
        runner = _dask(address)
    elif kind == "ray":
        runner = _ray(address)
    else:
        from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

        pool = ProcessPoolTaskRunner if kind == "processes" else ThreadPoolTaskRunner
        runner = pool(max_workers=workers())
    return runner


def _dask(address: str) -> TaskRunner[Any]:
    try:
        from prefect_dask import DaskTaskRunner
    except ModuleNotFoundError as error:
        raise _missing("dask", error) from None
    if address:
        _reached(address)
        there: TaskRunner[Any] = DaskTaskRunner(address=address)
        return there
    # One thread per worker: a task that fills a core must not be taken for a lost worker.
    local = {"n_workers": workers(), "threads_per_worker": 1, "dashboard_address": None}
    own: TaskRunner[Any] = DaskTaskRunner(cluster_kwargs={**local, "silence_logs": "CRITICAL"})
    return own


def _ray(address: str) -> TaskRunner[Any]:
    try:
        from prefect_ray import RayTaskRunner
    except ModuleNotFoundError as error:
        raise _missing("ray", error) from None
    if address:
        there: TaskRunner[Any] = RayTaskRunner(address=address)
        return there
    local = {"num_cpus": workers(), "include_dashboard": False, "log_to_driver": False}
    own: TaskRunner[Any] = RayTaskRunner(init_kwargs=local)
    return own


def _missing(extra: str, error: ModuleNotFoundError) -> UsageError:
    return UsageError(
        f"LOGPIPE_RUNNER={extra} needs {error.name}, which is not installed: "
        f"pip install 'logpipe[{extra}]'"
    )


def _reached(address: str) -> None:
    """Dask would try for half a minute and tell a traceback."""
    import socket

    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 8786), timeout=10).close()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address} (LOGPIPE_RUNNER_ADDRESS): {error}"
        ) from None


def check_server() -> None:
    """Find out at once whether the Prefect server that is set answers.

    Raises:
        InputError: it does not; Prefect itself would try for minutes.
    """
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url or ""
    # Servers behind https may want a key first; Prefect tells about those itself.
    if url.startswith("http://") and not answers(url.rstrip("/"), 10.0):
        raise InputError(
            f"no Prefect server answers at {url} (PREFECT_API_URL); start it, for example by "
            f"`logpipe up`, or unset the variable: then none is needed"
        )


@contextmanager
def reachable_server() -> Iterator[None]:
    """A Prefect server that the runner's processes can reach, for as long as the flow runs.

    Processes would each start one of their own, so it is started here and its address handed on;
    and Prefect would leave one of its own running if the flow's process is killed.

    Raises:
        UsageError: the cluster is elsewhere, so that a temporary server here is no use.
    """
    kind, address = runner_setting()
    if os.environ.get("PREFECT_API_URL"):
        yield
        return
    if urlsplit(address).hostname not in (None, *_HERE):
        raise UsageError(
            f"the {kind} cluster at {address} needs a Prefect server that its workers can reach: "
            f"start `prefect server start --host 0.0.0.0` and set PREFECT_API_URL to its address"
        )
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    if get_current_settings().api.url:
        yield
        return
    server = SubprocessASGIServer()
    server.start()
    started = server.server_process
    try:
        with (
            ended_with_us(started.pid) if started is not None else nullcontext(),
            temporary_settings({PREFECT_API_URL: server.api_url}),
        ):
            # Processes that a cluster starts read the environment, too.
            os.environ["PREFECT_API_URL"] = server.api_url
            yield
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        server.stop()


_WATCH = """
import os, signal, sys
if not os.read(0, 1):
    os.kill(int(sys.argv[1]), signal.SIGTERM)
"""


@contextmanager
def ended_with_us(pid: int) -> Iterator[None]:
    """A process that is ended when this one dies in the block, even by `kill -9`.

    It would hold our standard output open, so that whoever reads that from a pipe waits for ever.
    """
    # The pipe ends with this process, however that ends; a byte says that all went well.
    watch = subprocess.Popen(
        [sys.executable, "-ISc", _WATCH, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us, and the server has to outlive its handling
    )
    try:
        yield
    finally:
        with suppress(OSError):
            watch.communicate(b".", timeout=10)
