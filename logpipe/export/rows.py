"""Rows as Python values, for CSV; and the exact bytes of the few that text cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from logpipe.batch import ByteColumn
from logpipe.export.base import Rows
from logpipe.export.text import not_utf8, to_texts, whole_lines

__all__ = ["RowTexts", "exact_lines"]


class RowTexts:
    r"""The values of rows as text, column by column; what is not UTF-8 shows as `\xNN`.

    Attributes:
        headers: per header field, one text per row; None where the row's shape has no such field.
        messages: one text per row.
        variables: one list of texts per row.
    """

    def __init__(self, rows: Rows) -> None:
        batch = rows.batch
        self.headers = list(_headers(rows))
        self.messages = to_texts(batch.messages)
        offsets, values = batch.line_variables
        texts = to_texts(values)
        self.variables = [texts[a:b] for a, b in pairwise(offsets.tolist())]


def _headers(rows: Rows) -> Iterator[list[str | None]]:
    batch = rows.batch
    used = np.flatnonzero(np.bincount(batch.shape_ids, minlength=1)).tolist()
    for number, column in enumerate(batch.fields):
        texts: list[str | None] = [*to_texts(column)]
        for shape_id in used:
            if number not in batch.shapes[shape_id].fields:
                for row in np.flatnonzero(batch.shape_ids == shape_id).tolist():
                    texts[row] = None
        yield texts


def exact_lines(rows: Rows) -> dict[int, bytes]:
    """Row to the exact bytes of its lines, terminators included, where a text is not exact."""
    batch = rows.batch
    bad: set[int] = set()
    columns: list[ByteColumn] = [batch.messages, *batch.fields]
    if rows.continuation is not None:
        columns.append(rows.continuation)
    for column in columns:
        bad.update(not_utf8(column).tolist())
    # A message can be UTF-8 although a variable, being a part of it, is not.
    offsets, values = batch.line_variables
    bad.update((np.searchsorted(offsets, not_utf8(values), side="right") - 1).tolist())
    if not bad:
        return {}
    lines = whole_lines(batch)
    more = rows.continuation
    return {row: lines[row] + (b"" if more is None else more[row]) for row in sorted(bad)}
