"""`logpipe grep` prints what the real grep prints of the raw bytes, and ends with its exit code."""

from __future__ import annotations

import io
import os
import random
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


def check(folder: Path, options: Sequence[str], pattern: str, names: Sequence[str]) -> None:
    expected = theirs([*options, "--", pattern, *names], folder)
    code, out = ours([*options, "--", pattern, *(f"{n}.lpz" for n in names)], folder)
    assert (code, out.replace(b".lpz:", b":").replace(b".lpz\n", b"\n")) == expected


OPTIONS = st.lists(
    st.sampled_from(["-i", "-v", "-c", "-n", "-H", "-h", "-l", "-w", "-x", "-m2"]), unique=True
)


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
