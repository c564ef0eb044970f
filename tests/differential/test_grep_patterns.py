"""Patterns mean what they mean to the real grep in the C locale, whatever the lines."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from logpipe.archive.pattern import compile_pattern
from logpipe.errors import UsageError

GREP = shutil.which("grep")
pytestmark = pytest.mark.skipif(GREP is None, reason="no grep on the PATH")
SYNTAX = {"basic": "-G", "extended": "-E", "fixed": "-F"}

LINE = st.text("abAB01 _-.[]*\\(){}+?|^$,:\t\rxé", max_size=12).map(str.encode)
TEXTS = st.tuples(st.lists(LINE, max_size=8), st.sampled_from([b"", b"\n"])).map(
    lambda pair: b"\n".join(pair[0]) + (pair[1] if pair[0] else b"")
)
# A lone `)` is text to grep -E, but not with -x or -w: it is left to the examples.
PIECES = st.sampled_from(
    r"""
    a b A ab 0 . .* a* b+ a? \+ \? \| | ( \( \) (a|b) \(a\|b\) \1 (a*)\1 \(b\)\1 ^ $ [ab] [^ab]
    [a-b0] []a] [^]a] [[:digit:]] [^[:alpha:]_] [[:space:]x] [[.-.]] [[=a=]] [a\] {2} {1,} {,2}
    {0,1} \{2\} \{1,2\} {x { } a{1 \w \W \s \S \b \B \< \> \` \' * ** a*? \. \\ - : ,
    """.split()  # noqa: SIM905
)

# Where grep's own two matchers disagree, or its wrapping of -x and -w shows: an operator with
# nothing before it beside a back reference, and a place that is to be repeated.
ODD = re.compile(r"(^|[(|^])([*+?{]|\\[+?{])")
REPEATED_PLACE = re.compile(r"(\\[bB<>`']|[\^$])([*+?{]|\\[+?{])")
PATTERNS = (
    st.lists(PIECES, max_size=6)
    .map("".join)
    .filter(lambda pattern: not ("\\1" in pattern and ODD.search(pattern)))
    .filter(lambda pattern: not REPEATED_PLACE.search(pattern))
)


def grep(text: bytes, pattern: str, *options: str) -> tuple[int, bytes]:
    assert GREP is not None
    done = subprocess.run(
        [GREP, "-a", *options, "-e", pattern],
        input=text,
        capture_output=True,
        check=False,
        env={"LC_ALL": "C"},
    )
    return done.returncode, done.stdout


def ours(text: bytes, pattern: str, *options: str) -> tuple[int, bytes]:
    syntax = next((name for name, option in SYNTAX.items() if option in options), "basic")
    try:
        made = compile_pattern(
            pattern.encode(),
            syntax=syntax,
            ignore_case="-i" in options,
            words="-w" in options,
            whole_lines="-x" in options,
        )
    except UsageError:
        return 2, b""
    found = made.find(text, invert="-v" in options)
    assert found.count == len(found.numbers) == found.lines.count(b"\n")
    return int(not found.count), found.lines


def check(text: bytes, pattern: str, *options: str) -> None:
    assert ours(text, pattern, *options) == grep(text, pattern, *options)


FLAGS = st.lists(st.sampled_from(["-i", "-v", "-x", "-w"]), unique=True).map(tuple)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, PATTERNS, st.sampled_from(["-G", "-E", "-F"]), FLAGS)
@example(b"ab\nb\n", "*b", "-G", ())
@example(b"x)\n", "x)", "-E", ())
@example(b"\n\n", "", "-E", ("-v",))
@example(b"a\n", "\n", "-F", ())
def test_any_pattern(text: bytes, pattern: str, syntax: str, flags: tuple[str, ...]) -> None:
    """The same lines and the same exit code, patterns that are refused included."""
    check(text, pattern, syntax, *flags)
