r"""From what stands behind `grep` to trees: several patterns, -F, -i, -w, -x.

Mostly the tree that finds lines is the one that finds places in them, with something around it for
-w and -x. Where grep's two readers of expressions disagree (`regex.py`), it is not; and where grep
would need both for one line, the pattern is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from logpipe.archive.brackets import with_both_cases
from logpipe.archive.regex import (
    Anchor,
    Back,
    Bytes,
    Chain,
    Choice,
    Group,
    Node,
    Reading,
    Repeat,
    parse,
)
from logpipe.errors import UsageError

__all__ = ["Trees", "read_trees", "text_tree"]


class Trees(NamedTuple):
    """Patterns that were read.

    Attributes:
        lines: a line matches if this does.
        places: where the matches lie in such a line; the leftmost of all counts, then the longest.
        words: for `places`, -w is still to be done, and in grep's peculiar way.
        opaque: back references or collating symbols are among them.
    """

    lines: Node
    places: tuple[Node, ...]
    words: bool
    opaque: bool


class _Around(NamedTuple):
    """What -x and -w put around a pattern: as places, and in grep's words, extended and basic."""

    places: str
    extended: tuple[bytes, bytes]
    basic: tuple[bytes, bytes]

    def put(self, tree: Node) -> Node:
        """The tree between the two places."""
        return Chain((Anchor(self.places[0]), tree, Anchor(self.places[1])))


_WHOLE = _Around("^$", (b"^(", b")$"), (rb"^\(", rb"\)$"))
_WORDS = _Around(
    "()",
    (b"(^|[^[:alnum:]_])(", b")([^[:alnum:]_]|$)"),
    (rb"\(^\|[^[:alnum:]_]\)\(", rb"\)\([^[:alnum:]_]\|$\)"),
)
_TEXT = {
    True: re.compile(rb"(?:[^$*.\[^(+?{|\\]|\\[^1-9<>'`bBsSwW])*"),
    False: re.compile(rb"(?:[^$*.\[^\\]|\\[^1-9<>'`bBsSwW(){+?|])*"),
}
"""Expressions without operators, extended or not. grep takes several of them for texts, as -F."""
_REFERENCE = re.compile(rb"\\[1-9]")


def read_trees(
    sources: Sequence[bytes], *, syntax: str, fold: bool, words: bool, whole: bool
) -> Trees:
    """Trees of patterns one of which has to match.

    Args:
        sources: without line feeds; if there are none, nothing matches.
        syntax: "basic", "extended" or "fixed".
        fold: as `grep -i`.
        words: as `grep -w`; not beside `whole`.
        whole: as `grep -x`.

    Raises:
        UsageError: what grep refuses; what it reads in two ways; another syntax.
    """
    if syntax not in ("basic", "extended", "fixed"):
        raise UsageError(f"syntax: expected basic, extended or fixed, found {syntax!r}")
    around = _WHOLE if whole else _WORDS if words else None
    sources = list(dict.fromkeys(sources))
    if not sources:
        nothing = Bytes(frozenset())
        return Trees(nothing, (nothing,), False, False)
    extended = syntax == "extended"
    texts = len(sources) > 1 and all(map(_TEXT[extended].fullmatch, sources))
    if syntax != "fixed" and not texts:
        return _expressions(sources, extended, fold, around)
    if syntax == "fixed":
        tree = _choice([text_tree(part, fold) for part in sources])
    else:
        tree = _choice(
            [
                parse(part, extended=extended, reading=Reading.PLACES, fold=fold).tree
                for part in sources
            ]
        )
    if around is None:
        return Trees(tree, (tree,), False, False)
    if around is _WORDS and len(sources) == 1:
        return Trees(around.put(tree), (tree,), True, False)
    return Trees(around.put(tree), (around.put(tree),), False, False)


def text_tree(text: bytes, fold: bool) -> Node:
    """A text, letters in both cases if `fold`."""
    sets = (with_both_cases((byte,)) if fold else frozenset((byte,)) for byte in text)
    return Chain(tuple(map(Bytes, sets)))


def _choice(parts: Sequence[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))


def _expressions(
    sources: Sequence[bytes], extended: bool, fold: bool, around: _Around | None
) -> Trees:
    nodes: list[Node] = []
    # Patterns with back references are searched for one by one, all others together.
    together: list[Node] = []
    alone: list[Node] = []
    groups = 0
    opaque = False
    for part in sources:
        read = parse(part, extended=extended, reading=Reading.PLACES, fold=fold, groups=groups)
        nodes.append(read.tree)
        (alone if _REFERENCE.search(part) else together).append(read.tree)
        groups = read.groups
        opaque |= read.opaque
    source = b"\n".join(sources)
    read = parse(source, extended=extended, reading=Reading.LINES, fold=fold)
    inside = read.stray and around is not None
    words = around is _WORDS
    if opaque:
        tree = _choice(nodes)
        if inside or _bare(read.tree) != _bare(tree):
            # grep asks both readers then, one after the other, but not for every line.
            shown = source.decode("utf-8", "backslashreplace")
            raise UsageError(
                f"pattern {shown!r}: grep reads it in two ways: beside a back reference, [.x.] or "
                "[=x=], expected that every operator has something to repeat, no place (like ^) is "
                "repeated, and every parenthesis is closed"
            )
        lines = tree if around is None else around.put(tree)
        first = [_choice(together)] if together else []
        return Trees(lines, (*first, *alone), words, True)
    lines = read.tree
    if inside and around is not None:
        # grep, too, writes its words around the text and reads them together: after -x, `a)(b`
        # is `^(a)(b)$`.
        before, behind = around.extended if extended else around.basic
        wrapped = before + source + behind
        lines = parse(wrapped, extended=extended, reading=Reading.LINES, fold=fold).tree
    elif around is not None:
        lines = around.put(lines)
    return Trees(lines, (_choice(nodes),), words, False)


def _bare(node: Node) -> Node:
    """The tree without numbers of groups and without repetitions of nothing."""
    match node:
        case Group(inner, _):
            return Group(_bare(inner), 0)
        case Back():
            return Back(0)
        case Repeat(inner, least, most):
            bare = _bare(inner)
            return bare if bare == Chain(()) else Repeat(bare, least, most)
        case Choice(parts):
            # Alternatives of several patterns are as good as those of one.
            flat = (p.parts if isinstance(p, Choice) else (p,) for p in map(_bare, parts))
            return Choice(tuple(part for some in flat for part in some))
        case Chain(parts):
            kept = tuple(part for part in map(_bare, parts) if part != Chain(()))
            return kept[0] if len(kept) == 1 else Chain(kept)
    return node
