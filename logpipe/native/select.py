"""Expressions as programs, lines that they match, and blocks of archives that are opened in stages.

Nothing here needs numpy: numbers of lines are arrays of the standard library.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from logpipe.errors import NativeError
from logpipe.native.library import bytes_pointer, checked, ffi, lib, owned, part_bytes
from logpipe.native.search import Needles, Text

__all__ = ["KINDS", "Program", "TooMuchError", "View", "find_lines"]

KINDS = "^$bB<>()"
"""Kinds of places: line begins, line ends, `\\b \\B \\< \\>`, no word before, none behind."""

_ALL = 2**63 - 1
_LACKING = 0
_OTHERWISE = -1
_STREAMS = 10
_GUIDE = 10
_FIRST = (0, 1)
"""Streams without which nothing can be found in a block."""
_GUIDED = (8, 9)
"""Those that next to every search asks for first."""
_UNGUIDED = (2, 3, 4, 9)
"""Those without which nobody knows where in other streams a column is, if there is no guide."""


class TooMuchError(NativeError):
    """A search that has to be done in another way."""


class Program:
    """An expression, ready to be looked for; any thread may use it.

    Args:
        codes: instructions of three numbers: 0, set, next; 1, one way, the other; 2, kind of place
            (`KINDS`), next; 3, 0, 0 for a match. The first one is where a match begins.
        sets: 32 bytes each, the lowest bit of the first byte for byte 0.

    Raises:
        NativeError: instructions that lead nowhere, or too many.
    """

    def __init__(self, codes: Sequence[tuple[int, int, int]], sets: Sequence[bytes]) -> None:
        flat = array("I", [number for code in codes for number in code])
        joined = b"".join(sets)
        self.pointer = owned(
            lib.lp_program_new(
                ffi.from_buffer("uint32_t[]", flat), len(codes), bytes_pointer(joined), len(sets)
            ),
            lib.lp_program_free,
        )


def _numbers(buffer: Any) -> array[int]:
    found = array("q")
    found.frombytes(part_bytes(buffer, 1, 8))
    return found


def _taken(pointer: Any, out: Any) -> Any:
    if pointer == ffi.NULL and int(out[0]) == _OTHERWISE:
        raise TooMuchError("too many states")
    return owned(pointer, lib.lp_buffer_free)


def find_lines(
    text: Text,
    program: Program | None,
    needles: Needles | None,
    *,
    invert: bool = False,
    most: int | None = None,
    counts: bool = False,
) -> tuple[array[int], bytes, int]:
    """Lines of a text that match.

    Args:
        text: whole lines; the last one need not end in a line feed.
        program: what to look for; None: lines that contain one of the needles are those.
        needles: every match contains one of them; None if that is not known.
        invert: the lines that do not match.
        most: no more lines than this, the first ones.
        counts: only how many.

    Returns:
        Their numbers from 0, the lines, each with a line feed, and how many there are; with
        `counts`, numbers and lines are empty.

    Raises:
        TooMuchError: the expression has too many states on this text.
    """
    out = ffi.new("int64_t[2]")
    data = ffi.from_buffer("uint8_t[]", text)
    given = needles if needles is not None else Needles(())
    bytes_, size, offsets, count, held = given.arguments()
    pointer = lib.lp_text_find(
        ffi.NULL if program is None else program.pointer,
        data,
        len(data),
        bytes_,
        size,
        offsets,
        count,
        needles is not None,
        given.ignore_case,
        invert,
        _ALL if most is None else most,
        counts,
        out,
    )
    del held
    buffer = _taken(pointer, out)
    return _numbers(buffer), part_bytes(buffer), int(out[1])


class View:
    """A block of columns, opened in stages: only what an answer needs is unpacked and made.

    Args:
        sizes: bytes of each stream, unpacked.
        stream: unpacks a piece of one, by numbers; piece 0 of one without pieces is all of it.
        lines: lines that the block's header announces.
        raw: raw bytes that it announces.
        pieces: of streams in pieces, start and length of each but piece 0, which is the rest.
        guide: the block's guide; empty if it has none.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        stream: Callable[[int, int], bytes | memoryview],
        lines: int,
        raw: int,
        pieces: Mapping[int, Sequence[tuple[int, int]]],
        guide: bytes | memoryview,
    ) -> None:
        self._stream = stream
        self._pointer = owned(
            lib.lp_view_new(ffi.new("uint64_t[]", list(sizes)), len(sizes), lines, raw),
            lib.lp_view_free,
        )
        self._pieces = _STREAMS
        for kind, places in pieces.items():
            flat = ffi.new("uint64_t[]", [number for place in places for number in place])
            checked(lib.lp_view_cut(self._pointer, kind, flat, len(places)))
            self._pieces += len(places)
        if guide:
            checked(lib.lp_view_give(self._pointer, _GUIDE, 0, bytes_pointer(guide), len(guide)))
        for kind in (*_FIRST, *(_GUIDED if guide else _UNGUIDED)):
            # Of texts, what is no piece of its own: constants are there.
            for piece in range(1 if guide else len(pieces.get(kind, ())) + 1):
                if sizes[kind]:
                    self._give(kind, piece)

    def _give(self, kind: int, piece: int) -> None:
        data = self._stream(kind, piece)
        checked(lib.lp_view_give(self._pointer, kind, piece, bytes_pointer(data), len(data)))

    def _asked(self, call: Callable[[Any], Any]) -> tuple[Any, int]:
        out = ffi.new("int64_t[66]")
        for _ in range(self._pieces + 1):
            pointer = call(out)
            if pointer != ffi.NULL or out[0] != _LACKING:
                break
            for number in out[2 : 2 + out[1]]:
                piece, kind = divmod(int(number), _STREAMS)
                self._give(kind, piece)
        return _taken(pointer, out), int(out[1])

    def find(
        self,
        program: Program,
        *,
        invert: bool = False,
        most: int | None = None,
        counts: bool = False,
    ) -> tuple[array[int], int]:
        """Rows that match: their numbers from 0, and how many; with `counts`, only that.

        Raises:
            TooMuchError: the block has to be decoded for that.
            NativeError: it is damaged.
        """
        limit = _ALL if most is None else most
        buffer, count = self._asked(
            lambda out: lib.lp_view_find(self._pointer, program.pointer, invert, limit, counts, out)
        )
        return _numbers(buffer), count

    def rows(self, numbers: array[int]) -> bytes:
        """The bytes of some rows, by growing numbers.

        Raises:
            NativeError: the block is damaged, or has no such rows.
        """
        given = ffi.from_buffer("int64_t[]", numbers)
        buffer, _ = self._asked(
            lambda out: lib.lp_view_rows(self._pointer, given, len(numbers), out)
        )
        return part_bytes(buffer)
