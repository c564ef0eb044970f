"""From batches of lines to rows: one per line, or one per record.

With `--multiline` a line without a header (shape 0) that follows a line with one belongs to that
record: a stack trace to its error. The record is one row; its number is that of its first line,
its further lines are kept as they are, terminators included. Lines before the first header of a
source are rows of their own, so no line is ever lost.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.export.base import Rows, RowSink
from logpipe.export.text import from_arrow, whole_lines

__all__ = ["PerLine", "PerRecord", "select"]

_LONGEST_RECORD = 16 << 20
"""Bytes of continuation after which further lines are rows of their own: a file that loses its
headers in the middle must not end up in memory as one record."""


class PerLine:
    """A sink with one row per line."""

    def __init__(self, inner: RowSink) -> None:
        self._inner = inner

    def write(self, batch: ParsedBatch, source: str) -> None:
        """As `Sink.write`."""
        self._inner.write_rows(Rows.of(batch, source))

    def finish(self) -> None:
        """As `Sink.finish`."""
        self._inner.finish()

    def abort(self) -> None:
        """As `Sink.abort`."""
        self._inner.abort()


class PerRecord:
    """A sink with one row per record.

    The last record of a batch is held back, because the next batch may continue it.

    Args:
        inner: what writes the rows.
        longest: bytes of continuation after which the lines of further batches are no longer
            attached.
    """

    def __init__(self, inner: RowSink, *, longest: int = _LONGEST_RECORD) -> None:
        self._inner = inner
        self._longest = longest
        self._open: Rows | None = None
        self._more: list[bytes] = []
        self._more_lines = 0

    def write(self, batch: ParsedBatch, source: str) -> None:
        """As `Sink.write`."""
        if self._open is not None and self._open.source != source:
            self._close()
        heads = np.flatnonzero(batch.shape_ids)
        first = int(heads[0]) if len(heads) else len(batch)
        if first:
            self._before_header(select(batch, np.arange(len(batch)) < first), source)
        if not len(heads):
            return
        self._close()
        counts = np.diff(heads, append=len(batch))
        is_head = np.zeros(len(batch), np.bool_)
        is_head[heads] = True
        attached = select(batch, ~is_head & (np.arange(len(batch)) > first))
        texts = whole_lines(attached)
        ends = np.cumsum(counts - 1)
        continuation = ByteColumn(texts.offsets[np.append(0, ends)], texts.data)
        last = int(heads[-1])
        if len(heads) > 1:
            is_head[last] = False
            self._inner.write_rows(
                Rows(
                    select(batch, is_head),
                    source,
                    batch.first_line + heads[:-1],
                    counts[:-1],
                    continuation.slice(0, len(heads) - 1),
                )
            )
        self._open = Rows(
            select(batch, np.arange(len(batch)) == last),
            source,
            batch.first_line + heads[-1:],
            counts[-1:],
            ByteColumn.of([continuation[len(heads) - 1]]),
        )

    def _before_header(self, batch: ParsedBatch, source: str) -> None:
        """Take the headless lines at the start of a batch."""
        if self._open is not None and sum(map(len, self._more)) >= self._longest:
            self._close()
        if self._open is None:
            # Not `Rows.of`: all rows of an output have the same keys.
            none = ByteColumn(np.zeros(len(batch) + 1, np.int32), np.zeros(0, np.uint8))
            alone = np.ones(len(batch), np.int64)
            self._inner.write_rows(Rows(batch, source, batch.line_numbers(), alone, none))
        else:
            self._more.append(batch.render())
            self._more_lines += len(batch)

    def _close(self) -> None:
        """Write the record that was held back."""
        rows, self._open = self._open, None
        if rows is None:
            return
        if self._more:
            assert rows.lines is not None
            assert rows.continuation is not None
            rows = replace(
                rows,
                lines=rows.lines + self._more_lines,
                continuation=ByteColumn.of([b"".join([rows.continuation[0], *self._more])]),
            )
            self._more, self._more_lines = [], 0
        self._inner.write_rows(rows)

    def finish(self) -> None:
        """As `Sink.finish`."""
        try:
            self._close()
        except BaseException:
            self._inner.abort()
            raise
        self._inner.finish()

    def abort(self) -> None:
        """As `Sink.abort`."""
        self._open = None
        self._inner.abort()


def select(batch: ParsedBatch, keep: npt.NDArray[np.bool_]) -> ParsedBatch:
    """The lines where `keep` is true, as a batch; its line numbers are right only if they adjoin.

    Args:
        batch: any batch.
        keep: bool per line.
    """
    if keep.all():
        return batch
    by_template = keep[np.argsort(batch.template_ids, kind="stable")]
    kept_values = []
    position = 0
    for template_id, (_, count) in batch.present.items():
        lines = by_template[position : position + count]
        kept_values.append(np.tile(lines, batch.templates[template_id].slots))
        position += count
    positions = np.flatnonzero(keep)
    return replace(
        batch,
        first_line=batch.first_line + (int(positions[0]) if len(positions) else 0),
        shape_ids=batch.shape_ids[keep],
        terminators=batch.terminators[keep],
        fields=tuple(_filter(column, keep) for column in batch.fields),
        template_ids=batch.template_ids[keep],
        values=_filter(
            batch.values, np.concatenate([np.zeros(0, np.bool_), *kept_values]).astype(np.bool_)
        ),
    )


def _filter(column: ByteColumn, keep: npt.NDArray[np.bool_]) -> ByteColumn:
    return from_arrow(column.to_arrow().filter(pa.array(keep)))
