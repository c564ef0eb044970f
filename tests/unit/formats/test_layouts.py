"""Header layouts: the grammar, the named ones on lines as programs write them, and refusals."""

import pytest

from logpipe import native
from logpipe.errors import LayoutError, UnknownNameError
from logpipe.formats.layouts import Layout, Timestamp, compile_layout, member_layout
from logpipe.formats.named import layout_for, named, names, summary
from logpipe.formats.timestamp_pattern import compile_pattern


def fields(layout: Layout, line: str) -> tuple[dict[str, str], str] | None:
    """Fields and message as text, the same from both splitters, nothing lost."""
    data = line.encode()
    parts = layout.split(data)
    found = native.split_line(layout.program, data)
    if parts is None:
        assert found is None
        return None
    assert found is not None
    assert parts.message == data[slice(*found[1])]
    whole = parts.separators[0]
    for name, separator in zip(parts.order, parts.separators[1:], strict=True):
        whole += (parts.message if name is None else parts.fields[name]) + separator
    assert whole == data
    return {k: v.decode() for k, v in parts.fields.items()}, parts.message.decode()


# The grammar


@pytest.mark.parametrize(
    ("spec", "line", "found", "message"),
    [
        ("<Content>", "any  thing", {}, "any  thing"),
        ("<A> <B>: <Content>", "x y z:1: m: n", {"A": "x", "B": "y z:1"}, "m: n"),
        ("<A> <Content>", "x \t y ", {"A": "x"}, "y "),
        (r"<A>\ <Content>", "x  y", {"A": "x"}, " y"),
        (r"<A>\|<B>\|<Content>", "1||m", {"A": "1", "B": ""}, "m"),
        (r"<A>\t<Content>", "a b\tc", {"A": "a b"}, "c"),
        ("<A>[<B>] <Content>", "a[b] c", {"A": "a", "B": "b"}, "c"),
        (r"<A>(\[<B>\])?: <Content>", "a[b]: c", {"A": "a", "B": "b"}, "c"),
        (r"<A>(\[<B>\])?: <Content>", "a: [b]: c", {"A": "a"}, "[b]: c"),
        (r"(-|\[<A>\]) <Content>", "- c", {}, "c"),
        (r"(-|\[<A>\]) <Content>", "[x y] c", {"A": "x y"}, "c"),
        (r'"<Content>" <A:int>', 'x" 1" 2', None, ""),
        (r'"<Content>" <A:int>', '"x" y" 2', {"A": "2"}, 'x" y'),
        ("é<A>→<Content>", "é1→2", {"A": "1"}, "2"),
    ],
)
def test_a_layout_takes_a_line_apart(
    spec: str, line: str, found: dict[str, str] | None, message: str
) -> None:
    """Fields end at the first place where what follows them matches."""
    assert fields(compile_layout(spec), line) == (None if found is None else (found, message))


@pytest.mark.parametrize(
    ("spec", "column", "expected", "found"),
    [
        ("<Date> <Time>", 1, "<Content>", "none"),
        ("<Content> <Content>", 1, "exactly once", "twice"),
        ("(<Content>)?", 1, "exactly once", "none"),
        ("<A> <Ti", 8, "'>' to close <Ti", "the end"),
        ("<A> < 3 <Content>", 6, "a field name", "' '"),
        ("<A:nonsense> <Content>", 4, "int, digit, word", "'nonsense'"),
        ("<Content:int>", 1, "without a check", ":int"),
        ("<A><B> <Content>", 1, "between two fields", "<A><B>"),
        ("<A> <A> <Content>", 1, "at most once", "<A> twice"),
        (r"(<A>)?<Content>", 1, "between two fields", "<A><Content>"),
        ("(<A> <Content>", 15, "')' for the '(' in column 1", "the end"),
        ("<A>) <Content>", 4, r"'\)'", "')'"),
        ("<A> (<B>) <Content>", 10, "'?' after an optional part", "' '"),
        (r"<A>\d <Content>", 5, "punctuation", "'d'"),
        ("<Content>\\", 11, "after the backslash", "the end"),
        (r"<A> \ <Content>", 1, "a blank or an escaped blank", "side by side"),
        ("<A>\n<Content>", 4, "one line", "a line end"),
        ("<template_id> <Content>", 1, "not a column of the output", "template_id"),
        ("".join(f"(<A{i}> )?" for i in range(7)) + "<Content>", 1, "at most 64", "128"),
        ("".join(f"<A{i}> " for i in range(65)) + "<Content>", 375, "64 fields", "one more"),
    ],
)
def test_a_broken_layout_is_refused_where_it_is_broken(
    spec: str, column: int, expected: str, found: str
) -> None:
    """One line that says where, what was expected and what is there; a note points at the place."""
    with pytest.raises(LayoutError) as caught:
        compile_layout(spec)

    message = str(caught.value)
    assert f"column {column}:" in message
    assert expected in message
    assert found in message.split("found")[-1]
    assert caught.value.__notes__[0].endswith(" " * (column - 1) + "^")


@pytest.mark.parametrize(
    ("check", "accepted", "refused"),
    [
        ("int", "12", "12a"),
        ("digit", "1a", "a1"),
        ("level", "Warning", "Warnings"),
        ("month", "Feb", "feb"),
        ("weekday", "Sun", "Sunday"),
        ("day", "31", "310"),
        ("clock", "9:30:00.5", "9.30"),
        ("date", "2024-05-01", "May"),
        ("iso", "2024-05-01T10:00", "01-05-2024"),
        ("count", "-", "-1"),
        ("name", "a.B$1", "1a"),
        ("stream", "stderr", "stdin"),
        ("letter", "F", "FF"),
    ],
)
def test_a_check_keeps_other_lines_out(check: str, accepted: str, refused: str) -> None:
    """A field that fails its check means that the line has no such header."""
    layout = compile_layout(f"<A:{check}> <Content>")

    assert fields(layout, f"{accepted} m") == ({"A": accepted}, "m")
    assert fields(layout, f"{refused} m") is None
    assert fields(layout, " m") is None


def test_fields_that_are_not_in_a_line_are_not_in_its_parts() -> None:
    """Absent and empty are different things."""
    layout = compile_layout("(<A>,)?<B>|<Content>")

    assert fields(layout, ",x|m") == ({"A": "", "B": "x"}, "m")
    assert fields(layout, "x|m") == ({"B": "x"}, "m")


# Members


def test_members_become_fields_in_any_order() -> None:
    """JSON and logfmt: keys are fields, quotes and braces are separators, values stay escaped."""
    json_layout = member_layout("json", [b"ts", b"n", b"msg"], [b"message", b"msg"])
    logfmt = member_layout("logfmt", [b"ts"], [b"msg"])

    assert fields(json_layout, r'{"n": {"a":[1,"}"]}, "message": "x \"y\"", "ts":1}') == (
        {"n": '{"a":[1,"}"]}', "ts": "1"},
        r"x \"y\"",
    )
    assert fields(json_layout, '{"msg":"m"}') == ({}, "m")
    assert fields(json_layout, '{"msg":"m","message":"n"}') == ({"msg": "m"}, "n")
    assert fields(json_layout, '{"msg":"m","other":1}') is None
    assert fields(json_layout, '{"ts":1}') is None
    assert fields(json_layout, '{"msg":"m","msg":"m"}') is None
    assert fields(logfmt, 'msg="a b"  ts=1') == ({"ts": "1"}, "a b")
    assert fields(logfmt, "msg=a b") is None


def test_a_member_layout_is_made_again_from_its_text() -> None:
    """`spec` holds everything, also keys that are not UTF-8, and names that would collide."""
    layout = member_layout("json", [b"message", b"message_", b"\xff", b"a\\u00e9"], [b"msg"])

    again = compile_layout(layout.spec)

    assert again.program == layout.program
    assert layout.fields == again.fields == ("message_", "message__", "\\xff", "a\\u00e9")
    assert layout_for(layout.spec).program == layout.program


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("json {", "found no JSON"),
        ('json {"fields": ["a"]}', "no list 'message'"),
        ('json {"fields": "a", "message": ["m"]}', "no list 'fields'"),
        ('json {"fields": [], "message": []}', "found none"),
        ('json {"fields": ["a", "a"], "message": ["m"]}', "1 of them different"),
        ('logfmt {"fields": [], "message": ["m"], "x": 1}', "'x'"),
    ],
)
def test_a_broken_member_layout_is_refused(spec: str, problem: str) -> None:
    """The message says what was expected and what is there."""
    with pytest.raises(LayoutError, match="found") as caught:
        compile_layout(spec)

    assert problem in str(caught.value)


# Names

EXAMPLES = [
    ("syslog", "<34>Oct  1 22:14:15 mx su[77]: ok", "su", "ok"),
    ("syslog", "Oct 11 22:14:15 mx kernel: [1.5] ok", "kernel", "[1.5] ok"),
    (
        "syslog",
        "Oct 11 22:14:15 mx last message repeated 2 times",
        "",
        "last message repeated 2 times",
    ),
    ("syslog5424", '<165>1 2024-05-01T10:00:00.003Z h app 12 ID7 [x@1 a="b"][y] m n', "app", "m n"),
    ("syslog5424", "<165>1 - h app - - - m", "app", "m"),
    ("journald", "May 01 10:00:00 h systemd[1]: Started x.", "systemd", "Started x."),
    ("journald-iso", "2024-05-01T10:00:00+0200 h systemd[1]: Started x.", "systemd", "Started x."),
    ("macos", "Jul  1 09:00:55 mac launchd[1] (com.x.y[12]): Service up", "launchd", "Service up"),
    (
        "access",
        '::1 - - [01/May/2024:10:00:00 +0200] "GET / HTTP/1.1" 200 -',
        "-",
        "GET / HTTP/1.1",
    ),
    (
        "access",
        '::1 - a b [01/May/2024:10:00:00 +0200] "GET /"x" HTTP/1.1" 200 12 "-" "curl/8 (x)" 0.003',
        "a b",
        'GET /"x" HTTP/1.1',
    ),
    ("nginx-error", "2024/05/01 10:00:00 [error] 7#7: *5 open() failed", "5", "open() failed"),
    ("nginx-error", "2024/05/01 10:00:00 [notice] 7#7: start", "", "start"),
    ("apache-error", "[Wed May 01 10:00:00 2024] [notice] up", "notice", "up"),
    (
        "apache-error",
        "[Wed May 01 10:00:00.123456 2024] [core:error] [pid 35:tid 43] [client ::1] AH1: no",
        "43",
        "[client ::1] AH1: no",
    ),
    (
        "postgresql",
        "2024-05-01 10:00:00.123 UTC [12] LOG:  checkpoint: a@b c",
        "LOG",
        "checkpoint: a@b c",
    ),
    ("postgresql", "2024-05-01 10:00:00.123 CEST [12] me@db ERROR:  no", "me", "no"),
    ("redis", "7:M 01 May 2024 10:00:00.123 * Ready", "*", "Ready"),
    ("cri", "2024-05-01T10:00:00.123456789Z stdout F   indented", "F", "  indented"),
    ("klog", "I0501 10:00:00.123456    1234 a.go:12] up", "a.go:12", "up"),
    ("dmesg", "[    0.000000] Linux version", "0.000000", "Linux version"),
    ("logcat", "05-01 10:00:00.123   100  2000 I Tag: x", "Tag", "x"),
    ("log4j", "2024-05-01 10:00:00,123 INFO [main] a.B: x - y", "a.B", "x - y"),
    ("log4j", "2024-05-01 10:00:00,123 [main] WARN  a.B - x: y", "main", "x: y"),
    ("log4j", "2024-05-01 10:00:00,123 ERROR a.B:12 - x", "a.B:12", "x"),
    ("kafka", "[2024-05-01 10:00:00,123] INFO a (b c) d (k.Log)", "k.Log", "a (b c) d"),
    ("kafka", "[2024-05-01 10:00:00,123] INFO Values:", "INFO", "Values:"),
    ("spring", "2024-05-01T10:00:00.123Z  INFO 1 --- [app] [   main] c.e.A   : up", "c.e.A", "up"),
    ("python", "2024-05-01 10:00:00,123 - a.b - INFO - x - y", "a.b", "x - y"),
    ("python-basic", "WARNING:root:x: y", "root", "x: y"),
    ("openstack", "2024-05-01 10:00:00.123 12 INFO a.b [req-1 - -] x", "req-1 - -", "x"),
    ("brackets", "[2024-05-01 10:00:00.5] [WARN] [12] x", "WARN", "x"),
    ("iso-level", "2024-05-01T10:00:00Z ERROR x y", "ERROR", "x y"),
    ("datetime-level", "2024-05-01 10:00:00,1 ERROR x y", "ERROR", "x y"),
    ("datetime", "2024-05-01 10:00:00 x y", "10:00:00", "x y"),
    ("json", '{"level":"info","msg":"x y"}', "info", "x y"),
    ("logfmt", 'level=info msg="x y"', "info", "x y"),
    ("loghub:HDFS", "081109 203615 148 INFO a.B: x", "a.B", "x"),
    ("loghub:Mac", "Jul  1 09:00:55 mac launchd[1] (com.x[12]): up", "com.x[12]", "up"),
    ("loghub:Windows", "2016-09-28 04:30:30, Info                  CBS    x", "CBS", "x"),
    ("loghub:Thunderbird", "- 1131566461 2005.11.09 d1 Nov 9 12:01:01 d1/d1 su[2]: x", "2", "x"),
]


@pytest.mark.parametrize(("name", "line", "value", "message"), EXAMPLES)
def test_a_named_layout_reads_its_program(name: str, line: str, value: str, message: str) -> None:
    """The message, and one field that tells whether the header was understood."""
    found = fields(named(name), line)

    assert found is not None
    assert found[1] == message
    assert not value or value in found[0].values()


def test_lines_that_only_look_like_headers_are_whole_messages() -> None:
    """Stack traces and wrapped text have no header in any layout but `plain`."""
    lines = [
        "\tat a.b.C.d(C.java:12) [x.jar:1]",
        "Caused by: java.io.IOException: no - really",
        "    x: 12",
        "2024",
        "",
        "}",
    ]
    for name in names():
        for line in lines:
            assert fields(named(name), line) is None or name == "plain", (name, line)


def test_every_name_compiles_and_its_time_stamp_can_be_read() -> None:
    """Names, fields and patterns are consistent."""
    loghub = [name for name in names() if name.startswith("loghub:")]
    assert len(loghub) == 16
    for name in names():
        layout = named(name)
        assert layout.name == name
        assert summary(name)
        assert compile_layout(layout.spec).program == layout.program
        if layout.timestamp is not None:
            assert set(layout.timestamp.fields) <= set(layout.fields)
            compile_pattern(layout.timestamp.pattern)
    assert not named("plain").has_header
    assert named("syslog").has_header


def test_an_unknown_name_lists_what_there_is() -> None:
    """A near name is suggested, all names are listed, and a layout can be given instead."""
    with pytest.raises(UnknownNameError, match=r"'sysl0g'.*'syslog'.*loghub:HDFS.*<Content>"):
        layout_for("sysl0g")
    with pytest.raises(UnknownNameError, match="'loghub:HDFS'"):
        layout_for("hdfs")
    with pytest.raises(LayoutError, match="<Content>"):
        layout_for("<Date> <Time>")
    assert layout_for("<Date> <Content>").name == "<Date> <Content>"


def test_a_time_stamp_of_fields_that_do_not_exist_is_refused() -> None:
    """A layout cannot promise a time that it does not have."""
    with pytest.raises(LayoutError, match="Clock"):
        compile_layout("<Date> <Content>", "x", Timestamp(("Clock",), "%H"))
