"""What a column of labels may be, and what becomes of nulls and lengths."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from logpipe.errors import LogpipeError
from logpipe.metrics import Coded, LabelError, LengthMismatch, NothingToScore, contingency_table
from logpipe.metrics.labels import encode

TEXTS = ["a <*>", "b", "a <*>", None, "", "b"]


def cells(truth, predicted):
    """The table as a dictionary of (true, predicted) -> rows."""
    table = contingency_table(truth, predicted)
    true, guess = table.true_labels, table.predicted_labels
    codes = zip(table.pair_true, table.pair_predicted, table.pair_rows, strict=True)
    return {(true[i], guess[j]): int(rows) for i, j, rows in codes}


def forms():
    """One column in every form that is accepted."""
    pa = pytest.importorskip("pyarrow")
    yield "list", TEXTS
    yield "tuple", tuple(TEXTS)
    yield "generator", (text for text in TEXTS)
    yield "object array", np.array(TEXTS, dtype=object)
    yield "bytes", [None if text is None else text.encode() for text in TEXTS]
    yield "NaN", [float("nan") if text is None else text for text in TEXTS]
    yield "coded", Coded(np.array([0, 1, 3, -1, 2, 1]), ["a <*>", "b", "", "a <*>", "unused"])
    yield "coded, other negative", Coded(np.array([0, 1, 0, -7, 2, 1], np.int8), ["a <*>", "b", ""])
    yield (
        "coded, null label",
        Coded(np.array([0, 1, 0, 3, 2, 1], np.uint8), ["a <*>", "b", "", None]),
    )
    arrow = pa.array(TEXTS)
    yield "arrow", arrow
    yield "arrow large", arrow.cast(pa.large_string())
    yield "arrow view", arrow.cast(pa.string_view())
    yield "arrow binary", arrow.cast(pa.binary())
    yield "arrow dictionary", arrow.dictionary_encode()
    yield "arrow sliced", pa.array(["x", *TEXTS, "y"])[1:-1]
    chunks = [pa.array(TEXTS[:2]), pa.array([], pa.string()), pa.array(TEXTS[2:])]
    yield "arrow chunked", pa.chunked_array(chunks)
    mixed = [pa.array(TEXTS[i : i + 2]).dictionary_encode() for i in (0, 2, 4)]
    yield "arrow chunked dictionary", pa.chunked_array(mixed)
    all_null = [pa.array(TEXTS[:3]), pa.array([None], pa.string()), pa.array(TEXTS[4:])]
    yield (
        "arrow chunk of nulls",
        pa.chunked_array([chunk.dictionary_encode() for chunk in all_null]),
    )


def test_every_form_of_a_column_gives_the_same_table():
    """Lists, numpy, Arrow in all shapes, bytes and codes are one and the same column."""
    expected = {("a <*>", 1): 1, ("a <*>", 3): 1, ("b", 2): 1, ("b", 6): 1, ("", 5): 1}

    for name, column in forms():
        assert expected == cells(column, [1, 2, 3, 4, 5, 6]), name


def test_numpy_string_arrays_are_texts():
    """Fixed-width and variable-width numpy strings and bytes are template text."""
    for dtype in ("U5", "S5", np.dtypes.StringDType()):
        array = np.array(["a", "b", "a"], dtype=dtype)

        assert cells(array, array) == {("a", "a"): 2, ("b", "b"): 1}


@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "u8", ">i4", "bool"])
def test_integer_arrays_of_every_width_are_ids(dtype):
    """Ids are compared by value, whatever the width and byte order."""
    ids = np.array([1, 0, 1], dtype=dtype)

    assert cells(["x", "y", "x"], ids) == {("x", 1): 2, ("y", 0): 1}


def test_negative_and_huge_ids_are_ids():
    """A plain negative integer is an id like any other; only in Coded does it mean null."""
    signed = np.array([-5, 7, -5, 2**62])
    unsigned = np.array([2**64 - 1, 0], dtype=np.uint64)

    assert encode(signed).values == (-5, 7, 2**62)
    assert encode(signed).codes.tolist() == [0, 1, 0, 2]
    assert encode(unsigned).values == (0, 2**64 - 1)


def test_a_row_with_a_null_truth_is_counted_but_in_no_group():
    """Its predicted label, if it is nowhere else, is not in the table either."""
    table = contingency_table(["a", None], ["x", "only there"])

    assert (table.rows, table.null_rows, table.scored_rows) == (2, 1, 1)
    assert table.predicted_labels == ("x",)


def test_a_null_prediction_is_the_empty_text():
    """Missing predictions are one group, together with predictions of the empty text."""
    assert cells(["a", "a", "b"], [None, "", "b"]) == {("a", ""): 2, ("b", "b"): 1}


def test_text_that_looks_like_a_null_is_text():
    """The words pandas takes for a missing value are templates here."""
    words = ["null", "NA", "None", "nan", ""]

    assert cells(words, words) == {(word, word): 1 for word in words}


def test_columns_of_different_length_are_refused_and_the_message_says_both_lengths():
    """Nothing is cut to the shorter column."""
    with pytest.raises(LengthMismatch, match=r"truth has 3 rows and the prediction 2") as caught:
        contingency_table(["a", "b", "c"], ["a", "b"])

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, LogpipeError)


@pytest.mark.parametrize("truth", [[], [None, None]])
def test_nothing_to_score_is_an_error(truth):
    """Neither 0 nor 1 nor NaN stands for a ratio of nothing."""
    with pytest.raises(NothingToScore):
        contingency_table(truth, ["a"] * len(truth))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1.5, 2.0], "float"),
        (["a", 1], "mixed"),
        ([["a"], ["b"]], "list"),
        ("ab", "single str"),
        (np.zeros((2, 2), int), "shape"),
        (Coded(np.array([0, 2]), ["a", "b"]), "beyond the 2 labels"),
        (Coded(np.array([0.0, 1.0]), ["a", "b"]), "expected one integer"),
    ],
)
def test_what_is_no_label_is_refused_and_the_message_says_what_was_found(column, message):
    """The error names the side and the offending value or type."""
    with pytest.raises(LabelError, match=message) as caught:
        contingency_table(column, ["a", "b"])

    assert "truth" in str(caught.value)


def test_a_table_stands_for_both_columns_and_for_nothing_else():
    """A second column beside a table, or a column alone, is a mistake of the caller."""
    from logpipe.metrics import official

    table = contingency_table(["a"], ["a"])

    assert official(table) == official(["a"], ["a"])
    with pytest.raises(LabelError):
        official(table, ["a"])
    with pytest.raises(LabelError):
        official(["a"])


def test_sparse_and_dense_counting_give_the_same_table(monkeypatch):
    """The flat array and the sort are two ways to the same counts."""
    random = np.random.default_rng(3)
    truth, predicted = random.integers(0, 9, 500), random.integers(0, 50, 500) * 10**12
    dense = cells(truth, predicted)

    monkeypatch.setattr("logpipe.metrics.contingency._DENSE_PAIRS", 0)
    monkeypatch.setattr("logpipe.metrics.labels._DENSE_SPAN", 0)

    assert cells(truth, predicted) == dense
    assert sum(dense.values()) == 500


def test_restyling_merges_labels_that_become_equal():
    """The rows stay, the nulls stay, the counts add up."""
    table = contingency_table(["a 1", "a 2", "b", None], ["x", "x", "y", "y"])

    merged = table.restyle(truth=lambda text: text[0])

    assert (merged.true_labels, merged.predicted_labels) == (("a", "b"), ("x", "y"))
    assert merged.pair_rows.tolist() == [2, 1]
    assert (merged.rows, merged.null_rows) == (4, 1)


def test_importing_the_package_needs_no_arrow_and_no_other_layer():
    """Only numpy, the standard library, and the errors of logpipe are loaded."""
    code = (
        "import sys, logpipe.metrics;"
        "print(*sorted(m for m in sys.modules if m.startswith(('pyarrow', 'pandas', 'logpipe.'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = done.stdout.split()
    assert [name for name in loaded if not name.startswith("logpipe.metrics")] == ["logpipe.errors"]
