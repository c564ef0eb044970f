"""What Prefect has to be told before it is imported, and how many tasks run at once.

Every setting is only a default: what the user set stays.
"""

from __future__ import annotations

import os

from logpipe.errors import UsageError

__all__ = ["prepare", "workers"]

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
