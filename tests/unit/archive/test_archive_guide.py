"""Blocks with a guide: what a search opens of them, and that it finds what it finds without."""

from __future__ import annotations

import random
from array import array
from contextlib import suppress
from pathlib import Path

import pytest
from archive_reader import guides, read
from logs import made, server_log

from logpipe import archive
from logpipe.archive import blocks
from logpipe.archive.packing import PIECES, pack
from logpipe.archive.pattern import compile_pattern
from logpipe.archive.pieces import Pieces, pack_pieces, unpack_any
from logpipe.archive.reader import Archive
from logpipe.archive.unpacking import COLUMNS, GUIDE, directory, room
from logpipe.errors import ArchiveError, NativeError
from logpipe.native.select import View


def node_log(lines: int = 9000, seed: int = 4) -> bytes:
    """Long columns of unlike kinds: names of nodes, keys, counters, and rare words among them."""
    rnd = random.Random(seed)
    out = []
    for i in range(lines):
        clock = f"2031-05-0{1 + i // 4000} 0{i // 3600 % 10}:{i // 60 % 60:02d}:{i % 60:02d}"
        node = f"R{rnd.randrange(90):02d}-M{rnd.randrange(10)}-N{rnd.randrange(10)}"
        key = f"{rnd.getrandbits(64):016x}"
        text = rnd.choice(
            [
                f"kernel got key {key} of task {rnd.randrange(10**6)}",
                f"kernel lost key {key} at {rnd.choice(('left', 'right'))}",
                f"balance {rnd.randrange(-400, 400)} after {i * 300} steps",
            ]
        )
        if i % 4001 == 4000:
            text = "watchdog barked at cat7"
        out.append(f"{clock} {node}-J{rnd.randrange(10**6):06d} {text}\n")
    return "".join(out).encode()


LOG = node_log()
LINES = LOG.splitlines(keepends=True)
LITERALS = [
    b"watchdog barked",
    b"cat7",
    b"no such word",
    b"9912345678",
    b"00:41:07 R",
    b"25:61",
    b"-J0000",
    b"M5-N3-J12",
    b"left\n".strip(),
    b"balance -1",
    b"99900 steps",
    b" after 1",
    b"ffff",
    b"",
]


@pytest.fixture(scope="module", params=["fast", "default"])
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log in one block with a guide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_GUIDED", 0)
        patch.setattr(blocks, "_GUIDE_SHARE", 0)
        return made(tmp_path_factory.mktemp(request.param), LOG, request.param)


def opened_of(path: Path, pattern: bytes) -> tuple[bytes, set[tuple[int, int]]]:
    """Lines found in an archive of one block, and pieces of streams that were unpacked for it."""
    opened: set[tuple[int, int]] = set()
    with pytest.MonkeyPatch.context() as patch, Archive(str(path)) as reader:
        give = View._give

        def counted(view: View, kind: int, piece: int) -> None:
            assert (kind, piece) not in opened, "unpacked twice"
            opened.add((kind, piece))
            give(view, kind, piece)

        patch.setattr(View, "_give", counted)
        view = reader.view(0)
        assert view is not None
        found = compile_pattern(pattern, syntax="extended").find_in(view)
        return found.lines, opened


def test_a_guide_says_what_the_streams_say(packed: Path) -> None:
    """A second reader, written from FORMAT.md, makes the same guide of the decoded columns."""
    data = packed.read_bytes()
    assert read(data) == LOG
    [(told, counted)] = guides(data)
    assert told == counted
    assert all(told)


@pytest.mark.parametrize("pattern", LITERALS)
def test_a_search_with_a_guide_finds_the_same(packed: Path, pattern: bytes) -> None:
    """Literals that are in a template, in a value, in both, at their edges, in many or in none."""
    expected = b"".join(line for line in LINES if pattern in line)
    assert opened_of(packed, pattern)[0] == expected


def test_any_piece_of_any_line_is_found(packed: Path) -> None:
    """Searches for random pieces of lines and what is like them, and their reverse."""
    rnd = random.Random(11)
    with Archive(str(packed)) as reader:
        for _ in range(60):
            line = rnd.choice(LINES)[:-1]
            start = rnd.randrange(len(line))
            piece = bytearray(line[start : start + rnd.randrange(1, 14)])
            if rnd.random() < 0.4:
                piece[rnd.randrange(len(piece))] = rnd.choice(b"07a-J :")
            pattern = compile_pattern(bytes(piece), syntax="fixed")
            view = reader.view(0)
            assert view is not None
            found = pattern.find_in(view, invert=False)
            assert found.lines == b"".join(line for line in LINES if piece in line)
            count = pattern.find_in(view, invert=True, counts=True).count
            assert count == sum(piece not in line for line in LINES)


def test_what_cannot_be_there_opens_next_to_nothing(packed: Path) -> None:
    """Neither rows nor numbers nor times, and no long text whose kinds of bytes rule it out."""
    for absent in (b"no such word", b"25:61", b"991234567890123456789"):
        lines, opened = opened_of(packed, absent)
        assert lines == b""
        assert {kind for kind, _ in opened} <= {0, 1, 8, 9}
        assert len({piece for kind, piece in opened if kind == 8}) <= 1


def test_without_a_guide_the_same_is_found(packed: Path) -> None:
    """As in archives that have none: streams are opened to find out where columns are."""
    with Archive(str(packed)) as reader:
        header, payload = reader.payload(0)
    streams = {
        s.kind: unpack_any(s.packing, payload[s.at : s.at + s.packed], s.size)
        for s in directory(payload, header.streams, room(header.raw))
    }
    sizes = [len(streams.get(kind, b"")) for kind in range(10)]
    for pattern in LITERALS:
        view = View(sizes, lambda k, _: streams[k], header.lines, header.raw, {}, b"")
        found = compile_pattern(pattern, syntax="fixed").find_in(view)
        assert found.lines == b"".join(line for line in LINES if pattern in line)


def test_hostile_guides_end_in_an_error_or_an_answer(packed: Path) -> None:
    """Behind the checksum: no number of a guide is believed further than its streams go."""
    with Archive(str(packed)) as reader:
        header, payload = reader.payload(0)
    assert header.codec == COLUMNS
    streams = {
        s.kind: unpack_any(s.packing, payload[s.at : s.at + s.packed], s.size)
        for s in directory(payload, header.streams, room(header.raw))
    }
    sizes = [len(streams.get(kind, b"")) for kind in range(10)]
    program = compile_pattern(b"key [0-9a]*7 of|barked", syntax="extended").program
    assert program is not None
    rnd = random.Random(5)
    reasons: list[str] = []
    for _ in range(250):
        guide = bytearray(streams[GUIDE])
        for _ in range(rnd.choice([1, 1, 3])):
            guide[rnd.randrange(len(guide))] = rnd.choice([0, 1, 127, 128, 255, rnd.getrandbits(8)])
        try:
            view = View(sizes, lambda k, _: streams[k], header.lines, header.raw, {}, bytes(guide))
            numbers, _ = view.find(program)
            assert len(view.rows(numbers)) <= header.raw
            view.rows(array("q", range(0, header.lines, 7)))
        except NativeError as error:
            reasons.append(str(error))
    assert len(reasons) > 50
    assert not any("internal error" in reason for reason in reasons)


def test_small_blocks_have_no_guide(tmp_path: Path) -> None:
    """There it would cost more than it saves."""
    path = made(tmp_path, server_log(500))
    with archive.open(str(path)) as reader:
        header, payload = reader.payload(0)
    assert GUIDE not in {s.kind for s in directory(payload, header.streams, room(header.raw))}


def test_pieces_come_back_alone_and_together() -> None:
    """A stream in pieces is the stream; damaged ones are refused."""
    rnd = random.Random(2)
    words = [b"%06d" % rnd.randrange(10**6) for _ in range(9000)]
    parts = [b"head" * 50, b"".join(words), b"", rnd.randbytes(700) * 60, b"tail"]
    data = b"".join(parts)
    places = [(200, len(parts[1])), (200 + len(parts[1]), len(parts[3]))]
    packing, packed = pack_pieces(memoryview(data), places, "fast")
    assert packing == PIECES
    assert unpack_any(packing, bytes(packed), len(data)) == data
    pieces = Pieces.of(bytes(packed), len(data))
    assert [pieces.piece(bytes(packed), k) for k in range(3)] == [
        parts[0] + parts[4],
        parts[1],
        parts[3],
    ]
    survived = 0
    for at in range(20):
        bad = bytearray(packed)
        bad[at] ^= 0x55
        with suppress(ArchiveError):
            assert len(unpack_any(packing, bytes(bad), len(data))) == len(data)
            survived += 1
    assert survived < 10


def test_pieces_that_repeat_each_other_are_not_cut() -> None:
    """At level default, where that would cost."""
    rnd = random.Random(3)
    words = [b"%016x" % rnd.getrandbits(64) for _ in range(4000)]
    data = b"".join(words + words)
    half = len(data) // 2
    places = [(0, half), (half, half)]
    assert pack_pieces(memoryview(data), places, "default") == pack(data, "default")
