"""Template text in the styles of Loghub's truths: every rule, and what has no form."""

from __future__ import annotations

import pytest

from logpipe.errors import LogpipeError
from logpipe.export.styles import STYLE_RULES, group_texts, restyler, rewritten
from logpipe.parsers.iterative.mask import masked
from logpipe.parsers.iterative.parser import Iterative
from logpipe.template import SlotKind, TemplateTable

# For each rule: style, message, text with it, text without it.
RULES: dict[str, tuple[str, str, str, str]] = {
    "times-in-parts": ("loghub-2k", "up at 04:05:06", "up at <*>:<*>:<*>", "up at <*>"),
    "drop-remarks": ("loghub-2k", "sent it (2 KB)", "sent it", "sent it (<*>)"),
    "urls": ("loghub-2.0", "get http://a.example/b now", "get <*> now", "get http:/<*> now"),
    "date-and-clock": ("loghub-2.0", "on 2031-01-02 04:05:06 up", "on <*> up", "on <*> <*> up"),
    "values-after-equals": ("loghub-2.0", "mode=ready now", "mode=<*> now", "mode=ready now"),
    "class-names": ("loghub-2.0", "load org.acme.web.Main now", "load <*> now",
        "load org.acme.web.Main now"),
    "interfaces": ("loghub-2.0", "link eth0 lost", "link <*> lost", "link eth0 lost"),
    "switches": ("loghub-2.0", "radio: on", "radio: <*>", "radio: on"),
    "whole-fields": ("loghub-2.0", "open db-77.main now", "open <*> now", "open db-<*>.main now"),
    "joined": ("loghub-2.0", "got 1|2 end", "got <*> end", "got <*>|<*> end"),
    "accounts": ("loghub-2.0", "left for user amy today", "left for user <*> today",
        "left for user amy today"),
    "dense-tokens": ("loghub-2.0", "at [11;2;3;4]. on", "at <*>. on",
        "at [<*>;<*>;<*>;<*>]. on"),
    "rows": ("loghub-2.0", "fans 1 2 3 4 5 on", "fans <*> on", "fans <*> <*> <*> <*> <*> on"),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_a_rule_rewrites_and_can_be_switched_off(name: str) -> None:
    """Each rule does what it says; without it the text is another one."""
    style, message, expected, without = RULES[name]

    assert name in STYLE_RULES
    assert rewritten(masked(message), style) == expected
    assert rewritten(masked(message), style, [name]) == without


def test_every_rule_of_print_is_shown() -> None:
    """No rule without an example that needs it."""
    assert set(RULES) == set(STYLE_RULES)


def test_the_exact_style_rewrites_nothing() -> None:
    """Slots are printed as they are."""
    assert rewritten(masked("took 15 ms (2 KB)"), "exact") == "took <*> ms (<*>)"
    table = TemplateTable()
    assert restyler("exact", table, {}) is None


def test_an_unknown_style_is_refused() -> None:
    """By name, with those that there are."""
    with pytest.raises(LogpipeError, match="loghub-2k"):
        restyler("loghub-3", TemplateTable(), {})


def test_groups_without_a_form_are_rewritten_as_text() -> None:
    """A parser that knows no classes, or a file of one: the rules for text alone."""
    table = TemplateTable()
    table.append(1, (b"up at ", b""), (SlotKind.FIELD,))
    table.append(2, (b"ready  at ", b""), (SlotKind.FIELD,))
    restyle = restyler("loghub-2k", table, {1: masked("up at 04:05:06")})

    assert restyle is not None
    assert restyle("up at <*>") == "up at <*>:<*>:<*>"
    assert restyle("ready  at <*>") == "ready at <*>"


def test_bytes_that_are_no_text_are_escaped() -> None:
    """A template is text for people whatever bytes it has."""
    assert rewritten(masked("caf\xe9 7"), "loghub-2k") == "caf\\xe9 <*>"


def test_every_group_of_a_parser_has_a_text() -> None:
    """`group_texts` is what the benchmarks compare; parsers without forms have none."""
    parser = Iterative().fit([b"up at 04:05:06", b"radio: on"])

    assert group_texts(parser, "loghub-2k") == {1: "radio: on", 2: "up at <*>:<*>:<*>"}
    assert group_texts(parser, "exact") is None
    assert group_texts(object(), "loghub-2k") is None
