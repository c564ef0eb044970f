"""What an archive says of its blocks beside their bytes: behind right checksums it can be wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from logs import made, restored, server_log

from logpipe.archive import blocks
from logpipe.archive.blocks import pack_bytes
from logpipe.archive.checking import repair, verify
from logpipe.archive.hints import without_guide
from logpipe.archive.layout import (
    CONTINUES,
    OPEN_END,
    RECORD_FILTERS,
    RECORD_LAYOUT,
    BlockHeader,
    Entry,
    Footer,
    file_header,
    parse_filters,
    trailer,
)
from logpipe.archive.pattern import compile_pattern
from logpipe.archive.pieces import put_varint, unpack_any
from logpipe.archive.reader import Archive
from logpipe.archive.unpacking import GUIDE, directory, room, unpack_streams
from logpipe.errors import NativeError
from logpipe.native.hashing import xxh64
from logpipe.native.unpack import STREAMS, recount_guide
from logpipe.pipeline import compressing

LOG = server_log(6000)
Block = tuple[BlockHeader, bytes]


@pytest.fixture(params=["fast", "default"])
def packed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch) -> Path:
    """A log in blocks that have guides, and filters."""
    monkeypatch.setattr(blocks, "_GUIDED", 0)
    monkeypatch.setattr(blocks, "_GUIDE_SHARE", 0)
    monkeypatch.setattr(blocks, "_FILTER_SHARE", 1)
    monkeypatch.setitem(compressing.BLOCK, request.param, 1 << 16)
    monkeypatch.setattr(compressing, "_CHUNK", 1 << 15)
    return made(tmp_path, LOG, request.param)


def parts(path: Path) -> tuple[list[Block], dict[int, bytes]]:
    """Blocks and records."""
    with Archive(str(path)) as archive:
        found = [archive.payload(i) for i in range(len(archive.entries))]
        return found, dict(archive.records)


def put(
    path: Path,
    found: list[Block],
    records: dict[int, bytes],
    entry: Callable[[Entry], Entry] = lambda e: e,
) -> None:
    """Writes an archive of them, with right checksums."""
    out, entries = file_header(), []
    for header, payload in found:
        whole = header._replace(payload=len(payload), coded_hash=xxh64(payload))
        entries.append(entry(Entry.of(len(out), whole)))
        out += whole.pack() + payload
    footer = Footer(entries, records).pack()
    path.write_bytes(out + footer + trailer(footer))


def with_guide(block: Block, change: Callable[[bytearray], None]) -> Block:
    """A block whose guide was changed."""
    header, payload = block
    listed = directory(payload, header.streams, room(header.raw))
    head, body = b"", b""
    for s in listed:
        data = payload[s.at : s.at + s.packed]
        packing, size = s.packing, s.size
        if s.kind == GUIDE:
            guide = bytearray(unpack_any(s.packing, data, s.size))
            change(guide)
            packing, size, data = 0, len(guide), bytes(guide)
        head += bytes([s.kind, packing]) + put_varint(size) + put_varint(len(data))
        body += data
    return header, head + body


def count(path: Path, pattern: bytes) -> int:
    """Lines that a search finds."""
    with Archive(str(path)) as archive:
        made_of = compile_pattern(pattern, syntax="fixed")
        found = list(archive.search_blocks(made_of))
        assert all(hits.error is None for hits in found)
        return sum(hits.count for hits in found)


def check_found(path: Path, *words: str, block: int = 1) -> None:
    """Verify finds it and says where; repair makes a whole archive of all lines."""
    with Archive(str(path)) as archive:
        first, at = archive.first_line(block), archive.entries[block].at
    check = verify(str(path))
    assert not check.good
    assert not check.costs
    assert len(check.lost) == 1, check.lost
    lost = check.lost[0]
    assert (lost.first, lost.at, lost.bytes) == (first, at, 0)
    assert all(word in lost.reason for word in words), lost.reason
    mended = path.with_name("mended.lpz")
    with mended.open("wb") as sink:
        repair(str(path), sink)
    assert verify(str(mended)).good
    assert restored(mended) == LOG


def test_whole_archives_have_the_guides_and_filters_that_verify_makes(packed: Path) -> None:
    """Of every block; otherwise the tests below would prove nothing."""
    found, records = parts(packed)
    assert len(found) > 5
    filters = parse_filters(records[RECORD_FILTERS], len(found))
    assert sum(bool(f) for f in filters) > 5
    for header, payload in found:
        assert GUIDE in {s.kind for s in directory(payload, header.streams, room(header.raw))}
    assert verify(str(packed)).good


def test_a_forged_guide_made_a_search_miss_lines_and_verify_was_content(tmp_path: Path) -> None:
    """It says of long texts which kinds of bytes are in them; here, one less than there are."""
    rnd = random.Random(3)
    names = ["".join(rnd.choices("jklmnopq", k=8)) for _ in range(9000)]
    log = "".join(f"user {name} of {name[::-1]} has logged in\n" for name in names).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_GUIDED", 0)
        patch.setattr(blocks, "_GUIDE_SHARE", 0)
        path = made(tmp_path, log)
    found, records = parts(path)
    wanted = names[700].encode()
    assert count(path, wanted) == 1
    missed = 0
    for back in range(1, 20):

        def change(guide: bytearray, back: int = back) -> None:
            guide[-back] ^= 1

        put(path, [with_guide(found[0], change)], records)
        with suppress(AssertionError):  # the search noticed by itself
            missed += count(path, wanted) == 0
        [lost] = verify(str(path)).lost
        assert (lost.first, lost.last, lost.bytes) == (1, 9000, 0)
        assert "guide" in lost.reason
    assert missed


def test_whatever_number_of_a_guide_is_wrong_verify_finds_it(packed: Path) -> None:
    """In every section."""
    found, records = parts(packed)
    guide_size = 0

    def note(guide: bytearray) -> None:
        nonlocal guide_size
        guide_size = len(guide)

    with_guide(found[1], note)
    for at in range(0, guide_size, max(guide_size // 40, 1)):

        def change(guide: bytearray, at: int = at) -> None:
            guide[at] ^= 1

        put(packed, [found[0], with_guide(found[1], change), *found[2:]], records)
        check = verify(str(packed))
        assert [lost.bytes for lost in check.lost] == [0], at
        assert "guide" in check.lost[0].reason
    assert guide_size > 40
    check_found(packed, "guide", "searches miss lines")


def test_a_guide_that_cannot_be_unpacked_is_found(packed: Path) -> None:
    """Too short, and empty."""
    found, records = parts(packed)
    for change in (bytearray.clear, lambda guide: guide.append(0), lambda guide: guide.pop()):
        put(packed, [found[0], with_guide(found[1], change), *found[2:]], records)
        check_found(packed, "guide")


def test_hostile_streams_are_refused_or_counted(packed: Path) -> None:
    """No number of theirs is believed further than the streams go."""
    reasons: list[str] = []
    header, payload = parts(packed)[0][1]
    streams = unpack_streams(header, payload)
    rnd = random.Random(8)
    for _ in range(400):
        handed = [bytearray(streams.get(kind, b"")) for kind in range(STREAMS)]
        for _ in range(rnd.choice([1, 1, 4])):
            hit = handed[rnd.choice([0, 0, 0, *streams])]
            hit[rnd.randrange(len(hit))] = rnd.choice([0, 127, 128, 255, rnd.getrandbits(8)])
        try:
            recount_guide([bytes(s) for s in handed], header.lines, header.raw)
        except NativeError as error:
            reasons.append(str(error))
    assert len(reasons) > 50
    assert not any("internal" in reason for reason in reasons)


def test_a_block_without_its_guide_is_whole(packed: Path) -> None:
    """A writer may leave it away."""
    found, records = parts(packed)
    header, payload = found[1]
    streams, less = without_guide(header, payload)
    assert (streams, len(less) < len(payload)) == (header.streams - 1, True)
    put(packed, [found[0], (header._replace(streams=streams), less), *found[2:]], records)
    assert verify(str(packed)).good
    assert restored(packed) == LOG


def test_a_filter_that_lacks_a_word_is_found(packed: Path) -> None:
    """One bit less, and a block with the word is skipped."""
    found, records = parts(packed)
    record = bytearray(records[RECORD_FILTERS])
    first = parse_filters(bytes(record), len(found))[0]
    start = 4 + len(first) + 4
    at = next(i for i in range(start, len(record)) if record[i])
    record[at] &= record[at] - 1
    put(packed, found, {**records, RECORD_FILTERS: bytes(record)})
    check_found(packed, "filter", "searches miss lines")


def test_a_filter_with_more_than_its_words_is_no_damage(packed: Path) -> None:
    """It rules out less, and nothing that is there."""
    found, records = parts(packed)
    record = bytearray(records[RECORD_FILTERS])
    size = len(parse_filters(bytes(record), len(found))[0])
    record[4 : 4 + size] = b"\xff" * size
    put(packed, found, {**records, RECORD_FILTERS: bytes(record)})
    assert verify(str(packed)).good


def test_a_header_that_counts_wrong_lines_is_found(packed: Path) -> None:
    """Of a plain block: all line numbers behind it were wrong, and verify was content."""
    found, records = parts(packed)
    with Archive(str(packed)) as archive:
        raw = bytes(archive.buffer(1))
    plain = pack_bytes(raw, "fast")
    header = found[1][0]._replace(
        codec=plain.codec, streams=plain.streams, lines=found[1][0].lines + 1
    )
    # The headers behind it agree with it.
    rest = [(h._replace(first_line=h.first_line + 1), p) for h, p in found[2:]]
    put(packed, [found[0], (header, plain.payload), *rest], records)
    check_found(packed, "lines, its header says")


def test_a_header_with_a_wrong_end_is_found(packed: Path) -> None:
    """The line behind it would be a part of this block's last one."""
    found, records = parts(packed)
    header, payload = found[1]
    later, rest = found[2]
    changed = [
        (header._replace(flags=header.flags | OPEN_END), payload),
        (later._replace(flags=CONTINUES, first_line=later.first_line - 1), rest),
        *((h._replace(first_line=h.first_line - 1), p) for h, p in found[3:]),
    ]
    put(packed, [found[0], *changed], records)
    check_found(packed, "whether the last line has an end")


def test_a_footer_that_says_other_than_the_headers_is_found(packed: Path) -> None:
    """Sums that are right hid it: `cat` refused what verify called whole."""
    found, records = parts(packed)
    seen = -1

    def swapped(entry: Entry) -> Entry:
        nonlocal seen
        seen += 1
        return entry._replace(flags=entry.flags | 4) if seen == 1 else entry

    put(packed, found, records, swapped)
    check_found(packed, "the footer has other")


def test_a_block_that_begins_with_another_line_is_found(packed: Path) -> None:
    """Its header says so, and nobody looked."""
    found, records = parts(packed)
    found[1] = (found[1][0]._replace(first_line=found[1][0].first_line + 1), found[1][1])
    put(packed, found, records)
    check = verify(str(packed))
    assert "claims to begin with line" in check.lost[0].reason
    assert not check.costs


def appended(folder: Path) -> Path:
    """An archive of lines of two layouts."""
    path, more = made(folder, LOG, "fast"), folder / "more.log"
    more.write_bytes(b'127.0.0.1 - - [01/Jan/2031:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n' * 9)
    compressing.compress([str(more)], str(path), level="fast", layout="access", append=True)
    return path


def test_an_append_forgot_the_names_of_the_layouts_before_it(tmp_path: Path) -> None:
    """`info` told only the last one."""
    assert parts(appended(tmp_path))[1][RECORD_LAYOUT] == b"log4j\naccess"


@pytest.mark.parametrize(
    ("damage", "names"),
    [("block", b"log4j\naccess"), ("footer", b"log4j"), ("cut", b"log4j"), ("none", None)],
)
def test_a_repaired_archive_forgot_the_names_of_its_layouts(
    tmp_path: Path, damage: str, names: bytes | None
) -> None:
    """They are in the footer; in an older one, where the last one is damaged."""
    path = appended(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "block":
        data[200] ^= 1
    elif damage == "footer":
        data[data.rindex(b"LPZF") + 30] ^= 1
    elif damage == "cut":
        del data[-5:]
    else:
        found, _ = parts(path)
        put(path, found, {})
        data = bytearray(path.read_bytes())
    path.write_bytes(data)

    mended = tmp_path / "mended.lpz"
    with mended.open("wb") as sink:
        repair(str(path), sink)

    assert parts(mended)[1].get(RECORD_LAYOUT) == names
