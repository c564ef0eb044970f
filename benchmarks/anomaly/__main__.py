"""`python -m benchmarks.anomaly`: runs everything and writes the tables."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks import machine
from benchmarks.anomaly import iotdb
from benchmarks.anomaly.alarms import false_alarms
from benchmarks.anomaly.runs import REGIMES, SEEDS, SLOW, mean_score, run
from benchmarks.anomaly.sets import SETS, LabelledSet, load_set
from benchmarks.anomaly.tables import markdown
from logpipe import anomaly
from logpipe.anomaly.scores import ceiling, flag_everything, refuse

SUPERVISED = ("tree", "forest", "logistic-regression", "linear-svm")
ONE_LOG = ("auto", "patterns", "isolation-forest", "pca", "invariants", "never-seen", "clustering")

FEW_NORMALS = (
    "auto",
    "nearest",
    "plain-nearest",
    "never-seen",
    "new-template",
    "length",
    "pca",
    "lof",
)


def detectors(data: LabelledSet, regime: str) -> list[str]:
    """Which detectors run in a regime."""
    names = anomaly.REGISTRY.names()
    if regime == "supervised":
        return list(SUPERVISED)
    if regime == "with verdicts":
        return ["auto"]
    if regime == "chronological, adapting":
        return ["auto", "patterns"]
    if regime == "50 normals":
        return list(FEW_NORMALS)
    if regime in ("one log", "chronological"):
        return list(ONE_LOG)
    skip = {*SUPERVISED, "clock", "rate-change", *(() if data.facts.value_names else ("values",))}
    return [name for name in names if name not in skip]


def measure_set(name: str, folder: Path, seeds_wanted: int) -> dict[str, Any]:
    """All rows of one set, or the reason why it has none."""
    data = load_set(name, folder)
    matrix = data.features("counts").matrix
    weights = np.ones(len(data.truth))
    if data.prevalence is not None:
        bad = data.truth == 1
        wanted = data.prevalence / (1 - data.prevalence) * (~bad).sum()
        weights[bad] = wanted / bad.sum()
    prevalence = float(weights[data.truth == 1].sum() / weights.sum())
    best, everything = ceiling(matrix, data.truth, weights), flag_everything(prevalence)
    about: dict[str, Any] = {
        "set": name,
        "windows": len(data.windows),
        "abnormal": int(data.truth.sum()),
        "prevalence": prevalence,
        "ceiling_f1": best,
        "flag_everything_f1": everything,
        "note": data.note,
        "refused": data.unfit or refuse(best, everything),
        "rows": [],
    }
    if about["refused"]:
        return about
    about["false_alarms"] = false_alarms(data)
    for regime in REGIMES:
        if regime.startswith("chronological") and not data.ordered:
            continue
        fixed = regime.startswith("chronological") or (
            regime in ("one log", "with verdicts") and data.prevalence is None
        )
        seeds = SEEDS[:1] if fixed else SEEDS[:seeds_wanted]
        for detector in detectors(data, regime):
            chosen = seeds[:2] if detector in SLOW else seeds
            row: dict[str, Any] = {"regime": regime, "detector": detector}
            try:
                row |= mean_score([run(data, regime, detector, seed) for seed in chosen])
            except Exception as error:  # a failed run counts as 0, and is shown
                row |= {"error": f"{type(error).__name__}: {error}", "f1": 0.0}
            about["rows"].append(row)
            print(name, regime, detector, f"{row['f1']:.4f}", file=sys.stderr, flush=True)
    return about


def main() -> int:
    """Runs, and writes `anomaly.json` and `anomaly.md`."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.anomaly")
    options.add_argument("-o", "--output", default="", help="folder; default: benchmarks/.work")
    options.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    options.add_argument("--seeds", type=int, default=len(SEEDS), help="only the first so many")
    options.add_argument("--no-iotdb", action="store_true")
    options.add_argument("--mirror", default=os.environ.get("LOGPIPE_MIRROR", ""))
    given = options.parse_args()
    if not given.mirror:
        options.error("needs the data: LOGPIPE_MIRROR or --mirror")
    folder, started = Path(given.mirror), time.process_time()
    found: dict[str, Any] = {
        "machine": machine.describe(),
        "versions": machine.versions(),
        "commit": machine.commit(),
        "seeds": list(SEEDS[: given.seeds]),
        "regimes": REGIMES,
        "sets": [measure_set(name, folder, given.seeds) for name in given.sets],
        "iotdb": [] if given.no_iotdb else iotdb.measure(folder),
    }
    found["cpu_seconds"] = time.process_time() - started
    place = Path(given.output) if given.output else Path(__file__).parents[1] / ".work"
    place.mkdir(parents=True, exist_ok=True)
    (place / "anomaly.json").write_bytes(
        orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
    (place / "anomaly.md").write_text(markdown(found))
    print(place / "anomaly.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
