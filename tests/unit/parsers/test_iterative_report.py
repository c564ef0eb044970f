"""What `iterative` tells of what it learned: examples, values, categories, reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from logpipe.parsers import load
from logpipe.parsers.base import Parser
from logpipe.parsers.iterative import report
from logpipe.parsers.iterative.apart import apart
from logpipe.parsers.iterative.categories import categorise
from logpipe.parsers.iterative.compound import part_of
from logpipe.parsers.iterative.mask import masked
from logpipe.parsers.iterative.parser import Iterative

LINES = [
    *(b"user u%d logged in from 10.0.0.%d" % (i % 9, i % 20) for i in range(50)),
    *(b"user u%d logged out from 10.0.0.%d" % (i % 9, i % 20) for i in range(30)),
    *(b"request took %d ms" % (i * 3) for i in range(40)),
]


def fitted() -> Iterative:
    parser = load("iterative")
    assert isinstance(parser, Iterative)
    return parser.fit(LINES)


def test_a_report_has_lines_values_and_categories() -> None:
    """Counts are those of the lines given; numbers are compared as numbers."""
    by_text = {r.template: r for r in fitted().report(LINES)}
    took = by_text["request took <*> ms"]

    assert took.lines == 40
    assert took.examples[0] == ("", 81, "request took 0 ms")
    assert [number for _, number, _ in took.examples] == [81, 82, 83]
    (slot,) = took.slots
    assert (slot.category, slot.lexical_class) == ("TDA", "integer")
    assert slot.values is not None
    assert (slot.values.distinct, slot.values.more) == (40, False)
    assert (slot.values.least, slot.values.greatest) == ("0", "117")


def test_the_most_frequent_values_have_their_share() -> None:
    """Shares are of the lines of the template."""
    took = next(r for r in fitted().report(LINES) if "logged in" in r.template)
    values = took.slots[0].values

    assert values is not None
    assert values.top[0] == ("u0", 6, 6 / 50)
    assert values.distinct == 9


def test_opposites_are_given_as_the_reason() -> None:
    """In and out were not put together because they say what happened."""
    by_text = {r.template: r for r in fitted().report(LINES)}
    logged_in, logged_out = (by_text[f"user <*> logged {word} from <*>"] for word in ("in", "out"))
    (reason,) = logged_in.apart

    assert (reason.group, reason.reason) == (logged_out.group, "protected-word")
    assert "'in' here, 'out' there" in reason.why


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("door was started", "door was stopped", "protected-word"),
        ("door is red today", "door is blue today", "few-words"),
        ("door is 17 today", "door is blue today", "type"),
        ("went to 10.0.0.1 now", "went to /a/b/c now", "type"),
        ("oak is tall", "elm is tall", "first-word"),
        ("one two three four five", "one two three four five six", "length"),
        ("one two three four five", "one two six four seven", "tokens"),
    ],
)
def test_every_reason_is_found(one: str, other: str, reason: str) -> None:
    """Both groups name each other, for the same kind of reason."""
    found = apart({1: masked(one), 2: masked(other)}, {})

    assert [(a.group, a.reason) for a in found[1]] == [(2, reason)]
    assert [(a.group, a.reason) for a in found[2]] == [(1, reason)]


def test_groups_that_are_like_no_other_have_no_neighbours() -> None:
    """Nothing is made up."""
    assert apart({1: "a b c", 2: "quite other words here"}, {}) == {}


def test_without_lines_a_report_says_what_a_model_knows(tmp_path: Path) -> None:
    """A saved model has no lines: no counts and no values, but slots, categories and reasons."""
    parser = fitted()
    parser.save(tmp_path / "m.json")
    loaded = Parser.load(tmp_path / "m.json")
    assert isinstance(loaded, Iterative)
    found = loaded.report()

    assert found == parser.report()
    assert {r.lines for r in found} == {None}
    assert all(slot.values is None for r in found for slot in r.slots)
    assert any(r.apart for r in found)


def test_values_are_counted_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot of a million ids takes no more memory than one of thousands, and says so."""
    monkeypatch.setattr(report, "MOST_DISTINCT", 10)
    took = next(r for r in fitted().report(LINES) if r.template.startswith("request"))
    values = took.slots[0].values

    assert values is not None
    assert (values.distinct, values.more) == (10, True)
    assert values.lines == 40
    assert values.greatest == "117"


@pytest.mark.parametrize(
    ("before", "after", "values", "expected"),
    [
        ("at ", "-<*>-<*> done", ["2031", "2032"], "TDA"),
        ("at <*>-<*>-", " done", ["05"], "TDA"),
        ("at <*>/<*>/<*> <*>:", " done", ["17"], "TDA"),
        ("at <*>:<*>:", "", ["17", "59.5"], "TDA"),
        ("on Mon Jul ", " <*>:<*>:<*>", ["4", "14"], "TDA"),
        ("on ", " <*>", ["Mon", "Tue"], "TDA"),
        ("clock <*>:<*>:<*> UTC ", "", ["2031"], "TDA"),
        ("last=", "", ["1913958400215"], "TDA"),
        ("as of ", "", ["20310615"], "TDA"),
        ("to peer <*>:", " now", ["8080"], "LOI"),
        ("<*>.<*>.", ".<*>", ["0", "255"], "LOI"),
        ("in main.c:", "", ["17"], "LOI"),
        ("id <*>-<*>-", "-<*>-<*> gone", ["4a8f"], "OID"),
        ("parity check......", "", ["0", "1"], "SID"),
        ("ratio <*>:", " of it", ["7a"], None),
        ("version <*>.", "", ["7"], None),
        ("a ", " b", [], None),
    ],
)
def test_parts_of_a_value_are_judged_together(
    before: str, after: str, values: list[str], expected: str | None
) -> None:
    """A slot that is a part of a date, a clock or an address means what the whole means."""
    assert part_of(before, after, values) == expected


def test_a_number_with_its_unit_is_no_version() -> None:
    """`12.5ms` was read as a version, and so as a name; a hexadecimal number is no time."""
    assert categorise("paused ", "", ["12.5ms", "3m1.2s", "7\xc2\xb5s"]) == "TDA"
    assert categorise("used ", "", ["12.5MB", "1.2GB"]) == "CRS"
    assert categorise("fault at ", "", ["0x7f00ab10"]) == "OID"


def test_paths_and_addresses_are_places_whatever_stands_before() -> None:
    """The word before a slot does not make a name of a path."""
    assert categorise("module ", "", ["/usr/lib/x.so"]) == "LOI"
    assert categorise("network ", " is up", ["10.1.2.0"]) == "LOI"
