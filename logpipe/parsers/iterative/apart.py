"""Why two groups that look alike were kept apart, in words.

Neighbours are groups whose forms differ in one place. The reason is read off the same facts that
`words.is_slot` decides by; where forms differ in more than that, lengths and tokens are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from logpipe.parsers.iterative.bounds import MOST_FIELDS, Places
from logpipe.parsers.iterative.forms import FIELDS, TOKENS
from logpipe.parsers.iterative.mask import MARKS, mask_of
from logpipe.parsers.iterative.words import ENOUGH, HEAVY, TIMES, protected

__all__ = ["Apart", "apart"]

NEIGHBOURS = 3
"""Neighbours that are told of a group."""

_LOOKED_AT = 50


@dataclass(frozen=True)
class Apart:
    """A neighbour of a group.

    Attributes:
        group: its number.
        reason: `protected-word`, `type`, `first-word`, `few-words`, `length` or `tokens`.
        why: the same as a sentence.
    """

    group: int
    reason: str
    why: str


def apart(forms: Mapping[int, str], lines: Mapping[int, int]) -> dict[int, list[Apart]]:
    """The nearest neighbours of each group.

    Args:
        forms: masked text per group.
        lines: of each group, as far as known; heavy neighbours are told first.

    Returns:
        At most three per group; none for groups that are like no other.
    """
    groups: dict[str, int] = {}
    for number, form in sorted(forms.items()):
        groups.setdefault(form, number)
    found: dict[int, dict[int, Apart]] = defaultdict(dict)
    for separators in (FIELDS, TOKENS):
        cut = ((form, separators.split(form, MOST_FIELDS)) for form in groups)
        for _, pieces in Places(list(cut)).shared():
            members = sorted(
                {groups[form]: (form[a:b], first) for form, a, b, first in pieces}.items(),
                key=lambda m: (-lines.get(m[0], 0), m[0]),
            )
            words = {value for _, (value, _) in members if not _marks(value)}
            for number, (value, first) in members:
                for other, (theirs, _) in members[:_LOOKED_AT]:
                    if other != number and other not in found[number] and value != theirs:
                        why = _why(value, theirs, first, len(words))
                        found[number][other] = Apart(other, *why)
    _by_length(groups, lines, found)
    return {
        number: sorted(own.values(), key=lambda a: (-lines.get(a.group, 0), a.group))[:NEIGHBOURS]
        for number, own in found.items()
        if own
    }


def _marks(text: str) -> list[str]:
    return [c for c in text if c in MARKS]


def _named(text: str) -> str:
    """A value for people: a variable by its class, text in quotes."""
    if len(text) == 1 and text in MARKS:
        name = mask_of(text).name.lower().replace("_", "-")
        return "a variable" if name in ("field", "wide") else f"a variable ({name})"
    shown = "".join("<*>" if c in MARKS else c for c in text)
    return repr(shown if len(shown) <= 40 else shown[:39] + "…")


def _why(own: str, other: str, first: bool, words: int) -> tuple[str, str]:
    both = f"{_named(own)} here, {_named(other)} there"
    opposed = [value for value in (own, other) if protected(value)]
    if opposed:
        return "protected-word", f"{both}: {_named(opposed[0])} says what happened"
    if bool(_marks(own)) != bool(_marks(other)):
        return "type", (
            f"{both}: a variable takes in a word beside it if it has {HEAVY} lines or more and "
            f"{TIMES} times those of the word"
        )
    if _marks(own):
        return "type", f"{both}: they are spelled differently"
    if first:
        return "first-word", f"{both}: other first words make other templates"
    if words < ENOUGH:
        return "few-words", f"{both}: {words} different words stand here, {ENOUGH} make a slot"
    return "few-words", f"{both}: no rule takes these {words} words for values"


def _by_length(
    groups: Mapping[str, int], lines: Mapping[int, int], found: dict[int, dict[int, Apart]]
) -> None:
    """Neighbours of those that differ from all others in more than a place: same first word."""
    heads: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
    for form, number in groups.items():
        tokens = form.split(" ", MOST_FIELDS)
        if len(tokens) > 1 and not _marks(tokens[0]):
            heads[tokens[0]].append((number, tokens))
    for members in heads.values():
        members.sort(key=lambda m: (-lines.get(m[0], 0), m[0]))
        for number, tokens in members:
            if found.get(number):
                continue
            best: tuple[float, int, list[str]] | None = None
            for other, theirs in members[:_LOOKED_AT]:
                shared = len(set(tokens) & set(theirs)) / max(len(tokens), len(theirs))
                if other != number and shared >= 0.5 and (best is None or shared > best[0]):
                    best = shared, other, theirs
            if best is None:
                continue
            _, other, theirs = best
            if len(theirs) != len(tokens):
                reason = "length", f"{len(tokens)} tokens here, {len(theirs)} there"
            else:
                differs = sum(a != b for a, b in zip(tokens, theirs, strict=True))
                reason = (
                    "tokens",
                    (f"{differs} of {len(tokens)} tokens differ; a fifth may, of rare variants"),
                )
            found[number][other] = Apart(other, *reason)
