"""What a variable means: the ten categories of Li et al., from its values and the words around it.

"Did We Miss Something Important? Studying and Exploring Variable-Aware Log Abstraction" (ICSE 2023)
found these ten in logs, and that practitioners want some of them kept in templates, per task. Here
they are told by rules: the word right before a slot (or its key) says most, then what is behind it,
then what the values look like. `benchmarks/truth` holds slots labelled by hand, and
`benchmarks/categories.py` scores these rules on them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from logpipe.parsers.iterative.compound import part_of
from logpipe.parsers.iterative.mask import spans
from logpipe.parsers.iterative.mask_rules import Mask

__all__ = ["Category", "categorise"]


class Category(StrEnum):
    """The ten categories."""

    OID = "OID"
    """Object id: session, block, request, process, numeric user."""
    LOI = "LOI"
    """Location indicator: path, URI, address, port, node."""
    OBN = "OBN"
    """Object name: user, host, domain, task, class, version."""
    TID = "TID"
    """Type indicator."""
    SID = "SID"
    """Switch indicator: what is on or off."""
    TDA = "TDA"
    """Time, or duration of an action."""
    CRS = "CRS"
    """Computing resource: memory, disk, bytes, rates."""
    OBA = "OBA"
    """Object amount: counts."""
    STC = "STC"
    """Status code: error, return, signal, state."""
    OTP = "OTP"
    """Anything else."""


# By class of the values, where the words around say nothing.
_BY_MASK = {
    Mask.URL: Category.LOI,
    Mask.MESSAGE_ID: Category.OID,
    Mask.EMAIL: Category.OBN,
    Mask.CTIME: Category.TDA,
    Mask.ISO_TIME: Category.TDA,
    Mask.UUID: Category.OID,
    Mask.MAC: Category.LOI,
    Mask.IPV6: Category.LOI,
    Mask.PCI: Category.LOI,
    Mask.IP: Category.LOI,
    Mask.HOST: Category.LOI,
    Mask.PATH: Category.LOI,
    Mask.REQUEST: Category.LOI,
    Mask.PROTOCOL: Category.TID,
    Mask.CLOCK: Category.TDA,
    Mask.MINUTES: Category.TDA,
    Mask.DATE: Category.TDA,
    Mask.DATE_SLASH: Category.TDA,
    Mask.VERSION: Category.OBN,
    Mask.HEX: Category.OID,
    Mask.SIZE: Category.CRS,
    Mask.DURATION: Category.TDA,
    Mask.ID: Category.OID,
    Mask.SIGNED_ID: Category.OID,
    Mask.FLAG: Category.SID,
    Mask.QUANTITY: Category.CRS,
    Mask.LIST: Category.OID,
}

# Whatever is before them, values of these classes are what they look like.
_SURE = frozenset(
    (Mask.CTIME, Mask.ISO_TIME, Mask.CLOCK, Mask.DATE, Mask.DATE_SLASH, Mask.DURATION, Mask.FLAG)
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BEFORE: Sequence[tuple[Category, frozenset[str]]] = (
    (
        Category.STC,
        _words(
            "error errors err errno status code rc ret retcode result exit exited signal reason "
            "state cause abnormally stat dsn substatus hresult"
        ),
    ),
    (
        Category.TDA,
        _words(
            "time times timeout date took delay xdelay duration elapsed lifetime at since until "
            "after interval slept sleep sleeping timestamp clock uptime age period when deadline "
            "totaltime boot init finish begin end"
        ),
    ),
    (
        Category.CRS,
        _words(
            "size memory mem disk capacity free used ram len length bytes cpu vcpu vcores vcpus "
            "phys_ram used_ram phys_disk used_disk total_vcpus used_vcpus cache buffer speed rate "
            "bandwidth heap limit cores"
        ),
    ),
    (
        Category.LOI,
        _words(
            "from to src dest destination address addr ip port host location path file dir "
            "directory url uri line node rhost client server peer mask gateway slot rank bus "
            "channel register iar dear lr base sym offset dcr mac bssid endpoint at/ socket "
            "interface irq gsi via"
        ),
    ),
    (
        Category.OBN,
        _words(
            "user username name ruser logname owner domain service class module program driver "
            "hostname package version queue job-name application-name app group policy plugin "
            "device template network database table attribute key"
        ),
    ),
    (
        Category.TID,
        _words("type kind method protocol family mode format event eventtype action level model"),
    ),
    (Category.SID, _words("enabled disabled is flag set enable disable reachable")),
    (
        Category.OID,
        _words(
            "id uid euid gid pid tid session sessionid block blk task attempt container job "
            "request transaction stage tid zxid guid uuid instance application fd seq seqno ack "
            "thread handle serial sn #"
        ),
    ),
    (
        Category.OBA,
        _words(
            "count counts number num total retries retry tries attempts of times entries found "
            "retrying maps reduces pages steps calories items threshold max min nrcpts"
        ),
    ),
)

_BEHIND: Sequence[tuple[Category, frozenset[str]]] = (
    (
        Category.TDA,
        _words(
            "ms s us ns sec secs second seconds msec milliseconds microseconds minute minutes "
            "hours days gmt"
        ),
    ),
    (
        Category.CRS,
        _words(
            "b kb mb gb tb kib mib gib byte bytes mhz ghz mbps cpu vcpu kbps bogomips uops mb/s"
        ),
    ),
    (
        Category.OBA,
        _words(
            "times time(s) times; retries errors error(s) errors(s) entries pages items tasks "
            "maps lines packets instances files failures exceptions calls total ddr floating "
            "double-hummer tree torus l3 core interrupts. critical more steps tokens secret "
            "speculations buckets zonelists"
        ),
    ),
)

# So are values of these, which name no object; with them, text that begins as a path does.
_PLACES = frozenset((Mask.IP, Mask.URL, Mask.PATH, Mask.MAC))
_ROOTED = re.compile(r"/[^/\s]+/\S")
_TOKEN = re.compile(r"[0-9A-Za-z_./#()-]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_.-]")
_STATE = re.compile(r"[A-Z][A-Z_-]{2,}")


def categorise(before: str, after: str, values: Sequence[str]) -> Category:
    """The category of a slot.

    Args:
        before: the template's text before the slot, other slots as `<*>`.
        after: what is behind it.
        values: some of its values.

    >>> categorise("request from ", " denied", ["10.0.0.1"])
    <Category.LOI: 'LOI'>
    >>> categorise("took ", " ms", ["15"])
    <Category.TDA: 'TDA'>
    >>> categorise("exit code=", "", ["1"])
    <Category.STC: 'STC'>
    """
    mask = _mask_of(values)
    if mask in _SURE:
        return _BY_MASK[mask]
    part = part_of(before, after, values)
    if part is not None:
        return Category(part)
    if mask in _PLACES or (values and all(map(_ROOTED.match, values))):
        return Category.LOI
    behind = _unit(after)
    for category, words in _BEHIND:
        if behind in words:
            return category
    direct, words_before = _context(before)
    named = mask not in (Mask.NUMBER, Mask.HEX, Mask.FIELD)
    for category, words in _BEFORE:
        if direct in words:
            if named and category in (Category.OBA, Category.CRS, Category.TDA):
                break
            if mask == Mask.HEX and category == Category.TDA:
                break  # "fault at 0x7f00" names a place; a time has no letters
            return category
    if named and mask in _BY_MASK:
        return _BY_MASK[mask]
    for word in words_before:
        for category, words in _BEFORE:
            if word in words:
                return category
    if mask == Mask.NUMBER:
        return Category.OTP
    if mask == Mask.HEX:
        return Category.OID
    if values and all(_STATE.fullmatch(v) for v in values):
        return Category.STC
    return Category.OBN


def _mask_of(values: Sequence[str]) -> Mask:
    """The class that most of the values have as a whole; FIELD for none."""
    found: Counter[Mask] = Counter()
    for value in values[:20]:
        own = spans(value)
        whole = len(own) == 1 and own[0][:2] == (0, len(value))
        found[own[0][2] if whole else Mask.FIELD] += 1
    return max(found, key=lambda m: (found[m], m)) if found else Mask.FIELD


def _unit(after: str) -> str:
    """The word right behind a slot, in lower case."""
    match = _TOKEN.match(after.removeprefix(" "))
    return match[0].lower().rstrip(".,)") if match and after[:1] in (" ", "") else ""


def _context(before: str) -> tuple[str, list[str]]:
    """The last part of the word before a slot, and further words that may tell, nearest first."""
    clause = before.replace("<*>", "\x00")
    tokens = _TOKEN.findall(re.split(r"[\x00,;]", clause)[-1])
    if not tokens:
        # Between two slots, the word of the one before holds for both: `from <*>:<*>`.
        tokens = _TOKEN.findall(clause.replace("\x00", " "))[-1:]
    parts = [part.lower() for part in _CAMEL.split(tokens[-1]) if part] if tokens else []
    direct = tokens[-1].lower().strip(".()") if tokens else ""
    known = {word for _, words in _BEFORE for word in words}
    if direct not in known and parts:
        direct = parts[-1]
    if direct not in known and direct.removesuffix("s") in known:
        direct = direct.removesuffix("s")
    others = [*parts[-2::-1], *(token.lower().strip(".()") for token in tokens[-2:-4:-1])]
    return direct, others
