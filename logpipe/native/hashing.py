"""XXH64, the checksum of archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logpipe.native.library import checked, ffi, lib

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["xxh64"]


def xxh64(data: bytes | memoryview | npt.NDArray[np.uint8]) -> int:
    """XXH64 with seed 0."""
    out = ffi.new("uint64_t[1]")
    view = memoryview(data)  # type: ignore[arg-type]
    pointer = ffi.from_buffer("uint8_t[]", view) if view.nbytes else ffi.NULL
    checked(lib.lp_xxh64(pointer, view.nbytes, out))
    return int(out[0])
