"""Millions of small numbers kept between two passes: compressed, and on disk once they are many."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import zstandard

__all__ = ["IdSpool"]

_IN_MEMORY = 16 << 20


class IdSpool:
    """A queue of uint32 arrays, written once and then read once or more, in order.

    Ids of log lines compress to a fraction of a byte each, so that a billion lines need some
    hundred MB of a temporary file and no memory.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._compressor = zstandard.ZstdCompressor(level=1)
        self.arrays = 0

    def put(self, ids: npt.NDArray[np.uint32]) -> None:
        """Appends one array."""
        packed = self._compressor.compress(np.ascontiguousarray(ids, "<u4").tobytes())
        self._file.write(struct.pack("<I", len(packed)))
        self._file.write(packed)
        self.arrays += 1

    def __iter__(self) -> Iterator[npt.NDArray[np.uint32]]:
        self._file.seek(0)
        decompressor = zstandard.ZstdDecompressor()
        for _ in range(self.arrays):
            (length,) = struct.unpack("<I", self._file.read(4))
            yield np.frombuffer(decompressor.decompress(self._file.read(length)), "<u4")

    def close(self) -> None:
        """Frees the memory or the file."""
        self._file.close()
