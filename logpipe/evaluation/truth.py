"""True templates from CSV files: those of the catalogue, and a user's own."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa

from logpipe.batch import ByteColumn
from logpipe.datasets import FetchedDataset
from logpipe.errors import InputError
from logpipe.formats.readers import open_sources

__all__ = ["categories_of", "own_file", "truth_of"]


def truth_of(place: FetchedDataset) -> list[str | None]:
    """The true templates of a set of the catalogue; its files were verified by checksum."""
    record = next(t for t in place.dataset.truth if t.kind == "template-lines")
    path = place.paths(record.file)[0]
    table = _columns(path)
    if "EventTemplate" in table.column_names:
        texts = table.column("EventTemplate").to_pylist()
    else:
        named = _columns(place.paths(record.templates)[0])
        by_id = dict(
            zip(
                named.column("EventId").to_pylist(),
                named.column("EventTemplate").to_pylist(),
                strict=True,
            )
        )
        texts = [by_id.get(number) for number in table.column("EventId").to_pylist()]
    if "LineId" in table.column_names:
        order = np.argsort(
            np.array(table.column("LineId").to_pylist()).astype(np.int64), kind="stable"
        )
        if not np.array_equal(order, np.arange(len(order))):
            texts = [texts[i] for i in order.tolist()]
    return [text or None for text in texts]


def categories_of(place: FetchedDataset) -> dict[str, list[str]]:
    """True template -> category of each of its slots; empty where nobody has said.

    The categories are the ten of `logpipe.metrics.CATEGORIES`; a data set that has them names a
    file of the role `variables` with the columns EventId, Slot (from 1) and Category.
    """
    record = next(t for t in place.dataset.truth if t.kind == "template-lines")
    if "variables" not in place.files or not record.templates:
        return {}
    named = _columns(place.paths(record.templates)[0]).to_pylist()
    found = {row["EventTemplate"]: [""] * row["EventTemplate"].count("<*>") for row in named}
    texts = {row["EventId"]: row["EventTemplate"] for row in named}
    for row in _columns(place.paths("variables")[0]).to_pylist():
        slots = found.get(texts.get(row["EventId"], ""), [])
        if 1 <= int(row["Slot"]) <= len(slots):
            slots[int(row["Slot"]) - 1] = row["Category"]
    return found


def _columns(path: Path) -> pa.Table:
    """A CSV file as columns of text."""
    from pyarrow import csv as arrow_csv

    names = ("LineId", "EventId", "EventTemplate")
    parsing = arrow_csv.ParseOptions(newlines_in_values=True)
    try:
        return arrow_csv.read_csv(
            pa.BufferReader(_text(path).encode("utf-8", "replace")),
            parse_options=parsing,
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: not valid CSV: {error}") from None


def own_file(path: Path) -> tuple[ByteColumn, list[str | None]]:
    """Messages and templates of a structured CSV: `Content`, `EventTemplate`, maybe `LineId`."""
    rows = list(_own_rows(path))
    if not rows:
        raise InputError(f"{path}: expected a row for each line, found none")
    messages = [content.encode("utf-8", "surrogateescape") for content, _ in rows]
    return ByteColumn.of(messages), [text for _, text in rows]


def _own_rows(path: Path) -> Iterator[tuple[str, str | None]]:
    """(Content, EventTemplate) of each row, in the order of the lines; an empty template is null.

    Raises:
        InputError: a column is missing, a row is short, an id stands twice or is no number.
    """
    csv.field_size_limit(sys.maxsize)
    rows = csv.DictReader(io.StringIO(_text(path), newline=""))
    try:
        names = rows.fieldnames or []
        for column in ("Content", "EventTemplate"):
            if column not in names:
                raise InputError(
                    f"{path}: there is no column {column!r}; found {', '.join(names) or 'nothing'}"
                )
        found: list[tuple[int, str, str | None]] = []
        seen: dict[int, int] = {}
        for number, row in enumerate(rows, 1):
            # csv gives None for what a short row lacks; what a long one has more stands under None.
            if None in row or any(row[column] is None for column in names):
                raise InputError(
                    f"{path}: row {number:,} has not the {len(names)} columns of the head"
                )
            line = _line_id(path, number, row.get("LineId"))
            if line in seen:
                raise InputError(
                    f"{path}: rows {seen[line]:,} and {number:,} have the same LineId {line}; "
                    f"expected each line once"
                )
            seen[line] = number
            found.append((line, row["Content"], row["EventTemplate"] or None))
    except csv.Error as error:
        raise InputError(f"{path}: line {rows.line_num:,}: not valid CSV: {error}") from None
    found.sort(key=lambda entry: entry[0])
    return ((content, text) for _, content, text in found)


def _line_id(path: Path, number: int, text: str | None) -> int:
    if text is None:
        return number
    try:
        return int(text)
    except ValueError:
        raise InputError(
            f"{path}: row {number:,}: LineId should be a whole number, found {text!r:.40}"
        ) from None


def _text(path: Path) -> str:
    """A file as text, decompressed if need be; bytes that are no UTF-8 are kept as escapes."""
    buffer = memoryview(bytearray(1 << 20))
    parts = []
    with closing(open_sources([str(path)])[0].open()) as reader:
        while count := reader.readinto(buffer):
            parts.append(bytes(buffer[:count]))
    return b"".join(parts).decode("utf-8", "backslashreplace").removeprefix("\ufeff")
