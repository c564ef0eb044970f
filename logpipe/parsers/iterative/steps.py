"""The steps of grouping: each looks at all forms and merges some; a rule by its name each."""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import compress, islice

from logpipe.parsers.iterative.bounds import (
    MOST_PLACES,
    Piece,
    Places,
    repeated,
    spans_of,
    within_bounds,
)
from logpipe.parsers.iterative.forms import FIELDS, Forms, hollow, joint, slot
from logpipe.parsers.iterative.mask import MARKS, mark
from logpipe.parsers.iterative.mask_rules import Mask
from logpipe.parsers.iterative.words import (
    Place,
    dominated,
    is_slot,
    plain,
    protected,
    technical,
    telling,
)

__all__ = ["digit_words", "echoes", "pairs", "records", "word_slots"]

# It begins at the first letter: no later one can do better, and a long word is passed once.
_DIGIT_WORD = re.compile(
    r"(?<![A-Za-z_\x80-\xff])[A-Za-z_\x80-\xff]"
    r"[0-9A-Za-z_\x80-\xff]*[0-9][0-9A-Za-z_\x80-\xff]*"
)
_DIGITS = re.compile(r"[0-9]+")
MOST_PAIRED = 12
"""Fields of a form, those that could be a pair, beyond which it is not compared pair by pair."""

ECHOES = 3
"""Different values, and forms, that must differ in repeated words alone."""

_ECHO = "\x00"
# Tokens of nothing but echoes and punctuation, as many as follow each other.
_ECHOING = re.compile(r"(?<!\S)[^\s\w]*\x00[^\s\w]*(?: [^\s\w]+(?!\S))*")


def _replaced(form: str, pieces: Iterable[tuple[int, int, str]]) -> str:
    """A form with other text in some places, which are in order."""
    parts, at = [], 0
    for start, end, text in pieces:
        parts += [form[at:start], text]
        at = end
    return "".join(parts) + form[at:]


def _merge_all(forms: Forms, targets: dict[str, list[str]]) -> None:
    for new, olds in targets.items():
        if olds != [new]:
            forms.merge(olds, new)


def digit_words(forms: Forms) -> None:
    """Words that are equal but for their digits, in forms that differ in such words only."""
    buckets: dict[str, list[str]] = defaultdict(list)
    for form in forms.counts:
        key = _DIGIT_WORD.sub(lambda m: _DIGITS.sub("\x00", m[0]), form)
        if key != form:
            buckets[key].append(form)
    for members in buckets.values():
        words = [list(_DIGIT_WORD.finditer(member)) for member in members]
        if len(members) < 2 or len({len(own) for own in words}) != 1:
            continue
        varying = []
        for i in range(len(words[0])):
            values = {own[i][0] for own in words}
            varying.append(len(values) > 1 and not all(map(technical, values)))
        if not any(varying):
            continue
        targets: dict[str, list[str]] = defaultdict(list)
        for member, own in zip(members, words, strict=True):
            spans = (w.span() for w, v in zip(own, varying, strict=True) if v)
            targets[_replaced(member, ((a, b, mark(Mask.ID)) for a, b in spans))].append(member)
        _merge_all(forms, targets)


def word_slots(forms: Forms, separators: re.Pattern[str]) -> None:
    """Fields in which otherwise equal forms differ; to a fixed point, best-supported first.

    A bucket holds what stands in one place of otherwise equal forms. Only buckets that have gained
    a form are looked at again, so that the work grows with the forms and not with the rounds.
    """
    base = Places(within_bounds(forms, separators))
    buckets: dict[int, list[Piece]] = {}
    touched: set[int] = set()
    for key, pieces in base.shared():
        buckets[key] = pieces
        touched.add(key)

    def add(form: str) -> None:
        forms.work += len(form)
        for key, piece in Places.of(form, separators.split(form)):
            if key not in buckets:
                buckets[key] = base.alone(key)
            buckets[key].append(piece)
            touched.add(key)

    while touched:
        candidates = []
        for key in touched:
            if len(buckets[key]) > 1:
                live = sorted({piece for piece in buckets[key] if piece[0] in forms.counts})
                buckets[key] = live
                if len(live) > 1:
                    lines = sum(forms.counts[form] for form, *_ in live)
                    candidates.append((-len(live), -lines, live, key))
        touched.clear()
        candidates.sort()
        for *_, live, key in candidates:
            if any(form not in forms.counts for form, *_ in live):
                touched.add(key)
                continue
            merged = _merged_bucket(forms, live)
            if merged:
                add(merged)


def _merged_bucket(forms: Forms, live: list[Piece]) -> str | None:
    """What the forms of a bucket become, if that is one."""
    form, start, end, first = live[0]
    before, after = form[:start], form[end:]
    values = {f[a:b]: forms.counts[f] for f, a, b, _ in live if f[:a] == before and f[b:] == after}
    for empty in hollow(values) if len(values) > 1 else ():
        del values[empty]
    if len(values) < 2 or not is_slot(Place(before, after, first, values), forms.on):
        return None
    new = before + slot(values) + after
    forms.merge([before + value + after for value in values], new)
    return new


def pairs(forms: Forms) -> None:
    """Five forms or more that differ in two fields, both nearly all distinct and no plain words."""
    keys = array("q")
    candidates: list[tuple[str, list[tuple[int, int]]]] = []
    for form, pieces in within_bounds(forms, FIELDS):
        fields = list(filter(None, pieces[::2]))[1:]
        odd = [not (plain(field) or field in MARKS) for field in fields]
        if 2 <= sum(odd) <= MOST_PAIRED and len(keys) < MOST_PLACES:
            spans = islice(spans_of(pieces), 1, None)
            own = list(compress(spans, odd))
            keys.extend(key for key, _ in _pairs_of(form, own))
            candidates.append((form, own))
    forms.work += len(keys)
    enough = repeated(keys, 5)
    buckets: dict[int, list[tuple[str, int, int, int, int]]] = defaultdict(list)
    if enough:
        for form, own in candidates:
            for key, spans4 in _pairs_of(form, own):
                if key in enough:
                    buckets[key].append((form, *spans4))
    for bucket in sorted(buckets.values(), key=lambda m: (-len(m), m[0])):
        live = [m for m in bucket if m[0] in forms.counts]
        if len(live) < 5:
            continue
        firsts, seconds = {f[a:b] for f, a, b, _, _ in live}, {f[c:d] for f, _, _, c, d in live}
        if min(len(firsts), len(seconds)) < 0.8 * len(live):
            continue
        one, other = joint(firsts), joint(seconds)
        targets: dict[str, list[str]] = defaultdict(list)
        for form, a, b, c, d in live:
            targets[_replaced(form, [(a, b, one), (c, d, other)])].append(form)
        _merge_all(forms, targets)


def _pairs_of(
    form: str, own: list[tuple[int, int]]
) -> Iterator[tuple[int, tuple[int, int, int, int]]]:
    """A key for each two fields, and where they are."""
    for i, (a, b) in enumerate(own):
        before = hash(form[:a])
        for c, d in own[i + 1 :]:
            yield hash((before, form[b:c], hash(form[d:]))), (a, b, c, d)


def echoes(forms: Forms) -> None:
    """Forms that differ only in words which each of them has twice: a value, told again.

    `loading a.b:c (a.b, c)` is told from `loading d: (d, )` by such words alone. The second has
    an empty value in two places, so that it keeps its text and joins the group.
    """
    buckets: dict[str, list[tuple[str, list[tuple[int, int]]]]] = defaultdict(list)
    for form, pieces in within_bounds(forms, FIELDS):
        fields = list(filter(None, pieces[::2]))[1:]
        if len(set(fields)) == len(fields):
            continue
        twice = {word for word, count in Counter(fields).items() if count > 1}
        values = {word for word in twice if not (word in MARKS or protected(word))}
        if not values:
            continue
        told = [(a, b) for a, b in islice(spans_of(pieces), 1, None) if form[a:b] in values]
        if told:
            rest = _replaced(form, ((a, b, _ECHO) for a, b in told))
            buckets[_ECHOING.sub(_ECHO, rest)].append((form, told))
    for members in buckets.values():
        if len({form[a:b] for form, told in members for a, b in told}) < ECHOES:
            continue
        live = [(form, told) for form, told in members if form in forms.counts]
        if len(live) < ECHOES:
            continue
        value = joint(form[a:b] for form, told in live for a, b in told)
        targets: dict[str, list[str]] = defaultdict(list)
        for form, told in live:
            targets[_replaced(form, ((a, b, value) for a, b in told))].append(form)
        _merge_all(forms, targets)
        head = max(targets, key=lambda f: (f.count(value), forms.counts[f], f))
        forms.kin.update((form, head) for form in targets if form != head)


_PAIR = re.compile(r"""(?<![0-9A-Za-z_.-])([0-9A-Za-z_.-]++)=("[^"=]*"|'[^'=]*'|[^\s,;'"]*)""")


def records(forms: Forms) -> None:
    """Three or more `key=value` with the same keys: what varies is a slot, or empty.

    What `msg` holds is the message: two texts are two templates, unless later steps find values.
    """
    buckets: dict[str, list[str]] = defaultdict(list)
    for form in forms.counts:
        if form.count("=") >= 3:
            key, found = _PAIR.subn(lambda m: m[1] + "=\x00", form)
            if found >= 3:
                buckets[key].append(form)
    for members in buckets.values():
        if len(members) < 2:
            continue
        found_in = [list(_PAIR.finditer(member)) for member in members]
        marks: list[str] = []
        for i in range(len(found_in[0])):
            seen: Counter[str] = Counter()
            for member, own in zip(members, found_in, strict=True):
                seen[own[i][2]] += forms.counts[member]
            varies = len(seen) > 1 and not dominated(seen) and not telling(found_in[0][i][1] + "=")
            marks.append(slot(seen) if varies else "")
        targets: dict[str, list[str]] = defaultdict(list)
        for member, own in zip(members, found_in, strict=True):
            pieces = [(*p.span(2), m) for p, m in zip(own, marks, strict=True) if m and p[2]]
            targets[_replaced(member, pieces)].append(member)
        _merge_all(forms, targets)
