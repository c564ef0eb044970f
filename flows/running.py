"""Where the server of `logpipe up` is, for other processes of the same user.

`logpipe up` leaves a note in LOGPIPE_HOME. A note alone proves nothing: the server it names is
asked.
"""

from __future__ import annotations

import contextlib
import os
import urllib.request
from pathlib import Path

import orjson

from flows.tables import write_json
from logpipe.datasets.home import Home

__all__ = ["answers", "forget", "remember", "running_server"]


def note_file() -> Path:
    """Where the note lies."""
    return Home().folder / "up.json"


def remember(url: str) -> None:
    """Leave a note of a server's API address.

    Raises:
        OutputError: it cannot be written.
    """
    write_json(note_file(), {"url": url, "pid": os.getpid()})


def forget() -> None:
    """Take the note back, if it is ours."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        if orjson.loads(note_file().read_bytes())["pid"] == os.getpid():
            note_file().unlink()


def running_server() -> str:
    """The API address of a server that `logpipe up` started and that answers; else empty."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        url = orjson.loads(note_file().read_bytes())["url"]
        if isinstance(url, str) and url.startswith("http://") and answers(url):
            return url
    return ""


def answers(url: str, seconds: float = 3.0) -> bool:
    """Whether a Prefect server answers at an API address."""
    # Not through a proxy: the address is one of this machine or network.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=seconds) as answer:
            return bool(answer.status == 200 and answer.read(64).strip() == b"true")
    except (OSError, ValueError):
        return False
