"""`--set KEY=VALUE` becomes what the parser's constructor declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest

from logpipe.cli.options import typed_parameters
from logpipe.errors import UnknownNameError, UsageError


class Example:
    """A parser's constructor with a parameter of every kind."""

    def __init__(
        self,
        whole: int = 1,
        real: float = 0.5,
        flag: bool = False,
        text: str = "",
        maybe: int | None = None,
        words: Sequence[str] = (),
        numbers: list[int] | None = None,
        mode: Literal["fast", "slow"] = "fast",
        anything: Any = None,
        unannotated=2,
    ) -> None:
        """Nothing is stored."""


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("whole=12", 12),
        ("real=1e-3", 0.001),
        ("real=2", 2.0),
        ("flag=yes", True),
        ("flag=off", False),
        ("text=", ""),
        ("text=a=b", "a=b"),
        ("maybe=none", None),
        ("maybe=3", 3),
        ("words=a,b", ("a", "b")),
        ('words=["a,b"]', ("a,b",)),
        ("words=", ()),
        ("numbers=1,2", [1, 2]),
        ("mode=slow", "slow"),
        ('anything={"a": 1}', {"a": 1}),
        ("anything=word", "word"),
        ("unannotated=5", 5),
    ],
)
def test_a_value_has_the_type_of_its_parameter(setting: str, value: object) -> None:
    """By annotation, else by default value, else as JSON or text."""
    found = typed_parameters("example", Example, [setting])

    assert list(found.values()) == [value]
    assert type(found.popitem()[1]) is type(value)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("whole=1.5", "expected a whole number, found '1.5'"),
        ("real=x", "expected a number"),
        ("flag=maybe", "expected true or false"),
        ("maybe=x", "expected a whole number"),
        ("mode=medium", "expected one of fast, slow"),
        ("numbers=1,x", "expected a whole number, found 'x'"),
        ("numbers=3", None),
    ],
)
def test_a_wrong_value_says_what_was_expected(setting: str, says: str | None) -> None:
    """With the setting as it was written."""
    if says is None:
        assert typed_parameters("example", Example, [setting]) == {"numbers": [3]}
        return
    with pytest.raises(UsageError, match=says) as raised:
        typed_parameters("example", Example, [setting])
    assert f"--set {setting}" in str(raised.value)


def test_an_unknown_key_lists_the_known_ones() -> None:
    """All of them, in the constructor's order."""
    with pytest.raises(UnknownNameError, match="known: whole, real, flag"):
        typed_parameters("example", Example, ["size=1"])
