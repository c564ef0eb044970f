"""Finding what is abnormal: windows of lines, counts, detectors, explanations.

| module | what |
|---|---|
| `windows`, `keys` | which lines are looked at together; what may be a session's key |
| `counts`, `values` | rows per window, columns per group or value |
| `labels` | what somebody says about sessions, lines or times |
| `base` | the detector contract |
| `nearest`, `rigid`, `patterns`, `tails`, `automatic` | our detectors; `automatic` is the default |
| `trivial`, `classic`, `sequences`, `labelled` | baselines, the literature, order, labels |
| `explain`, `findings`, `drift`, `verdicts` | from scores to a handful of findings, and feedback |
| `model` | a fitted detector as a file |
| `scores` | F1 and everything that has to stand beside it |

Groups come in as numbers and texts: nothing here knows parsers or formats. `load("pca")` or
`load("package.module:Class")` gives a detector; one of your own is found through the entry-point
group `logpipe.detectors`.
"""

from __future__ import annotations

import inspect
from typing import Any

from logpipe.errors import DetectorError, UsageError
from logpipe.registry import Registry

__all__ = ["DEFAULT", "REGISTRY", "load", "parameters_of"]

DEFAULT = "auto"

REGISTRY = Registry(
    "logpipe.detectors",
    "detector",
    {
        "auto": "logpipe.anomaly.automatic:Automatic",
        "clock": "logpipe.anomaly.trivial:Clock",
        "clustering": "logpipe.anomaly.classic:Clustering",
        "forest": "logpipe.anomaly.labelled:Forest",
        "invariants": "logpipe.anomaly.classic:Invariants",
        "isolation-forest": "logpipe.anomaly.labelled:isolation_forest",
        "length": "logpipe.anomaly.trivial:LengthRange",
        "line-count": "logpipe.anomaly.trivial:LineCount",
        "linear-svm": "logpipe.anomaly.labelled:LinearSVM",
        "lof": "logpipe.anomaly.labelled:LocalOutlierFactor",
        "logistic-regression": "logpipe.anomaly.labelled:LogisticRegression",
        "markov": "logpipe.anomaly.sequences:Markov",
        "nearest": "logpipe.anomaly.nearest:Nearest",
        "never-seen": "logpipe.anomaly.trivial:NeverSeen",
        "new-pair": "logpipe.anomaly.trivial:NewPairs",
        "new-template": "logpipe.anomaly.trivial:RareColumn",
        "new-triple": "logpipe.anomaly.trivial:NewTriples",
        "one-class-svm": "logpipe.anomaly.labelled:OneClassSVM",
        "patterns": "logpipe.anomaly.patterns:Patterns",
        "pca": "logpipe.anomaly.classic:PCA",
        "plain-nearest": "logpipe.anomaly.trivial:PlainNearest",
        "rate-change": "logpipe.anomaly.sequences:RateChange",
        "tails": "logpipe.anomaly.tails:Tails",
        "tree": "logpipe.anomaly.labelled:DecisionTree",
        "values": "logpipe.anomaly.values:ValueNovelty",
    },
)
"""The known detectors."""


def parameters_of(detector: object) -> dict[str, inspect.Parameter]:
    """The constructor's parameters of a detector class, by name."""
    try:
        found = inspect.signature(detector).parameters  # type: ignore[arg-type]
    except ValueError:  # a built-in, which is no detector anyway
        return {}
    return {name: p for name, p in found.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def load(name_or_path: str, **parameters: object) -> Any:
    """A new detector by name or `package.module:Class`.

    Raises:
        UnknownNameError: there is no such detector.
        UsageError: a parameter it does not have, or a value it refuses.
        DetectorError: what was found is not a detector.
    """
    factory = REGISTRY.load(name_or_path)
    if not callable(factory):
        raise DetectorError(f"detector {name_or_path!r} is {factory!r}, expected a class")
    known = parameters_of(factory)
    for key in parameters:
        if key not in known:
            raise UsageError(
                f"detector {name_or_path!r} has no parameter {key!r}; "
                f"known: {', '.join(known) or 'none'}"
            )
    try:
        detector = factory(**parameters)
    except (TypeError, ValueError) as error:
        raise UsageError(f"detector {name_or_path!r} refuses its parameters: {error}") from error
    missing = [m for m in ("fit", "score_samples") if not callable(getattr(detector, m, None))]
    if missing:
        raise DetectorError(
            f"detector {name_or_path!r} has no method {missing[0]!r}; see logpipe.anomaly.base"
        )
    return detector
