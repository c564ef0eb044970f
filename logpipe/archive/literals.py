"""Literals that every match of an expression contains: what blocks and lines are skipped by.

They are found from the leaves of the tree up: of every part it is known which texts it can match,
as long as these are few, or else which texts one of which is in all that it matches.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from logpipe.archive.regex import Anchor, Back, Bytes, Chain, Choice, Group, Node, Repeat

__all__ = ["Known", "needles"]

_MOST_LITERALS = 32
_LONGEST_LITERAL = 256


class Known(NamedTuple):
    """What is known of the matches of a part.

    Attributes:
        exact: all texts it can match; None if they are too many, or depend on the place.
        required: every match contains one of these; None if nothing is known.
    """

    exact: frozenset[bytes] | None
    required: tuple[bytes, ...] | None


_EMPTY = Known(frozenset((b"",)), None)
_NOTHING = Known(None, None)


def _better(
    one: tuple[bytes, ...] | None, other: tuple[bytes, ...] | None
) -> tuple[bytes, ...] | None:
    """The one that rules out more: long literals first, then few of them."""
    if one is None or other is None:
        return one if other is None else other

    def worth(literals: tuple[bytes, ...]) -> tuple[int, int]:
        return min(map(len, literals)), -len(literals)

    return max(one, other, key=worth)


def _from_exact(exact: frozenset[bytes]) -> Known:
    if len(exact) > _MOST_LITERALS or any(len(text) > _LONGEST_LITERAL for text in exact):
        return Known(None, _required(exact))
    return Known(exact, _required(exact))


def _required(exact: frozenset[bytes]) -> tuple[bytes, ...] | None:
    """The texts as literals, without those that contain another; None if one is empty."""
    if not exact or b"" in exact or len(exact) > 4 * _MOST_LITERALS:
        return None
    kept: list[bytes] = []
    for text in sorted(exact, key=lambda text: (len(text), text)):
        if not any(shorter in text for shorter in kept):
            kept.append(text)
    return tuple(kept)


def _joined(left: Known, right: Known) -> Known:
    """What is known of a match of `left` with one of `right` behind it."""
    required = _better(left.required, right.required)
    if left.exact is not None and right.exact is not None:
        if len(left.exact) * len(right.exact) <= _MOST_LITERALS:
            return _from_exact(frozenset(a + b for a in left.exact for b in right.exact))
        required = _better(required, _required(left.exact))
    return Known(None, required)


def _alternative(parts: Sequence[Known]) -> Known:
    if all(part.exact is not None for part in parts):
        union = frozenset[bytes]().union(*(part.exact or frozenset() for part in parts))
        return _from_exact(union)
    if any(part.required is None for part in parts):
        return _NOTHING
    union = frozenset(text for part in parts for text in part.required or ())
    return Known(None, _required(union))


def _chain(parts: Sequence[Node], fold: bool) -> Known:
    """Runs of parts whose texts are all known are joined; the best run is what is required."""
    best: tuple[bytes, ...] | None = None
    whole = True
    run = _EMPTY
    for part in parts:
        known = _of(part, fold)
        if isinstance(part, Anchor):
            # A place, no text: what is around it still stands side by side.
            whole = False
            continue
        joined = _joined(run, known)
        if joined.exact is None:
            best = _better(best, run.required)
            best = _better(best, known.required)
            run = known if known.exact is not None else _EMPTY
            whole = False
        else:
            run = joined
    best = _better(best, run.required)
    return Known(run.exact if whole else None, best)


def _of(node: Node, fold: bool) -> Known:
    match node:
        case Bytes(of):
            texts = {bytes((byte,)).lower() if fold else bytes((byte,)) for byte in of}
            return _from_exact(frozenset(texts)) if len(texts) <= 8 else _NOTHING
        case Anchor() | Back():
            return _NOTHING
        case Group(inner, _):
            return _of(inner, fold)
        case Repeat(inner, least, most):
            known = _of(inner, fold)
            if least == 0:
                if most == 1 and known.exact is not None:
                    return Known(known.exact | {b""}, None)
                return _NOTHING
            if least == most and least <= _LONGEST_LITERAL and known.exact is not None:
                return reduce(_joined, [known] * least)
            return Known(None, known.required)
        case Chain(parts):
            return _chain(parts, fold)
        case Choice(parts):
            return _alternative([_of(part, fold) for part in parts])


def needles(node: Node, fold: bool) -> Known:
    """What is known of all matches of an expression; letters in lower case if `fold`."""
    known = _of(node, fold)
    if isinstance(node, Anchor | Back):
        return _NOTHING
    return known
