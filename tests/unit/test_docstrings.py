"""Examples in docstrings are run: what a function says of itself must be true."""

import doctest
import importlib
import pkgutil

import pytest

import flows
import logpipe

MODULES = sorted(
    found.name
    for package in (logpipe, flows)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    # `__main__` runs the program; `_native` is made by the build.
    if not found.name.endswith("__main__") and "_native" not in found.name
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str):
    """Every `>>>` of the module gives what is printed below it."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0
