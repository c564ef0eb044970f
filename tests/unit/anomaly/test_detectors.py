"""Every detector keeps the contract, and finds what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from logpipe import anomaly
from logpipe.anomaly.automatic import Automatic
from logpipe.anomaly.base import strangeness
from logpipe.anomaly.counts import as_csr, distinct
from logpipe.anomaly.model import SavedDetector, dump_detector, read_detector
from logpipe.anomaly.nearest import Nearest
from logpipe.anomaly.patterns import Patterns
from logpipe.anomaly.rigid import find_rigidity
from logpipe.anomaly.sequences import Markov, RateChange
from logpipe.anomaly.tails import Tails
from logpipe.errors import DetectorError, ModelError, UnknownNameError, UsageError
from tests.unit.anomaly.making import counts

NAMES = anomaly.REGISTRY.names()
ODD = np.array([False] * 197 + [True] * 3)


def labels(detector: object) -> np.ndarray | None:
    return ODD.astype(int) if getattr(detector, "supervised", False) else None


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_is_an_outlier_estimator(name: str) -> None:
    """Scores are finite, one per row, the same every time and for every form of the matrix."""
    rows = counts()
    detector = anomaly.load(name)
    y = labels(detector)
    if hasattr(detector, "name_columns"):
        detector.name_columns(np.zeros(rows.shape[1]))

    scores = detector.fit(rows, y).score_samples(rows)
    again = anomaly.load(name).fit(as_csr(rows), y).score_samples(as_csr(rows))

    assert scores.shape == (len(rows),)
    assert np.isfinite(scores).all()
    assert np.allclose(scores, again)
    strange = strangeness(detector, as_csr(rows))
    assert ((strange > 1) == (scores < detector.offset_)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_survives_rows_that_are_all_alike(name: str) -> None:
    """Identical windows are common; nothing is divided by their spread."""
    rows = np.tile([2.0, 0.0, 1.0], (30, 1))
    detector = anomaly.load(name)
    if getattr(detector, "supervised", False):
        with pytest.raises(ValueError, match="normal and abnormal"):
            detector.fit(rows, np.zeros(30))
        return

    scores = detector.fit(rows).score_samples(rows)

    assert np.isfinite(scores).all()
    if name not in ("clock", "line-count"):
        assert len(set(np.round(scores, 9).tolist())) == 1


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("clock", "line-count")])
def test_columns_that_training_did_not_have_are_no_error(name: str) -> None:
    """A log has new templates: that is what one looks for."""
    detector = anomaly.load(name)
    y = labels(detector)
    detector.fit(counts(), y)
    wider = np.hstack([counts()[:5], np.ones((5, 2))])
    if name == "isolation-forest":
        pytest.skip("scikit-learn's own: the pipeline gives it all columns from the start")

    assert np.isfinite(detector.score_samples(wider)).all()


@pytest.mark.parametrize("name", ["auto", "patterns", "isolation-forest"])
def test_odd_rows_are_found_without_labels(name: str) -> None:
    """Three of two hundred, in training and judged."""
    detector = anomaly.load(name).fit(counts())

    found = strangeness(detector, as_csr(counts()))

    assert found[ODD].min() > np.quantile(found[~ODD], 0.9)


@pytest.mark.parametrize("name", ["pca", "invariants", "clustering", "nearest", "never-seen"])
def test_odd_rows_are_found_by_what_normal_ones_are(name: str) -> None:
    """The detectors of the literature, trained on normal rows."""
    detector = anomaly.load(name).fit(counts(400)[:-3])

    found = strangeness(detector, as_csr(counts()))

    assert found[ODD].min() > np.quantile(found[~ODD], 0.9)


@pytest.mark.parametrize("name", ["tree", "forest", "logistic-regression", "linear-svm"])
def test_labels_are_learned(name: str) -> None:
    """On rows that were not in training."""
    detector = anomaly.load(name).fit(counts(), ODD.astype(int))

    assert ((strangeness(detector, as_csr(counts(seed=5))) > 1) == ODD).all()


def test_free_columns_weigh_little_and_rigid_ones_much() -> None:
    """One reader more is nothing; one copy less is."""
    normal = counts()[~ODD]
    usual, reader, copy = normal[1].copy(), normal[1].copy(), normal[1].copy()
    reader[4] = 8
    copy[2] = 2
    detector = Nearest().fit(normal)

    scores = -detector.score_samples(np.array([usual, reader, copy]))

    assert scores[0] == 0
    assert scores[1] <= -detector.offset_ < scores[2]


def test_a_known_deviation_may_be_repeated() -> None:
    """One retry is known, so three retries are hardly strange; three of something else are."""
    rows = np.tile([3.0, 1.0, 0.0, 0.0], (300, 1))
    rows[:4] = [4.0, 1.0, 1.0, 0.0]
    detector = Nearest().fit(rows)

    thrice, other = -detector.score_samples([[6.0, 1.0, 3.0, 0.0], [6.0, 1.0, 0.0, 3.0]])

    assert thrice < 1 < other


def test_few_windows_weigh_all_columns_alike() -> None:
    """With three windows nobody knows what is rigid: it is the plain distance of count vectors."""
    detector = Nearest().fit([[1.0, 5.0], [1.0, 5.0], [1.0, 5.0]])

    first, second = -detector.score_samples([[2.0, 5.0], [1.0, 6.0]])

    assert first == pytest.approx(second)


def test_which_columns_are_rigid() -> None:
    """Columns that others tell are rigid even where they vary; free ones are not."""
    found = find_rigidity(distinct(as_csr(counts(2000)[:-3])))
    rows = counts(2000)[:-3]
    rows[:, 5] = rows[:, 3]
    paired = find_rigidity(distinct(as_csr(rows)))

    assert found.rigid.tolist() == [True, True, True, False, False, True]
    assert paired.rigid.tolist() == [True, True, True, True, False, True]


def test_what_is_common_now_is_normal_after_adapting() -> None:
    """A life cycle that training did not see is drift, not a thousand alarms."""
    before, after = counts()[~ODD], counts()[~ODD]
    before[:, 3], after[:, 3] = 3, 0
    detector = Patterns().fit(before)
    frozen = (detector.predict(after) == -1).mean()

    adapted = (detector.adapt(after).predict(after) == -1).mean()
    odd = detector.predict(counts()[ODD])

    assert frozen == 1
    assert adapted == 0
    assert (odd == -1).all()


def test_counts_that_all_vary_are_judged_by_their_tails() -> None:
    """The default takes another detector, and finds the burst."""
    random = np.random.default_rng(0)
    rows = random.poisson(20, (100, 8)).astype(float)
    rows[50, 3] = 400
    detector = Automatic().fit(rows)

    assert isinstance(detector.detector_, Tails)
    assert int(strangeness(detector, as_csr(rows)).argmax()) == 50


def test_where_nothing_happened_hardly_a_window_stands_out() -> None:
    """A line is counted by its template, its level and its logger: counts vary together."""
    random = np.random.default_rng(4)
    alarms = 0
    for rates in ([50, 30, 17, 3], [5, 3, 2, 0.3], [200, 200, 1, 1, 1], [3, 3, 0.1, 0.1]):
        rows = as_csr(np.repeat(random.poisson(rates, (100, len(rates))), 3, axis=1).astype(float))
        alarms += int((Tails().fit(rows).predict(rows) == -1).sum())

    assert alarms <= 8  # of 400 windows; 29 without the root


def test_a_rate_that_jumps_is_found_where_it_jumps() -> None:
    """And not the windows before."""
    rows = np.random.default_rng(0).poisson(10, (60, 2)).astype(float)
    rows[40, 1] = 90
    detector = RateChange().fit(rows)

    assert np.flatnonzero(strangeness(detector, as_csr(rows)) > 1).tolist() == [40]


def test_an_improbable_step_is_strange() -> None:
    """Columns are pairs: 0 and 1 begin with the same group."""
    rows = np.array([[5.0, 0.0, 3.0]] * 50)
    detector = Markov()
    detector.name_columns([0, 0, 1])
    detector.fit(rows)

    usual, new = detector.score_samples([[5.0, 0.0, 3.0], [5.0, 1.0, 3.0]])

    assert new < detector.offset_ <= usual


def test_an_unknown_detector_or_parameter_is_told_with_those_known() -> None:
    """As everywhere."""
    with pytest.raises(UnknownNameError, match="Did you mean 'nearest'"):
        anomaly.load("nearst")
    with pytest.raises(UsageError, match="known: least, quantile"):
        anomaly.load("nearest", most=1)
    with pytest.raises(DetectorError, match="no method"):
        anomaly.load("builtins:dict")


def test_estimators_of_scikit_learn_are_detectors_as_they_are() -> None:
    """No wrapper."""
    detector = anomaly.load("sklearn.ensemble:IsolationForest", random_state=0).fit(counts())

    assert strangeness(detector, as_csr(counts()))[ODD].min() > 1


def test_a_saved_detector_is_what_it_was(tmp_path) -> None:
    """Rows, order, labels and texts come back; so does every score."""
    rows = as_csr(counts())
    saved = SavedDetector(
        "nearest", {"least": 3.0}, "lines:5", "counts", list("abcdef"), rows, None
    )
    path = tmp_path / "detector.json"
    path.write_bytes(dump_detector(saved))

    found = read_detector(path)

    assert (found.matrix.toarray() == rows.toarray()).all()
    assert (found.detector, found.parameters, found.window) == (
        "nearest",
        {"least": 3.0},
        "lines:5",
    )
    assert found.columns == list("abcdef")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not a saved detector"),
        (b"[]", "not a saved detector"),
        (b'{"format": "logpipe-detector", "version": 9}', "version 9"),
        (b'{"format": "logpipe-detector", "version": 1}', "'detector' is missing"),
    ],
)
def test_a_file_that_is_no_saved_detector_is_refused(content: bytes, word: str, tmp_path) -> None:
    """With what was expected."""
    path = tmp_path / "detector.json"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=word):
        read_detector(path)


@pytest.mark.parametrize(
    "damage",
    [
        {"order": [[9, 1]]},
        {"order": [[0, 0]]},
        {"order": [[0, 10**12]]},
        {"rows": [[[7, 1]]]},
        {"rows": [[[0, -1]]]},
        {"labels": [1, 0]},
        {"parameters": 3},
        {"columns": None},
    ],
)
def test_a_damaged_detector_is_refused(damage: dict, tmp_path) -> None:
    """Before anything is allocated for it."""
    import orjson

    whole = {
        "format": "logpipe-detector",
        "version": 1,
        "detector": "nearest",
        "parameters": {},
        "window": "lines:5",
        "features": "counts",
        "columns": ["a"],
        "rows": [[[0, 1]]],
        "order": [[0, 1]],
        "labels": None,
    }
    path = tmp_path / "detector.json"
    path.write_bytes(orjson.dumps({**whole, **damage}))

    with pytest.raises(ModelError, match="damaged"):
        read_detector(path)
