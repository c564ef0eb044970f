"""Which bytes of a log are variables, and what may stand in their place."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from benchmarks.stamps import Bytes, Ints

__all__ = [
    "DIGIT",
    "HEX",
    "HIGHEST",
    "WORD",
    "digit_runs",
    "hex_spans",
    "in_words",
    "kinds_of",
    "sort_keys",
]

_WORDLIKE = 5
DIGIT = np.zeros(256, bool)
DIGIT[48:58] = True
_BLANK = np.zeros(256, bool)
_BLANK[[9, 10, 11, 12, 13, 32]] = True
_HEX = re.compile(
    rb"(?<![0-9A-Za-z_])(?:0x(?=[0-9a-f]*[a-f])[0-9a-f]{4,}|"
    rb"(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,})(?![0-9A-Za-z_])",
    re.IGNORECASE,
)
PLAIN, OCTET, PORT, HOUR, SIXTY, HEX, WORD = 0, 1, 5, 6, 7, 8, 9
"""Kinds of value; OCTET to OCTET + 3 are the four places of an address."""
HIGHEST = {
    OCTET: 255,
    OCTET + 1: 255,
    OCTET + 2: 255,
    OCTET + 3: 255,
    PORT: 65535,
    HOUR: 23,
    SIXTY: 59,
}


def sort_keys(data: Bytes, start: Ints, width: int) -> Ints | npt.NDArray[np.bytes_]:
    """Something equal for equal texts of one width, and fast to sort where it can be."""
    if width <= 18:
        number = np.zeros(len(start), np.int64)
        for i in range(width):
            # 7 bits hold any ASCII letter or digit; 18 decimal digits fit where all are digits.
            number = number * (128 if width <= 9 else 10) + data[start + i] - 48
        if width <= 9 or bool(DIGIT[data[start[:, None] + np.arange(width)]].all()):
            return number
    rows = np.ascontiguousarray(data[start[:, None] + np.arange(width)])
    # Letters and digits only: numpy's dropping of trailing NULs cannot bite.
    as_text: npt.NDArray[np.bytes_] = rows.view(f"S{width}").reshape(-1)
    return as_text


def hex_spans(text: bytes) -> npt.NDArray[np.int64]:
    """(start, end) of every hexadecimal number that is told from words and decimal numbers."""
    return np.array([m.span() for m in _HEX.finditer(text)], np.int64).reshape(-1, 2)


def digit_runs(data: Bytes) -> tuple[Ints, Ints]:
    """Starts and ends of every run of digits."""
    digit = np.concatenate([[False], DIGIT[data], [False]])
    return np.flatnonzero(digit[1:] & ~digit[:-1]), np.flatnonzero(~digit[1:] & digit[:-1])


def in_words(text: bytes, data: Bytes, start: Ints) -> npt.NDArray[np.bool_]:
    """Which digit runs belong to a word, such as `ssh2`.

    That is a token with letters that occurs at least five times and never with other digits.
    """
    tokens = text.split()
    seen: dict[bytes, int] = {}
    for token in tokens:
        seen[token] = seen.get(token, 0) + 1
    digits = re.compile(rb"\d+")
    letters = re.compile(rb"[A-Za-z]")
    skeletons: dict[bytes, list[bytes]] = {}
    for token in seen:
        if digits.search(token) and letters.search(token):
            skeletons.setdefault(digits.sub(b"0", token), []).append(token)
    words = {t[0] for t in skeletons.values() if len(t) == 1 and seen[t[0]] >= _WORDLIKE}
    blank = np.concatenate([[True], _BLANK[data]])
    token_of = np.cumsum(~blank[1:] & blank[:-1]) - 1
    is_word = np.fromiter((t in words for t in tokens), bool, len(tokens))
    return is_word[token_of[start]] if len(start) else np.zeros(0, bool)


def kinds_of(data: Bytes, start: Ints, end: Ints) -> Ints:
    """The kind of each digit run by what stands around it: octets, ports and times of day."""
    n = len(start)
    kinds = np.zeros(n, np.int64)
    width = end - start
    byte_after = np.concatenate([data, np.zeros(1, np.uint8)])[end]
    joined = np.zeros(n, np.uint8)  # the single byte between this run and the next one, or 0
    if n > 1:
        touching = start[1:] == end[:-1] + 1
        joined[:-1] = np.where(touching, byte_after[:-1], 0)
    value = np.zeros(n, np.int64)
    narrow = width <= 5
    for i in range(5):
        here = narrow & (i < width)
        value[here] = value[here] * 10 + data[start[here] + i] - 48
    small = narrow & (width <= 3) & (value <= 255)
    before = np.concatenate([np.zeros(1, np.uint8), joined[:-1]])

    def chain(separator: bytes, length: int, member: npt.NDArray[np.bool_]) -> Ints:
        """First runs of exactly `length` members joined by the separator."""
        if n < length:
            return np.zeros(0, np.int64)
        first = np.arange(n - length + 1)
        good = before[first] != separator[0]
        for i in range(length):
            good &= member[first + i]
            wanted = joined[first + i] == separator[0]
            good &= wanted if i < length - 1 else ~wanted
        found: Ints = first[good]
        return found

    address = chain(b".", 4, small)
    for i in range(4):
        kinds[address + i] = OCTET + i
    port = address[joined[address + 3] == ord(":")] + 4
    kinds[port[narrow[port] & (value[port] <= 65535)]] = PORT
    named = np.flatnonzero(narrow & (value <= 65535) & (start >= 5))
    for i, letter in enumerate(b"port "):
        named = named[data[start[named] - 5 + i] == letter]
    kinds[named] = PORT
    clock = chain(b":", 3, (width == 2) & (value < 60))
    clock = clock[value[clock] < 24]
    kinds[clock] = HOUR
    kinds[clock + 1] = kinds[clock + 2] = SIXTY
    return kinds
