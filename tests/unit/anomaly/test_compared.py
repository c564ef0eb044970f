"""Comparing logs: with themselves, with training of long ago, with windows the log cuts off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe.anomaly.windows import by_lines, by_time, parse_window
from logpipe.errors import UsageError
from logpipe.formats.readers import open_sources
from logpipe.pipeline.detect_edges import cut_windows
from logpipe.pipeline.detect_lines import read_lines
from logpipe.pipeline.detecting import detect
from tests.unit.anomaly.making import session_lines, stamped, steady

WINDOW = r"session:job-\d+"


def log(folder, lines: list[str], name: str = "app.log") -> str:
    path = folder / name
    path.write_text("\n".join(lines) + "\n" if lines else "")
    return str(path)


@pytest.mark.parametrize("window", ["auto", "time:2s", "time:10s/2s", "lines:25", "lines:40/10"])
def test_spans_of_a_log_compared_with_itself_have_no_finding(window: str, tmp_path) -> None:
    """Not even the strangest window, which is beyond the quantile of training, nor a drift."""
    lines = steady(150)
    lines += [line.replace("heartbeat sent", "heartbeat of version 2") for line in steady(150, 2)]
    path = log(tmp_path, lines)

    found = detect(path, train=[path], window=window, context=-1).result

    assert len(found) > 20
    assert not found.anomalous.any()
    assert found.findings == []


def test_sessions_of_a_log_compared_with_itself_have_no_finding(tmp_path) -> None:
    """A kind of session that comes in the middle of both logs is no news."""
    odd = dict.fromkeys(range(200, 400), "stored job-copy of {} in bin 4")
    path = log(tmp_path, stamped(session_lines(400, odd)))
    good = log(tmp_path, stamped(session_lines(400)), "good.log")

    same = detect(path, train=[path], window=r"session:job-7\d+", context=-1).result
    news = detect(path, train=[good], window=r"session:job-7\d+", context=-1).result

    assert same.findings == []
    assert len(news.findings) == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=4, max_size=4), min_size=2, max_size=12))
def test_equal_lines_have_equal_groups_in_training_and_after_it(tmp_path_factory, words) -> None:
    """A parser that learns line by line puts the same line into other groups later on."""
    lines = [f"panel moved {' '.join(four)}" for four in words]
    path = log(tmp_path_factory.mktemp("settled"), lines)

    facts = read_lines(
        open_sources([path, path]), parse_window("lines:9"), layout="plain", settled=True
    )

    assert facts.groups[: len(lines)].tolist() == facts.groups[len(lines) :].tolist()


def test_where_the_log_ends_nothing_is_missing(tmp_path) -> None:
    """The last window of time lacks lines only because the log ends in it; what is new counts."""
    regular = [
        f"2026-03-04 10:{n // 600:02d}:{n // 10 % 60:02d},000 INFO a.Work: step {n} done"
        for n in range(1203)
    ]

    ended = detect(log(tmp_path, regular), window="time:10s", context=-1).result
    fault = "2026-03-04 10:02:00,500 ERROR a.Work: disk full"
    failed = detect(log(tmp_path, [*regular, fault]), window="time:10s", context=-1).result

    assert not ended.anomalous.any()
    assert np.flatnonzero(failed.anomalous).tolist() == [12]
    assert "disk full" in failed.findings[0].reason


def test_which_windows_a_log_cuts_off() -> None:
    """Of time the first and as many of the last as overlap, of lines what is too short."""
    times = np.arange(0, 100, 5, dtype=np.int64) * 10**9
    spans = by_time(times, np.arange(20), 30 * 10**9, 10 * 10**9)

    assert cut_windows(spans, parse_window("time:30s/10s")).tolist() == [0, 7, 8, 9]
    assert cut_windows(by_lines(25, 10, 10), parse_window("lines:10")).tolist() == [2]
    assert cut_windows(by_lines(20, 10, 10), parse_window("lines:10")).tolist() == []
    assert cut_windows(spans, parse_window("session:x")).tolist() == []


def test_windows_are_chosen_for_the_log_that_is_judged(tmp_path) -> None:
    """Training of a month ago must not make windows of a day."""
    bad = log(tmp_path, steady(300))
    good = [line.replace("2026-03-04", "2026-02-01") for line in steady(250) if "INFO" in line]

    found = detect(bad, train=[log(tmp_path, good, "good.log")]).result

    assert found.window == "time:2s"
    assert "disk full" in found.findings[0].reason


def test_a_proposed_key_must_be_in_both_logs(tmp_path) -> None:
    """The user named no key, so that its absence is no fault of his; other templates are told."""
    good = log(tmp_path, stamped(session_lines(150)), "good.log")
    other = log(tmp_path, [line for line in steady(60) if "INFO" in line])

    found = detect(other, train=[good], context=-1).result

    assert found.window.startswith("time:")
    assert any("no template of this log" in warning for warning in found.warnings)


def test_an_empty_training_log_is_told_as_such(tmp_path) -> None:
    """It looks like no layout, so that it does not contradict the other log's."""
    empty = log(tmp_path, [], "empty.log")
    with pytest.raises(UsageError, match="the training logs: there are no lines"):
        detect(log(tmp_path, steady(60)), train=[empty])


@pytest.mark.parametrize("layout", ["<Date> <Time> <Level> <Content>", "<date> <TIME> <Content>"])
def test_a_layout_of_ones_own_has_times_too(layout: str, tmp_path) -> None:
    """How they are written is seen from the lines, as it is for layouts that have a name."""
    found = detect(log(tmp_path, steady(200)), layout=layout, context=-1).result

    assert found.window.startswith("time:")
    assert found.names[0] == "2026-03-04T10:00:00Z"


def test_a_log_that_comes_in_bursts_has_windows_of_lines(tmp_path) -> None:
    """Beside the silence between them, every burst would be news."""
    lines = []
    for hour in (1, 9, 20):
        for n in range(400):
            text = "disk full" if (hour, n // 20) == (9, 7) else "page served"
            at = f"2026-03-04 {hour:02d}:00:{n // 10:02d},{n % 10}00"
            lines.append(f"{at} INFO a.B: {text}, client {n % 7}")

    found = detect(log(tmp_path, lines), context=-1).result

    assert found.window == "lines:12"
    assert found.anomalous.sum() < 5
    assert "disk full" in found.findings[0].reason


def test_header_values_that_say_nothing_are_no_features(tmp_path) -> None:
    """A process has a new number after every start, and a line without a header has no values."""
    lines = [
        f"2026-03-04 10:{n // 60:02d}:{n % 60:02d},000 [{1000 + n // 200}] INFO page {n} served"
        for n in range(600)
    ]
    lines[300] = "what is this line"

    layout = "<Date> <Time> [<Pid>] <Level> <Content>"
    found = detect(log(tmp_path, lines), layout=layout, window="time:10s", context=-1).result

    assert not any("header Pid" in column for column in found.columns)
    assert not any(column.strip().endswith("with") for column in found.columns)
    assert "what is this line" in found.columns
