"""A process with limits: time on the wall, memory, and an ear for all it prints.

The process leads a group of its own, and whatever it started ends with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

__all__ = ["End", "Limits", "Stopped", "supervise"]

_KEPT = 1 << 15
"""Bytes kept of what a parser prints, of the begin and of the end each."""

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)


@dataclass(frozen=True)
class Limits:
    """What a run may use.

    Attributes:
        seconds: on the wall, start of the process included.
        memory_mb: of data a process holds, in 10^6 bytes; 0: no limit.
        cpu_seconds: of each process of the run; 0: no limit. The fair one on a busy machine.
    """

    seconds: float = 600.0
    memory_mb: float = 8000.0
    cpu_seconds: float = 0.0


class Stopped(Exception):
    """The evaluation was interrupted; nothing is known about the run."""


@dataclass(frozen=True)
class End:
    """How a process ended.

    Attributes:
        stopped: what it was stopped for; empty if it ended by itself.
        reason: of the end, as a sentence.
        printed: bytes it printed.
        text: begin and end of that.
    """

    stopped: Literal["", "timeout", "memory"]
    reason: str
    printed: int
    text: bytes


def supervise(command: Sequence[str], limits: Limits, stop: threading.Event | None = None) -> End:
    """Runs a command to its end or to its limits.

    Raises:
        Stopped: `stop` was set meanwhile; the process has been ended.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **_ONE_THREAD, "PYTHONHASHSEED": "0"},
        start_new_session=True,
    )
    assert process.stdout is not None
    listener = _Listener(process.stdout)
    try:
        stopped, reason = _wait(process, limits, stop)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        listener.close()
    return End(stopped, reason, listener.count, listener.text())


def _wait(
    process: subprocess.Popen[bytes], limits: Limits, stop: threading.Event | None
) -> tuple[Literal["", "timeout", "memory"], str]:
    """Waits for the end, or until it is time to stop it."""
    end = time.monotonic() + limits.seconds
    pause, look = 0.01, 0.0
    while True:
        try:
            process.wait(pause)
            return "", _ending(process.returncode)
        except subprocess.TimeoutExpired:
            pause = min(0.1, pause * 1.5)
        if stop is not None and stop.is_set():
            raise Stopped
        now = time.monotonic()
        if now > end:
            return "timeout", f"stopped after {limits.seconds:g} s"
        if limits.memory_mb and now >= look:
            look = now + 0.25
            held = _held_mb(process.pid)
            # The process limits itself; this is for its children, and for what escapes the limit.
            if held > limits.memory_mb:
                return "memory", f"stopped at {held:,.0f} MB, the limit is {limits.memory_mb:,.0f}"


def _held_mb(pid: int) -> float:
    """Memory of a process and its children; 0 where the system does not say."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = Path("/proc", str(waiting.pop()))
        try:
            for line in (one / "status").read_text().splitlines():
                # Mapped files are not the parser's.
                if line.startswith("RssAnon:"):
                    total += int(line.split()[1]) * 1024 / 1e6
            for task in (one / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            continue
    return total


def _ending(code: int) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"the process was ended by {name}"
    return f"the process ended with code {code} and without an answer"


class _Listener:
    """Reads what a process prints, so that it never waits; keeps begin and end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.count = 0
        self._stream = stream
        self._first = bytearray()
        self._last = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while data := os.read(self._stream.fileno(), 1 << 16):
            self.count += len(data)
            room = _KEPT - len(self._first)
            self._first += data[:room]
            self._last += data[max(room, 0) :]
            del self._last[:-_KEPT]

    def close(self) -> None:
        """Waits for the end of the stream, not for long: a child that got away may hold it."""
        self._thread.join(5)
        if not self._thread.is_alive():
            self._stream.close()

    def text(self) -> bytes:
        """What was kept."""
        left_out = self.count - len(self._first) - len(self._last)
        mark = f"\n[... {left_out:,} bytes left out ...]\n".encode() if left_out else b""
        return bytes(self._first) + mark + bytes(self._last)
