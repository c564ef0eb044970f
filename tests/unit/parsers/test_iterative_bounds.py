"""The parser `iterative` on logs that nobody can learn from: work is counted, not timed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from logpipe import pipeline
from logpipe.parsers.iterative import bounds, parser, similar
from logpipe.parsers.iterative.parser import Iterative

LINES = 1200


def words(rng: random.Random, count: int, size: int = 6) -> bytes:
    letters = b"abcdefghijklmnopqrstuvwxyz"
    return b" ".join(bytes(rng.choices(letters, k=size)) for _ in range(count))


def made(make: object) -> list[bytes]:
    rng = random.Random(7)
    return [make(rng) for _ in range(LINES)]  # type: ignore[operator]


HOSTILE: dict[str, list[bytes]] = {
    "distinct words": made(lambda r: words(r, 8)),
    "separators only": made(lambda r: bytes(r.choices(b" ,;:=|", k=60))),
    "brackets": made(lambda r: b"([" * r.randint(1, 60) + b"x" + b"])" * r.randint(1, 60)),
    "quotes": made(lambda r: b"\"'" * r.randint(1, 60) + words(r, 1) + b"'" * r.randint(1, 60)),
    "random bytes": made(lambda r: r.randbytes(60)),
    "words that end in a sign": made(lambda r: b"1," * 300 + words(r, 1) + b"="),
    "remarks": made(lambda r: b" ".join(b"(%s)" % words(r, 1, 3) for _ in range(60))),
    "names in pairs": made(lambda r: b"to " + words(r, 12, 3).replace(b" ", b"_x ")),
    "one first word": made(lambda r: b"head of " + words(r, 20, 4)),
    "other keys in every line": made(lambda r: words(r, 6).replace(b" ", b"=1 ")),
    "long words": made(lambda r: words(r, 1, 500)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_of_a_round_is_linear(name: str) -> None:
    """A log of which nothing can be learned is looked at a few times, and tokens up to a limit."""
    messages = HOSTILE[name]
    half, whole = Iterative().fit(messages[: LINES // 2]), Iterative().fit(messages)
    size = sum(map(len, messages))
    assert whole.work_ <= 28 * size + similar.MOST_COMPARED + 400 * 23
    assert whole.work_ <= 5 * half.work_ + 10_000


def test_what_is_compared_at_a_time_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many forms there are, a round compares so many fields and tokens of them."""
    monkeypatch.setattr(bounds, "MOST_TEXT", 5000)
    monkeypatch.setattr(similar, "MOST_COMPARED", 1000)
    messages = HOSTILE["one first word"]
    fitted = Iterative().fit(messages)
    # Nine passes over the text, one over the tokens, for each of two rounds.
    assert fitted.work_ <= 2 * (9 * (5000 + 200) + 1000 + 400 * 23)


def test_of_many_known_forms_the_light_ones_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms that are not compared any more keep their groups, and messages still find them."""
    monkeypatch.setattr(parser, "MOST_KNOWN", 2)
    first = [b"alpha one", b"beta two", b"gamma three", b"delta four"]
    fitted = Iterative().fit(first)
    before = fitted.predict(first).tolist()
    fitted.partial_fit([b"epsilon five", b"zeta six"])
    assert fitted.predict(first).tolist() == before
    assert 0 not in before
    assert len(set(fitted.predict([*first, b"epsilon five"]).tolist())) == 5


def log_of(tmp_path: Path, lines: list[bytes]) -> str:
    path = tmp_path / "hostile.log"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return str(path)


def test_a_round_that_earns_nothing_is_the_last(tmp_path: Path) -> None:
    """Templates for single lines are learned from one sample only; the rest begins alike or not."""
    rng = random.Random(3)
    lines = [b"%s %s" % (rng.choice([b"north", b"south"]), words(rng, 7)) for _ in range(4000)]
    result = pipeline.parse(
        log_of(tmp_path, lines),
        parser="iterative",
        layout="plain",
        parameters={"sample_lines": 500},
    )
    assert len(result.templates) < 800
    texts = [template.text() for template in result.templates]
    assert "north <*>" in texts
    assert "south <*>" in texts
    assert result.counts[0] == 0


def test_coarse_groups_are_the_same_in_any_order() -> None:
    """Which first tokens make groups, and their numbers, depend on counts and not on the order."""
    rng = random.Random(5)
    lines = [b"%s %s" % (rng.choice([b"north", b"south"]), words(rng, 4)) for _ in range(600)]
    lines += [b"7%d odd one" % i for i in range(200)] + [b"rare line"]
    found = []
    for _ in range(2):
        fitted = Iterative()
        fitted.settle(lines)
        found.append([(t.group, t.literals, t.kinds) for t in fitted.templates_])
        rng.shuffle(lines)
    assert found[0] == found[1]
    assert [literals for _, literals, _ in found[0]] == [(b"north ", b""), (b"south ", b"")]


def test_a_template_with_very_many_slots_has_one_for_the_rest() -> None:
    """Thousands of numbers in a line are no thousands of columns."""
    message = b"".join(b"%d;x" % i for i in range(2500))
    fitted = Iterative().fit([message])
    assert max(template.slots for template in fitted.templates_) <= 500
    assert fitted.predict([message]).tolist() == [1]
