"""Parquet: what the columns hold, and that the source comes back."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logpipe.errors import InputError, OutputError
from logpipe.export import open_sink
from logpipe.export import parquet as module
from logpipe.export.atomic import Output
from logpipe.export.parquet import restore
from logpipe.export.restore import file_info, read_rows

from .making import Line, Made, example

HEADER = (b"12:00", b"INFO")
LINES = [
    Line(1, (b"ann",), HEADER),
    Line(2, (b"bob\xff",), HEADER, terminator=2),
    Line(3, (b"3", b"4"), (b"12:\xfe", b"")),
    Line(0, ("  at café".encode(),)),
    Line(1, (b"zoe",), HEADER, terminator=0),
]


def write(path: Path, made: Made, *batches: list[Line], **options: object) -> bytes:
    """Write batches of one source and give the source's bytes."""
    sink = open_sink(str(path), info=made.info(), **options)  # type: ignore[arg-type]
    source, first = b"", 1
    for lines in batches:
        batch = made.batch(lines, first)
        source += batch.render()
        first += len(lines)
        sink.write(batch, "app.log")
    sink.finish()
    return source


def test_a_row_has_the_columns_of_the_command_line_document(tmp_path: Path) -> None:
    """Every promised column is there, under its name and with its type."""
    out = tmp_path / "out.parquet"
    write(out, example(), LINES)
    table = pq.read_table(out)

    assert table.slice(0, 1).to_pylist() == [
        {
            "line_no": 1,
            "Time": "12:00",
            "Level": "INFO",
            "message": "user ann logged in",
            "template_id": 1,
            "group": 1,
            "template": "user <*> logged in",
            "variables": ["ann"],
            "variable_types": ["word"],
            "message_bytes": None,
            "variables_bytes": None,
            "header_bytes": None,
            "shape": 1,
            "terminator": 1,
        }
    ]
    assert table.schema.field("line_no").type == pa.int64()
    assert table.schema.field("template_id").type == pa.int64()
    assert table.schema.field("variables").type == pa.list_(pa.string())
    assert table["line_no"].to_pylist() == [1, 2, 3, 4, 5]


def test_what_is_not_utf8_has_an_exact_twin(tmp_path: Path) -> None:
    r"""Text shows \xNN; the binary columns hold the bytes, in those rows only."""
    out = tmp_path / "out.parquet"
    write(out, example(), LINES)
    table = pq.read_table(out)

    assert table["variables"].to_pylist()[1] == ["bob\\xff"]
    assert table["variables_bytes"].to_pylist() == [None, [b"bob\xff"], None, None, None]
    assert table["message_bytes"].to_pylist()[1] == b"user  bob\xff logged in"
    assert table["Time"].to_pylist()[2] == "12:\\xfe"
    assert table["header_bytes"].to_pylist() == [None, None, [b"12:\xfe", b""], None, None]


def test_a_missing_header_field_is_null_and_an_empty_one_is_empty(tmp_path: Path) -> None:
    """A line without a header has no level; a header may have an empty one."""
    out = tmp_path / "out.parquet"
    write(out, example(), LINES)

    assert pq.read_table(out)["Level"].to_pylist() == ["INFO", "INFO", "", None, "INFO"]


@pytest.mark.parametrize("multiline", [False, True])
def test_the_source_comes_back(tmp_path: Path, multiline: bool) -> None:
    """Byte for byte, from several batches, headers and terminators included."""
    out = tmp_path / "out.parquet"
    source = write(out, example(), LINES, LINES[3:], LINES, multiline=multiline)

    assert b"".join(restore(str(out))) == source


def test_several_sources_are_told_apart(tmp_path: Path) -> None:
    """With two inputs there is a source column, and each comes back by its name."""
    out, made = tmp_path / "out.parquet", example()
    sink = open_sink(str(out), info=made.info(["a.log", "b.log"]))
    first, second = made.batch(LINES), made.batch(LINES[::-1])
    sink.write(first, "a.log")
    sink.write(second, "b.log")
    sink.finish()

    assert pq.read_table(out)["source"].to_pylist() == ["a.log"] * 5 + ["b.log"] * 5
    assert pq.read_table(out)["line_no"].to_pylist() == [1, 2, 3, 4, 5] * 2
    assert b"".join(restore(str(out), "b.log")) == second.render()
    assert b"".join(restore(str(out))) == first.render() + second.render()
    with pytest.raises(InputError, match=r"no source 'c.log'; there is 'a.log', 'b.log'"):
        next(restore(str(out), "c.log"))


def test_many_row_groups_read_back_as_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row groups with different templates in each: one table, one source."""
    monkeypatch.setattr(module, "_ROW_GROUP_ROWS", 2)
    out = tmp_path / "out.parquet"
    source = write(out, example(), LINES[:1], LINES[1:4], LINES[4:], LINES)

    assert pq.ParquetFile(out).metadata.num_row_groups > 2
    assert pq.read_table(out)["template"].to_pylist()[:3] == [
        "user <*> logged in",
        "user  <*> logged in",
        "took <*> of <*> ms",
    ]
    assert b"".join(restore(str(out))) == source


def test_an_empty_log_is_an_empty_table(tmp_path: Path) -> None:
    """No line: a readable file with no row and the full schema."""
    out = tmp_path / "out.parquet"
    write(out, example())

    assert pq.read_table(out).num_rows == 0
    assert b"".join(restore(str(out))) == b""


def test_a_batch_read_back_is_the_batch_written(tmp_path: Path) -> None:
    """Variables return to the order of a batch: template, slot, line."""
    out, made = tmp_path / "out.parquet", example()
    write(out, made, LINES)
    (rows,) = read_rows(str(out))
    batch = made.batch(LINES)

    assert list(rows.batch.values) == list(batch.values)
    assert rows.batch.template_ids.tolist() == batch.template_ids.tolist()
    assert [list(column) for column in rows.batch.fields] == [list(c) for c in batch.fields]


def test_the_file_describes_itself(tmp_path: Path) -> None:
    """Parser, layout, shapes and literals are in the metadata, bytes exact."""
    out, made = tmp_path / "out.parquet", example()
    made.templates.append(9, [b"\xff\x00<*>", b""], [1])  # type: ignore[list-item]
    write(out, made, LINES)
    found = file_info(str(out))

    assert found.info.parser == "drain"
    assert found.info.parameters == {"depth": 4}
    assert list(found.shapes) == made.shapes
    assert list(found.info.templates) == list(made.templates)


def test_a_header_field_named_like_a_column_gets_a_name_of_its_own(tmp_path: Path) -> None:
    """A JSON log with a field `message` beside the message loses neither."""
    out, made = tmp_path / "out.parquet", example()
    info = made.info(sources=["app.log"])
    object.__setattr__(info, "field_names", ("message", "timestamp"))
    sink = open_sink(str(out), info=info)
    batch = made.batch(LINES)
    sink.write(batch, "app.log")
    sink.finish()

    row = pq.read_table(out).to_pylist()[0]
    assert (row["message_"], row["timestamp"]) == ("12:00", "INFO")
    assert row["message"] == "user ann logged in"
    assert b"".join(restore(str(out))) == batch.render()


def test_an_aborted_file_leaves_nothing(tmp_path: Path) -> None:
    """Neither the final name nor a temporary one."""
    made = example()
    sink = open_sink(str(tmp_path / "out.parquet"), info=made.info())
    sink.write(made.batch(LINES), "app.log")
    sink.abort()
    del sink

    assert list(tmp_path.iterdir()) == []


def test_more_threads_write_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups that are encoded while the next one fills come out in order."""
    monkeypatch.setattr(module, "_ROW_GROUP_ROWS", 3)
    batches = [LINES[i % 4 :] for i in range(40)]
    write(tmp_path / "one.parquet", example(), *batches)
    write(tmp_path / "two.parquet", example(), *batches, threads=2)

    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


@pytest.mark.parametrize("batches", [1, 9])
def test_a_disk_that_fills_while_the_next_rows_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """The error of the encoding thread is raised, at the latest at the end; nothing is left."""
    monkeypatch.setattr(module, "_ROW_GROUP_ROWS", 3)
    made = example()
    sink = open_sink(str(tmp_path / "out.parquet"), info=made.info(), threads=2)

    def full(_: object, __: object) -> int:
        raise OutputError("cannot write out.parquet: No space left on device")

    monkeypatch.setattr(Output, "write", full)
    with pytest.raises(OutputError, match="No space left on device"):  # noqa: PT012
        for _ in range(batches):
            sink.write(made.batch(LINES), "app.log")
        sink.finish()
    sink.abort()

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    """/dev/full takes no byte: OutputError, not an Arrow exception."""
    made = example()
    with pytest.raises(OutputError, match="No space left on device"):  # noqa: PT012
        sink = open_sink("/dev/full", info=made.info(), style="otel")
        sink.write(made.batch(LINES), "app.log")
        sink.finish()


def test_a_foreign_parquet_file_is_refused(tmp_path: Path) -> None:
    """The message says what it is and what is missing."""
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 nothing")

    with pytest.raises(InputError, match="not one of `logpipe parse`"):
        list(restore(str(other)))
    with pytest.raises(InputError, match="not a readable Parquet file"):
        list(restore(str(broken)))
    with pytest.raises(InputError, match="missing"):
        list(restore(str(tmp_path / "missing.parquet")))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(version=99), "version 99"),
        (lambda d: d["templates"].pop(), "does not describe"),
        (lambda d: d["shapes"].pop(), "does not describe"),
        (lambda d: d["templates"][1].update(literals=["a", "b", "c"]), "malformed"),
        (lambda d: d["templates"][1].update(literals=["a"], kinds=[], types=[]), "more or fewer"),
        (lambda d: d.pop("shapes"), "malformed"),
    ],
)
def test_a_tampered_description_is_refused(tmp_path: Path, change: object, says: str) -> None:
    """A description that does not fit the rows ends in an error, never in wrong bytes."""
    out, made = tmp_path / "out.parquet", example()
    write(out, made, LINES)
    table = pq.read_table(out)
    document = orjson.loads(pq.read_metadata(out).metadata[b"logpipe"])
    change(document)  # type: ignore[operator]
    pq.write_table(table.replace_schema_metadata({b"logpipe": orjson.dumps(document)}), out)

    with pytest.raises(InputError, match=says):
        list(restore(str(out)))
