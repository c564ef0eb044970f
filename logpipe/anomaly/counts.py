"""Counts: a row per window, a column per group (or run of groups, or value), sparse.

Most windows of a log look alike, so nearly everything here works on the *distinct* rows and how
often each occurs. Dense work is bounded: beyond `DENSE_COLUMNS` columns the rarest share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "DENSE_COLUMNS",
    "Distinct",
    "as_csr",
    "count_matrix",
    "dense",
    "distinct",
    "folded",
    "row_hashes",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DENSE_COLUMNS = 512
"""Columns of a dense matrix; the rarest others are added up in the last of them."""


def as_csr(matrix: Any) -> Any:
    """A matrix of counts as `scipy.sparse.csr_array` of float64, sorted and without zeros.

    Args:
        matrix: (windows, columns): an array, a list of rows, or a sparse matrix.

    Raises:
        ValueError: not two-dimensional, negative, infinite or not a number.
    """
    from scipy import sparse

    if isinstance(matrix, sparse.csr_array) and matrix.has_canonical_format:
        return matrix
    if sparse.issparse(matrix):
        found = sparse.csr_array(matrix, dtype=np.float64)
    else:
        array = np.asarray(matrix, np.float64)
        if array.ndim != 2:
            raise ValueError(f"expected a matrix (windows, columns), found shape {array.shape}")
        found = sparse.csr_array(array)
    found.sum_duplicates()
    found.eliminate_zeros()
    if len(found.data) and not (np.isfinite(found.data).all() and found.data.min() >= 0):
        raise ValueError("counts must be finite and not negative")
    return found


def count_matrix(rows: Ints, columns: Ints, shape: tuple[int, int]) -> Any:
    """How often each (row, column) occurs, as `csr_array` of float64.

    Args:
        rows: int64, window of each entry.
        columns: int64, column of each entry.
        shape: (windows, columns).
    """
    from scipy import sparse

    keys, counts = np.unique(rows * np.int64(max(shape[1], 1)) + columns, return_counts=True)
    at = keys // max(shape[1], 1)
    starts = np.zeros(shape[0] + 1, np.int64)
    np.cumsum(np.bincount(at, minlength=shape[0]), out=starts[1:])
    # Some of scikit-learn takes 32-bit indices only.
    index = np.int32 if max(len(keys), *shape) < 2**31 else np.int64
    places = (keys - at * max(shape[1], 1)).astype(index)
    found = sparse.csr_array((counts.astype(np.float64), places, starts.astype(index)), shape=shape)
    found.has_canonical_format = True
    return found


@dataclass(frozen=True)
class Distinct:
    """The different rows of a matrix.

    Attributes:
        rows: `csr_array`, each different row once, in order of first appearance.
        inverse: int64 per row of the matrix: which of `rows` it is.
        support: int64 per row of `rows`: how often it occurs.
        first: int64 per row of `rows`: where it occurs first.
    """

    rows: Any
    inverse: Ints
    support: Ints
    first: Ints


def row_hashes(matrix: Any) -> npt.NDArray[np.uint64]:
    """uint64 per row; equal rows have equal ones."""
    columns = _mixed(matrix.indices.astype(np.uint64) + np.uint64(1))
    values = np.ascontiguousarray(matrix.data, np.float64).view(np.uint64)
    entries = np.concatenate([[np.uint64(0)], _mixed(columns ^ _mixed(values))])
    sums = np.cumsum(entries, dtype=np.uint64)
    found: npt.NDArray[np.uint64] = sums[matrix.indptr[1:]] - sums[matrix.indptr[:-1]]
    return found


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """splitmix64's finaliser (Steele, Lea, Flood, 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def distinct(matrix: Any) -> Distinct:
    """The different rows of a `csr_array`."""
    hashes = row_hashes(matrix)
    _, first, inverse, support = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return Distinct(
        matrix[first[order]], place[inverse], support[order].astype(np.int64), first[order]
    )


def folded(matrix: Any, limit: int = DENSE_COLUMNS) -> Ints:
    """Which dense column each column belongs to: int64, one per column of the matrix.

    The columns that occur in most rows keep one of their own.
    """
    columns = matrix.shape[1]
    if columns <= limit:
        return np.arange(columns, dtype=np.int64)
    spread = np.bincount(matrix.indices, minlength=columns)
    place = np.full(columns, limit - 1, np.int64)
    place[np.sort(np.argsort(-spread, kind="stable")[: limit - 1])] = np.arange(limit - 1)
    return place


def dense(matrix: Any, fold: Ints) -> Floats:
    """The matrix as an array; columns that share a place in `fold` are added up.

    Columns beyond those that `fold` knows count as the last place does.
    """
    width = int(fold.max()) + 1 if len(fold) else 0
    if matrix.shape[1] == len(fold) == width:
        whole: Floats = matrix.toarray()
        return whole
    found = np.zeros((matrix.shape[0], width))
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    known = matrix.indices < len(fold)
    np.add.at(found, (rows[known], fold[matrix.indices[known]]), matrix.data[known])
    return found
