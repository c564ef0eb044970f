"""The same bytes come back, whatever they were."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from archive_reader import read

sys.path.insert(0, str(Path(__file__).parent))
from logs import LEVELS, made, restored, server_log, split

from logpipe import archive
from logpipe.pipeline import compressing

RND = random.Random(5)
LOGS = {
    "empty": b"",
    "newline only": b"\n",
    "one line": b"hello world 1\n",
    "no final newline": b"a 1\nb 2",
    "blank lines": b"\n\n \n\na\n\n",
    "CRLF": b"a 1\r\nb 2\r\n" * 50,
    "mixed ends": b"a\rb\nc\r\nd\r\r\n\r" * 20,
    "trailing blanks": b"x  \ny\t \n" * 30,
    "tabs": b"a\tb\t\t%d\n" * 30,
    "NUL": b"a\0b\0\n\0\n" * 40,
    "Latin-1": b"caf\xe9 \xff 12\n" * 40 + b"\xff",
    "emoji": "😀 ok 12 日本\n".encode() * 40,
    "random": RND.randbytes(300_000),
    "leading zeros": b"".join(b"id %0*d v\n" % (1 + i % 9, i) for i in range(2000)),
    "long integers": b"".join(b"n %d\n" % RND.getrandbits(200) for _ in range(500)),
    "own markers": b"LPZB LPZF \x89LPZ\r\n\x1a\n <*> LPZ-end\n" * 100,
    "signs": b"".join(b"v %d end\n" % (i % 11 - 5) for i in range(2000)) + b"v -0 end\nv -00 end\n",
    "a server's": server_log(),
    "fields": b'10.0.0.1 - - "GET /a/%d?x=y HTTP/1.1" 200\n' * 500,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", LOGS)
def test_every_log_comes_back(name: str, level, tmp_path: Path) -> None:
    """Not a byte differs, and a reader that knows nothing of ours but FORMAT.md agrees."""
    made_at = made(tmp_path, LOGS[name], level)

    assert restored(made_at) == LOGS[name]
    with archive.open(str(made_at)) as opened:
        assert opened.lines == len(split(LOGS[name]))
    if level != "max":
        assert read(made_at.read_bytes()) == LOGS[name]


def test_a_line_of_12_megabytes_comes_back(tmp_path: Path) -> None:
    """A line is no limit of a block."""
    log = b"begin 1\n" + b"x%d " * 3_000_000 + b"\nend 1\n"

    assert restored(made(tmp_path, log)) == log


def test_a_line_over_several_blocks_is_one_line(tmp_path: Path, monkeypatch) -> None:
    """No line can ask for all memory: it goes on in the next block, and ranges know it."""
    monkeypatch.setattr(compressing, "_LONGEST", 1 << 20)
    log = b"a\n" + b"b" * (5 << 20) + b"\nc\nd"
    target = made(tmp_path, log)

    with archive.open(str(target)) as opened:
        assert len(opened.entries) > 3
        assert opened.lines == 4
        for k, line in enumerate(split(log), 1):
            assert b"".join(p.tobytes() for p in opened.raw(k, k)) == line
    assert read(target.read_bytes()) == log


@pytest.mark.parametrize("level", ["fast", "default"])
def test_threads_change_no_byte(level, tmp_path: Path, monkeypatch) -> None:
    """Archives are the same whatever the number of threads."""
    monkeypatch.setitem(compressing.BLOCK, level, 1 << 16)
    log = server_log(8000)
    one = made(tmp_path, log, level, threads=1).read_bytes()

    assert made(tmp_path, log, level, threads=3).read_bytes() == one
    assert restored(tmp_path / "made.lpz") == log


@pytest.mark.parametrize("level", LEVELS)
def test_random_bytes_cost_next_to_nothing(level, tmp_path: Path) -> None:
    """The plain escape: never 200 bytes more than what cannot be compressed."""
    assert made(tmp_path, LOGS["random"], level).stat().st_size <= 300_000 + 200


def test_several_files_are_one_log(tmp_path: Path) -> None:
    """Files go one behind the other, also where the first does not end with a line's end."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x 1\ny 2")
    second.write_bytes(b"3\nz 4\n")
    target = tmp_path / "c.lpz"
    compressing.compress([str(first), str(second)], str(target), level="fast")

    assert restored(target) == b"x 1\ny 23\nz 4\n"
    with archive.open(str(target)) as opened:
        assert list(opened) == [b"x 1\n", b"y 23\n", b"z 4\n"]
