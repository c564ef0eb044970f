"""Logs and counts to try detection on; invented, small, and the same in every run."""

from __future__ import annotations

import numpy as np

STEPS = ("opened {}", "read 3 blocks of {}", "stored {} in bin 4", "closed {}")


def session_lines(sessions: int, odd: dict[int, str] | None = None, seed: int = 0) -> list[str]:
    """Sessions `job-<n>` of four lines that overlap; what `odd` says replaces the third line."""
    random = np.random.default_rng(seed)
    timed = []
    for number in range(sessions):
        name = f"job-{7000 + number}"
        for step, text in enumerate(STEPS):
            if odd and number in odd and step == 2:
                text = odd[number]
            if text:
                timed.append((number + step * random.uniform(0.5, 3), text.format(name)))
        for _ in range(int(random.integers(0, 3))):
            timed.append((number + random.uniform(0, 3), f"asked about {name} by somebody"))
    return [text for _, text in sorted(timed)]


def stamped(lines: list[str], per_second: int = 5) -> list[str]:
    """The lines with a time in front that the program knows."""
    found = []
    for i, line in enumerate(lines):
        second = i // per_second
        clock = f"{10 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        found.append(f"2026-03-04 {clock},{i % 1000:03d} INFO app.Worker: {line}")
    return found


def steady(seconds: int, seed: int = 1) -> list[str]:
    """A log of requests without sessions, about 20 lines a second, with a fault in the middle."""
    random = np.random.default_rng(seed)
    lines = []
    for second in range(seconds):
        at = f"2026-03-04 10:{second // 60:02d}:{second % 60:02d}"
        fault = 0.5 * seconds <= second < 0.55 * seconds
        for i in range(int(random.poisson(20))):
            kind = random.integers(0, 4)
            text = (
                f"served page in {random.integers(1, 90)} ms",
                f"cache holds {random.integers(1000, 2000)} entries",
                "heartbeat sent",
                f"user {random.integers(1, 9)} clicked",
            )[kind]
            lines.append(f"{at},{i:03d} INFO web.Server: {text}")
        if fault:
            lines.append(f"{at},900 ERROR web.Store: write of page {second} failed: disk full")
            lines.append(f"{at},901 WARN web.Store: 3 writers wait for page {second}")
    return lines


def counts(rows: int = 200, seed: int = 0) -> np.ndarray:
    """Rows of a few kinds with one column that varies freely; the last three rows are odd."""
    random = np.random.default_rng(seed)
    found = np.tile([3.0, 1.0, 3.0, 0.0, 0.0, 0.0], (rows, 1))
    found[::4, 3] = 3
    found[:, 4] = random.integers(0, 6, rows)
    found[-3:, 2] = 1
    found[-3:, 5] = 1
    return found
