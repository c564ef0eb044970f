"""Scaled inputs look like the logs they come from, and are the same every time."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale import Scaler, complete, stress_text
from benchmarks.stamps import FORMATS, find_stamps

LOG = complete(
    b"""\
Mar  9 23:59:58 web1 sshd[907]: Failed password for root from 10.0.0.7 port 50022 ssh2
Mar  9 23:59:58 web1 sshd[907]: Key 00ff17c2 used from 10.0.0.7 port 50022 ssh2
Mar  9 23:59:59 web1 app[12]: stored blk_-1234567890123456789 as /d/blk_-1234567890123456789
Mar  9 23:59:59 web1 app[12]: took 007 ms at 21:07:09, id 0x00a9ffee, size 1048576 (0 left)
Mar 10 00:00:03 web1 sshd[908]: Failed password for invalid user eve from 192.168.1.255 port 1 ssh2
Mar 10 00:00:03 web1 sshd[908]: input_userauth_request: invalid user eve [preauth]
Mar 10 06:00:00 web1 sshd[909]: Failed password for root from 10.0.0.8 port 65535 ssh2
Mar 10 06:00:00 web1 sshd[909]: Failed password for root from 10.0.0.8 port 65535 ssh2"""
)
STAMP = re.compile(rb"^(\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) ")


def shape(line: bytes) -> bytes:
    """The line with every decimal digit as 0 and every hexadecimal one in a hex id as h."""
    line = re.sub(STAMP, b"", line)
    line = re.sub(rb"\b(?:0x)?[0-9a-f]{8}\b", lambda m: b"h" * len(m[0]), line)
    return re.sub(rb"\d", b"0", line)


def instant(line: bytes) -> tuple[int, ...]:
    """Month to second; a year is not in the line."""
    found = STAMP.match(line)
    assert found is not None
    months = b"JanFebMarAprMayJunJulAugSepOctNovDec"
    return (months.find(found[1]), *(int(g) for g in found.groups()[1:]))


def copies(count: int, text: bytes = LOG, seed: int = 1) -> list[bytes]:
    scaler = Scaler(text, seed=seed)
    return [scaler.copy(i).tobytes() for i in range(count)]


def test_the_first_copy_is_the_original() -> None:
    """Real lines stay real: what is scaled starts with the log it was scaled from."""
    assert copies(1)[0] == LOG


def test_every_line_keeps_its_shape() -> None:
    """Words, lengths, places of digits and terminators are those of the original."""
    expected = [shape(line) for line in LOG.splitlines(keepends=True)]

    for text in copies(30):
        assert expected == [shape(line) for line in text.splitlines(keepends=True)]


def test_variables_are_fresh() -> None:
    """No two copies share a long value."""
    ids = [re.findall(rb"blk_-(\d+)", text)[0] for text in copies(30)]

    assert len(set(ids)) == 30


def test_equal_values_stay_equal() -> None:
    """A value that stands in two places of a line, or in two lines, does so in every copy."""
    for text in copies(30):
        lines = text.splitlines()
        blocks = re.findall(rb"blk_-(\d+)", lines[2])
        pids = [re.findall(rb"sshd\[(\d+)\]", line)[0] for line in (lines[0], lines[1])]
        assert blocks[0] == blocks[1]
        assert pids[0] == pids[1]
        assert lines[6][16:] == lines[7][16:]


def test_digits_of_words_stay() -> None:
    """`ssh2` and `web1` are words: their digits never vary in the original."""
    for text in copies(30):
        assert LOG.count(b"ssh2") == text.count(b"ssh2")
        assert LOG.count(b"web1") == text.count(b"web1")


def test_leading_zeros_neither_appear_nor_vanish() -> None:
    """A number without a leading zero gets none, one with two keeps two, and 0 stays 0."""

    def zeros(text: bytes) -> list[int]:
        # Stamps aside; in a word or a hexadecimal number a zero is not a leading one.
        runs = re.findall(rb"(?<![0-9a-zA-Z])\d+(?![0-9a-zA-Z])", re.sub(rb"(?m)^.{15}", b"", text))
        return [len(run) - len(run.lstrip(b"0")) for run in runs]

    for text in copies(50):
        assert zeros(LOG) == zeros(text)
        assert re.search(rb"id 0x00[1-9a-f]", text)


def test_values_stay_in_their_range() -> None:
    """Octets stay below 256, ports below 65536, times of day on the clock."""
    for text in copies(200):
        for address in re.findall(rb"from (\d+)\.(\d+)\.(\d+)\.(\d+)", text):
            assert all(int(octet) < 256 for octet in address)
        assert all(int(port) < 65536 for port in re.findall(rb"port (\d+)", text))
        hour, minute, second = re.findall(rb"at (\d\d):(\d\d):(\d\d)", text)[0]
        assert int(hour) < 24
        assert int(minute) < 60
        assert int(second) < 60


def test_stamps_go_forward() -> None:
    """From line to line and from copy to copy a stamp is never earlier than the one before."""
    lines = b"".join(copies(40)).splitlines()
    instants = [instant(line) for line in lines]

    assert instants == sorted(instants)
    assert instants[0] < instants[-1]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("hdfs", b"081109 203615 148 INFO x: a"),
        ("bgl", b"- 1117838570 2005.06.03 N1 2005-06-03-15.42.50.675872 N1 RAS a"),
        ("syslog", b"Dec 31 23:59:59 host a"),
        ("spark", b"17/06/09 20:10:40 INFO a"),
        ("iso", b"2024-02-29T12:00:01.250Z a"),
        ("common", b'10.0.0.1 - - [28/Feb/2024:23:59:59 +0000] "GET / HTTP/1.1" 200 1'),
        ("redis", b"12:M 31 Dec 2024 23:59:59.001 * a"),
    ],
)
def test_known_stamp_formats_keep_their_layout(name: str, line: bytes) -> None:
    """A rewritten stamp is found again, in the same place, one second later."""
    text = line + b"\n"
    stamps = find_stamps(text, name)
    data = np.frombuffer(text, np.uint8).copy()
    stamps.rewrite(data, 1)
    again = find_stamps(data.tobytes(), name)

    assert text != data.tobytes()
    assert {k: v.tolist() for k, v in stamps.groups.items()} == {
        k: v.tolist() for k, v in again.groups.items()
    }
    year = 365 * 86400 if name == "syslog" else 0  # it has no year to carry into
    assert stamps.instants[0] + 1 == again.instants[0] + year
    if stamps.epochs is not None and again.epochs is not None:
        assert stamps.epochs[0] + 1 == again.epochs[0]
    assert name == max(FORMATS, key=lambda n: len(FORMATS[n].findall(text)))


def test_the_same_seed_gives_the_same_bytes() -> None:
    """And another seed gives others."""
    assert copies(5) == copies(5)
    assert copies(2)[1] != copies(2, seed=2)[1]


@given(st.integers(1, 6000), st.integers(1, 6000))
def test_a_smaller_input_is_a_prefix_of_a_bigger_one(a: int, b: int) -> None:
    """Whole lines, at least as many bytes as asked for, and no line more."""
    scaler = Scaler(LOG)
    small, big = (b"".join(p.tobytes() for p in scaler.stream(n)) for n in sorted((a, b)))

    assert big.startswith(small)
    assert small.endswith(b"\n")
    assert len(small) >= min(a, b)
    assert small[:-1].rfind(b"\n") + 1 < min(a, b)


@given(st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\n", b" ")), min_size=1))
def test_any_bytes_can_be_scaled(lines: list[bytes]) -> None:
    """Whatever is not a digit or part of a hexadecimal number stays, in its place."""
    text = b"\n".join(lines) + b"\n"
    new = Scaler(text).copy(1).tobytes()

    assert len(text) == len(new)
    varied = {i for i, (x, y) in enumerate(zip(text, new, strict=True)) if x != y}
    assert all(text[i : i + 1] in b"0123456789abcdefABCDEF" for i in varied)
    assert all(chr(text[i]).isdigit() == chr(new[i]).isdigit() for i in varied)


def test_a_text_without_digits_is_repeated() -> None:
    """Nothing to vary and no stamp: copies are equal, and nothing fails."""
    assert Scaler(b"a b\n").copy(3).tobytes() == b"a b\n"


def test_an_unfinished_line_is_refused() -> None:
    """Repeating it would join two lines."""
    with pytest.raises(ValueError, match="no end"):
        Scaler(b"a\nb")

    assert complete(b"a\r\nb") == b"a\r\nb\r\n"


def test_stress_names_are_fresh_words() -> None:
    """User names are letters only, one word per session and copy, another in every other."""
    text, words = stress_text(LOG)
    scaler = Scaler(text, words=words)
    names: set[bytes] = set()
    for i in range(20):
        lines = scaler.copy(i).tobytes().splitlines()
        assert len(lines) == 8
        found = re.findall(rb"password for (?:invalid user )?(\S+)", b"\n".join(lines))
        assert all(name.isalpha() and name.islower() and len(name) >= 5 for name in found)
        assert found[2] == found[3]  # two lines of one session
        assert b"invalid user " + found[1] + b" [preauth]" in lines[5]
        names |= set(found)

    assert len(names) == 60


def test_stress_changes_names_only() -> None:
    """With the names cut out, the stress log is the log."""
    text, words = stress_text(LOG)
    data = bytearray(text)
    for start, width in sorted(zip(words.start, words.width, strict=True), reverse=True):
        data[start : start + width] = b"@"

    assert re.sub(rb"(?<=for )root|(?<=user )eve", b"@", LOG) == bytes(data)
