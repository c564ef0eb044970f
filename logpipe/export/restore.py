"""The source, back from a Parquet file: parsed batches, or exactly the bytes that were read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from logpipe.batch import TERMINATORS, ByteColumn, ParsedBatch
from logpipe.errors import InputError
from logpipe.export.base import Rows
from logpipe.export.metadata import FileInfo, read_description
from logpipe.export.text import from_arrow, whole_lines

__all__ = ["file_info", "read_rows", "restore"]

_ROWS_AT_ONCE = 65_536


def file_info(path: str) -> FileInfo:
    """What a file of ours says about itself.

    Raises:
        InputError: it cannot be read, is not Parquet, or not ours.
    """
    with _opened(path) as file:
        return read_description(path, file.metadata.metadata)


def read_rows(path: str) -> Iterator[Rows]:
    """The rows as they were written; a batch never spans two sources.

    Raises:
        InputError: it cannot be read, is not Parquet, not ours, or damaged.
    """
    with _opened(path) as file:
        description = read_description(path, file.metadata.metadata)
        try:
            for part in file.iter_batches(_ROWS_AT_ONCE):
                for source, piece in _by_source(part, description):
                    yield _rows(piece, source, description)
        except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
            raise InputError(f"{path}: damaged, or changed after writing: {error}") from error


def restore(path: str, source: str | None = None) -> Iterator[bytes]:
    """Exactly the bytes that were parsed, in pieces: templates rendered with their variables.

    Args:
        path: a Parquet file written by `ParquetSink`.
        source: only this input; None means all, one after the other.

    Raises:
        InputError: it cannot be read, is not Parquet, not ours, or damaged, or has no such source.
    """
    if source is not None:
        known = file_info(path).info.sources
        if source not in known:
            raise InputError(
                f"{path}: has no source {source!r}; there is {', '.join(map(repr, known))}"
            )
    for rows in read_rows(path):
        if source is not None and rows.source != source:
            continue
        if rows.continuation is None:
            yield rows.batch.render()
        else:
            yield b"".join(_with_continuation(rows))


def _with_continuation(rows: Rows) -> Iterator[bytes]:
    assert rows.continuation is not None
    for line, rest in zip(whole_lines(rows.batch), rows.continuation, strict=True):
        yield line
        yield rest


@contextmanager
def _opened(path: str) -> Iterator[pq.ParquetFile]:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: not a readable Parquet file: {error}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from None
    with file:
        yield file


def _by_source(part: pa.RecordBatch, description: FileInfo) -> Iterator[tuple[str, pa.RecordBatch]]:
    names = description.info.sources
    if "source" not in part.schema.names:
        yield names[0] if names else "", part
        return
    column = part.column("source")
    index = column.indices.to_numpy(zero_copy_only=False)
    words = column.dictionary.to_pylist()
    bounds = [0, *(np.flatnonzero(np.diff(index)) + 1).tolist(), len(part)]
    for start, stop in pairwise(bounds):
        if stop > start:
            yield words[int(index[start])], part.slice(start, stop - start)


def _rows(part: pa.RecordBatch, source: str, description: FileInfo) -> Rows:
    info = description.info
    ids = _codes(part, "template_id", len(info.templates))
    shapes = _codes(part, "shape", len(description.shapes))
    terminators = _codes(part, "terminator", len(TERMINATORS))
    slots = np.array(info.templates.slot_counts(), np.int64)
    numbers = part.column("line_no").to_numpy()
    batch = ParsedBatch(
        first_line=int(numbers[0]) if len(numbers) else 1,
        field_names=info.field_names,
        shapes=description.shapes,
        shape_ids=shapes.astype(np.uint16),
        terminators=terminators.astype(np.uint8),
        fields=_fields(part, description),
        templates=info.templates,
        template_ids=ids.astype(np.uint32),
        values=_values_by_column(part, ids, slots),
    )
    rows = Rows(batch, source, numbers)
    if description.multiline:
        continuation = pc.coalesce(
            part.column("continuation_bytes"), part.column("continuation").cast(pa.binary()), b""
        )
        rows = replace(
            rows, lines=part.column("lines").to_numpy(), continuation=from_arrow(continuation)
        )
    return rows


def _codes(part: pa.RecordBatch, name: str, limit: int) -> npt.NDArray[np.int64]:
    codes: npt.NDArray[np.int64] = part.column(name).to_numpy().astype(np.int64)
    if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < limit:
        raise InputError(f"column {name!r} refers to something the file does not describe")
    return codes


def _fields(part: pa.RecordBatch, description: FileInfo) -> tuple[ByteColumn, ...]:
    exact = part.column("header_bytes")
    columns = []
    for number, name in enumerate(description.columns):
        text = part.column(name).cast(pa.binary())
        if exact.null_count < len(part):
            text = pc.coalesce(pc.list_element(exact, number), text)
        columns.append(from_arrow(pc.fill_null(text, b"")))
    return tuple(columns)


def _values_by_column(
    part: pa.RecordBatch, ids: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]
) -> ByteColumn:
    """The variables, from line order to the order of a batch: template, slot, line."""
    texts = part.column("variables").cast(pa.list_(pa.binary()))
    exact = part.column("variables_bytes")
    if exact.null_count < len(part):
        texts = pc.if_else(exact.is_valid(), exact, texts)
    counts = pc.list_value_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    if not np.array_equal(counts, slots[ids]):
        raise InputError("a row has more or fewer variables than its template has slots")
    flat = pc.list_flatten(texts)
    slot = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    order = np.lexsort((slot, np.repeat(ids, counts)))
    return from_arrow(flat.take(pa.array(order)))
