"""Times of any mixture of spellings are Python's, however they are cut into batches."""

from __future__ import annotations

import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from logpipe.batch import ByteColumn
from logpipe.formats.timestamp_reading import TimeReader

UTC = datetime.UTC
offsets = st.integers(-14 * 60, 14 * 60)
moments = st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2200, 1, 1))


@st.composite
def stamps(draw: st.DrawFn) -> tuple[bytes, int]:
    """One time as text, and its nanoseconds."""
    at = draw(moments).replace(microsecond=0)
    minutes = draw(offsets)
    digits = draw(st.text("0123456789", max_size=9))
    shapes = ["{0}{1:02d}:{2:02d}", "{0}{1:02d}{2:02d}"]
    zone = draw(st.sampled_from(shapes)).format(
        "-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60
    )
    if minutes == 0 and draw(st.booleans()):
        zone = "Z"
    mark = draw(st.sampled_from(".,")) + digits if digits else ""
    text = f"{at:%Y-%m-%dT%H:%M:%S}{mark}{zone}"
    aware = at.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    seconds = (aware - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // datetime.timedelta(seconds=1)
    return text.encode(), seconds * 10**9 + int(digits.ljust(9, "0") or 0)


@given(st.lists(stamps(), min_size=1, max_size=60), st.data())
def test_any_mixture_of_zones_gives_the_instants_of_datetime(
    rows: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    """In one batch or in several, whatever the pattern says of zone and fraction."""
    pattern = data.draw(
        st.sampled_from(
            ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S,%3f%[Z]z"]
        )
    )
    cut = data.draw(st.integers(0, len(rows)))
    reader = TimeReader(pattern)
    found: list[int] = []
    for part in (rows[:cut], rows[cut:]):
        values, valid = reader.read(ByteColumn.of([text for text, _ in part]))
        assert valid.all()
        found += values.tolist()

    assert found == [instant for _, instant in rows]


texts = st.one_of(
    stamps().map(lambda row: row[0]),
    st.from_regex(rb"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)\Z"),
    st.binary(max_size=30),
)


@given(st.lists(texts, max_size=80), st.lists(st.integers(0, 80), max_size=4))
def test_what_a_row_is_does_not_depend_on_the_rows_around_it(
    rows: list[bytes], cuts: list[int]
) -> None:
    """Nonsense among them or not."""

    def read(bounds: list[int]) -> list[tuple[int, bool]]:
        reader = TimeReader("%Y-%m-%dT%H:%M:%S.%f%z")
        out: list[tuple[int, bool]] = []
        for start, stop in pairwise(bounds):
            values, valid = reader.read(ByteColumn.of(rows[start:stop]))
            out += zip(values.tolist(), valid.tolist(), strict=True)
        return out

    size = len(rows)
    inside = sorted(min(cut, size) for cut in cuts)
    assert read([0, size]) == read([0, *inside, size]) == read(list(range(size + 1)))
