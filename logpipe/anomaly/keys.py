"""What may be a session's key, proposed from typed slots and header fields.

A key is on most lines, has many values, each on a few lines of several groups: an id of something
that the log tells the life of. What is proposed is a window as the user would write it, so that it
can be seen, corrected and used again.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Candidate", "Proposal", "propose", "slot_pattern"]

COVERED = 0.6
"""Share of the lines that must have the key."""

VALUES = 20
LARGEST = 0.3
"""Share of the lines that one value may have."""

_VALUE = {
    "integer": r"-?\d+",
    "hex": r"(?:0x)?[0-9a-fA-F]+",
    "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "id": r"[\w-]+",
}
_ALONE = ("uuid",)
_GLUED = re.compile(rb"[A-Za-z][\w#=:./@-]*[\[(]?$")
_BEFORE = re.compile(rb"[A-Za-z][\w-]*[:=#]?\s$")


@dataclass
class Candidate:
    """A possible key.

    Attributes:
        window: as `--window` has it, `session:REGEX` or `field:NAME`.
        values: of each line that has one, in line order.
        groups: the group of each of these lines.
    """

    window: str
    values: list[bytes]
    groups: list[int]


@dataclass(frozen=True)
class Proposal:
    """The best candidate.

    Attributes:
        window: as `--window` has it.
        share: of the lines that have the key.
        values: different ones among the lines looked at.
    """

    window: str
    share: float
    values: int


def slot_pattern(before: bytes, kind: str) -> str | None:
    r"""The regular expression of a slot's values with what always stands before them, or None.

    Args:
        before: the literal before the slot.
        kind: label of the values' lexical class.

    >>> slot_pattern(b"Deleting block blk_", "integer"), slot_pattern(b"user ", "integer")
    ('blk_-?\\d+', 'user\\s(-?\\d+)')
    >>> slot_pattern(b"(", "integer") is None
    True
    """
    value = _VALUE.get(kind)
    if value is None:
        return None
    glued = _GLUED.search(before[-40:])
    if glued:
        return _quoted(glued[0]) + value
    apart = _BEFORE.search(before[-40:])
    if apart:
        return _quoted(apart[0].rstrip()) + rf"\s({value})"
    return value if kind in _ALONE else None


def _quoted(text: bytes) -> str:
    return re.escape(text.decode("ascii", "ignore")).replace(r"\-", "-").replace(r"\_", "_")


def propose(candidates: Sequence[Candidate], lines: int) -> Proposal | None:
    """The best key, or None if none is good enough.

    Args:
        candidates: from the first lines of a log.
        lines: how many these are.
    """
    best: tuple[float, Proposal] | None = None
    for candidate in candidates:
        share = len(candidate.values) / max(lines, 1)
        if share < COVERED:
            continue
        support = Counter(candidate.values)
        if len(support) < VALUES or max(support.values()) > LARGEST * lines:
            continue
        groups: dict[bytes, set[int]] = defaultdict(set)
        for value, group in zip(candidate.values, candidate.groups, strict=True):
            groups[value].add(group)
        several = [value for value in support if len(groups[value]) > 1]
        told = sum(support[value] for value in several) / len(candidate.values)
        if told < 0.6 or len(several) < VALUES:
            continue
        score = share * told
        if best is None or score > best[0] + 1e-9:
            best = score, Proposal(candidate.window, share, len(support))
    return best[1] if best else None
