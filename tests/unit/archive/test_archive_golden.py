"""Bytes of archives that are promised: version 1.0 stays readable, and is written as it was."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import random
import sys
from importlib import resources
from pathlib import Path

import pytest
import zstandard
from archive_reader import filter_numbers, filters, in_filter, read

sys.path.insert(0, str(Path(__file__).parent))
from logs import made, restored

from logpipe import archive
from logpipe.archive.unpacking import ROWS
from logpipe.pipeline import compressing
from logpipe.pipeline.compressing import compress

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
THREE_LINES = b"10:59:59 job 7 done\n10:59:59 job 8 done\n11:00:00 job 9 done\n"
MODEL_LOG = "e79e51962b50df15dbe2d0854dddb585cac101e52253e7d7c1000ab507aec1e3"
"""SHA-256 of what `model-1.0.lpz` holds."""
SIZES = ROOT / "tests" / "sizes.csv"
LEVELS = tuple(
    level for level in ("fast", "default", "max") if (GOLDEN / f"{level}-1.0.lpz").exists()
)
"""Those whose bytes are promised by now; `make golden` adds max once its model stays as it is."""


@pytest.mark.parametrize("level", LEVELS)
def test_archives_of_version_1_0_are_read(level) -> None:
    """By the package, and by the reader written from FORMAT.md."""
    log = (GOLDEN / "log.txt").read_bytes()
    path = GOLDEN / f"{level}-1.0.lpz"

    assert restored(path) == log
    if level != "max":  # whose model the second reader leaves out
        assert read(path.read_bytes()) == log


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_log_gives_the_same_archive(level, tmp_path: Path) -> None:
    """On every machine, with the packers' versions of constraints.txt."""
    log = (GOLDEN / "log.txt").read_bytes()

    assert made(tmp_path, log, level).read_bytes() == (GOLDEN / f"{level}-1.0.lpz").read_bytes()


def test_the_model_of_level_max_stays_as_it_is(tmp_path: Path) -> None:
    """Its archive is read, and what was read makes the same archive again."""
    path = GOLDEN / "model-1.0.lpz"
    log = restored(path)

    assert hashlib.sha256(log).hexdigest() == MODEL_LOG
    with archive.open(str(path)) as opened:
        assert {entry.codec for entry in opened.entries} == {ROWS}
    assert made(tmp_path, log, "max").read_bytes() == path.read_bytes()


def test_filters_have_the_bits_that_the_document_says(tmp_path: Path, monkeypatch) -> None:
    """Every word and pair of numbers of a block, and hardly anything that is not there."""
    monkeypatch.setattr(compressing, "BLOCK", dict.fromkeys(compressing.BLOCK, 200_000))
    monkeypatch.setattr(compressing, "_CHUNK", 50_000)
    rnd = random.Random(3)
    ids = [f"Session_{rnd.getrandbits(64):016X}\u00fc" for _ in range(200)]
    log = "".join(
        f"07:08:{i % 60:02d}.{rnd.randrange(999):03d} open {ids[i // 80]} at 10.1.{i // 3000}.7\n"
        for i in range(16_000)
    )
    data = made(tmp_path, log.encode()).read_bytes()
    known = [(filter_numbers(raw), table) for raw, table in filters(data)]

    assert len([table for _, table in known if table]) >= 4
    for numbers, table in known:
        assert len(numbers) > 40
        assert not table or all(in_filter(table, v) for v in numbers)
        absent = [v * 0x9E3779B97F4A7C15 % 2**64 for v in range(1, 2001)]
        bits = sum(b.bit_count() for b in table)
        expected = (bits / (8 * len(table) or 1)) ** 2
        there = sum(in_filter(table, v) for v in absent) / len(absent) if table else 0.0
        assert abs(there - expected) < 0.05


def dump(data: bytes) -> str:
    """Bytes as FORMAT.md shows them."""
    rows = []
    for at in range(0, len(data), 16):
        piece = data[at : at + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in piece)
        rows.append(f"    {at:04x}  {piece.hex(' '):47}  {text}".rstrip())
    return "\n".join(rows) + "\n"


def test_the_worked_dump_of_the_document_is_what_is_written(tmp_path: Path) -> None:
    """FORMAT.md shows an archive of three lines byte for byte."""
    data = made(tmp_path, THREE_LINES, layout="<Content>").read_bytes()

    assert data == (GOLDEN / "three-lines-1.0.lpz").read_bytes()
    assert dump(data) in (ROOT / "FORMAT.md").read_text(encoding="utf-8")


def sizes(folder: Path) -> dict[tuple[str, str], int]:
    """What archives of the embedded sample take, and, where the mirror is, of real logs."""
    logs: dict[str, bytes] = {}
    for entry in sorted((resources.files("logpipe") / "data" / "sample").iterdir(), key=str):
        if entry.name.endswith(".log.zst"):
            reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(entry.read_bytes()))
            logs[f"sample/{entry.name.removesuffix('.zst')}"] = reader.read()
    mirror = os.environ.get("LOGPIPE_MIRROR")
    if mirror:
        for name in ("hdfs-raw/HDFS_5000.log", "bgl-raw/BGL_5000.log"):
            if (Path(mirror) / name).is_file():
                logs[name] = (Path(mirror) / name).read_bytes()
    found = {}
    for name, log in logs.items():
        found[name, "raw"] = len(log)
        for level in LEVELS:
            (folder / "in").write_bytes(log)
            result = compress([str(folder / "in")], str(folder / "out"), level=level, force=True)
            found[name, level] = result.archive_bytes
    return found


def test_sizes_are_those_that_are_committed(tmp_path: Path) -> None:
    """A change of a ratio is a change of tests/sizes.csv, and so is seen.

    To accept one: `make golden`, with LOGPIPE_MIRROR set.
    """
    found = sizes(tmp_path)
    if os.environ.get("LOGPIPE_SIZES") == "write":
        rows = "".join(f"{name},{what},{size}\n" for (name, what), size in found.items())
        SIZES.write_text("log,level,bytes\n" + rows, encoding="utf-8")
    with SIZES.open(encoding="utf-8", newline="") as file:
        known = {(r["log"], r["level"]): int(r["bytes"]) for r in csv.DictReader(file)}

    assert found == {key: known.get(key) for key in found}
