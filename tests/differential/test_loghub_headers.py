"""The sixteen Loghub layouts against Loghub's own structured files, field by field.

Loghub strips every line before it looks at it, so its Content has lost the blanks at its end. That
is the only difference there is; every other one fails the test.
"""

import csv
import os
from pathlib import Path

import pytest

from logpipe import native
from logpipe.formats.auto import HEAD_BYTES, detect
from logpipe.formats.named import named, names

MIRROR = os.environ.get("LOGPIPE_MIRROR")
pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(not MIRROR, reason="LOGPIPE_MIRROR is not set: no Loghub files"),
]

SYSTEMS = [name.removeprefix("loghub:") for name in names() if name.startswith("loghub:")]

STRIPPED = {
    "Android": 26,
    "Hadoop": 147,
    "HealthApp": 2,
    "Linux": 1080,
    "OpenSSH": 118,
    "Proxifier": 31,
    "Zookeeper": 292,
}
"""Lines whose Content ends in blanks that the structured file does not have; 0 for the others."""


def lines_and_rows(system: str) -> tuple[list[bytes], list[dict[str, str]]]:
    """The raw lines without terminators and the structured rows, one per line."""
    assert MIRROR
    path = Path(MIRROR, "loghub-2k", system, f"{system}_2k.log")
    lines = path.read_bytes().split(b"\n")
    if not lines[-1]:
        lines.pop()
    with Path(f"{path}_structured.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(lines) == len(rows) == 2000
    # All but Proxifier have CRLF, which ends the line and is not content.
    return [line.removesuffix(b"\r") for line in lines], rows


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_header_field_is_the_one_loghub_has(system: str) -> None:
    """All fields and the content of 2 000 lines, from the native and the Python splitter."""
    layout = named(f"loghub:{system}")
    stripped = 0
    for line, row in zip(*lines_and_rows(system), strict=True):
        parts = layout.split(line)
        assert parts is not None, line
        found = {name: parts.fields.get(name, b"").decode() for name in layout.fields}
        assert found == {name: row[name] for name in layout.fields}
        message = parts.message.decode()
        if message != row["Content"]:
            assert message.rstrip() == row["Content"]
            stripped += 1

        by_native = native.split_line(layout.program, line)
        assert by_native is not None
        assert parts.message == line[slice(*by_native[1])]
        spans = zip(layout.fields, by_native[0], strict=True)
        assert {n: line[a:b].decode() for n, (a, b) in spans} == found

    assert stripped == STRIPPED.get(system, 0)


SAME_CONTENT = {"Linux": 1992, "Mac": 1922}
"""Lines whose message is Loghub's content under the layout `auto` takes; all of them elsewhere.

A program name with a blank in it is no syslog tag: `syslogd 1.4.1: restart.` and `Microsoft
Word[14463]: ...` stay whole."""


@pytest.mark.parametrize("system", SYSTEMS)
def test_auto_finds_the_content_that_loghub_has(system: str) -> None:
    """Whatever layout is picked, the message is the same; the layout need not be Loghub's."""
    lines, rows = lines_and_rows(system)

    found = detect(b"\n".join(lines)[:HEAD_BYTES])

    assert found.share == 1.0
    same = 0
    for line, row in zip(lines, rows, strict=True):
        parts = found.layout.split(line)
        assert parts is not None
        same += parts.message.rstrip().decode() == row["Content"].rstrip()
    assert same == SAME_CONTENT.get(system, 2000)


@pytest.mark.parametrize(
    ("path", "name", "share"),
    [
        ("wild/elastic-apache-access/apache_logs", "access", 1.0),
        ("wild/elastic-nginxplus-json/nginxplus_json_logs", "json", 1.0),
        ("wild/elastic-kafka/kafka0/server.log.2016-12-19-16", "kafka", 1.0),
        ("wild/elastic-kafka/kafka0/state-change.log", "kafka", 1.0),
        ("wild/build-log/example.log", "plain", 1.0),
        ("multilog-iotdb/query/label1.log.zst", "log4j", 0.99),
        ("hdfs-2percent/HDFS_2percent.log.zst", "loghub:HDFS", 1.0),
    ],
)
def test_auto_finds_the_family_of_logs_in_the_wild(path: str, name: str, share: float) -> None:
    """Files of other origin, one of every kind that is at hand."""
    assert MIRROR
    with Path(MIRROR, path).open("rb") as file:
        if path.endswith(".zst"):
            import zstandard

            head = zstandard.ZstdDecompressor().stream_reader(file).read(HEAD_BYTES)
        else:
            head = file.read(HEAD_BYTES)

    found = detect(head)

    assert (found.layout.name, found.share >= share) == (name, True), found.reason
