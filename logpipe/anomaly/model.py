"""A fitted detector as a file: described, versioned JSON, and nothing that is executed.

What is kept is what a detector was fitted on, not what it made of it: the different rows of counts
and how often each occurred, in the order of training, with the text of every column. So the file is
readable, every detector can be saved, and a newer logpipe makes its own use of it.

    {"format": "logpipe-detector", "version": 1, "detector": "auto", "parameters": {...},
     "window": "session:...", "features": "counts", "columns": ["text", ...],
     "rows": [[[column, count], ...], ...], "order": [[row, times], ...], "labels": [0, 1] or null}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import as_csr, distinct
from logpipe.errors import ModelError

__all__ = ["SavedDetector", "dump_detector", "read_detector"]

_FORMAT, _VERSION = "logpipe-detector", 1
_MEMBERS = ("detector", "parameters", "window", "features", "columns", "rows", "order", "labels")


@dataclass(frozen=True)
class SavedDetector:
    """What a file holds.

    Attributes:
        detector: name or `package.module:Class`.
        parameters: of its constructor.
        window: as `--window` has it.
        features: one of `base.FEATURES`.
        columns: text per column.
        matrix: the rows it was fitted on, `csr_array`.
        labels: int8 per row, or None.
    """

    detector: str
    parameters: dict[str, object]
    window: str
    features: str
    columns: list[str]
    matrix: Any
    labels: npt.NDArray[np.int8] | None


def dump_detector(saved: SavedDetector) -> bytes:
    """The file's content."""
    import orjson

    known = distinct(as_csr(saved.matrix))
    rows = []
    for i in range(known.rows.shape[0]):
        part = slice(known.rows.indptr[i], known.rows.indptr[i + 1])
        pairs = zip(known.rows.indices[part], known.rows.data[part], strict=True)
        rows.append([[int(column), int(count)] for column, count in pairs])
    order: list[list[int]] = []
    cuts = np.flatnonzero(np.diff(known.inverse, prepend=-1))
    ends = [*cuts[1:].tolist(), len(known.inverse)][: len(cuts)]
    for start, end in zip(cuts.tolist(), ends, strict=True):
        order.append([int(known.inverse[start]), end - start])
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "detector": saved.detector,
        "parameters": saved.parameters,
        "window": saved.window,
        "features": saved.features,
        "columns": saved.columns,
        "rows": rows,
        "order": order,
        "labels": None if saved.labels is None else saved.labels.tolist(),
    }
    return orjson.dumps(content, default=str) + b"\n"


def read_detector(path: str | Path) -> SavedDetector:
    """Reads what `dump_detector` wrote.

    Raises:
        ModelError: it cannot be read, is no such file, of another version, or damaged.
    """
    import orjson

    try:
        found = orjson.loads(Path(path).read_bytes())
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ModelError(f"{path}: not a saved detector: {error}") from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise ModelError(f"{path}: not a saved detector: expected format {_FORMAT!r}")
    if found.get("version") != _VERSION:
        raise ModelError(
            f"{path}: version {found.get('version')!r}, but this logpipe reads {_VERSION}"
        )
    missing = [name for name in _MEMBERS if name not in found]
    if missing:
        raise ModelError(f"{path}: damaged: {missing[0]!r} is missing")
    try:
        return _checked(found)
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise ModelError(f"{path}: damaged: {error}") from None


def _checked(found: dict[str, Any]) -> SavedDetector:
    from scipy import sparse

    columns = [str(text) for text in found["columns"]]
    order = np.asarray(found["order"], np.int64).reshape(-1, 2)
    rows = found["rows"]
    if len(order) and (order[:, 0].min() < 0 or order[:, 0].max() >= len(rows)):
        raise ValueError("a row is named that is not there")
    if len(order) and (order[:, 1].min() < 1 or order[:, 1].sum() > 1 << 28):
        raise ValueError("a row occurs an impossible number of times")
    lengths = [len(row) for row in rows]
    pairs = np.array([pair for row in rows for pair in row], np.int64).reshape(-1, 2)
    if len(pairs) and not (
        pairs[:, 0].min() >= 0 and pairs[:, 0].max() < len(columns) and pairs[:, 1].min() > 0
    ):
        raise ValueError("a count belongs to no column, or is not positive")
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    distinct_rows = sparse.csr_array(
        (pairs[:, 1].astype(np.float64), pairs[:, 0], starts), shape=(len(rows), len(columns))
    )
    matrix = as_csr(distinct_rows[np.repeat(order[:, 0], order[:, 1])])
    labels = found["labels"]
    if labels is not None:
        labels = np.asarray(labels, np.int8)
        if labels.shape != (matrix.shape[0],):
            raise ValueError(f"{matrix.shape[0]} rows, but {labels.size} labels")
    parameters = found["parameters"]
    if not isinstance(parameters, dict):
        raise ValueError("the parameters are no object")
    return SavedDetector(
        str(found["detector"]),
        parameters,
        str(found["window"]),
        str(found["features"]),
        columns,
        matrix,
        labels,
    )
