"""Properties of the metrics, and a slow, obvious implementation to compare them with."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from logpipe.metrics import (
    OFFICIAL,
    STYLES,
    Coded,
    contingency_table,
    edit_distance,
    extended,
    granularity_distances,
    grouping,
    grouping_granularity_distance,
    levenshtein,
    official,
    original_loghub,
    pmss,
    slices,
    slot_spans,
)

TEXTS = st.sampled_from(["", "a", "b", "a <*>", "b <*> c", "<*>", "<*> <*> <*> <*> <*>", "null"])
TRUTHS = TEXTS | st.none()


def columns(truths: st.SearchStrategy = TEXTS, predictions: st.SearchStrategy = TEXTS):
    """Two columns of equal length, as a pair; at least one true label is not null."""
    rows = st.lists(st.tuples(truths, predictions), min_size=1, max_size=25)
    with_truth = rows.filter(lambda rows: any(true is not None for true, _ in rows))
    return with_truth.map(lambda rows: ([t for t, _ in rows], [p for _, p in rows]))


def f1(precision, recall):
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def reference(truth, predicted, inside=None):
    """The official figures by comparing every row with every row, from the definitions.

    `inside` restricts them to a set of true templates, as the published evaluator does.
    """
    kept = [(t, p) for t, p in zip(truth, predicted, strict=True) if t is not None]
    inside = {t for t, _ in kept} if inside is None else inside
    group_rows = text_rows = 0
    groups, templates, touched = set(), set(), set()
    for true, guess in kept:
        with_true = [row for row in kept if row[0] == true]
        with_guess = [row for row in kept if row[1] == guess]
        if true in inside:
            touched.add(guess)
            text_rows += true == guess
            if with_true == with_guess == [(true, guess)] * len(with_true):
                group_rows += 1
                groups.add(guess)
            if {t for t, _ in with_guess} == {guess}:
                templates.add(guess)
    rows = sum(t in inside for t, _ in kept)
    all_rows = len(truth) if len(inside) == len({t for t, _ in kept}) else rows
    pga, rga = len(groups) / len(touched), len(groups) / len(inside)
    pta, rta = len(templates) / len(touched), len(templates) / len(inside)
    figures = [
        group_rows / rows,
        pga,
        rga,
        f1(pga, rga),
        text_rows / all_rows,
        pta,
        rta,
        f1(pta, rta),
    ]
    return dict(zip(OFFICIAL, figures, strict=True))


@given(columns(TRUTHS, TRUTHS))
def test_official_equals_the_naive_count(pair):
    """Including rows with a null truth and null predictions, which read as empty text."""
    truth, predicted = pair

    expected = reference(truth, [text or "" for text in predicted])

    assert official(truth, predicted) == pytest.approx(expected, abs=1e-12)


@given(columns())
def test_slices_equal_the_naive_count(pair):
    """Every slice has the figures of the definitions restricted to its templates."""
    truth, predicted = pair
    counts = Counter(truth)
    by_rows = sorted(counts, key=lambda text: (counts[text], text))
    slots = {text: text.count("<*>") for text in counts}
    expected = {
        "all": set(counts),
        "rarest-20%": set(by_rows[: len(by_rows) // 5]),
        "most-frequent-20%": set(by_rows[len(by_rows) - len(by_rows) // 5 :]),
        "slots-0": {text for text in counts if slots[text] == 0},
        "slots-1-4": {text for text in counts if 1 <= slots[text] <= 4},
        "slots-5+": {text for text in counts if slots[text] >= 5},
    }

    scores = slices(truth, predicted, names=expected, resamples=20)

    for name, inside in expected.items():
        assert scores[name].templates == len(inside)
        values = {metric: interval.value for metric, interval in scores[name].scores.items()}
        assert values == pytest.approx(reference(truth, predicted, inside) if inside else {}), name


@given(columns(TRUTHS, TRUTHS))
def test_ratios_are_between_0_and_1_and_distances_are_not_negative(pair):
    """All figures of the extended set."""
    for name, value in extended(*pair).items():
        assert value >= 0, name
        assert name in ("ED", "GGD", "PGD") or value <= 1, name


@given(st.lists(TEXTS, min_size=1))
def test_a_perfect_prediction_scores_1_and_has_distance_0(truth):
    """In every figure."""
    for name, value in extended(truth, list(truth)).items():
        assert value == (0 if name in ("ED", "GGD", "PGD") else 1), name


@given(columns(TRUTHS, TRUTHS), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(pair, shuffler: random.Random):
    """Not even in the last bit, and not for the intervals."""
    rows = list(zip(*pair, strict=True))
    shuffler.shuffle(rows)
    truth, predicted = [t for t, _ in rows], [p for _, p in rows]

    assert extended(truth, predicted) == extended(*pair)
    assert slices(truth, predicted, resamples=10) == slices(*pair, resamples=10)


@given(columns())
def test_grouping_metrics_do_not_see_the_predicted_text(pair):
    """Renaming predicted labels, to other texts or to ids, changes nothing."""
    truth, predicted = pair
    names = {text: f"renamed {text!r}" for text in predicted}
    ids = {text: 7 * i - 3 for i, text in enumerate(names)}

    for metric in (grouping, original_loghub, grouping_granularity_distance):
        score = metric(truth, predicted)
        assert score == metric(truth, [names[text] for text in predicted])
        assert score == metric(truth, [ids[text] for text in predicted])
        assert score == metric(truth, np.array([ids[text] for text in predicted]))


@given(columns(TRUTHS, TRUTHS))
def test_codes_and_texts_score_the_same(pair):
    """Coded columns, even with unused and repeated labels, are the texts they stand for."""
    labels = ["unused", *dict.fromkeys(text for side in pair for text in side if text), "", ""]
    coded = []
    for side in pair:
        codes = [-1 if text is None else labels.index(text) for text in side]
        coded.append(Coded(np.array(codes, dtype=np.int16), labels))

    assert extended(*coded) == extended(*pair)


@given(columns())
def test_the_slices_by_complexity_are_a_partition(pair):
    """Templates and rows of the three add up to the whole."""
    scores = slices(*pair, resamples=0)
    parts = [scores[name] for name in ("slots-0", "slots-1-4", "slots-5+")]

    assert sum(part.templates for part in parts) == scores["all"].templates
    assert sum(part.rows for part in parts) == scores["all"].rows == len(pair[0])


@given(columns(), st.integers(0, 30), st.floats(0.01, 0.99))
def test_intervals_are_ordered_and_between_0_and_1(pair, resamples, confidence):
    """Whatever the number of resamples."""
    for score in slices(*pair, resamples=resamples, confidence=confidence).values():
        for interval in score.scores.values():
            assert 0 <= interval.low <= interval.high <= 1


@given(columns())
def test_strict_accuracy_is_at_most_the_official_one(pair):
    """A strictly correct template is correct for FGA and for FTA."""
    scores = extended(*pair)

    assert scores["strict_FTA"] <= min(scores["FGA"], scores["FTA"])
    assert scores["strict_PTA"] <= min(scores["PGA"], scores["PTA"])


def partitions(size):
    """All partitions of range(size), each as a tuple of block numbers in order of appearance."""
    done = [()]
    for _ in range(size):
        done = [(*p, block) for p in done for block in range(max(p, default=-1) + 2)]
    return done


def steps_apart(start, size):
    """The number of merges and splits from one partition to every other, breadth first."""
    every = partitions(size)

    def merges(partition):
        for a in range(max(partition) + 1):
            for b in range(a):
                joined = [b if block == a else block for block in partition]
                yield tuple([*dict.fromkeys(joined)].index(block) for block in joined)

    neighbours = {partition: set() for partition in every}
    for partition in every:
        for merged in merges(partition):
            neighbours[partition].add(merged)
            neighbours[merged].add(partition)
    distance, frontier = {start: 0}, [start]
    for node in frontier:
        for other in neighbours[node] - distance.keys():
            distance[other] = distance[node] + 1
            frontier.append(other)
    return distance


def test_grouping_granularity_is_the_fewest_merges_and_splits():
    """The closed formula equals a breadth-first search over all partitions of five rows."""
    for start in partitions(5):
        for other, steps in steps_apart(start, 5).items():
            assert grouping_granularity_distance(start, other) == steps


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=12))
def test_grouping_granularity_is_a_metric(rows):
    """Zero only for equal groups, symmetric, triangle inequality."""
    a, b, c = ([row[i] for row in rows] for i in range(3))
    distance = grouping_granularity_distance

    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c)
    assert (distance(a, b) == 0) == (grouping(a, b)["GA"] == 1)


@given(columns())
def test_parsing_granularity_is_zero_only_for_equal_texts(pair):
    """And never below the grouping distance."""
    distances = granularity_distances(*pair)

    assert distances["PGD"] >= distances["GGD"]
    assert (distances["PGD"] == 0) == (pair[0] == pair[1])


def slow_levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (x != y)))
    return row[-1]


@given(st.text("ab<*>é", max_size=40), st.text("ab<*>é", max_size=40))
@example("", "")
@example("a" * 200, "b" * 130)
def test_edit_distance_equals_the_table_method(a, b):
    """The bit vectors compute what the textbook's table computes."""
    expected = slow_levenshtein(a, b)

    assert levenshtein(a, b) == levenshtein(b, a) == expected
    assert edit_distance([a], [b])["ED"] == expected


@given(st.lists(st.tuples(st.text("ab 1\ud800", max_size=8), TEXTS), min_size=1, max_size=15))
def test_pmss_equals_the_silhouette_by_its_definition(rows):
    """The search for the nearest template leaves no nearer one out."""
    groups = {}
    for message, text in rows:
        groups.setdefault(text, set()).add(message)
    scores = []
    for own, members in groups.items():
        values = []
        for message in members:
            a = slow_levenshtein(message, own)
            b = min((slow_levenshtein(message, text) for text in groups if text != own), default=a)
            values.append((b - a) / (max(a, b) or 1))
        scores.append(sum(values) / len(values))

    score = pmss([m for m, _ in rows], [t for _, t in rows], sample=0)

    assert score == pytest.approx(sum(scores) / len(scores), abs=1e-12)


@given(st.lists(st.text("ab ", max_size=3), min_size=1, max_size=5), st.data())
def test_a_rendered_template_is_matched_and_gives_its_message_back(literals, data):
    """The spans found need not be those it was made with, but they render the same message."""
    values = [data.draw(st.text("ab ", max_size=3)) for _ in literals[1:]]
    message = literals[0] + "".join(v + x for v, x in zip(values, literals[1:], strict=True))

    spans = slot_spans(message, "<*>".join(literals))

    assert spans is not None
    assert len(spans) == len(values)
    found = [message[start:end] for start, end in spans]
    assert message == literals[0] + "".join(v + x for v, x in zip(found, literals[1:], strict=True))


@given(st.sampled_from(sorted(STYLES)), st.text("a1 ./:#@\"'-<*>", max_size=12).map(str.strip))
def test_a_style_leaves_no_two_variables_side_by_side(name, text):
    """The rules that join variables come last."""
    styled = STYLES[name](text.replace("*", "<*>"))

    assert name == "exact" or "<*><*>" not in styled
    assert name == "exact" or "<*>.<*>" not in styled


@given(columns())
def test_restyling_the_table_is_restyling_the_columns(pair):
    """Labels are normalised once each, with the same result as normalising each row."""
    for name, function in STYLES.items():
        by_rows = [[function(text) for text in side] for side in pair]
        by_label = official(contingency_table(*pair), truth_style=name, predicted_style=name)
        assert by_label == official(*by_rows)
