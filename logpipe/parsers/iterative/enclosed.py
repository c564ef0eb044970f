"""Enclosed text: what stands between quotes or square brackets, however many words it has.

Places are fields, so that `page "home"` and `page "about us"` have no place in common. Here a place
is all that is between two quotes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from logpipe.parsers.iterative.bounds import within_bounds
from logpipe.parsers.iterative.forms import TOKENS, Forms, joint
from logpipe.parsers.iterative.mask import MARKS
from logpipe.parsers.iterative.words import HEAVY, protected, state, telling

__all__ = ["enclosed"]

_ENCLOSED = re.compile(r"""\"[^"]*\"|\[[^\[\]]*\]""")

MOST_SEGMENTS = 6
"""Texts in quotes or brackets of a form that are looked at."""

VARIED = 8
"""Different texts that make a slot..."""

LENGTHS = 3
"""... if they have so many different numbers of words."""

FEW = 4
"""Words of a text in which one that says what happened counts."""

BESIDE = 4
"""Beside so many different other quoted texts of a form one comes again if it is a value, ..."""

RECURRING = 3
"""... and so many such texts make a slot, if one of them has more than `FEW` words."""


def enclosed(forms: Forms) -> None:
    """Texts that fill the same quotes or brackets of otherwise equal forms are values.

    Either there are many of many lengths, or a variable has been found there already, or they come
    again beside others, as the clients and referrers of an access log do.
    """
    buckets: dict[tuple[int, int], list[tuple[str, int, int]]] = defaultdict(list)
    beside: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for form, _ in within_bounds(forms, TOKENS):
        segments = list(islice(_segments(form), MOST_SEGMENTS))
        quoted = [form[a:b] for a, b in segments if _alone(form[:a])]
        for start, end in segments:
            forms.work += len(form)
            if not telling(form[:start]):
                key = hash(form[:start]), hash(form[end:])
                buckets[key].append((form, start, end))
        for i, text in enumerate(quoted):
            beside[text].add((*quoted[:i], *quoted[i + 1 :]))
    again = {text for text, others in beside.items() if len(others) >= BESIDE}
    for members in sorted(buckets.values(), key=lambda b: (-len(b), b[0])):
        form, start, end = members[0]
        before, after = form[:start], form[end:]
        live = [
            (f, f[a:b])
            for f, a, b in members
            if f in forms.counts and _value(f[a:b]) and f[:a] == before and f[b:] == after
        ]
        texts = {text for _, text in live}
        if len(live) < 2 or all(" " not in text for text in texts):
            continue
        found = sum(forms.counts[form] for form, text in live if text in MARKS)
        lengths = {text.count(" ") for text in texts}
        common = texts & again if _alone(before) else set()
        if (
            found >= HEAVY
            or (len(live) >= VARIED and len(lengths) >= LENGTHS)
            or (len(common) >= RECURRING and max(t.count(" ") for t in common) >= FEW)
        ):
            new = before + joint(texts) + after
            forms.merge([form for form, _ in live], new)


def _alone(before: str) -> bool:
    """Whether a text stands in quotes by itself: behind `=` or `:` it has a name."""
    return before == '"' or before.endswith(' "')


def _segments(form: str) -> Iterator[tuple[int, int]]:
    """Where the texts in quotes or brackets begin and end, quotes taken in pairs."""
    for match in _ENCLOSED.finditer(form):
        start, end = match.span()
        if end - start > 2:
            yield start + 1, end - 1


def _value(text: str) -> bool:
    """Whether a text could be a value: a long one, or one that does not say what happened."""
    words = text.split(" ", FEW)
    return len(words) > FEW or not any(protected(w) or state(w) for w in words)
