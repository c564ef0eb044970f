r"""Layouts by name.

The sixteen `loghub:` layouts are those behind Loghub's published tables (logpai/loghub-2.0), with
checks added so that a line that only looks like a header stays in one piece. The others are what
the programs themselves write by default.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import NamedTuple

from logpipe.errors import UnknownNameError
from logpipe.formats.layouts import (
    MESSAGE_KEYS,
    Layout,
    Timestamp,
    compile_layout,
    member_layout,
)

__all__ = ["layout_for", "named", "names", "summary"]


class _Named(NamedTuple):
    summary: str
    spec: str
    fields: str = ""
    """The fields that make the time stamp, separated by blanks."""
    pattern: str = ""


_SYSLOG = ("Month Day Time", "%b %-d %H:%M:%S")
_ISO_SECONDS = ("Date Time", "%Y-%m-%d %H:%M:%S")
_ISO_COMMA = ("Date Time", "%Y-%m-%d %H:%M:%S,%f")
_ISO_POINT = ("Date Time", "%Y-%m-%d %H:%M:%S.%f")
_LOGCAT = r"<Date:digit> <Time:clock> <Pid:int> <Tid:int> <Level:level> <Component>: <Content>"

# In the order auto prefers when two fit equally well.
_LAYOUTS: dict[str, _Named] = {
    "syslog": _Named(
        "RFC 3164, with or without priority, program and process id",
        r"(\<<Pri:int>\>)?<Month:month> <Day:day> <Time:clock> <Host:word>"
        r"( <Component:word>(\[<Pid:word>\])?:)? <Content>",
        *_SYSLOG,
    ),
    "syslog5424": _Named(
        "RFC 5424",
        r"\<<Pri:int>\><Version:int> <Time:word> <Host:word> <App:word> <ProcId:word> "
        r"<MsgId:word> (-|\[<SD>\]) <Content>",
        "Time",
        "%Y-%m-%dT%H:%M:%S.%f%z",
    ),
    "journald": _Named(
        "journalctl -o short",
        r"<Month:month> <Day:day> <Time:clock> <Host:word> <Component>(\[<Pid>\])?: <Content>",
        *_SYSLOG,
    ),
    "journald-iso": _Named(
        "journalctl -o short-iso; rsyslog with ISO times",
        r"<Time:iso> <Host:word> <Component:word>(\[<Pid:word>\])?: <Content>",
        "Time",
        "%Y-%m-%dT%H:%M:%S%z",
    ),
    "macos": _Named(
        "macOS system.log: as syslog, with the service in parentheses",
        r"<Month:month> <Day:day> <Time:clock> <Host:word>"
        r"( <Component:word>\[<Pid:word>\]( \(<Service:word>\))?:)? <Content>",
        *_SYSLOG,
    ),
    "access": _Named(
        "common and combined access log; the message is the request",
        r'<host:word> <ident:word> <user> \[<time:digit>\] "<Content>" <status:int> <bytes:count>'
        r'( "<referer>" "<agent>"( <extra>)?)?',
        "time",
        "%d/%b/%Y:%H:%M:%S %z",
    ),
    "nginx-error": _Named(
        "nginx error log",
        r"<Date:date> <Time:clock> \[<Level:level>\] <Pid:int>#<Tid:int>: "
        r"(\*<Connection:int> )?<Content>",
        "Date Time",
        "%Y/%m/%d %H:%M:%S",
    ),
    "apache-error": _Named(
        "Apache httpd error log, 2.2 and 2.4",
        r"\[<Weekday:weekday> <Month:month> <Day:day> <Time:clock> <Year:int>\] \[<Level:word>\] "
        r"(\[pid <Pid:int>(:tid <Tid:int>)?\] )?<Content>",
        "Weekday Month Day Time Year",
        "%a %b %d %H:%M:%S.%f %Y",
    ),
    "postgresql": _Named(
        "PostgreSQL, log_line_prefix '%m [%p] ' (default) or '%m [%p] %q%u@%d ' (Debian)",
        r"<Date:iso> <Time:clock> <Zone:word> \[<Pid:int>\] (<User:word>@<Database:word> )?"
        r"<Level:word>: <Content>",
        "Date Time Zone",
        "%Y-%m-%d %H:%M:%S.%f %Z",
    ),
    "redis": _Named(
        "Redis and Valkey",
        r"<Pid:int>:<Role:letter> <Day:day> <Month:month> <Year:int> <Time:clock> <Level:word> "
        r"<Content>",
        "Day Month Year Time",
        "%d %b %Y %H:%M:%S.%f",
    ),
    "cri": _Named(
        "Kubernetes container runtime; blanks that begin the message stay in it",
        r"<Time:iso>\ <Stream:stream>\ <Tag:letter>\ <Content>",
        "Time",
        "%Y-%m-%dT%H:%M:%S.%f%z",
    ),
    "klog": _Named(
        "glog and klog (Kubernetes components)",
        r"<Severity:word> <Time:clock> <Tid:int> <Source:word>\] <Content>",
        "Severity Time",
        # Severity holds the day, too (I0310): fields cannot touch each other.
        "%[IWEF]c%m%d %H:%M:%S.%f",
    ),
    "dmesg": _Named("kernel ring buffer", r"\[( )?<Uptime:date>\] <Content>"),
    "logcat": _Named("Android, logcat -v threadtime", _LOGCAT, "Date Time", "%m-%d %H:%M:%S.%f"),
    "log4j": _Named(
        "log4j and logback: time, thread and level, logger, then ' - ' or ': '",
        # The dash in front is the "no alert" label of some published sets.
        r"(- )?<Date:iso> <Time:clock> (\[<Thread>\] <Level:level>|<Level:level> \[<Thread>\]|"
        r"<Level:level>) <Logger:word>( -|:) <Content>",
        *_ISO_COMMA,
    ),
    "kafka": _Named(
        "Kafka: '[%d] %p %m (%c)'",
        r"\[<Date:iso> <Time:clock>\] <Level:level> <Content>( \(<Logger:name>\))?",
        *_ISO_COMMA,
    ),
    "spring": _Named(
        "Spring Boot 3",
        r"<Time:iso> <Level:level> <Pid:int> --- (\[<Application>\] )?\[<Thread>\] <Logger:word> : "
        r"<Content>",
        "Time",
        "%Y-%m-%dT%H:%M:%S.%f%z",
    ),
    "python": _Named(
        "Python logging, '%(asctime)s - %(name)s - %(levelname)s - %(message)s', name optional",
        r"<Date:iso> <Time:clock> -( <Logger:word> -)? <Level:level> - <Content>",
        *_ISO_COMMA,
    ),
    "python-basic": _Named(
        "Python logging, basicConfig without a format", r"<Level:level>:<Logger:word>:<Content>"
    ),
    "openstack": _Named(
        "OpenStack (oslo.log)",
        r"<Date:iso> <Time:clock> <Pid:int> <Level:level> <Logger:word> (\[<Request>\] )?<Content>",
        *_ISO_POINT,
    ),
    "brackets": _Named(
        "'[date time]', then level and number in brackets if there are such",
        r"\[<Date:iso> <Time:clock>\] (\[<Level:level>\] )?(\[<Thread:int>\] )?<Content>",
        *_ISO_POINT,
    ),
    "loghub:HDFS": _Named(
        "",
        r"<Date:int> <Time:int> <Pid:int> <Level:level> <Component:word>: <Content>",
        "Date Time",
        "%y%m%d %H%M%S",
    ),
    "loghub:Hadoop": _Named(
        "",
        r"<Date:iso> <Time:clock> <Level:level> \[<Process>\] <Component:word>: <Content>",
        *_ISO_COMMA,
    ),
    "loghub:Spark": _Named(
        "",
        r"<Date:date> <Time:clock> <Level:level> <Component:word>: <Content>",
        "Date Time",
        "%y/%m/%d %H:%M:%S",
    ),
    "loghub:Zookeeper": _Named(
        "",
        r"<Date:iso> <Time:clock> - <Level:level> \[<Node>:<Component>@<Id>\] - <Content>",
        *_ISO_COMMA,
    ),
    "loghub:BGL": _Named(
        "",
        r"<Label:word> <Timestamp:int> <Date:date> <Node> <Time:digit> <NodeRepeat> <Type> "
        r"<Component> <Level> <Content>",
        # Not Time: that is the wall clock of another time zone.
        "Timestamp",
        "%s",
    ),
    "loghub:HPC": _Named(
        "",
        r"<LogId:int> <Node:word> <Component:word> <State:word> <Time:int> <Flag:word> <Content>",
        "Time",
        "%s",
    ),
    "loghub:Thunderbird": _Named(
        "",
        r"<Label:word> <Timestamp:int> <Date:date> <User> <Month:month> <Day:day> <Time:clock> "
        r"<Location> <Component>(\[<PID>\])?: <Content>",
        "Timestamp",
        "%s",
    ),
    "loghub:Windows": _Named(
        "", r"<Date:iso> <Time:clock>, <Level:level> <Component:word> <Content>", *_ISO_SECONDS
    ),
    "loghub:Linux": _Named(
        "",
        r"<Month:month> <Date:day> <Time:clock> <Level:word> <Component>(\[<PID>\])?: <Content>",
        "Month Date Time",
        "%b %-d %H:%M:%S",
    ),
    "loghub:Android": _Named("", _LOGCAT, "Date Time", "%m-%d %H:%M:%S.%f"),
    "loghub:HealthApp": _Named(
        "", r"<Time:digit>\|<Component>\|<Pid:int>\|<Content>", "Time", "%Y%m%d-%-H:%-M:%-S:%-3f"
    ),
    "loghub:Apache": _Named(
        "", r"\[<Time:ctime>\] \[<Level>\] <Content>", "Time", "%a %b %d %H:%M:%S %Y"
    ),
    "loghub:Proxifier": _Named(
        "", r"\[<Time:digit>\] <Program> - <Content>", "Time", "%m.%d %H:%M:%S"
    ),
    "loghub:OpenSSH": _Named(
        "",
        r"<Date:month> <Day:day> <Time:clock> <Component:word> sshd\[<Pid:int>\]: <Content>",
        "Date Day Time",
        "%b %-d %H:%M:%S",
    ),
    "loghub:OpenStack": _Named(
        "",
        r"<Logrecord:word> <Date:iso> <Time:clock> <Pid:int> <Level:level> <Component:word> "
        r"\[<ADDR>\] <Content>",
        *_ISO_POINT,
    ),
    "loghub:Mac": _Named(
        "",
        r"<Month:month> <Date:day> <Time:clock> <User:word> <Component>\[<PID>\]"
        r"( \(<Address>\))?: <Content>",
        "Month Date Time",
        "%b %-d %H:%M:%S",
    ),
    # What is left to say about a line that begins with a time.
    "iso-level": _Named(
        "ISO time, level, anything",
        r"<Time:iso> <Level:level> <Content>",
        "Time",
        "%Y-%m-%dT%H:%M:%S.%f%z",
    ),
    "datetime-level": _Named(
        "date, time, level, anything",
        r"<Date:iso> <Time:clock> <Level:level> <Content>",
        *_ISO_COMMA,
    ),
    "datetime": _Named("date, time, anything", r"<Date:iso> <Time:clock> <Content>", *_ISO_COMMA),
    "plain": _Named("no header: the whole line is the message", "<Content>"),
}

_COMMON_KEYS = (
    b"time timestamp ts @timestamp t date level severity lvl levelname logger logger_name name "
    b"caller thread thread_name pid hostname host service component module file line trace_id "
    b"span_id request_id error err stack stream"
).split()
_MEMBERS = {
    "json": "JSON objects, one a line; fields are what the head of the file has",
    "logfmt": "key=value; fields are what the head of the file has",
}


def names() -> list[str]:
    """Every layout name, in the order of preference."""
    return [*_LAYOUTS, *_MEMBERS]


def summary(name: str) -> str:
    """One line about a named layout."""
    if name in _MEMBERS:
        return _MEMBERS[name]
    return _LAYOUTS[name].summary or f"as in Loghub: {_LAYOUTS[name].spec}"


@cache
def named(name: str) -> Layout:
    """The layout of that name.

    `json` and `logfmt` know common field names here; `logpipe.formats.auto.discover` makes them fit
    a file.

    Raises:
        UnknownNameError: there is none; the message has similar names and all names.
    """
    if name in _MEMBERS:
        return member_layout(name, _COMMON_KEYS, [key.encode() for key in MESSAGE_KEYS])
    if name not in _LAYOUTS:
        folded = {known.lower(): known for known in names()}
        near = difflib.get_close_matches(name.lower(), folded, n=3)
        # `hdfs` is close to nothing by letters, yet plain enough.
        near = near or [known for known in folded if name and name.lower() in known]
        hint = f" Did you mean {' or '.join(repr(folded[n]) for n in near)}?" if near else ""
        raise UnknownNameError(
            f"unknown layout {name!r}.{hint} Known: auto, {', '.join(names())}; "
            "or give the layout itself, for example '<Date> <Time> <Level> <Content>'."
        )
    entry = _LAYOUTS[name]
    timestamp = Timestamp(tuple(entry.fields.split()), entry.pattern) if entry.fields else None
    return compile_layout(entry.spec, name, timestamp)


def layout_for(text: str) -> Layout:
    """What `--format` means: a name, or the layout itself (then it has a `<`).

    Raises:
        UnknownNameError: no such name.
        LayoutError: not a layout, for example one without `<Content>`.
    """
    if "<" in text or text.startswith(("json {", "logfmt {")):
        return compile_layout(text)
    return named(text)
