"""Plug-ins by name or path, and what is said about a name that is not known."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from logpipe import parsers
from logpipe.errors import ParserError, UnknownNameError, UsageError
from logpipe.parsers.drain import Drain
from logpipe.registry import Registry


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A module `plugins_of_a_test` on the path, with whatever is written to it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "plugins_of_a_test", raising=False)

    def write(text: str) -> None:
        (tmp_path / "plugins_of_a_test.py").write_text(text, encoding="utf-8")

    yield write
    sys.modules.pop("plugins_of_a_test", None)


def test_what_ships_is_known_by_name():
    """Also from a source tree that was never installed."""
    assert {"drain", "drain3"} <= set(parsers.REGISTRY.names())
    assert parsers.REGISTRY.names() == sorted(parsers.REGISTRY.names())
    assert parsers.REGISTRY.load("drain") is Drain
    assert parsers.REGISTRY.target("drain") == "logpipe.parsers.drain:Drain"


def test_an_entry_point_of_another_package_is_found_and_imported_when_asked_for(monkeypatch):
    """Listing names imports nothing; a name of ours is not taken over."""
    points = [
        EntryPoint("other", "colorsys:rgb_to_hsv", "some.group"),
        EntryPoint("broken", "no_such_module_at_all:X", "some.group"),
        EntryPoint("own", "no_such_module_at_all:X", "some.group"),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    registry = Registry("some.group", "thing", {"own": "logpipe.parsers.drain:Drain"})

    assert registry.names() == ["broken", "other", "own"]
    assert registry.load("other") is __import__("colorsys").rgb_to_hsv
    assert registry.load("own") is Drain


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("drian", "unknown parser 'drian'. Did you mean 'drain'? Known: drain, drain3"),
        ("", "unknown parser ''. Known:"),
        ("no_such_package:Parser", "there is no module 'no_such_package'"),
        ("logpipe.nothing.here:Parser", "there is no module 'logpipe.nothing'"),
        ("logpipe.parsers.drain:Rain", "has no 'Rain'"),
        ("logpipe.parsers.drain:Drain.nothing", "has no 'Drain.nothing'"),
        ("logpipe.parsers.drain:", "has no ''"),
    ],
)
def test_an_unknown_name_is_told_with_what_there_is(name, says):
    """One sentence: what was asked for, what is known, the other way to name a parser."""
    with pytest.raises(UnknownNameError, match="parser") as caught:
        parsers.load(name)

    assert says in str(caught.value)


@pytest.mark.parametrize("path", [":Drain", "..:X", ".relative:X", "a b:c", "\0:x"])
def test_a_path_that_is_no_module_name_is_an_unknown_name(path):
    """Not an error of Python's import machinery."""
    with pytest.raises(UnknownNameError):
        parsers.load(path)


def test_a_module_that_lacks_something_itself_says_what(plugins):
    """Its missing dependency is news, not an unknown parser."""
    plugins("import no_such_dependency\nclass P: ...\n")

    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        parsers.load("plugins_of_a_test:P")


PLUGINS = """
class NoPredict:
    def fit_predict(self, messages): ...

class Picky:
    def __init__(self, size=1):
        if size < 1:
            raise ValueError("size must be positive")
    def fit_predict(self, messages): ...
    def predict(self, messages): ...

class Needs:
    def __init__(self, size): ...
    def fit_predict(self, messages): ...
    predict = fit_predict

number = 5
"""


@pytest.mark.parametrize(
    ("name", "parameters", "error", "says"),
    [
        ("number", {}, ParserError, "is 5, expected a class"),
        ("NoPredict", {}, ParserError, "has no method 'predict'"),
        ("Picky", {"colour": 1}, UsageError, "no parameter 'colour'; known: size"),
        ("Picky", {"size": 0}, UsageError, "refuses its parameters: size must be positive"),
        ("Picky", {"size": "x"}, UsageError, "refuses its parameters"),
        ("Needs", {}, UsageError, "refuses its parameters"),
    ],
)
def test_a_plugin_that_is_none_or_refuses_is_named(plugins, name, parameters, error, says):
    """The path it was asked for by, and what it said."""
    plugins(PLUGINS)

    with pytest.raises(error) as caught:
        parsers.load(f"plugins_of_a_test:{name}", **parameters)

    assert f"plugins_of_a_test:{name}" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"depth": 2}, "depth must be at least 3, and a whole number below 2^31, found 2"),
        ({"sim_th": 1.5}, "sim_th must be between 0 and 1, found 1.5"),
        ({"sim_th": float("nan")}, "sim_th"),
        ({"max_children": 0}, "max_children must be at least 1"),
        ({"max_clusters": 0}, "max_clusters must be at least 1"),
        ({"extra_delimiters": ["::"]}, "one byte, found '::'"),
        ({"extra_delimiters": ["é"]}, "one byte"),
        ({"extra_delimiters": [""]}, "one byte"),
        ({"masks": ["("]}, "'(' is no expression"),
        ({"depth": "four"}, "depth"),
        ({"masks": [5]}, "masks"),
        ({"extra_delimiters": [5]}, "delimiter"),
        ({"extra_delimiters": 5}, "delimiter"),
        ({"depth": 4.5}, "depth"),
        ({"max_children": 2**40}, "max_children"),
    ],
)
def test_a_parameter_of_drain_out_of_range_is_named(parameters, says):
    """At once, not when the first line comes."""
    with pytest.raises(UsageError) as caught:
        parsers.load("drain", **parameters)

    assert says in str(caught.value)
