"""Levels of other systems as OpenTelemetry severity numbers (1 trace ... 24 fatal4).

Source: OpenTelemetry specification, Logs Data Model, "Field: SeverityNumber" and Appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["level_field", "severity_number"]

_TRACE, _DEBUG, _INFO, _WARN, _ERROR, _FATAL = 1, 5, 9, 13, 17, 21

_BY_NAME = {
    "trace": _TRACE,
    "verbose": _TRACE,
    "v": _TRACE,
    "t": _TRACE,
    "finest": _TRACE,
    "finer": _TRACE + 1,
    "fine": _DEBUG,
    "debug": _DEBUG,
    "debug1": _DEBUG,
    "debug2": _DEBUG,
    "debug3": _DEBUG,
    "debug4": _DEBUG,
    "debug5": _DEBUG,
    "d": _DEBUG,
    "config": _DEBUG + 3,
    "info": _INFO,
    "information": _INFO,
    "informational": _INFO,
    "i": _INFO,
    "log": _INFO,
    "statement": _INFO,
    "hint": _INFO,
    "detail": _INFO,
    "context": _INFO,
    "notice": _INFO + 1,
    "n": _INFO + 1,
    "warn": _WARN,
    "warning": _WARN,
    "w": _WARN,
    "err": _ERROR,
    "error": _ERROR,
    "e": _ERROR,
    "severe": _ERROR,
    "failure": _ERROR,
    # syslog's crit and alert are below its emerg; elsewhere "critical" is the last word.
    "crit": _ERROR + 1,
    "alert": _ERROR + 2,
    "critical": _FATAL,
    "fatal": _FATAL,
    "f": _FATAL,
    "a": _FATAL,
    "emerg": _FATAL,
    "emergency": _FATAL,
    "panic": _FATAL,
}
_BY_SYSLOG = (_FATAL, _ERROR + 2, _ERROR + 1, _ERROR, _WARN, _INFO + 1, _INFO, _DEBUG)
_LEVEL_FIELDS = ("level", "severity", "loglevel", "log_level", "lvl", "severity_text")
_PRIORITY_FIELDS = ("pri", "priority")


def level_field(field_names: Sequence[str]) -> int | None:
    """The index of the header field that holds the level, None if there is none."""
    lowered = [name.casefold() for name in field_names]
    for name in (*_LEVEL_FIELDS, *_PRIORITY_FIELDS):
        if name in lowered:
            return lowered.index(name)
    return None


def severity_number(level: str) -> int:
    """The severity of a level; 0 (unspecified) if the word is unknown.

    A number is a syslog priority, facility * 8 + severity.

    >>> severity_number("WARN"), severity_number("<34>"), severity_number("purple")
    (13, 18, 0)
    """
    word = level.strip(" \t[]<>:()").casefold()
    if word.isascii() and word.isdigit() and len(word) <= 3:
        return _BY_SYSLOG[int(word) & 7] if int(word) <= 191 else 0
    if len(word) == 5 and word[0] in "iwef" and word[1:].isdigit():
        word = word[0]  # glog and klog write the day behind it: I0310
    return _BY_NAME.get(word, 0)
