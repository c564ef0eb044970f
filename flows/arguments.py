"""`key=value` from a command line to the arguments of a flow, by the flow's own signature."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson
from pydantic import TypeAdapter, ValidationError

from logpipe.errors import UnknownNameError, UsageError

__all__ = ["convert", "pairs"]


def pairs(texts: typing.Iterable[str]) -> dict[str, str]:
    """`["key=value", ...]` as a mapping.

    Raises:
        UsageError: no `=`, no key, or a key that comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"expected KEY=VALUE, found {text!r}")
        if key in found:
            raise UsageError(f"{key!r} is given twice: {found[key]!r} and {value!r}")
        found[key] = value
    return found


def convert(
    function: Callable[..., Any], parameters: Mapping[str, Any], what: str
) -> dict[str, Any]:
    """Values for the parameters of a function, strings converted to what it asks for.

    A list is written with commas (`a,b`) or as JSON; a mapping as JSON; the rest as one says it
    (`3`, `true`). Values that are no strings are checked only.

    Args:
        function: its annotations say what it asks for.
        parameters: by name.
        what: what the function is, for messages.

    Raises:
        UnknownNameError: the function has no such parameter; the message lists those it has.
        UsageError: a value that is not what the parameter asks for, or a missing one.
    """
    known = inspect.signature(function).parameters
    hints = get_type_hints(function)
    found = {}
    for name, value in parameters.items():
        if name not in known:
            raise UnknownNameError(f"{what} has no parameter {name!r}; it has {', '.join(known)}")
        hint = hints.get(name, Any)
        try:
            found[name] = _value(value, hint)
        except (ValidationError, orjson.JSONDecodeError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise UsageError(
                f"{what}: {name} should be {_words(hint)}, found {value!r}: {reason}"
            ) from None
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in found:
            raise UsageError(f"{what} needs {name}={_words(hints.get(name, Any))}")
    return found


def _value(value: Any, hint: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    if not isinstance(value, str):
        return adapter.validate_python(value)
    kinds = _kinds(hint)
    if type(None) in kinds and value == "none":
        return None
    if list in kinds and not value.startswith("["):
        return adapter.validate_python([v.strip() for v in value.split(",") if v.strip()])
    if list in kinds or dict in kinds:
        return adapter.validate_python(orjson.loads(value))
    if str in kinds:
        return value
    return adapter.validate_strings(value)


def _kinds(hint: Any) -> set[Any]:
    """The classes behind an annotation: `list[str] | None` gives list and NoneType."""
    if get_origin(hint) in (Union, types.UnionType):
        return set().union(*(_kinds(part) for part in get_args(hint)))
    return {get_origin(hint) or hint}


def _words(hint: Any) -> str:
    words = {
        list: "a list (a,b,...)",
        dict: "a JSON object",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a text",
        type(None): "none",
    }
    return " or ".join(sorted(words.get(kind, str(kind)) for kind in _kinds(hint)))
