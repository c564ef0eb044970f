"""Options that mean the same on every command."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, TypeVar

import click

from logpipe.errors import UnknownNameError, UsageError
from logpipe.registry import DEFAULT_PARSER

__all__ = [
    "json_option",
    "log_options",
    "multiline_option",
    "quiet_option",
    "split_assignments",
    "template_style_option",
    "time_options",
    "typed_parameters",
    "zone_offsets",
]

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="The same facts as JSON.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Neither progress nor notes.")
multiline_option = click.option(
    "--multiline",
    is_flag=True,
    help="Attach lines without a header (stack traces) to the record before them.",
)
template_style_option = click.option(
    "--template-style",
    type=click.Choice(["exact", "loghub-2k", "loghub-2.0"]),
    default="exact",
    show_default=True,
    help="How template text is printed.",
)


def time_options(command: Command) -> Command:
    """Options on what time stamps leave open: `zones` and `dates`."""
    command = click.option(
        "--dates",
        type=click.Choice(["day-first", "month-first", "year-first"]),
        help="How dates are meant that can be read in several ways, such as 03/04/2024.",
    )(command)
    return click.option(
        "--zone",
        "zones",
        multiple=True,
        metavar="NAME=+HHMM",
        help="Offset of a zone that time stamps name, such as CEST=+0200; may be repeated.",
    )(command)


def zone_offsets(given: Sequence[str]) -> dict[str, int]:
    """Seconds ahead of UTC by name, from values of `--zone`.

    Raises:
        UsageError: not a name and an offset.
    """
    zones: dict[str, int] = {}
    for text in given:
        found = re.fullmatch(r"([A-Za-z]{1,5})=([+-])(\d\d):?([0-5]\d)?", text)
        if found is None or int(found[3]) > 15:
            raise UsageError(f"--zone {text}: expected a name and an offset such as CEST=+0200")
        seconds = int(found[3]) * 3600 + int(found[4] or 0) * 60
        if zones.setdefault(found[1], value := -seconds if found[2] == "-" else seconds) != value:
            raise UsageError(f"--zone {text}: {found[1]} has another offset already")
    return zones


def log_options(command: Command) -> Command:
    """The options of every command that reads logs."""
    for option in reversed(
        [
            click.option(
                "--parser",
                default=DEFAULT_PARSER,
                show_default=True,
                metavar="NAME|pkg.mod:Class",
                help="What finds the templates; see `logpipe parsers list`.",
            ),
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="KEY=VALUE",
                help="A parameter of the parser; may be repeated.",
            ),
            click.option(
                "--format",
                "layout",
                default="auto",
                show_default=True,
                metavar="auto|NAME|LAYOUT",
                help="The header layout, for example loghub:HDFS or '<Date> <Time> <Content>'.",
            ),
            click.option(
                "--model", metavar="IN.json", help="Templates learned before, used unchanged."
            ),
            click.option(
                "-j",
                "threads",
                type=click.IntRange(min=1),
                metavar="N",
                help="Threads; default: all cores.",
            ),
        ]
    ):
        command = option(command)
    return command


def split_assignments(settings: Sequence[str], option: str) -> dict[str, str]:
    """`KEY=VALUE` texts as a mapping.

    Raises:
        UsageError: one has no `=`, or a key is given twice.
    """
    found: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} {setting!r}: expected KEY=VALUE")
        if key in found:
            raise UsageError(f"{option} {key}: given twice, as {found[key]!r} and {value!r}")
        found[key] = value
    return found


def typed_parameters(
    name: str,
    constructor: Callable[..., object],
    settings: Sequence[str],
    option: str = "--set",
    word: str = "parser",
) -> dict[str, object]:
    """The `--set` options as arguments of a plug-in's constructor, with the types it declares.

    Args:
        name: of the plug-in, for messages.
        constructor: the class.
        settings: `KEY=VALUE` texts.
        option: what it is called on the command line.
        word: what a plug-in of this kind is called.

    Raises:
        UsageError: a value is not of the type of its parameter.
        UnknownNameError: it has no such parameter.
    """
    if not settings:
        return {}
    if not callable(constructor):
        raise UsageError(f"{option}: {word} {name!r} is {constructor!r}, expected a class")
    values = split_assignments(settings, option)
    known = {
        key: parameter
        for key, parameter in inspect.signature(constructor).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    any_key = any(
        p.kind is p.VAR_KEYWORD for p in inspect.signature(constructor).parameters.values()
    )
    hints = _hints(constructor)
    typed: dict[str, object] = {}
    for key, text in values.items():
        if key not in known and not any_key:
            listed = ", ".join(known) or "none"
            raise UnknownNameError(
                f"{option} {key}: {word} {name!r} has no such parameter; known: {listed}"
            )
        default = known[key].default if key in known else None
        hint = hints.get(key, Any if default in (None, inspect.Parameter.empty) else type(default))
        try:
            typed[key] = _convert(text, hint)
        except (ValueError, TypeError) as error:
            raise UsageError(f"{option} {key}={text}: {error}") from None
    return typed


def _hints(constructor: Callable[..., object]) -> Mapping[str, Any]:
    target = constructor.__init__ if inspect.isclass(constructor) else constructor
    try:
        return typing.get_type_hints(target)
    except (NameError, TypeError, AttributeError):
        return {}  # a plug-in's annotations that cannot be resolved here


def _convert(text: str, hint: Any) -> object:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, UnionType):
        choices = typing.get_args(hint)
        if NoneType in choices and text.lower() in ("none", "null", ""):
            return None
        failures = []
        # str takes everything, so it comes last.
        for choice in sorted(choices, key=lambda c: c is str):
            if choice is not NoneType:
                try:
                    return _convert(text, choice)
                except (ValueError, TypeError) as error:
                    failures.append(str(error))
        raise ValueError(" or ".join(failures))
    if origin is typing.Literal:
        for choice in typing.get_args(hint):
            if str(choice) == text:
                return choice
        raise ValueError(f"expected one of {', '.join(map(str, typing.get_args(hint)))}")
    if hint is bool:
        return _boolean(text)
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            word = "a whole number" if hint is int else "a number"
            raise ValueError(f"expected {word}, found {text!r}") from None
    if hint is str:
        return text
    if hint is bytes:
        return text.encode("utf-8", "surrogateescape")
    if origin in (list, tuple, set, frozenset) or _is_abstract_sequence(origin):
        return _sequence(text, origin, typing.get_args(hint))
    return _json(text)


def _is_abstract_sequence(origin: object) -> bool:
    return inspect.isclass(origin) and issubclass(origin, Sequence)


def _sequence(text: str, origin: Any, inner: tuple[Any, ...]) -> object:
    """A JSON list, or the parts between commas."""
    if text.lstrip().startswith("["):
        parts = _json(text)
    else:
        parts = [_convert(part, inner[0] if inner else str) for part in text.split(",") if part]
    if not isinstance(parts, list):
        raise ValueError("expected a list")
    return parts if origin is list else tuple(parts)


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError(f"expected true or false, found {text!r}")


def _json(text: str) -> Any:
    """JSON where it is JSON, else the text."""
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
