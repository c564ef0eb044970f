"""Grouping: which masked messages are one template, by comparing them.

The input is distinct forms with counts, so that neither the order of a log nor its length matters.
A *group* is a set of forms that differ only in ways that make no other template: how many values
are joined, a value that is empty. The heaviest form speaks for its group when text is printed.

Ladder and thresholds began with the measurements of a prototype; `benchmarks.ablation` says what
each rule is worth, alone and on systems that did not help to choose it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from logpipe.parsers.iterative.covered import covered
from logpipe.parsers.iterative.crossed import crossed
from logpipe.parsers.iterative.enclosed import enclosed
from logpipe.parsers.iterative.forms import FIELDS, MARK, TOKENS, Forms
from logpipe.parsers.iterative.histories import recurring
from logpipe.parsers.iterative.mask import MARKS, mark
from logpipe.parsers.iterative.mask_rules import Mask
from logpipe.parsers.iterative.similar import similar
from logpipe.parsers.iterative.steps import digit_words, echoes, pairs, records, word_slots

__all__ = ["GROUP_RULES", "group", "group_key", "series", "told_once"]

GROUP_RULES: Mapping[str, str] = {
    "series": "several names, ids or paths in a row are a list",
    "digit-words": "words that differ in their digits only",
    "records": "lines of key=value with the same keys",
    "word-slots": "five words or more in one place, not the first",
    "rare-slots": "three words or more in one place, nearly all seen once",
    "identifier-slots": "three words or more in one place that are spelled as in programs",
    "name-slots-first": "five dotted names or words in capitals in the first place",
    "keyword-slots": 'what follows "user", "host" and the like',
    "equals-slots": "what varies behind =",
    "heavy-slots": "a variable that nearly always stands in a place absorbs the rest",
    "heavy-shapes": "the same with text around the variable",
    "absent-values": "a dash or none where other lines have a variable",
    "shapes": "values that all have a variable in them, whatever is around it",
    "quoted-slots": "what varies between two quotation marks",
    "whole-tokens": "places are looked for between blanks, too, not only between punctuation",
    "recurring": "three words or more that stand in one place of other messages, too",
    "covered": "rare forms that a heavy one says already, but for words in several of its slots",
    "pairs": "two places at once that vary together",
    "crossed": "twenty forms or more with the same words, while all other places vary",
    "enclosed-text": "texts of many lengths between quotes or square brackets",
    "echoes": "words that a line has twice, and other lines other words in both places",
    "similar": "rare variants of the same length in which few tokens differ",
    "similar-identifiers": "the same where names differ that are spelled as in programs",
    "fuse": "values joined by punctuation are one value when groups are compared",
    "empty-values": "a value that is empty makes no other group",
    "runs": "four values or more in a row are one when groups are compared",
    "short-runs": "so are two or three where other lines have four or a list",
    "repeats": "so are words and values that are told several times in the same way",
    "dense": "so are four values or more in one token",
    "light-remarks": "a remark in parentheses that few lines have makes no other group",
}
"""The rules that compare messages, by name; every one can be switched off."""

_FIELD = mark(Mask.FIELD)
_LIST = mark(Mask.LIST)
_IDS = "".join(map(mark, (Mask.ID, Mask.SIGNED_ID, Mask.LIST)))
_PLACES = "".join(map(mark, (Mask.HEX, Mask.UUID, Mask.PATH, Mask.IP, Mask.HOST)))
_SERIES = re.compile(rf"[{_IDS}](?:,? [{_IDS}])+|([{_PLACES}])(?:,? \1)+")
_FUSED = re.compile(rf"{MARK}(?:(?:[:/.,@#+|-]{{1,2}}|[-=]>){MARK})+")
_PART = rf"[^\s={MARKS[0]}-{MARKS[-1]}]*+"
_MARKED = re.compile(MARK)
_DENSE = re.compile(rf"(?<!\S)(?:{_PART}{MARK}){{4,}}+{_PART}(?=\s|$)")
_RUN = re.compile(rf"{MARK}(?:=?(?: +|, ?|; ?){MARK}){{3,}}")
_ITEM = rf"([^\s,;=()\[\]{{}}\"'{MARKS[0]}-{MARKS[-1]}]*+{MARK}=?)"
_SHORT_RUN = re.compile(
    rf"(?<![={MARKS[0]}-{MARKS[-1]}])(?<![={MARKS[0]}-{MARKS[-1]},;] ){_ITEM}(?:(?: +|, ?|; ?)\1)+"
)
_BEHIND_EQUALS = re.compile(rf"={MARK}")
_ENCLOSED = re.compile(
    rf"""(?:(?<=\()|(?<=\[)|(?<=\{{)){MARK}(?=[)\]}}])|(?<=(["'])){MARK}(?=\1)"""
)
_WORD_REMARK = re.compile(r" \([^\s()]+\)")
_EMPTY = re.compile(r"=(?=[\s,;)\]}]|$)|\(\)|\[\]|\{\}|(?<![^\s=:,(\[])(?:\"\"|'')")


RARER = 20
"""How many times as many lines have no remark, if the remark is one that makes no group."""


PERIODS = range(2, 6)
"""Tokens of what may be told several times in a row."""

MOST_REMARKS = 8
"""Remarks of a form that are looked at."""


def series(text: str) -> str:
    """A masked message in which several names, ids or paths in a row are one list.

    >>> series("gone: " + mark(Mask.PATH) + ", " + mark(Mask.PATH)) == "gone: " + mark(Mask.LIST)
    True
    """
    return _SERIES.sub(mark(Mask.LIST), text)


def told_once(text: str) -> str:
    """Two to five tokens, a variable among them, that follow each other several times: once.

    >>> told_once("sets n\u0117 <ok> n\u0117 <ok> n\u0117 <ok>") == "sets n\u0117 <ok>"
    True
    """
    tokens = text.split(" ")
    if len(tokens) < 4 or len(set(tokens)) == len(tokens):
        return text
    out: list[str] = []
    at = 0
    while at < len(tokens):
        period = next(filter(lambda p: _again(tokens, at, p), PERIODS), 0)
        end = at + period
        while period and tokens[end : end + period] == tokens[at : at + period]:
            end += period
        out += tokens[at : at + period] if period else tokens[at : at + 1]
        at = max(end, at + 1)
    return " ".join(out)


def _again(tokens: list[str], at: int, period: int) -> bool:
    told = tokens[at : at + period]
    return (
        tokens[at + period : at + 2 * period] == told and _MARKED.search(" ".join(told)) is not None
    )


def _without_remark(form: str, lines: int, plain_lines: Mapping[str, int]) -> str:
    """The form without a remark of one word in parentheses, if far more lines have it without."""
    for match in islice(_WORD_REMARK.finditer(form), MOST_REMARKS):
        plain = form[: match.start()] + form[match.end() :]
        if plain_lines.get(re.sub(MARK, _FIELD, plain), 0) >= RARER * lines:
            return plain
    return form


def group_key(form: str, on: Callable[[str], bool]) -> str:
    """What the forms of one group have in common."""
    key = re.sub(MARK, _FIELD, form)
    if on("dense"):
        key = _DENSE.sub(lambda m: _FIELD + m[0][len(m[0].rstrip(".,;:")) :], key)
    if on("fuse"):
        key = _FUSED.sub(_FIELD, key)
    if on("empty-values"):
        key = _ENCLOSED.sub("", _BEHIND_EQUALS.sub("=", key))
    if on("runs"):
        key = _RUN.sub(_FIELD, key)
    if on("repeats"):
        key = told_once(key)
    return key


def _with_short_runs(keys: Mapping[str, str]) -> dict[str, str]:
    """Keys of forms, in which a run is one value if the same text has a longer run elsewhere."""
    short = {form: _SHORT_RUN.sub(_FIELD, key) for form, key in keys.items()}
    short = {form: _ENCLOSED.sub("", key) for form, key in short.items()}
    long = {
        key
        for form, key in short.items()
        if _LIST in form or _RUN.search(_FUSED.sub(_FIELD, form)) or _DENSE.search(form)
    }
    return {form: short[form] if short[form] in long else key for form, key in keys.items()}


def group(counts: Mapping[str, int], off: Iterable[str] = ()) -> tuple[Forms, dict[str, str]]:
    """Compares forms until nothing changes.

    Args:
        counts: lines per form.
        off: rules that are not to be used.

    Returns:
        The forms as they are in the end, and for each the one that speaks for its group.
    """
    forms = Forms(dict(counts), frozenset(off))
    if forms.on("digit-words"):
        digit_words(forms)
    if forms.on("records"):
        records(forms)
    if forms.on("echoes"):
        echoes(forms)
    for _ in range(2):
        merges = forms.merges
        # Before the words inside of texts make slots of their own.
        if forms.on("enclosed-text"):
            enclosed(forms)
        word_slots(forms, FIELDS)
        if forms.on("whole-tokens"):
            word_slots(forms, TOKENS)
        if forms.on("recurring"):
            recurring(forms)
        if forms.on("covered"):
            covered(forms)
        if forms.on("pairs"):
            pairs(forms)
        if forms.on("crossed"):
            crossed(forms)
        if forms.on("similar"):
            similar(forms)
        if forms.merges == merges:
            break
    groups: dict[str, list[str]] = defaultdict(list)
    plain_lines: dict[str, int] = defaultdict(int)
    if forms.on("light-remarks"):
        for form, lines in forms.counts.items():
            plain_lines[re.sub(MARK, _FIELD, form)] += lines
    keys = {}
    for form, lines in forms.counts.items():
        final = forms.final(forms.kin.get(form, form))
        keys[form] = group_key(_without_remark(final, lines, plain_lines), forms.on)
    told = _with_short_runs(keys) if forms.on("short-runs") else keys
    for form, key in told.items():
        groups[key].append(form)
    speaks = {}
    for members in groups.values():
        # A form with its values filled in says more than one with them empty, or with fewer.
        head = max(
            members,
            key=lambda f: (-len(_EMPTY.findall(f)), keys[f] == told[f], forms.counts[f], f),
        )
        speaks.update(dict.fromkeys(members, head))
    return forms, speaks
