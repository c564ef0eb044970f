"""Which windows a log is cut into: those asked for, or those that suit it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.model import SavedDetector
from logpipe.anomaly.windows import Windows, WindowSpec, by_key, by_lines, by_time, parse_window
from logpipe.errors import UsageError
from logpipe.formats.auto import resolve
from logpipe.formats.readers import Source, head
from logpipe.pipeline.detect_facts import LineFacts
from logpipe.pipeline.detect_proposing import propose_window
from logpipe.pipeline.parsing import pick_layout

__all__ = ["check_windows", "chosen_window", "make_windows", "wanted_window"]

Ints = npt.NDArray[np.int64]

_NICE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 86400)
"""Seconds that a window of time may be chosen to have."""

_WINDOWS = 60
"""A chosen window is the longest that leaves so many of them."""

_BUSY = 0.5
"""Share of the windows of time that must have a line."""


def wanted_window(
    window: str | WindowSpec,
    saved: SavedDetector | None,
    sources: Sequence[Source],
    layout: str,
    threads: int | None,
) -> tuple[WindowSpec, str]:
    """The windows asked for and why; of kind `auto` if that can only be said after the parse."""
    spec = parse_window(window) if isinstance(window, str) else window
    if saved is not None:
        if spec.kind == "auto":
            return parse_window(saved.window), "as the saved detector was trained"
        if str(spec) != saved.window:
            raise UsageError(
                f"--window {spec}: the saved detector was trained on {saved.window}; counts of "
                f"other windows cannot be compared with its"
            )
    if spec.kind != "auto":
        return spec, ""
    for source in sources:
        compiled = pick_layout(layout, [source])[0] if layout == "auto" else None
        found = propose_window(source, compiled or resolve(layout, head(source)).layout, threads)
        if found is not None:
            return parse_window(found.window), (
                f"{found.share:.0%} of the first lines have this key, with {found.values:,} values"
            )
        break
    return spec, ""


def chosen_window(facts: LineFacts, border: int = 0) -> tuple[WindowSpec, str]:
    """Windows of time, or of lines, for a log without a session key.

    Only lines from position `border` are looked at: what is judged has to have enough windows, and
    training may have been long before.
    """
    total = int(facts.starts[-1]) - border
    if facts.times is not None and total:
        found = _time_window(facts.times, facts.starts[facts.starts >= border])
        if found is not None:
            return found, "no key of sessions that are much alike was found"
        lacking = "lines that come steadily enough for windows of time"
    else:
        lacking = "time stamps"
    size = max(10, min(1000, total // 100))
    return WindowSpec(
        "lines", "", size, size
    ), f"neither a key of sessions that are much alike nor {lacking} were found"


def _time_window(times: Ints, starts: Ints) -> WindowSpec | None:
    """The longest span that leaves `_WINDOWS` windows; None if most of those would be empty.

    Where a log comes in bursts, whatever is in one would be news beside the silence.
    """
    parts = [times[a:b] for a, b in pairwise(starts.tolist()) if a < b]
    for seconds in reversed(_NICE):
        size = seconds * 10**9
        slots = [part // size for part in parts]
        used = len(np.unique(np.concatenate([np.unique(slot) for slot in slots])))
        whole = max(int(s.max()) for s in slots) - min(int(s.min()) for s in slots) + 1
        whole = min(whole, sum(int(slot.max() - slot.min()) + 1 for slot in slots))
        if whole > _WINDOWS or (seconds == 1 and whole > 10):
            return WindowSpec("time", "", size, size) if used >= _BUSY * whole else None
    return None


def make_windows(facts: LineFacts, spec: WindowSpec, begin: int, end: int) -> Windows:
    """The windows of the lines from position `begin` to `end` (exclusive).

    Raises:
        UsageError: windows of time, and lines without any.
    """
    made = _made(facts, spec, begin, end)
    if not facts.skipped:
        return made
    kept = ~facts.continued[made.lines]
    starts = np.concatenate([[0], np.cumsum(kept)])[made.starts]
    return Windows(made.names, starts, made.lines[kept], made.order)


def _made(facts: LineFacts, spec: WindowSpec, begin: int, end: int) -> Windows:
    if spec.kind in ("session", "field"):
        chosen = (facts.key_lines >= begin) & (facts.key_lines < end)
        used, codes = np.unique(facts.key_codes[chosen], return_inverse=True)
        lines = facts.key_lines[chosen]
        first = np.full(len(used), end, np.int64)
        np.minimum.at(first, codes, lines)
        order = np.argsort(first, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return by_key(lines, place[codes], [facts.key_names[int(used[i])] for i in order])
    if spec.kind == "time":
        if facts.times is None:
            if facts.parsed.info.time_note:
                raise UsageError(f"--window {spec}: {facts.parsed.info.time_note}")
            raise UsageError(
                f"--window {spec}: no line has a time stamp that layout "
                f"{facts.parsed.layout} knows; name a layout with one by --format, or use "
                f"lines:N or session:REGEX"
            )
        return by_time(
            facts.times[begin:end], np.arange(begin, end, dtype=np.int64), spec.size, spec.step
        )
    parts = []
    for start, stop in zip(facts.starts[:-1].tolist(), facts.starts[1:].tolist(), strict=True):
        if begin <= start and stop <= end and stop > start:
            parts.append(by_lines(stop - start, spec.size, spec.step, first=start))
    return _together(parts)


def _together(parts: Sequence[Windows]) -> Windows:
    if not parts:
        return Windows([], np.zeros(1, np.int64), np.zeros(0, np.int64))
    lengths = np.concatenate([np.diff(part.starts) for part in parts])
    return Windows(
        [name for part in parts for name in part.names],
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate([part.lines for part in parts]),
    )


def check_windows(
    windows: Windows, spec: WindowSpec, facts: LineFacts, lines: int, where: str = ""
) -> None:
    """Raises `UsageError` if there is no window."""
    if len(windows):
        return
    if spec.kind in ("session", "field"):
        raise UsageError(
            f"{where}no session found: none of {lines:,} lines matches --window {spec}; look at "
            f"the variables with `logpipe templates`, or leave --window away to get a proposal"
        )
    raise UsageError(f"{where}there are no lines, so there is nothing to compare")
