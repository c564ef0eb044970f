"""Where in lines matches lie, and lines as grep prints them."""

from __future__ import annotations

from array import array

from logpipe.native.library import bytes_pointer, ffi, lib, owned, part_bytes
from logpipe.native.select import Program, TooMuchError

__all__ = ["around_lines", "find_parts", "pick_lines", "print_lines"]

_OTHERWISE = -1


def find_parts(text: bytes, forward: Program, backward: Program, *, words: bool) -> array[int]:
    """Parts of lines that match, the leftmost first, of these the longest; empty ones left out.

    Args:
        text: whole lines; the last one need not end in a line feed.
        forward: the expression.
        backward: the same for lines that are read from their end.
        words: as after `grep -w`.

    Returns:
        Three numbers each: the line's from 0, start and end in it.

    Raises:
        TooMuchError: the expression has too many states on this text.
    """
    out = ffi.new("int64_t[1]")
    pointer = lib.lp_text_parts(
        forward.pointer, backward.pointer, bytes_pointer(text), len(text), words, out
    )
    if pointer == ffi.NULL and int(out[0]) == _OTHERWISE:
        raise TooMuchError("too many states")
    found = array("q")
    found.frombytes(part_bytes(owned(pointer, lib.lp_buffer_free), 1, 8))
    return found


def print_lines(
    lines: bytes,
    numbers: array[int],
    *,
    name: bytes | None = None,
    origin: int = 0,
    numbered: bool = False,
    found: bytes | None = None,
    parts: array[int] | None = None,
    context: bool = False,
    zero: bool = False,
    painted: bool = False,
    whole: bool = False,
) -> bytes:
    """Lines with what stands before them, a sign behind each of that.

    Args:
        lines: each with a line feed.
        numbers: one for each line.
        name: of their file.
        origin: what is added to the numbers.
        numbered: whether numbers are printed.
        found: a byte for each line, if context is printed, too: where it is 0, the line is context,
            and the sign a hyphen; `--` stands between lines that are not neighbours.
        parts: of lines, as `find_parts` has them; they are printed then, each on its own.
        context: parts are printed of the lines that were not found.
        zero: a zero byte, and no sign, stands behind the name.
        painted: with the colours of grep.
        whole: lines are printed whole, and their parts have a colour.
    """
    pointer = lib.lp_print_lines(
        bytes_pointer(lines),
        len(lines),
        ffi.NULL if name is None else ffi.from_buffer("uint8_t[]", name or b"\0"),
        len(name or b""),
        ffi.from_buffer("int64_t[]", numbers),
        ffi.NULL if found is None else ffi.from_buffer("uint8_t[]", found),
        len(numbers),
        origin,
        numbered,
        ffi.NULL if parts is None else ffi.from_buffer("int64_t[]", parts),
        0 if parts is None else len(parts) // 3,
        context + 2 * zero + 4 * painted + 8 * whole,
    )
    return part_bytes(owned(pointer, lib.lp_buffer_free))


def around_lines(
    found: array[int], before: int, after: int, lines: int
) -> tuple[array[int], bytes]:
    """Lines of a block that are printed if some were found, with context.

    Args:
        found: growing numbers from 0.
        before: lines before each.
        after: lines behind each.
        lines: of the block.

    Returns:
        Their numbers; a byte for each, 1 where it was found.

    Raises:
        NativeError: numbers that do not grow, or are not in the block.
    """
    pointer = lib.lp_around_lines(
        ffi.from_buffer("int64_t[]", found), len(found), before, after, lines
    )
    buffer = owned(pointer, lib.lp_buffer_free)
    numbers = array("q")
    numbers.frombytes(part_bytes(buffer, 1, 8))
    return numbers, part_bytes(buffer)


def pick_lines(text: bytes, numbers: array[int]) -> bytes:
    """Some lines of a text, by growing numbers from 0, each with a line feed."""
    pointer = lib.lp_pick_lines(
        bytes_pointer(text), len(text), ffi.from_buffer("int64_t[]", numbers), len(numbers)
    )
    return part_bytes(owned(pointer, lib.lp_buffer_free))
