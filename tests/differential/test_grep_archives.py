"""`logpipe grep` prints what the real grep prints of the raw bytes, and ends with its exit code."""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from logpipe import archive
from logpipe.archive import blocks
from logpipe.archive.pattern import compile_pattern
from logpipe.archive.printing import Printer, Style
from logpipe.archive.search import Context
from logpipe.cli import run
from logpipe.pipeline import compressing

GREP = shutil.which("grep")
pytestmark = pytest.mark.skipif(GREP is None, reason="no grep on the PATH")

# Each example packs and starts programs: a failure is shown as it was found.
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
# Finding out the layout would take most of the time.
LAYOUT = "<Date> <Time> <Content>"
WORDS = st.sampled_from(
    [
        "opened",
        "closed",
        "session_0017",
        "ERROR",
        "error",
        "db-7.example",
        "x",
        "",
        "é",
        "\x00",
        "\r",
    ]
)
NUMBERS = st.integers(0, 10**12).map(str)
VALUES = st.one_of(
    NUMBERS,
    WORDS,
    st.uuids().map(str),
    st.tuples(*[st.integers(0, 255)] * 4).map(lambda t: ".".join(map(str, t))),
)
SHAPES = st.sampled_from(
    [
        "2031-05-06 07:08:{0:0>2} box[{1}]: request {2} for {3} took {4} ms",
        "2031-05-06 07:08:{0:0>2} box[{1}]: user {3} {2}",
        "{2}  {3}",
        "{4}",
        "",
    ]
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A log of some templates, the values of one line often those of another."""
    pool = draw(st.lists(VALUES, min_size=1, max_size=12))
    shapes = draw(st.lists(SHAPES, min_size=1, max_size=3))
    end = draw(st.sampled_from([b"\n", b"\n", b"\r\n"]))
    rng = draw(st.randoms(use_true_random=False))
    made = []
    for i in range(draw(st.integers(0, 60))):
        shape = rng.choice(shapes)
        values = [rng.choice(pool) for _ in range(4)]
        made.append(shape.format(i % 60, *values).encode() + end)
    text = b"".join(made)
    return text if draw(st.booleans()) else text.rstrip(b"\r\n")


def pack(folder: Path, name: str, text: bytes, level: str, block: int) -> str:
    """An archive of many little blocks, all of columns, and the log beside it.

    So little a block would be stored plain, and be searched as text.
    """
    raw, packed = folder / name, folder / f"{name}.lpz"
    raw.write_bytes(text)
    sizes, chunk, estimate = compressing.BLOCK, compressing._CHUNK, blocks._plain_estimate
    compressing.BLOCK, compressing._CHUNK = dict.fromkeys(sizes, block), block
    blocks._plain_estimate = lambda raw, size: float("inf")
    try:
        compressing.compress(
            str(raw), str(packed), level=level, layout=LAYOUT, force=True, threads=1
        )
    finally:
        compressing.BLOCK, compressing._CHUNK = sizes, chunk
        blocks._plain_estimate = estimate
    return str(packed)


def ours(arguments: Sequence[str], folder: Path) -> tuple[int, bytes]:
    """The program, in this process."""
    out, before, where = io.BytesIO(), sys.stdout, Path.cwd()
    sys.stdout = wrapper = io.TextIOWrapper(out, write_through=True)
    os.chdir(folder)
    try:
        code = run(["grep", *arguments])
        sys.stdout.flush()
    finally:
        sys.stdout = before
        os.chdir(where)
        wrapper.detach()
    return code, out.getvalue()


def theirs(arguments: Sequence[str], folder: Path) -> tuple[int, bytes]:
    assert GREP is not None
    done = subprocess.run(
        [GREP, "-a", *arguments], capture_output=True, check=False, env={"LC_ALL": "C"}, cwd=folder
    )
    return done.returncode, done.stdout


def without_suffix(out: bytes) -> bytes:
    """Names of archives as those of the logs."""
    return re.sub(rb"(?<![a-z])([a-z])\.lpz(?=[:\n\x00\x1b-])", rb"\1", out)


def check(folder: Path, options: Sequence[str], pattern: str, names: Sequence[str]) -> None:
    expected = theirs([*options, "--", pattern, *names], folder)
    code, out = ours([*options, "--", pattern, *(f"{n}.lpz" for n in names)], folder)
    assert (code, without_suffix(out)) == expected


def with_number(option: str) -> st.SearchStrategy[str]:
    return st.sampled_from([0, 1, 2, 5, 100]).map(lambda n: f"{option}{n}")


# -x beside -w: grep -o prints the line feed twice then, and --color paints it.
OPTIONS = st.lists(
    st.one_of(
        st.sampled_from(["-i", "-v", "-c", "-n", "-n", "-H", "-h", "-l", "-L", "-w", "-x", "-q"]),
        st.sampled_from(["-o", "-o", "-m0", "-m1", "-m2", "-1", "-0"]),
        st.sampled_from(["-Z", "--color=always", "--color=always"]),
        *map(with_number, ["-A", "-B", "-C", "-A", "-B"]),
    ),
    unique=True,
    max_size=6,
).filter(lambda given: not ({"-x", "-w"} <= set(given) and {"-o", "--color=always"} & set(given)))


@settings(
    max_examples=60,
    deadline=None,
    phases=NO_SHRINKING,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.data(), st.sampled_from(["fast", "default"]), st.sampled_from([40, 400, 1 << 20]))
def test_any_log_and_any_part_of_it(data: st.DataObject, level: str, block: int) -> None:
    """A piece of a line is searched for, whatever boundaries it crosses; then what is like it."""
    first, second = data.draw(lines()), data.draw(lines())
    text = first or second or b"x\n"
    found = data.draw(st.sampled_from(text.split(b"\n")))
    start = data.draw(st.integers(0, len(found)))
    piece = found[start : data.draw(st.integers(start, len(found)))].replace(b"\x00", b"")
    pattern = piece.decode("utf-8", "surrogateescape")
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        pack(folder, "a", first, level, block)
        pack(folder, "b", second, level, block)
        for options in (["-F"], ["-F", "-n"], ["-F", "-c", "-v"], data.draw(OPTIONS)):
            fixed = options if "-F" in options else [*options, "-F"]
            check(folder, fixed, pattern, data.draw(st.sampled_from([["a"], ["a", "b"]])))


EXPRESSIONS = [
    "user .* closed$",
    "^2031.*took 1",
    "session_[0-9]+",
    "box\\[4",
    "(error|opened)",
    "[[:upper:]]{3,}",
    "([0-9])\\1",
    "^$",
    "\\.[0-9]{1,3}\\.",
    "ms\r?$",
    "",
]


@settings(
    max_examples=40,
    deadline=None,
    phases=NO_SHRINKING,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(lines(), st.sampled_from(EXPRESSIONS), OPTIONS)
def test_expressions(text: bytes, expression: str, options: list[str]) -> None:
    """Extended ones, with any options."""
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        pack(folder, "a", text, "fast", 300)
        check(folder, [*options, "-E"], expression, ["a"])


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archives of all levels, of many little blocks and of one."""
    folder = tmp_path_factory.mktemp("several")
    rng = random.Random(3)
    words = [
        "user",
        "took",
        "error",
        "ERROR",
        "session_0017",
        "a",
        "an",
        "17",
        "0",
        "x",
        "\x00",
        "",
    ]
    for name, level, block, count in [
        ("a", "fast", 60, 40),
        ("b", "default", 400, 70),
        ("c", "max", 1500, 50),
        ("d", "fast", 1 << 20, 3),
        ("e", "default", 40, 1),
    ]:
        made = [
            f"2031-05-06 07:08:{i % 60:02} box[{rng.randint(1, 9)}]: request {rng.choice(words)} "
            f"took {rng.randint(0, 99)} ms"
            if rng.random() < 0.5
            else " ".join(rng.choice(words) for _ in range(rng.randint(0, 5)))
            for i in range(count)
        ]
        pack(folder, name, "\n".join(made).encode() + b"\n" * (name in "ac"), level, block)
    return folder


PATTERNS = st.lists(
    st.sampled_from(
        [*EXPRESSIONS, "user", "took", "[0-9]*", "x*", "a|an", "e", "^.", ".$", "-", "\\b", "17"]
    ),
    min_size=1,
    max_size=3,
)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.data(),
    PATTERNS,
    st.sampled_from(["-G", "-E", "-F"]),
    OPTIONS,
    st.lists(st.sampled_from("abcde"), min_size=1, max_size=3, unique=True),
)
def test_any_options_on_several_archives(
    several: Path,
    data: st.DataObject,
    patterns: list[str],
    syntax: str,
    options: list[str],
    names: list[str],
) -> None:
    """Context crosses blocks, separators stand between groups and files, -o prints parts."""
    if data.draw(st.booleans()):
        (several / "patterns").write_text("\n".join(patterns))
        given_by = ["-f", "patterns"]
    else:
        given_by = [part for pattern in patterns for part in ("-e", pattern)]
    expected = theirs([*options, syntax, *given_by, "--", *names], several)
    code, out = ours([*options, syntax, *given_by, "--", *(f"{n}.lpz" for n in names)], several)

    assert (code, without_suffix(out)) == expected


@pytest.mark.parametrize("color", ["--color", "--colour", "--color=auto", "--color=never"])
def test_colours_are_for_terminals_and_take_no_word_as_their_value(
    several: Path, color: str
) -> None:
    """`grep --color took FILE` looks for `took`; into a pipe it prints no colours."""
    assert ours([color, "took", "a.lpz"], several) == theirs(["took", "a"], several)
    assert ours(["-e", "took", color, "a.lpz"], several) == theirs(["-e", "took", "a"], several)
    assert ours(["-e", color, "a.lpz"], several) == theirs(["-e", color, "a"], several)


def test_colours_are_those_of_grep_on_a_terminal(several: Path) -> None:
    """The same bytes reach it, whatever it is told to be."""
    import pty

    def shown(command: list[str], term: str) -> bytes:
        ours_, its = pty.openpty()
        environment = {"LC_ALL": "C", "TERM": term, "PATH": os.environ["PATH"]}
        done = subprocess.run(command, stdout=its, cwd=several, env=environment, check=False)
        os.close(its)
        assert done.returncode == 0
        with os.fdopen(ours_, "rb", buffering=0) as end:
            text = b""
            with contextlib.suppress(OSError):  # the terminal is gone
                while part := end.read(1 << 16):
                    text += part
        return text

    program = [sys.executable, "-m", "logpipe", "grep", "-m3", "--color=auto", "-nH", "took"]
    for term in ("xterm", "dumb"):
        expected = shown([str(GREP), "-a", "-m3", "--color=auto", "-nH", "took", "a"], term)
        assert without_suffix(shown([*program, "a.lpz"], term)) == expected
        assert (b"\x1b[01;31m" in expected) == (term == "xterm")


@pytest.mark.parametrize("options", [[], ["-v"], ["-v", "-A1"], ["-c"], ["-L"], ["-o"]])
def test_no_patterns_match_nothing(several: Path, options: list[str]) -> None:
    """As after `grep -f /dev/null`."""
    (several / "empty").write_bytes(b"")
    arguments = [*options, "-f", "empty"]

    code, out = ours([*arguments, "d.lpz"], several)

    assert (code, out.replace(b".lpz", b"")) == theirs([*arguments, "d"], several)


def test_of_context_only_what_is_needed_is_opened(wordy: Path) -> None:
    """A line whose neighbours lie in the next block costs lines of that block, not all of it."""
    with archive.open(str(wordy / "w.lpz")) as opened:
        last = opened.entries[0].lines
        number = re.escape(WORDY[last - 1].split(b" in ")[1])
        blocks: list[int] = []
        opened.block = lambda block: blocks.append(block) or pytest.fail("decoded")  # type: ignore[method-assign,assignment,func-returns-value]
        style = Style(numbers=True, context=Context(1, 2))
        out = bytearray()
        made = compile_pattern(b" in " + number + b"$", syntax="extended")
        hits = opened.search_blocks(made, context=style.context)
        found = sum(hits.count for hits in Printer(out.extend, style).print(opened, hits, None))

    assert found == 1
    assert bytes(out).splitlines() == [
        b"%d%b%b" % (n, b":" if n == last else b"-", WORDY[n - 1])
        for n in range(last - 1, last + 3)
    ]


RANDOM = random.Random(7)
IDS = [f"{RANDOM.getrandbits(64):016x}" for _ in range(200)]
WORDY = [
    b"2031-05-06 07:08:09 worker%d: finished job_%s in %d ms" % (i % 5, IDS[i // 20].encode(), i)
    for i in range(4000)
]


@pytest.fixture(scope="module")
def wordy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wordy")
    pack(folder, "w", b"\n".join(WORDY) + b"\n", "default", 20_000)
    return folder


def test_blocks_without_the_literal_are_not_opened(wordy: Path) -> None:
    """Their filters say so; the lines are all found."""
    with archive.open(str(wordy / "w.lpz")) as opened:
        hits = list(
            opened.search_blocks(compile_pattern(f"job_{IDS[100]}".encode(), syntax="fixed"))
        )

    assert len(hits) == len(opened.entries) >= 8
    assert sum(h.count for h in hits) == 20
    assert sum(h.opened for h in hits) <= len(hits) // 2
    check(wordy, ["-n"], f"job_{IDS[100]}", ["w"])
    check(wordy, ["-n", "-i", "-E"], f"JOB_{IDS[30].upper()} in .*[7-9] ", ["w"])


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(wordy: Path, threads: int) -> None:
    """Not even the order."""
    expected = theirs(["-n", "worker3.*7 ms", "w"], wordy)
    code, out = ours(["-n", f"-j{threads}", "worker3.*7 ms", "w.lpz"], wordy)

    assert (code, out) == expected


def test_python_gives_numbers_and_lines(wordy: Path) -> None:
    """Numbers count from 1; lines come without their line feed."""
    with archive.open(str(wordy / "w.lpz")) as opened:
        found = list(opened.search(b"in 39.. ms$", limit=3))

    assert found == [(n + 1, WORDY[n]) for n in (3900, 3901, 3902)]
