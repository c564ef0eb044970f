"""Windows judged: by a detector that is trained here, or that was saved, or that has labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from logpipe import anomaly
from logpipe.anomaly.base import strangeness
from logpipe.anomaly.counts import as_csr, distinct, row_hashes
from logpipe.anomaly.model import SavedDetector
from logpipe.anomaly.windows import WindowSpec
from logpipe.errors import DetectorError, LogpipeError, UsageError
from logpipe.pipeline.detect_features import Featured

__all__ = ["chosen_detector", "judge_windows"]

Ints = npt.NDArray[np.int64]

FOLDS = 5
"""Parts of a labelled log that take turns in training and being judged."""


def chosen_detector(
    detector: str | Any,
    parameters: Mapping[str, object] | None,
    saved: SavedDetector | None,
    trained: bool,
    spec: WindowSpec,
) -> tuple[Any, str]:
    """The detector that is asked for, and its name.

    Args:
        detector: name, `package.module:Class`, or a detector.
        parameters: of the detector, when it is given by name.
        saved: what takes the place of `detector`.
        trained: whether there are windows that are known to be good.
        spec: of the windows.
    """
    if saved is not None:
        return anomaly.load(saved.detector, **saved.parameters), saved.detector
    if not isinstance(detector, str):
        if parameters:
            raise UsageError("parameters belong to a detector given by name")
        return detector, type(detector).__name__
    given = dict(parameters or {})
    if detector == anomaly.DEFAULT:
        given.setdefault("assume", "normal" if trained else "mixed")
        given.setdefault("windows", "sessions" if spec.kind in ("session", "field") else "spans")
    if trained is False and detector in ("never-seen", "new-template", "values", "new-pair"):
        # Judged by itself, a log has seen everything; what is rare takes the place of what is new.
        given.setdefault("share", 0.02)
    return anomaly.load(detector, **given), detector


def judge_windows(
    judge: Any,
    name: str,
    judged: Featured,
    known: Featured | None,
    saved: SavedDetector | None,
    y: npt.NDArray[np.int8] | None,
    warnings: list[str],
) -> tuple[npt.NDArray[np.float64], Any, str]:
    """Scores above 1 for abnormal windows, and the matrix of training windows, if any.

    What is known to be good is never abnormal: a window with the counts of a training window has a
    score of at most 1, so that a log compared with itself has no finding.
    """
    good = known is not None or (saved is not None and saved.parameters.get("assume") == "normal")
    matrix, before = judged.matrix, judged.before
    train = known.matrix if known is not None else None
    if saved is not None:
        matrix, train, before = _aligned(judged, saved, warnings)
        y = saved.labels
    if train is None and matrix.shape[0] < 2:
        raise UsageError(
            "there is one window only, and nothing to compare it with: make windows smaller "
            "(--window), or give a log that is known to be good by --train"
        )
    if before is not None and hasattr(judge, "name_columns"):
        judge.name_columns(before)
    try:
        if getattr(judge, "supervised", False):
            scores = _supervised(judge, name, matrix, train, y)
        else:
            judge.fit(matrix if train is None else train)
            scores = strangeness(judge, matrix)
    except LogpipeError:
        raise
    except Exception as error:
        raise DetectorError(f"detector {name!r} failed: {type(error).__name__}: {error}") from error
    if scores.shape != (matrix.shape[0],) or not np.isfinite(scores).all():
        raise DetectorError(
            f"detector {name!r} gave scores of shape {scores.shape} for {matrix.shape[0]} windows, "
            f"or some that are not finite"
        )
    if good and train is not None and not getattr(judge, "supervised", False):
        # A threshold may lie below some windows of training; those are good all the same.
        scores[np.isin(row_hashes(matrix), row_hashes(train)) & (scores > 1.0)] = 1.0
    inner = getattr(judge, "detector_", None)
    detail = type(inner).__name__.lower() if inner is not None else ""
    if train is None and len(np.unique(distinct(matrix).inverse)) == 1:
        warnings.append(f"all {matrix.shape[0]:,} windows have the same counts: nothing stands out")
    return scores, train, detail


def _supervised(
    judge: Any, name: str, matrix: Any, train: Any, y: npt.NDArray[np.int8] | None
) -> npt.NDArray[np.float64]:
    """Scores by a model that never saw the window it judges."""
    if y is None:
        raise UsageError(f"detector {name!r} learns from labels; give them by --labels")
    known = np.flatnonzero(y >= 0)
    kinds = set(y[known].tolist())
    if kinds != {0, 1}:
        raise UsageError(
            f"detector {name!r} needs normal and abnormal windows to learn from; the labels make "
            f"all {len(known):,} {'abnormal' if kinds == {1} else 'normal'}"
        )
    if train is not None:
        judge.fit(train[known], y[known])
        return strangeness(judge, matrix)
    scores = np.zeros(matrix.shape[0])
    part = np.zeros(matrix.shape[0], np.int64)
    shuffled = np.random.default_rng(0).permutation(matrix.shape[0])
    for label in (-1, 0, 1):  # the same share of each in every part
        chosen = shuffled[y[shuffled] == label]
        part[chosen] = np.arange(len(chosen)) % FOLDS
    for fold in range(FOLDS):
        rest = known[part[known] != fold]
        if len(set(y[rest].tolist())) < 2:
            raise UsageError(
                f"detector {name!r}: too few labelled windows of a kind to learn from one part "
                f"and judge another; give labelled training logs by --train"
            )
        judge.fit(matrix[rest], y[rest])
        held = np.flatnonzero(part == fold)
        if len(held):
            scores[held] = strangeness(judge, matrix[held])
    return scores


def _aligned(
    judged: Featured, saved: SavedDetector, warnings: list[str]
) -> tuple[Any, Any, Ints | None]:
    """Both matrices over the same columns, matched by their text."""
    from scipy import sparse

    place = {text: i for i, text in enumerate(saved.columns)}
    new = [text for text in dict.fromkeys(judged.names) if text not in place]
    for text in new:
        place[text] = len(place)
    known = len(saved.columns)
    if len(new) == len(set(judged.names)):
        warnings.append(
            "no template of this log is among those the detector was trained on; is it the right "
            "detector for this log?"
        )
    matrix = judged.matrix.tocoo()
    columns = np.array([place[text] for text in judged.names], np.int64)
    width = known + len(new)
    moved = sparse.csr_array(
        (matrix.data, (matrix.row, columns[matrix.col])), shape=(matrix.shape[0], width)
    )
    train = sparse.csr_array(saved.matrix)
    train.resize((train.shape[0], width))
    before = None
    if judged.before is not None:
        first = [text.split(" -> ")[0] for text in place]
        before = np.unique(first, return_inverse=True)[1].astype(np.int64)
    judged.columns[:] = columns[judged.columns]
    judged.names[:] = list(place)
    object.__setattr__(judged, "matrix", as_csr(moved))
    return judged.matrix, as_csr(train), before
