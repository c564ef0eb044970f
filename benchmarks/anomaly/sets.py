"""The data sets: sessions as windows over lines with a group each, and their labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import orjson

from logpipe.anomaly.windows import Windows, by_key, parse_window
from logpipe.formats.readers import open_sources
from logpipe.pipeline.detect_facts import LineFacts
from logpipe.pipeline.detect_features import Featured, featured
from logpipe.pipeline.detect_lines import read_lines
from logpipe.pipeline.detect_windows import make_windows

__all__ = ["SETS", "LabelledSet", "load_set"]

TRUE_PREVALENCE = 16_838 / 575_061
"""Of HDFS_v1, by its published labels."""


@dataclass
class LabelledSet:
    """Sessions in order of their first line.

    Attributes:
        name: of the set.
        facts, windows: lines and sessions.
        truth: int8 per session, 1 abnormal.
        ordered: whether the order is that of time.
        prevalence: what it is weighted to; None: as it is.
        unfit: why it is unfit whatever its ceiling; empty if it is not.
        split: what is said about it.
    """

    name: str
    facts: LineFacts
    windows: Windows
    truth: npt.NDArray[np.int8]
    ordered: bool = False
    prevalence: float | None = None
    unfit: str = ""
    note: str = ""
    _features: dict[str, Featured] = field(default_factory=dict)

    def features(self, kind: str) -> Featured:
        """The sessions as rows, made once per kind."""
        if kind not in self._features:
            self._features[kind] = featured(self.facts, [self.windows], kind)[0]
        return self._features[kind]


def _raw(folder: Path) -> LabelledSet:
    import pyarrow.parquet as pq

    base = folder / "hdfs-2percent"
    spec = parse_window(r"session:blk_-?\d+")
    facts = read_lines(open_sources([str(base / "HDFS_2percent.log.zst")]), spec, values=True)
    windows = make_windows(facts, spec, 0, int(facts.starts[-1]))
    table = pq.read_table(base / "hdfs_seqs_2percent.parquet").to_pydict()
    labels = dict(zip(table["seq_id"], table["anomaly"], strict=True))
    truth = np.array([labels[name] for name in windows.names], np.int8)
    return LabelledSet(
        "hdfs-2percent", facts, windows, truth, ordered=True, note="complete sessions, raw lines"
    )


def _sequences(name: str, sessions: list[list[str]], truth: list[int], **more: Any) -> LabelledSet:
    """A set that comes as lists of template ids."""
    names = sorted({step for session in sessions for step in session})
    place = {step: i for i, step in enumerate(names)}
    groups = np.array([place[step] for session in sessions for step in session], np.uint32)
    owner = np.repeat(np.arange(len(sessions)), [len(session) for session in sessions])
    facts = LineFacts(
        parsed=cast(Any, None),
        sources=(name,),
        starts=np.array([0, len(groups)]),
        groups=groups,
        columns=[text[:200] for text in names],
    )
    windows = by_key(np.arange(len(groups)), owner, [str(i) for i in range(len(sessions))])
    return LabelledSet(name, facts, windows, np.array(truth, np.int8), **more)


def _lines(path: Path) -> list[list[str]]:
    found = []
    for line in path.read_text().splitlines():
        steps = line.rpartition(",")[2].split()
        if steps:
            found.append(steps)
    return found


def _two_files(folder: Path, name: str) -> LabelledSet:
    normal = _lines(folder / name / "hdfs_train")
    bad = _lines(folder / name / "hdfs_test_abnormal")
    return _sequences(
        name,
        normal + bad,
        [0] * len(normal) + [1] * len(bad),
        prevalence=TRUE_PREVALENCE,
        note="all abnormal sessions, few normal ones: weighted to 2.93 %",
    )


def _cut_off(folder: Path) -> LabelledSet:
    import zstandard

    sessions, truth = [], []
    for part in ("train", "test"):
        path = folder / "hdfs-100k-sessions" / f"hdfs_1.0_tar_session_{part}.jsonl.zst"
        with path.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file)
            for line in io.TextIOWrapper(reader, "utf-8"):
                row = orjson.loads(line)
                steps = next(v for v in row.values() if isinstance(v, list))
                sessions.append([str(step) for step in steps])
                truth.append(int(row["label"]))
    return _sequences(
        "hdfs-100k-sessions", sessions, truth, note="sessions are cut off, labels are not"
    )


def _balanced(folder: Path) -> LabelledSet:
    sessions, truth = [], []
    for part in ("train", "valid"):
        path = folder / "hdfs-robust-logdeep" / f"robust_log_{part}.csv"
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                sessions.append(str(row["Sequence"]).split())
                truth.append(int(row["label"]))
    return _sequences(
        "hdfs-robust-logdeep",
        sessions,
        truth,
        unfit="half of the sessions are abnormal by construction, 2.93 % are in truth: F1 of a "
        "balanced set says nothing about a real log",
    )


SETS: dict[str, Callable[[Path], LabelledSet]] = {
    "hdfs-2percent": _raw,
    "hdfs-loghub-sequences": lambda folder: _two_files(folder, "hdfs-loghub-sequences"),
    "hdfs-deeplog": lambda folder: _two_files(folder, "hdfs-deeplog"),
    "hdfs-100k-sessions": _cut_off,
    "hdfs-robust-logdeep": _balanced,
}
"""Name to what loads it from a folder that is laid out as `LOGPIPE_MIRROR`."""


def load_set(name: str, folder: Path) -> LabelledSet:
    """One of `SETS`."""
    return SETS[name](folder)
