"""Rows of the report follow from recorded runs, failed ones included."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.rows import Row, geometric_mean, make_rows, ratios
from benchmarks.runner import Run

GOOD = {"verified_bytes": 100_000_000, "digest": "d", "templates": 10}


def run(contestant: str, cpu: float, number: int = 0, source: str = "A", **more: object) -> Run:
    base = Run("sets", contestant, source, number, "ok", bytes=100_000_000, lines=1_000_000)
    return replace(base, cpu_s=cpu, wall_s=cpu, facts=GOOD, **more)  # type: ignore[arg-type]


def row(runs: list[Run], name: str, cores: int = 2) -> Row:
    found = [r for r in make_rows(runs, cores) if r.name.startswith(name)]
    assert len(found) == 1, found
    return found[0]


def test_the_geometric_mean_counts_a_failure_as_zero() -> None:
    """One set that failed cannot hide behind the others."""
    assert geometric_mean([2, 8]) == pytest.approx(4)
    assert geometric_mean([2, 0, 8]) == 0
    assert math.isnan(geometric_mean([]))


def test_ratios_are_formed_within_a_round() -> None:
    """A machine half as fast in the second round changes no ratio."""
    ours = {0: run("a", 1), 1: run("a", 2)}
    theirs = {0: run("b", 3), 1: run("b", 6)}

    assert ratios(ours, theirs) == pytest.approx([3, 3])


def test_a_failed_run_of_ours_counts_as_zero() -> None:
    """And one of theirs is left out: nothing can be said about that round."""
    failed = replace(run("a", 1, 1), status="failed", error="no")
    ours = {0: run("a", 1), 1: failed}
    theirs = {0: run("b", 2), 1: run("b", 2, 1)}

    assert ratios(ours, theirs) == pytest.approx([2, 0])
    assert ratios(theirs, ours) == pytest.approx([0.5])


def test_the_parse_row_is_a_geometric_mean_of_medians() -> None:
    """Three rounds on two sets: medians 2 and 8, mean 4."""
    runs = []
    for source, times in (("A", (1.9, 2.0, 9.0)), ("B", (8.0, 8.0, 1.0))):
        for number, theirs in enumerate(times):
            runs += [run("logpipe", 1, number, source), run("zstd-3", theirs, number, source)]
    found = row(runs, "parse against zstd -3")

    assert (found.measured, found.met) == ("4x", True)
    assert found.detail == "A 2x, B 8x"


def test_the_slowest_set_decides_lines_per_second() -> None:
    """1 M lines in 0.5 s and in 1 s: the second is below 1.25 M."""
    runs = [run("logpipe", 0.5), run("logpipe", 1.0, source="B")]
    found = row(runs, "parse: lines")

    assert (found.measured, found.met) == ("1 M", False)


def test_two_threads_must_give_the_same_output() -> None:
    """Speed does not count if the digests differ, or if one was not taken."""
    one, two = run("logpipe", 2), run("logpipe-2-threads", 1)

    assert row([one, two], "two threads").met is True
    for facts in ({**GOOD, "digest": "e"}, {}):
        found = row([one, replace(two, facts=facts)], "two threads")
        assert found.met is False
        assert "output differs on A" in found.measured


def test_two_threads_are_not_judged_on_one_core() -> None:
    """There is nothing to be gained there, and the row says why."""
    found = row([run("logpipe", 2), run("logpipe-2-threads", 2)], "two threads", cores=1)

    assert found.met is None
    assert "one core" in found.measured


def test_two_processes_show_what_the_machine_gives() -> None:
    """Two parses at once that take 2.5 s each, against 2 s alone: 1.6 times as much in all."""
    runs = [run("logpipe", 2), replace(run("logpipe-2-processes", 5), facts={"each_s": 2.5})]
    found = row(runs, "two processes")

    assert (found.measured, found.met) == ("1.6x", None)
    assert row(runs, "parse -> render").met is True


def test_growth_compares_cpu_and_memory() -> None:
    """Ten times the lines at eleven times the CPU falls short; 250 MB is enough."""
    runs = [
        replace(run("logpipe", cpu, source=f"A {n}x", peak_mb=peak), part="growth", lines=n)
        for n, cpu, peak in ((1, 1.0, 100.0), (3, 3.0, 200.0), (10, 11.0, 250.0))
    ]

    assert (row(runs, "growth").measured, row(runs, "growth").met) == ("11x", False)
    assert (row(runs, "peak").measured, row(runs, "peak").met) == ("250 MB", True)
    more = [*runs, run("logpipe-2-threads", 1, peak_mb=300.0)]
    assert (row(more, "peak").measured, row(more, "peak").met) == ("300 MB", False)
    runs[1] = replace(runs[1], status="timeout")
    assert row(runs, "growth").met is False


def test_a_command_that_fails_is_not_fast() -> None:
    """A start that ends in an error falls short, and the row says so."""
    good = Run("start", "logpipe --help", "", 0, "ok", cpu_s=0.1)
    bad = replace(good, round=1, status="failed", error="exit code 2", cpu_s=0)

    assert row([good], "start").met is True
    assert row([good, bad], "start").met is False


@pytest.mark.parametrize(
    ("cpu", "templates", "met"), [(1.2, 20, True), (1.4, 20, False), (1.0, 21, False)]
)
def test_stress_looks_at_speed_and_templates(cpu: float, templates: int, met: bool) -> None:
    """A third slower falls short, and so do more than twice the templates."""
    plain = replace(run("logpipe", 1.0), part="stress")
    stressed = replace(plain, input="A-stress", cpu_s=cpu, facts={**GOOD, "templates": templates})

    assert row([plain, stressed], "stress").met is met


def test_rendering_is_checked_for_every_set() -> None:
    """A set whose bytes were not compared is named."""
    runs = [run("logpipe", 1), replace(run("logpipe", 1, source="B"), facts={})]
    found = row(runs, "parse -> render")

    assert found.met is False
    assert "logpipe on B" in found.measured


def test_what_fell_short_comes_first() -> None:
    """Readers see the bad news before the good."""
    runs = [run("logpipe", 1), run("zstd-3", 1), run("drain3", 100)]
    verdicts = [r.met for r in make_rows(runs, 2)]

    assert verdicts == sorted(verdicts, key=[False, True, None].index)
    assert False in verdicts
    assert True in verdicts


def test_the_report_can_be_made_anew_from_its_records(tmp_path: Path) -> None:
    """Scores are computed from what was recorded, so they can be computed again."""
    document = {
        "date": "2026-01-01",
        "command": "python -m benchmarks.speed",
        "commit": "abc",
        "rounds": 1,
        "machine": {"cpu": "x", "cores": 2},
        "versions": {"logpipe": "0"},
        "contestants": [
            {"name": "n", "title": "t", "parameters": {}, "limit_mb": None, "disabled": "no | k"}
        ],
        "inputs": [
            {
                "name": "A",
                "origin": "sample:a.log.zst",
                "origin_bytes": 1,
                "bytes": 2,
                "lines": 3,
                "digest": "0" * 64,
            }
        ],
    }
    failed = replace(run("logfold", 1), status="failed", error="broke", facts={})
    runs = [run("logpipe", 1), run("zstd-3", 2), failed]
    report.save(tmp_path, document, runs)
    loaded, again = report.load(tmp_path / "speed.json")
    text = (tmp_path / "speed.md").read_text()

    assert again == runs
    assert report.markdown(loaded, again) == text
    assert "embedded sample" in text
    assert "failed: broke" in text
    assert "no \\| k" in text


def test_another_format_of_records_is_refused(tmp_path: Path) -> None:
    """The message says what was expected and what was found."""
    path = tmp_path / "speed.json"
    path.write_text(json.dumps({"format": 99, "runs": []}))

    with pytest.raises(ValueError, match="expected format 1, found 99"):
        report.load(path)
