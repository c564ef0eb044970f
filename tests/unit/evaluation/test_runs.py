"""Whatever a parser does, the evaluation goes on and its row says what happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from logpipe.errors import OutputError, UnknownNameError, UsageError
from logpipe.evaluation.runs import Record, folder_name
from logpipe.evaluation.scoring import Scored
from logpipe.evaluation.supervise import Limits, Stopped, supervise
from logpipe.pipeline.evaluating import Evaluation, evaluate, load_evaluation

from .making import LINES, NAUGHTY, naughty, truth_file

NAMES = (
    *("Fine", "function", "Raises", "Exits", "Dies", "Hangs", "EatsMemory", "Prints", "Drops"),
    *("Adds", "Reorders", "Gaps", "Numbers", "Nothing", "QuitsPython", "LeavesChild"),
)


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """All of them on one small log, in one evaluation with tight limits."""
    folder = tmp_path_factory.mktemp("naughty")
    return evaluate(
        [naughty(name) for name in NAMES],
        [str(truth_file(folder))],
        folder=folder / "out",
        limits=Limits(seconds=20, memory_mb=600),
        jobs=2,
    )


def of(found: Evaluation, name: str) -> Scored:
    return next(s for s in found.scored if s.record.contestant.endswith(f":{name}"))


def test_every_parser_has_a_row(everybody: Evaluation):
    """Nobody vanishes, in the order asked for."""
    rows = [row for row in everybody.rows if row["slice"] == "all"]

    assert [row["parser"].rpartition(":")[2] for row in rows] == [*NAMES]
    assert (everybody.folder / "scores.csv").read_text().count("\n") > len(NAMES)


@pytest.mark.parametrize("name", ["Fine", "function", "Prints", "LeavesChild"])
def test_a_parser_that_is_right_is_scored_so(everybody: Evaluation, name: str):
    """A class, a function, one that prints, one whose child stays: all of them count."""
    one = of(everybody, name)

    assert one.record.status == "ok", one.record.error
    assert {m: one.scores[m] for m in ("GA", "FGA", "PA", "FTA", "match")} == {
        "GA": 1.0,
        "FGA": 1.0,
        "PA": 1.0,
        "FTA": 1.0,
        "match": 1.0,
    }
    assert one.record.lines == len(LINES)
    assert one.record.peak_mb > 10


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("Raises", "failed", "ValueError: no such luck in two lines"),
        ("Exits", "crashed", "ended with code 0 and without an answer"),
        ("Dies", "crashed", "ended by SIGSEGV"),
        ("Hangs", "timeout", "stopped after 20 s"),
        ("EatsMemory", "memory", ""),
        ("Drops", "failed", "gave 87 templates for 90 messages: lines were dropped"),
        ("Adds", "failed", "gave 91 templates for 90 messages: lines were added"),
        ("Numbers", "failed", "gave 1 for message 1; expected a text"),
        ("Nothing", "failed", "neither fit_predict"),
        ("QuitsPython", "failed", "SystemExit"),
    ],
)
def test_a_failure_counts_as_nothing_and_says_why(
    everybody: Evaluation, name: str, status: str, words: str
):
    """Crash, hang, hunger, wrong answers: figures of 0, empty distances, the reason in the row."""
    one = of(everybody, name)
    row = next(row for row in everybody.rows if row["parser"].endswith(f":{name}"))

    assert one.record.status == status, one.record
    assert words in one.record.error
    assert row["error"] == one.record.error
    assert row["GA"] == row["FTA"] == 0.0
    assert row["GGD"] is None
    assert row["cpu_s"] is None
    assert not (everybody.run_folder(one.record) / "output.parquet").exists()


def test_what_a_parser_prints_is_kept_and_bounded(everybody: Evaluation):
    """Begin and end of it stay, in a file; the scores' own output is not disturbed."""
    one = of(everybody, "Prints")
    kept = (everybody.run_folder(one.record) / "printed.txt").read_bytes()

    assert one.record.printed == 200_009
    assert 60_000 < len(kept) < 70_000
    assert kept.endswith(b"the end\n")
    assert b"bytes left out" in kept
    assert "printed 200,009 bytes" in one.notes[0]


def test_reordered_lines_are_noticed(everybody: Evaluation):
    """As many answers as lines, but of other lines: scored as it is, with a word about it."""
    one = of(everybody, "Reorders")

    assert one.record.status == "ok"
    assert one.scores["PA"] == 0.0
    assert any("were lines reordered?" in note for note in one.notes), one.notes


def test_lines_without_an_answer_are_counted(everybody: Evaluation):
    """None is no text: such lines are wrong, are one group, and the row says how many."""
    one = of(everybody, "Gaps")

    assert one.scores["PA"] == pytest.approx(0.9)
    assert "the parser gave no template for 9 lines" in one.notes


def test_failures_are_in_the_mean(everybody: Evaluation):
    """The board shows them, below those that were right."""
    board = {row["parser"].rpartition(":")[2]: row for row in everybody.leaderboard}

    assert board["Hangs"]["failed"] == 1
    assert board["Hangs"]["FGA"] == 0.0
    assert everybody.leaderboard[0]["FGA"] == 1.0


def test_a_child_that_was_left_behind_is_ended(everybody: Evaluation):
    """Nothing that a parser started outlives its run."""
    left = subprocess.run(["pgrep", "-f", "logpipe.evaluation.worker"], capture_output=True)
    mine = [
        pid
        for pid in left.stdout.split()
        if str(everybody.folder) in Path(f"/proc/{int(pid)}/cmdline").read_text(errors="replace")
    ]

    assert mine == []


def test_nothing_is_run_twice(everybody: Evaluation, tmp_path: Path):
    """A second evaluation takes what is there, failures too; `retry` does those again."""
    source = truth_file(tmp_path)
    ran: list[str] = []

    def again(**more: object) -> Evaluation:
        ran.clear()
        return evaluate(
            [naughty("Fine"), naughty("Raises")],
            [str(source)],
            folder=tmp_path / "out",
            progress=lambda done, total, sentence: ran.append(sentence),
            **more,
        )

    first = again()
    assert not any("(kept)" in sentence for sentence in ran)
    second = again()
    assert all("(kept)" in sentence for sentence in ran)
    assert [s.record for s in first.scored] == [s.record for s in second.scored]
    again(retry=True)
    assert [("Fine" in s) == ("(kept)" in s) for s in ran] == [True, True]
    truth_file(tmp_path, [(1, "other words", "other <*>")])
    assert again().scored[0].record.lines == 1, "another log is another run"
    assert not any("(kept)" in sentence for sentence in ran)


def test_a_changed_parser_is_run_again(tmp_path: Path):
    """The source of a parser is part of what a result depends on; its parameters are, too."""
    source, parser = truth_file(tmp_path), tmp_path / "mine.py"
    path = f"{parser}:Fine"

    def text(**parameters: object) -> float:
        found = evaluate([path], [str(source)], folder=tmp_path / "out", parameters=parameters)
        return found.scored[0].scores["PA"]

    parser.write_text(NAUGHTY.read_text())
    assert text() == 1.0
    assert text(suffix="!") == 0.0
    parser.write_text(NAUGHTY.read_text().replace('" <*>"', '" <**>"').replace("<*>", "<?>"))
    assert text() == 0.0


def test_scores_come_from_what_is_kept(everybody: Evaluation):
    """Scored again, or in another style: the same runs, no process."""
    again = load_evaluation(everybody.folder)
    styled = load_evaluation(everybody.folder, template_style="loghub-2k", metrics=["GA"])

    assert again.rows == everybody.rows
    assert styled.metrics == ("GA",)
    assert of(styled, "Fine").scores == {"GA": 1.0}


def test_a_limit_of_cpu_seconds_is_a_timeout(tmp_path: Path):
    """What burns the processor is stopped by its own seconds, however busy the machine is."""
    found = evaluate(
        [naughty("Burns")],
        [str(truth_file(tmp_path))],
        folder=tmp_path / "out",
        limits=Limits(seconds=100, cpu_seconds=1),
    )

    record = found.scored[0].record
    assert (record.status, record.error) == ("timeout", "stopped after 1 CPU-seconds")


def test_limits_hold_for_a_process_that_ignores_them():
    """A process that refuses to end politely, and floods its output, is ended in time."""
    script = (
        "import signal, sys\n"
        "for s in (signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)\n"
        "while True: sys.stdout.write('y' * 65536)\n"
    )
    started = time.monotonic()

    end = supervise([sys.executable, "-c", script], Limits(seconds=1, memory_mb=0))

    assert end.stopped == "timeout"
    assert time.monotonic() - started < 15
    assert end.printed > 100_000
    assert len(end.text) < 70_000


def test_an_interrupted_evaluation_ends_its_processes():
    """Ctrl-C in the middle of a run leaves no process behind."""
    import threading

    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()

    with pytest.raises(Stopped):
        supervise([sys.executable, "-c", "import time; time.sleep(60)"], Limits(), stop)


def test_a_worker_ends_with_its_supervisor(tmp_path: Path):
    """Killed without a chance to clean up: the parser that hangs does not stay for ever."""
    code = (
        "from logpipe.pipeline.evaluating import evaluate\n"
        f"evaluate([{naughty('Hangs')!r}], [{str(truth_file(tmp_path))!r}], "
        f"folder={str(tmp_path / 'out')!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code])

    def workers() -> list[int]:
        listed = subprocess.run(["pgrep", "-f", str(tmp_path / "out")], capture_output=True)
        found = [int(pid) for pid in listed.stdout.split()]
        return [pid for pid in found if pid not in (process.pid, os.getpid())]

    deadline = time.monotonic() + 60
    while not workers() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)  # past the worker's first lines
    process.send_signal(signal.SIGKILL)
    process.wait()
    while workers() and time.monotonic() < deadline:
        time.sleep(0.1)

    assert workers() == []


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((["dran"], ["sample"]), UnknownNameError, "Did you mean drain"),
        ((["no.such:Parser"], ["sample"]), UnknownNameError, "there is no module 'no.such'"),
        ((["drain"], ["smaple/sshd"]), UnknownNameError, "unknown data set"),
        ((["drain"], ["hdfs-2percent/HDFS"]), UsageError, "no true template for each line"),
        ((["drain", "drain3"], ["sample"], {"a": 1}), UsageError, "--set is for one parser"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_runs(
    tmp_path: Path, arguments: tuple, error: type[Exception], words: str
):
    """Names are checked first; no folder is made of a mistake."""
    parsers, names, *parameters = arguments
    with pytest.raises(error, match=words):
        evaluate(parsers, names, folder=tmp_path / "out", parameters=next(iter(parameters), None))

    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path):
    """Results are not mixed into a folder that holds other things."""
    (tmp_path / "thesis.tex").write_text("precious")

    with pytest.raises(OutputError, match="something else"):
        evaluate(["drain"], [str(truth_file(tmp_path))], folder=tmp_path)


def test_names_become_folders_that_stay_apart():
    """Contestants may be called anything; two names are never one folder."""
    names = ["drain", "a/b", "a_b", "a:b", "../up", "x" * 300, "x" * 301, "drain[k=1]", "Zoë"]
    folders = [folder_name(name) for name in names]

    assert len({f.lower() for f in folders}) == len(names)
    assert all("/" not in f and f not in (".", "..") and len(f) < 120 for f in folders)


def test_a_record_of_another_format_is_no_record(tmp_path: Path):
    """A later version's record, or a damaged one, means that the run is done again."""
    from logpipe.evaluation.runs import read_record

    for text in ("", "{}", '{"format": 99}', "[]", '{"format": 1, "notes": 3}'):
        (tmp_path / "record.json").write_text(text)
        assert read_record(tmp_path) is None
    assert Record("k", "c", "d", "s", "", "p", {}, "no-data").counts is False
