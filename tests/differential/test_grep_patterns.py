"""Patterns mean what they mean to the real grep in the C locale, whatever the lines."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from logpipe.archive.matches import Matches
from logpipe.archive.pattern import compile_pattern
from logpipe.errors import UsageError
from logpipe.native.printing import print_lines

GREP = shutil.which("grep")
pytestmark = pytest.mark.skipif(GREP is None, reason="no grep on the PATH")
SYNTAX = {"basic": "-G", "extended": "-E", "fixed": "-F"}

LINE = st.text("abAB01 _-.[]*\\(){}+?|^$,:\t\rxé", max_size=12).map(str.encode)
TEXTS = st.tuples(st.lists(LINE, max_size=8), st.sampled_from([b"", b"\n"])).map(
    lambda pair: b"\n".join(pair[0]) + (pair[1] if pair[0] else b"")
)
PIECES = st.sampled_from(
    r"""
    a b A ab 0 . .* a* b+ a? \+ \? \| | ( \( \) (a|b) \(a\|b\) \1 (a*)\1 \(b\)\1 ^ $ [ab] [^ab]
    [a-b0] []a] [^]a] [[:digit:]] [^[:alpha:]_] [[:space:]x] [[.-.]] [[=a=]] [a\] {2} {1,} {,2}
    {0,1} \{2\} \{1,2\} {x { } a{1 \w \W \s \S \b \B \< \> \` \' * ** a*? \. \\ - : , ) {} {2,1}
    {1,2,3} [a-c-e] [[:digit:]-z] [!-a] [a-B] [Z-a] [^!-a] [-a] [^a-] [[:upper:]] [:a:] + ? \{2,1\}
    (^ (* (| () \(\) (a|ab)(b|) \(a\|ab\)
    """.split()  # noqa: SIM905
)

# grep 3.8 forgets places when a pattern is nothing but places and text: `^$a` finds the line `a`.
NOTHING_ELSE = re.compile(r"(\\[^|wWsS]|[^\\*\[.|+?])*")
MISPLACED = re.compile(r"(\$|\\').|.(\^|\\`)")


def forgotten(pattern: str) -> bool:
    return NOTHING_ELSE.fullmatch(pattern) is not None and MISPLACED.search(pattern) is not None


PATTERNS = st.lists(PIECES, max_size=6).map("".join).filter(lambda p: not forgotten(p))
TWO_READINGS = "grep reads it in two ways"


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


def ours(text: bytes, pattern: str, *options: str) -> tuple[int, bytes] | None:
    """None if the pattern is refused because grep itself reads it in two ways."""
    syntax = next((name for name, option in SYNTAX.items() if option in options), "basic")
    try:
        made = compile_pattern(
            pattern.encode(),
            syntax=syntax,
            ignore_case="-i" in options,
            words="-w" in options,
            whole_lines="-x" in options,
        )
    except UsageError as error:
        return None if TWO_READINGS in str(error) else (2, b"")
    found = made.find(text, invert="-v" in options)
    assert found.count == len(found.numbers) == found.lines.count(b"\n")
    parts = made.matches.parts(found.lines) if "-o" in options else None
    printed = print_lines(found.lines, found.numbers, origin=1, numbered=True, parts=parts)
    return int(not found.count), printed if "-o" in options else found.lines


def check(text: bytes, pattern: str, *options: str) -> None:
    found = ours(text, pattern, *options)
    numbers = ("-n",) if "-o" in options else ()
    assert found is None or found == grep(text, pattern, *options, *numbers)


FLAGS = st.lists(st.sampled_from(["-i", "-v", "-x", "-w"]), unique=True).map(tuple)
# -x beside -w: grep prints the line feed twice.
PART_FLAGS = st.lists(st.sampled_from(["-i", "-x", "-w"]), unique=True).filter(
    lambda flags: not {"-x", "-w"} <= set(flags)
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, PATTERNS, st.sampled_from(["-G", "-E", "-F"]), FLAGS)
@example(b"ab\nb\n", "*b", "-G", ())
@example(b"x)\n", "x)", "-E", ())
@example(b"\n\n", "", "-E", ("-v",))
@example(b"a\n", "\n", "-F", ())
def test_any_pattern(text: bytes, pattern: str, syntax: str, flags: tuple[str, ...]) -> None:
    """The same lines and the same exit code, patterns that are refused included."""
    check(text, pattern, syntax, *flags)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, PATTERNS, st.sampled_from(["-G", "-E", "-F"]), PART_FLAGS)
@example(b"abcd abd\n", "ab|abc|bcd", "-E", [])
@example(b"bB\n", "[!-a]", "-E", ["-i"])
@example(b"abab\n", "^*ab", "-E", [])
@example(b"foo foobar foo-\n", "foo(bar)?|[a-z]*", "-E", ["-w"])
@example(b"aab aba\n", "(a|ab)(b|ba)?\\1", "-E", [])
def test_the_same_parts_of_lines(text: bytes, pattern: str, syntax: str, flags: list[str]) -> None:
    """-o: the leftmost match of all, of these the longest, and the next one behind it."""
    check(text, pattern, syntax, *flags, "-o")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, PATTERNS, st.sampled_from(["basic", "extended", "fixed"]), PART_FLAGS)
def test_parts_without_automata_are_the_same(
    text: bytes, pattern: str, syntax: str, flags: list[str]
) -> None:
    """Expressions with too many states are searched by trying all ways; the answer stays."""
    try:
        made = compile_pattern(
            pattern.encode(), syntax=syntax, ignore_case="-i" in flags, words="-w" in flags
        )
    except UsageError:
        return
    slow = Matches(made.trees, made.ignore_case)
    slow.__dict__["_programs"] = None

    assert made.matches.parts(text) == slow.parts(text)


def test_ways_without_end_are_an_error() -> None:
    """A pattern can match in more ways than there is time for; nobody waits for that."""
    made = compile_pattern(b"(a*)*(a*)*(a*)*b\\1", syntax="extended")

    with pytest.raises(UsageError, match="too many ways"):
        made.matches.parts(b"a" * 300 + b"\n")


MANY_LINES = b"\n".join(
    b"|a|A|b|B|ab|aa|a b|2}a|2}A|{2}a|a)b|ab)|x)|)|*a|-|:|3|a{1|}|_|z|^a|a$|".split(b"|")
)


@pytest.mark.parametrize(
    "pattern",
    [
        # The reader that knows back references and collating symbols leaves the brace out.
        "{2}[[=a=]]",
        "{x[[.a.]]",
        # Places that are repeated, or not.
        "^*a",
        "a(^*b)",
        "\\<*a",
        "\\b+",
        # Refused: an interval that counts down, that is empty, that has three numbers.
        "a{2,1}",
        "a{}",
        "a{1,2,3}",
        # Text: intervals that are none.
        "a{1",
        "a{1x}",
        "a{x,2}",
        # Refused: a hyphen that is neither a range's nor at an end.
        "[a-c-e]",
        "[[:digit:]-z]",
        "[%--]",
        "[--/]",
        "[a-]",
        # -i: ranges are of upper case, or of both; the ends may be exchanged by that.
        "[!-a]",
        "[^!-a]",
        "[a-B]",
        "[Z-a]",
        "[_-a]",
        "[^\\x80-\xffa]",
        # Colons at both ends.
        "[:a:]",
        "[^:a:]",
        "[:::]",
        "[:a-b:]",
        # Parentheses that are text, and parentheses that -x and -w put around.
        "x)",
        "a)(b)",
        "a|b)",
        "(*)0",
        "(*))",
        "a$)b",
        "a$|b",
        # A group of one alternative is none for another one.
        "\\(b\\)\\1\\|\\1",
        "(b)\\1|\\1",
        # Alternatives beside a back reference, in another pattern.
        "(b)\\1\na|x",
        # After -w, empty matches behind longer ones are not tried.
        "[[=a=]]{,2}\n\\W",
        "[^a-]\\+[[=a=]]\n",
        # Errors of the second reader count beside errors of the first.
        "[[=a=]]\\b\\{2,1\\}",
        # A place in the middle.
        "\\<^a",
        "^^a",
        "^*ab",
        "\\(^*ab\\)",
        "[[.space.]]",
        "[[==]]",
        "[[:a",
    ],
)
def test_what_posix_leaves_open(pattern: str) -> None:
    """Each was read otherwise once, or is one of its neighbours."""
    for syntax in ("-G", "-E"):
        for flags in ((), ("-i",), ("-w",), ("-x",), ("-i", "-v")):
            check(MANY_LINES, pattern, syntax, *flags)


def test_what_grep_reads_in_two_ways_is_refused() -> None:
    """No answer is better than one that depends on what grep looked at first."""
    with pytest.raises(UsageError, match=TWO_READINGS):
        compile_pattern(b"{x(a)\\1", syntax="extended")
    with pytest.raises(UsageError, match=TWO_READINGS):
        compile_pattern(b"(a)\\1)", syntax="extended", whole_lines=True)

    assert ours(b"aa\nab\n", "*\\(a\\)\\1", "-E") is not None
