"""Saved models: described JSON that is believed only as far as it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logpipe.errors import InputError, ModelError, OutputError
from logpipe.parsers import model
from logpipe.parsers.base import Parser
from logpipe.parsers.drain import Drain
from logpipe.parsers.drain3 import Drain3

LOG = [b"open 1 amy", b"open 2 bob", b"caf\xe9 \xff closed", b"a<*>b", b""]


def saved(tmp_path: Path, parser: Parser) -> tuple[Path, dict]:
    path = tmp_path / "model.json"
    parser.fit(LOG).save(path)
    return path, json.loads(path.read_text(encoding="utf-8"))


def test_a_model_is_described_and_can_be_read_by_people(tmp_path):
    """Tokens as text, wild ones null, bytes that are no text in hex; all parameters."""
    _, found = saved(tmp_path, Drain(depth=5))

    assert (found["format"], found["version"], found["parser"]) == ("logpipe-model", 1, "drain")
    assert found["parameters"]["depth"] == 5
    assert found["groups"] == [
        {"id": 1, "tokens": ["open", "1", None]},
        {"id": 2, "tokens": [{"hex": "636166e9"}, {"hex": "ff"}, "closed"]},
        {"id": 3, "tokens": ["a<*>b"]},
        {"id": 4, "tokens": []},
    ]


@pytest.mark.parametrize("parser", [Drain(), Drain3(), Drain3(extra_delimiters=["="])])
def test_a_loaded_parser_predicts_and_is_saved_again_the_same(parser, tmp_path):
    """Nothing is lost by loading and saving."""
    path, first = saved(tmp_path, parser)
    loaded = Parser.load(path)
    loaded.save(tmp_path / "again.json")
    second = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))

    assert loaded.predict(LOG).tolist() == parser.predict(LOG).tolist()
    for key in ("groups", "templates"):
        assert second.get(key) == first.get(key)


def test_a_model_that_is_written_again_replaces_the_old_one_whole(tmp_path):
    """No other file is left."""
    path, _ = saved(tmp_path, Drain())
    saved(tmp_path, Drain())

    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("place", ["missing/model.json", "folder"])
def test_a_model_that_cannot_be_written_is_an_error_and_leaves_nothing(place, tmp_path):
    """The path is named."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(OutputError, match="could not be written"):
        Drain().fit(LOG).save(tmp_path / place)

    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_parser_that_has_not_learned_cannot_be_saved_by_its_templates(tmp_path):
    """There is nothing to save."""
    with pytest.raises(ModelError, match="not learned anything yet"):
        model.save_templates(tmp_path / "model.json", Bare())


class Bare(Parser):
    def fit_predict(self, messages):
        raise NotImplementedError

    def predict(self, messages):
        raise NotImplementedError


FRAMES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b'{"format": "\xff"}',
    "with a byte order mark": '\ufeff{"format": "logpipe-model"}'.encode(),
    "a list": b"[]",
    "null": b"null",
    "a number of 5000 digits": b'{"version": ' + b"1" * 5000 + b"}",
    "too deep": b"[" * 100_000,
    "another format": b'{"format": "other", "version": 1}',
    "a newer version": b'{"format": "logpipe-model", "version": 2}',
    "no version": b'{"format": "logpipe-model"}',
    "no parser": b'{"format": "logpipe-model", "version": 1, "parameters": {}}',
    "parser a number": b'{"format": "logpipe-model", "version": 1, "parser": 5, "parameters": {}}',
    "no parameters": b'{"format": "logpipe-model", "version": 1, "parser": "drain"}',
    "NaN": b"NaN",
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES)
def test_a_file_that_is_no_model_is_refused(data, tmp_path):
    """The message begins with its path."""
    path = tmp_path / "model.json"
    path.write_bytes(data)

    with pytest.raises(ModelError) as caught:
        Parser.load(path)

    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("place", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_an_input_error(place, tmp_path):
    """Missing, or a folder."""
    with pytest.raises(InputError):
        Parser.load(tmp_path / place)


HALF = "\ud800"
BODIES: dict[str, dict[str, object]] = {
    "no body": {},
    "groups a number": {"groups": 5},
    "groups of numbers": {"groups": [5]},
    "a group without tokens": {"groups": [{"id": 1}]},
    "tokens a text": {"groups": [{"tokens": "abc"}]},
    "a token that is a number": {"groups": [{"tokens": [5]}]},
    "a token that is a list": {"groups": [{"tokens": [["a"]]}]},
    "a token of two words": {"groups": [{"tokens": ["a b"]}]},
    "a token of no bytes": {"groups": [{"tokens": ["a", ""]}]},
    "a token of half a character": {"groups": [{"tokens": [HALF]}]},
    "hex that is none": {"groups": [{"tokens": [{"hex": "zz"}]}]},
    "hex that is a number": {"groups": [{"tokens": [{"hex": 5}]}]},
    "too many tokens": {"groups": [{"tokens": ["a"] * 1025}]},
    "templates a text": {"templates": "abc"},
    "a template without group": {"templates": [{"literals": ["a"], "kinds": []}]},
    "a template without kinds": {"templates": [{"group": 1, "literals": ["a"]}]},
    "a group below 0": {"templates": [{"group": -1, "literals": ["a"], "kinds": []}]},
    "a group of 33 bits": {"templates": [{"group": 2**32, "literals": ["a"], "kinds": []}]},
    "a group that is a text": {"templates": [{"group": "1", "literals": ["a"], "kinds": []}]},
    "a group that is true": {"templates": [{"group": True, "literals": ["a"], "kinds": []}]},
    "literals a text": {"templates": [{"group": 1, "literals": "ab", "kinds": [3]}]},
    "a kind that does not exist": {
        "templates": [{"group": 1, "literals": ["", ""], "kinds": [99]}]
    },
    "a slot too many": {"templates": [{"group": 1, "literals": ["a"], "kinds": [3]}]},
    "a literal of half a character": {"templates": [{"group": 1, "literals": [HALF], "kinds": []}]},
    "templates of null": {"templates": [None]},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_model_whose_content_is_malformed_is_refused(body, tmp_path):
    """Where it is wrong is said; nothing else than a ModelError comes out."""
    path = tmp_path / "model.json"
    frame = {"format": "logpipe-model", "version": 1, "parser": "drain", "parameters": {}}
    path.write_text(json.dumps(frame | body), encoding="utf-8")

    with pytest.raises(ModelError) as caught:
        Parser.load(path)

    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "parameters",
    [
        {"depth": 2},
        {"depth": "4"},
        {"depth": None},
        {"depth": 4.5},
        {"depth": 2**70},
        {"sim_th": 7},
        {"sim_th": []},
        {"max_children": -1},
        {"max_children": 2**40},
        {"max_clusters": "all"},
        {"max_clusters": 2**64},
        {"extra_delimiters": 5},
        {"extra_delimiters": [5]},
        {"extra_delimiters": ["ab"]},
        {"extra_delimiters": [HALF]},
        {"masks": 5},
        {"masks": [None]},
        {"masks": ["("]},
        {"no_such_parameter": 1},
    ],
    ids=str,
)
def test_parameters_that_drain_cannot_have_are_refused(parameters, tmp_path):
    """Also those that only the native core would stumble over."""
    path, found = saved(tmp_path, Drain())
    found["parameters"] |= parameters
    path.write_text(json.dumps(found), encoding="utf-8")

    with pytest.raises(ModelError, match="parameters of drain"):
        Parser.load(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
keys = st.sampled_from(
    [*("groups", "templates", "parameters", "parser", "version"), *("tokens", "group", "literals")]
)


@given(keys, json_values, st.integers(0, 1))
def test_any_value_anywhere_is_refused_or_harmless(key, value, which):
    """A model that was changed by hand loads, or is a ModelError."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path, found = saved(Path(folder), (Drain(), Drain3())[which])
        for entry in (found, *found.get("groups", ()), *found.get("templates", ())):
            if key in entry:
                entry[key] = value
        path.write_text(json.dumps(found), encoding="utf-8")
        try:
            loaded = Parser.load(path)
        except ModelError:
            return
        assert len(loaded.predict(LOG)) == len(LOG)


def test_keys_that_are_not_known_are_ignored(tmp_path):
    """So that a later version 1 can say more."""
    path, found = saved(tmp_path, Drain())
    found["comment"] = "from the staging machines"
    found["groups"][0]["seen"] = 17
    path.write_text(json.dumps(found), encoding="utf-8")

    assert Parser.load(path).predict(LOG).tolist() == [1, 1, 2, 3, 4]
