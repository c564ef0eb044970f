"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("logpipe", "flows", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "_native" not in path.parts and ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    """Every `>>>` gives what is printed below it."""
    failed, tried = doctest.testmod(importlib.import_module(name))

    assert failed == 0
    assert tried > 0


def test_modules_with_examples_are_found() -> None:
    """The list above is not empty by mistake."""
    assert {"logpipe.parsers.base", "logpipe.template"} <= set(MODULES)
