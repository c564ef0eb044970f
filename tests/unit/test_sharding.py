"""A parse that many processes share: the same bytes, whoever writes which part."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from logpipe.errors import InputError, UsageError
from logpipe.export.concatenate import concatenate
from logpipe.export.multiline import PerLine
from logpipe.export.parquet import ParquetSink, restore
from logpipe.pipeline import parse
from logpipe.pipeline.sharding import ids_name, learn_shards, merge_shards, write_shard

CHUNKS = 1 << 15, 1 << 17, 1 << 19
"""The reader's first chunks are smaller."""


def lines(count, seed=0):
    """Lines of many templates, header shapes and values; some of them without a header."""
    kinds = (
        "2026-01-02 03:04:%02d INFO worker[%d]: request %d took %d ms\n",
        "2026-01-02 03:04:%02d WARN  worker[%d]: queue q%d is %d%% full\n",
        "2026-01-02 03:04:%02d  INFO disk[%d]: block blk_%d of %d bytes stored\r\n",
        "\tat frame %d of %d in %d: %d\n",
        "2026-01-02 03:04:%02d ERROR user[%d]: session %d closed after %d s\n",
    )
    found = [
        kinds[(i * 7 + i // 1000) % len(kinds)] % (i % 60, i % 97, i * 31 + seed, i % 1013)
        for i in range(count)
    ]
    # A shape and a template that come up late.
    found[count * 3 // 4] = "2026-01-02 03:04:05   INFO   late[1]: \xff is new here\n"
    return "".join(found).encode("latin-1")


LAYOUT = "<Date> <Time> <Level> <Component>[<Pid>]: <Content>"


def whole(paths, output, cut, **arguments):
    """What one process writes."""

    def sink(info):
        return PerLine(ParquetSink(str(output), info, batches_per_cut=cut))

    return parse([str(p) for p in paths], layout=LAYOUT, sink=sink, **arguments)


def shared(paths, folder, output, cut, **arguments):
    """What several write, last shard first."""
    paths = [str(p) for p in paths]
    facts = learn_shards(paths, folder, layout=LAYOUT, cuts=1, batches_per_cut=cut, **arguments)
    parts = [str(folder / f"part-{i}.parquet") for i in range(facts["shards"])]
    for i in reversed(range(facts["shards"])):
        write_shard(folder, i, parts[i])
    merge_shards(folder, parts, str(output))
    return facts


@pytest.fixture
def log(tmp_path):
    """A log of about seven chunks that does not end with a line feed."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(35_000)[:-1])
    assert path.stat().st_size > sum(CHUNKS) + 2 * CHUNKS[2]
    return path


@pytest.mark.parametrize("parser", ["drain", "drain3"])
@pytest.mark.parametrize("cut", [1, 3])
def test_shards_put_together_are_the_bytes_of_one_writer(log, tmp_path, parser, cut):
    """However many there are, and whatever the parser."""
    if parser == "drain3":
        pytest.importorskip("drain3")
    one, many = tmp_path / "one.parquet", tmp_path / "many.parquet"
    result = whole([log], one, cut, parser=parser)

    facts = shared([log], tmp_path / "shards", many, cut, parser=parser)

    assert facts["shards"] >= 2
    assert (facts["lines"], facts["bytes"]) == (result.lines, result.bytes)
    assert facts["groups"] == result.groups
    assert one.read_bytes() == many.read_bytes()
    assert b"".join(restore(str(many))) == log.read_bytes()


def test_several_logs_are_shared_out_too(log, tmp_path):
    """A shard may end one log and begin the next; an empty one is none."""
    other, empty = tmp_path / "b.log", tmp_path / "c.log"
    other.write_bytes(lines(9_000, seed=5))
    empty.write_bytes(b"")
    one, many = tmp_path / "one.parquet", tmp_path / "many.parquet"
    whole([log, empty, other], one, 2)

    facts = shared([log, empty, other], tmp_path / "shards", many, 2)

    assert facts["shards"] >= 3
    assert one.read_bytes() == many.read_bytes()


def test_a_line_longer_than_a_chunk_moves_no_boundary(tmp_path):
    """The reader grows for it, and what it read ahead belongs to the next chunk."""
    log = tmp_path / "a.log"
    log.write_bytes(lines(4_000) + b"x" * 1_500_000 + b"\n" + lines(9_000))
    one, many = tmp_path / "one.parquet", tmp_path / "many.parquet"
    whole([log], one, 1)

    shared([log], tmp_path / "shards", many, 1)

    assert one.read_bytes() == many.read_bytes()


def test_the_number_of_threads_changes_nothing(log, tmp_path):
    """While learning."""
    shared([log], tmp_path / "s", tmp_path / "1.parquet", 2, threads=1)
    shared([log], tmp_path / "t", tmp_path / "2.parquet", 2, threads=3)

    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_a_log_that_changed_since_is_refused(log, tmp_path):
    """By its size, or by a line that is not what it was."""
    learn_shards([str(log)], tmp_path / "s", layout=LAYOUT, cuts=1, batches_per_cut=2)
    output = str(tmp_path / "part.parquet")
    data = log.read_bytes()

    log.write_bytes(data + b"more\n")
    with pytest.raises(InputError, match=r"expected [\d,]+ bytes, found [\d,]+"):
        write_shard(tmp_path / "s", 0, output)
    log.write_bytes(data.replace(b"request", b"REQUEST", 50))
    with pytest.raises(InputError, match=r"line \d+ is not what it was"):
        write_shard(tmp_path / "s", 0, output)
    assert not list(tmp_path.glob("*part*"))


def test_a_log_elsewhere_is_found_by_its_new_path(log, tmp_path):
    """The other machine has it at another place."""
    learn_shards([str(log)], tmp_path / "s", layout=LAYOUT, cuts=1, batches_per_cut=2)
    moved = shutil.move(log, tmp_path / "moved.log")

    facts = write_shard(tmp_path / "s", 1, str(tmp_path / "p.parquet"), paths=[str(moved)])

    assert pq.read_metadata(tmp_path / "p.parquet").num_rows == facts["lines"]
    with pytest.raises(InputError, match="cannot be read"):
        write_shard(tmp_path / "s", 1, str(tmp_path / "p.parquet"))


def test_what_cannot_be_shared_out_says_so(log, tmp_path):
    """A compressed log has no place to enter at."""
    import gzip

    packed = tmp_path / "a.log.gz"
    packed.write_bytes(gzip.compress(b"a line\n"))

    with pytest.raises(UsageError, match="unpack them first"):
        learn_shards([str(packed)], tmp_path / "s")
    with pytest.raises(UsageError, match="at least one cut"):
        learn_shards([str(log)], tmp_path / "s", cuts=0)


def test_a_damaged_plan_is_refused(log, tmp_path):
    """Each file of it."""
    folder, output = tmp_path / "s", str(tmp_path / "p.parquet")
    facts = learn_shards([str(log)], folder, layout=LAYOUT, cuts=1, batches_per_cut=2)
    with pytest.raises(InputError, match=r"none of number 99"):
        write_shard(folder, 99, output)
    with pytest.raises(InputError, match=f"has {facts['shards']} shards, found 1"):
        merge_shards(folder, [output], output)

    ids = folder / ids_name(0)
    kept = ids.read_bytes()
    for damage in (b"", kept[: len(kept) // 2], b"\xff" * 40):
        ids.write_bytes(damage)
        with pytest.raises(InputError):
            write_shard(folder, 0, output)
    plan = json.loads((folder / "plan.json").read_bytes())
    for wrong in ({"version": 2}, {"description": "{}"}, {"shards": None}):
        (folder / "plan.json").write_text(json.dumps(plan | wrong))
        with pytest.raises(InputError):
            write_shard(folder, 1, output)
    with pytest.raises(InputError, match=r"plan.json: cannot be read"):
        write_shard(tmp_path, 0, output)


def test_files_of_different_schema_are_not_put_together(log, tmp_path):
    """Nor cut ones, nor what is no Parquet file; nothing is left behind."""
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    whole([log], a, 2)
    whole([log], b, 2, parser="drain", parameters={"depth": 6})
    cut, text = tmp_path / "cut.parquet", tmp_path / "text.parquet"
    cut.write_bytes(a.read_bytes()[:-9])
    text.write_bytes(b"PAR1 not really" * 4)
    output = tmp_path / "out.parquet"

    with pytest.raises(InputError, match="another schema or description"):
        concatenate([str(a), str(b)], str(output))
    for wrong in (cut, text, tmp_path / "missing.parquet"):
        with pytest.raises(InputError, match=r"not a complete Parquet file|cannot be read"):
            concatenate([str(a), str(wrong)], str(output))
    assert not output.exists()
    assert concatenate([str(a)], str(output)) == pq.read_metadata(a).num_rows
    assert output.read_bytes() == a.read_bytes()


def test_every_damaged_footer_is_an_error_or_a_footer(log, tmp_path):
    """No crash, no endless reading, whatever the bytes of the footer are."""
    a, damaged = tmp_path / "a.parquet", tmp_path / "d.parquet"
    a_log = tmp_path / "small.log"
    a_log.write_bytes(lines(50))
    whole([a_log], a, 2)
    data = bytearray(a.read_bytes())
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")

    refused = 0
    for place in range(start, len(data), 29):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        damaged.write_bytes(changed)
        try:
            concatenate([str(damaged)], str(tmp_path / "o.parquet"), force=True)
        except InputError:
            refused += 1
    assert refused > 5
