"""The parser contract, in scikit-learn's manners.

A parser sees messages, never files or headers, and answers with one group number per message. The
rest of logpipe turns groups into exact templates and variables, so that a poor parser makes poor
groups, never wrong rows.

A parser of your own needs `fit_predict` and `templates_`:

>>> import numpy as np
>>> class FirstWord(Parser):
...     '''One group per first word.'''
...     def fit_predict(self, messages):
...         words = [m.split(b" ")[0] for m in as_column(messages)]
...         known = {w: g for g, w in enumerate(dict.fromkeys(words), 1)}
...         self.templates_ = [text_template(g, w + b" <*>") for w, g in known.items()]
...         return np.array([known[w] for w in words], np.uint32)
...     def predict(self, messages):
...         return predict_by_templates(self.templates_, messages)
>>> parser = FirstWord()
>>> parser.fit_predict([b"open a", b"close b", b"open c"]).tolist()
[1, 2, 1]
>>> parser.predict([b"close d", b"read e"]).tolist()
[2, 0]
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from logpipe.batch import ByteColumn
from logpipe.errors import ParserError, UsageError
from logpipe.template import UNKNOWN_GROUP, SlotKind, Template

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from logpipe.native import Matcher
else:
    from logpipe.lazy import np

__all__ = ["Groups", "Messages", "Parser", "as_column", "predict_by_templates", "text_template"]

Messages = Sequence[bytes] | ByteColumn
Groups: TypeAlias = "npt.NDArray[np.uint32]"

_MAX_GROUP = 2**32 - 1


def as_column(messages: Messages) -> ByteColumn:
    """Messages as one column; a list of bytes is copied, a column is not.

    Raises:
        UsageError: a message, or what holds them, is something else.
    """
    if isinstance(messages, ByteColumn):
        return messages
    if isinstance(messages, str | bytes) or not isinstance(messages, Collection):
        raise UsageError(
            f"messages are of type {type(messages).__name__}, expected a list of bytes"
        )
    for number, message in enumerate(messages, 1):
        if not isinstance(message, bytes):
            raise UsageError(
                f"message {number} is of type {type(message).__name__}, expected bytes: "
                f"give a list of bytes, text.encode() for text"
            )
    return ByteColumn.of(messages)


class Parser(ABC):
    """Base of all parsers.

    The constructor only stores its parameters under their own names; whatever is learned ends in
    `_`. Nothing is printed, no file is read but by `load`.

    Attributes:
        templates_: after fitting, at least one `Template` for every group that was given out. The
            ids in it are of no meaning; groups are numbered from 1, 0 is "unknown".
        extra_delimiters: what messages may have where the templates have a blank.
        sample_lines: of a parser with a `matcher`: how many lines it wants to learn from at most.
    """

    templates_: Sequence[Template]
    extra_delimiters: Sequence[str] = ()
    sample_lines = 1 << 18

    @abstractmethod
    def fit_predict(self, messages: Messages) -> Groups:
        """Forgets everything, learns from the messages, and returns the group of each (uint32)."""

    @abstractmethod
    def predict(self, messages: Messages) -> Groups:
        """The group of each message by what was learned, 0 where none fits; learns nothing."""

    def fit(self, messages: Messages) -> Self:
        """Forgets everything and learns from the messages."""
        self.fit_predict(messages)
        return self

    def matcher(self) -> Matcher | None:
        """What was learned as a native table, if that is all that `predict` asks; else None.

        A parser that has one is run at native speed (logpipe.parsers.tables): it is fitted on a
        sample of the lines, all lines are matched against the table, and what fits nothing comes
        to `partial_fit` if the parser has that. After `partial_fit` the table may have more
        templates; those it had are the same, under the same ids, so that giving the same object
        again and appending to it is the simplest way.
        """
        return None

    def get_params(self) -> dict[str, object]:
        """The constructor's parameters."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def save(self, path: str | Path) -> None:
        """Writes what was learned as described, versioned JSON (logpipe.parsers.model)."""
        from logpipe.parsers import model

        model.save_templates(path, self)

    @classmethod
    def load(cls, path: str | Path) -> Parser:
        """A parser as `save` wrote it: it predicts, and does not learn any more."""
        from logpipe.parsers import model

        return model.load(path)


_PLACEHOLDER = re.compile(rb"<(?:\*|[A-Z][A-Z0-9_]*)>")


def text_template(
    group: int, text: bytes, placeholder: re.Pattern[bytes] = _PLACEHOLDER
) -> Template:
    """The template behind a text with placeholders: `<*>`, or a mask's name as in `<IP>`.

    >>> text_template(1, b"from <IP> port <*>").literals
    (b'from ', b' port ', b'')
    """
    literals = placeholder.split(text)
    return Template(0, group, tuple(literals), (SlotKind.ANY,) * (len(literals) - 1))


def predict_by_templates(
    templates: Iterable[Template], messages: Messages, delimiters: Sequence[str] = ()
) -> Groups:
    """The group of the most literal template that fits each message, 0 where none does.

    Where no template fits exactly, one that differs in runs of white space will do.

    Args:
        templates: any number per group.
        messages: n of them.
        delimiters: what messages may have where templates have a blank.

    Returns:
        uint32, n groups.
    """
    from logpipe.native import Matcher

    column = as_column(messages)
    # Of templates that are the same, the one with the least group counts.
    order = sorted(templates, key=lambda t: t.group)
    groups = Matcher(order).groups(column)
    left = np.flatnonzero(groups == UNKNOWN_GROUP)
    if len(left) and order:
        blanks = re.compile(b"[" + re.escape(_WHITE + "".join(delimiters).encode()) + b"]+")
        forms = (
            Template(0, t.group, squeezed(t.literals, blanks), (SlotKind.ANY,) * t.slots)
            for t in order
        )
        rest = ByteColumn.of([squeezed((column[i],), blanks)[0] for i in left.tolist()])
        groups[left] = Matcher(forms).groups(rest)
    return groups


_WHITE = b" \t\n\r\x0b\x0c"


def squeezed(literals: tuple[bytes, ...], blanks: re.Pattern[bytes]) -> tuple[bytes, ...]:
    """The same with single blanks for what `blanks` matches, and none at the ends."""
    single = [blanks.sub(b" ", literal) for literal in literals]
    single[0] = single[0].removeprefix(b" ")
    single[-1] = single[-1].removesuffix(b" ")
    return tuple(single)


def take(column: ByteColumn, rows: npt.NDArray[np.int64]) -> ByteColumn:
    """The values at some positions, copied."""
    from logpipe import native

    return column if len(rows) == len(column) else native.take(column, rows)


def checked_groups(name: str, groups: object, expected: int) -> Groups:
    """A parser's answer, if it is one.

    Raises:
        ParserError: not one number from 0 to 2^32 - 1 per message.
    """
    try:
        array = np.asarray(groups)
    except ValueError:
        array = np.zeros((), object)
    if array.shape != (expected,):
        raise ParserError(
            f"parser {name!r} answered {array.shape} groups for {expected} messages; "
            f"expected one group per message, in order"
        )
    if expected == 0:
        return np.zeros(0, np.uint32)
    if array.dtype.kind not in "iu":
        raise ParserError(
            f"parser {name!r} answered groups of type {array.dtype}; expected integers from 0"
        )
    wrong = np.flatnonzero((array < 0) | (array > _MAX_GROUP))
    if len(wrong):
        raise ParserError(
            f"parser {name!r} answered group {array[wrong[0]]} for message {wrong[0] + 1} of "
            f"{expected}; expected a number from 0 to {_MAX_GROUP}"
        )
    return array.astype(np.uint32)


def checked_templates(name: str, claimed: object) -> list[Template]:
    """A parser's `templates_`, if they are what they should be.

    Raises:
        ParserError: no list of templates with groups from 0 to 2^32 - 1.
    """
    if claimed is None:
        raise ParserError(
            f"parser {name!r} has no templates_ after fitting; "
            f"expected a list of logpipe.template.Template, at least one per group"
        )
    try:
        templates: list[Any] = list(claimed)  # type: ignore[call-overload]
    except TypeError:
        raise ParserError(
            f"templates_ of parser {name!r} is of type {type(claimed).__name__}; expected a list"
        ) from None
    for number, template in enumerate(templates, 1):
        if not isinstance(template, Template):
            raise ParserError(
                f"templates_ of parser {name!r}: number {number} is {template!r:.60}; "
                f"expected a logpipe.template.Template, see logpipe.parsers.base.text_template"
            )
        group = template.group
        if not isinstance(group, int | np.integer) or not 0 <= group <= _MAX_GROUP:
            raise ParserError(
                f"templates_ of parser {name!r}: number {number} has group {group!r}; "
                f"expected a number from 0 to {_MAX_GROUP}"
            )
        if not all(isinstance(literal, bytes) for literal in template.literals):
            raise ParserError(
                f"templates_ of parser {name!r}: number {number} has literals "
                f"{template.literals!r:.60}; expected bytes"
            )
    return templates
