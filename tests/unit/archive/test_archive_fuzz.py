"""Damaged archives: never other bytes, never a crash, never a hang.

The short form runs always; `make fuzz` sets LOGPIPE_FUZZ to the number of flips per level.
"""

from __future__ import annotations

import os
import random
import resource
import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from logs import LEVELS, made, restored, server_log

from logpipe.archive.layout import BLOCK_HEADER, FILE_HEADER, BlockHeader
from logpipe.archive.unpacking import COLUMNS, ROWS, directory, unpack_block
from logpipe.errors import ArchiveError, NativeError
from logpipe.native.archive import BlockRows
from logpipe.native.unpack import STREAMS, decode_block, decode_mixed

FLIPS = int(os.environ.get("LOGPIPE_FUZZ", "300"))
LOG = server_log(400)
# Level max codes smaller blocks as the others do, so that its own model would not be tried.
LONGER = server_log(800)


def log_of(level: str) -> bytes:
    """A log whose block is in the codec that the level is for."""
    return LONGER if level == "max" else LOG


def tries(level: str) -> int:
    """Damaged archives per test; reading one takes ten times as long at level max."""
    return FLIPS if FLIPS > 300 or level != "max" else FLIPS // 3


def outcome(path: Path, data: bytes, log: bytes) -> str:
    """What reading a damaged archive ends in."""
    path.write_bytes(data)
    try:
        return "same" if restored(path) == log else "OTHER BYTES"
    except ArchiveError:
        return "refused"


@pytest.mark.parametrize("level", LEVELS)
def test_flipped_bits_and_cut_ends_are_noticed(level, tmp_path: Path) -> None:
    """Every flip is refused, or lies where nothing depends on it."""
    log, flips = log_of(level), tries(level)
    data = made(tmp_path, log, level).read_bytes()
    rnd, found = random.Random(7), {"refused": 0, "same": 0, "OTHER BYTES": 0}
    for _ in range(flips):
        bad = bytearray(data)
        for _ in range(rnd.choice((1, 1, 1, 3))):
            bad[rnd.randrange(len(bad))] ^= 1 << rnd.randrange(8)
        found[outcome(tmp_path / "bad", bytes(bad), log)] += 1
    for _ in range(flips // 10):
        assert outcome(tmp_path / "bad", data[: rnd.randrange(len(data))], log) == "refused"

    assert found["OTHER BYTES"] == 0
    assert found["refused"] > 0.9 * flips


@pytest.mark.parametrize("level", LEVELS)
def test_damage_behind_right_checksums_is_bounded(level, tmp_path: Path) -> None:
    """A forger can write any streams: decoding ends, in bounded memory, with an error or bytes."""
    data = made(tmp_path, log_of(level), level).read_bytes()
    header = BlockHeader.parse(data[FILE_HEADER:])
    assert header is not None
    assert header.codec == (ROWS if level == "max" else COLUMNS)
    begin = FILE_HEADER + BLOCK_HEADER
    payload = data[begin : begin + header.payload]
    rnd = random.Random(8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    from logpipe.archive.packing import unpack

    streams = {
        s.kind: unpack(s.packing, payload[s.at : s.at + s.packed], s.size)
        for s in directory(payload, header.streams, 1 << 30)
    }
    panics = 0
    for _ in range(tries(level)):
        kinds = dict(streams)
        for _ in range(rnd.choice((1, 1, 2, 5))):
            kind = rnd.choice(list(kinds))
            bad = bytearray(kinds[kind])
            if bad:
                at = rnd.randrange(len(bad))
                bad[at] = rnd.choice((bad[at] ^ 1 << rnd.randrange(8), 0, 255, rnd.randrange(256)))
            kinds[kind] = bytes(
                bad[: rnd.choice((len(bad), len(bad), rnd.randrange(len(bad) + 1)))]
            )
        lines, raw = header.lines, header.raw
        try:
            if level == "max":
                out = decode_mixed(*(kinds.get(k, b"") for k in (0, 1, 10)), lines, raw)
            else:
                out = decode_block([kinds.get(k, b"") for k in range(STREAMS)], lines, raw)
            assert len(out) == raw
        except NativeError as error:
            panics += "internal error" in str(error)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000
    assert panics == 0


def test_hostile_counts_are_refused(tmp_path: Path) -> None:
    """Lines and bytes that the streams do not justify."""
    data = made(tmp_path, LOG).read_bytes()
    header = BlockHeader.parse(data[FILE_HEADER:])
    assert header is not None
    payload = data[FILE_HEADER + BLOCK_HEADER :][: header.payload]
    assert len(unpack_block(header, payload)) == len(LOG)
    for lines, raw in ((2**32 - 1, 2**32 - 1), (2**40, 2**28), (header.lines, 2**62)):
        with pytest.raises(RuntimeError):
            decode_block([b""] * STREAMS, lines, raw)
    assert BlockRows().size == 0
    assert struct.calcsize("<Q") == 8


CORRUPT = sorted((Path(__file__).parents[2] / "golden" / "corrupt").glob("*.lpz"))


@pytest.mark.parametrize("path", CORRUPT, ids=lambda p: p.stem)
def test_corrupt_files_are_refused(path: Path) -> None:
    """Each of these was, or could have been, a finding."""
    with pytest.raises(ArchiveError):
        restored(path)


def test_there_are_corrupt_files() -> None:
    """An empty folder would test nothing."""
    assert len(CORRUPT) >= 6
