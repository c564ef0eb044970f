"""Time stamps as integers."""

import time
from collections.abc import Sequence

import numpy as np
import pytest

from logpipe.batch import ByteColumn
from logpipe.errors import LayoutError, UsageError
from logpipe.formats.timestamps import (
    Timestamps,
    detect_timestamp,
    parse_timestamps,
    render_timestamps,
)


def parse(pattern: str, rows: Sequence[bytes], **options: int) -> Timestamps:
    return parse_timestamps(pattern, ByteColumn.of(rows), **options)


def iso(found: Timestamps) -> list[str | None]:
    """The instants to the nanosecond without trailing zeros, None where a row stays text."""
    texts = [str(v).rstrip("0").rstrip(".") for v in found.values.astype("datetime64[ns]")]
    return [t if ok else None for t, ok in zip(texts, found.valid, strict=True)]


class TestParse:
    @pytest.mark.parametrize(
        ("pattern", "row", "expected"),
        [
            ("%Y-%m-%d %H:%M:%S,%3f", b"2015-10-18 18:01:47,978", "2015-10-18T18:01:47.978"),
            ("%y%m%d %H%M%S", b"081109 203615", "2008-11-09T20:36:15"),
            ("%y/%m/%d", b"70/01/02", "1970-01-02T00:00:00"),
            ("%b %e %H:%M:%S", b"Jul  9 12:16:51", "1972-07-09T12:16:51"),
            ("%d/%b/%Y:%H:%M:%S %z", b"10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36"),
            ("%Y-%m-%dT%H:%M:%S%z", b"2024-01-02T03:04:05Z", "2024-01-02T03:04:05"),
            ("%Y-%m-%d %H:%M:%S%z", b"2024-01-02 03:04:05+02", "2024-01-02T01:04:05"),
            ("%I:%M %p", b"12:30 AM", "1970-01-01T00:30:00"),
            ("%s.%f", b"1117838570.25", "2005-06-03T22:42:50.25"),
            ("%s%3f", b"1514039575123", "2017-12-23T14:32:55.123"),
            ("%Y-%m-%d-%H.%M.%S.%f", b"2005-06-03-15.42.50.675872", "2005-06-03T15:42:50.675872"),
            ("%B %-d, %Y", b"September 3, 2020", "2020-09-03T00:00:00"),
        ],
    )
    def test_known_instants(self, pattern: str, row: bytes, expected: str) -> None:
        """Each directive means what the table says."""
        assert [expected] == iso(parse(pattern, [row]))

    @pytest.mark.parametrize(
        "row",
        [
            b"2023-02-30 00:00:00",
            b"2023-02-29 00:00:00",
            b"2023-00-10 00:00:00",
            b"2023-13-01 00:00:00",
            b"2023-01-01 24:00:00",
            b"2016-12-31 23:59:60",
            b"2023-01-01 12:60:00",
            b"2300-01-01 00:00:00",
            b"0000-00-00 00:00:00",
            b"2023-01-01T00:00:00",
            b"2023-01-01 00:00:0",
            b"2023-01-01 00:00:00 ",
            b"2023-01-01 00:00: 1",
            b"-023-01-01 00:00:00",
            b"\xff" * 19,
            b"",
        ],
    )
    def test_what_is_no_instant_stays_text(self, row: bytes) -> None:
        """Rows that would not be written back alike are not valid, their neighbours are."""
        good = b"2024-02-29 03:09:09"
        found = parse("%Y-%m-%d %H:%M:%S", [good, row, good])

        assert found.valid.tolist() == [True, False, True]
        assert found.values[1] == 0

    def test_a_wrong_weekday_stays_text(self) -> None:
        """The 4th of December 2005 was a Sunday."""
        rows = [b"Sun Dec 04 04:47:44 2005", b"Mon Dec 04 04:47:44 2005"]
        assert parse("%a %b %d %H:%M:%S %Y", rows).valid.tolist() == [True, False]

    def test_names_of_months_are_exact(self) -> None:
        """Another case or another language is text."""
        assert parse("%d %b", [b"01 Mar", b"01 mar", b"01 MAR", b"01 Mrz"]).valid.tolist() == [
            True,
            False,
            False,
            False,
        ]

    def test_an_empty_column(self) -> None:
        """Nothing in, nothing out."""
        found = parse("%Y", [])
        assert (len(found.values), len(found.valid)) == (0, 0)

    def test_unit(self) -> None:
        """The unit is the finest that the pattern can tell."""
        units = [parse(f"%S{f}", [b"00"]).unit for f in ("", ".%1f", ".%3f", ".%4f", ".%-f")]
        assert units == ["s", "ms", "ms", "us", "ns"]

    def test_many_rows_and_widths(self) -> None:
        """Rows keep their order across blocks and widths."""
        values = np.arange(200_000) * 7_919 % 86_400 * 10**9
        found = parse_timestamps("%-H:%-M:%-S", render_timestamps("%-H:%-M:%-S", values))
        assert found.valid.all()
        assert (values == found.values).all()

    def test_a_million_rows_take_a_second_at_most(self) -> None:
        """Both ways together, in CPU time; some 0.3 s are usual."""
        values = 1_445_144_423_000_000_000 + np.arange(1_000_000) * 37_000_000
        start = time.process_time()
        written = render_timestamps("%Y-%m-%d %H:%M:%S,%3f", values)
        found = parse_timestamps("%Y-%m-%d %H:%M:%S,%3f", written)
        spent = time.process_time() - start
        assert (values == found.values).all()
        assert spent < 2.0


class TestOpenPatterns:
    @pytest.mark.parametrize(
        ("pattern", "rows", "exact"),
        [
            ("%S.%f", [b"01.123", b"02.010", b"03.12"], "%S.%3f"),
            ("%S.%f", [b"01.123456789", b"02.1234567", b"03.01"], "%S.%-f"),
            ("%S:%f", [b"01:6", b"02:606", b"03:60"], "%S:%-3f"),
            ("%H%z", [b"01+0200", b"02+0200", b"02+0100"], "%H%[+0200]z"),
            ("%H %Z", [b"01 PDT"], "%H %[PDT]Z"),
            ("%b %d", [b"Jun  9", b"Jun 10"], "%b %e"),
            ("%b %d", [b"Jun 9", b"Jun 10"], "%b %-d"),
            ("%b %d", [b"Jun 09", b"Jun 10"], "%b %d"),
            ("%H:%M:%S", [b"22:15:29", b"2:5:9"], "%-H:%-M:%-S"),
            ("%f", [b"x"], "%6f"),
        ],
    )
    def test_are_made_exact(self, pattern: str, rows: list[bytes], exact: str) -> None:
        """The pattern that comes back is the one that most rows are written in."""
        found = parse(pattern, rows)

        assert exact == found.pattern
        written = list(render_timestamps(found.pattern, found.values))
        assert all(w == r for w, r, ok in zip(written, rows, found.valid, strict=True) if ok)

    def test_rows_of_another_zone_stay_text(self) -> None:
        """One column has one offset; what deviates is not forced."""
        rows = [b"2020-01-01 00:00:00 +0100"] * 3 + [b"2020-07-01 00:00:00 +0200"]
        assert parse("%Y-%m-%d %H:%M:%S %z", rows).valid.tolist() == [True] * 3 + [False]

    @pytest.mark.parametrize("pattern", ["%S.%f", "%H%z", "%H %Z"])
    def test_cannot_be_written(self, pattern: str) -> None:
        """They do not say what to write."""
        with pytest.raises(LayoutError, match="do not say what to write"):
            render_timestamps(pattern, np.zeros(1, np.int64))


class TestYears:
    SYSLOG = "%b %e %H:%M:%S"

    def test_december_to_january(self) -> None:
        """The year goes on, and back for a line that comes late."""
        rows = [b"Dec 31 23:59:59", b"Jan  1 00:00:00", b"Dec 31 23:59:58", b"Jan  1 00:00:01"]
        found = parse(self.SYSLOG, rows, default_year=2005)
        assert [int(t[:4]) for t in iso(found) if t] == [2005, 2006, 2005, 2006]

    def test_two_years(self) -> None:
        """Each turn counts."""
        rows = [b"%s  1 00:00:00" % m for m in (b"Jan", b"May", b"Oct", b"Feb", b"Aug", b"Jan")]
        found = parse(self.SYSLOG, rows, default_year=2005)
        assert [int(t[:4]) for t in iso(found) if t] == [2005, 2005, 2005, 2006, 2006, 2007]

    def test_february_29(self) -> None:
        """It exists in leap years only; without any year, it does."""
        rows = [b"Feb 29 00:00:00"]
        assert iso(parse(self.SYSLOG, rows, default_year=2005)) == [None]
        assert iso(parse(self.SYSLOG, rows, default_year=2004)) == ["2004-02-29T00:00:00"]
        assert iso(parse(self.SYSLOG, rows)) == ["1972-02-29T00:00:00"]

    def test_rows_that_stay_text_do_not_turn_the_year(self) -> None:
        """Nonsense between two lines of summer is not winter."""
        rows = [b"Aug  1 00:00:00", b"Jan 32 00:00:00", b"Aug  1 00:00:01"]
        found = parse(self.SYSLOG, rows, default_year=2005)
        assert iso(found) == ["2005-08-01T00:00:00", None, "2005-08-01T00:00:01"]

    def test_a_weekday_must_fit_the_year(self) -> None:
        """The 4th of December was a Sunday in 2005 and a Monday in 2006."""
        rows = [b"Sun Dec 04"]
        assert iso(parse("%a %b %d", rows, default_year=2005)) == ["2005-12-04T00:00:00"]
        assert iso(parse("%a %b %d", rows, default_year=2006)) == [None]


class TestPatterns:
    @pytest.mark.parametrize("pattern", ["%Q", "%", "%-Y", "%0f", "%[+0800]d", "%3d", "%-"])
    def test_unknown_directives(self, pattern: str) -> None:
        """Named, with the known ones."""
        with pytest.raises(LayoutError, match="unknown directive"):
            parse(pattern, [])

    def test_two_zones(self) -> None:
        """A time has one offset."""
        with pytest.raises(LayoutError, match="more than one zone"):
            parse("%z %Z", [])

    def test_offset_that_is_none(self) -> None:
        """The text of an exact offset is checked."""
        with pytest.raises(LayoutError, match="expected an offset"):
            parse("%[CET]z", [])

    def test_too_much_freedom(self) -> None:
        """A pattern that could be read in thousands of ways is refused."""
        with pytest.raises(LayoutError, match="unknown width"):
            parse("%B%s%-f%-f%-f%s", [])

    def test_times_before_1970_have_no_number(self) -> None:
        """`%s` writes no sign."""
        with pytest.raises(UsageError, match="before 1970"):
            render_timestamps("%s", np.array([-1]))


class TestDetect:
    @pytest.mark.parametrize(
        ("rows", "pattern"),
        [
            ([b"2015-10-18 18:01:47,978"], "%Y-%m-%d %H:%M:%S,%3f"),
            ([b"Jul  9 12:16:51", b"Jul 19 12:16:51"], "%b %e %H:%M:%S"),
            ([b"Jul 9 12:16:51", b"Jul 19 12:16:51"], "%b %-d %H:%M:%S"),
            ([b"Jul 09 12:16:51"], "%b %d %H:%M:%S"),
            ([b"[Sun Dec 04 04:47:44 2005]"], "[%a %b %d %H:%M:%S %Y]"),
            ([b"10/Oct/2000:13:55:36 -0700"], "%d/%b/%Y:%H:%M:%S %[-0700]z"),
            ([b"17/06/30 20:10:40", b"17/06/09 20:10:40"], "%y/%m/%d %H:%M:%S"),
            ([b"25/12/2020 20:10", b"01/02/2020 20:10"], "%d/%m/%Y %H:%M"),
            ([b"12/25/2020 20:10", b"01/02/2020 20:10"], "%m/%d/%Y %H:%M"),
            ([b"1117838570"], "%s"),
            ([b"1514039575123"], "%s%3f"),
            ([b"04:47:44"], "%H:%M:%S"),
            ([b"2024-01-02T03:04:05.123456Z"], "%Y-%m-%dT%H:%M:%S.%6f%[Z]z"),
            ([b"081109 203615"], "%y%m%d %H%M%S"),
        ],
    )
    def test_usual_stamps(self, rows: list[bytes], pattern: str) -> None:
        """What logs are full of is found."""
        assert pattern == detect_timestamp(rows)

    @pytest.mark.parametrize(
        "rows", [[], [b""], [b"sshd"], [b"12"], [b"10.0.0.1"], [b"04:47:44", b"x", b"y"]]
    )
    def test_other_columns(self, rows: list[bytes]) -> None:
        """What is no time has no pattern."""
        assert detect_timestamp(rows) is None
