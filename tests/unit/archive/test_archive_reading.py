"""Lines, ranges, batches; archives as inputs; append, verify, repair; what is refused."""

from __future__ import annotations

import os
import random
import struct
import sys
from pathlib import Path

import pytest
from archive_reader import xxh64 as slow_xxh64

sys.path.insert(0, str(Path(__file__).parent))
from logs import LEVELS, made, restored, server_log, split

from logpipe import archive
from logpipe.archive.checking import repair, verify
from logpipe.archive.layout import BLOCK_HEADER, FILE_HEADER, TRAILER
from logpipe.archive.packing import LZMA, STORED, ZSTD, Level, pack, unpack
from logpipe.errors import ArchiveError, OutputError, UsageError
from logpipe.formats.readers import open_sources
from logpipe.native.hashing import xxh64
from logpipe.pipeline import compressing, parse

LOG = server_log(6000)
LINES = split(LOG)


@pytest.fixture
def blocks(tmp_path: Path, monkeypatch) -> Path:
    """An archive of several blocks."""
    monkeypatch.setitem(compressing.BLOCK, "fast", 1 << 16)
    monkeypatch.setattr(compressing, "_CHUNK", 1 << 15)
    return made(tmp_path, LOG)


def test_any_range_of_lines_comes_out(blocks: Path) -> None:
    """Ranges are those of the source, at most two blocks more than needed being decoded."""
    rnd = random.Random(2)
    with archive.open(str(blocks)) as opened:
        assert len(opened.entries) > 3
        for _ in range(50):
            a = rnd.randint(1, len(LINES))
            b = rnd.randint(a, min(a + 200, len(LINES)))
            assert b"".join(p.tobytes() for p in opened.raw(a, b)) == b"".join(LINES[a - 1 : b])
        assert list(opened.raw(len(LINES) + 1, len(LINES) + 9)) == []
        with pytest.raises(UsageError):
            list(opened.raw(0, 3))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("threads", [1, 3])
def test_a_block_stays_what_it_is_while_others_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: Level, threads: int
) -> None:
    """Streams are unpacked into the same memory again and again; plain blocks are such a stream."""
    monkeypatch.setitem(compressing.BLOCK, level, 1 << 15)
    monkeypatch.setattr(compressing, "_CHUNK", 1 << 14)
    noise = random.Random(5).randbytes(1 << 16).replace(b"\n", b"") + b"\n"
    log = LOG[:100_000] + noise + LOG[100_000:150_000] + noise
    with archive.open(str(made(tmp_path, log, level))) as opened:
        assert {entry.codec for entry in opened.entries} > {0}
        held = list(opened.buffers(threads))
    assert b"".join(held) == log


@pytest.mark.parametrize("packing", [STORED, ZSTD, LZMA])
def test_a_stream_is_the_same_in_memory_that_is_given(packing: int) -> None:
    """Whole or damaged; only what is missing behind the last byte may go unnoticed."""
    data, rnd = LOG[:20_000], random.Random(6)
    level: Level = "fast" if packing == ZSTD else "default"
    packed = data if packing == STORED else pack(data, level)[1]
    assert packing == STORED or pack(data, level)[0] == packing

    def outcome(stream: bytes, into: memoryview | None = None) -> bytes | None:
        try:
            return bytes(unpack(packing, stream, len(data), into))
        except ArchiveError:
            return None

    for _ in range(300):
        changed = bytearray(packed)
        changed[rnd.randrange(len(changed))] ^= rnd.choice([0, 1, 128, 255])
        del changed[len(changed) - rnd.choice([0, 0, 0, 1, 5, 900]) :]
        found = outcome(bytes(changed), memoryview(bytearray(len(data))))
        assert found in (outcome(bytes(changed)), data)


def test_batches_have_numbers_and_lines(blocks: Path) -> None:
    """Arrow batches, with a range and a predicate."""
    with archive.open(str(blocks)) as opened:
        rows = [
            (n, line)
            for batch in opened.batches(10, 3000, where=lambda line: b"disk" in line, size=50)
            for n, line in zip(*(c.to_pylist() for c in batch.columns), strict=True)
        ]

    expected = [(n, x) for n, x in enumerate(LINES, 1) if 10 <= n <= 3000 and b"disk" in x]
    assert [(n, line.rstrip(b"\r\n")) for n, line in expected] == rows


def test_an_archive_is_an_input_like_its_log(blocks: Path) -> None:
    """`parse` of the archive is `parse` of the log."""
    ours, plain = parse([str(blocks)]), parse([str(blocks.with_name("source.log"))])

    assert (ours.lines, ours.bytes, ours.counts.tolist()) == (
        plain.lines,
        plain.bytes,
        plain.counts.tolist(),
    )
    (source,) = open_sources([str(blocks)])
    assert source.size == len(LOG)


def test_append_adds_and_keeps_every_old_byte(blocks: Path) -> None:
    """The old archive is a prefix of the new one, as long as little in it is older footers."""
    before = blocks.read_bytes()
    more = blocks.with_name("more.log")
    more.write_bytes(b"the end 1\nthe end 2")
    compressing.compress([str(more)], str(blocks), level="default", append=True)
    compressing.compress([str(more)], str(blocks), level="fast", append=True)

    assert blocks.read_bytes().startswith(before)
    assert restored(blocks) == LOG + b"the end 1\nthe end 2the end 1\nthe end 2"
    assert verify(str(blocks)).good
    with archive.open(str(blocks)) as opened:
        assert list(opened.iter_lines(opened.lines - 1)) == [b"the end 2the end 1\n", b"the end 2"]


def test_a_killed_append_loses_nothing_and_the_next_one_goes_on(blocks: Path) -> None:
    """The blocks that a dead process left: refused by readers, cut off by the next append.

    Where a footer begins behind them, they were complete: an append refuses to cut them off.
    """
    before = blocks.read_bytes()
    more = blocks.with_name("more.log")
    more.write_bytes(b"later\n" * 500)
    compressing.compress([str(more)], str(blocks), level="fast", append=True)
    grown = blocks.read_bytes()
    footer = grown.rindex(b"LPZF")
    cuts = (len(before) + 1, len(before) + 70, footer, footer + 9, len(grown) - TRAILER, -1)
    for cut in cuts:
        blocks.write_bytes(grown[:cut])
        with pytest.raises(ArchiveError, match=r"does not end.*lines 1 to"):
            archive.open(str(blocks))
        assert not verify(str(blocks)).good
        if 0 < cut <= footer:
            made = compressing.compress([str(more)], str(blocks), level="fast", append=True)
            assert made.removed.bytes == cut - len(before)
            assert blocks.read_bytes() == grown
        else:
            with pytest.raises(ArchiveError, match="nothing was added"):
                compressing.compress([str(more)], str(blocks), level="fast", append=True)
            assert blocks.read_bytes() == grown[:cut]


def test_a_failing_append_leaves_the_archive_as_it_was(blocks: Path) -> None:
    """An input that cannot be read costs nothing."""
    before = blocks.read_bytes()
    broken = blocks.with_name("broken.gz")
    import gzip

    broken.write_bytes(gzip.compress(LOG)[:-2000])
    with pytest.raises(OSError, match="broken"):
        compressing.compress([str(broken)], str(blocks), level="fast", append=True)

    assert blocks.read_bytes() == before


def test_only_one_may_append(blocks: Path) -> None:
    """A second process is told, not let in."""
    from logpipe.archive.writer import Appending

    with Appending(str(blocks)) as first:
        assert first.writer.lines == len(LINES)
        with pytest.raises(OutputError, match="another process"):
            Appending(str(blocks))


def test_who_reads_while_somebody_appends_is_told_so(blocks: Path) -> None:
    """It looked as if the archive had been cut short, and repair was advised."""
    from logpipe.archive.blocks import pack_bytes
    from logpipe.archive.writer import Appending

    with Appending(str(blocks)) as appending:
        appending.writer.write(pack_bytes(b"more\n", "fast"))
        with pytest.raises(ArchiveError, match="another process appends to it"):
            archive.open(str(blocks))
        appending.writer.finish()
    assert restored(blocks).endswith(b"more\n")


def test_damage_costs_its_block_and_is_told(blocks: Path) -> None:
    """Reading names the lines; verify lists them; repair keeps all others."""
    with archive.open(str(blocks)) as opened:
        entry, first = opened.entries[2], opened.first_line(2)
        last = first + entry.starts - 1
    data = bytearray(blocks.read_bytes())
    data[entry.at + BLOCK_HEADER + entry.payload // 2] ^= 4
    blocks.write_bytes(data)

    with archive.open(str(blocks)) as opened:
        with pytest.raises(ArchiveError, match=f"block 3 of .*lines {first:,} to {last:,}"):
            restored(blocks)
        assert b"".join(p.tobytes() for p in opened.raw(1, first - 1)) == b"".join(
            LINES[: first - 1]
        )
    check = verify(str(blocks))
    assert [(x.first, x.last) for x in check.lost] == [(first, last)]
    fixed = blocks.with_name("fixed.lpz")
    with fixed.open("wb") as out:
        assert repair(str(blocks), out).lost == check.lost
    assert restored(fixed) == b"".join(LINES[: first - 1] + LINES[last:])
    assert verify(str(fixed)).good


def test_blocks_are_found_without_footer_or_header(blocks: Path) -> None:
    """A tail that is gone, a damaged first page, a hole in the middle."""
    whole = blocks.read_bytes()
    with archive.open(str(blocks)) as opened:
        second, third = opened.entries[1], opened.entries[2]
        kept = [opened.block(k).tobytes() for k in range(len(opened.entries))]
    cases = [
        (whole[: -TRAILER - 5], kept),
        (b"\0" * FILE_HEADER + whole[FILE_HEADER:], kept),
        (whole[: second.at] + whole[third.at :], kept[:1] + kept[2:]),
        (whole[: second.at + 10] + b"junk" * 50 + whole[third.at :], kept[:1] + kept[2:]),
    ]
    for data, expected in cases:
        blocks.write_bytes(data)
        check = verify(str(blocks))
        assert not check.good
        fixed = blocks.with_name("fixed.lpz")
        with fixed.open("wb") as out:
            repair(str(blocks), out)
        assert restored(fixed) == b"".join(expected)


def test_what_a_cut_archive_lost_is_told_from_the_first_line_on(blocks: Path) -> None:
    """A tail that is gone costs all from the cut block's first line on, a cut footer nothing."""
    whole = blocks.read_bytes()
    with archive.open(str(blocks)) as opened:
        second, first = opened.entries[1], opened.first_line(1)
        end = opened.entries[-1].end
    for cut in (second.at + BLOCK_HEADER, second.end - 1):
        blocks.write_bytes(whole[:cut])
        check = verify(str(blocks))
        assert [(x.first, x.last, x.bytes) for x in check.lost] == [(first, None, None)]
        assert check.lines == first - 1
        assert not check.complete
    for cut in (end + 40, len(whole) - 1):
        blocks.write_bytes(whole[:cut])
        check = verify(str(blocks))
        assert [(x.first, x.bytes) for x in check.lost] == [(None, 0)]
        assert not check.costs
        assert not check.complete


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """A block header with other bytes and a checksum that is right again."""
    header = bytearray(data[FILE_HEADER : FILE_HEADER + BLOCK_HEADER])
    header[at : at + len(new)] = new
    header[56:] = struct.pack("<Q", xxh64(bytes(header[:56])))
    return data[:FILE_HEADER] + bytes(header) + data[FILE_HEADER + BLOCK_HEADER :]


def refooted(data: bytes, at: int, new: bytes) -> bytes:
    """A footer with other bytes and a checksum that is right again."""
    size = struct.unpack_from("<I", data, len(data) - TRAILER)[0]
    start = len(data) - TRAILER - size
    footer = bytearray(data[start:-TRAILER])
    footer[8 + at : 8 + at + len(new)] = new
    footer[-8:] = struct.pack("<Q", xxh64(bytes(footer[8:-8])))
    return data[:start] + bytes(footer) + data[-TRAILER:]


def test_what_claims_too_much_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    """Checksums are no proof against a forger: counts are held against what is there."""
    data = made(tmp_path, server_log(200)).read_bytes()
    trillion = struct.pack("<Q", 10**12)
    hostile = {
        "10^12 blocks": refooted(data, 0, trillion),
        "10^12 lines": refooted(data, 8, trillion),
        "10^12 bytes": refooted(data, 16, trillion),
        "more lines than bytes": refooted(data, 32, b"\xff" * 4),
        "a block beyond the file": refooted(data, 40, b"\xff" * 4),
        "block: lines": patched(data, 24, b"\xff\xff\xff\x7f"),
        "block: raw bytes": patched(data, 28, b"\xff\xff\xff\x7f"),
        "block: streams": patched(data, 6, b"\xff\xff"),
        "block: codec": patched(data, 4, b"\x63"),
    }
    for name, bad in hostile.items():
        (tmp_path / "bad.lpz").write_bytes(bad)
        with pytest.raises(ArchiveError):
            restored(tmp_path / "bad.lpz")
        assert not verify(str(tmp_path / "bad.lpz")).good, name


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a logpipe archive"),
        (b"just a log\n", "not a logpipe archive"),
        (b"\x89LPZ\n\x1a\n" + b"\0" * 90, "text mode"),
        (b"\x88LPZ\r\n\x1a\n\x01\x00" + b"\0" * 90, "by damage"),
        (b"\x89LPZ\r\n\x1a\n\x02\x00" + b"\0" * 90, r"format 2\.0.*newer"),
        (b"\x89LPZ\r\n\x1a\n\x01\x00\0\0\x04\0\0\0" + b"\0" * 90, "features 0x0004"),
        (b"\x89LPZ\r\n\x1a\n\x01\x00\0\0\0\0\0\0", "does not end"),
    ],
)
def test_foreign_and_newer_files_are_told_apart(data: bytes, message: str, tmp_path: Path) -> None:
    """The message says what it is."""
    (tmp_path / "x").write_bytes(data)

    with pytest.raises(ArchiveError, match=message):
        archive.open(str(tmp_path / "x"))


@pytest.mark.parametrize("position", range(8))
def test_an_archive_with_a_damaged_first_byte_is_not_taken_for_a_log(
    tmp_path: Path, position: int
) -> None:
    """`parse`, `compress` and `detect` would read it as text, and say nothing."""
    data = bytearray(made(tmp_path, b"a line\n").read_bytes())
    data[position] ^= 0x10
    (tmp_path / "bad.lpz").write_bytes(data)

    with pytest.raises(ArchiveError, match="logpipe archive"):
        open_sources([str(tmp_path / "bad.lpz")])


def test_the_checksum_is_xxh64() -> None:
    """Native and by the book, for every length of tail."""
    data = random.Random(1).randbytes(200)
    for n in [*range(100), 200]:
        assert xxh64(data[:n]) == slow_xxh64(data[:n])


def test_an_input_that_changes_is_no_archive(tmp_path: Path, monkeypatch) -> None:
    """What was read is perhaps no state that the file ever had: nothing is written."""
    source = tmp_path / "x.log"
    source.write_bytes(LOG)
    real = compressing.match_rows

    def touched(*arguments) -> None:
        with source.open("ab") as file:
            file.write(b"more\n")
        os.utime(source, (1, 1))
        real(*arguments)

    monkeypatch.setattr(compressing, "match_rows", touched)
    with pytest.raises(OSError, match="changed while it was read"):
        compressing.compress([str(source)], str(tmp_path / "x.lpz"), level="fast")

    assert [p.name for p in tmp_path.iterdir()] == ["x.log"]
