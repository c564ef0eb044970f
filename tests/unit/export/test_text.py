"""Bytes as text, whole columns at once."""

from __future__ import annotations

import pyarrow as pa
import pytest

from logpipe.batch import ByteColumn
from logpipe.export.text import from_arrow, not_utf8, to_strings, to_texts

MIXED = [b"plain", "é".encode(), b"", b"\xff\xfe", b"a\xc3", b"\xa9b", b"\0"]
SHOWN = ["plain", "é", "", "\\xff\\xfe", "a\\xc3", "\\xa9b", "\0"]


def test_bytes_that_are_not_utf8_are_shown_and_reported() -> None:
    """The two halves of a character in neighbouring values are two broken values."""
    column = ByteColumn.of(MIXED)
    strings, bad = to_strings(column)

    assert strings.to_pylist() == SHOWN
    assert bad.tolist() == [3, 4, 5]
    assert to_texts(column) == SHOWN


@pytest.mark.parametrize("values", [[], [b""], [b"a", b"b"], ["é".encode(), b"x"]])
def test_text_is_not_copied(values: list[bytes]) -> None:
    """Where everything is UTF-8, the Arrow array shares the column's memory."""
    column = ByteColumn.of(values)
    strings, bad = to_strings(column)

    assert strings.to_pylist() == [value.decode() for value in values]
    assert len(bad) == 0
    assert strings.buffers()[2].address == column.data.ctypes.data or not column.data.size


def test_a_slice_sees_only_its_own_values() -> None:
    """Bytes outside of a slice make none of its values bad."""
    column = ByteColumn.of(MIXED)
    inner = column.slice(1, 3)

    assert to_texts(inner) == SHOWN[1:3]
    assert not_utf8(inner).tolist() == []
    assert not_utf8(column.slice(2, 5)).tolist() == [1, 2]
    assert to_strings(column.slice(2, 5))[0].to_pylist() == SHOWN[2:5]


def test_an_arrow_array_comes_back_as_a_column() -> None:
    """Slices of Arrow arrays too; nulls are refused, because a column has none."""
    array = pa.array([b"a", b"bb", b"", b"c"])

    assert list(from_arrow(array.slice(1, 2))) == [b"bb", b""]
    assert list(from_arrow(array.slice(0, 0))) == []
    with pytest.raises(ValueError, match="no nulls"):
        from_arrow(pa.array([b"a", None]))
