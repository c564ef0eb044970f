"""Template styles: what is written down of a variable, as named functions from text to text.

Two truths can describe the same groups and still disagree on every text: one writes
``/var/log/<*>``, the other ``<*>``. PA and FTA compare text, so a published figure is only
comparable with another if both truths follow the same style. A style here is a function that brings
a template text to a convention, with a name that a report can print.

- ``exact``: the text as it is.
- ``loghub-2k``: the eight rules of Khan et al., which the corrected Loghub-2k truths follow.
- ``loghub-2.0``: the rules of the full Loghub-2.0 truths: no boolean, user-string or path rule, but
  variables joined by one of ``: # / @ .`` become one, and so do a variable with its ``#`` signs or
  in quotes between blanks.

The published evaluators normalise the truth once, beforehand, and never the prediction. Which side
is normalised is the caller's choice here (`official`, `Contingency.restyle`), and is part of what
has to be reported.

Sources: Khan et al., "Guidelines for Assessing the Accuracy of Log Message Template Identification
Techniques", ICSE 2022, table 3 for the eight rules; the Loghub-2.0 repository for the full-set
rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from logpipe.errors import UnknownNameError

SLOT = "<*>"
"""How a variable is written in template text."""

_BLANKS = re.compile(r"\s+")
# What is between two of these is looked at as a path; with the second set, as a word.
_PATH_ENDS = re.compile(r"""([\s,!;:=|"'\[\](){}])""")
_WORD_ENDS = re.compile(r"""([\s,!;:=|"'\[\](){}.\-+@#$%&])""")
_PATH = re.compile(r"(?:/[^/]+)+")
_DOTTED_SLOTS = re.compile(r"<\*>(?:\.?<\*>)+")
_JOINED_SLOTS = re.compile(r"<\*>(?:[:#/@.]?<\*>)+")
_HASHED_SLOT = re.compile(r"(?<= )#<\*>#?(?= )")
_QUOTED_SLOT = re.compile(r"""(?<= )(["'])<\*>\1(?= )""")

_ALWAYS_VARIABLE = frozenset(["true", "false", "null", "root", "admin"])


class UnknownStyle(UnknownNameError):
    """No template style has this name."""


def exact(text: str) -> str:
    """The text as it is.

    >>> exact("a  1 /tmp")
    'a  1 /tmp'
    """
    return text


def loghub_2k(text: str, user_strings: Iterable[str] = ()) -> str:
    """The style of the corrected Loghub-2k truths: Khan et al.'s eight rules, in this order.

    1. DS: runs of blanks become one blank; none at the ends.
    2. PS: a path-like string, one or more ``/name`` and nothing else, becomes a variable.
    3. BL: ``true`` and ``false``, in any case, become variables.
    4. US: ``null``, ``root``, ``admin`` and the `user_strings`, in any case, become variables.
    5. DG: a token of digits only becomes a variable.
    6. WV: a token that contains a variable becomes a variable, unless it contains a slash.
    7. DV: variables joined by dots become one.
    8. CV: variables without anything between them become one.

    Args:
        text: Template text.
        user_strings: Further words that are variables in this system, such as the names of its
            users.

    >>> loghub_2k("open  /var/log by root: blk_<*> 12 <*>.<*> True")
    'open <*> by <*>: <*> <*> <*> <*>'
    >>> loghub_2k("user alice at dir/<*>", user_strings=["Alice"])
    'user <*> at dir/<*>'
    """
    words = _ALWAYS_VARIABLE.union(word.lower() for word in user_strings)
    text = _BLANKS.sub(" ", text.strip())
    text = "".join(SLOT if _PATH.fullmatch(piece) else piece for piece in _PATH_ENDS.split(text))
    return _DOTTED_SLOTS.sub(SLOT, _swallow(text, words))


def loghub_2_0(text: str) -> str:
    """The style of the full Loghub-2.0 truths.

    Rules 1, 5, 6, 7 and 8 of `loghub_2k`; then, between blanks, ``#<*>#`` and ``#<*>`` lose their
    signs; then variables joined by one of ``: # / @ .`` become one; then a variable in single or
    double quotes between blanks loses them.

    >>> loghub_2_0('open  /var/log by root: <*>:<*> 12 "<*>" end')
    'open /var/log by root: <*> <*> <*> end'
    >>> loghub_2_0("<*>@<*>/<*> at #<*># x")
    '<*> at <*> x'
    """
    text = _DOTTED_SLOTS.sub(SLOT, _swallow(_BLANKS.sub(" ", text.strip()), frozenset()))
    return _QUOTED_SLOT.sub(SLOT, _JOINED_SLOTS.sub(SLOT, _HASHED_SLOT.sub(SLOT, text)))


def _swallow(text: str, words: frozenset[str]) -> str:
    """Rules 3 to 6 on each token: known words, digits, and tokens around a variable."""
    return "".join(
        SLOT
        if token.lower() in words or token.isdecimal() or (SLOT in token and "/" not in token)
        else token
        for token in _WORD_ENDS.split(text)
    )


STYLES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"exact": exact, "loghub-2.0": loghub_2_0, "loghub-2k": loghub_2k}
)
"""Name -> style."""


def style(name: str) -> Callable[[str], str]:
    """The style of this name.

    Raises:
        UnknownStyle: There is none.

    >>> style("loghub-2k")("id <*><*>")
    'id <*>'
    """
    try:
        return STYLES[name]
    except KeyError:
        raise UnknownStyle(
            f"there is no template style {name!r}; known: {', '.join(sorted(STYLES))}"
        ) from None
