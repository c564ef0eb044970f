"""What Prefect has to be told before it is imported, and where tasks run.

Every setting is only a default: what the user set stays.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from logpipe.errors import UsageError

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

__all__ = ["prepare", "task_runner", "workers"]

DEFAULTS = {
    # A temporary server takes 6 to 12 s to start and is given 20: under load it misses that.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # A failed task is a row of the result table; Prefect would print its traceback twice.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    # The temporary server ends while it still writes down the last events, and complains at length.
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_CLI_WRAP_LINES": "false",
}


def prepare() -> None:
    """Set what is not set yet. Has no effect on a Prefect that was imported before."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)


def workers() -> int:
    """How many tasks run at once: `LOGPIPE_WORKERS`, default one per core and at most eight.

    Raises:
        UsageError: not a number from 1 to 256.
    """
    asked = os.environ.get("LOGPIPE_WORKERS")
    if asked is None:
        return max(1, min(os.cpu_count() or 1, 8))
    if not asked.isdecimal() or not 1 <= int(asked) <= 256:
        raise UsageError(f"LOGPIPE_WORKERS should be a number from 1 to 256, found {asked!r}")
    return int(asked)


def task_runner() -> TaskRunner[Any]:
    """The place where tasks run. Prefect's own default is a pool of threads without bound.

    Raises:
        UsageError: `LOGPIPE_RUNNER` names none that there is.
    """
    from prefect.task_runners import ThreadPoolTaskRunner

    asked = os.environ.get("LOGPIPE_RUNNER", "threads")
    if asked != "threads":
        raise UsageError(f"LOGPIPE_RUNNER should be one of: threads; found {asked!r}")
    return ThreadPoolTaskRunner(max_workers=workers())
