"""The compression suite: logs are found, bytes compared, records kept, targets judged."""

from __future__ import annotations

import csv
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from benchmarks.compression import __main__ as suite
from benchmarks.compression import report
from benchmarks.compression.compressors import COMPRESSORS, compressor, with_program
from benchmarks.compression.logs import RealLog, find_logs, prepare_log
from benchmarks.compression.rows import best_of_others, make_rows, results
from benchmarks.runner import Run

LINE = b"2031-05-06 07:08:09 store[%d]: kept %d of %d boxes\n"
TEXT = b"".join(LINE % (i % 7, i, i * 3) for i in range(25_000))


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    (folder / "hdfs-raw").mkdir(parents=True)
    (folder / "hdfs-raw" / "HDFS_20000.log").write_bytes(TEXT)
    (folder / "multilog-iotdb" / "export").mkdir(parents=True)
    for number in (1, 2):
        packed = zstandard.ZstdCompressor().compress(b"a short part %d\n" % number)
        (folder / "multilog-iotdb" / "export" / f"label{number}.log.zst").write_bytes(packed)
    return folder


def _run(part: str, log: str, name: str, **facts: int) -> Run:
    status = "ok" if part != "bad" else "failed"
    return Run(
        part, name, log, 0, status, bytes=1_000_000, lines=9, cpu_s=0.1, peak_mb=5.0, facts=facts
    )


def test_logs_of_a_mirror_are_found_and_parts_are_one_log(mirror: Path, tmp_path: Path) -> None:
    """Files of one pattern are read one after the other, in order of name, and unpacked once."""
    found = {log.name: log for log in find_logs(mirror)}

    assert set(found) == {"HDFS_20000", "IoTDB-export"}
    made = prepare_log(found["IoTDB-export"], tmp_path / "work")
    assert Path(made.path).read_bytes() == b"a short part 1\na short part 2\n"
    before = Path(made.path).stat().st_mtime_ns
    assert prepare_log(found["IoTDB-export"], tmp_path / "work") == made
    assert Path(made.path).stat().st_mtime_ns == before


def test_a_log_inside_an_archive_is_read(tmp_path: Path) -> None:
    """Only the member that is the log."""
    (tmp_path / "x.log").write_bytes(TEXT)
    (tmp_path / "notes.txt").write_bytes(b"no log")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "notes.txt", "x/notes.txt")
        tar.add(tmp_path / "x.log", "x/x.log")
    log = RealLog("x", (tmp_path / "x.tar.gz",), "x.log")

    assert b"".join(log.pieces()) == TEXT


def test_a_run_is_checked_kept_and_reported(
    mirror: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two compressors and one that is not there; the second time nothing is run again."""
    arguments = ["--mirror", str(mirror), "--work", str(tmp_path / "work"), "--out"]
    arguments += [str(tmp_path / "out"), "--compressors", "zstd-3,ppmd-8"]
    arguments += ["--only", "ratio"]

    assert suite.main(arguments) == 0
    with (tmp_path / "out" / "compression.csv").open() as file:
        rows = {row["compressor"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"zstd-3", "ppmd-8"}
    assert {row["exact"] for row in rows.values()} == {"True"}
    assert min(float(row["ratio"]) for row in rows.values()) > 2
    assert int(rows["zstd-3"]["bytes"]) == len(TEXT)
    first = json.loads((tmp_path / "out" / "compression.json").read_text())["runs"]

    capfd.readouterr()
    assert suite.main(arguments) == 0
    assert "pack " not in capfd.readouterr().err
    assert json.loads((tmp_path / "out" / "compression.json").read_text())["runs"] == first
    assert str(tmp_path) not in (tmp_path / "out" / "compression.md").read_text()


def test_what_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program is looked for on the PATH, a module among the installed ones."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "Debian package zpaq" in with_program(compressor("zpaq-5")).disabled
    missing = replace(compressor("clp-19"), needs="no_such_module_anywhere")
    assert with_program(missing).disabled == "not installed: pip install yscope-clp-core"
    assert with_program(compressor("zstd-3")).disabled == ""


def test_bytes_that_differ_count_for_nothing() -> None:
    """However small they were."""
    runs = [
        _run("pack", "L", "xz-9e", packed_bytes=1000),
        _run("unpack", "L", "xz-9e"),
        _run("pack", "L", "logpress", packed_bytes=10),
        replace(_run("unpack", "L", "logpress"), status="failed", error="the bytes differ"),
    ]
    found = results(runs)

    assert found["L", "logpress"].ratio == 100_000
    assert not found["L", "logpress"].counts
    best = best_of_others(found, "L")
    assert best is not None
    assert best.compressor == "xz-9e"


@pytest.mark.parametrize(("packed", "met"), [(1200, True), (1201, False)])
def test_never_worse_allows_the_bytes_of_a_container(packed: int, met: bool) -> None:
    """200 bytes more than the other is the most."""
    runs = [
        _run("pack", "L", "zstd-3", packed_bytes=1000),
        _run("unpack", "L", "zstd-3"),
        _run("pack", "L", "logpipe-fast", packed_bytes=packed),
        _run("unpack", "L", "logpipe-fast"),
    ]
    rows = {row.name: row for row in make_rows(runs)}

    assert rows["never worse, logpipe-fast"].met is met


def test_a_record_of_another_version_is_not_read(tmp_path: Path) -> None:
    """It is measured anew instead."""
    (tmp_path / "compression.json").write_text('{"format": 0, "runs": []}')

    assert report.load(tmp_path) == ({}, [])
    assert len({c.name for c in COMPRESSORS}) == len(COMPRESSORS)
