"""What level default decides by trial: the parse of a block, what packs a stream, the escape."""

from __future__ import annotations

import io
import random
import string
from pathlib import Path

import pytest
import zstandard
from archive_reader import read

from logpipe.archive import blocks, packing
from logpipe.archive.packing import LZMA, ZSTD, least_plain, pack
from logpipe.archive.reader import Archive
from logpipe.pipeline.compressing import compress

LETTERS = string.ascii_letters + string.digits


def _records(lines: int) -> bytes:
    """Records with a message, and counters that grow in a member that nests."""
    rng = random.Random(7)
    totals = [rng.randrange(10**9) for _ in range(80)]
    out = io.StringIO()
    for i in range(lines):
        totals = [total + rng.randrange(9) for total in totals]
        hosts = ",".join(
            f'"h{k}":{{"sent":{totals[k]},"got":[{totals[k + 40]}]}}' for k in range(40)
        )
        at = f"2026-03-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}Z"
        out.write(f'{{"time":"{at}","level":"info","msg":"hosts","hosts":{{{hosts}}}}}\n')
    return out.getvalue().encode()


def _sizes(raw: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Bytes of the archive, and of the one that keeps the parser's templates."""
    log = folder / "a.log"
    log.write_bytes(raw)
    chosen = compress(str(log), str(folder / "chosen.lpz"))
    monkeypatch.setattr(blocks, "_FIELDS", 0.0)
    given = compress(str(log), str(folder / "given.lpz"))
    return chosen.archive_bytes, given.archive_bytes


def test_records_are_cut_into_fields_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Level default takes fields for JSON, which are a fraction of what templates make of it."""
    raw = _records(300)
    chosen, given = _sizes(raw, tmp_path, monkeypatch)
    assert chosen < 0.7 * given
    path = tmp_path / "chosen.lpz"
    assert read(path.read_bytes()) == raw
    with Archive(str(path)) as archive:
        assert b"".join(map(bytes, archive.buffers())) == raw
        found = [line for _, line in archive.search("7]}", syntax="fixed")]
    assert found == [line for line in raw.splitlines() if b"7]}" in line]
    assert found


def test_sentences_keep_their_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields are taken only where they are clearly smaller."""
    rng = random.Random(3)
    raw = "".join(
        f"worker {rng.randrange(40)} took job {i} of queue {rng.choice(['in', 'out', 'late'])}\n"
        for i in range(5000)
    ).encode()
    chosen, given = _sizes(raw, tmp_path, monkeypatch)
    assert chosen == given


def test_letters_without_repeats_need_no_lzma() -> None:
    """On random letters zstd is as small as LZMA; on anything that comes again LZMA is smaller."""
    rng = random.Random(1)
    text = "".join(rng.choices(LETTERS, k=300_000)).encode()
    packing_, packed = pack(text, "default")
    assert packing_ == ZSTD
    assert len(packed) < 1.02 * len(packing._lzma(text, 6))
    words = text.decode().replace("e", " ").split()[:2000]
    assert pack(" ".join(rng.choices(words, k=9000)).encode(), "default")[0] == LZMA
    assert pack(b"".join(b"%d " % (i * 7) for i in range(60_000)), "default")[0] == LZMA


def _texts() -> list[bytes]:
    rng = random.Random(5)
    letters = "".join(rng.choices(LETTERS, k=600_000)).encode()
    words = [bytes(rng.choices(b"etaoinshr", k=rng.randrange(2, 9))) for _ in range(3000)]
    return [
        _records(100),
        letters,
        letters[:300_000] * 2,
        b" ".join(rng.choices(words, k=100_000)),
        bytes(700_000),
        b"".join(b"%d\n" % (i * i) for i in range(60_000)),
    ]


@pytest.mark.parametrize("number", range(len(_texts())))
def test_a_guess_at_zstd_19_is_never_above_it(number: int) -> None:
    """The plain escape is not tried only where it cannot win."""
    raw = _texts()[number]
    assert least_plain(raw) <= len(zstandard.ZstdCompressor(level=19).compress(raw)) + 200
