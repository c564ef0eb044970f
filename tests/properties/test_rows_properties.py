"""Any bytes come back from the structured coder, and any payload comes to an orderly end."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe.errors import NativeError
from logpipe.native.rows import (
    RowParse,
    decode_rows,
    decode_text,
    encode_rows,
    encode_text,
)
from tests.strategies import log_files

raws = st.one_of(log_files(), st.binary(max_size=300))


@settings(max_examples=60)
@given(raw=raws, parse=st.sampled_from(RowParse))
def test_rows_come_back(raw: bytes, parse: RowParse) -> None:
    """Byte for byte, from any bytes and any parse."""
    assert decode_rows(encode_rows(raw, parse)) == raw


@settings(max_examples=40)
@given(raw=raws)
def test_text_comes_back(raw: bytes) -> None:
    """Byte for byte, from any bytes."""
    assert decode_text(encode_text(raw), len(raw)) == raw


@settings(max_examples=60)
@given(
    raw=log_files(),
    parse=st.sampled_from(RowParse),
    flips=st.lists(st.integers(0, 1 << 20), min_size=1, max_size=4),
)
def test_a_changed_payload_is_an_error_or_as_many_other_bytes(
    raw: bytes, parse: RowParse, flips: list[int]
) -> None:
    """Nothing crashes, and no more is made than was asked for."""
    coded = encode_rows(raw, parse)
    payload = bytearray(coded.payload + b"\0")
    for flip in flips:
        payload[flip // 8 % len(payload)] ^= 1 << flip % 8
    with contextlib.suppress(NativeError):
        assert len(decode_rows(replace(coded, payload=bytes(payload)))) == len(raw)


@settings(max_examples=60)
@given(payload=st.binary(max_size=200), rows=st.integers(0, 50), size=st.integers(0, 5000))
def test_noise_is_an_error_or_as_many_bytes(payload: bytes, rows: int, size: int) -> None:
    """A hostile payload is bounded by what was declared."""
    coded = encode_rows(b"a 1\nb=2 c\n" * 3)
    with contextlib.suppress(NativeError):
        assert len(decode_rows(replace(coded, payload=payload, rows=rows, size=size))) == size
    with contextlib.suppress(NativeError):
        assert len(decode_text(payload, size)) == size
