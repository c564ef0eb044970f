"""Columns of bytes, and batches as columns, rows and records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logpipe.batch import TERMINATORS, ByteColumn, ParsedBatch, Shape
from logpipe.errors import NativeError
from logpipe.template import SlotKind, TemplateTable

VALUES = st.lists(st.binary(max_size=5), max_size=8)


@given(VALUES, st.data())
def test_a_column_is_a_sequence_of_bytes(values, data):
    """Length, items from both ends, iteration and slices are those of the list."""
    column = ByteColumn.of(values)
    start = data.draw(st.integers(0, len(values)))
    stop = data.draw(st.integers(start, len(values)))

    assert len(column) == len(values)
    assert list(column) == values
    assert [column[i] for i in range(-len(values), len(values))] == values * 2
    assert list(column.slice(start, stop)) == values[start:stop]
    assert column.slice(start, stop).to_arrow().to_pylist() == values[start:stop]


@pytest.mark.parametrize("index", [2, -3, 100])
def test_an_index_outside_of_a_column_is_refused(index):
    """As in any sequence."""
    with pytest.raises(IndexError, match=f"index {index} outside a column of 2"):
        ByteColumn.of([b"a", b"b"])[index]


def table() -> TemplateTable:
    found = TemplateTable()
    found.append(1, [b"from ", b" to ", b""], [SlotKind.TOKEN] * 2)
    found.append(2, [b"up"], [])
    return found


def batch(**changed: object) -> ParsedBatch:
    """Four lines: two of template 1, one of 2, one verbatim; the last without an end."""
    parts: dict[str, object] = {
        "first_line": 10,
        "field_names": ("Level",),
        "shapes": [Shape((b"", b""), (-1,)), Shape((b"[", b"] ", b""), (0, -1))],
        "shape_ids": np.array([1, 1, 1, 0], np.uint16),
        "terminators": np.array([1, 2, 1, 0], np.uint8),
        "fields": (ByteColumn.of([b"I", b"W", b"", b""]),),
        "templates": table(),
        "template_ids": np.array([1, 2, 1, 0], np.uint32),
        "values": ByteColumn.of([b"what?\r", b"a", b"c", b"b", b"d"]),
    }
    return ParsedBatch(**{**parts, **changed})  # type: ignore[arg-type]


def test_a_batch_renders_its_lines():
    """Header, message and end of every line."""
    assert batch().render() == b"[I] from a to b\n[W] up\r\n[] from c to d\nwhat?\r"
    assert list(batch().messages) == [b"from a to b", b"up", b"from c to d", b"what?\r"]
    assert TERMINATORS == (b"", b"\n", b"\r\n")


def test_a_batch_is_seen_by_column_by_row_and_by_record():
    """The same values, however they are asked for."""
    made = batch()
    offsets, values = made.line_variables

    assert made.present == {0: (0, 1), 1: (1, 2), 2: (5, 1)}
    assert list(made.column(1, 0)) == [b"a", b"c"]
    assert list(made.column(1, 1)) == [b"b", b"d"]
    assert made.rows(1).tolist() == [0, 2]
    assert offsets.tolist() == [0, 2, 2, 4, 5]
    assert list(values) == [b"a", b"b", b"c", b"d", b"what?\r"]
    assert made.line_numbers().tolist() == [10, 11, 12, 13]
    assert next(made.records()) == {
        "line_no": 10,
        "Level": b"I",
        "message": b"from a to b",
        "template_id": 1,
        "variables": [b"a", b"b"],
    }


def test_a_column_that_does_not_occur_is_empty_and_one_that_cannot_is_refused():
    """A template may be absent from a batch; a slot that a template lacks is a mistake."""
    assert list(batch(template_ids=np.zeros(4, np.uint32)).column(1, 0)) == []
    with pytest.raises(IndexError, match="template 1 has no slot 2"):
        batch().column(1, 2)


def test_an_empty_batch_is_a_batch():
    """No lines, no bytes, no records."""
    empty = batch(
        shape_ids=np.zeros(0, np.uint16),
        terminators=np.zeros(0, np.uint8),
        fields=(ByteColumn.of([]),),
        template_ids=np.zeros(0, np.uint32),
        values=ByteColumn.of([]),
    )

    assert (empty.render(), list(empty.records()), len(empty)) == (b"", [], 0)


BROKEN = {
    "a template that is not in the table": {"template_ids": np.array([1, 2, 1, 9], np.uint32)},
    "too few values": {"values": ByteColumn.of([b"a"])},
    "too many values": {"values": ByteColumn.of([b"a"] * 6)},
    "values that end before they begin": {
        "values": ByteColumn(np.array([0, 3, 1, 2, 2, 2], np.int32), np.zeros(9, np.uint8))
    },
    "values before their data": {
        "values": ByteColumn(np.array([-5, 0, 0, 0, 0, 0], np.int32), np.zeros(9, np.uint8))
    },
    "values beyond their data": {
        "values": ByteColumn(np.array([0, 0, 0, 0, 0, 2**31 - 1], np.int32), np.zeros(9, np.uint8))
    },
    "values without offsets": {"values": ByteColumn(np.zeros(0, np.int32), np.zeros(9, np.uint8))},
    "a shape that is not in the table": {"shape_ids": np.array([1, 1, 1, 7], np.uint16)},
    "too few shapes": {"shape_ids": np.array([1], np.uint16)},
    "too few terminators": {"terminators": np.zeros(1, np.uint8)},
    "too few fields": {"fields": (ByteColumn.of([b"I"]),)},
    "a field that is missing": {"fields": ()},
    "a field beyond its data": {
        "fields": (ByteColumn(np.array([0, 0, 0, 0, 99], np.int32), np.zeros(3, np.uint8)),),
        "shape_ids": np.ones(4, np.uint16),
    },
    "a field before its data": {
        "fields": (ByteColumn(np.array([-9, 0, 0, 0, 0], np.int32), np.zeros(3, np.uint8)),)
    },
}


@pytest.mark.parametrize("changed", BROKEN.values(), ids=BROKEN)
def test_a_batch_that_contradicts_itself_is_refused(changed):
    """An error, never bytes of somebody else's memory."""
    with pytest.raises(NativeError):
        batch(**changed).render()


@pytest.mark.parametrize("name", [name for name in BROKEN if "value" in name or "template" in name])
def test_variables_of_a_batch_that_contradicts_itself_are_refused(name):
    """The same on the way to rows."""
    with pytest.raises(NativeError):
        _ = batch(**BROKEN[name]).line_variables
    with pytest.raises(NativeError):
        _ = batch(**BROKEN[name]).messages


def test_arrays_of_other_widths_are_taken_by_value():
    """Nothing is read as what it is not."""
    made = batch(
        template_ids=np.array([1, 2, 1, 0], np.int64),
        shape_ids=[1, 1, 1, 0],
        terminators=np.array([1, 2, 1, 0], np.int32),
    )

    assert made.render() == batch().render()
