"""Windows that the log covers in part only: the first and last of time, the last of lines.

What such a window has too little of is no news, because the rest of it lies outside the log. So its
missing part is taken to be as usual: every count is raised to the median of the whole windows. What
is new in it, or too much, stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.counts import as_csr
from logpipe.anomaly.windows import Windows, WindowSpec
from logpipe.pipeline.detect_features import Featured

__all__ = ["cut_windows", "filled_up", "usual_counts"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_WHOLE = 3
"""So many whole windows are needed to know what is usual."""


def cut_windows(windows: Windows, spec: WindowSpec) -> Ints:
    """Indices of the windows that may lie outside the log in part; sessions never do.

    A window of time is not asked where its first line stands: a log that begins with a window and
    one that was cut off there look the same.
    """
    count = len(windows)
    if spec.kind == "time":
        last = -(-spec.size // spec.step)
        return np.unique(np.concatenate([[0], np.arange(max(count - last, 0), count)]))[:count]
    if spec.kind == "lines":
        return np.flatnonzero(np.diff(windows.starts) < spec.size)
    return np.zeros(0, np.int64)


def usual_counts(judged: Featured, cut: Ints) -> Floats:
    """float64 per column: the median over the windows that are whole, zeros if they are few."""
    rows, columns = judged.matrix.shape
    found = np.zeros(columns)
    whole = judged.matrix[np.setdiff1d(np.arange(rows), cut)]
    if whole.shape[0] < _WHOLE:
        return found
    often = np.flatnonzero(2 * np.bincount(whole.indices, minlength=columns) > whole.shape[0])
    if len(often):  # the median of any other column is 0
        found[often] = np.floor(np.median(whole[:, often].toarray(), axis=0))
    return found


def filled_up(judged: Featured, cut: Ints, usual: Floats) -> Featured:
    """The windows, those of `cut` with at least the usual counts."""
    from scipy import sparse

    if not len(cut) or not usual.any():
        return judged
    matrix = judged.matrix.tolil()
    for window in cut.tolist():
        have = judged.matrix[[window]].toarray()[0]
        columns = np.flatnonzero((have > 0) | (usual > 0))
        matrix.rows[window] = columns.tolist()
        matrix.data[window] = np.maximum(have, usual)[columns].tolist()
    return replace(judged, matrix=as_csr(sparse.csr_array(matrix)))
