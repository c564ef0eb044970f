"""multilog-iotdb: faults injected into a database cluster, judged against clock and line count.

Each file is the start of one node, followed by one injection, all within a minute. So the clock
alone ranks most windows, and the number of lines does, too. A detector earns nothing here unless
its average precision is above both. Windows have 10 seconds; training is what lies before the
injection. Windows of the six nodes of a fault are ranked together.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from logpipe import anomaly
from logpipe.anomaly.base import features_of, strangeness
from logpipe.anomaly.scores import average_precision
from logpipe.anomaly.windows import parse_window
from logpipe.formats.readers import open_sources
from logpipe.pipeline.detect_features import Featured, featured
from logpipe.pipeline.detect_lines import read_lines
from logpipe.pipeline.detect_windows import make_windows

__all__ = ["DETECTORS", "measure"]

DETECTORS = (
    "clock",
    "line-count",
    "auto",
    "tails",
    "nearest",
    "isolation-forest",
    "pca",
    "new-template",
    "new-pair",
    "rate-change",
    "values",
)
_BASELINES = ("clock", "line-count")
_INJECTION = re.compile(r"start inject.*?\n(\d{10}\.\d+).*?end inject.*?\n(\d{10}\.\d+)", re.S)
_WINDOW = 10 * 10**9


def measure(folder: Path) -> list[dict[str, Any]]:
    """Average precision per kind of fault and detector."""
    rows = []
    for fault in sorted(path for path in (folder / "multilog-iotdb").iterdir() if path.is_dir()):
        spans = [
            (round(float(a) * 1e9), round(float(b) * 1e9))
            for a, b in _INJECTION.findall((fault / "inject.log").read_text())
        ]
        truth: list[npt.NDArray[np.bool_]] = []
        scores: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in DETECTORS}
        trained = 0
        for path in sorted(fault.glob("label*.log.zst")):
            bad, before, found = _node(path, spans)
            truth.append(bad)
            trained += before
            for name in DETECTORS:
                scores[name].append(found[name])
        labels = np.concatenate(truth)
        figures = {
            name: average_precision(labels, np.concatenate(scores[name])) for name in DETECTORS
        }
        best = max(figures[name] for name in _BASELINES)
        rows.append(
            {
                "fault": fault.name,
                "windows": len(labels),
                "abnormal": int(labels.sum()),
                "training_windows": trained,
                "average_precision": figures,
                "beats_both": [n for n in DETECTORS if figures[n] > best and n not in _BASELINES],
            }
        )
    return rows


def _node(
    path: Path, spans: list[tuple[int, int]]
) -> tuple[npt.NDArray[np.bool_], int, dict[str, npt.NDArray[np.float64]]]:
    """Labels, number of training windows, and scores per detector of one file."""
    with tempfile.TemporaryDirectory() as place:
        plain = Path(place) / path.stem
        with path.open("rb") as file:
            text = zstandard.ZstdDecompressor().stream_reader(file).read()
        # The leading "- " says whether a line is before the first injection: it is a label.
        plain.write_bytes(re.sub(rb"(?m)^- ", b"", text))
        spec = parse_window("time:10s")
        facts = read_lines(open_sources([str(plain)]), spec, values=True)
    windows = make_windows(facts, spec, 0, int(facts.starts[-1]))
    assert facts.times is not None
    first = int(facts.times.min()) // _WINDOW
    begins = (first + np.arange(len(windows))) * _WINDOW
    bad = np.zeros(len(windows), np.bool_)
    for start, end in spans:
        bad |= (begins <= end) & (begins + _WINDOW > start)
    before = max(1, int(np.argmax(bad)) if bad.any() else len(bad))
    made: dict[str, Featured] = {}
    found = {}
    for name in DETECTORS:
        given = {"assume": "normal", "windows": "spans"} if name == "auto" else {}
        detector = anomaly.load(name, **given)
        kind = features_of(detector)
        if kind not in made:
            made[kind] = featured(facts, [windows], kind)[0]
        matrix = made[kind].matrix
        detector.fit(matrix[:before])
        strange = strangeness(detector, matrix)
        found[name] = np.minimum(strange, 1e9)
    return bad, before, found
