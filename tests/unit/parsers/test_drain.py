"""Drain: the cases that went wrong once, and what its parameters mean."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import MemorySource

from logpipe import pipeline
from logpipe.parsers import stream
from logpipe.parsers.drain import Drain


@pytest.mark.parametrize("delimiter", [":", "-", ".", "5", "z"])
def test_numbers_on_both_sides_of_an_extra_delimiter_are_two_tokens(delimiter):
    """An atom ends where its token ends, in the matcher as in the lexer."""
    between = delimiter.encode()
    pair = [b"x 1" + between + b"2 y", b"x 3" + between + b"4 y"]
    single = [b"x 1 y", b"x 3 y"]
    parser = Drain(extra_delimiters=[delimiter])

    groups = parser.fit_predict(pair + single).tolist()

    assert groups == [1, 1, 2, 2]
    assert groups == parser.predict(pair + single).tolist()


def test_a_sign_that_is_a_delimiter_is_not_part_of_the_number():
    """`-5` with `-` as a delimiter is the token `5`, wherever in the message it stands."""
    parser = Drain(extra_delimiters=["-"])

    assert parser.fit_predict([b"-5", b"6", b"x -7", b"x--8", b"x 9"]).tolist() == [1, 1, 2, 2, 2]


@pytest.mark.parametrize("delimiters", [["1"], ["a", "g"], list("123456789"), ["1", "_"]])
def test_a_wild_token_is_saved_whatever_the_delimiters(delimiters, tmp_path):
    """The stand-in for a wild token is made of bytes that are no delimiters."""
    parser = Drain(extra_delimiters=delimiters, masks=())
    groups = parser.fit_predict([b"open foo now", b"open moo now"]).tolist()
    parser.save(tmp_path / "model.json")

    assert len(parser.templates_) == 1
    assert groups == Drain.load(tmp_path / "model.json").predict([b"open foo now"] * 2).tolist()


def frozen_groups(path, data: bytes, threads: int) -> list[int]:
    batches = pipeline.stream(
        MemorySource(data), layout="<Content>", model=str(path), threads=threads
    )
    return [batch.templates[int(t)].group for batch in batches for t in batch.template_ids]


def test_a_frozen_table_answers_the_same_before_and_after_a_spacing_is_met(tmp_path, monkeypatch):
    """Two groups of different branches fit `foo k x q`; the more literal branch has it always."""
    parser = Drain(sim_th=0.6, masks=())
    parser.fit([b"a1 k x q", b"b2 k x q", b"foo 1 x q", b"foo 2 x q"])
    parser.save(tmp_path / "model.json")
    monkeypatch.setattr(stream, "_FIRST_CHUNK", 1)
    monkeypatch.setattr(stream, "CHUNK", 1)
    monkeypatch.setattr(stream, "AHEAD", 1)
    data = b"none\nzed k x q\nfoo z x q\nfoo k x q\n".replace(b" ", b"\t")

    one, two = (frozen_groups(tmp_path / "model.json", data, threads) for threads in (1, 2))

    assert one == [0, 1, 2, 2]
    assert one == two


def test_a_frozen_table_still_describes_a_line_whose_branch_was_overgrown():
    """A line learned in a wildcard branch is found there although it has its own branch by now."""
    parser = Drain(sim_th=0.6, masks=())
    learned = parser.fit_predict([b"a1 k x q", b"foo k x q", b"foo 1 y z", b"foo 2 y z"]).tolist()

    assert learned == [1, 1, 2, 2]
    assert parser.predict([b"foo k x q", b"foo \t k  x q"]).tolist() == [1, 1]


def test_noise_stops_being_learned_and_stays_exact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond the memory for templates, a line that nothing fits is of group 0; others are known."""
    monkeypatch.setattr("logpipe.parsers.drain.MEMORY", 100_000)
    words = [chr(97 + i // 26 % 26) + chr(97 + i % 26) + "x" * (i % 7) for i in range(600)]
    noise = [f"{word} {word}{word} {word[::-1]} end".encode() for word in words]
    parser = Drain(max_children=1000)
    groups = parser.fit_predict(noise)
    assert groups[0] == 1
    assert groups[-1] == 0
    assert 0 < np.count_nonzero(groups) < len(noise)
    assert parser.predict(noise[:1]).tolist() == [1]
