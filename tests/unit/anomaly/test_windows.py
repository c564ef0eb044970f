"""Windows: which lines are looked at together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe.anomaly.windows import by_key, by_lines, by_time, parse_window
from logpipe.errors import UsageError


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 300), st.integers(1, 50), st.integers(1, 50))
def test_windows_of_lines_hold_every_line(count: int, size: int, step: int) -> None:
    """Sliding or not, no line falls between two windows, and none is longer than asked for."""
    step = min(step, size)

    windows = by_lines(count, size, step)

    assert set(windows.lines.tolist()) == set(range(count))
    assert (np.diff(windows.starts) <= size).all()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(-(10**4), 10**4), max_size=60), st.integers(1, 1000), st.integers(1, 1000)
)
def test_a_line_is_in_the_windows_that_its_time_says(
    times: list[int], size: int, step: int
) -> None:
    """Clocks may jump: a line is where its time is, and in every sliding window that reaches it."""
    step = min(size, step)
    given_times = np.array(times, np.int64)

    windows = by_time(given_times, np.arange(len(times)), size, step)

    seen = dict.fromkeys(range(len(times)), 0)
    for window in range(len(windows)):
        members = windows.members(window)
        if len(members):
            span = given_times[members]
            assert span.max() - span.min() < size
        for line in members.tolist():
            seen[line] += 1
    assert all(count >= 1 for count in seen.values())


def test_sessions_come_in_order_of_their_first_line() -> None:
    """So that before and after mean something."""
    windows = by_key(np.array([0, 1, 1, 3]), np.array([0, 1, 0, 1]), ["b", "a"])

    assert [windows.members(i).tolist() for i in range(2)] == [[0, 1], [1, 3]]
    assert windows.first().tolist() == [0, 1]
    assert windows.last().tolist() == [1, 3]


def test_spans_without_a_line_are_windows_too_but_not_without_end() -> None:
    """Silence is news; a clock that jumps by a century must not make a billion windows of it."""
    near = by_time(np.array([0, 5]), np.arange(2), 1, 1)
    far = by_time(np.array([0, 10**18]), np.arange(2), 1, 1)

    assert (len(near), len(far)) == (6, 2)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("minutes", "expected session:REGEX"),
        ("session:", "expected session:REGEX"),
        ("session:(", "not a regular expression"),
        ("session:(a)(b)", "one group"),
        ("lines:0", "number of lines"),
        ("lines:ten", "number of lines"),
        ("time:60", "60s, 5m"),
        ("time:5s/10s", "lines get lost"),
        ("lines:99999999999999999999", "number of lines"),
    ],
)
def test_a_window_that_is_none_is_explained(text: str, word: str) -> None:
    """The message says what was expected."""
    with pytest.raises(UsageError, match="--window") as caught:
        parse_window(text)

    assert word in str(caught.value)


@pytest.mark.parametrize(
    "text", [r"session:blk_-?\d+", "field:Pid", "lines:10", "lines:10/5", "time:1m", "time:90s/1s"]
)
def test_a_window_is_written_as_it_is_read(text: str) -> None:
    """What is printed can be used again."""
    assert str(parse_window(text)) == text


def test_too_many_overlapping_windows_are_refused() -> None:
    """Memory stays bounded."""
    with pytest.raises(UsageError, match="larger step"):
        by_lines(10**7, 10**6, 1)
