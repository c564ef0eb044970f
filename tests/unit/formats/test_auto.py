"""`--format auto`: it picks what a person would, and says why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from logpipe.errors import LayoutError, UnknownNameError
from logpipe.formats.auto import HEAD_BYTES, detect, discover, resolve
from logpipe.formats.picking import pick_layout
from logpipe.formats.readers import open_sources


def many(make: Callable[[int], str], count: int = 200) -> bytes:
    """A head of so many lines."""
    return "".join(make(i) + "\n" for i in range(count)).encode()


def clock(i: int) -> str:
    """A time of day that goes on."""
    return f"10:{i // 60 % 60:02}:{i % 60:02}"


HEADS = {
    "syslog": many(
        lambda i: f"May {i % 31 + 1:2} {clock(i)} h sshd[{i}]: Failed password for u{i}"
    ),
    "syslog5424": many(lambda i: f"<13>1 2024-05-01T{clock(i)}Z h app {i} - - job {i} done"),
    "journald-iso": many(lambda i: f"2024-05-01T{clock(i)}+0200 h cron[{i}]: (root) CMD (run {i})"),
    "access": many(
        lambda i: f'10.0.0.{i} - - [01/May/2024:{clock(i)} +0200] "GET /p/{i} HTTP/1.1" 200 {i}'
    ),
    "nginx-error": many(lambda i: f"2024/05/01 {clock(i)} [error] 7#7: *{i} open() failed"),
    "postgresql": many(lambda i: f"2024-05-01 {clock(i)}.123 UTC [{i}] LOG:  checkpoint {i}"),
    "redis": many(lambda i: f"7:M 01 May 2024 {clock(i)}.123 * {i} changes in 60 seconds"),
    "cri": many(lambda i: f"2024-05-01T{clock(i)}.123456789Z stdout F app[{i}]: ready"),
    "log4j": many(lambda i: f"2024-05-01 {clock(i)},123 [main] INFO  a.b.C - took {i} ms"),
    "kafka": many(lambda i: f"[2024-05-01 {clock(i)},123] INFO Rolled segment {i} (kafka.log.Log)"),
    "python": many(lambda i: f"2024-05-01 {clock(i)},123 - a.b - INFO - took {i} ms"),
    "loghub:HDFS": many(lambda i: f"240501 {clock(i).replace(':', '')} {i} INFO a.B: block {i}"),
    "datetime": many(lambda i: f"2024-05-01 {clock(i)} user {i} came and went"),
    "json": many(lambda i: f'{{"ts":"2024-05-01T{clock(i)}Z","lvl":"i","msg":"user {i}"}}'),
    "logfmt": many(lambda i: f'ts=2024-05-01T{clock(i)}Z lvl=i msg="user {i} came"'),
    "plain": many(lambda i: f"TEST {i}/13884 [2/2 concurrent test workers running]"),
}


@pytest.mark.parametrize("name", HEADS)
def test_the_family_is_found(name: str) -> None:
    """Every line of the head fits, and the reason says so."""
    found = detect(HEADS[name])

    assert found.layout.name == name
    assert found.share == 1.0
    assert f"layout {name}" in found.reason
    assert (
        name == "plain" or "fits 199 of 199 lines" in found.reason or "200 of 200" in found.reason
    )


def test_a_few_strange_lines_do_not_matter_and_are_counted() -> None:
    """The sentence says how many of the lines fit."""
    lines = HEADS["syslog"].splitlines(keepends=True)
    lines[7] = b"what is this\n"

    found = detect(b"".join(lines) + b"x\n")

    assert found.layout.name == "syslog"
    assert "fits 199 of 201 lines" in found.reason or "fits 199 of 200 lines" in found.reason


def test_continuation_lines_count_for_no_side() -> None:
    """Three lines of stack trace per record do not hide the layout."""
    trace = "\n\tat a.b.C(C.java:1)\n\tat a.b.D(D.java:2)\n\t... 3 more\n"
    head = HEADS["log4j"].decode().replace("\n", trace).encode()

    found = detect(head)

    assert found.layout.name == "log4j"
    assert found.share == 1.0


def test_stack_traces_count_for_no_side() -> None:
    """What begins at column 0 in a trace of Java or Python is no other layout either."""
    java = "java.io.IOException: no\n\tat a.B.c(B.java:1)\nCaused by: a.b.OtherError\n\t... 3 more"
    python = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no'
    for trace in (java, python):
        head = many(lambda i, t=trace: f"2024-05-01 {clock(i)},123 ERROR a.B: no {i}\n{t}")

        assert detect(head).layout.name == "log4j"


def test_the_nearest_layout_is_that_of_all_lines_looked_at() -> None:
    """Every 16th line has a header: a probe of every 16th line would see nothing else."""
    head = many(lambda i: f"2024-05-01 {clock(i)} job {i}" if i % 16 == 0 else f"text {i}", 960)
    found = detect(head)

    assert found.layout.name == "plain"
    assert "of the 960 lines looked at (nearest: datetime, 6%)" in found.reason


def test_a_log_that_begins_with_other_text_is_looked_at_again(tmp_path: Path) -> None:
    """1,500 lines of a banner, and then what it is a log of."""
    banner, rest = many(lambda i: f"*** {i} ***", 1500), HEADS["log4j"] * 100
    (tmp_path / "app.log").write_bytes(banner + rest)
    layout, reason = pick_layout("auto", open_sources([str(tmp_path / "app.log")]))

    assert layout.name == "log4j"
    assert "further on, but not the first ones" in reason


def test_under_sixty_percent_the_lines_have_no_header() -> None:
    """Half syslog, half something else: plain, with the nearest layout in the reason."""
    other = HEADS["plain"].splitlines(keepends=True)
    mixed = [x for pair in zip(HEADS["syslog"].splitlines(True), other, strict=True) for x in pair]

    found = detect(b"".join(mixed))

    assert found.layout.name == "plain"
    assert "syslog, 5" in found.reason


@pytest.mark.parametrize("head", [b"", b"\n\n", b"\r\n", b" ", b"\0\xff", b"x"])
def test_nothing_to_tell_from_is_plain(head: bytes) -> None:
    """Empty files, blank lines and binary data."""
    assert detect(head).layout.name == "plain"


def test_the_last_line_may_be_cut_off_and_crlf_is_no_content() -> None:
    """The head of a file ends anywhere, and Windows line ends change nothing."""
    head = HEADS["json"].replace(b"\n", b"\r\n")[:-20]

    found = detect(head)

    assert found.layout.name == "json"
    assert found.share == 1.0


def test_only_the_head_is_looked_at() -> None:
    """Whatever the size given, the work is bounded."""
    found = detect(HEADS["syslog"] + b"x" * (2 * HEAD_BYTES))

    assert found.layout.name == "syslog"


def test_json_fields_are_the_keys_of_the_head() -> None:
    """In order of appearance; the message is a well-known key, and the time is recognised."""
    layout = detect(HEADS["json"]).layout

    assert layout.fields == ("ts", "lvl")
    assert layout.timestamp is not None
    assert layout.timestamp.fields == ("ts",)


def test_json_without_a_message_takes_the_largest_member() -> None:
    """Events that are all numbers and one long text."""
    head = many(lambda i: f'{{"n":{i},"detail":"a long text about {i}","k":"x"}}')

    layout = discover("json", head)

    assert layout is not None
    assert layout.fields == ("n", "k")
    parts = layout.split(b'{"n":1,"detail":"d","k":"x"}')
    assert parts is not None
    assert parts.message == b"d"


def test_two_message_keys_are_both_understood() -> None:
    """`message` wins where both are there; then the other one is a field."""
    head = many(lambda i: '{"msg":"a"}' if i % 2 else '{"msg":"a","message":"b"}')

    layout = discover("json", head)

    assert layout is not None
    for line, message in [(b'{"msg":"a"}', b"a"), (b'{"msg":"a","message":"b"}', b"b")]:
        parts = layout.split(line)
        assert parts is not None
        assert parts.message == message


def test_text_with_an_equals_sign_is_not_logfmt() -> None:
    """One pair a line is an assignment, and words around it are prose."""
    assert discover("logfmt", many(lambda i: f"x{i}={i}")) is None
    assert discover("logfmt", many(lambda i: f"set x={i} and y={i}")) is None
    assert discover("json", HEADS["logfmt"]) is None


def test_a_given_layout_is_used_as_given() -> None:
    """`resolve` is `--format`: a name, a layout, json with the fields of the file, or auto."""
    head = HEADS["json"]

    assert resolve("auto", head).layout.name == "json"
    assert resolve("json", head).layout.fields == ("ts", "lvl")
    assert resolve("plain", head).layout.name == "plain"
    assert resolve("<A>,<Content>", head).layout.fields == ("A",)
    assert resolve("syslog", head).share == 0
    with pytest.raises(UnknownNameError):
        resolve("jsno", head)
    with pytest.raises(LayoutError):
        resolve("<A>", head)
