"""Adapter for parsers that only give a template text per message, as most published ones do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set

import numpy as np

from logpipe.errors import ParserError
from logpipe.parsers.base import (
    Groups,
    Messages,
    Parser,
    as_column,
    predict_by_templates,
    text_template,
)

__all__ = ["TextParser"]


class TextParser(Parser):
    """Groups messages by the template text that a function gives them.

    Args:
        parse: takes the messages as a list of str (bytes that are not UTF-8 as surrogates, see
            `surrogateescape`) and returns one template text per message, with `<*>` for variables.

    >>> parser = TextParser(lambda ms: [m.split()[0] + " <*>" for m in ms])
    >>> parser.fit_predict([b"open 1", b"close 2", b"open 3"]).tolist()
    [1, 2, 1]
    """

    def __init__(self, parse: Callable[[list[str]], Sequence[str]]) -> None:
        self.parse = parse

    def fit_predict(self, messages: Messages) -> Groups:
        """The groups of equal template text, numbered in order of appearance."""
        texts = [message.decode("utf-8", "surrogateescape") for message in as_column(messages)]
        answer = self.parse(texts)
        if isinstance(answer, str | bytes | Mapping | Set):
            raise ParserError(
                f"{self.parse!r} answered a {type(answer).__name__}; expected a list with one "
                f"template per message, in order"
            )
        answers = list(answer)
        if len(answers) != len(texts):
            raise ParserError(
                f"{self.parse!r} answered {len(answers)} templates for {len(texts)} messages; "
                f"expected one per message, in order"
            )
        known: dict[str, int] = {}
        groups = np.fromiter(
            (known.setdefault(answer, len(known) + 1) for answer in answers),
            np.uint32,
            len(answers),
        )
        self.templates_ = [
            text_template(group, text.encode("utf-8", "surrogateescape"))
            for text, group in known.items()
        ]
        return groups

    def predict(self, messages: Messages) -> Groups:
        """The group of the most literal template that fits, 0 where none does."""
        return predict_by_templates(self.templates_, messages)
