"""Time stamps: written and read back, or left alone."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe.batch import ByteColumn
from logpipe.formats.timestamps import detect_timestamp, parse_timestamps, render_timestamps

# Exact patterns that say everything about an instant down to their unit, and that unit.
COMPLETE = [
    ("%Y-%m-%d %H:%M:%S", 10**9),
    ("%Y-%m-%dT%H:%M:%S.%6f%[+02:00]z", 10**3),
    ("%Y-%m-%dT%H:%M:%S.%-f%[Z]z", 1),
    ("%Y%m%d-%-H:%-M:%-S:%-3f", 10**6),
    ("%a %b %d %H:%M:%S %Y", 10**9),
    ("%a, %e %b %Y %H:%M:%S %[GMT]Z", 10**9),
    ("%-d/%-m/%Y %I:%M:%S %p", 10**9),
    ("[%d/%b/%Y:%H:%M:%S %[-0730]z]", 10**9),
    ("%B %-d, %Y %-H:%M:%S,%3f", 10**6),
    ("%Y.%m.%d %%%H.%M.%S\xff", 10**9),
]
nanoseconds = st.integers(-9_223_200_000 * 10**9, 9_223_200_000 * 10**9)
recent = st.integers(946_684_800 * 10**9, 1_900_000_000 * 10**9)


@pytest.mark.parametrize(("pattern", "unit"), COMPLETE)
@given(values=st.lists(st.one_of(nanoseconds, recent), min_size=1, max_size=40))
def test_every_instant_comes_back(pattern: str, unit: int, values: list[int]) -> None:
    """What is written from an integer is read as that integer, to the unit of the pattern."""
    written = render_timestamps(pattern, np.array(values))

    found = parse_timestamps(pattern, written)

    assert found.valid.all()
    assert [v // unit * unit for v in values] == found.values.tolist()
    assert list(written) == list(render_timestamps(found.pattern, found.values))


@settings(deadline=None)
@given(values=st.lists(st.integers(0, 9_223_200_000 * 10**9), min_size=1, max_size=40))
def test_seconds_since_1970_come_back(values: list[int]) -> None:
    """The same for plain numbers, which only go forward from 1970."""
    for pattern, unit in (("%s", 10**9), ("%s%3f", 10**6), ("%s.%9f", 1)):
        written = render_timestamps(pattern, np.array(values))

        found = parse_timestamps(pattern, written)

        assert [v // unit * unit for v in values] == found.values.tolist()
        assert [v // unit for v in values] == [int(w.replace(b".", b"")) for w in written]


LIKE_STAMPS = st.one_of(
    st.binary(max_size=30),
    st.from_regex(rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", fullmatch=True),
    st.from_regex(
        rb"2[0-9]{3}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]", fullmatch=True
    ),
    st.from_regex(rb"(Jan|Feb|Dec) [ 0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9]", fullmatch=True),
    st.from_regex(
        rb"2017[01][0-9][0-3][0-9]-[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,3}", fullmatch=True
    ),
    st.from_regex(rb"-?[0-9]{1,20}", fullmatch=True),
)
PATTERNS = [
    "%Y-%m-%d %H:%M:%S",
    "%b %d %H:%M:%S",
    "%b %e %H:%M:%S",
    "%Y%m%d-%H:%M:%S:%f",
    "%s",
    "%s%3f",
    "%a %b %d %H:%M:%S",
]


@settings(deadline=None)
@given(
    rows=st.lists(LIKE_STAMPS, max_size=40),
    pattern=st.sampled_from(PATTERNS),
    year=st.integers(1600, 2300),
)
def test_valid_means_written_back_exactly(rows: list[bytes], pattern: str, year: int) -> None:
    """A row is valid only if the integer gives the same bytes; any other row is 0."""
    column = ByteColumn.of(rows)

    found = parse_timestamps(pattern, column, default_year=year)

    again = render_timestamps(found.pattern, found.values)
    for row, value, valid, text in zip(rows, found.values, found.valid, again, strict=True):
        assert row == text if valid else value == 0


@settings(deadline=None)
@given(
    moment=st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2200, 1, 1)),
    pattern=st.sampled_from(
        [
            "%Y-%m-%d %H:%M:%S.%f",
            "%d/%b/%Y:%H:%M:%S.%f",
            "%a %b %d %H:%M:%S.%f %Y",
            "%Y%m%d%H%M%S%f",
        ]
    ),
)
def test_agrees_with_the_standard_library(moment: dt.datetime, pattern: str) -> None:
    """The integer is the one that `datetime` counts."""
    found = parse_timestamps(pattern, ByteColumn.of([moment.strftime(pattern).encode()]))

    microseconds = (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    assert found.valid.all()
    assert [microseconds * 1000] == found.values.tolist()


@settings(deadline=None)
@given(
    start=st.integers(946_684_800, 1_500_000_000),
    steps=st.lists(st.integers(-5, 150 * 86_400), min_size=2, max_size=30),
    cut=st.integers(1, 29),
)
def test_years_go_on_across_columns(start: int, steps: list[int], cut: int) -> None:
    """Stamps without a year get the right one, read in one column or in two."""
    seconds = start + np.cumsum(steps)
    first_year = (
        int(seconds[:1].astype("datetime64[s]").astype("datetime64[Y]")[0].astype(int)) + 1970
    )
    written = render_timestamps("%b %e %H:%M:%S", seconds * 10**9)

    whole = parse_timestamps("%b %e %H:%M:%S", written, default_year=first_year)

    assert (seconds * 10**9).tolist() == whole.values.tolist()
    cut = min(cut, len(steps) - 1)
    first = parse_timestamps("%b %e %H:%M:%S", written.slice(0, cut), default_year=first_year)
    second = parse_timestamps(
        "%b %e %H:%M:%S", written.slice(cut, len(steps)), after=int(first.values[-1])
    )
    assert whole.values.tolist() == [*first.values.tolist(), *second.values.tolist()]


@settings(deadline=None)
@given(rows=st.lists(LIKE_STAMPS, max_size=10))
def test_detection_never_fails(rows: list[bytes]) -> None:
    """Whatever the values, the answer is None or a pattern that fits nine of ten."""
    pattern = detect_timestamp(rows)

    if pattern is not None:
        fits = parse_timestamps(pattern, ByteColumn.of(rows)).valid.sum()
        assert fits >= 0.9 * len(rows)


@settings(deadline=None)
@given(
    values=st.lists(recent, min_size=12, max_size=30, unique=True),
    choice=st.sampled_from([p for p in COMPLETE if "%B" not in p[0] and "\xff" not in p[0]]),
)
def test_what_was_written_is_detected(values: list[int], choice: tuple[str, int]) -> None:
    """A pattern found for a column writes that column."""
    written = render_timestamps(choice[0], np.array(values))

    pattern = detect_timestamp(list(written))

    assert pattern is not None
    found = parse_timestamps(pattern, written)
    assert found.valid.sum() >= 0.9 * len(values)
