"""Variants: rare forms of the same length and first token in which few tokens differ."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

from logpipe.parsers.iterative.bounds import MOST_FIELDS
from logpipe.parsers.iterative.forms import MARK, Forms, hollow, slot
from logpipe.parsers.iterative.mask import MARKS
from logpipe.parsers.iterative.words import device, identifier, plain, protected, state

__all__ = ["similar"]

_ENDS = ".,;:!?()[]{}<>\"'+-*#@/" + MARKS
_MARKED = re.compile(MARK)

MOST_VARIANTS = 400
"""Forms of one length and first token among which variants are looked for."""


MOST_COMPARED = 1 << 21
"""Tokens that are compared at a time; the cells with most lines come first."""


def similar(forms: Forms) -> None:
    """Variants: as many tokens, four fifths of them equal, one of the forms heavy.

    The first token may differ only where it has a variable in both.
    """
    alike = _alike_or_identifiers if forms.on("similar-identifiers") else _alike
    cells: dict[tuple[int, str], list[str]] = defaultdict(list)
    for form in forms.counts:
        length = form.count(" ") + 1
        if 4 <= length <= MOST_FIELDS:
            first = form.partition(" ")[0]
            cells[length, "" if _MARKED.search(first) else first].append(form)
    shared = [(key, members) for key, members in cells.items() if len(members) > 1]
    shared.sort(key=lambda cell: (-sum(forms.counts[form] for form in cell[1]), cell[0]))
    left = MOST_COMPARED
    for (length, _), members in shared:
        members.sort(key=lambda form: (-forms.counts[form], form))
        clusters: list[list[tuple[str, list[str]]]] = []
        for form in members[:MOST_VARIANTS]:
            if left < 0:
                break
            tokens = form.split(" ")
            for cluster in clusters:
                left -= length
                if _variants(cluster[0][1], tokens, alike):
                    cluster.append((form, tokens))
                    break
            else:
                clusters.append([(form, tokens)])
        for cluster in clusters:
            if len(cluster) > 1 and sum(forms.counts[form] > 5 for form, _ in cluster) < 2:
                columns = list(zip(*(tokens for _, tokens in cluster), strict=True))
                if any(len(set(c)) > 1 and hollow(c) for c in columns):
                    continue
                new = " ".join(c[0] if len(set(c)) == 1 else slot(c) for c in columns)
                forms.merge([form for form, _ in cluster], new)
    forms.work += MOST_COMPARED - left


def _variants(a: list[str], b: list[str], alike: Callable[[str, str], bool]) -> bool:
    differs = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    few = len(differs) * 5 <= len(a)
    return few and all(alike(a[i], b[i]) for i in differs)


def _alike(a: str, b: str) -> bool:
    """Whether two tokens are shapes of one variable: one has a mark, and none is just a word."""
    if not (_MARKED.search(a) or _MARKED.search(b)):
        return False
    words = a.strip(_ENDS), b.strip(_ENDS)
    return not any(protected(w) or plain(w) or state(w) or device(w) for w in words)


def _alike_or_identifiers(a: str, b: str) -> bool:
    """The same, or two names as programs have them that do not say opposite things."""
    if _MARKED.search(a) or _MARKED.search(b):
        return _alike(a, b)
    words = a.strip(_ENDS), b.strip(_ENDS)
    if not all(identifier(w) and not state(w) for w in words):
        return False
    parts = [set(_NAME_PART.findall(w)) for w in words]
    return not any(map(protected, parts[0] ^ parts[1]))


_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
