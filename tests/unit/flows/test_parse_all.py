"""The flow parse-all, really run: what it leaves, what it repeats, what it survives."""

import csv
import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

import flows
from logpipe import datasets
from logpipe.errors import UnknownNameError, UsageError

pytest.importorskip("prefect")
pytestmark = pytest.mark.flow

MIRROR = os.environ.get("LOGPIPE_MIRROR")
SMALL = ["sample/nginx-error", "sample/redis"]


def statuses(result):
    return {(row["dataset"], row["parser"]): row["status"] for row in result["rows"]}


def test_every_data_set_is_parsed_by_every_parser(prefect, results):
    """A Parquet file with one row per line and a manifest for each pair; one table of all."""
    result = flows.run("parse-all", {"datasets": ",".join(SMALL), "output": str(results)})

    assert list(statuses(result)) == [(d, p) for d in SMALL for p in ("iterative", "drain")]
    assert set(statuses(result).values()) == {"ok"}
    assert result["failed"] == 0
    for row in result["rows"]:
        expected = datasets.load()[row["dataset"]]
        assert row["lines"] == expected.lines
        assert pq.read_metadata(row["output"]).num_rows == expected.lines
        assert row["templates"] > 1
        assert row["lines_per_second"] > 0
    manifest = json.loads((results / "sample" / "redis" / "drain.json").read_bytes())
    assert manifest["lines"] == datasets.load()["sample/redis"].lines
    assert manifest["sha256"]["log"]


def test_the_table_is_the_same_everywhere(prefect, results):
    """In the result, as CSV, as Markdown, as JSON and as an artifact of the run."""
    result = flows.run(
        "parse-all", {"datasets": "sample/redis", "parsers": "drain", "output": str(results)}
    )

    rows = list(csv.DictReader((results / "parse-all.csv").open()))
    assert [int(row["lines"]) for row in rows] == [row["lines"] for row in result["rows"]]
    assert (results / "parse-all.md").read_text() == result["table"]
    assert json.loads((results / "parse-all.json").read_bytes())["rows"] == result["rows"]
    from prefect.artifacts import Artifact

    artifact = Artifact.get("parse-all")
    assert json.loads(artifact.data)[0]["lines"] == result["rows"][0]["lines"]


def test_what_was_done_is_not_done_again(prefect, results):
    """The second run takes all from the cache; a lost or damaged output is made anew."""
    arguments = {"datasets": SMALL, "parsers": ["drain"], "output": str(results)}
    first = flows.run("parse-all", arguments)
    path = results / "sample" / "redis" / "drain.parquet"
    before = path.stat().st_mtime_ns

    second = flows.run("parse-all", arguments)
    assert set(statuses(second).values()) == {"cached"}
    assert second["cached"] == 2
    assert path.stat().st_mtime_ns == before
    facts = ("lines", "templates", "groups")
    assert [[r[f] for f in facts] for r in first["rows"]] == [
        [r[f] for f in facts] for r in second["rows"]
    ]

    path.unlink()
    (results / "sample" / "nginx-error" / "drain.parquet").write_bytes(b"cut")
    assert set(statuses(flows.run("parse-all", arguments)).values()) == {"ok"}
    assert pq.read_metadata(path).num_rows == datasets.load()["sample/redis"].lines


def test_other_parameters_are_other_work(prefect, results):
    """The cache key holds them."""
    arguments = {"datasets": "sample/redis", "parsers": "drain", "output": str(results)}
    flows.run("parse-all", arguments)

    changed = flows.run("parse-all", arguments | {"parameters": '{"drain": {"depth": 6}}'})

    assert set(statuses(changed).values()) == {"ok"}


def test_a_data_set_that_fails_does_not_stop_the_others(prefect, results):
    """It is a row with its reason; the flow run itself counts as failed."""
    result = flows.run(
        "parse-all",
        {
            "datasets": ["loghub-2.0-full/Apache", "sample/redis"],
            "parsers": ["drain"],
            "output": str(results),
        },
    )

    assert statuses(result) == {
        ("loghub-2.0-full/Apache", "drain"): "failed",
        ("sample/redis", "drain"): "ok",
    }
    assert result["failed"] == 1
    assert "set LOGPIPE_MIRROR" in result["rows"][0]["error"]
    assert "set LOGPIPE_MIRROR" in result["table"]


def test_a_run_with_a_failure_ends_as_failed(prefect, results):
    """So that Prefect's own pages, schedules and alerts see it."""
    flow = flows.load("parse-all")

    state = flow(
        datasets=["loghub-2.0-full/Apache"],
        parsers=["drain"],
        output=str(results),
        return_state=True,
    )

    assert state.is_failed()
    assert state.message == "1 of 1 failed: loghub-2.0-full/Apache with drain"


def test_a_parser_that_raises_is_a_row_too(prefect, results, tmp_path, monkeypatch):
    """A plug-in's exception is named; no half-written output is left."""
    (tmp_path / "broken_plugin.py").write_text(
        "class Broken:\n"
        "    def fit(self, messages): raise RuntimeError('plug-in is broken')\n"
        "    predict = fit_predict = partial_fit = fit\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    result = flows.run(
        "parse-all",
        {
            "datasets": ["sample/redis"],
            "parsers": ["broken_plugin:Broken", "drain"],
            "output": str(results),
        },
    )

    assert [row["status"] for row in result["rows"]] == ["failed", "ok"]
    assert "roken" in result["rows"][0]["error"]
    kept = {path.name for path in (results / "sample" / "redis").iterdir()}
    assert kept == {"drain.parquet", "drain.json"}


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"datasets": "sampel"}, UnknownNameError, "unknown data set or group 'sampel'"),
        ({"parsers": "drian"}, UnknownNameError, "unknown parser 'drian'"),
        ({"threads": "0"}, UsageError, "threads should be at least 1"),
        ({"parsers": ""}, UsageError, "nothing to do"),
        ({"parsers": "drain", "parameters": '{"drain3": {}}'}, UsageError, "for 'drain3', but"),
        (
            {"parsers": "drain", "parameters": '{"drain": {"dept": 4}}'},
            UsageError,
            "no parameter 'dept'",
        ),
        ({"colour": "red"}, UnknownNameError, "has no parameter 'colour'"),
    ],
)
def test_a_wrong_request_is_told_before_anything_starts(results, parameters, error, words):
    """No server is started, no folder made."""
    with pytest.raises(error, match=words):
        flows.run("parse-all", parameters | {"output": str(results)})
    assert not results.exists()


def test_by_default_the_sample_and_what_is_here_of_loghub_2k_is_parsed(results, monkeypatch):
    """Without a mirror that is the sample alone."""
    from flows.parse_all import check

    chosen, parsers, folder = check()

    assert chosen == [d.name for d in datasets.load().group("sample")]
    assert parsers == ["iterative", "drain"]
    assert folder == str(datasets.Home().folder / "results" / "parse-all")


def test_the_cache_key_follows_content_code_and_parameters(monkeypatch):
    """And nothing else: not where the input lies, not the number of threads."""
    from flows import results
    from flows.results import cache_key

    dataset = {"name": "n", "layout": "l", "sha256": {"log": "1"}, "paths": ["/a/x.log"]}
    base = {"dataset": dataset, "parser": "p", "parameters": {}, "output": "o", "threads": 1}

    def key(**changes):
        return cache_key("parse", "parser", "parameters", "output")(None, base | changes)

    same = [key(), key(threads=2), key(dataset=dataset | {"paths": ["/b/x.log"]})]
    different = [
        key(dataset=dataset | {"sha256": {"log": "2"}}),
        key(dataset=dataset | {"layout": "m"}),
        key(parser="q"),
        key(parameters={"depth": 5}),
        key(output="elsewhere"),
    ]
    monkeypatch.setattr(results, "code_version", lambda: "another")
    different.append(key())
    assert len(set(same)) == 1
    assert len(set(different) - set(same)) == 6


def test_the_flow_runs_in_a_fresh_process_without_any_set_up(results, checkout, tmp_path):
    """No server, no settings, an empty home: what `logpipe flow parse-all` does."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    clean |= {"PREFECT_HOME": str(tmp_path / "prefect"), "LOGPIPE_WORKERS": "2"}
    parameters = {"datasets": "sample/redis", "parsers": "drain", "output": str(results)}
    code = f"import flows; print(flows.run('parse-all', {parameters!r})['table'])"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean,
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "| sample/redis | drain  | ok     | 7,259 |" in done.stdout
    assert done.stderr == ""


@pytest.mark.mirror
def test_all_of_loghub_2k_is_parsed_by_both_parsers(prefect, results, monkeypatch):
    """16 systems, 2,000 lines each, none lost."""
    if not MIRROR:
        pytest.skip("LOGPIPE_MIRROR is not set")

    result = flows.run(
        "parse-all", {"datasets": "loghub-2k", "output": str(results), "mirror": MIRROR}
    )

    assert {row["status"] for row in result["rows"]} == {"ok"}
    assert [row["lines"] for row in result["rows"]] == [2000] * 32
