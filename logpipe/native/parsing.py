"""Headers, chunks, Drain, alignment and rendering; long, because all of them share arenas.

Work is handed over in whole chunks: Python decides, native does. A chunk's columns are numpy views
of native memory; the arena behind them goes back to its pool when the last view is gone, so a
batch may be kept as long as one likes, and a loop that does not keep it allocates nothing.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, overload

from logpipe.batch import ByteColumn, ParsedBatch, Shape
from logpipe.errors import NativeError
from logpipe.native.library import (
    bytes_pointer,
    checked,
    column_parts,
    counted,
    fail,
    ffi,
    held,
    lib,
    owned,
    part,
    pointer_to,
    take_bytes,
)
from logpipe.template import VERBATIM, LexicalClass, TemplateTable, read_wire

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from logpipe.formats.readers import RawReader
else:
    from logpipe.lazy import np

__all__ = [
    "Arena",
    "ArenaPool",
    "DrainCore",
    "Header",
    "Programs",
    "classify",
    "classify_columns",
    "join_classes",
    "line_order",
    "render_lines",
    "render_messages",
    "split_line",
]

MAX_CHUNK = 2**31 - 128
"""Bytes one chunk may have: value offsets are int32."""

MAX_LINE = 1 << 27
"""Bytes of a line that is still read as one: a parse holds about ten times as many. A file without
line feeds is a binary one that somebody named by mistake, and should not take the machine down."""


class Header:
    """A compiled header layout and the shapes it has met.

    Args:
        program: `Layout.program` of logpipe.formats.layouts.
        field_names: the layout's header fields.
    """

    def __init__(self, program: bytes, field_names: Sequence[str]) -> None:
        self._pointer = owned(
            lib.lp_header_new(bytes_pointer(program), len(program)), lib.lp_header_free
        )
        self.field_names = tuple(field_names)
        self.shapes: list[Shape] = []
        self._wire = b""
        self.sync()

    def sync(self) -> None:
        """Fetches the shapes that were met since the last call."""
        wire = take_bytes(lib.lp_header_shapes(self._pointer, len(self.shapes)))
        self._wire += wire
        self.shapes.extend(_read_shapes(wire))


def _read_shapes(wire: bytes) -> list[Shape]:
    at, shapes = 0, []
    while at < len(wire):
        shape, at = _read_shape(wire, at)
        shapes.append(shape)
    return shapes


def _read_shape(wire: bytes, at: int) -> tuple[Shape, int]:
    (n,) = struct.unpack_from("<I", wire, at)
    fields = struct.unpack_from(f"<{n}i", wire, at + 4)
    at += 4 + 4 * n
    separators = []
    for _ in range(n + 1):
        (length,) = struct.unpack_from("<I", wire, at)
        separators.append(wire[at + 4 : at + 4 + length])
        at += 4 + length
    return Shape(tuple(separators), fields), at


def _shapes_wire(shapes: Sequence[Shape]) -> bytes:
    out = bytearray()
    for shape in shapes:
        out += struct.pack(f"<I{len(shape.fields)}i", len(shape.fields), *shape.fields)
        for separator in shape.separators:
            out += struct.pack("<I", len(separator)) + separator
    return bytes(out)


class Arena:
    """Native memory for one chunk of input and everything made of it.

    Attributes:
        used: bytes of input that count; set by `fill` or `put`.
        first_line: 1-based number of the first line.
    """

    def __init__(self) -> None:
        self._pointer = owned(lib.lp_chunk_new(), lib.lp_chunk_free)
        self._capacity = 0
        self.used = 0
        self.lines = 0

    def input(self, capacity: int) -> memoryview:
        """Writable input of `capacity` bytes; what was written before stays."""
        if capacity > MAX_CHUNK:
            raise NativeError(f"a line of more than {MAX_CHUNK} bytes cannot be handled")
        self._capacity = max(capacity, self._capacity)
        pointer = lib.lp_chunk_input(self._pointer, self._capacity)
        if pointer == ffi.NULL:
            raise fail()
        # Not all that there is: how much is read must not depend on an arena's past.
        return memoryview(ffi.buffer(pointer, capacity))

    def put(self, data: npt.NDArray[np.uint8] | bytes) -> None:
        """Copies bytes to the start of the input."""
        n = len(data)
        if n:
            self.input(n)[:n] = memoryview(data)  # type: ignore[arg-type]
        self.used = n

    def fill(self, reader: RawReader, carried: bytes, size: int) -> bytes:
        """Reads about `size` bytes of whole lines after the `carried` ones.

        Returns the bytes after the last newline, to be carried to the next chunk; they are part of
        this chunk only at the end of the source. `used` is 0 at the end.

        Raises:
            NativeError: one line is much longer than `MAX_LINE`.
        """
        size = max(size, 1)
        view = self.input(len(carried) + size)
        view[: len(carried)] = carried
        have, searched = len(carried), len(carried)
        while True:
            while have < len(view):
                n = reader.readinto(view[have:])
                if n == 0:
                    self.used = have
                    return b""
                have += n
            pointer = ffi.cast("uint8_t *", ffi.from_buffer(view))
            cut = lib.lp_after_last_newline(pointer + searched, have - searched)
            if cut:
                self.used = searched + cut
                return bytes(view[self.used : have])
            # One line longer than the chunk: go on until it ends.
            searched = have
            if have > MAX_LINE:
                raise NativeError(f"a line of more than {MAX_LINE:,} bytes")
            view = self.input(2 * have)


class ArenaPool:
    """Arenas for reuse: fresh allocations cost a quarter of the speed."""

    def __init__(self) -> None:
        self._free: list[Arena] = []
        self._lock = threading.Lock()

    def take(self) -> Arena:
        """An arena nobody else uses."""
        with self._lock:
            return self._free.pop() if self._free else Arena()

    def give_back(self, arena: Arena) -> None:
        """Puts an arena back; its views must be gone."""
        with self._lock:
            self._free.append(arena)


class _Lease:
    """Gives the arena back to its pool when the last view that holds the lease is gone."""

    __slots__ = ("_arena", "_pool")

    def __init__(self, arena: Arena, pool: ArenaPool) -> None:
        self._arena = arena
        self._pool = pool

    def __del__(self) -> None:
        self._pool.give_back(self._arena)

    def view(self, pointer: Any, count: int, dtype: type[np.generic]) -> npt.NDArray[Any]:
        if count == 0:
            return np.empty(0, dtype)
        data = held(ffi.cast("uint8_t *", pointer), self)
        array = np.frombuffer(ffi.buffer(data, count * np.dtype(dtype).itemsize), dtype)
        array.flags.writeable = False
        return array


class _Fields(Sequence[ByteColumn]):
    """The columns of a chunk's header fields, made when one is first asked for.

    Many a user of a batch wants none of them, and they are half of what there is to copy.
    """

    def __init__(self, arena: Arena, lease: _Lease, count: int, lines: int) -> None:
        self._arena: Arena | None = arena
        self._lease: _Lease | None = lease
        self._count = count
        self._lines = lines
        self._columns: tuple[ByteColumn, ...] = ()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> ByteColumn: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ByteColumn]: ...

    def __getitem__(self, index: int | slice) -> ByteColumn | Sequence[ByteColumn]:
        with self._lock:
            if self._arena is not None and self._lease is not None:
                self._columns = self._make(self._arena, self._lease)
                self._arena = self._lease = None
        return self._columns[index]

    def _make(self, arena: Arena, lease: _Lease) -> tuple[ByteColumn, ...]:
        checked(lib.lp_gather_fields(arena._pointer))
        columns = []
        for k in range(self._count):
            offsets, data = ffi.new("int32_t *[1]"), ffi.new("uint8_t *[1]")
            size = checked(lib.lp_chunk_field(arena._pointer, k, offsets, data))
            columns.append(
                ByteColumn(
                    lease.view(offsets[0], self._lines + 1, np.int32),
                    lease.view(data[0], size, np.uint8),
                )
            )
        return tuple(columns)


def _batch(
    arena: Arena, pool: ArenaPool, header: Header | None, first_line: int, templates: TemplateTable
) -> ParsedBatch:
    """The arena's columns as a batch that owns the arena from now on."""
    lease = _Lease(arena, pool)
    v = ffi.new("LpView *")
    checked(lib.lp_chunk_view(arena._pointer, v))
    offsets = lease.view(v.value_offsets, v.values + 1, np.int32)
    names = header.field_names if header is not None else ()
    return ParsedBatch(
        first_line=first_line,
        field_names=names,
        shapes=header.shapes if header is not None else _NO_SHAPES,
        shape_ids=lease.view(v.shapes, v.lines, np.uint16),
        terminators=lease.view(v.terminators, v.lines, np.uint8),
        fields=_Fields(arena, lease, len(names), v.lines),
        templates=templates,
        template_ids=lease.view(v.templates, v.lines, np.uint32),
        size=arena.used,
        values=ByteColumn(offsets, lease.view(v.value_data, int(offsets[-1]), np.uint8)),
    )


_NO_SHAPES = [Shape((b"", b""), (-1,))]


class DrainCore:
    """The native online Drain; `logpipe.parsers.drain` is its public face.

    `match` may run on many arenas at once; `learn` runs alone, on arenas in file order.

    Args:
        depth, similarity, max_children: as in drain3.
        max_groups: 0 for no limit; else the least recently used group is forgotten.
        mask_atoms: digit-bearing parts of tokens count as equal (native/src/lex.rs).
        delimiters: bytes that separate tokens besides ASCII white space.
        memory: bytes of templates and tree after which nothing more is learned.
    """

    def __init__(
        self,
        *,
        depth: int,
        similarity: float,
        max_children: int,
        max_groups: int,
        mask_atoms: bool,
        delimiters: bytes,
        memory: int = 32 << 20,
    ) -> None:
        self.delimiters = delimiters
        self._pointer = owned(
            lib.lp_drain_new(
                depth,
                similarity,
                max_children,
                max_groups,
                mask_atoms,
                memory,
                bytes_pointer(delimiters),
                len(delimiters),
            ),
            lib.lp_drain_free,
        )
        self.templates = TemplateTable()
        self.pool = ArenaPool()
        self._groups: npt.NDArray[np.uint32] | None = None

    def match(self, arena: Arena, header: Header, frozen: bool = False) -> None:
        """Splits the arena's input into lines and matches them against what is known.

        If all lines are known, it is gathered as well, in case nothing is learned before.
        """
        arena.lines = checked(
            lib.lp_match(self._pointer, header._pointer, arena._pointer, arena.used, frozen)
        )

    def match_messages(
        self, arena: Arena, offsets: npt.NDArray[np.int64], frozen: bool = False
    ) -> None:
        """The same for messages: n + 1 offsets into the arena's input."""
        offsets = np.ascontiguousarray(offsets, np.int64)
        if len(offsets) == 0:
            raise NativeError("messages without offsets; expected one more than messages")
        arena.lines = checked(
            lib.lp_match_given(
                self._pointer,
                arena._pointer,
                arena.used,
                pointer_to(offsets, "int64_t *"),
                len(offsets) - 1,
                frozen,
            )
        )

    def learn(self, arenas: Sequence[Arena], header: Header | None, frozen: bool = False) -> bool:
        """Learns from matched arenas in this order; frozen: only spacings are added.

        Returns whether all of them have their columns, so that there is nothing to `gather`.
        """
        pointers = ffi.new("LpChunk *[]", [arena._pointer for arena in arenas])
        header_pointer = header._pointer if header is not None else ffi.NULL
        counts = ffi.new("uint64_t[3]")
        checked(lib.lp_learn(self._pointer, header_pointer, pointers, len(arenas), frozen, counts))
        if counts[0] != len(self.templates):
            self.sync()
        if header is not None and counts[1] != len(header.shapes):
            header.sync()
        return bool(counts[2] == 0)

    def sync(self) -> None:
        """Fetches the templates that were learned since the last call."""
        counts = ffi.new("uint64_t[3]")
        checked(lib.lp_drain_counts(self._pointer, counts))
        if counts[0] > len(self.templates):
            self.templates.extend_from_wire(
                take_bytes(lib.lp_drain_templates(self._pointer, len(self.templates)))
            )

    def gather(self, arena: Arena) -> None:
        """Makes the columns of a learned arena, unless it has them."""
        checked(lib.lp_gather(self._pointer, arena._pointer))

    def batch(self, arena: Arena, header: Header | None, first_line: int) -> ParsedBatch:
        """The columns of a learned and gathered arena, which belongs to the batch from now on."""
        return _batch(arena, self.pool, header, first_line, self.templates)

    def template_ids(self, arena: Arena) -> npt.NDArray[np.uint32]:
        """A copy of the template id of every line of a learned arena."""
        v = ffi.new("LpView *")
        checked(lib.lp_chunk_view(arena._pointer, v))
        if v.lines == 0:
            return np.empty(0, np.uint32)
        return np.frombuffer(ffi.buffer(v.templates, 4 * v.lines), np.uint32).copy()

    def split(self, arena: Arena, header: Header) -> tuple[list[int], list[list[int]], bytes]:
        """The header fields of a learned arena, without arrays, for some lines that are looked at.

        Returns:
            The shape of every line; for every field, where its value in each line begins, and the
            last one ends; the bytes that these places are in.
        """
        v = ffi.new("LpView *")
        checked(lib.lp_chunk_view(arena._pointer, v))
        checked(lib.lp_gather_fields(arena._pointer))
        offsets, data = ffi.new("int32_t *[1]"), ffi.new("uint8_t *[1]")
        places, text = [], b""
        for k in range(len(header.field_names)):
            size = checked(lib.lp_chunk_field(arena._pointer, k, offsets, data))
            text = text or bytes(ffi.buffer(data[0], size))
            places.append(ffi.unpack(offsets[0], v.lines + 1))
        return ffi.unpack(v.shapes, v.lines) if v.lines else [], places, text

    def group_of(self, template_ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """The group of each template id."""
        if self._groups is None or len(self._groups) < len(self.templates):
            groups = [t.group for t in self.templates]
            self._groups = np.array(groups, np.uint32)
        return self._groups[template_ids]

    def final_templates(self) -> tuple[TemplateTable, npt.NDArray[np.uint32]]:
        """What every template has become by now: (table, id in that table per template id)."""
        table = TemplateTable()
        verbatim = table[VERBATIM]
        known = {(verbatim.group, verbatim.literals, verbatim.kinds): VERBATIM}
        wire = take_bytes(lib.lp_drain_final(self._pointer))
        mapping = np.zeros(len(self.templates), np.uint32)
        for template_id, form in enumerate(read_wire(wire)):
            if form not in known:
                known[form] = table.append(*form)
            mapping[template_id] = known[form]
        return table, mapping

    def groups(self) -> list[tuple[bool, list[bytes | None]]]:
        """Every group, id 1 first: (alive, tokens); a wild token is None."""
        wire = take_bytes(lib.lp_drain_groups(self._pointer))
        at, found = 0, []
        while at < len(wire):
            alive, n = struct.unpack_from("<II", wire, at)
            at += 8
            tokens: list[bytes | None] = []
            for _ in range(n):
                wild, length = struct.unpack_from("<II", wire, at)
                tokens.append(None if wild else wire[at + 8 : at + 8 + length])
                at += 8 + length
            found.append((bool(alive), tokens))
        return found

    @cached_property
    def _wild_text(self) -> bytes:
        """A token that goes to the wildcard branch of the tree: it has a digit that is no atom."""
        letters, digits = range(ord("g"), 256), range(ord("0"), ord("9") + 1)
        free = [[b for b in some if b not in self.delimiters] for some in (letters, digits)]
        return bytes(some[0] for some in free if some)

    def restore(self, tokens: Sequence[bytes | None]) -> int:
        """Adds a saved group and returns its id."""
        text = b" ".join(self._wild_text if token is None else token for token in tokens)
        wild = bytes(token is None for token in tokens)
        group = checked(
            lib.lp_drain_restore(
                self._pointer, bytes_pointer(text), len(text), bytes_pointer(wild), len(wild)
            )
        )
        self.sync()
        return group


class Programs:
    """The templates of any parser, ready to extract variables from lines whose template is known.

    Args:
        templates: the table; ids appended to it later are not known here.
        delimiters: what ends a TOKEN slot besides ASCII white space.
    """

    def __init__(self, templates: TemplateTable, delimiters: bytes = b"") -> None:
        wire = templates.wire
        self.templates = templates
        self.delimiters = delimiters
        self.known = len(templates)
        self._pointer = owned(
            lib.lp_programs_new(
                bytes_pointer(wire), len(wire), bytes_pointer(delimiters), len(delimiters)
            ),
            lib.lp_programs_free,
        )

    def fits(
        self, messages: ByteColumn, template_ids: npt.NDArray[np.uint32]
    ) -> npt.NDArray[np.bool_]:
        """Whether each message fits the template given for it."""
        out = np.zeros(len(messages), np.uint8)
        offsets, data = column_parts(messages)
        given = np.ascontiguousarray(template_ids, np.uint32)
        counted("template ids", given, len(messages))
        checked(
            lib.lp_fits(
                self._pointer,
                pointer_to(data, "uint8_t *"),
                len(data),
                pointer_to(offsets, "int32_t *"),
                pointer_to(given, "uint32_t *"),
                len(given),
                pointer_to(out, "uint8_t *"),
            )
        )
        return out.astype(bool)

    def variables(self, message: bytes, template_id: int) -> list[bytes] | None:
        """The variables of one message; None if it does not fit the template."""
        ids = np.array([template_id], np.uint32)
        batch = self.align_messages(ArenaPool(), ByteColumn.of([message]), ids)
        return list(batch.values) if isinstance(batch, ParsedBatch) else None

    def align_messages(
        self, pool: ArenaPool, messages: ByteColumn, template_ids: npt.NDArray[np.uint32]
    ) -> ParsedBatch | int:
        """Messages as a batch without headers, each with the template given for it.

        Returns the position of the first message that does not fit, if there is one.
        """
        offsets32, data = column_parts(messages)
        given = np.ascontiguousarray(template_ids, np.uint32)
        counted("template ids", given, len(messages))
        arena = pool.take()
        first = int(offsets32[0])
        arena.put(data[max(first, 0) : max(int(offsets32[-1]), 0)])
        offsets = offsets32.astype(np.int64) - first
        result = lib.lp_align(
            self._pointer,
            ffi.NULL,
            arena._pointer,
            arena.used,
            pointer_to(given, "uint32_t *"),
            len(given),
            pointer_to(offsets, "int64_t *"),
        )
        if result < -1:
            raise fail()
        if result >= 0:
            return int(result)
        return _batch(arena, pool, None, 1, self.templates)

    def align(
        self,
        arena: Arena,
        pool: ArenaPool,
        header: Header,
        template_ids: npt.NDArray[np.uint32],
        first_line: int,
    ) -> ParsedBatch | int:
        """The arena's lines as a batch, each with the template given for it.

        Returns the position of the first line that does not fit, if there is one (or if there are
        not as many lines as ids).
        """
        given = np.ascontiguousarray(template_ids, np.uint32)
        result = lib.lp_align(
            self._pointer,
            header._pointer,
            arena._pointer,
            arena.used,
            pointer_to(given, "uint32_t *"),
            len(given),
            ffi.NULL,
        )
        if result < -1:
            raise fail()
        if result >= 0:
            return int(result)
        return _batch(arena, pool, header, first_line, self.templates)


@cache
def join_classes(a: LexicalClass, b: LexicalClass) -> LexicalClass:
    """The least class that holds the values of both."""
    return LexicalClass(lib.lp_join_classes(a, b))


def classify(column: ByteColumn) -> LexicalClass:
    """The lexical class of all values of a column; EMPTY for none."""
    offsets, data = column_parts(column)
    return LexicalClass(
        checked(
            lib.lp_classify(
                pointer_to(offsets, "int32_t *"),
                len(column),
                pointer_to(data, "uint8_t *"),
                len(data),
            )
        )
    )


def classify_columns(
    values: ByteColumn, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """The lexical class, as uint8, of each of n runs of values: from `starts` up to `ends`."""
    offsets, data = column_parts(values)
    starts = np.ascontiguousarray(starts, np.int64)
    ends = np.ascontiguousarray(ends, np.int64)
    counted("ends", ends, len(starts))
    out = np.zeros(len(starts), np.uint8)
    checked(
        lib.lp_classify_columns(
            pointer_to(offsets, "int32_t *"),
            len(values),
            pointer_to(data, "uint8_t *"),
            len(data),
            pointer_to(starts, "int64_t *"),
            pointer_to(ends, "int64_t *"),
            len(starts),
            pointer_to(out, "uint8_t *"),
        )
    )
    return out


def split_line(
    program: bytes, line: bytes
) -> tuple[list[tuple[int, int]], tuple[int, int], list[bytes], list[int]] | None:
    """Splits one line with a compiled layout; None where it has no header.

    Returns (start, end) of every field, (start, end) of the message, the separators, and the order
    of fields between them (-1 is the message).
    """
    pointer = lib.lp_split_line(
        bytes_pointer(program), len(program), bytes_pointer(line), len(line)
    )
    if pointer == ffi.NULL:
        error = fail()
        if str(error):
            raise error
        return None
    wire = take_bytes(pointer)
    n, *message = struct.unpack_from("<III", wire, 0)
    spans = [struct.unpack_from("<II", wire, 12 + 8 * k) for k in range(n)]
    shape, _ = _read_shape(wire, 12 + 8 * n)
    return spans, tuple(message), list(shape.separators), list(shape.fields)


def _columns(batch: ParsedBatch) -> tuple[Any, ...]:
    return np.ascontiguousarray(batch.template_ids, np.uint32), *column_parts(batch.values)


def line_order(batch: ParsedBatch) -> tuple[npt.NDArray[np.int32], ByteColumn]:
    """The variables of a batch in line order; see `ParsedBatch.line_variables`."""
    ids, offsets, data = _columns(batch)
    slots = np.array(batch.templates.slot_counts(), np.uint32)
    buffer = owned(
        lib.lp_line_order(
            pointer_to(ids, "uint32_t *"),
            len(ids),
            pointer_to(slots, "uint32_t *"),
            len(slots),
            pointer_to(offsets, "int32_t *"),
            len(offsets) - 1,
            pointer_to(data, "uint8_t *"),
            len(data),
        ),
        lib.lp_buffer_free,
    )
    values = ByteColumn(part(buffer, 2, np.int32), part(buffer, 0, np.uint8))
    return part(buffer, 3, np.int32), values


class _Rendered:
    """Offsets and bytes as the native core returns them."""

    def __init__(self, batch: ParsedBatch, whole_lines: bool) -> None:
        ids, offsets, data = _columns(batch)
        table = batch.templates.wire
        shapes = _shapes_wire(batch.shapes) if whole_lines else b""
        shape_ids = np.ascontiguousarray(batch.shape_ids, np.uint16)
        terminators = np.ascontiguousarray(batch.terminators, np.uint8)
        columns = []
        if whole_lines:
            counted("shape ids", shape_ids, len(ids))
            counted("terminators", terminators, len(ids))
            for field in batch.fields:
                counted("a header field", field, len(ids))
                columns.append(column_parts(field))
        fields = np.array(
            [(o.ctypes.data, d.ctypes.data, len(d)) for o, d in columns], np.uint64
        ).ravel()
        self._buffer = owned(
            lib.lp_render(
                pointer_to(ids, "uint32_t *"),
                len(ids),
                bytes_pointer(table),
                len(table),
                pointer_to(offsets, "int32_t *"),
                len(offsets) - 1,
                pointer_to(data, "uint8_t *"),
                len(data),
                bytes_pointer(shapes) if whole_lines else ffi.NULL,
                len(shapes),
                pointer_to(shape_ids, "uint16_t *"),
                pointer_to(terminators, "uint8_t *"),
                pointer_to(fields, "uint64_t *"),
                len(columns),
            ),
            lib.lp_buffer_free,
        )

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        return part(self._buffer, 1, np.int64)

    @cached_property
    def data(self) -> npt.NDArray[np.uint8]:
        return part(self._buffer, 0, np.uint8)


def render_lines(batch: ParsedBatch) -> bytes:
    """The source bytes of a batch."""
    return _Rendered(batch, whole_lines=True).data.tobytes()


def render_messages(batch: ParsedBatch) -> ByteColumn:
    """The messages of a batch."""
    rendered = _Rendered(batch, whole_lines=False)
    if rendered.offsets[-1] > np.iinfo(np.int32).max:
        raise NativeError("the messages of one batch have more than 2 GiB")
    return ByteColumn(rendered.offsets.astype(np.int32), rendered.data)
