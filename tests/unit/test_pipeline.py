"""Parsing as plain functions: what is asked for, what goes wrong, and how it is told."""

from __future__ import annotations

import pytest
from strategies import MemorySource

from logpipe import pipeline
from logpipe.batch import ParsedBatch
from logpipe.export.base import ParseInfo


class Kept:
    """A sink that keeps what it is given.

    Attributes:
        info: of the parse.
        rows: (source, line number, group, message) of every line.
        text: the bytes of every source.
    """

    def __init__(self, info: ParseInfo) -> None:
        self.info = info
        self.rows: list[tuple[str, int, int, bytes]] = []
        self.text: dict[str, bytes] = {}
        self.ended = ""

    def write(self, batch: ParsedBatch, source: str) -> None:
        self.text[source] = self.text.get(source, b"") + batch.render()
        for record in batch.records():
            group = self.info.templates[record["template_id"]].group
            self.rows.append((source, record["line_no"], group, record["message"]))

    def finish(self) -> None:
        self.ended = "finished"

    def abort(self) -> None:
        self.ended = self.ended or "aborted"


class Sinks(list[Kept]):
    """Opens sinks and remembers them."""

    def __call__(self, info: ParseInfo) -> Kept:
        self.append(Kept(info))
        return self[-1]


def parse(*data: bytes, layout: str = "<Content>", **more: object) -> Kept:
    """What a sink gets of sources named a, b, ..."""
    sinks = Sinks()
    sources = [MemorySource(d, name="abcdef"[i]) for i, d in enumerate(data)]
    pipeline.parse(sources, layout=layout, sink=sinks, **more)  # type: ignore[arg-type]
    return sinks[0]


@pytest.mark.parametrize("threads", [1, 3])
def test_lines_whose_shape_finds_no_room_in_the_table_have_no_header(threads):
    """4,096 shapes are kept; more are the input's fault, and not taken for a changed file."""
    lines = [
        b"A" + b" " * (i % 90 + 1) + b"B" + b" " * (i // 90 + 1) + b"x %d" % i for i in range(6000)
    ]
    data = b"\n".join(lines)

    kept = parse(data, layout="<One> <Two> <Content>", threads=threads)

    assert kept.text == {"a": data}
    assert [row[1] for row in kept.rows] == list(range(1, 6001))
    assert kept.rows[10][3] == b"x 10"
    assert kept.rows[5999][3] == lines[5999]
