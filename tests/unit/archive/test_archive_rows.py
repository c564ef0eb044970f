"""Rows of a block of level max, which is only bytes until its templates are known."""

from __future__ import annotations

import pytest

from logpipe.errors import NativeError
from logpipe.formats.named import layout_for
from logpipe.native import Arena, DrainCore, Header
from logpipe.native.archive import BlockRows, match_rows
from logpipe.parsers.drain import Drain

LINES = b"".join(b"worker %d took %d ms\n" % (i % 7, i * i % 991) for i in range(500))


def _matched(core: DrainCore, header: Header, text: bytes) -> Arena:
    arena = core.pool.take()
    arena.put(text)
    match_rows(core, arena, header)
    core.learn([arena], header)
    return arena


@pytest.fixture
def parser() -> tuple[DrainCore, Header]:
    layout = layout_for("plain")
    return Drain().new_core(), Header(layout.program, layout.fields)


def test_rows_of_given_bytes_are_those_of_bytes_that_were_added(
    parser: tuple[DrainCore, Header],
) -> None:
    """Handing bytes over instead of copying them changes nothing."""
    core, header = parser
    arena = _matched(core, header, LINES)
    kept, taking, adding = BlockRows("bytes"), BlockRows("rows"), BlockRows("rows")
    kept.add(core, header, arena)
    taking.take(kept)
    for rows in (taking, adding):
        rows.add(core, header, _matched(core, header, LINES))

    assert (kept.size, len(kept.raw)) == (0, 0)
    assert bytes(taking.raw) == LINES
    assert taking.lines == 500
    coded, expected = taking.encode_mixed(), adding.encode_mixed()
    assert [bytes(part) for part in coded] == [bytes(part) for part in expected]
    assert (bytes(taking.raw), taking.lines) == (LINES, 500)


def test_chunks_of_other_bytes_than_were_given_are_refused(
    parser: tuple[DrainCore, Header],
) -> None:
    """Rows that are not those of the block's bytes would be a wrong archive."""
    core, header = parser
    kept, rows = BlockRows("bytes"), BlockRows("rows")
    kept.add(core, header, _matched(core, header, LINES))
    rows.take(kept)

    with pytest.raises(NativeError, match="other bytes"):
        rows.add(core, header, _matched(core, header, LINES.replace(b"took", b"used")))
    with pytest.raises(NativeError, match="own bytes"):
        rows.take(rows)
