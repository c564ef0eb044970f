"""Archives searched and cut without decoding them: what is found, and what is left alone."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from array import array
from contextlib import suppress
from pathlib import Path

import pytest
from logs import made, server_log, split

from logpipe import archive
from logpipe.archive import blocks, writer
from logpipe.archive.layout import BLOCK_HEADER
from logpipe.archive.packing import unpack
from logpipe.archive.pattern import compile_pattern
from logpipe.archive.reader import Archive
from logpipe.archive.unpacking import COLUMNS, directory, room
from logpipe.errors import NativeError, UsageError
from logpipe.native.select import View
from logpipe.pipeline import compressing

LOG = server_log(6000)
LINES = split(LOG)


def use_little_blocks(patch: pytest.MonkeyPatch) -> None:
    """Blocks of some hundred lines, all of columns."""
    patch.setattr(compressing, "BLOCK", dict.fromkeys(compressing.BLOCK, 50_000))
    patch.setattr(compressing, "_CHUNK", 20_000)
    patch.setattr(blocks, "_plain_estimate", lambda raw, size: float("inf"))


@pytest.fixture
def little_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `use_little_blocks`, for one test."""
    use_little_blocks(monkeypatch)


@pytest.fixture(scope="module", params=["fast", "default"])
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log in little blocks."""
    with pytest.MonkeyPatch.context() as patch:
        use_little_blocks(patch)
        return made(tmp_path_factory.mktemp(request.param), LOG, request.param)


def grepped(path: Path, pattern: bytes, **options: bool) -> tuple[list[bytes], int, int]:
    """Lines found in an archive, blocks that were looked into, blocks that were decoded."""
    with archive.open(str(path)) as opened:
        found, looked = [], 0
        for hits in opened.search_blocks(compile_pattern(pattern, syntax="extended"), **options):
            assert hits.error is None
            found += [line for _, line in hits]
            looked += hits.opened
        return found, looked, len(opened._kept)


PATTERNS = [
    b"job-[0-9]*7 from 10[.]1[.]2[.]",
    b"percent full",
    b"INFO worker.1: (took|disk)",
    b"^2031-04-0[13] .*,0?17",
    b"balance -1$",
    b"\\b3 ms",
    b"x\\.Y:12",
    b"nothing like it",
    b"",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_search_in_columns_decodes_no_block(packed: Path, pattern: bytes) -> None:
    """It finds what a search in the text finds, whatever the pattern; and so does its reverse."""
    text = compile_pattern(pattern, syntax="extended").find(LOG).lines

    found, _, decoded = grepped(packed, pattern)

    assert b"".join(line + b"\n" for line in found) == text
    assert decoded == 0
    rest, _, decoded = grepped(packed, pattern, invert=True)
    assert len(rest) + len(found) == len(LINES)
    assert decoded == 0


@pytest.mark.usefixtures("little_blocks")
def test_back_references_are_tried_on_lines_with_the_literal_only(tmp_path: Path) -> None:
    """They are no regular expressions; what every match contains finds the lines to try."""
    path = made(tmp_path, LOG)
    pattern = b"disk /data/(.) is (0)\\2"

    found, _, decoded = grepped(path, pattern)

    assert found == [line[:-1] for line in LINES if b"disk" in line and b" is 00" in line]
    assert decoded == 0


@pytest.mark.usefixtures("little_blocks")
def test_filters_skip_blocks_after_an_append_too(tmp_path: Path) -> None:
    """Those of the old blocks are kept, and the new blocks get their own."""
    ids = [f"session_{random.Random(i).getrandbits(64):016x}" for i in range(400)]
    lines = [f"07:08:{i % 60:02d} opened {ids[i // 100]} by user {i % 7}\n" for i in range(8000)]
    log = "".join(lines).encode()
    path = made(tmp_path, log[: len(log) // 2])
    (tmp_path / "more.log").write_bytes(log[len(log) // 2 :])
    old = len(Archive(str(path)).entries)
    compressing.compress([str(tmp_path / "more.log")], str(path), level="fast", append=True)

    with Archive(str(path)) as opened:
        assert len(opened.entries) > old >= writer._FILTERED
        assert all(opened.filter(i) for i in range(len(opened.entries)))
    for which in (ids[5], ids[75]):
        found, looked, _ = grepped(path, which.encode())
        assert len(found) == 100
        assert looked <= 2


def logpipe(*arguments: str | Path) -> tuple[int, bytes, str]:
    """The program: exit code, standard output, standard error."""
    command = [sys.executable, "-m", "logpipe", *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return ran.returncode, ran.stdout, ran.stderr.decode()


def damaged(path: Path, block: int) -> tuple[int, int]:
    """Flips a bit in a block's payload; the lines that are lost, as numbers from 1."""
    with Archive(str(path)) as opened:
        entry, first = opened.entries[block], opened.first_line(block)
    data = bytearray(path.read_bytes())
    data[entry.at + BLOCK_HEADER + entry.payload // 2] ^= 4
    path.write_bytes(data)
    return first, first + entry.starts - 1


@pytest.mark.usefixtures("little_blocks")
def test_grep_prints_what_is_good_and_ends_with_3_on_a_damaged_block(tmp_path: Path) -> None:
    """The message has the file's name once, and a count of the rest is not given as the count."""
    path = made(tmp_path, LOG)
    first, last = damaged(path, 2)

    code, out, said = logpipe("grep", "-n", "percent", path)

    good = [
        b"%d:%s\n" % (n, line.rstrip(b"\n"))
        for n, line in enumerate(LINES, 1)
        if b"percent" in line and not first <= n <= last
    ]
    assert (code, out) == (3, b"".join(good))
    assert said.count(str(path)) == 1
    assert f"lines {first:,} to {last:,}" in said
    code, out, said = logpipe("grep", "-c", "percent", path)
    assert (code, out) == (3, b"")
    assert f"{len(good):,} lines are in the parts that can be read" in said
    assert logpipe("grep", "-q", "percent", path)[0] == 0


def test_cat_says_when_a_range_begins_behind_the_end(tmp_path: Path) -> None:
    """Silence would look like an empty line; the exit code stays that of a print that went well."""
    path = made(tmp_path, LOG)
    count = len(LINES)
    code, out, said = logpipe("cat", path, "--lines", "99999:")

    assert (code, out) == (0, b"")
    assert f"begins behind the last line, {count:,}" in said
    assert logpipe("cat", path, "--lines", f"{count}:99999") == (0, LINES[-1], "")


@pytest.mark.usefixtures("little_blocks")
@pytest.mark.parametrize("ended", [True, False])
def test_ranges_are_made_of_their_lines_alone(tmp_path: Path, ended: bool) -> None:
    """The same bytes as from decoded blocks, across blocks, with and without a last line feed."""
    log = LOG if ended else LOG[:-1]
    lines = split(log)
    path = made(tmp_path, log)
    rng = random.Random(5)
    for _ in range(60):
        start = rng.randrange(1, len(lines) + 1)
        stop = min(start + rng.choice([0, 1, 10, 300]), len(lines) + 5)
        with Archive(str(path)) as opened:
            assert opened.entries[0].codec == COLUMNS
            pieces = b"".join(bytes(piece) for piece in opened.pieces(start, stop))
            assert pieces == b"".join(lines[start - 1 : stop])
    with Archive(str(path)) as opened:
        # Many pieces of one block: it is decoded then.
        for start in range(1, 40):
            piece = b"".join(bytes(piece) for piece in opened.pieces(start, start))
            assert piece == lines[start - 1]
        assert len(opened._kept) == 1


@pytest.mark.usefixtures("little_blocks")
def test_archive_commands_import_no_numpy(tmp_path: Path) -> None:
    """Its import takes longer than any of them."""
    path = made(tmp_path, LOG, "default")
    log = str(tmp_path / "a.log")
    Path(log).write_bytes(LOG)
    for arguments in (
        ["grep", "-c", "percent", path],
        ["cat", "--lines", "300:310", path],
        ["decompress", "-c", path],
        *(
            ["compress", "--level", level, "--force", log, "-o", f"{path}.2"]
            for level in ("fast", "default", "max")
        ),
    ):
        code = (
            "import sys; from logpipe.cli import run; run(sys.argv[1:]); "
            "sys.exit('numpy' in sys.modules or 'pyarrow' in sys.modules)"
        )
        command = [sys.executable, "-c", code, *map(str, arguments)]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_patterns_without_end_end(tmp_path: Path) -> None:
    """Repetitions of repetitions make no program, and are refused or answered, but at once."""
    begin = time.process_time()
    for pattern in (b"(((){32767}){32767}){32767}x", b"(a{99}){99}", b"(a?){999}b"):
        with suppress(UsageError):
            compile_pattern(pattern, syntax="extended").find(b"a" * 30 + b"\nx\n")
    assert time.process_time() - begin < 20


def test_hostile_streams_are_refused_or_answered_and_never_crash(tmp_path: Path) -> None:
    """Behind the checksum: whatever the numbers say, nothing outside of the streams is touched."""
    path = made(tmp_path, server_log(800), "fast")
    with Archive(str(path)) as opened:
        header, payload = opened.payload(0)
    assert header.codec == COLUMNS
    streams = {
        s.kind: unpack(s.packing, payload[s.at : s.at + s.packed], s.size)
        for s in directory(payload, header.streams, room(header.raw))
    }
    whole = [streams.get(kind, b"") for kind in range(10)]
    pattern = compile_pattern(b"[0-9]7 left", syntax="extended").program
    assert pattern is not None
    rng = random.Random(3)
    answered = 0
    for _ in range(400):
        changed = [bytearray(stream) for stream in whole]
        for _ in range(rng.choice([1, 1, 3])):
            stream = rng.choice([s for s in changed if s])
            if rng.random() < 0.8:
                stream[rng.randrange(len(stream))] = rng.choice(
                    [0, 1, 127, 128, 255, rng.getrandbits(8)]
                )
            else:
                del stream[rng.randrange(len(stream)) :]
        sizes = [len(stream) for stream in changed]
        try:
            view = View(
                sizes, lambda k, _, c=changed: bytes(c[k]), header.lines, header.raw, {}, b""
            )
            numbers, _ = view.find(pattern)
            made_rows = view.rows(array("q", range(header.lines)))
            assert len(made_rows) <= header.raw
            view.rows(numbers)
            answered += 1
        except NativeError:
            pass
    assert 0 < answered < 400
