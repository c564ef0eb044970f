"""The flows beside parse-all: what each leaves, and that a second run does nothing again."""

import csv
import json

import pytest

import flows
from logpipe import archive, datasets
from logpipe.errors import UnknownNameError, UsageError
from logpipe.formats.readers import open_sources

pytest.importorskip("prefect")
pytestmark = pytest.mark.flow

NAME = "sample/nginx-error"


def raw(name):
    """The bytes of a data set's logs."""
    found = bytearray()
    for source in open_sources([str(path) for path in datasets.fetch(name).log_paths()]):
        reader, buffer = source.open(), memoryview(bytearray(1 << 16))
        while count := reader.readinto(buffer):
            found += buffer[:count]
        reader.close()
    return bytes(found)


def test_everything_runs_each_flow_once(prefect, results):
    """A row per stage; below, each stage has its table; what was done is not done again."""
    arguments = {"datasets": [NAME], "parsers": ["drain"], "output": str(results)}

    first = flows.run("everything", arguments)
    second = flows.run("everything", arguments)

    stages = ["download", "parse-all", "compress-all", "evaluate-all", "detect-all"]
    assert {row["stage"]: row["status"] for row in first["rows"]} == dict.fromkeys(stages, "ok")
    assert sorted([*stages, "everything"]) == flows.names()
    counts = {row["stage"]: (row["rows"], row["cached"]) for row in second["rows"]}
    assert counts == {
        "download": (1, 0),
        "parse-all": (1, 1),
        "compress-all": (2, 2),
        "evaluate-all": (1, 1),
        "detect-all": (1, 1),
    }
    for stage in stages:
        assert (results / stage / f"{stage}.csv").is_file()
    fast = results / "compress-all" / NAME / "fast.lpz"
    with archive.open(str(fast)) as opened:
        assert b"".join(bytes(memoryview(block)) for block in opened.blocks()) == raw(NAME)
    with (results / "evaluate-all" / NAME / "drain.csv").open() as file:
        scores = [*csv.DictReader(file)]
    assert 0 < next(float(row["GA"]) for row in scores if row["slice"] == "all") <= 1
    rows = (results / "detect-all" / NAME / "auto.jsonl").read_text().splitlines()
    assert all("anomaly_score" in json.loads(row) for row in rows)
    assert (results / "detect-all" / NAME / "auto.html").read_text().startswith("<!")


def test_a_data_set_that_cannot_be_had_fails_in_each_stage_alone(prefect, results):
    """The other one goes through; the reason is told once per stage."""
    result = flows.run(
        "compress-all",
        {"datasets": ["loghub-2.0-full/Apache", NAME], "levels": "fast", "output": str(results)},
    )

    assert [row["status"] for row in result["rows"]] == ["failed", "ok"]
    assert "set LOGPIPE_MIRROR" in result["rows"][0]["error"]


@pytest.mark.parametrize(
    ("flow", "parameters", "error", "words"),
    [
        ("download", {"datasets": "nothing"}, UnknownNameError, "unknown data set or group"),
        ("compress-all", {"levels": "most"}, UnknownNameError, "unknown level 'most'. Known: fast"),
        ("compress-all", {"threads": "0"}, UsageError, "threads should be at least 1"),
        ("evaluate-all", {"parsers": "drian"}, UnknownNameError, "drian"),
        ("detect-all", {"detectors": "crystal"}, UnknownNameError, "crystal"),
        ("detect-all", {"window": "moon"}, UsageError, "moon"),
        ("everything", {"parsers": "drian"}, UnknownNameError, "unknown parser 'drian'"),
    ],
)
def test_a_wrong_request_is_told_before_anything_starts(results, flow, parameters, error, words):
    """Of every flow; no folder is made."""
    with pytest.raises(error, match=words):
        flows.run(flow, parameters | {"output": str(results)})
    assert not results.exists()
