"""Messages and templates on disk: Arrow files with one column, mapped and not read.

The process of a run imports this and nothing else about data sets.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from logpipe.batch import ByteColumn

__all__ = ["read_messages", "read_truth", "write_column"]


def read_messages(path: Path) -> ByteColumn:
    """The messages of a case; the file is mapped, not read."""
    with pa.memory_map(str(path)) as source:
        column = ipc.open_file(source).read_all().column("message").chunk(0)
    _, offsets, data = column.buffers()
    empty = np.zeros(0, np.uint8)
    return ByteColumn(
        np.frombuffer(offsets, np.int32, len(column) + 1),
        empty if data is None else np.frombuffer(data, np.uint8),
    )


def read_truth(path: Path) -> pa.DictionaryArray:
    """The true template of each row; null where there is none."""
    with pa.memory_map(str(path)) as source:
        return ipc.open_file(source).read_all().column("template").chunk(0)


def write_column(path: Path, table: pa.Table) -> None:
    """Writes a table of one column."""
    with pa.OSFile(str(path), "wb") as sink, ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
