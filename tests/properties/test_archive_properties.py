"""Invariants of archives over arbitrary bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from archive_reader import read
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAYOUTS, log_files

from logpipe import archive
from logpipe.pipeline.compressing import compress


def is_plain(data: bytes) -> bool:
    """Whether nothing takes the bytes for a compressed file, an archive or a Parquet file."""
    magics = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK", b"\x89LPZ", b"PAR1")
    return not data.startswith(magics)


@pytest.mark.parametrize("level", ["fast", "default", "max"])
@settings(max_examples=60, deadline=None)
@given(
    log=(log_files() | st.binary(max_size=400)).filter(is_plain),
    layout=st.sampled_from(LAYOUTS),
    cut=st.tuples(st.integers(1, 45), st.integers(0, 45)),
    more=st.none() | st.binary(max_size=60).filter(is_plain),
)
def test_any_bytes_come_back_and_so_does_any_range(level, log, layout, cut, more) -> None:
    """Round trip, ranges and append, with any layout."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a", str(Path(folder) / "a.lpz")
        source.write_bytes(log)
        compress([str(source)], target, level=level, layout=layout, threads=1)
        if more is not None:
            source.write_bytes(more)
            compress([str(source)], target, level=level, layout=layout, threads=1, append=True)
            log += more
        lines = log.split(b"\n")
        lines = [x + b"\n" for x in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
        start, stop = cut[0], cut[0] + cut[1]
        with archive.open(target) as opened:
            assert b"".join(p.tobytes() for p in opened.raw()) == log
            assert opened.lines == len(lines)
            assert list(opened.iter_lines(start, stop)) == lines[start - 1 : stop]
        if level != "max":
            assert read(Path(target).read_bytes()) == log
