"""The mask lexer at native speed: the table of `mask_rules`, handed to the native core.

`mask` is the same in Python, some hundred times slower; the tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from logpipe.parsers.iterative.mask import WINDOW
from logpipe.parsers.iterative.mask_rules import LIST_MEMBER, RULES, UNIT_BEHIND, Mask

if TYPE_CHECKING:
    from logpipe.native import MaskLexer

__all__ = ["lexer"]


def lexer(off: Iterable[str] = ()) -> MaskLexer:
    """The lexer, with some rules switched off as in `mask.spans`."""
    return _lexer(frozenset(off))


@lru_cache(maxsize=64)
def _lexer(off: frozenset[str]) -> MaskLexer:
    from logpipe.native import MaskLexer

    return MaskLexer(
        [(rule.mask, rule.syntax) for rule in RULES if rule.name not in off],
        member="" if "lists" in off else LIST_MEMBER,
        unit="" if "quantities" in off else UNIT_BEHIND,
        classes=(Mask.LIST, Mask.NUMBER, Mask.QUANTITY, Mask.REST),
        window=WINDOW,
    )
