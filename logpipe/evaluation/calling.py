"""Asking a parser, whatever its form, and checking what it answers.

Three forms are understood:

- the parser contract (`logpipe.parsers.base.Parser`): `fit_predict(messages) -> groups`, then
  `templates_`;
- `parse(messages)`: a list of `str` in, the template text of each out (None: no answer);
- a plain function of that kind.

The text of a group is what `logpipe parse --style loghub` prints for it: the text of its most
frequent template, runs of blanks squeezed. Text that a parser gives itself is left as it is, as the
published evaluator leaves it; a parser with forms (`logpipe.export.styles`) prints its groups in
the style of the truth.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logpipe.batch import ByteColumn
from logpipe.errors import ParserError
from logpipe.export.styles import group_texts
from logpipe.parsers import REGISTRY
from logpipe.parsers.align import Aligner
from logpipe.parsers.base import Groups, checked_groups, checked_templates, take
from logpipe.template import SlotKind, Template, readable

__all__ = ["Answer", "ask", "make_parser"]

_BLANKS = re.compile(r"[ \t]+")
_UNKNOWN = "<*>"


@dataclass(frozen=True)
class Answer:
    """What a parser says about n messages.

    Attributes:
        codes: int32, n: index into `texts`, -1 for no answer.
        texts: template texts, each once.
        groups: uint32, n: the parser's own groups; None if it gives none.
        told: style of the truth that the parser was told and printed its templates in; empty for
            parsers that do not know styles.
    """

    codes: NDArray[np.int32]
    texts: list[str]
    groups: Groups | None
    told: str = ""


def make_parser(target: str, parameters: Mapping[str, Any]) -> Any:
    """A parser of any form by name or path.

    Raises:
        ParserError: it has none of the forms.
    """
    factory: Any = REGISTRY.load(target)
    if not callable(factory):
        raise ParserError(f"parser {target!r} is {factory!r}, expected a class or a function")
    if not isinstance(factory, type):
        if not parameters:
            return factory
        raise ParserError(f"parser {target!r} is a function: it takes messages and no parameters")
    parser = factory(**parameters)
    if not any(callable(getattr(parser, name, None)) for name in ("fit_predict", "parse")):
        raise ParserError(
            f"parser {target!r} has neither fit_predict (see logpipe.parsers.base.Parser) nor "
            f"parse(messages) -> template texts"
        )
    return parser


def ask(
    name: str, parser: Any, messages: ByteColumn, truth_style: str = "exact"
) -> Callable[[], Answer]:
    r"""What to time: calling it gives the answer.

    Args:
        name: of the parser, for errors.
        parser: from `make_parser`.
        messages: all of the log; decoded beforehand for a parser that wants text, bytes that are
            not UTF-8 as `\xNN`.
        truth_style: that of the true templates. A parser that knows what its slots hold prints its
            templates in it (`logpipe.export.styles`).
    """
    if callable(getattr(parser, "fit_predict", None)):
        return lambda: _contract(name, parser, messages, truth_style)
    texts = [readable(message) for message in messages]
    parse = getattr(parser, "parse", parser)
    return lambda: _texts(name, parse(texts), len(texts))


def _contract(name: str, parser: Any, messages: ByteColumn, truth_style: str) -> Answer:
    groups = checked_groups(name, parser.fit_predict(messages), len(messages))
    templates = checked_templates(name, getattr(parser, "templates_", None))
    distinct, inverse = np.unique(groups, return_inverse=True)
    by_group: dict[int, list[Template]] = {}
    for template in templates:
        by_group.setdefault(int(template.group), []).append(template)
    printed = group_texts(parser, truth_style) or {}
    texts: dict[str, int] = {}
    code_of = np.zeros(len(distinct), np.int32)
    for i, group in enumerate(distinct.tolist()):
        text = printed.get(group, _UNKNOWN)
        if group not in printed and (own := by_group.get(group)):
            if len(own) > 1:
                rows = np.flatnonzero(inverse == i)
                own = [_most_frequent(own, take(messages, rows))]
            text = _BLANKS.sub(" ", own[0].text())
        code_of[i] = texts.setdefault(text, len(texts))
    told = truth_style if printed and truth_style != "exact" else ""
    return Answer(code_of[inverse].astype(np.int32), list(texts), groups, told)


def _most_frequent(templates: Sequence[Template], messages: ByteColumn) -> Template:
    """The template that most of a group's messages fit, the first one where several do."""
    aligner = Aligner([Template(0, 1, t.literals, (SlotKind.ANY,) * t.slots) for t in templates])
    ids = aligner.align(messages, np.ones(len(messages), np.uint32))
    # Spacings that the aligner found for itself belong to no claimed template.
    counts = np.bincount(ids, minlength=len(templates) + 1)[1 : len(templates) + 1]
    return templates[int(np.argmax(counts))]


def _texts(name: str, answer: Any, expected: int) -> Answer:
    try:
        # What can be counted off but is no list of answers: letters, or an order of its own.
        if isinstance(answer, str | bytes | Mapping | Set):
            raise TypeError
        given = list(answer)
    except TypeError:
        raise ParserError(
            f"parser {name!r} answered {type(answer).__name__}; expected one template text for "
            f"each of {expected:,} messages"
        ) from None
    if len(given) != expected:
        less = "dropped" if len(given) < expected else "added"
        raise ParserError(
            f"parser {name!r} gave {len(given):,} templates for {expected:,} messages: lines were "
            f"{less}, and which ones cannot be told; expected one for each message, in order"
        )
    for number, text in enumerate(given, 1):
        if text is not None and not isinstance(text, str):
            raise ParserError(
                f"parser {name!r} gave {text!r:.60} for message {number:,}; expected a text or None"
            )
    index = {text: i for i, text in enumerate(t for t in Counter(given) if t is not None)}
    codes = np.fromiter(
        (-1 if text is None else index[text] for text in given), np.int32, len(given)
    )
    return Answer(codes, list(index), None)
