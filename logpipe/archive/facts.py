"""What an archive is made of, for people: streams by size, blocks, templates."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from logpipe.archive.layout import FORMAT, RECORD_LAYOUT, BlockHeader
from logpipe.archive.packing import unpack
from logpipe.archive.pieces import read_varint
from logpipe.archive.reader import Archive
from logpipe.archive.unpacking import COLUMNS, PLAIN, ROWS, directory
from logpipe.errors import ArchiveError
from logpipe.native.hashing import xxh64

__all__ = ["STREAM_NAMES", "facts"]

STREAM_NAMES = (
    "templates and columns",
    "literals of templates",
    "template of each line",
    "numbers, steps",
    "time stamps",
    "numbers, wide",
    "numbers, planes",
    "dictionary indexes",
    "texts",
    "lengths of texts",
    "rows",
)

_CODECS = {PLAIN: "plain", COLUMNS: "columns", ROWS: "rows"}
_PACKINGS = ("stored", "zstd", "lzma", "mixed")


def facts(path: str) -> dict[str, Any]:
    """Sizes, blocks and streams of an archive; as JSON would have it.

    Raises:
        ArchiveError, InputError: as `Archive`; a block whose directory is damaged.
    """
    streams: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    blocks, templates = [], 0
    with Archive(path) as archive:
        packed = 0
        for number, entry in enumerate(archive.entries):
            header, payload = archive.payload(number)
            try:
                if xxh64(payload) != header.coded_hash:
                    raise ArchiveError("checksum of the stored bytes is wrong")
                listed = directory(payload, header.streams, 1 << 40)
            except ArchiveError as error:
                at = f"block {number + 1} of {len(archive.entries)}, at byte {entry.at:,}"
                raise ArchiveError(
                    f"{path}: {at}: {error}; `logpipe verify {path}` says which lines that costs"
                ) from None
            packings = set()
            for s in listed:
                name = _name(header, s.kind)
                streams[name][0] += s.packed
                streams[name][1] += s.size
                packed += s.packed
                packings.add(_PACKINGS[s.packing] if s.packing < len(_PACKINGS) else "?")
                if header.codec in (COLUMNS, ROWS) and s.kind == 0:
                    table = unpack(s.packing, payload[s.at : s.at + s.packed], s.size)
                    templates += read_varint(table, 0)[0]
            blocks.append(
                {
                    "first_line": archive.first_line(number),
                    "lines": entry.starts,
                    "raw_bytes": entry.raw,
                    "stored_bytes": entry.payload,
                    "at": entry.at,
                    "codec": _CODECS.get(header.codec, str(header.codec)),
                    "packings": sorted(packings),
                }
            )
        streams["headers and footer"] = [archive.size - packed, archive.size - packed]
        return {
            "file": path,
            "format": FORMAT,
            "archive_bytes": archive.size,
            "raw_bytes": archive.raw_size,
            "lines": archive.lines,
            "layouts": archive.records.get(RECORD_LAYOUT, b"").decode("utf-8", "replace").split(),
            "templates": templates,
            "streams": [
                {"name": name, "stored": stored, "size": size}
                for name, (stored, size) in sorted(streams.items(), key=lambda s: -s[1][0])
            ],
            "blocks": blocks,
        }


def _name(header: BlockHeader, kind: int) -> str:
    if header.codec == PLAIN:
        return "lines as they are"
    return STREAM_NAMES[kind] if kind < len(STREAM_NAMES) else f"stream {kind}"
