"""Round trips on everything that breaks log tools: parsed to Parquet and back, and streamed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from strategies import MemorySource

from logpipe import pipeline
from logpipe.export import open_sink
from logpipe.export.restore import restore
from logpipe.formats.readers import open_sources

RANDOM = random.Random(7)
TEXT = b"Jan  5 10:00:01 host app[12]: took %d ms, user %s\n"
LINES = b"".join(TEXT % (i, b"amy bob eve".split()[i % 3]) for i in range(50))

INPUTS: dict[str, bytes] = {
    "empty": b"",
    "newline only": b"\n",
    "one line": b"one line\n",
    "no final newline": b"first 1\nsecond 2",
    "blank lines": b"\n\n" + LINES + b"\n\n\n" + LINES + b"\n",
    "CRLF": LINES.replace(b"\n", b"\r\n"),
    "CR, LF and CRLF mixed": b"a\rb\nc\r\nd\n\re\r\r\nf\r",
    "trailing blanks": LINES.replace(b"\n", b"  \n") + b"   \n" + LINES.replace(b"\n", b" \t\n"),
    "tabs": LINES.replace(b" ", b"\t") + b"\t\n\t\t\tx\ty\n",
    "NUL bytes": b"\0\n" + LINES.replace(b"a", b"\0") + b"\0\0",
    "Latin-1 and lone 0xFF": "Müller löscht 5 Dateien\n".encode("latin-1") * 9
    + b"\xff\n\xff \xfe 7\n",
    "UTF-8 with emoji": "Grüße 😀 an 5 \u2028 Leute\n".encode() * 9,
    "300 kB random": RANDOM.randbytes(300_000),
    "a 12 MB line": b"begin 1\n" + b"word 12345 " * 1_100_000 + b"\nend 2\n",
    "leading zeros": b"".join(
        b"id %0*d of 007 at 00:00:%02d\n" % (i % 30, i, i % 60) for i in range(90)
    ),
    "200-bit integers": b"".join(b"key %d -%d\n" % (2**200 + i, 2**199 - i) for i in range(40)),
    "our own markers": b"<*>\na <*> b 5\n<*><*> {'hex': 'ff'} \\xff <IP> \\N\na <*> b 6\n" * 5,
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layout", ["auto", "<Content>", "syslog"])
@pytest.mark.parametrize("data", INPUTS.values(), ids=INPUTS)
def test_what_went_in_comes_out(data, layout, threads, tmp_path):
    """Byte for byte: file -> rows -> Parquet -> file, and batch by batch."""
    log, out = tmp_path / "in.log", str(tmp_path / "out.parquet")
    log.write_bytes(data)

    result = pipeline.parse(
        open_sources([str(log)]),
        layout=layout,
        threads=threads,
        sink=lambda info: open_sink(out, info=info),
    )

    assert b"".join(restore(out)) == data
    assert result.bytes == len(data)
    assert result.lines == data.count(b"\n") + (data[-1:] not in (b"", b"\n"))
    streamed = pipeline.stream(MemorySource(data), layout=layout, threads=threads)
    assert b"".join(batch.render() for batch in streamed) == data


LARGER_THAN_MEMORY = """
import hashlib, resource, sys
sys.path.insert(0, sys.argv[1])
from logpipe import pipeline

import numpy, pyarrow.parquet
from strategies import TooMuch

source = TooMuch(int(sys.argv[2]))
used = 1024 * int(next(l for l in open("/proc/self/status") if l.startswith("VmData")).split()[1])
room = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_DATA, (used + room, used + room))
digest, lines = hashlib.blake2b(), 0

class Digest:
    def __init__(self, info): ...
    def write(self, batch, source):
        digest.update(batch.render())
    def finish(self): ...
    abort = finish

result = pipeline.parse([source], layout="syslog", threads=2, sink=Digest)
assert digest.digest() == source.digest(), "other bytes came out"
print(result.lines, result.bytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA is Linux's")
def test_an_input_larger_than_memory_is_parsed():
    """128 MB of fresh lines; the process may take 80 MB more than it has after its imports."""
    size, room = 128 << 20, 80 << 20
    command = [sys.executable, "-c", LARGER_THAN_MEMORY, str(Path(__file__).parents[1])]

    done = subprocess.run(
        [*command, str(size), str(room)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[1]) >= size


LINE_LARGER_THAN_MEMORY = """
import resource, sys
import numpy  # its library allocates when it is loaded
sys.path.insert(0, sys.argv[1])
from logpipe import pipeline
from logpipe.errors import InputError
from strategies import MemorySource

data = b"x" * (64 << 20)
used = 1024 * int(next(l for l in open("/proc/self/status") if l.startswith("VmData")).split()[1])
resource.setrlimit(resource.RLIMIT_DATA, (used + (48 << 20), used + (48 << 20)))
try:
    list(pipeline.stream(MemorySource(data, name="long.log"), layout="<Content>", threads=1))
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA is Linux's")
def test_a_line_larger_than_memory_is_an_error_that_names_the_log():
    """The process is not killed for it."""
    command = [sys.executable, "-c", LINE_LARGER_THAN_MEMORY, str(Path(__file__).parents[1])]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("long.log: there is no memory for")
