"""The list of published figures that runs reproduce."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.published import compare
from logpipe.batch import ByteColumn
from logpipe.evaluation.cases import Case, Wanted, write_messages
from logpipe.evaluation.columns import write_column
from logpipe.evaluation.runs import Record


def run(folder: Path, system: str, truth: list[str], predicted: list[str], **more: object) -> None:
    """A run of drain3-tuned as an evaluation keeps it."""
    from pyarrow import parquet

    place = folder / "cases" / system
    place.mkdir(parents=True)
    case = Case(Wanted(system, file=place), place, len(truth), 0, system)
    write_messages(case, ByteColumn(np.zeros(len(truth) + 1, np.int32), np.zeros(0, np.uint8)))
    write_column(case.truth, pa.table({"template": pa.array(truth).dictionary_encode()}))
    (place / "digest").write_text(system)
    kept = folder / "runs" / "drain3-tuned" / system
    kept.mkdir(parents=True)
    head = ("key", "drain3-tuned", f"loghub-2.0-2k/{system}", system, "2k", "p", {})
    status = str(more.get("status", "ok"))
    record = Record(*head, status, str(more.get("error", "")), digest=system)  # type: ignore[arg-type]
    (kept / "record.json").write_text(json.dumps(asdict(record)))
    texts = pa.array(predicted).dictionary_encode()
    parquet.write_table(pa.table({"template": texts}), kept / "output.parquet")


def test_rows_are_counted_and_differences_listed(tmp_path: Path):
    """Apache's published GA and FGA are 1, PA is .694: what is off is named with both figures."""
    truth = ["a"] * 6 + ["b"] * 2
    run(tmp_path, "Apache", truth, ["A"] * 6 + ["B"] * 2)
    run(tmp_path, "HDFS", truth, truth, status="timeout", error="stopped after 9 s")

    text = "\n".join(compare([tmp_path]))

    assert "| drain3-tuned | Drain | 0 | 1 | 1 |" in text
    assert "drain3-tuned, Apache 2k: PA 0.000 for 0.694" in text
    assert "drain3-tuned, HDFS 2k: timeout, stopped after 9 s" in text


@pytest.mark.parametrize("folders", [0, 1])
def test_nothing_gives_an_empty_list(tmp_path: Path, folders: int):
    """An empty folder is no mistake."""
    assert len(compare([tmp_path] * folders)) == 3
