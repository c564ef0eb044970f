"""The `timestamp` column of whole logs: right, or missing with a note; never wrong without one."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logpipe.cli import run as run_program
from logpipe.export.parquet import restore

UTC = datetime.UTC


def run(*arguments: str, code: int = 0) -> str:
    """What a command says on standard error."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert run_program(list(arguments)) == code, said.getvalue()
    return said.getvalue()


def parsed(tmp_path: Path, log: str | bytes, *options: str) -> tuple[list[Any], str]:
    """The times as ISO text (None: null; "absent": no column), and what was said."""
    path = tmp_path / "x.log"
    path.write_bytes(log.encode() if isinstance(log, str) else log)
    out = tmp_path / "x.parquet"
    said = run("parse", str(path), "-o", str(out), "--force", *options)
    table = pq.read_table(out)
    if "timestamp" not in table.schema.names:
        return ["absent"], said
    times = table["timestamp"].cast(pa.int64()).to_pylist()
    return [None if t is None else iso(t) for t in times], said


def iso(nanoseconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{nanoseconds % 10**9:09d}".rstrip("0").rstrip(
        "."
    )


def night(lines: int = 2000, turn: int = 781) -> str:
    """An access log of the night in which clocks go forward, a line a minute."""
    start = datetime.datetime(2024, 3, 30, 12, tzinfo=UTC)
    out = []
    for i in range(lines):
        zone = datetime.timezone(datetime.timedelta(hours=1 if i < turn else 2))
        at = (start + datetime.timedelta(minutes=i)).astimezone(zone)
        out.append(
            f"10.0.0.1 - - [{at:%d/%b/%Y:%H:%M:%S %z}] "
            f'"GET /a/{i % 7} HTTP/1.1" 200 {i % 50} "-" "curl"\n'
        )
    return "".join(out)


def test_times_go_on_when_the_zone_changes_in_the_night(tmp_path: Path) -> None:
    """392 of 2,000 were null because one offset was taken for the whole batch."""
    times, said = parsed(tmp_path, night())
    start = datetime.datetime(2024, 3, 30, 12, tzinfo=UTC)
    expected = [
        (start + datetime.timedelta(minutes=i)).strftime("%Y-%m-%dT%H:%M:%S") for i in range(2000)
    ]

    assert times == expected
    assert "no time" not in said


def test_detect_finds_nothing_in_a_regular_log_of_that_night(tmp_path: Path) -> None:
    """Times that were carried on made windows of too many and too few lines."""
    log = tmp_path / "dst.log"
    log.write_text(night())
    run("detect", str(log), "--window", "time:10m", "-o", str(tmp_path / "o.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]

    assert not [row for row in rows if row["anomalous"]]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (
            ["2024-07-01T10:00:00+01:00"] * 19 + ["2024-07-01T09:00:00Z"],
            ["2024-07-01T09:00:00"] * 20,
        ),
        (
            ["2024-07-01T10:00:00.5+0200", "2024-07-01T08:00:00+00:00"] * 10,
            ["2024-07-01T08:00:00.5", "2024-07-01T08:00:00"] * 10,
        ),
    ],
)
def test_zones_and_fractions_may_differ_from_line_to_line(
    tmp_path: Path, stamps: list[str], expected: list[str]
) -> None:
    """In journald-iso and logfmt alike."""
    plain = "".join(f"{s} host app[1]: started {i}\n" for i, s in enumerate(stamps))
    logfmt = "".join(f'time={s} level=info msg="started {i}"\n' for i, s in enumerate(stamps))

    assert parsed(tmp_path, plain)[0] == expected
    assert parsed(tmp_path, logfmt)[0] == expected


def test_rfc_5424_with_z_beside_offsets_and_other_fractions(tmp_path: Path) -> None:
    """As the RFC's own examples have it."""
    stamps = ["2003-10-11T22:14:15.003Z", "2003-08-24T05:14:15.000003-07:00"] * 10
    log = "".join(f"<34>1 {s} host su 1 ID47 - failed {i}\n" for i, s in enumerate(stamps))

    assert (
        parsed(tmp_path, log)[0]
        == [
            "2003-10-11T22:14:15.003",
            "2003-08-24T12:14:15.000003",
        ]
        * 10
    )


def test_lines_with_a_header_and_no_time_are_counted(tmp_path: Path) -> None:
    """A time that is none is null, and said."""
    log = "".join(f"2024-02-{27 + i % 4} 10:00:00,000 INFO a {i}\n" for i in range(40))
    times, said = parsed(tmp_path, log, "--format", "datetime-level")

    assert times.count(None) == 10
    assert "10 of 40 lines with a header have no time" in said


def us(days: range) -> str:
    return "".join(f"[03/{d:02d}/2024 00:00:00] job {d} done\n" for d in days)


FORMAT = ("--format", r"\[<Date> <Time>\] <Content>")


def test_dates_that_can_be_read_in_two_ways_make_no_time(tmp_path: Path) -> None:
    """March was read as January to December, without a word."""
    times, said = parsed(tmp_path, us(range(1, 12)), *FORMAT)

    assert times == ["absent"]
    assert "--dates day-first" in said
    assert "--dates month-first" in said
    assert parsed(tmp_path, us(range(1, 12)), *FORMAT, "--dates", "month-first")[0][10] == (
        "2024-03-11T00:00:00"
    )
    assert parsed(tmp_path, us(range(1, 12)), *FORMAT, "--dates", "day-first")[0][10] == (
        "2024-11-03T00:00:00"
    )


def test_detect_says_why_there_are_no_windows_of_time(tmp_path: Path) -> None:
    """And takes them once the order is given."""
    log = tmp_path / "x.log"
    log.write_text(us(range(1, 12)) * 4)

    assert "--dates month-first" in run(
        "detect", str(log), *FORMAT, "--window", "time:1d", "-q", code=2
    )
    out = ("-o", str(tmp_path / "o.jsonl"), "--dates", "month-first")
    run("detect", str(log), *FORMAT, "--window", "time:1d", *out)
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 11


def test_one_date_past_the_12th_settles_the_order(tmp_path: Path) -> None:
    """Wherever it is among the first lines."""
    times, said = parsed(tmp_path, us(range(1, 29)), *FORMAT)

    assert times[0] == "2024-03-01T00:00:00"
    assert times[-1] == "2024-03-28T00:00:00"
    assert "--dates" not in said


def test_a_wrong_order_is_noticed(tmp_path: Path) -> None:
    """When most lines that fail would fit the other way."""
    log = us(range(1, 2)) * 1100 + us(range(1, 29))
    _, said = parsed(tmp_path, log, *FORMAT, "--dates", "day-first")

    assert "--dates month-first" in said


def test_dates_with_dots_are_day_first(tmp_path: Path) -> None:
    """Nobody writes month.day.year."""
    log = "".join(f"01.0{1 + i % 9}.2024 10:00:00 job {i} done\n" for i in range(20))

    assert parsed(tmp_path, log, "--format", "<Date> <Time> <Content>")[0][1] == (
        "2024-02-01T10:00:00"
    )


def test_klog_has_its_month_and_day(tmp_path: Path) -> None:
    """All times were on the first of January 1970."""
    log = "".join(
        f"{'IWEI'[i % 4]}0310 01:59:{i:02d}.123456       1 server.go:12] a {i}\n" for i in range(20)
    )
    times, said = parsed(tmp_path, log)

    assert times == ["absent"]
    assert "--year" in said
    assert parsed(tmp_path, log, "--year", "2024")[0] == [
        f"2024-03-10T01:59:{i:02d}.123456" for i in range(20)
    ]


def test_a_clock_without_a_date_is_no_time(tmp_path: Path) -> None:
    """It was on the first of January 1970."""
    log = "".join(f"10:00:{i:02d} INFO job {i} done\n" for i in range(20))
    times, said = parsed(tmp_path, log, "--format", "<Time> <Level> <Content>")

    assert times == ["absent"]
    assert "no date" in said


def test_a_named_zone_is_no_utc(tmp_path: Path) -> None:
    """PostgreSQL with the zone of its machine: the time was two hours off."""
    log = "".join(
        f"2024-07-10 01:00:{i:02d}.123 {zone} [123] LOG:  checkpoint {i}\n"
        for i, zone in enumerate(["CEST", "CEST", "UTC", "-03"] * 5)
    )
    times, said = parsed(tmp_path, log)

    assert times[:4] == [None, None, "2024-07-10T01:00:02.123", "2024-07-10T04:00:03.123"]
    assert "CEST; give it by --zone CEST=+HHMM" in said
    times, said = parsed(tmp_path, log, "--zone", "CEST=+0200")
    assert times[0] == "2024-07-09T23:00:00.123"
    assert "--zone" not in said
    assert "--zone CEST" in run("parse", "x", "--zone", "CEST", code=2)


def test_a_quiet_half_year_stays_in_its_year(tmp_path: Path) -> None:
    """Lines after more than six months went to the year before the one given."""
    log = "".join(
        f"{day} 10:00:00 host app[1]: started {i}\n"
        for i, day in enumerate(["Jan  5", "Aug  6", "Aug  7", "Dec 31", "Jan  1", "Dec 31"])
    )
    times, _ = parsed(tmp_path, log, "--year", "2024")

    assert [time[:10] for time in times] == [
        "2024-01-05",
        "2024-08-06",
        "2024-08-07",
        "2024-12-31",
        "2025-01-01",
        "2024-12-31",
    ]


def test_the_half_of_the_day_is_not_left_out(tmp_path: Path) -> None:
    """1:59 PM was read as 1:59."""
    log = "".join(f"2024-03-10 01:59:{i:02d} PM INFO job {i} done\n" for i in range(20))
    times, said = parsed(tmp_path, log)

    assert times == ["absent"]
    assert "<Half>" in said
    times, _ = parsed(tmp_path, log, "--format", "<Date> <Time> <Half> <Content>")
    assert times[3] == "2024-03-10T13:59:03"


def test_a_byte_order_mark_does_not_cost_the_first_header(tmp_path: Path) -> None:
    """And comes back byte by byte."""
    log = b"\xef\xbb\xbf" + b"".join(
        b"2024-03-10 01:59:%02d,000 INFO job %d done\n" % (i, i) for i in range(20)
    )
    times, said = parsed(tmp_path, log)

    assert times[0] == "2024-03-10T01:59:00"
    assert None not in times
    assert "do not have the header" not in said
    assert b"".join(restore(str(tmp_path / "x.parquet"))) == log


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_noticed_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    """Zeros at every other byte are easy to see."""
    log = "".join(f"2024-03-10 01:59:{i:02d} INFO job {i} done\n" for i in range(20))

    assert "looks like UTF-16" in parsed(tmp_path, log.encode(encoding))[1]


def test_the_file_says_which_column_has_the_times(tmp_path: Path) -> None:
    """It is `timestamp_` where a field is called `timestamp`."""
    log = tmp_path / "x.log"
    log.write_text(
        "".join(f'{{"timestamp":"2024-03-10T01:59:{i:02d}Z","msg":"a"}}\n' for i in range(20))
    )
    run("parse", str(log), "-o", str(tmp_path / "x.parquet"))
    metadata = pq.read_metadata(tmp_path / "x.parquet").metadata

    assert json.loads(metadata[b"logpipe"])["timestamp"]["column"] == "timestamp_"
