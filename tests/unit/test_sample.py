"""The embedded sample: complete, unchanged, and every line labelled by a template that fits it."""

import csv
import hashlib
import io
import itertools
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
import zstandard

SAMPLE = Path(__file__).parents[2] / "logpipe" / "data" / "sample"
ABOUT = yaml.safe_load((SAMPLE / "sample.yaml").read_text(encoding="utf-8"))
NAMES = [name.removesuffix(".log") for name in ABOUT["files"]]
# Variable categories of Li et al., ICSE 2023.
CATEGORIES = {"OID", "LOI", "OBN", "TID", "SID", "TDA", "CRS", "OBA", "STC", "OTP"}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def unpack(name: str) -> bytes:
    return zstandard.ZstdDecompressor().decompress((SAMPLE / name).read_bytes())


def about(name: str) -> dict:
    return ABOUT["files"][f"{name}.log"]


def lines_of(name: str) -> list[bytes]:
    """The lines without their terminators; split on LF only, there are other control bytes."""
    return unpack(f"{name}.log.zst").removesuffix(b"\n").split(b"\n")


def truth_of(name: str) -> list[tuple[int, str]]:
    rows = csv.DictReader(io.StringIO(unpack(f"truth/{name}.csv.zst").decode("ascii")))
    return [(int(row["LineId"]), row["EventId"]) for row in rows]


def read_table(path: Path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def templates_of(name: str) -> dict[str, str]:
    return {
        row["EventId"]: row["EventTemplate"]
        for row in read_table(SAMPLE / "templates" / f"{name}.csv")
    }


def pattern_of(template: str) -> re.Pattern:
    return re.compile("(.*?)".join(map(re.escape, template.split("<*>"))), re.DOTALL)


def split_line(name: str, line: bytes) -> tuple[re.Match | None, str]:
    """Header match (None when the line has no header) and message, as Latin-1 text."""
    text = line.decode("latin-1")
    header = re.match(about(name)["header_regex"], text)
    return header, text[header.end() :] if header else text


def second_of(text: str, year: int) -> datetime:
    """The time in a header, to the second, in whichever of the five notations it is."""
    clock = re.search(r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?: \+0000)?$", text)
    date = text[: clock.start()]
    month = next((n for n, name in enumerate(MONTHS, 1) if name in date), None)
    numbers = [int(number) for number in re.findall(r"\d+", date)]
    if month is None:
        year, month, day = numbers
    else:
        day, year = numbers[0], numbers[1] if len(numbers) > 1 else year
    return datetime(year, month, day, *map(int, clock.groups()))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z"))


def test_the_sample_is_small():
    """All files of the sample together stay below one megabyte."""
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 1_000_000


def test_the_description_names_the_five_servers_files():
    """There is one log per server output, under the licence of the project."""
    assert sorted(NAMES) == ["nginx-access", "nginx-error", "postgresql", "redis", "sshd"]
    assert ABOUT["licence"] == "Apache-2.0"


@pytest.mark.parametrize("name", NAMES)
def test_a_log_is_the_recorded_bytes(name):
    """Size, checksum and line count are as described, and the last line is terminated."""
    raw = unpack(f"{name}.log.zst")

    assert about(name)["bytes"] == len(raw)
    assert about(name)["sha256"] == hashlib.sha256(raw).hexdigest()
    assert about(name)["lines"] == raw.count(b"\n")
    assert raw.endswith(b"\n")


@pytest.mark.parametrize("name", NAMES)
def test_every_line_has_exactly_one_truth(name):
    """The truth lists each line number once, in order, with an id from the template table."""
    truth = truth_of(name)

    assert list(range(1, about(name)["lines"] + 1)) == [number for number, _ in truth]
    assert {event for _, event in truth} == set(templates_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_template_tables_count_right(name):
    """Occurrences agree with the truth; no text occurs twice; their number is as described."""
    rows = read_table(SAMPLE / "templates" / f"{name}.csv")

    assert Counter(event for _, event in truth_of(name)) == {
        row["EventId"]: int(row["Occurrences"]) for row in rows
    }
    assert about(name)["templates"] == len(rows) == len({row["EventTemplate"] for row in rows})


@pytest.mark.parametrize("name", NAMES)
def test_every_template_fits_each_of_its_lines(name):
    """A template's constant text is found, whole and in order, in every message it labels."""
    patterns = {event: pattern_of(text) for event, text in templates_of(name).items()}
    misfits = [
        (number, event)
        for line, (number, event) in zip(lines_of(name), truth_of(name), strict=True)
        if not patterns[event].fullmatch(split_line(name, line)[1])
    ]

    assert misfits == []


@pytest.mark.parametrize("name", NAMES)
def test_templates_hold_no_variable_parts(name):
    """Constant text holds no address, no long number; two slots never touch."""
    suspicious = re.compile(r"<\*><\*>|\d+\.\d+\.\d+\.\d+|(?<!SHA)\d{3,}")

    assert [text for text in templates_of(name).values() if suspicious.search(text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_slot_has_a_category(name):
    """The variables table names kind and category of each slot of each template, in order."""
    slots = Counter()
    for row in read_table(SAMPLE / "variables" / f"{name}.csv"):
        slots[row["EventId"]] += 1
        assert slots[row["EventId"]] == int(row["Slot"])
        assert row["Category"] in CATEGORIES

    assert {
        event: text.count("<*>") for event, text in templates_of(name).items() if "<*>" in text
    } == slots


def test_the_fault_lies_inside_the_recording():
    """Normal use, the fault, normal use again: each for at least half a minute."""
    begin, end = instant(ABOUT["recorded"]["start"]), instant(ABOUT["recorded"]["end"])
    fault = ABOUT["fault"]
    moments = [begin, instant(fault["start"]), instant(fault["end"]), end]

    assert all(
        later - earlier >= timedelta(seconds=30) for earlier, later in itertools.pairwise(moments)
    )
    assert fault["what"]


@pytest.mark.parametrize("name", NAMES)
def test_the_fault_lines_are_those_of_the_fault_time(name):
    """The marked lines are the first to the last with a time in the window; more lie around."""
    start, end = instant(ABOUT["fault"]["start"]), instant(ABOUT["fault"]["end"])
    headers = [split_line(name, line)[0] for line in lines_of(name)]
    times = [second_of(header["time"], start.year) if header else None for header in headers]
    inside = [number for number, time in enumerate(times, 1) if time and start <= time < end]
    window = about(name)["fault_lines"]

    assert inside[0] == window["first"] > 1
    assert inside[-1] <= window["last"] < len(times)
    # Behind the last one only lines that continue it.
    assert not any(times[inside[-1] : window["last"]])
