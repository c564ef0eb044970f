"""Data sets that are no good say where and why; what can be used is used."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from logpipe.errors import InputError
from logpipe.evaluation.cases import Wanted, edition_name, editions_of, prepare, resolve
from logpipe.evaluation.columns import read_messages, read_truth
from logpipe.evaluation.truth import own_file
from logpipe.pipeline.evaluating import evaluate

from .making import naughty, truth_file


@pytest.mark.parametrize(
    ("columns", "rows", "words"),
    [
        ("LineId,Content", [(1, "a")], "no column 'EventTemplate'; found LineId, Content"),
        ("EventTemplate", [("a",)], "no column 'Content'"),
        ("Content,EventTemplate", [("a",)], "row 1 has not the 2 columns of the head"),
        ("Content,EventTemplate", [("a", "b", "c")], "row 1 has not the 2 columns"),
        ("Content,EventTemplate", [], "expected a row for each line, found none"),
        (
            "LineId,Content,EventTemplate",
            [(1, "a", "a"), (2, "b", "b"), (1, "c", "c")],
            "rows 1 and 3 have the same LineId 1",
        ),
        ("LineId,Content,EventTemplate", [("x", "a", "a")], "LineId should be a whole number"),
    ],
)
def test_a_truth_that_is_no_good_is_refused(tmp_path: Path, columns: str, rows: list, words: str):
    """Missing columns, short and long rows, no rows, ids that stand twice: file, place, what."""
    path = truth_file(tmp_path, rows, columns=columns)

    with pytest.raises(InputError) as refused:
        own_file(path)

    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_empty_file_is_refused(tmp_path: Path):
    """No head, no columns."""
    path = tmp_path / "own.csv"
    path.write_bytes(b"")

    with pytest.raises(InputError, match="no column 'Content'; found nothing"):
        own_file(path)


def test_rows_are_put_in_the_order_of_their_ids(tmp_path: Path):
    """Ids may begin anywhere and rows may be shuffled; lines are compared in order."""
    path = truth_file(tmp_path, [(7, "c", "C"), (5, "a", "A"), (6, "b", "")])

    messages, truth = own_file(path)

    assert list(messages) == [b"a", b"b", b"c"]
    assert truth == ["A", None, "C"]


def test_odd_content_comes_through(tmp_path: Path):
    """Quotes, line ends inside a message, bytes that are not UTF-8, a byte order mark."""
    path = tmp_path / "own.csv"
    path.write_bytes(
        b"\xef\xbb\xbfContent,EventTemplate\r\n"
        b'"say ""hi"", ok","say <*>, ok"\r\n"two\nlines",two <*>\r\nraw \xff byte,raw <*> byte\r\n'
    )

    messages, truth = own_file(path)

    assert list(messages) == [b'say "hi", ok', b"two\nlines", b"raw \\xff byte"]
    assert truth == ["say <*>, ok", "two <*>", "raw <*> byte"]


def test_null_templates_are_left_out_and_counted(tmp_path: Path):
    """Lines without a truth: no part of GA and FTA, errors of PA, and a note says how many."""
    rows = [(i, f"opened {i}", "opened <*>" if i % 2 else "") for i in range(1, 11)]
    source = truth_file(tmp_path, rows)

    found = evaluate([naughty("Fine")], [str(source)], folder=tmp_path / "out").scored[0]

    assert (found.scores["GA"], found.scores["FTA"], found.scores["PA"]) == (1.0, 1.0, 0.5)
    assert found.notes == ("5 rows have no true template",)


def test_a_truth_of_nulls_only_says_so(tmp_path: Path):
    """Nothing can be scored, and that is an answer, not a crash."""
    source = truth_file(tmp_path, [(1, "a", ""), (2, "b", "")])

    found = evaluate([naughty("Fine")], [str(source)], folder=tmp_path / "out").scored[0]

    assert found.record.status == "no-data"
    assert "no true template on any of 2 lines" in found.record.error


def test_the_run_goes_on_past_a_bad_data_set(tmp_path: Path):
    """One set is no good, the other is scored; the row of the first says why and does not count."""
    good = truth_file(tmp_path, name="good.csv")
    bad = truth_file(tmp_path, [(1, "a")], name="bad.csv", columns="LineId,Content")

    found = evaluate([naughty("Fine")], [str(bad), str(good)], folder=tmp_path / "out")
    rows = {row["dataset"]: row for row in found.rows if row["slice"] == "all"}

    assert rows[str(bad)]["status"] == "no-data"
    assert "no column 'EventTemplate'" in rows[str(bad)]["error"]
    assert rows[str(bad)]["GA"] is None
    assert rows[str(good)]["GA"] == 1.0
    assert found.leaderboard[0]["GA"] == 1.0
    assert found.leaderboard[0]["left_out"] == 1


def test_a_case_is_made_once(tmp_path: Path):
    """The same file gives the same digest and the files that are there; another one does not."""
    source = truth_file(tmp_path)
    wanted = Wanted(str(source), file=source)
    first = prepare(wanted, tmp_path / "case")
    stamp = first.messages.stat().st_mtime_ns

    again = prepare(wanted, tmp_path / "case")
    assert again == first
    assert first.messages.stat().st_mtime_ns == stamp
    truth_file(tmp_path, [(1, "a", "b")])
    assert prepare(wanted, tmp_path / "case").digest != first.digest
    assert list(read_messages(first.messages)) == [b"a"]
    assert read_truth(first.truth).to_pylist() == ["b"]
    assert isinstance(read_truth(first.truth), pa.DictionaryArray)


def test_groups_stand_for_what_papers_score_on():
    """loghub-2k are the corrected templates of sixteen systems, and the note says so."""
    wanted, notes = resolve(["loghub-2k"])
    first, _ = resolve(["loghub-2k-2019"])
    one, said = resolve(["loghub-2k/Apache", "loghub-2k/Windows"])
    old, _ = resolve(["loghub-2k-2019/Apache"])

    assert sorted({w.system for w in wanted}) == sorted(w.system for w in first)
    assert len(wanted) == len(first) == 16
    assert {w.name.partition("/")[0] for w in wanted} == {"loghub-2.0-2k", "loghub-2k-khan"}
    assert {w.edition for w in wanted} == {"2k", ""}
    assert {w.truth_style for w in wanted} == {"loghub-2k"}
    assert {w.truth_style for w in first} == {"exact"}
    assert "loghub-2k-2019" in notes[0]
    assert [w.name for w in one] == ["loghub-2.0-2k/Apache", "loghub-2k-khan/Windows"]
    assert said == notes
    assert [w.name for w in old] == ["loghub-2k/Apache"]
    assert edition_name(old[0]) == "loghub-2k-2019"
    assert [w.name for w in editions_of(first[1])] == [
        "loghub-2k/Apache",
        "loghub-2k-khan/Apache",
        "loghub-2.0-2k/Apache",
    ]


def test_the_sample_is_lined_up(tmp_path: Path):
    """Its templates stand in a second file; every line has one, and the message matches it."""
    from logpipe.metrics import template_match

    wanted, _ = resolve(["sample/redis"])
    case = prepare(wanted[0], tmp_path / "case")
    truth = read_truth(case.truth)

    messages = [m.decode() for m in read_messages(case.messages)]
    assert len(messages) == len(truth) == case.lines == 7259
    assert truth.null_count == 0
    assert template_match(messages, truth.to_pylist()) == 1.0
