"""The native mask lexer beside the one in Python: the same table, the same answer."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe.batch import ByteColumn
from logpipe.errors import NativeError
from logpipe.native import MaskLexer
from logpipe.parsers.iterative.lexing import lexer
from logpipe.parsers.iterative.mask import WINDOW, masked, spans
from logpipe.parsers.iterative.mask_rules import RULES
from tests.strategies import messages

MIRROR = os.environ.get("LOGPIPE_MIRROR")
NAMES = [*(rule.name for rule in RULES), "lists", "quantities"]

# What rules are about, glued together without sense: where one begins, another one ends.
PIECES = [
    *("http://", "GET ", "10.0.0.1", "10.0.0.1/16", ":80", "::1", "00:1b:44:11:3a:b7", "0x1f"),
    *("a@b.org", "<a@b>", "Jan  4 03:55:15", "2022-03-01", "T04:05:06Z", "3/14/2022", "04:05:06.7"),
    *(
        "web-1",
        "node-a",
        ".example.com",
        "/var/log/x.",
        "C:\\a",
        "src/lib/a.py",
        "v1.2",
        "1.2.3-rc4",
    ),
    *("blk_-12", "00ff12ab", "<1 sec", "15ms", "128KB", "-17", "4.5", "5%", "4gx_a", "a1b2c3"),
    *(
        "true",
        "null",
        "an1",
        "an2",
        "an3",
        ", ",
        ",",
        " ",
        " ",
        "(",
        ")",
        " KB)",
        "[",
        "]",
        "=",
        "\t",
    ),
    *("\xff", "\xe9", "\x00", "\n", ":", "/", ".", "-", "_", "@", '"', "'", "x", "0"),
]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(st.sampled_from("ab1 7.:/-_=,()<>@[\"'\\xZ\xff\n%+#|GET"), max_size=60),
    messages.map(lambda message: message.decode("latin-1")),
)


def native_spans(texts: list[str], off: tuple[str, ...] = ()) -> list[list[tuple[int, int, int]]]:
    """As `mask.spans`, natively."""
    column = ByteColumn.of([text.encode("latin-1") for text in texts])
    offsets, found = lexer(off).spans(column)
    return [
        [(a, b, m) for a, b, m in found[start:end].tolist()]
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ]


def check(texts: list[str], off: tuple[str, ...] = ()) -> None:
    """Both lexers agree, on spans and on masked text."""
    assert native_spans(texts, off) == [[tuple(map(int, s)) for s in spans(t, off)] for t in texts]
    rows = lexer(off).rows(ByteColumn.of([text.encode("latin-1") for text in texts]))
    own = rows.texts()
    assert [own[row] for row in rows.row] == [masked(t, off) for t in texts]
    assert len(set(own)) == len(own)


@settings(max_examples=500, deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_both_find_the_same_in_what_looks_like_variables(texts):
    """The table is one, and so is what it means."""
    check(texts)


@given(st.lists(st.binary(max_size=200).map(lambda data: data.decode("latin-1")), max_size=4))
def test_both_find_the_same_in_any_bytes(texts):
    """A message need not be text."""
    check(texts)


@settings(deadline=None)
@given(TEXTS, st.lists(st.sampled_from(NAMES), max_size=len(NAMES)))
def test_rules_can_be_switched_off_natively_too(text, off):
    """The ablation measures what the parser does."""
    check([text], tuple(off))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_examples_of_the_table_hold_natively(rule):
    """With the other rules, and without them."""
    check(list(rule.examples))
    check(list(rule.examples), tuple(name for name in NAMES if name != rule.name))


@pytest.mark.parametrize("size", [WINDOW - 1, WINDOW, WINDOW + 1, 1 << 20])
def test_both_stop_at_the_window(size):
    """What lies behind it is one variable, whatever it is."""
    check([("word 77 " * (size // 8 + 1))[:size], "x" * size, ("1" * size), " " * size])


def test_no_message_takes_long_natively():
    """As the reference: a hostile message costs what its length costs."""
    import time

    for piece in ("a-", "a.", "1.", "::", "a", "1", "/a", "a_", "a1 ", "a@", "<a", "(1 B", ".a-"):
        text = piece * (WINDOW // len(piece))
        started = time.process_time()
        native_spans([text])
        assert time.process_time() - started < 0.5


@pytest.mark.skipif(MIRROR is None, reason="LOGPIPE_MIRROR is not set: no real logs")
def test_both_find_the_same_in_real_logs():
    """Every 25th line of all logs with ground truth, headers and all."""
    files = sorted(Path(MIRROR or "", "loghub-2k").rglob("*_2k.log"))
    assert files
    lines = [line for file in files for line in file.read_bytes().splitlines()[::25]]
    check([line.decode("latin-1") for line in dict.fromkeys(lines)])


@given(st.lists(TEXTS, max_size=12), st.integers(0, 4))
def test_rows_stay_within_their_bound(texts, most):
    """Messages whose row found no room are told; the others have counts and a first one."""
    column = ByteColumn.of([text.encode("latin-1") for text in texts])
    everything = [masked(text) for text in texts]
    rows = lexer().rows(column, most=most)
    kept = list(dict.fromkeys(everything))[:most]
    assert rows.texts() == kept
    assert rows.row.tolist() == [kept.index(m) if m in kept else -1 for m in everything]
    assert rows.counts.tolist() == [everything.count(m) for m in kept]
    assert rows.first.tolist() == [everything.index(m) for m in kept]
    assert lexer().rows(column, most_bytes=0).texts() in ([], [""])


def test_an_expression_that_is_not_understood_is_refused():
    """With the reason and the place, before anything is matched."""
    parts = {"member": "", "unit": "", "classes": (1, 2, 3, 4), "window": 10}
    with pytest.raises(NativeError, match=r"only greedy repetitions .* byte 2 of a\*\?"):
        MaskLexer([(1, "a*?")], **parts)
    with pytest.raises(NativeError, match="at most 63"):
        MaskLexer([(1, "a")] * 64, **parts)
    empty = MaskLexer([], **parts).spans(ByteColumn.of([b"a" * 12]))
    assert [part.tolist() for part in empty] == [[0, 1], [[10, 12, 4]]]
    assert np.shape(empty[1]) == (1, 3)
