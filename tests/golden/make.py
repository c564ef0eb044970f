"""Makes the golden archives; run by hand when the format grows: `make golden`.

Files that exist are never replaced: an archive of an old version has to stay readable for good, and
what was once refused has to stay refused.
"""

from __future__ import annotations

import struct
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "unit" / "archive"))

from logs import made, server_log  # noqa: E402

from logpipe.archive.layout import BLOCK_HEADER, FILE_HEADER, TRAILER  # noqa: E402
from logpipe.native.hashing import xxh64  # noqa: E402

THREE_LINES = b"10:59:59 job 7 done\n10:59:59 job 8 done\n11:00:00 job 9 done\n"


def keep(name: str, data: bytes) -> None:
    """Writes a file that does not exist yet."""
    if not (HERE / name).exists():
        (HERE / name).write_bytes(data)


def main() -> None:
    """Writes what is missing."""
    (HERE / "corrupt").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        keep("log.txt", server_log(60))
        log = (HERE / "log.txt").read_bytes()
        for level in ("fast", "default", "max"):
            keep(f"{level}-1.0.lpz", made(place, log, level).read_bytes())
        # Level max codes smaller blocks as the others do.
        keep("model-1.0.lpz", made(place, server_log(800), "max").read_bytes())
        keep("empty-1.0.lpz", made(place, b"").read_bytes())
        keep("three-lines-1.0.lpz", made(place, THREE_LINES, layout="<Content>").read_bytes())
    good = (HERE / "fast-1.0.lpz").read_bytes()

    def header(at: int, new: bytes) -> bytes:
        block = bytearray(good[FILE_HEADER : FILE_HEADER + BLOCK_HEADER])
        block[at : at + len(new)] = new
        block[56:] = struct.pack("<Q", xxh64(bytes(block[:56])))
        return good[:FILE_HEADER] + bytes(block) + good[FILE_HEADER + BLOCK_HEADER :]

    size = struct.unpack_from("<I", good, len(good) - TRAILER)[0]

    def footer(at: int, new: bytes) -> bytes:
        start = len(good) - TRAILER - size
        data = bytearray(good[start:-TRAILER])
        data[8 + at : 8 + at + len(new)] = new
        data[-8:] = struct.pack("<Q", xxh64(bytes(data[8:-8])))
        return good[:start] + bytes(data) + good[-TRAILER:]

    flipped = bytearray(good)
    flipped[FILE_HEADER + BLOCK_HEADER + 40] ^= 1
    for name, data in {
        "payload-bit": bytes(flipped),
        "cut-in-footer": good[:-30],
        "cut-in-block": good[:200],
        "newer-major": good[:8] + b"\x02" + good[9:],
        "unknown-feature": good[:12] + b"\x01" + good[13:],
        "text-mode": good.replace(b"\r\n", b"\n"),
        "claims-10e12-lines": footer(8, struct.pack("<Q", 10**12)),
        "claims-10e12-blocks": footer(0, struct.pack("<Q", 10**12)),
        "block-claims-2-gigabytes": header(28, b"\xff\xff\xff\x7f"),
        "block-codec-99": header(4, b"\x63"),
        "block-65535-streams": header(6, b"\xff\xff"),
        "two-archives-in-a-row": good + good,
    }.items():
        keep(f"corrupt/{name}.lpz", data)


if __name__ == "__main__":
    main()
