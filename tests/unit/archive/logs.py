"""Logs that archives are tested with, all invented here."""

from __future__ import annotations

import random
from pathlib import Path

from logpipe import archive
from logpipe.archive.packing import Level
from logpipe.pipeline.compressing import compress

LEVELS: tuple[Level, ...] = ("fast", "default", "max")


def server_log(lines: int = 3000, seed: int = 1) -> bytes:
    """What a server might say: stamps, addresses, ids that come again, some odd lines."""
    rnd = random.Random(seed)
    ids = [f"job-{rnd.getrandbits(60)}" for _ in range(lines // 20 + 1)]
    out = []
    for i in range(lines):
        clock = f"{i // 60 % 24:02d}:{i % 60:02d}:{i * 7 % 60:02d},{i % 1000:03d}"
        stamp = f"2031-04-{1 + i // 1000:02d} {clock}"
        which = rnd.random()
        if which < 0.5:
            peer = f"10.1.{rnd.randrange(4)}.{rnd.randrange(250)}:{rnd.randrange(1024, 65000)}"
            text = f"took {rnd.choice(ids)} from {peer}"
        elif which < 0.8:
            took = f"{rnd.randrange(5000)} ms, {i * 13} left, balance -{i % 3 + 1}"
            text = f"finished {rnd.choice(ids)} in {took}"
        elif which < 0.9:
            text = f"disk /data/{rnd.choice('abc')} is {rnd.randrange(100):03d} percent full"
        else:
            text = rnd.choice(["reload", "who was \xe9?", "\ttrace at x.Y:12", ""])
        line = text if which > 0.97 else f"{stamp} INFO worker.{i % 3}: {text}"
        out.append(line.encode("latin-1") + (b"\r\n" if i % 50 == 7 else b"\n"))
    return b"".join(out)


def made(folder: Path, log: bytes, level: Level = "fast", **options: object) -> Path:
    """An archive of a log."""
    source, target = folder / "source.log", folder / "made.lpz"
    source.write_bytes(log)
    compress([str(source)], str(target), level=level, force=True, **options)  # type: ignore[arg-type]
    return target


def restored(path: Path) -> bytes:
    """All that an archive gives."""
    with archive.open(str(path)) as opened:
        return b"".join(piece.tobytes() for piece in opened.raw())


def split(log: bytes) -> list[bytes]:
    """Lines with their line feeds."""
    lines = log.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
