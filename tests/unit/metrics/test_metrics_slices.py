"""Slices and their intervals."""

from __future__ import annotations

import pytest

from logpipe.metrics import OFFICIAL, SLICES, official, slices

# 20 templates, the k-th on k rows; the five most frequent have slots.
TRUTH = [f"t{k:02d}{' <*>' * (k - 15 if k > 15 else 0)}" for k in range(1, 21) for _ in range(k)]
# Every third template is split.
PREDICTED = [f"{t}{i % 2}" if int(t[1:3]) % 3 == 0 else t for i, t in enumerate(TRUTH)]


def test_slices_by_frequency_take_a_floored_share_of_the_templates():
    """5, 10 and 20 % of 20 templates, from either end."""
    scores = slices(TRUTH, TRUTH, resamples=0)

    assert list(scores) == list(SLICES)
    assert [scores[f"rarest-{p}%"].templates for p in (5, 10, 20)] == [1, 2, 4]
    assert [scores[f"rarest-{p}%"].rows for p in (5, 10, 20)] == [1, 3, 10]
    assert [scores[f"most-frequent-{p}%"].rows for p in (5, 10, 20)] == [20, 39, 74]


def test_slices_by_complexity_count_slots_and_not_angle_brackets():
    """An arrow in the text is no variable."""
    scores = slices(["a -> b > c", "a <*>", "<*><*><*><*>", "<*> <*> <*> <*> <*>"], ["x"] * 4)

    assert [scores[f"slots-{n}"].templates for n in ("0", "1-4", "5+")] == [1, 2, 1]


def test_a_slice_counts_the_predicted_texts_that_touch_it():
    """Precision over those, recall over the slice; correctness is decided on the whole log."""
    truth = ["a <*>", "a <*>", "b", "c", "c"]
    predicted = ["a <*>", "a 1", "b", "b", "c"]

    with_slots, without = (
        slices(truth, predicted, resamples=0)[name] for name in ("slots-1-4", "slots-0")
    )

    assert (with_slots.templates, with_slots.rows, with_slots.predicted) == (1, 2, 2)
    assert with_slots.scores["PTA"].value == 0.5
    assert with_slots.scores["RTA"].value == 1.0
    assert (without.templates, without.rows, without.predicted) == (2, 3, 2)
    assert without.scores["GA"].value == 0.0
    assert without.scores["PA"].value == pytest.approx(2 / 3)
    assert without.scores["PTA"].value == 0.5


def test_the_whole_log_is_a_slice_with_the_official_figures():
    """The slice called "all" is `official` with intervals."""
    score = slices(TRUTH, PREDICTED)["all"]

    assert {name: score.scores[name].value for name in OFFICIAL} == official(TRUTH, PREDICTED)
    assert score.scores["GA"].low < score.scores["GA"].value <= score.scores["GA"].high


def test_intervals_depend_on_the_seed_and_on_nothing_else():
    """Asking for one slice gives the interval it has among all."""
    every = slices(TRUTH, PREDICTED, seed=5)
    one = slices(TRUTH, PREDICTED, names=["slots-0"], seed=5)

    assert one == {"slots-0": every["slots-0"]}
    assert slices(TRUTH, PREDICTED, seed=6) != every


def test_a_higher_confidence_gives_a_wider_interval():
    """And no resamples give one of no width."""
    widths = []
    for options in ({"resamples": 0}, {"confidence": 0.5}, {"confidence": 0.99}):
        interval = slices(TRUTH, PREDICTED, names=["all"], **options)["all"].scores["FGA"]
        widths.append(interval.high - interval.low)

    assert 0 == widths[0] < widths[1] < widths[2]


def test_resamples_drawn_in_blocks_are_the_same_as_drawn_at_once(monkeypatch):
    """The block size bounds the memory and changes nothing."""
    whole = slices(TRUTH, PREDICTED, resamples=100)

    monkeypatch.setattr("logpipe.metrics.slicing._BLOCK", 64)

    assert slices(TRUTH, PREDICTED, resamples=100) == whole


@pytest.mark.parametrize(
    "options", [{"names": ["rare"]}, {"confidence": 1.0}, {"confidence": 0}, {"resamples": -1}]
)
def test_impossible_options_are_refused(options):
    """With the value and what was expected."""
    with pytest.raises(ValueError, match=r"expected|known"):
        slices(TRUTH, TRUTH, **options)
