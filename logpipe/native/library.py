"""The native library, loaded, and what every caller of it needs: errors, ownership, buffers.

Only the modules of this package call the library. A pointer that it returns is owned by Python from
then on and freed with the object that holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from logpipe.errors import NativeError

if TYPE_CHECKING:
    # Numpy is imported where arrays are made: its import takes longer than a search.
    import numpy as np
    import numpy.typing as npt

    from logpipe.batch import ByteColumn

try:
    from logpipe._native import ffi, lib
except ImportError as error:  # pragma: no cover - a source tree that was never built
    raise ImportError(
        "logpipe's native core is not built: run `make native`, or install the wheel"
    ) from error

__all__ = [
    "bytes_pointer",
    "checked",
    "column_parts",
    "counted",
    "fail",
    "ffi",
    "lib",
    "owned",
    "part",
    "part_bytes",
    "part_view",
    "pointer_to",
    "take_bytes",
]

ABI_VERSION = 1
if lib.lp_abi_version() != ABI_VERSION:  # pragma: no cover - a stale build
    raise ImportError(
        f"logpipe's native core has ABI {lib.lp_abi_version()}, this Python code needs "
        f"{ABI_VERSION}: rebuild it with `make native`"
    )


def fail() -> NativeError:
    """The error of the call that just failed."""
    text = ffi.new("uint8_t[]", 2000)
    n = lib.lp_error(text, 2000)
    return NativeError(bytes(ffi.buffer(text, n)).decode("utf-8", "replace"))


def checked(result: int) -> int:
    """A result that says whether the call succeeded.

    Raises:
        NativeError: it did not.
    """
    if result < 0:
        raise fail()
    return result


def _free(_: Any, free: Callable[[Any], None], pointer: Any) -> None:
    free(pointer)


def owned(pointer: Any, free: Callable[[Any], None]) -> Any:
    """A pointer that is given to `free` when nobody holds it any more; null is an error."""
    if pointer == ffi.NULL:
        raise fail()
    # The destructor holds the library: at exit it would be unloaded before the last object.
    return ffi.gc(pointer, partial(_free, lib, free))


def _hold(_owner: Any, _pointer: Any) -> None:
    # Named: the command line knows what the interpreter calls when something is freed.
    pass


def held(pointer: Any, owner: Any) -> Any:
    """A pointer into memory of `owner`, which lives as long as the pointer."""
    return ffi.gc(pointer, partial(_hold, owner))


def bytes_pointer(data: bytes | memoryview | npt.NDArray[np.uint8]) -> Any:
    """Bytes as the library takes them; valid while the result is held."""
    return ffi.from_buffer("uint8_t[]", data)


def counted(what: str, array: npt.NDArray[Any] | ByteColumn, expected: int) -> None:
    """Refuses an array that is not as long as native code will take it to be."""
    if len(array) != expected:
        raise NativeError(f"{what}: expected {expected} values, found {len(array)}")


def column_parts(column: ByteColumn) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Offsets and data of a column as the library takes them."""
    import numpy as np

    offsets = np.ascontiguousarray(column.offsets, np.int32)
    if len(offsets) == 0:
        raise NativeError("a column without offsets; expected one more than values")
    return offsets, np.ascontiguousarray(column.data, np.uint8)


def pointer_to(array: npt.NDArray[Any], ctype: str) -> Any:
    """The address of an array; valid while the array is held."""
    return ffi.cast(ctype, array.ctypes.data)


def part(buffer: Any, which: int, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A numpy view of one part of an LpBuffer; keeps the buffer alive."""
    import numpy as np

    out = ffi.new("uint8_t *[1]")
    n = checked(lib.lp_buffer_part(buffer, which, out))
    if n == 0:
        return np.empty(0, dtype)
    alive = held(out[0], buffer)
    return np.frombuffer(ffi.buffer(alive, n * np.dtype(dtype).itemsize), dtype)


def part_view(buffer: Any, which: int = 0, size: int = 1) -> memoryview:
    """The bytes of one part of an LpBuffer whose values have `size` bytes; keeps it alive."""
    out = ffi.new("uint8_t *[1]")
    n = checked(lib.lp_buffer_part(buffer, which, out))
    if n == 0:
        return memoryview(b"")
    alive = held(out[0], buffer)
    return memoryview(ffi.buffer(alive, n * size))


def part_bytes(buffer: Any, which: int = 0, size: int = 1) -> bytes:
    """A copy of one part of an LpBuffer whose values have `size` bytes."""
    out = ffi.new("uint8_t *[1]")
    n = checked(lib.lp_buffer_part(buffer, which, out))
    return bytes(ffi.buffer(out[0], n * size)) if n else b""


def take_bytes(pointer: Any) -> bytes:
    """The bytes of an LpBuffer, which is freed."""
    return part_bytes(owned(pointer, lib.lp_buffer_free))
