"""Scores worked out by hand, and the decisions on degenerate input."""

from __future__ import annotations

import doctest
import importlib
import math
import pkgutil

import pytest

import logpipe.metrics
from logpipe.metrics import (
    OFFICIAL,
    LabelError,
    LengthMismatch,
    NothingToScore,
    Variable,
    as_pandas_reads,
    edit_distance,
    edition_effect,
    extended,
    group_id_accuracy,
    grouping,
    grouping_granularity_distance,
    lossless_reconstruction,
    mean_counting_failures,
    official,
    original_loghub,
    parsing_accuracy,
    pmss,
    slot_spans,
    strict_template_accuracy,
    template_accuracy,
    template_match,
    variable_accuracy,
)

MODULES = [module.name for module in pkgutil.iter_modules(logpipe.metrics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name):
    """Perfect, over-split and merged cases are executed."""
    module = importlib.import_module(f"logpipe.metrics.{name}")

    assert doctest.testmod(module).failed == 0


def test_the_public_names_are_sorted_and_there():
    """`__all__` is in order (constants, classes, functions) and every name in it exists."""
    names = logpipe.metrics.__all__

    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(logpipe.metrics, name) for name in names)


def test_official_gives_eight_figures_in_a_fixed_order():
    """The keys are those of the command line's documentation."""
    assert tuple(official(["a"], ["a"])) == OFFICIAL
    assert OFFICIAL == ("GA", "PGA", "RGA", "FGA", "PA", "PTA", "RTA", "FTA")


def test_a_null_truth_is_an_error_for_pa_and_dropped_elsewhere():
    """The published evaluator's reading."""
    scores = official(["a", "a", None, "b"], ["a", "a", "b", "b"])

    assert scores == dict.fromkeys(OFFICIAL, 1.0) | {"PA": 0.75}


def test_fta_counts_a_template_found_on_some_rows_and_strict_fta_does_not():
    """The hole through which FTA exceeds FGA."""
    truth, predicted = ["a <*>", "a <*>", "a <*>"], ["a <*>", "a 1", "a 2"]

    assert template_accuracy(truth, predicted)["RTA"] == 1.0
    assert grouping(truth, predicted)["FGA"] == 0.0
    assert strict_template_accuracy(truth, predicted)["strict_FTA"] == 0.0


def test_group_ids_keep_two_clusters_with_one_text_apart():
    """What the official GA merges before it scores."""
    truth, texts, ids = ["a", "b"], ["<*>", "<*>"], [1, 2]

    assert official(truth, texts)["GA"] == 0.0
    assert group_id_accuracy(truth, ids) == 1.0


def test_metrics_of_text_refuse_ids():
    """Ids of two sides have nothing in common, so an equal id proves nothing."""
    for metric in (official, extended, parsing_accuracy, template_accuracy, edit_distance):
        with pytest.raises(LabelError, match="group ids"):
            metric([1, 2], [1, 2])


def test_pairs_are_not_divided_by_zero():
    """Where no rows are together there is nothing wrong claimed and nothing missed."""
    alone = original_loghub([1, 2, 3], [4, 5, 6])
    split = original_loghub([1, 1, 1], [4, 5, 6])

    assert alone == {"accuracy": 1.0, "precision": 1.0, "recall": 1.0, "F": 1.0}
    assert split == {"accuracy": 0.0, "precision": 1.0, "recall": 0.0, "F": 0.0}


def test_as_pandas_reads_reproduces_the_evaluator_on_a_template_null():
    """With the words for a missing value as nulls, the row is an error for PA and no group."""
    truth = ["null", "b"]

    assert official(truth, truth)["PA"] == 1.0
    assert official(as_pandas_reads(truth), as_pandas_reads(truth))["PA"] == 0.5


def test_styles_are_an_option_of_each_side():
    """Normalising the prediction only, the truth only, or both are three different scores."""
    truth, predicted = ["at <*>:<*>"], ["at <*>"]

    assert official(truth, predicted)["PA"] == 0.0
    assert official(truth, predicted, truth_style="loghub-2k")["PA"] == 0.0
    assert official(truth, predicted, truth_style="loghub-2.0")["PA"] == 1.0
    with pytest.raises(LookupError, match=r"exact, loghub-2\.0, loghub-2k"):
        official(truth, predicted, truth_style="loghub-3")


def test_granularity_distance_counts_steps_not_rows():
    """A row that strays from a group of a million is one split and one merge away."""
    truth = ["a"] * 1000 + ["b"] * 10
    predicted = ["x"] * 999 + ["y"] * 11

    assert grouping_granularity_distance(truth, predicted) == 2.0
    assert grouping(truth, predicted)["GA"] == 0.0


def test_edit_distance_of_empty_texts_is_a_perfect_match():
    """0 / 0 is decided."""
    assert edit_distance(["", ""], ["", "ab"]) == {"ED": 1.0, "NED": 0.5}


def test_pmss_is_zero_for_one_template_and_independent_of_row_order():
    """Also with a sample smaller than the groups."""
    messages = [f"user {name} in" for name in "abcdefgh"] + [f"disk {i} full" for i in range(8)]
    predicted = ["user <*> in"] * 8 + ["disk <*> full"] * 8

    assert pmss(messages, ["<*>"] * 16) == 0.0
    score = pmss(messages, predicted, sample=3, seed=1)
    assert score == pmss(messages[::-1], predicted[::-1], sample=3, seed=1)
    assert score == pmss([m.encode() for m in messages], predicted, sample=3, seed=1)
    assert 0 < score < 1


def test_pmss_is_negative_where_messages_are_closer_to_another_template():
    """Swapped templates."""
    assert pmss(["aaaa", "bbbb"], ["bbbb", "aaaa"]) == -1.0


def test_slot_spans_finds_the_shortest_filling_and_refuses_what_does_not_match():
    """Anchored at both ends; bytes too."""
    assert slot_spans("a=1, b=2", "a=<*>, b=<*>") == [(2, 3), (7, 8)]
    assert slot_spans("x  y", "<*> <*>") == [(0, 1), (2, 4)]
    assert slot_spans("abab", "<*>ab") == [(0, 2)]
    assert slot_spans("ab", "<*><*>") == [(0, 0), (0, 2)]
    assert slot_spans("ab", "ab<*>b") is None
    assert slot_spans("ab", "ab") == []
    assert slot_spans("ab ", "ab") is None
    assert slot_spans(b"\xff 1", b"\xff <*>") == [(2, 3)]


def test_variable_accuracy_scores_each_category_of_the_truth():
    """Found by its ends; typed by its category; rows without truth are not scored."""
    truth = [[Variable(0, 3, "LOI"), Variable(4, 6, "OBA")], [Variable(0, 2, "LOI")], None]
    predicted = [[Variable(0, 3, "LOI"), Variable(4, 5, "OBA")], None, [Variable(0, 9, "OID")]]

    scores = variable_accuracy(truth, predicted)

    assert list(scores) == ["LOI", "OBA", "all"]
    assert (scores["LOI"].accuracy, scores["LOI"].type_accuracy) == (0.5, 0.5)
    assert (scores["OBA"].accuracy, scores["OBA"].precision, scores["OBA"].f1) == (0.0, 0.0, 0.0)
    assert (scores["all"].variables, scores["all"].found, scores["all"].predicted) == (3, 1, 2)


def test_variable_accuracy_of_rows_without_variables_is_perfect():
    """There is nothing to find and nothing was claimed."""
    assert variable_accuracy([[]], [[]])["all"].f1 == 1.0


def test_a_category_may_not_have_the_name_of_the_total():
    """It would be overwritten by it."""
    with pytest.raises(ValueError, match="'all'"):
        variable_accuracy([[Variable(0, 1, "all")]], [[]])


def test_reconstruction_compares_bytes_exactly():
    """One byte, one missing row, or another type is a lost row."""
    assert lossless_reconstruction([b"a\r", b"b", b"c"], [b"a", None, "c"]) == 0.0
    assert lossless_reconstruction([b"\x00\xff"], [b"\x00\xff"]) == 1.0
    assert template_match([b"\xff 1", b"b"], [b"\xff <*>", None]) == 0.5


def test_a_failed_run_counts_as_zero():
    """None and NaN stay in the denominator."""
    assert mean_counting_failures([1.0, None, math.nan, 1.0]) == 0.5


def test_functions_over_rows_refuse_unequal_lengths_and_no_rows():
    """The same two errors everywhere."""
    for function in (pmss, template_match, lossless_reconstruction, variable_accuracy):
        with pytest.raises(LengthMismatch):
            function(["a", "b"], ["a"])
        with pytest.raises(NothingToScore):
            function([], [])
    with pytest.raises(NothingToScore):
        mean_counting_failures([])
    with pytest.raises(NothingToScore):
        edition_effect({}, ["a"])
    with pytest.raises(ValueError, match="spread"):
        edition_effect({"spread": ["a"]}, ["a"])
