"""Search in text: lines that contain literals, and lines that lie at given places."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from logpipe.native.library import (
    bytes_pointer,
    checked,
    ffi,
    lib,
    owned,
    part,
    take_bytes,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Needles", "contains", "covers", "filter_of", "lines_at", "lines_with", "may_contain"]

_ALL = 2**63 - 1
Text: TypeAlias = "bytes | bytearray | memoryview | npt.NDArray[np.uint8]"


class Needles(NamedTuple):
    """Literals as the library takes them.

    Attributes:
        literals: in lower case if `ignore_case`; an empty one is found in every line.
        ignore_case: letters of ASCII match both cases.
    """

    literals: tuple[bytes, ...]
    ignore_case: bool = False

    def arguments(self) -> tuple[Any, ...]:
        """Pointer and size of their bytes, of their offsets; what must be held during a call."""
        data = b"".join(self.literals)
        offsets = ffi.new("int64_t[]", list(accumulate(map(len, self.literals), initial=0)))
        return bytes_pointer(data), len(data), offsets, len(self.literals), data


def _table(pointer: Any) -> npt.NDArray[np.int64]:
    import numpy as np

    return part(owned(pointer, lib.lp_buffer_free), 1, np.int64).reshape(-1, 3)


def lines_with(
    text: Text, needles: Needles, *, invert: bool = False, most: int | None = None
) -> npt.NDArray[np.int64]:
    """Lines that contain one of the literals, or, inverted, none of them.

    A line ends at a line feed or with the text, as for grep; what comes before it, a carriage
    return included, is the line.

    Returns:
        int64, one row per line: its number in the text from 0, its start, its end without the line
        feed.
    """
    data = ffi.from_buffer("uint8_t[]", text)
    bytes_, size, offsets, count, held = needles.arguments()
    pointer = lib.lp_search_lines(
        data,
        len(data),
        bytes_,
        size,
        offsets,
        count,
        needles.ignore_case,
        invert,
        _ALL if most is None else most,
    )
    del held
    return _table(pointer)


def lines_at(
    text: Text, places: Sequence[int], *, invert: bool = False, most: int | None = None
) -> npt.NDArray[np.int64]:
    """Lines that one of the places lies in, or, inverted, all others; rows as in `lines_with`.

    Args:
        text: the text.
        places: growing; one behind the last line feed lies in no line.
        invert: the other lines.
        most: no more lines than this.

    Raises:
        NativeError: places that do not grow, or lie beyond the text.
    """
    data = ffi.from_buffer("uint8_t[]", text)
    given = array("q", places)
    return _table(
        lib.lp_search_places(
            data,
            len(data),
            ffi.from_buffer("int64_t[]", given),
            len(given),
            invert,
            _ALL if most is None else most,
        )
    )


def contains(text: Text, needles: Needles) -> bool:
    """Whether the text contains one of the literals."""
    data = ffi.from_buffer("uint8_t[]", text)
    bytes_, size, offsets, count, held = needles.arguments()
    found = lib.lp_search_contains(
        data, len(data), bytes_, size, offsets, count, needles.ignore_case
    )
    del held
    return bool(checked(found))


def filter_of(text: Text, most: int) -> bytes:
    """A small set of what the text's words look like; FORMAT.md describes it.

    Args:
        text: whole lines.
        most: bytes it may have.

    Returns:
        The filter, a power of two of bytes; empty if it would rule out too little.
    """
    data = ffi.from_buffer("uint8_t[]", text)
    return take_bytes(lib.lp_filter_of(data, len(data), most))


def covers(filter_: bytes, text: Text) -> bool:
    """Whether a filter has all that it has to have of a text, or rules out what is there.

    Raises:
        NativeError: bytes that are no filter.
    """
    data = ffi.from_buffer("uint8_t[]", text)
    return bool(
        checked(lib.lp_filter_covers(bytes_pointer(filter_), len(filter_), data, len(data)))
    )


def may_contain(filter_: bytes, needles: Needles) -> bool:
    """Whether a line of the text that the filter was made of may contain one of the literals.

    Raises:
        NativeError: bytes that are no filter.
    """
    bytes_, size, offsets, count, held = needles.arguments()
    found = lib.lp_filter_may_contain(
        bytes_pointer(filter_), len(filter_), bytes_, size, offsets, count
    )
    del held
    return bool(checked(found))
