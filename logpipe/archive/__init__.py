"""The archive: logs kept small, exact and searchable. FORMAT.md in the root is its contract.

| module | what |
|---|---|
| `layout` | the container's structures |
| `packing` | streams stored, zstd, LZMA |
| `blocks` | raw bytes to a payload and back |
| `writer` | archives being written and continued |
| `scan` | finding sections, with or without a footer |
| `reader` | lines and ranges |
| `checking` | verify and repair |
| `hints` | guides, filters and counts held against the lines |
| `removing` | deleting an archive that nobody adds to |
| `unpacking` | a payload to raw bytes, or to a block that is opened in stages |
| `pattern`, `regex`, `automaton` | what grep means by an expression, and programs of it |
| `search` | lines that match, block by block |
| `source` | archives as inputs of everything that reads logs |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logpipe.errors import ArchiveError

if TYPE_CHECKING:
    from logpipe.archive.reader import Archive

__all__ = ["ArchiveError", "open"]


def open(path: str, *, limit: int | None = None) -> Archive:
    """Opens an archive for reading; see `logpipe.archive.reader.Archive`.

    Args:
        path: of the file.
        limit: raw bytes that one block may claim to have; default 256 MiB.

    Raises:
        InputError: the file cannot be opened.
        ArchiveError: it is not an archive, is damaged, or was cut short.
    """
    from logpipe.archive.layout import MAX_RAW
    from logpipe.archive.reader import Archive

    return Archive(path, limit=MAX_RAW if limit is None else limit)
