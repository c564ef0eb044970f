"""Parquet files put one behind the other without decoding a page.

A row group's pages do not know where in the file they lie; only the footer does. So the row groups
of files of one schema are copied as they are, and a footer is written that lists them all with
their new places. The result is, byte for byte, the file that one writer would have written that was
given the same row groups, and costs a copy instead of the compression that made the parts.

The footer is Thrift, compact protocol (parquet-format, `FileMetaData`), read into plain lists and
written again; the few numbers that are places are moved, everything else is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from logpipe.errors import InputError
from logpipe.export.atomic import replacing

__all__ = ["concatenate"]

MAGIC = b"PAR1"
CHUNK = 1 << 20
FOOTER_LIMIT = 1 << 30
DEPTH = 16

# Thrift compact types.
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
INTEGERS = (4, 5, 6)

# Fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
FILE_ROWS, FILE_GROUPS = 3, 4
GROUP_COLUMNS, GROUP_PLACE, GROUP_ORDINAL = 1, 5, 7
CHUNK_PLACE, CHUNK_META = 2, 3
CHUNK_INDEXES = (4, 6)
META_PLACES = (9, 10, 11)
META_BLOOM = 14


class Field(NamedTuple):
    """One field of a struct: a value is an int, bytes, `Items`, or a list of fields."""

    id: int
    kind: int
    value: Any


class Items(NamedTuple):
    """A list: the type of its elements, and them."""

    kind: int
    values: list[Any]


def concatenate(parts: Sequence[str], output: str, *, force: bool = False) -> int:
    """Write the rows of some Parquet files of ours, one after the other, into one.

    Args:
        parts: files of one schema with the same key-value metadata, in order; at least one.
        output: appears whole or not at all.
        force: whether an existing file may be replaced.

    Returns:
        The number of rows.

    Raises:
        InputError: a part is not a complete Parquet file, or not of the same schema as the first.
        OutputError: the output exists or cannot be written.
    """
    footers = [_footer(part) for part in parts]
    try:
        return _concatenate(parts, footers, output, force)
    except InputError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(f"{', '.join(parts)}: a footer is damaged: {error!r}") from None


def _concatenate(
    parts: Sequence[str], footers: list[tuple[list[Field], int]], output: str, force: bool
) -> int:
    for part, (footer, _) in zip(parts, footers, strict=True):
        if _common(footer) != _common(footers[0][0]):
            raise InputError(f"{part}: has another schema or description than {parts[0]}")
    groups: list[Any] = []
    rows = 0
    with replacing(output, force=force) as sink:
        sink.write(MAGIC)
        for part, (footer, end) in zip(parts, footers, strict=True):
            shift = sink.tell() - len(MAGIC)
            for group in _get(footer, FILE_GROUPS).values:
                groups.append(_moved(part, group, shift, len(groups)))
            rows += _get(footer, FILE_ROWS)
            for block in _blocks(part, len(MAGIC), end):
                sink.write(block)
        first = footers[0][0]
        whole = [
            field._replace(value=rows)
            if field.id == FILE_ROWS
            else field._replace(value=Items(STRUCT, groups))
            if field.id == FILE_GROUPS
            else field
            for field in first
        ]
        written = bytearray()
        _write_struct(written, whole)
        sink.write(written)
        sink.write(len(written).to_bytes(4, "little") + MAGIC)
    return rows


def _footer(path: str) -> tuple[list[Field], int]:
    """The footer of a file, and where it begins."""
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            if size < 12:
                raise ValueError(f"{size} bytes are too few")
            file.seek(size - 8)
            tail = file.read(8)
            length = int.from_bytes(tail[:4], "little")
            if tail[4:] != MAGIC or not 0 < length <= min(size - 12, FOOTER_LIMIT):
                raise ValueError("it does not end in a footer")
            file.seek(size - 8 - length)
            fields, at = _read_struct(file.read(length), 0, 0)
        if at != length:
            raise ValueError(f"{length - at} bytes are left after the footer")
        return fields, size - 8 - length
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, IndexError, LookupError) as error:
        raise InputError(f"{path}: not a complete Parquet file: {error}") from None


def _common(footer: list[Field]) -> list[Field]:
    return [field for field in footer if field.id not in (FILE_ROWS, FILE_GROUPS)]


def _blocks(path: str, start: int, end: int) -> Iterator[bytes]:
    with Path(path).open("rb") as file:
        file.seek(start)
        while start < end:
            block = file.read(min(CHUNK, end - start))
            if not block:
                raise InputError(f"{path}: became shorter while it was read")
            start += len(block)
            yield block


def _moved(part: str, group: list[Field], shift: int, ordinal: int) -> list[Field]:
    """A row group `shift` bytes further back, as number `ordinal`."""

    def change(fields: list[Field], how: Callable[[Field], Any]) -> list[Field]:
        return [field._replace(value=how(field)) for field in fields]

    def of_meta(field: Field) -> Any:
        if field.id == META_BLOOM:
            raise InputError(f"{part}: has bloom filters, which cannot be moved")
        return field.value + shift if field.id in META_PLACES else field.value

    def of_chunk(field: Field) -> Any:
        if field.id in CHUNK_INDEXES:
            raise InputError(f"{part}: has a page index, which cannot be moved")
        if field.id == CHUNK_META:
            return change(field.value, of_meta)
        # 0 stands for "not said".
        return field.value + shift if field.id == CHUNK_PLACE and field.value else field.value

    def of_group(field: Field) -> Any:
        if field.id == GROUP_COLUMNS:
            return Items(STRUCT, [change(chunk, of_chunk) for chunk in field.value.values])
        if field.id == GROUP_ORDINAL:
            return ordinal
        return field.value + shift if field.id == GROUP_PLACE else field.value

    return change(group, of_group)


def _get(fields: list[Field], wanted: int) -> Any:
    for field in fields:
        if field.id == wanted:
            return field.value
    raise LookupError(f"field {wanted} is missing")


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _read_struct(data: bytes, at: int, depth: int) -> tuple[list[Field], int]:
    if depth > DEPTH:
        raise ValueError("structures within structures without end")
    fields, last = [], 0
    while head := data[at]:
        at += 1
        delta, kind = head >> 4, head & 15
        if delta:
            last += delta
        else:
            zigzag, at = _read_number(data, at)
            last = (zigzag >> 1) ^ -(zigzag & 1)
        value, at = _read_value(data, at, kind, depth, in_list=False)
        fields.append(Field(last, kind, value))
    return fields, at + 1


def _read_value(data: bytes, at: int, kind: int, depth: int, in_list: bool) -> tuple[Any, int]:
    if kind in (TRUE, FALSE):
        return (data[at], at + 1) if in_list else (kind, at)
    if kind == BYTE:
        return data[at], at + 1
    if kind in INTEGERS:
        zigzag, at = _read_number(data, at)
        return (zigzag >> 1) ^ -(zigzag & 1), at
    if kind == DOUBLE:
        return data[at : at + 8], at + 8
    if kind == BINARY:
        length, at = _read_number(data, at)
        if at + length > len(data):
            raise ValueError("a text goes beyond the end")
        return data[at : at + length], at + length
    if kind in (LIST, SET):
        head = data[at]
        at += 1
        count, inner = head >> 4, head & 15
        if count == 15:
            count, at = _read_number(data, at)
        if count > len(data):
            raise ValueError("a list of more elements than bytes")
        values = []
        for _ in range(count):
            value, at = _read_value(data, at, inner, depth + 1, in_list=True)
            values.append(value)
        return Items(inner, values), at
    if kind == STRUCT:
        return _read_struct(data, at, depth + 1)
    raise ValueError(f"type {kind} is not one that footers have")


def _write_number(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _write_signed(out: bytearray, value: int) -> None:
    _write_number(out, value << 1 if value >= 0 else (-value << 1) - 1)


def _write_struct(out: bytearray, fields: list[Field]) -> None:
    last = 0
    for field in fields:
        delta = field.id - last
        if 0 < delta <= 15:
            out.append(delta << 4 | field.kind)
        else:
            out.append(field.kind)
            _write_signed(out, field.id)
        last = field.id
        if field.kind not in (TRUE, FALSE):
            _write_value(out, field.kind, field.value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (TRUE, FALSE, BYTE):
        out.append(value)
    elif kind in INTEGERS:
        _write_signed(out, value)
    elif kind == DOUBLE:
        out += value
    elif kind == BINARY:
        _write_number(out, len(value))
        out += value
    elif kind == STRUCT:
        _write_struct(out, value)
    else:
        count = len(value.values)
        out.append(min(count, 15) << 4 | value.kind)
        if count >= 15:
            _write_number(out, count)
        for element in value.values:
            _write_value(out, value.kind, element)
