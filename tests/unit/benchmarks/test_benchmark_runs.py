"""Inputs are made once and found again; runs are processes whose failures are records."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import zstandard

from benchmarks import machine
from benchmarks.contestants import CONTESTANTS, Contestant, entry, with_availability
from benchmarks.inputs import MB, SETS, Input, Origin, find_origins, prefix, prepare
from benchmarks.runner import ROOT, Run, anonymous, run_command, run_job, take_turns

LINES = b"".join(b"Mar  9 10:00:%02d h a[%d]: got %d items\n" % (i, 500 + i, i) for i in range(60))
ORIGIN = Origin("T", ("t.log",), "auto", 5, "syslog", label="t.log")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    (tmp_path / "t.log").write_bytes(LINES)
    return tmp_path


@pytest.fixture
def small(mirror: Path) -> Input:
    return prepare(ORIGIN, 1, mirror / "work", mirror)


def test_an_input_is_described_as_it_is(small: Input) -> None:
    """Size, lines and beginning are those of the file."""
    data = Path(small.path).read_bytes()

    assert data.startswith(LINES)
    assert small.bytes == len(data)
    assert MB <= small.bytes < MB + 60
    assert small.lines == data.count(b"\n")


def test_an_input_is_made_once(mirror: Path) -> None:
    """A second request finds the file; a damaged one, or another original, makes it anew."""
    said: list[str] = []

    def ask() -> Input:
        return prepare(ORIGIN, 1, mirror / "work", mirror, say=said.append)

    first = ask()
    assert ask() == first
    assert len(said) == 1
    Path(first.path).write_bytes(b"short")
    assert ask() == first
    (mirror / "t.log").write_bytes(LINES + b"Mar  9 10:01:00 h a[7]: more\n")
    assert ask() != first
    assert len(said) == 3


def test_a_prefix_ends_at_a_line(small: Input) -> None:
    """By lines or by bytes; a prefix longer than the whole is the whole."""
    ten = prefix(small, lines=10)
    some = prefix(small, size=1000)

    assert Path(ten.path).read_bytes() == b"".join(LINES.splitlines(keepends=True)[:10])
    assert (ten.lines, ten.bytes) == (10, Path(ten.path).stat().st_size)
    assert 1000 <= some.bytes < 1060
    assert Path(some.path).read_bytes().endswith(b"\n")
    assert prefix(small, lines=small.lines) is small


def test_without_any_log_the_message_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither mirror nor sample: the variable that names the mirror is in the message."""
    monkeypatch.setattr("benchmarks.inputs.resources.files", lambda package: tmp_path)

    with pytest.raises(FileNotFoundError, match="LOGPIPE_MIRROR"):
        find_origins(tmp_path)


def test_the_sample_is_labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures on it must not be taken for figures on the real sets."""
    sample = tmp_path / "data" / "sample"
    sample.mkdir(parents=True)
    (sample / "sample.yaml").write_text(
        "files: {sshd.log: {layout_name: syslog, header_regex: '\\S+ +\\S+ \\S+ h \\S+ '}}"
    )
    line = b"Nov  2 15:34:04 h sshd[51]: Server up\n"
    (sample / "sshd.log.zst").write_bytes(zstandard.compress(line))
    monkeypatch.setattr("benchmarks.inputs.resources.files", lambda package: tmp_path)
    found = find_origins(None)

    assert [o.name for o in found] == ["sample-sshd", "sample-sshd-stress"]
    assert all(o.label.startswith("sample:") for o in found)
    assert [(o.layout, o.words) for o in found] == [("syslog", 5)] * 2
    assert found[0].read(None) == line


def test_a_mirror_gives_the_sets_it_has(tmp_path: Path) -> None:
    """The bigger of two real logs is taken; a set that is not there is left out."""
    for path in (*SETS[0].paths, *SETS[2].paths):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = find_origins(tmp_path)

    assert [o.name for o in found] == ["HDFS", "OpenSSH", "OpenSSH-stress"]
    assert found[0].label == SETS[0].paths[0]


@pytest.mark.parametrize("name", ["zstd-3", "zstd-d", "memcpy", "drain3"])
def test_a_contestant_reports_what_it_read(name: str, small: Input, tmp_path: Path) -> None:
    """A real process: time, memory, and the bytes and lines of the input."""
    contestant = with_availability(entry(name))
    if contestant.disabled:
        pytest.skip(contestant.disabled)
    contestant = replace(contestant, limit_mb=None)
    tiny = prefix(small, lines=2000)
    run = run_job("sets", contestant, tiny, 0, tmp_path, check=True)

    assert run.status == "ok", run.error
    assert (run.bytes, run.lines) == (tiny.bytes, tiny.lines)
    assert 0 < run.cpu_s < run.process_cpu_s
    assert run.peak_mb > 5


def test_a_contestant_that_sees_other_lines_has_failed(small: Input, tmp_path: Path) -> None:
    """A wrong line count is a failure, whatever the speed."""
    wrong = replace(small, bytes=small.bytes - 1)
    run = run_job("sets", entry("memcpy"), wrong, 0, tmp_path)

    assert run.status == "failed"
    assert "bytes" in run.error
    assert run.mb_per_cpu_s == 0


def test_an_unknown_job_is_a_record(small: Input, tmp_path: Path) -> None:
    """Whatever goes wrong in the process, the suite goes on."""
    run = run_job("sets", Contestant("x", "", "no_such_job"), small, 0, tmp_path)

    assert (run.status, run.mb_per_cpu_s) == ("failed", 0)


def test_a_contestant_that_takes_too_long_is_stopped(small: Input, tmp_path: Path) -> None:
    """And is not tried in the rounds after, but recorded there."""
    turns = [lambda n: run_job("sets", entry("zstd-3"), small, n, tmp_path, timeout=0.01)]
    runs = take_turns(turns, 3, lambda run: None)

    assert [run.status for run in runs] == ["timeout"] * 3
    assert [run.round for run in runs] == [0, 1, 2]


def test_contestants_take_turns() -> None:
    """A B A B, not A A B B: drift of the machine then hits both."""
    seen: list[tuple[str, int]] = []

    def turn(name: str, number: int) -> Run:
        seen.append((name, number))
        return Run("sets", name, "A", number, "ok")

    take_turns([lambda n: turn("a", n), lambda n: turn("b", n)], 2, lambda run: None)

    assert seen == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]


def test_a_missing_package_disables_with_advice() -> None:
    """The report says what to install instead of an import error."""
    absent = Contestant("x", "", "j", needs="no_such_module_at_all", package="no-such-package")

    assert "pip install" in with_availability(absent).disabled
    assert with_availability(replace(absent, disabled="slow")).disabled == "slow"
    run = run_job(
        "sets", with_availability(absent), Input("A", "", 1, 1, "", "", 1, "", 0), 0, ROOT
    )
    assert run.status == "disabled"


def test_entries_are_named_once_and_can_be_written_down() -> None:
    """Names are keys of the records, parameters are JSON."""
    names = [c.name for c in CONTESTANTS]

    assert len(names) == len(set(names))
    assert json.loads(json.dumps([asdict(c) for c in CONTESTANTS]))[0]["name"] == names[0]


def test_a_command_is_timed_as_a_whole() -> None:
    """Its exit code decides whether the time counts."""
    good = run_command("start", "x", [sys.executable, "-c", "sum(range(10**6))"], 0)
    bad = run_command("start", "x", [sys.executable, "-c", "raise SystemExit('gone')"], 0)

    assert good.ok
    assert good.cpu_s > 0
    assert (bad.ok, bad.error) == (False, "exit code 1: gone")


def test_records_hold_no_path_of_this_machine() -> None:
    """Neither of the source tree nor of the interpreter."""
    text = anonymous(f"{sys.executable}: {ROOT}/logpipe: {sys.prefix}/lib")

    assert str(ROOT) not in text
    assert sys.prefix not in text


def test_the_machine_is_described_without_naming_it() -> None:
    """What a figure depends on is there; the folder name says the kind of machine only."""
    found = machine.describe()

    assert found["cores"] >= 1
    assert {"cpu", "memory_gb", "system", "python", "rustc", "load_average"} <= set(found)
    named = machine.slug({"cpu": "Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", "cores": 8})
    assert named == "intel-xeon-e5-2690-v4-8-cores"
