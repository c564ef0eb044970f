"""The growth run: exponents that are right, and a run from end to end on a small log."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.growth import fit, main, sizes


@given(st.floats(0.3, 3), st.floats(1e-3, 1e3))
def test_a_power_law_is_found_again(exponent: float, factor: float):
    """Costs that grow by a power of the lines give that power, whatever the factor."""
    points = [(float(n), factor * n**exponent) for n in (10, 100, 1000, 20_000)]

    assert fit(points, 0.0).exponent == pytest.approx(exponent, abs=1e-3)


def test_sizes_end_where_they_should():
    """Each is four times the one before, the last one is exact, none is beyond it."""
    assert sizes(1000, 1000) == [1000]
    assert sizes(1000, 3000) == [1000, 3000]
    assert sizes(1000, 16_001) == [1000, 4000, 16_000, 16_001]


def test_growth_runs_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """On the sample, without a mirror: each parser at each size, and all three files."""
    monkeypatch.delenv("LOGPIPE_MIRROR", raising=False)
    out = tmp_path / "out"

    arguments = ["--parser", "drain", "--least", "500", "--most", "2000"]
    code = main([*arguments, "--work", str(tmp_path / "work"), "--out", str(out)])

    found = json.loads((out / "growth.json").read_text())
    steps = {g["parser"]: [(s["lines"], s["status"]) for s in g["steps"]] for g in found["growth"]}
    expected = [(500, "ok"), (2000, "ok")]
    assert code == 0
    assert steps == {"logpipe stream": expected, "drain": expected}
    assert "| drain | 2,000 |" in (out / "growth.md").read_text()
    page = (out / "growth.html").read_text()
    ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))
