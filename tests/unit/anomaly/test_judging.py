"""Labels, scores, drift, findings, verdicts, keys."""

from __future__ import annotations

import numpy as np
import pytest

from logpipe.anomaly.counts import as_csr
from logpipe.anomaly.drift import find_drift
from logpipe.anomaly.explain import Explainer, pattern_id
from logpipe.anomaly.keys import Candidate, propose
from logpipe.anomaly.labels import label_windows, read_labels
from logpipe.anomaly.scores import ceiling, flag_everything, refuse, score
from logpipe.anomaly.verdicts import Verdict, read_verdicts, verdicts_text
from logpipe.anomaly.windows import by_key, by_lines
from logpipe.errors import InputError, UsageError
from tests.unit.anomaly.making import counts


def test_scores_are_those_of_scikit_learn() -> None:
    """Ties and weights included."""
    from sklearn.metrics import average_precision_score, f1_score

    random = np.random.default_rng(0)
    truth = random.random(300) < 0.1
    strange = np.round(random.random(300) + 0.3 * truth, 1)
    weights = random.integers(1, 5, 300)

    found = score(truth, strange > 0.9, strange, weights)

    assert found.f1 == pytest.approx(f1_score(truth, strange > 0.9, sample_weight=weights))
    expected = average_precision_score(truth, strange, sample_weight=weights)
    assert found.average_precision == pytest.approx(expected)


def test_the_ceiling_is_reached_by_whoever_sees_counts_and_labels() -> None:
    """Two windows that look alike get the same answer."""
    rows = np.array([[1.0], [1.0], [2.0], [3.0]])

    assert ceiling(rows, [1, 0, 1, 0]) == pytest.approx(0.8)
    assert ceiling(rows, [0, 0, 1, 0]) == 1.0


def test_a_figure_that_says_nothing_is_refused() -> None:
    """The ceiling must be well above flagging everything."""
    assert refuse(0.95, flag_everything(0.03)) is None
    assert "flagging everything gives 0.906" in str(refuse(0.93, flag_everything(0.828)))
    assert refuse(0.18, flag_everything(0.05)) is not None


def write(folder, text: str) -> str:
    path = folder / "labels.csv"
    path.write_text(text)
    return str(path)


def test_labels_of_sessions_lines_and_spans(tmp_path) -> None:
    """All three forms, and what is not mentioned."""
    sessions = by_key(np.arange(6), np.array([0, 1, 2, 0, 1, 2]), ["a", "b", "c"])
    lines = by_lines(6, 2, 2)
    times = np.arange(6) * 10**9

    def labelled(text: str, windows) -> list[int]:
        labels = read_labels(write(tmp_path, text))
        return label_windows(labels, windows, times=times, first_position={"x.log": 0}).tolist()

    assert labelled("BlockId,Label\na,Normal\nb,Anomaly\n", sessions) == [0, 1, -1]
    assert labelled("session\nb\n", sessions) == [0, 1, 0]
    assert labelled("line\n4\n", lines) == [0, 1, 0]
    assert labelled("start,end\n4,1970-01-01T00:00:05Z\n", lines) == [0, 0, 1]
    assert labelled('{"line": 1, "label": true}\n', lines) == [1, 0, 0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no labels"),
        ("session,label\n", "no labels"),
        ("a,b\n1,2\n", "expected a session, a line"),
        ("session,label\nx,perhaps\n", "found 'perhaps'"),
        ("line\nfour\n", "number of a line"),
        ("start,end\nnoon,2\n", "found 'noon'"),
        ("start,end\n9,2\n", "ends"),
        ("{not json\n", "not JSON"),
    ],
)
def test_labels_that_cannot_be_read_are_explained(text: str, word: str, tmp_path) -> None:
    """With the line."""
    with pytest.raises(UsageError, match=word):
        read_labels(write(tmp_path, text))


def test_labels_that_match_nothing_are_an_error(tmp_path) -> None:
    """Else everything would be normal, and the score a lie."""
    labels = read_labels(write(tmp_path, "session,label\nzz,1\n"))
    windows = by_key(np.arange(2), np.array([0, 1]), ["a", "b"])

    with pytest.raises(UsageError, match=r"match nothing.*'zz'.*'a'"):
        label_windows(labels, windows, times=None, first_position={"x": 0})


def test_drift_is_what_comes_for_good() -> None:
    """Not what is there now and then, and not what a few windows at the end have."""
    came = np.arange(400) >= 250
    sometimes = np.arange(400) % 3 == 0
    late = np.arange(400) >= 395

    found = find_drift([sometimes, came, late])

    assert [(d.what, d.window, d.before, d.after) for d in found] == [(1, 250, 0.0, 1.0)]


def test_an_explanation_names_what_differs_and_the_nearest_normal_window() -> None:
    """Counts in the window and expected, new ones first."""
    rows = as_csr(counts())
    explainer = Explainer(rows[:197], np.arange(197), exact=True)

    (found,) = explainer.explain(rows[[199]])

    said = {(d.column, d.seen, d.expected, d.change) for d in found.differences}
    assert {(5, 1, 0, "new"), (2, 1, 3, "fewer")} <= said
    assert found.differences[0].column == 5
    assert counts()[found.nearest][4] == counts()[199][4]
    assert found.pattern == ((0, "3"), (1, "1"), (2, "1"), (5, "1"))


def test_a_pattern_keeps_its_id_when_columns_are_numbered_anew() -> None:
    """So that verdicts hold in the next run."""
    first = pattern_id(((0, "+1"), (1, "new")), ["a", "b"])
    second = pattern_id(((0, "new"), (1, "+1")), ["b", "a"])

    assert first == second != pattern_id(((0, "+2"), (1, "new")), ["a", "b"])


def test_verdicts_are_read_as_they_were_written(tmp_path) -> None:
    """Whatever is in the reason."""
    path = tmp_path / "v.yaml"
    given = {"00112233": Verdict("normal", "4 x 'a: \"b\" # c', ünïcode", 7, "2026-01-02")}

    path.write_bytes(verdicts_text(given))

    assert read_verdicts(path) == given
    assert read_verdicts(tmp_path / "none.yaml") == {}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("- a\n", "format: logpipe-verdicts"),
        ("format: logpipe-verdicts\nversion: 2\n", "version 2"),
        ("format: logpipe-verdicts\nversion: 1\nverdicts: {a: {verdict: bad}}\n", "found 'bad'"),
        ("format: [\n", "not YAML"),
    ],
)
def test_a_file_that_holds_no_verdicts_is_explained(text: str, word: str, tmp_path) -> None:
    """It may have been edited by hand."""
    path = tmp_path / "v.yaml"
    path.write_text(text)

    with pytest.raises(UsageError, match=word):
        read_verdicts(path)


def test_a_verdicts_path_that_is_a_folder_is_explained(tmp_path) -> None:
    """Not a traceback."""
    with pytest.raises(InputError, match="cannot read"):
        read_verdicts(tmp_path)


def test_a_key_is_what_many_lines_of_several_groups_share() -> None:
    """Constants, counters and what most lines lack are none."""
    jobs = [b"%d" % (i // 4) for i in range(400)]
    candidates = [
        Candidate("field:Host", [b"one"] * 400, list(range(400))),
        Candidate("session:n(\\d+)", [b"%d" % i for i in range(400)], [1] * 400),
        Candidate("session:job-\\d+", jobs, [i % 4 for i in range(400)]),
        Candidate("session:rare", jobs[:100], [i % 4 for i in range(100)]),
    ]

    found = propose(candidates, 400)

    assert found is not None
    assert (found.window, found.values) == ("session:job-\\d+", 100)
    assert propose(candidates[:2], 400) is None
