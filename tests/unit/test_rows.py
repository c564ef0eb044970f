"""The row-order structured coder: what it is given comes back, what it is not given is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from logpipe.errors import NativeError
from logpipe.native.rows import (
    CodedRows,
    RowParse,
    decode_rows,
    decode_text,
    encode_given_rows,
    encode_rows,
    encode_text,
    template_table,
)

LINES = b"".join(
    b"2024-03-01 10:%02d:%02d.%03d unit%d job %d of 10.0.0.%d took %d bytes (%.2f KB)\r\n"
    % (i // 60 % 60, i % 60, i * 37 % 1000, i % 3, i, i % 11, 1024 + i * 13, 1 + i * 13 / 1024)
    for i in range(900)
)


@pytest.mark.parametrize("parse", list(RowParse))
def test_rows_come_back_and_are_small(parse: RowParse) -> None:
    """The coder is for ratio: lines that tell little cost little."""
    coded = encode_rows(LINES, parse)

    assert decode_rows(coded) == LINES
    assert coded.rows == 900
    assert len(coded.payload) < len(LINES) / 12


def test_given_rows_are_coded_as_given() -> None:
    """The archive hands over what the parser found."""
    table = template_table([(b"", b"\n"), (b"a ", b" b\n")])
    raw = b"a 12 b\nxyz\n"
    coded = encode_given_rows(
        raw, table, np.array([1, 0], np.uint32), np.array([[2, 4], [7, 10]], np.uint32)
    )

    assert decode_rows(coded) == raw


@pytest.mark.parametrize(
    ("rows", "spans"),
    [
        ([0], [[0, 9]]),
        ([1, 0], [[2, 4], [7, 99]]),
        ([1, 0], [[2, 4]]),
        ([1, 5], [[2, 4], [7, 10]]),
        ([0, 1], [[2, 4], [7, 10]]),
    ],
)
def test_rows_that_are_not_the_raw_bytes_are_refused(
    rows: list[int], spans: list[list[int]]
) -> None:
    """A wrong parse is an error when coding and never a wrong archive."""
    table = template_table([(b"", b"\n"), (b"a ", b" b\n")])

    with pytest.raises(NativeError):
        encode_given_rows(
            b"a 12 b\nxyz\n", table, np.array(rows, np.uint32), np.array(spans, np.uint32)
        )


def test_what_cannot_be_is_an_error() -> None:
    """Counts of a damaged archive do not agree with its payload."""
    coded = encode_rows(LINES)
    wrong: list[CodedRows] = [
        replace(coded, rows=coded.rows + 1),
        replace(coded, rows=2**40),
        replace(coded, size=coded.size - 1),
        replace(coded, size=coded.size + 1),
        replace(coded, payload=coded.payload[: len(coded.payload) // 2]),
        replace(coded, payload=coded.payload + b"12345678"),
        replace(coded, table=b""),
        replace(coded, table=coded.table[:-1]),
        replace(coded, table=b"\xff" * 8),
    ]

    for one in wrong:
        with pytest.raises(NativeError):
            decode_rows(one)


def test_text_comes_back() -> None:
    """Template tables are text without rows."""
    text = template_table([(b"open ", b" from ", b"\n"), (b"close ", b" from ", b"\n")] * 9)

    assert decode_text(encode_text(text), len(text)) == text
    assert len(encode_text(text)) < len(text) / 4
    with pytest.raises(NativeError):
        decode_text(encode_text(text), len(text) + 4096)
