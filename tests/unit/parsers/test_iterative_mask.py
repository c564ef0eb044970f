"""The mask lexer of the parser `iterative`."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logpipe.parsers.iterative.mask import MARKS, WINDOW, mark, masked, spans
from logpipe.parsers.iterative.mask_rules import RULES, Mask

EXAMPLES = [
    pytest.param(message, expected, id=f"{rule.name}-{number}")
    for rule in RULES
    for number, (message, expected) in enumerate(rule.examples.items())
]


@pytest.mark.parametrize(("message", "expected"), EXAMPLES)
def test_a_rule_finds_what_its_examples_say(message: str, expected: list[str]) -> None:
    """The table is the specification, so its examples hold with all other rules on."""
    assert [message[a:b] for a, b, _ in spans(message)] == list(expected)


def test_every_rule_has_an_example_that_needs_it() -> None:
    """A rule that can be left away without a trace is no rule."""
    idle = [
        rule.name
        for rule in RULES
        if all(spans(message) == spans(message, [rule.name]) for message in rule.examples)
    ]
    assert idle == []


def test_names_of_rules_are_unique() -> None:
    """Rules are switched off by name."""
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))


TEXT = st.text(st.sampled_from("ab1 7.:/-_=,()<>@[\"'\\xZ\xff\n%+#|GET"), max_size=60)


@given(TEXT)
def test_spans_are_ordered_and_apart(message: str) -> None:
    """What is cut out by them can be put back: no overlap, nothing empty, all inside."""
    at = 0
    for start, end, mask in spans(message):
        assert at <= start < end <= len(message)
        assert mask != Mask.FIELD
        at = end


@given(TEXT)
def test_masking_leaves_the_rest_as_it_is(message: str) -> None:
    """Between the marks stands the message."""
    found = spans(message)
    literals = [
        message[a:b]
        for a, b in zip(
            [0, *(s[1] for s in found)], [*(s[0] for s in found), len(message)], strict=True
        )
    ]
    text = "".join(
        x + (mark(found[i][2]) if i < len(found) else "") for i, x in enumerate(literals)
    )
    assert masked(message) == text


@given(st.binary(max_size=300))
def test_any_bytes_can_be_masked(data: bytes) -> None:
    """A message need not be text, and no byte looks like a mark."""
    message = data.decode("latin-1")
    assert not set(message) & set(MARKS)
    spans(message)


def test_behind_the_window_is_one_variable() -> None:
    """A message of a megabyte costs what its first bytes cost."""
    message = "word " * 2000 + "7 end"
    *_, last = spans(message)
    assert last == (WINDOW, len(message), Mask.REST)
    message = "x " * (WINDOW // 2 - 1) + "123456789"
    assert spans(message) == [(WINDOW - 2, len(message), Mask.REST)]


@pytest.mark.parametrize(
    "piece",
    ["a-", "a.", "1.", "::", "a", "1", "/a", "1:", "0-", "a_", "a1 ", "a@", "<a", "(1 B", "\xff",
     ".a-", "GET /a", "://", "=/", "(/..", "1.1-", "a-a:", "a1,"],
)  # fmt: skip
def test_no_message_takes_long(piece: str) -> None:
    """Rules have bounded repetitions: a hostile message cannot make the lexer go back and forth."""
    message = piece * (WINDOW // len(piece))
    started = time.process_time()
    spans(message)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("state Started at 5", ["5"]),
        ("disk sda1 on eth0", []),
        ("see main.c:44 and Foo::bar", ["44"]),
        ("class org.example.net.Foo", []),
        ("or / and /", []),
        ("the 1st of 3rd", []),
        ("IPv4 and SHA1", []),
        ("caf\xe9 42", ["42"]),
        ("from 256.1.1.1", ["256.1.1.1"]),
        ("in a.b.", []),
        ("ports (3 GB, 5 ms) 4 GB", ["3 GB", "5 ms", "4"]),
        ("nodes an1 an2 an3 down", ["an1 an2 an3"]),
        ("nodes an1 an2 down", []),
    ],
)
def test_what_is_a_word_and_what_is_a_variable(message: str, expected: list[str]) -> None:
    """Names with one or two digits, file names before a line number, and scopes are text."""
    assert [message[a:b] for a, b, _ in spans(message)] == expected
