"""Parsers: what groups the messages of a log, and finds the template of each group.

`load("drain", depth=5)` or `load("package.module:Class")` gives one; a parser of your own is found
through the entry-point group `logpipe.parsers`.
"""

from __future__ import annotations

import inspect
from typing import cast

from logpipe.errors import ParserError, UsageError
from logpipe.parsers.base import Messages, Parser, as_column
from logpipe.registry import DEFAULT_PARSER, Registry

__all__ = [
    "DEFAULT",
    "REGISTRY",
    "WHY_DEFAULT",
    "Messages",
    "Parser",
    "as_column",
    "load",
    "parameters_of",
]

DEFAULT = DEFAULT_PARSER

WHY_DEFAULT = (
    "iterative is the default: its templates are far better, and it knows what a slot means. drain "
    "learns while it reads, so that it streams and compresses logs in one pass, and is up to twice "
    "as fast."
)
"""Figures: default-parser.md in benchmarks/results."""

REGISTRY = Registry(
    "logpipe.parsers",
    "parser",
    {
        "drain": "logpipe.parsers.drain:Drain",
        "drain3": "logpipe.parsers.drain3:Drain3",
        "iterative": "logpipe.parsers.iterative.parser:Iterative",
    },
)
"""The known parsers."""


def parameters_of(parser: object) -> dict[str, inspect.Parameter]:
    """The constructor's parameters of a parser class, by name."""
    found = inspect.signature(parser).parameters  # type: ignore[arg-type]
    return {name: p for name, p in found.items() if p.kind is not p.VAR_KEYWORD}


def load(name_or_path: str, **parameters: object) -> Parser:
    """A new parser by name or `package.module:Class`.

    Raises:
        UnknownNameError: there is no such parser.
        UsageError: a parameter it does not have, or a value it refuses.
        ParserError: what was found is not a parser.
    """
    factory = REGISTRY.load(name_or_path)
    if not callable(factory):
        raise ParserError(f"parser {name_or_path!r} is {factory!r}, expected a class")
    known = parameters_of(factory)
    for key in parameters:
        if key not in known:
            raise UsageError(
                f"parser {name_or_path!r} has no parameter {key!r}; "
                f"known: {', '.join(known) or 'none'}"
            )
    try:
        parser = factory(**parameters)
    except SystemExit as error:
        raise ParserError(f"parser {name_or_path!r} ends the program when it is made") from error
    except (TypeError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"parser {name_or_path!r} refuses its parameters: {error}") from error
    missing = [m for m in ("fit_predict", "predict") if not callable(getattr(parser, m, None))]
    if missing:
        raise ParserError(
            f"parser {name_or_path!r} has no method {missing[0]!r}; see logpipe.parsers.base.Parser"
        )
    return cast(Parser, parser)
