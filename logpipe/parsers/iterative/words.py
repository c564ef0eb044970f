"""Words: when different words in one place of otherwise equal messages are a variable.

A word that stands for what happened must not become a slot: "started" and "stopped" make two
templates. Names must: users, hosts, services, classes. Here stands what tells the two apart by
spelling, place and counts; nothing knows any system.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from logpipe.parsers.iterative.forms import MARK
from logpipe.parsers.iterative.mask import MARKS

__all__ = [
    "Place",
    "device",
    "dominated",
    "identifier",
    "is_slot",
    "plain",
    "protected",
    "sayable",
    "state",
    "technical",
    "telling",
]

_OPPOSITES = (
    "sleep wake asleep awake",
    "start started starting starts stop stopped stopping stops pause paused resume resumed",
    "restart restarted begin began begun end ended finish finished finishing",
    "open opened opening opens close closed closing closes",
    "enable enabled enabling disable disabled disabling",
    "up down online offline on off yes no",
    "success successful succeeded succeed fail failed failure fails error",
    "add added adding remove removed removing delete deleted deleting",
    "connect connected connecting disconnect disconnected disconnecting",
    "accept accepted reject rejected deny denied allow allowed grant granted",
    "read reading write writing wrote send sending sent receive received receiving",
    "lock locked unlock unlocked acquire acquired release released releasing",
    "load loaded loading unload unloaded unloading",
    "mount mounted unmount unmounted attach attached detach detached",
    "create created creating destroy destroyed destroying",
    "register registered unregister unregistered",
    "min max minimum maximum first last input output in out get set before after",
    "true false valid invalid active inactive available unavailable known unknown",
    "increase increased decrease decreased enter entered entering leave left leaving exit exited",
    "login logout logon logoff signin signout upload download import export",
    "install installed uninstall uninstalled push pop insert inserted suspend suspended",
)
_PROTECTED = frozenset(word for line in _OPPOSITES for word in line.split())

_ENDS = ".,;:!?()[]{}<>\"'"

# What a text that says what happened follows.
_TELLING = re.compile(r"""(?is).*(?<![a-z])(?:msg|message|event)["']?[:=] ?["']?""")

# What a name follows.
_KEYWORD = re.compile(
    r"(?i)(?:user|username|login|account|domain|host|hostname|owner|ruser|rhost|principal|"
    r"table|database|schema|role|queue|topic|bucket|container|pod|namespace)"
)
_NO_NAME = re.compile(
    r".*(?:ed|ing|able)|is|was|are|not|has|have|will|in|on|at|for|from|to|of|by|with|and|or|the|an?"
)
# How programs write that there is no value.
_ABSENT = re.compile(r"""(?i)["'(\[<]?(?:-{1,3}|\?|n/a|null|nil|none|undefined)[>\])'"]?""")
_PLAIN = re.compile(r"[A-Za-z]+")
_DOTTED = re.compile(r"[0-9A-Za-z_$]+(?:\.[0-9A-Za-z_$]+)+")
_CAPITALS = re.compile(r"[A-Z][A-Z0-9_]{2,}")
_STATE = re.compile(r"[A-Z][A-Z_-]+")
_DEVICE = re.compile(r"[a-z]{2,5}[0-9]{1,2}")
_IDENTIFIER = re.compile(r"(?s).*(?:[0-9._/\\-]|[a-z][A-Z]).*")
_SHAPED = re.compile(rf"[0-9._/\\~]|{MARK}")
_SHAPE = re.compile(rf"[0-9A-Za-z_\x80-\xff{MARKS}./:@#+-]+")
_RULED = re.compile(r"([./:@#+-])\1|[./:@#+-]{3}")
_TECHNICAL = re.compile(
    r"(?i)(?:ipv|sha|md|ssh|ext|utf|http|https|base|crc|iso|rfc|x|i|ps|pop|imap|oauth|tls|ssl|"
    r"raid|usb|pci|sql|win|vt|arm|aes|rc|des|lv|l|tcp|udp|ac|mp|s|h|p|k|ntlm)v?[0-9]+"
)
# Hexadecimal digits of which none happens to be a decimal one.
_HEX_LETTERS = re.compile(r"(?<![0-9A-Za-z_])(?:[a-f]{4,}|[A-F]{4,})(?![0-9A-Za-z_])")
_DIGIT = re.compile("[0-9]")
_LETTER = re.compile(r"[A-Za-z\x80-\xff]")
_MARKED = re.compile(MARK)
_NOT_WORD = re.compile(r"[^0-9A-Za-z_]")

ENOUGH = 5
"""Different words in one place that make a slot; 5, 6 and 8 do the same on real logs."""

MOST_TELLING = 16
"""Characters of what is before a text that are looked at."""

HEAVY = 8
"""Lines that a variable must have to absorb what stands in its place elsewhere..."""

TIMES = 5
"""... and how many times as many as each of the others."""

EXCEPTIONS = 4
"""Lines with another value than the usual one that are still exceptions."""


def plain(word: str) -> bool:
    """Letters only."""
    return _PLAIN.fullmatch(word) is not None


def state(word: str) -> bool:
    """Capitals, perhaps joined: `RUNNING`, `NOT_READY`."""
    return _STATE.fullmatch(word) is not None


def device(word: str) -> bool:
    """A short name with a number: `eth0`, `sda1`."""
    return _DEVICE.fullmatch(word) is not None


def identifier(word: str) -> bool:
    """Spelled as names in programs are: `loadUser`, `a.b`, `net_io`; no device."""
    return _IDENTIFIER.fullmatch(word) is not None and not device(word)


def protected(word: str) -> bool:
    """One of a pair of opposites, whatever punctuation is at its ends."""
    return word.strip(_ENDS).lower() in _PROTECTED


def sayable(word: str) -> bool:
    """Spelled as a verb or adjective is, or a preposition: nothing a name would be."""
    return _NO_NAME.fullmatch(word) is not None


def telling(before: str) -> bool:
    """What follows this text says what happened: `msg=`, `"message": "`."""
    return _TELLING.fullmatch(before[-MOST_TELLING:]) is not None


def technical(word: str) -> bool:
    """The name of a standard or protocol, in which the number belongs to the name."""
    return _TECHNICAL.fullmatch(word) is not None


def dominated(values: Mapping[str, int]) -> bool:
    """Whether this is one value that is nearly always there, and one exception."""
    top = max(values.values())
    return len(values) == 2 and top >= 20 and sum(values.values()) - top < EXCEPTIONS


@dataclass(frozen=True)
class Place:
    """A place in which otherwise equal forms differ.

    Attributes:
        before, after: the forms' text around it.
        first: nothing but separators is before it.
        values: lines per value.
    """

    before: str
    after: str
    first: bool
    values: Mapping[str, int]

    @property
    def words(self) -> list[str]:
        """The values without a mark."""
        return [v for v in self.values if not _MARKED.search(v)]

    @property
    def marked(self) -> list[str]:
        """The values with one."""
        return [v for v in self.values if _MARKED.search(v)]


def is_slot(place: Place, on: Callable[[str], bool]) -> bool:
    """Whether the values of a place are those of a variable.

    Args:
        place: with two values at least.
        on: whether a rule is to be used.
    """
    words = place.words
    opposed = sum(map(protected, words))
    if opposed and (opposed * 4 >= len(words) or len(words) < 8):
        return False
    if not place.first:
        if on("equals-slots") and place.before.rstrip().endswith("=") and not telling(place.before):
            return not dominated(place.values)
        if on("quoted-slots") and _quoted(place):
            return True
        if on("keyword-slots") and _after_keyword(place, words):
            return True
    if on("absent-values") and place.marked and words and all(map(_ABSENT.fullmatch, words)):
        return True
    if on("heavy-slots") and _heavy(place, [v for v in place.marked if not _LETTER.search(v)]):
        return True
    if on("heavy-shapes") and _heavy_shape(place):
        return True
    if on("shapes") and _shapes(place):
        return True
    if not words:
        return False
    if place.first and not _in_brackets(place):
        names = [v for v in words if _DOTTED.fullmatch(v) or _CAPITALS.fullmatch(v)]
        return on("name-slots-first") and len(names) == len(words) >= ENOUGH
    if on("word-slots") and len(place.values) >= ENOUGH:
        return True
    if on("rare-slots") and _rare(place, words):
        return True
    return on("identifier-slots") and _identifiers(place, words)


def _in_brackets(place: Place) -> bool:
    """What is inside brackets or quotes at the begin of a message is a name, not a verb."""
    return place.before[-1:] + place.after[:1] in ("()", "[]", "{}", '""', "''")


def _after_keyword(place: Place, words: list[str]) -> bool:
    """A word such as "user" is before it, and no value looks like a verb or a preposition."""
    context = place.before.rstrip().rstrip(":='\"([<").rstrip().rsplit(None, 1)
    word = _NOT_WORD.split(context[-1])[-1] if context else ""
    unlikely = sum(_NO_NAME.fullmatch(v) is not None for v in words)
    return bool(_KEYWORD.fullmatch(word)) and unlikely * 10 <= len(words)


def _outweighs(place: Place, candidates: list[str], least: int) -> bool:
    """The most frequent candidate has enough lines, and many times those of each other value."""
    if not candidates or not _LETTER.search(place.before + place.after):
        return False
    values = place.values
    top = max(candidates, key=lambda v: (values[v], v))
    return values[top] >= least and all(
        values[v] * TIMES <= values[top] for v in values if v != top
    )


def _heavy(place: Place, pure: list[str]) -> bool:
    """A variable that nearly always stands here absorbs the rare words beside it."""
    return _outweighs(place, pure, HEAVY)


def _heavy_shape(place: Place) -> bool:
    """The same where text is around the variable, if all values have digits, dots or slashes."""
    least = 20 if place.first else HEAVY
    return all(_SHAPED.search(v) for v in place.values) and _outweighs(place, place.marked, least)


def _quoted(place: Place) -> bool:
    """Different words that fill the same quotes are values, unless they are states."""
    quote = place.before[-1:]
    return quote in ("'", '"') and place.after[:1] == quote and not any(map(state, place.words))


def _shapes(place: Place) -> bool:
    """Every value holds a variable: what is around it in each is its shape, not what happened."""
    return (
        not place.first
        and len(place.marked) > 0
        and all(_DIGIT.search(v) or _HEX_LETTERS.search(v) for v in place.words)
        and not any(map(technical, place.words))
        and all(_SHAPE.fullmatch(v) and not _RULED.search(v) for v in place.values)
    )


def _rare(place: Place, words: list[str]) -> bool:
    """Three values or more, nearly all of them seen once, that are no states."""
    once = sum(count == 1 for count in place.values.values())
    most = once >= len(place.values) - 1 and once * 5 >= 4 * len(place.values)
    return len(place.values) >= 3 and most and not all(map(state, words))


def _identifiers(place: Place, words: list[str]) -> bool:
    """Three values or more, most of which are spelled like names in programs."""
    spelled = sum(map(identifier, words))
    return len(place.values) >= 3 and spelled * 4 >= 3 * len(words) and not any(map(state, words))
