"""The parser `iterative`: grouping rules, exact templates, learning on, hostile input."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe import pipeline
from logpipe.errors import ModelError, UsageError
from logpipe.parsers import load
from logpipe.parsers.base import Parser
from logpipe.parsers.check import check_parser
from logpipe.parsers.iterative.grouping import GROUP_RULES
from logpipe.parsers.iterative.parser import Iterative


def texts(messages: list[bytes], **parameters: object) -> list[str]:
    """The exact template text of each message."""
    parser = Iterative(**parameters)  # type: ignore[arg-type]
    parser.fit(messages)
    table = parser.matcher()
    from logpipe.batch import ByteColumn

    batch = table.match_messages(ByteColumn.of(messages))
    return [table.templates[i].text() for i in batch.template_ids.tolist()]


@pytest.mark.parametrize("parameters", [{}, {"keep": "OID,LOI"}, {"sample_lines": 5}])
def test_conforms(parameters: dict[str, object]) -> None:
    """It keeps the parser contract, with small samples and kept categories, too."""
    check_parser(lambda: load("iterative", **parameters))


LETTERS = [bytes(range(c, c + 3)) for c in range(ord("a"), ord("y"))]
TITLES = [
    b"how to",
    b"what is",
    b"a tale of",
    b"our own pet",
    b"all we had once",
    b"the sea is big",
]
TITLES += [b"old house", b"new house", b"far far away"]

# For each rule, messages whose groups it changes: (messages, groups with it, groups without).
RULES: dict[str, tuple[list[bytes], int, int]] = {
    "series": ([b"gone: /a/b", b"gone: /a/b /c/d", b"gone: /a/b /c/d /e/f /g/h"], 1, 3),
    "digit-words": ([b"reset of sda1 done", b"reset of sda2 done"], 1, 2),
    "records": (
        [b"login uid=%d tty=%s res=%s" % (i, t, r) for i, (t, r) in enumerate(
            [(b"a", b"good"), (b"b", b"bad"), (b"c c", b"bad"), (b"'d d'", b"good")])],
        2, 4,
    ),
    "word-slots": (
        [b"mail for %s queued" % w for w in [b"amy", b"bob", b"cid", b"dot", b"eve"] for _ in "ab"],
        1, 5,
    ),
    "rare-slots": ([b"mail for %s queued" % w for w in [b"amy", b"bob", b"cid"]], 1, 3),
    "identifier-slots": (
        [b"loading %s now" % w for w in [b"a.b", b"c.d", b"e.f"] for _ in "ab"], 1, 3,
    ),
    "name-slots-first": (
        [b"x.%s is gone" % w for w in [b"aa", b"bb", b"cc", b"dd", b"ee"] for _ in "ab"], 1, 5,
    ),
    "keyword-slots": ([b"user amy here", b"user bob here"] * 3, 1, 2),
    "equals-slots": ([b"now mode=amber", b"now mode=blue"] * 3, 1, 2),
    "heavy-slots": ([b"value is %d" % i for i in range(40)] + [b"value is lost"], 1, 2),
    "heavy-shapes": (
        [b"opened db-%d.main" % i for i in range(40)] + [b"opened x_y"], 1, 2,
    ),
    "shapes": ([b"sent to rq.-%d now" % i for i in range(9)]
        + [b"sent to job_%d now" % i for i in range(9)] + [b"sent to xq_b1 now"], 1, 11),
    "quoted-slots": ([b"set name to 'amber'", b"set name to 'blue'"] * 3, 1, 2),
    "whole-tokens": ([b"got %s end" % t for t in
        [b"a:b:c", b"d:e", b"f", b"(g)", b"h=i,j"] for _ in "ab"], 1, 5),
    "recurring": ([b"door %s for %s" % (w, n) for n in [b"amy", b"bob", b"cid"]
        for w in [b"opened", b"closed"] for _ in "ab"], 2, 6),
    "covered": ([b"open %s at %s now" % (n, w) for n in [b"amy", b"bob", b"cid", b"dot", b"eve"]
        for w in [b"oak", b"elm", b"fir", b"ash", b"yew"]] + [b"open zed at box now"], 1, 2),
    "pairs": (
        [b"copy %s_ to %s_ end" % (c, c[::-1]) for c in [b"qa", b"wb", b"ec", b"rd", b"te"]], 1, 5,
    ),
    "echoes": ([b"loaded %s:%s (%s, %s) now" % (a, b, a, b)
        for a, b in [(b"east", b"oak"), (b"west", b"elm"), (b"main", b"fir")]]
        + [b"loaded core: (core, ) now"], 1, 4),
    "similar-identifiers": (
        [b"one two three four five six netUser", b"one two three four five six net.io"], 1, 2,
    ),
    "similar": (
        [b"one two three four five six %d" % i for i in range(9)]
        + [b"one two three four five six x_y"], 1, 2,
    ),
    "fuse": ([b"at 1:2 ok", b"at 1 ok"], 1, 2),
    "empty-values": ([b"ended with cause=7 today", b"ended with cause= today"], 1, 2),
    "repeats": ([b"sets p-%s end" % b" p-".join([b"1 on"] * n) for n in (2, 3, 5)], 1, 3),
    "runs": ([b"fans 1 2 3 4 on", b"fans 1 2 3 4 5 on"], 1, 2),
    "light-remarks": (
        [b"opened door %d of hall" % i for i in range(40)] + [b"opened door 7 (main) of hall"],
        1,
        2,
    ),
    "short-runs": (
        [b"fans %s on" % b" ".join([b"%d" % i] * n) for i, n in enumerate((2, 3, 5))], 1, 3),
    "absent-values": ([b"read by job_%d" % i for i in (10, 20)] + [b"read by none"], 1, 2),
    "enclosed-text": ([b'page "%s" saved' % t for t in TITLES], 1, 9),
    "crossed": ([b"playing %c%c%c by %c%c%c" % (*w, *w[::-1]) for w in LETTERS], 1, 24),
    "dense": ([b"at [1;2;3;4] on", b"at [1;2;3;4;5;6] on"], 1, 2),
}  # fmt: skip


NEEDS = {
    "short-runs": "runs",
    "covered": "word-slots",
    "whole-tokens": "word-slots",
    "similar-identifiers": "similar",
}


def test_names_that_say_opposite_things_are_not_variants() -> None:
    """`onSleep` and `onWake` make two templates though both are spelled as in programs."""
    messages = [b"one two three four five six onSleep", b"one two three four five six onWake"]
    assert len(set(Iterative().fit_predict(messages).tolist())) == 2


def test_brackets_and_quotes_may_be_empty() -> None:
    """A value that is missing between any two of them makes no other group."""
    for pair in (b"()", b"[]", b"{}", b"''", b'""'):
        messages = [b"host %c%d%c lost" % (pair[0], i, pair[1]) for i in range(9)]
        messages.append(b"host %s lost" % pair)
        assert len(set(Iterative().fit_predict(messages).tolist())) == 1, pair


def test_rare_variants_with_nothing_between_brackets_stay_known() -> None:
    """`()` beside `(7)` was merged into a template that cannot be empty, and the line was lost."""
    words = b"one two three four five six seven "
    messages = [words + b"(%d_x)" % i for i in range(9)] + [words + b"()"]
    for off in ((), tuple(rule for rule in GROUP_RULES if rule != "similar")):
        assert 0 not in Iterative(off=off).fit_predict(messages).tolist()


def test_long_values_are_compared_in_linear_time() -> None:
    """A token of a thousand letters that is nearly the shape of a variable took minutes."""
    messages = [b"sent to job-%d now" % (1000 + i) for i in range(9)]
    messages += [b"sent to " + b"a" * n + b"9? now" for n in (1000, 2000)]
    messages += [b"sent to " + b"a.-" * n + b"9?? now" for n in (1000, 2000)]
    started = time.process_time()
    Iterative().fit(messages)
    assert time.process_time() - started < 2


def test_a_request_is_one_variable_whatever_its_target_looks_like() -> None:
    """Without the rules for requests and protocols the path and the number are enough."""
    from logpipe.export.styles import group_texts

    for off in ((), ("request",), ("protocol",), ("request", "protocol")):
        parser = Iterative(off=off).fit([b'"GET /a/%d HTTP/1.1" done' % i for i in range(9)])
        assert set((group_texts(parser, "loghub-2k") or {}).values()) == {'"GET <*>" done'}


def test_words_that_recur_must_be_three_names() -> None:
    """Opposites and states recur, too, and stay what they are."""
    for names in ([b"amy", b"bob"], [b"READY", b"BUSY", b"DOWN"], [b"started", b"failed", b"amy"]):
        messages = [b"%s for %s" % (w, n) for n in names for w in (b"a b", b"c d") for _ in "ab"]
        assert len(set(Iterative().fit_predict(messages).tolist())) == 2 * len(names)


def test_a_name_that_looks_like_a_verb_hides_no_user() -> None:
    """One of ten names may end like a verb; of two words none may."""
    names = [b"amy", b"bob", b"cid", b"dot", b"eve", b"fay", b"gil", b"hal", b"ida", b"fred"]
    off = [rule for rule in GROUP_RULES if rule != "keyword-slots"]
    assert len(set(Iterative(off=off).fit_predict([b"user %s in" % n for n in names]))) == 1
    assert len(set(Iterative(off=off).fit_predict([b"user fred in", b"user amy in"]))) == 2


def test_a_message_among_records_says_what_happened() -> None:
    """`msg="cache started"` and `msg="cache stopped"` were one template, by the rule of records."""
    for text in (b'level=info msg="%s" size=%d took=%d', b"level=info event=%s size=%d took=%d"):
        messages = [text % (w, i, i) for w in (b"warm start", b"warm stop") for i in range(20)]
        assert len(set(Iterative().fit_predict(messages).tolist())) == 2


def test_punctuation_hides_no_opposite() -> None:
    """`login"` and `logout"` were values, because the quote made them other words."""
    for text in (b'msg="user %s" n=%d', b"user %s, %d", b"user (%s) %d"):
        messages = [text % (w, i) for w in (b"login", b"logout") for i in range(20)]
        assert len(set(Iterative().fit_predict(messages).tolist())) == 2


def test_lines_that_differ_from_all_others_in_two_slots_are_covered() -> None:
    """What is rare in both places made a template of its own; an opposite still makes one."""
    rng = random.Random(1)
    names = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(22)]
    messages = [
        b"door %s was %s by web%d" % (rng.choice(names), word, rng.randint(1, 20))
        for word in (b"opened", b"closed")
        for _ in range(80)
    ]
    assert len(set(Iterative().fit_predict(messages).tolist())) == 2


def test_what_stands_around_a_slot_may_stand_in_a_covered_line() -> None:
    """`<*>.service` takes in `oak.service`: thousands of lines left a thousand templates."""
    rng = random.Random(3)
    messages = [
        b"Began %s.service - %s %s daemon." % tuple(rng.choices(LETTERS, k=3)) for _ in range(1500)
    ]
    assert len(set(Iterative().fit_predict(messages).tolist())) == 1


def test_messages_that_come_back_are_not_crossed() -> None:
    """Thirty different complaints are thirty templates; so are two groups of opposites."""
    told = [b"playing %s by %s" % (w, w[::-1]) for w in LETTERS]
    assert len(set(Iterative().fit_predict(told * 3).tolist())) == len(LETTERS)
    verbs = [b"%s song %s by %s" % (v, w, w[::-1]) for w in LETTERS for v in (b"load", b"unload")]
    assert len(set(Iterative().fit_predict(verbs).tolist())) == 2
    inside = [b"song %s %s by %s" % (w, v, w[::-1]) for w in LETTERS for v in (b"up", b"down")]
    assert len(set(Iterative().fit_predict(inside).tolist())) == 2


def test_a_name_in_brackets_may_come_first() -> None:
    """Five users in `(amy) CMD` are a slot; five verbs at the begin, or two levels, are not."""
    names = [b"amy", b"bob", b"cid", b"dot", b"eve"]
    assert len(set(Iterative().fit_predict([b"(%s) runs job" % n for n in names] * 2))) == 1
    assert len(set(Iterative().fit_predict([b"%s the job" % n for n in names] * 2))) == 5
    levels = [b"[%s] disk" % n for n in (b"INFO", b"WARN", b"ERROR", b"DEBUG")]
    assert len(set(Iterative().fit_predict(levels * 2))) == 4


def test_text_in_quotes_that_says_what_happened_is_kept() -> None:
    """Messages of records, and short texts with one of two opposites, stay apart."""
    told = [b'"msg":"%s" n=%d' % (t, i) for t in TITLES for i in range(3)]
    assert len(set(Iterative().fit_predict(told).tolist())) == len(TITLES)
    said = [b'job "%s" here' % t for t in (b"has started", b"has stopped", b"x-1", b"y-2")] * 9
    assert len(set(Iterative().fit_predict(said).tolist())) == 3


TOLD = (
    "the cache is empty so it is filled again",
    "nobody asked for this page",
    "a worker went away while it was busy",
    "the answer was too long for the client",
)


def test_quoted_texts_that_come_again_beside_others_are_values() -> None:
    """Five clients of two sites make one template of an access log; what has a name is kept."""
    clients = ["Fox/1.0 (X11; Linux on a PC)", "Fox/1.0 (Mac; big one)", "app/2", "curl/8", "-"]
    asked = [("GET", "http://a.example/"), ("GET", "-"), ("PUT", "-"), ("HEAD", "-")]
    lines = [
        f'"{verb} /{i} HTTP/1.1" 200 {i} "{site}" "{client}"'.encode()
        for verb, site in asked
        for client in clients
        for i in range(3)
    ]
    assert len(set(Iterative().fit_predict(lines).tolist())) == 3

    sites = ("one/", "two/", "six/", "ten/")
    for name, groups in (("", 1), ("said=", len(TOLD))):
        told = [f'"{site}" {name}"{text}"'.encode() for site in sites for text in TOLD]
        assert len(set(Iterative().fit_predict(told * 3).tolist())) == groups, name


def test_standards_are_no_shapes_of_a_variable() -> None:
    """`ipv6` beside `r-7` keeps its digit, and so a template of its own."""
    messages = [b"sent to r-%d now" % i for i in range(9)] + [b"sent to ipv6 now"]
    off = [rule for rule in GROUP_RULES if rule != "shapes"]
    assert len(set(Iterative(off=off).fit_predict(messages).tolist())) == 2


def test_values_of_records_keep_their_quotes_as_text() -> None:
    """What all values of a key begin and end with is no part of the variable."""
    messages = [b'a=%d b=%d user="u%s"' % (i, i, b"xyzw"[i : i + 1]) for i in range(4)]
    parser = Iterative()
    parser.fit(messages)
    assert {t.text() for t in parser.templates_} == {'a=<*> b=<*> user="<*>"'}


def test_a_written_absence_is_a_value() -> None:
    """A place that is empty in all lines is a place all the same; a dash in a word is text."""
    parser = Iterative()
    parser.fit([b"login from=? tty=(none) by=- ok", b"x=--y z=nonesuch"])
    assert {t.text() for t in parser.templates_} == {
        "login from=<*> tty=<*> by=<*> ok",
        "x=--y z=nonesuch",
    }


def test_a_value_told_twice_is_printed_with_all_its_parts() -> None:
    """A group that has an empty value in some lines keeps its fullest text over later rounds."""
    messages = [
        b"loaded %s:%s (%s, %s) now" % (a, b, a, b)
        for a, b in [(b"east", b"oak"), (b"west", b"elm"), (b"main", b"fir")]
    ] + [b"loaded core: (core, ) now"]
    parser = Iterative().fit(messages)
    text = parser.forms_[1]
    parser.partial_fit([b"something else happened", *messages])
    assert parser.forms_[1] == text
    assert text.count(",") == 1
    assert "core" not in text


def test_every_rule_is_shown() -> None:
    """No rule without an example that needs it."""
    assert set(RULES) == set(GROUP_RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_changes_what_it_says(rule: str) -> None:
    """With the rule alone among those that could do it, the groups are fewer."""
    messages, with_it, without = RULES[rule]
    alone = {rule, NEEDS[rule]} if rule in NEEDS else {rule}
    others = [name for name in GROUP_RULES if name not in alone]
    found = [
        len(set(Iterative(off=off).fit_predict(messages).tolist()))
        for off in (others, [*others, rule])
    ]
    assert found == [with_it, without]


@pytest.mark.parametrize(
    "words",
    [
        ["started", "stopped", "paused", "resumed", "restarted"],
        ["up", "down"],
        ["enabled", "disabled"],
        ["connected", "disconnected", "reconnecting"],
    ],
)
def test_opposites_are_never_one_template(words: list[str]) -> None:
    """What happened is not a variable, however often it varies."""
    messages = [f"service {i} has {word} cleanly".encode() for word in words for i in range(9)]
    assert len(set(texts(messages))) == len(words)


def test_spacing_makes_a_template_and_not_a_group() -> None:
    """Two messages that differ in blanks are rendered exactly, by two templates of one group."""
    messages = [b"job 7 done", b"job  8 done", b" job 9 done "]
    parser = Iterative()
    assert len(set(parser.fit_predict(messages).tolist())) == 1
    assert sorted(t.literals for t in parser.templates_) == [
        (b" job ", b" done "),
        (b"job ", b" done"),
        (b"job  ", b" done"),
    ]


def test_the_order_of_messages_decides_nothing() -> None:
    """What is learned depends on the messages and their counts only."""
    messages = [
        b"user %s from 10.0.0.%d: %s" % (u, i, w)
        for i in range(7)
        for u in (b"amy", b"bob", b"cid")
        for w in (b"accepted", b"denied", b"took %d ms" % i)
    ]
    shuffled = random.Random(7).sample(messages, len(messages))
    one, other = Iterative(), Iterative()
    groups = dict(zip(messages, one.fit_predict(messages).tolist(), strict=True))
    assert groups == dict(zip(shuffled, other.fit_predict(shuffled).tolist(), strict=True))
    assert one.templates_ == other.templates_


def test_learning_on_keeps_templates_and_groups() -> None:
    """Ids that were given out stay valid, and a message of a known group joins it."""
    parser = Iterative()
    parser.fit([b"user amy in", b"user bob in", b"disk is full"])
    before = list(parser.templates_)
    known = parser.predict([b"disk is full"])[0]
    groups = parser.partial_fit([b"disk is full", b"disk  is full", b"cpu is hot", b"user eve in"])
    assert parser.templates_[: len(before)] == before
    assert groups[0] == known
    assert parser.predict([b"disk  is full"])[0] == known
    assert parser.predict([b"cpu is hot"])[0] not in (0, known)


def test_a_log_longer_than_the_sample_is_learned_in_rounds() -> None:
    """Rare lines that no sample holds are what is left, and are sampled then."""
    messages = [b"tick %d" % i for i in range(5000)]
    messages[2501] = b"the one line that matters"
    parser = Iterative(sample_lines=100)
    groups = parser.fit_predict(messages)
    assert len(set(groups.tolist())) == 2
    assert 0 not in groups


def test_saved_and_loaded_it_learns_on(tmp_path: Path) -> None:
    """A model is everything that was learned: it predicts, prints and goes on as the original."""
    messages = [b"took %d ms" % i for i in range(5)] + [b"caf\xe9 \xff open", b"at 04:05:06"]
    parser = Iterative(sample_lines=50)
    parser.fit(messages)
    parser.save(tmp_path / "model.json")
    loaded = Parser.load(tmp_path / "model.json")
    assert isinstance(loaded, Iterative)
    assert loaded.get_params() == {**parser.get_params(), "off": []}
    assert loaded.templates_ == parser.templates_
    assert loaded.forms_ == parser.forms_
    more = [b"took one ms", b"brand new words"]
    assert loaded.partial_fit(more).tolist() == parser.partial_fit(more).tolist()
    assert loaded.templates_ == parser.templates_


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("forms", [{"literals": ["a"]}]),
        ("forms", [{"literals": ["a"], "classes": ["number"], "lines": 1, "group": 1}]),
        ("printed", [{"literals": ["a", ""], "classes": ["none"], "group": 1}]),
        ("printed", 7),
        ("parameters", {"sample_lines": 0}),
        ("parameters", {"strange": 0}),
    ],
)
def test_a_broken_model_is_refused(tmp_path: Path, key: str, value: object) -> None:
    """What was edited by hand ends in an error that names the file."""
    path = tmp_path / "model.json"
    Iterative().fit([b"a 1"]).save(path)
    model = json.loads(path.read_text())
    path.write_text(json.dumps({**model, key: value}))
    with pytest.raises(ModelError, match=r"model\.json"):
        Parser.load(path)


@pytest.mark.parametrize(
    "parameters",
    [
        *({"sample_lines": 0}, {"max_templates": "7"}, {"keep": "XYZ"}, {"keep": 7}),
        *({"off": "word"}, {"off": ["word-slot"]}),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: dict[str, object]) -> None:
    """A mistake in --set is told at once."""
    with pytest.raises(UsageError, match="iterative"):
        load("iterative", **parameters)


def test_kept_categories_stay_in_the_text() -> None:
    """Ids are kept, everything else is abstracted."""
    messages = [b"session id=s%d00 from 10.0.0.%d open" % (i % 2, i) for i in range(6)]
    assert set(texts(messages)) == {"session id=<*> from <*> open"}
    assert set(texts(messages, keep="OID")) == {
        "session id=s000 from <*> open",
        "session id=s100 from <*> open",
    }


def noise(seed: int, count: int, size: int) -> list[bytes]:
    return [random.Random(seed + i).randbytes(size) for i in range(count)]


BAD: dict[str, list[bytes]] = {
    "one line": [b"a lonely line"],
    "all the same": [b"the same 7"] * 20000,
    "all distinct words": [
        " ".join(random.Random(i).choices(["ab", "cd", "ef", "gh", "ij", "kl"], k=6)).encode()
        + b" " + hex(i).translate(str.maketrans("0123456789", "ghijklmnop")).encode()
        for i in range(3000)
    ],
    "all distinct shapes": [b" ".join(b"w%x" % (i >> k & 15) * (1 + k) for k in range(0, 16, 4))
        for i in range(6000)],
    "random bytes": noise(1, 1500, 120),
    "long lines": [b"x y=%d " % i * 150000 for i in range(3)] + [b"a" * 1000000],
    "blanks": [b" " * i for i in range(300)],
    "many fields": [b"a b c d e f %d " % i * 500 for i in range(40)],
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_costs_bounded_time(name: str) -> None:
    """Whatever a log is, learning ends, and what was learned renders its lines."""
    messages = BAD[name]
    parser = Iterative()
    started = time.process_time()
    groups = parser.fit_predict(messages)
    assert time.process_time() - started < 10
    assert len(groups) == len(messages)
    assert len(parser.templates_) <= parser.max_templates


def test_a_hundred_thousand_templates_stay_within_the_limit() -> None:
    """Beyond the limit a message stays unknown, and the parser neither grows nor fails."""
    words = "".join(map(chr, range(97, 123)))
    messages = [
        f"{words[i % 26] * 3}{words[i // 26 % 26] * 3} {'q' * (i // 676 + 1)}".encode()
        for i in range(8000)
    ]
    parser = Iterative(max_templates=500, sample_lines=2000)
    parser.fit(messages)
    assert len(parser.templates_) <= 500


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=12))
def test_every_message_that_has_a_group_is_rendered(messages: list[bytes]) -> None:
    """The invariant, on any bytes: a template id comes with variables that give the message."""
    from logpipe.batch import ByteColumn

    column = ByteColumn.of(messages)
    parser = Iterative()
    groups = parser.fit_predict(column)
    batch = parser.matcher().match_messages(column)
    assert list(batch.messages) == messages
    assert 0 not in groups


def test_a_parse_with_threads_and_models_gives_the_same(tmp_path: Path) -> None:
    """From the file to templates: threads change nothing, and a saved model finds the same."""
    log = tmp_path / "a.log"
    log.write_bytes(
        b"".join(b"user %s took %d ms\n" % (b"abcdefg"[i % 7 :][:1], i) for i in range(3000))
        + b"odd line out\n"
    )
    results = [
        pipeline.parse(str(log), parser="iterative", layout="plain", threads=threads)
        for threads in (1, 3)
    ]
    one, other = ([t.text() for t in result.templates] for result in results)
    assert one == other
    assert results[0].groups == 2
    results[0].save_model(str(tmp_path / "m.json"))
    again = pipeline.parse(str(log), model=str(tmp_path / "m.json"), layout="plain")
    assert again.counts.tolist() == results[0].counts.tolist()
