r"""Parquet: one row per line, every byte of the source recoverable.

Columns, in order:

    line_no            int64      1-based, in its source
    source             string     only when there are several inputs
    <header fields>    string     as the layout names them; null where the line has no such field
    timestamp          timestamp  nanoseconds, no zone; only when the layout says how time is spelt
    message            string
    template_id        int64      0 is verbatim
    group              int64      0 is unknown
    template           string     `<*>` for a slot
    variables          list of string
    variable_types     list of string
    variable_categories           only of a parser that says what a slot means (OID, STC, ...)
    lines              int64      only with --multiline: how many lines the row stands for
    continuation       string     only with --multiline: the further lines, terminators included
    message_bytes      binary     ┐
    variables_bytes    list       │ the exact bytes, only in rows where the text is not exact
    header_bytes       list       │ because it is not UTF-8 (it shows such bytes as \xNN);
    continuation_bytes binary     ┘ null means: encode the text
    shape              int32      which separators stand between the header fields; 0: no header
    terminator         int8       0 none, 1 LF, 2 CR LF

The file's key-value metadata has one JSON document under `logpipe`: layout, shapes, templates with
their literals, parser and parameters. Literals and separators are bytes written as Latin-1 text,
one character per byte. With it `restore` gives the source back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from logpipe.batch import ParsedBatch, Shape
from logpipe.errors import LogpipeError, OutputError
from logpipe.export.atomic import Output
from logpipe.export.base import ParseInfo, Rows
from logpipe.export.columns import (
    TemplateFacts,
    column_names,
    continuation_columns,
    header_columns,
    string_column,
    variable_columns,
)
from logpipe.export.metadata import HEADLESS, METADATA_KEY, describe
from logpipe.export.restore import restore
from logpipe.export.text import source_text
from logpipe.export.times import NO_TIME, time_column, time_reader

__all__ = ["BATCHES_PER_CUT", "ParquetSink", "restore"]

_ROW_GROUP_ROWS = 131_072
_ROW_GROUP_BYTES = 16 << 20
"""Arrow bytes, about twice the raw ones; what a sink holds in memory is a small multiple."""

_DICTIONARY_BYTES = 64 << 10
"""A column whose distinct values take more goes on without a dictionary: with Parquet's usual limit
of 1 MiB a row group of nearly distinct values is stored twice, as dictionary and as indices, which
costs a tenth of the size and of the time."""

BATCHES_PER_CUT = 128
"""Batches (about 64 MB of a log) after which a row group always ends: there, several writers can
share the work of one file and still write the bytes that one would (logpipe.pipeline.sharding)."""


class ParquetSink:
    """Writes rows in groups of about 128 k, compressed by zstd level 1.

    Args:
        path: the final name.
        info: what is known about the parse.
        force: whether an existing file may be replaced.
        multiline: whether rows stand for several lines.
        restyle: rewrites template text for printing.
        shapes: those that the whole log has, in order, if these rows are only a part of it.
        batches_per_cut: see `BATCHES_PER_CUT`.
        threads: with more than one, a row group is encoded while the next one fills.

    Raises:
        OutputError: the output exists or cannot be written.
    """

    def __init__(
        self,
        path: str,
        info: ParseInfo,
        *,
        force: bool = False,
        multiline: bool = False,
        restyle: Callable[[str], str] | None = None,
        shapes: Sequence[Shape] = (),
        batches_per_cut: int = BATCHES_PER_CUT,
        threads: int = 1,
    ) -> None:
        self._info = info
        self._multiline = multiline
        self._facts = TemplateFacts(info.templates, restyle)
        self._columns = column_names(info.field_names)
        self._times = time_reader(info)
        self._time_column = time_column(self._columns)
        self._sources = [source_text(source) for source in info.sources]
        self._shapes = {shape: n for n, shape in enumerate(dict.fromkeys((HEADLESS, *shapes)))}
        self._batches = 0
        self._batches_per_cut = batches_per_cut
        self._pending: list[tuple[npt.NDArray[np.uint32], dict[str, pa.Array]]] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._schema = self._make_schema()
        self._output = Output(path, force=force)
        # A pipe may block for ever, and then Ctrl-C has to reach the thread that waits.
        ahead = threads > 1 and not self._output.is_stream
        self._encoder = ThreadPoolExecutor(1, "logpipe-parquet") if ahead else None
        self._encoding: Future[None] | None = None
        try:
            self._writer = pq.ParquetWriter(
                self._output,
                self._schema,
                compression="zstd",
                # Level 3 makes a file 4 % smaller, and takes a tenth longer.
                compression_level=1,
                use_dictionary=self._dictionary_columns(),
                dictionary_pagesize_limit=_DICTIONARY_BYTES,
                column_encoding={"line_no": "DELTA_BINARY_PACKED"},
                # The least and greatest of long texts help nobody, and the footer keeps them all.
                write_statistics=["line_no", "template_id", "group", self._time_column],
            )
        except BaseException:
            self._output.abort()
            raise

    def _category_column(self, batch: ParsedBatch) -> dict[str, pa.Array]:
        known = self._info.categories
        return {"variable_categories": self._facts.category_column(batch, known)} if known else {}

    def _make_schema(self) -> pa.Schema:
        words = pa.dictionary(pa.int32(), pa.string())
        fields = [pa.field("line_no", pa.int64(), nullable=False)]
        if len(self._info.sources) > 1:
            fields.append(pa.field("source", words))
        fields += [pa.field(name, pa.string()) for name in self._columns]
        if self._times is not None:
            fields.append(pa.field(self._time_column, pa.timestamp("ns")))
        fields += [
            pa.field("message", pa.string()),
            pa.field("template_id", pa.int64(), nullable=False),
            pa.field("group", pa.int64(), nullable=False),
            pa.field("template", words),
            pa.field("variables", pa.list_(pa.string())),
            pa.field("variable_types", pa.list_(pa.string())),
        ]
        if self._info.categories:
            fields.append(pa.field("variable_categories", pa.list_(pa.string())))
        if self._multiline:
            fields.append(pa.field("lines", pa.int64(), nullable=False))
            fields.append(pa.field("continuation", pa.string()))
        fields += [
            pa.field("message_bytes", pa.binary()),
            pa.field("variables_bytes", pa.list_(pa.binary())),
            pa.field("header_bytes", pa.list_(pa.binary())),
        ]
        if self._multiline:
            fields.append(pa.field("continuation_bytes", pa.binary()))
        fields.append(pa.field("shape", pa.int32(), nullable=False))
        fields.append(pa.field("terminator", pa.int8(), nullable=False))
        return pa.schema(fields)

    def _dictionary_columns(self) -> list[str]:
        named = (
            "source template_id group template variable_types.list.element "
            "variable_categories.list.element shape terminator"
        )
        present = set(self._schema.names)
        columns = [n for n in named.split() if n.split(".")[0] in present]
        return [*columns, *self._columns, "variables.list.element"]

    def write_rows(self, rows: Rows) -> None:
        """Append rows; they reach the file when a row group is full."""
        if not len(rows):
            return
        self._facts.extend(self._info.templates)
        columns = self._arrays(rows)
        self._pending.append((rows.batch.template_ids, columns))
        self._pending_rows += len(rows)
        self._pending_bytes += sum(a.nbytes for a in columns.values())
        self._batches += 1
        if (
            self._pending_rows >= _ROW_GROUP_ROWS
            or self._pending_bytes >= _ROW_GROUP_BYTES
            or self._batches % self._batches_per_cut == 0
        ):
            self._flush()

    def _arrays(self, rows: Rows) -> dict[str, pa.Array]:
        """Every column but `template`, whose dictionary is made once per row group."""
        batch = rows.batch
        fields, header_bytes = header_columns(batch)
        message, message_bytes = string_column(batch.messages)
        variables, variables_bytes = variable_columns(batch)
        columns = {
            "line_no": pa.array(rows.line_numbers),
            **dict(zip(self._columns, fields, strict=True)),
            "message": message,
            "template_id": pa.array(batch.template_ids.astype(np.int64)),
            "group": pa.array(self._facts.groups[batch.template_ids]),
            "variables": variables,
            "variable_types": self._facts.type_column(batch),
            **self._category_column(batch),
            "message_bytes": message_bytes,
            "variables_bytes": variables_bytes,
            "header_bytes": header_bytes,
            "shape": pa.array(self._shape_codes(batch)),
            "terminator": pa.array(batch.terminators.astype(np.int8)),
        }
        if "source" in self._schema.names:
            columns["source"] = self._source_column(rows)
        if self._times is not None:
            times = self._times(batch)
            columns[self._time_column] = pa.array(times, pa.timestamp("ns"), mask=times == NO_TIME)
        if self._multiline:
            text, exact = continuation_columns(rows)
            lines = np.ones(len(rows), np.int64) if rows.lines is None else rows.lines
            columns |= {
                "lines": pa.array(lines),
                "continuation": text,
                "continuation_bytes": exact,
            }
        return columns

    def _shape_codes(self, batch: ParsedBatch) -> npt.NDArray[np.int32]:
        """Shapes numbered as this file lists them: inputs may number theirs differently."""
        used = np.flatnonzero(np.bincount(batch.shape_ids)).tolist()
        codes = np.zeros(used[-1] + 1, np.int32)
        for shape_id in used:
            codes[shape_id] = self._shapes.setdefault(batch.shapes[shape_id], len(self._shapes))
        return codes[batch.shape_ids]

    def _source_column(self, rows: Rows) -> pa.Array:
        name = source_text(rows.source)
        if name not in self._sources:
            self._sources.append(name)
        index = np.full(len(rows), self._sources.index(name), np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(index), pa.array(self._sources))

    def _flush(self) -> None:
        if not self._pending:
            return
        columns = {
            name: pa.chunked_array([columns[name] for _, columns in self._pending])
            for name in self._pending[0][1]
        }
        ids = np.concatenate([ids for ids, _ in self._pending])
        columns["template"] = pa.chunked_array([self._facts.text_column(ids)])
        self._pending.clear()
        self._pending_rows = self._pending_bytes = 0
        table = pa.table([columns[name] for name in self._schema.names], schema=self._schema)
        self._encoded()
        if self._encoder is None:
            self._encode(table)
        else:
            self._encoding = self._encoder.submit(self._encode, table)

    def _encode(self, table: pa.Table) -> None:
        with self._explained():
            self._writer.write_table(table, row_group_size=2 * _ROW_GROUP_ROWS)

    def _encoded(self) -> None:
        """Waits for the row group that is being encoded, and raises what went wrong with it."""
        if self._encoding is not None:
            self._encoding.result()
            self._encoding = None

    def finish(self) -> None:
        """Write the last row group and the description, and give the file its name."""
        try:
            self._flush()
            self._encoded()
            description = describe(
                self._info, self._columns, list(self._shapes), multiline=self._multiline
            )
            with self._explained():
                self._writer.add_key_value_metadata({METADATA_KEY: description})
                self._writer.close()
        except BaseException:
            self.abort()
            raise
        if self._encoder is not None:
            self._encoder.shutdown()
        self._output.finish()

    def abort(self) -> None:
        """Remove the temporary file."""
        if self._encoder is not None:
            self._encoder.shutdown(cancel_futures=True)
        self._output.abort()
        # Else the writer, when it is collected, tries to write a footer.
        self._writer.is_open = False
        self._pending.clear()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except LogpipeError:
            raise
        except pa.ArrowException as error:
            raise OutputError(f"cannot write {self._output.path}: {error}") from error
