"""The boundary to the native core: hostile arguments are refused, memory outlives its users."""

from __future__ import annotations

import contextlib
import gc
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import MemorySource

from logpipe import native, pipeline
from logpipe.batch import ByteColumn
from logpipe.errors import NativeError
from logpipe.formats.named import layout_for
from logpipe.native import Arena, ArenaPool, DrainCore, Header, Programs
from logpipe.parsers.drain import Drain
from logpipe.template import SlotKind, TemplateTable

TESTS = Path(__file__).parents[1]

AT_EXIT = """
import sys
from logpipe import pipeline
from logpipe.parsers.drain import Drain
from strategies import MemorySource

class Cycle: ...
for number in range(3):
    kept = Cycle()
    kept.me, kept.parser = kept, Drain()
    kept.parser.fit([b"a b 1", b"a c 2"])
    kept.batches = list(pipeline.stream(MemorySource(b"a b 1\\n" * 9), layout="<Content>"))
    setattr(sys, f"kept{number}", kept)
"""


def test_a_program_that_keeps_parsers_to_its_end_exits_cleanly():
    """The library is not unloaded before the last of its objects is freed."""
    program = f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{AT_EXIT}"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def core(**more: object) -> DrainCore:
    settings: dict[str, object] = {
        "depth": 4,
        "similarity": 0.4,
        "max_children": 100,
        "max_groups": 0,
        "mask_atoms": True,
        "delimiters": b"",
    }
    return DrainCore(**{**settings, **more})  # type: ignore[arg-type]


def given_messages(drain: DrainCore, log: list[bytes]) -> Arena:
    """An arena with messages that were matched and not yet learned."""
    column = ByteColumn.of(log)
    arena = drain.pool.take()
    arena.put(column.data)
    drain.match_messages(arena, column.offsets.astype(np.int64))
    return arena


@pytest.mark.parametrize(
    "offsets",
    [[], [0, 5, 3], [-1, 4], [0, 99], [2**62], [0, -(2**62)], [7, 7, 8], [-(2**63), 2**63 - 1]],
)
def test_offsets_that_do_not_ascend_within_the_data_are_refused(offsets):
    """Before anything is read; the arena is as good as before."""
    drain = core()
    arena = drain.pool.take()
    arena.put(b"a b c 7")

    with pytest.raises(NativeError, match="offsets"):
        drain.match_messages(arena, np.array(offsets, np.int64))

    drain.match_messages(arena, np.array([0, 7]))
    assert arena.lines == 1


@pytest.mark.parametrize("used", [2**31, 2**40, 2**63])
def test_more_input_than_can_be_handled_is_refused(used):
    """Positions are 32 bits wide."""
    drain = core()
    header = Header(layout_for("plain").program, ())
    arena = drain.pool.take()
    arena.used = used

    with pytest.raises(NativeError, match="2 GiB"):
        drain.match(arena, header)
    with pytest.raises(NativeError, match="cannot be handled"):
        arena.input(used)


def test_columns_of_lines_that_were_not_learned_are_refused():
    """A line that matched nothing has no template yet."""
    drain = core()
    arena = given_messages(drain, [b"new 1"])

    with pytest.raises(NativeError):
        drain.gather(arena)


def test_an_arena_matched_by_another_parser_is_refused_or_harmless():
    """Template ids of one table mean nothing in another; the tables survive the mistake."""
    one, other = core(), core()
    arena = given_messages(one, [b"a 1", b"b 2 c"])
    one.learn([arena], None)

    with pytest.raises(NativeError):
        other.gather(arena)

    fresh = given_messages(one, [b"a 5"])
    one.learn([fresh], None)
    assert one.template_ids(fresh).tolist() == [1]


def test_values_that_native_code_cannot_take_are_refused_by_name():
    """A depth below 3 has no tree."""
    with pytest.raises(NativeError, match="depth must be at least 3"):
        core(depth=2)


def programs(*templates: tuple[bytes, ...]) -> Programs:
    table = TemplateTable()
    for literals in templates:
        table.append(1, literals, [SlotKind.ANY] * (len(literals) - 1))
    return Programs(table)


@pytest.mark.parametrize("ids", [[], [1], [1, 1, 1]])
def test_one_template_id_per_message_is_asked_for(ids):
    """Not one more or less."""
    made = programs((b"a", b""))
    column = ByteColumn.of([b"ab", b"ac"])

    for call in (made.fits, lambda c, i: made.align_messages(ArenaPool(), c, i)):
        with pytest.raises(NativeError, match=f"template ids: expected 2 values, found {len(ids)}"):
            call(column, np.array(ids, np.uint32))


def test_a_template_id_beyond_the_table_fits_nothing():
    """The first such message is named, nothing is read."""
    made = programs((b"a", b""))
    column = ByteColumn.of([b"ab", b"ac"])
    ids = np.array([1, 2**32 - 1], np.uint32)

    assert made.fits(column, ids).tolist() == [True, False]
    assert made.align_messages(ArenaPool(), column, ids) == 1


@pytest.mark.parametrize("offsets", [[5, 2], [-3, 1], [0, 9], [-9, -8]])
def test_messages_beyond_their_data_are_refused(offsets):
    """By every call that takes a column."""
    column = ByteColumn(np.array(offsets, np.int32), np.zeros(5, np.uint8))
    made = programs((b"", b""))

    with pytest.raises(NativeError):
        made.fits(column, np.array([1]))
    with pytest.raises(NativeError):
        made.align_messages(ArenaPool(), column, np.array([1]))
    with pytest.raises(NativeError):
        native.classify(column)


class Wire:
    """Stands for a table of templates whose wire form is given."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire

    def __len__(self) -> int:
        return 1


def test_a_wire_form_that_ends_early_is_refused_at_every_position():
    """Of a table of templates; only the ends of templates are places to end."""
    table = TemplateTable()
    table.append(7, [b"from ", b" to ", b"!"], [SlotKind.TOKEN, SlotKind.ATOM])
    table.append(2**32 - 1, [b""], [])
    ends = {0}
    for count in range(1, len(table) + 1):
        part = TemplateTable()
        for template in list(table)[1:count]:
            part.append(template.group, template.literals, template.kinds)
        ends.add(len(part.wire))

    for end in range(len(table.wire) + 1):
        cut = Wire(table.wire[:end])
        if end in ends:
            Programs(cut)  # type: ignore[arg-type]
        else:
            with pytest.raises(NativeError, match="expected"):
                Programs(cut)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wire",
    [
        struct.pack("<II", 1, 2**32 - 1),
        struct.pack("<II", 1, 0) + struct.pack("<I", 2**32 - 1),
        struct.pack("<II", 1, 1) + b"\12" + struct.pack("<II", 0, 0),
        struct.pack("<II", 1, 1) + b"\0" + struct.pack("<II", 0, 0),
        b"\xff" * 64,
    ],
)
def test_counts_that_the_wire_form_cannot_hold_are_refused(wire):
    """Before memory is asked for; kinds that do not exist as well."""
    with pytest.raises(NativeError):
        Programs(Wire(wire))  # type: ignore[arg-type]


def test_a_layout_program_that_ends_early_is_refused_or_a_layout():
    """Compiled layouts cross the boundary as bytes; cut anywhere, none does harm."""
    program = layout_for("syslog").program
    refused = 0
    for end in range(len(program)):
        try:
            native.split_line(program[:end], b"Jan  5 10:00:01 host app[12]: text")
        except NativeError:
            refused += 1
    assert refused > len(program) // 2


@given(st.binary(max_size=60), st.binary(max_size=40))
def test_any_bytes_as_a_layout_program_do_no_harm(program, line):
    """They are refused, or they are a layout."""
    with contextlib.suppress(NativeError):
        native.split_line(program, line)


def test_a_batch_that_is_kept_is_unchanged_by_everything_after_it():
    """Its arena is not used again before the last view of it is gone."""
    lines = [b"user %d did %d things\n" % (i, i * i) for i in range(3000)]
    source = MemorySource(b"".join(lines))
    kept = []
    for batch in pipeline.stream(source, layout="<User> <Content>", threads=2):
        kept.append((batch, batch.render(), list(batch.fields[0]), batch.values.data.tobytes()))

    assert len(kept) > 1
    for batch, text, field, data in kept:
        assert batch.render() == text
        assert list(batch.fields[0]) == field
        assert batch.values.data.tobytes() == data


@pytest.mark.parametrize(
    "view",
    [
        lambda batch: batch.values.data,
        lambda batch: batch.template_ids[3:9],
        lambda batch: batch.values.slice(2, 5).to_arrow(),
        lambda batch: batch.fields[0].data[1:],
        lambda batch: memoryview(batch.values.offsets),
    ],
    ids=["data", "part-of-ids", "arrow", "field", "memoryview"],
)
def test_a_view_keeps_its_bytes_when_the_batch_is_gone(view):
    """However little of a batch is kept, the memory behind it is not reused."""
    first = MemorySource(b"".join(b"u%d took %d ms\n" % (i % 9, i) for i in range(500)))
    other = MemorySource(b"".join(b"other %d\n" % i for i in range(9000)))
    parser = Drain()
    batches = pipeline.stream(first, parser=parser, layout="<User> <Content>", threads=1)
    kept = view(next(iter(batches)))
    expected = kept.to_pylist() if hasattr(kept, "to_pylist") else bytes(kept)
    del batches
    gc.collect()

    for _ in range(3):
        for batch in pipeline.stream(other, parser=parser, layout="<Content>", threads=1):
            assert len(batch) > 0

    assert (kept.to_pylist() if hasattr(kept, "to_pylist") else bytes(kept)) == expected


def test_the_bytes_of_a_batch_cannot_be_written():
    """They are shared by everything that looks at the batch."""
    (batch,) = pipeline.stream(MemorySource(b"a 1\n"), layout="<Content>", threads=1)

    with pytest.raises(ValueError, match="read-only"):
        batch.values.data[0] = 7


def test_an_arena_goes_back_to_its_pool_when_nobody_looks_any_more():
    """A loop that keeps nothing uses one arena."""
    parser = Drain()
    source = MemorySource(b"".join(b"a %d\n" % i for i in range(300_000)))
    count = 0
    for batch in pipeline.stream(source, parser=parser, layout="<Content>", threads=1):
        count += len(batch)
        del batch
    gc.collect()

    assert count == 300_000
    assert len(parser.core_.pool._free) <= 2


def test_calls_from_many_threads_at_once_keep_apart():
    """One table, many arenas: each gets the answers of its own messages."""
    drain = core()
    log = [b"a %d b" % i for i in range(200)] + [b"c d %d" % i for i in range(200)]
    drain.learn([given_messages(drain, log)], None)

    def answers(part: list[bytes]) -> list[int]:
        return drain.template_ids(given_messages(drain, part)).tolist()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answers, [log[:200], log[200:]] * 40))

    assert found == [[1] * 200, [2] * 200] * 40


@given(st.lists(st.binary(max_size=9).map(lambda t: t.replace(b" ", b"")), max_size=5), st.data())
def test_a_saved_group_is_restored_or_refused(tokens, data):
    """Tokens that the lexer would cut otherwise are no group of this parser."""
    mixed = [None if data.draw(st.integers(0, 3)) == 0 else token for token in tokens]
    drain = core()
    try:
        group = drain.restore(mixed)
    except NativeError:
        return

    (_, restored), *rest = drain.groups()
    assert rest == []
    assert group == 1
    assert len(restored) == len(mixed)
    assert [t is None for t in restored] == [t is None for t in mixed]
