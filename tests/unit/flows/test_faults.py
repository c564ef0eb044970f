"""What flows survive: being killed, a disk that takes no more, folders that cannot be written."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from test_cluster import PATIENCE, one_after_the_other, write_log

import flows
from flows import plugin, storage
from flows.fetching import choose
from logpipe.errors import InputError, OutputError, UsageError

pytest.importorskip("prefect")
pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


def test_a_killed_run_goes_on_with_the_shards_that_are_missing(prefect, tmp_path):
    """Kill -9 while they are written; the bytes in the end are those of an undisturbed run."""
    from prefect.settings import PREFECT_API_URL

    log, output = tmp_path / "big.log", tmp_path / "results"
    write_log(log, 12)
    shards, expected = one_after_the_other(log, tmp_path / "here", 1)
    target = output / "files" / "big.log" / "drain.parquet"
    folder = target.with_name("drain.parquet.shards")
    arguments = {
        "datasets": str(log),
        "parsers": "drain",
        "output": str(output),
        "shard_megabytes": "1",
    }
    command = [sys.executable, "-m", "logpipe", "flow", "parse-all"]
    given = [text for key, value in arguments.items() for text in ("-p", f"{key}={value}")]
    # The server of this test's own Prefect: a killed process would leave its own one behind.
    environment = os.environ | {
        "PREFECT_API_URL": PREFECT_API_URL.value(),
        "PREFECT_LOCAL_STORAGE_PATH": str(prefect / "storage"),
        "LOGPIPE_WORKERS": "1",
    }
    with subprocess.Popen([*command, *given], env=environment, stdout=subprocess.DEVNULL) as run:
        until = time.monotonic() + PATIENCE
        while len([*folder.glob("part-*.parquet")]) < 2:
            assert run.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
    assert not target.exists()
    assert 2 <= len([*folder.glob("part-*.parquet")]) < shards

    result = flows.run("parse-all", arguments)

    assert target.read_bytes() == expected
    manifest = storage.read_json(storage.manifest_of(str(target)))
    assert 1 <= manifest["shards_reused"] < shards
    assert [row["status"] for row in result["rows"]] == ["ok"]
    assert flows.run("parse-all", arguments)["cached"] == 1
    assert not folder.exists()


HOLDER = """
import subprocess, sys, time
from flows.runners import ended_with_us
sleeper = "import time; print('x', flush=True); time.sleep(90)"
other = subprocess.Popen([sys.executable, "-c", sleeper])
with ended_with_us(other.pid):
    time.sleep(float(sys.argv[1]))
print("left", other.poll(), flush=True)
other.kill()
"""


def test_a_killed_run_takes_its_temporary_server_along():
    """The server would hold standard output open, and a pipe that reads it would wait for ever."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, "60"], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"x\n"
        run.send_signal(signal.SIGKILL)
        assert run.communicate(timeout=30)[0] == b""


def test_a_run_that_ends_well_stops_its_server_itself():
    """Whoever watches over it leaves it alone then."""
    run = subprocess.run([sys.executable, "-c", HOLDER, "0.5"], capture_output=True, timeout=60)

    assert run.stdout.split() == [b"x", b"left", b"None"]


def test_a_disk_that_takes_no_more_spoils_nothing_else(prefect, results, tmp_path):
    """The output that does not fit fails with its reason, the other one is there; then the rest."""
    write_log(tmp_path / "large.log", 5)
    write_log(tmp_path / "small.log", 0.05)
    arguments = {
        "datasets": [str(tmp_path / "large.log"), str(tmp_path / "small.log")],
        "parsers": ["drain"],
        "output": str(results),
    }
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        result = flows.run("parse-all", arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    statuses = {r["dataset"]: r["status"] for r in result["rows"]}
    assert statuses == {"files/large.log": "failed", "files/small.log": "ok"}
    error = result["rows"][0]["error"]
    assert "cannot write" in error
    assert "File too large" in error
    assert [*(results / "files" / "large.log").iterdir()] == []

    again = flows.run("parse-all", arguments)
    assert [r["status"] for r in again["rows"]] == ["ok", "cached"]


@pytest.mark.parametrize("flow", flows.names())
def test_results_that_cannot_be_written_are_told_before_the_work(tmp_path, flow):
    """A folder that cannot be made; hours later it would be too late."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputError, match=r"cannot write results to .*choose another folder"):
        flows.run(flow, {"datasets": "sample/redis", "output": str(tmp_path / "file" / "out")})


def test_an_address_that_nobody_can_open_says_what_to_install(tmp_path):
    """Fsspec knows many kinds of addresses, each by a package of its own."""
    with pytest.raises(UsageError, match=r"moon://a/b: cannot be opened"):
        flows.run("parse-all", {"datasets": "sample/redis", "output": "moon://a/b"})


def test_results_can_lie_at_an_address(prefect, tmp_path, monkeypatch):
    """Here `file://`, by the same code as for object stores; shards too, and it is cached."""
    log = tmp_path / "big.log"
    write_log(log, 4)
    _, expected = one_after_the_other(log, tmp_path / "here", 1)
    arguments = {
        "datasets": ["sample/redis", str(log)],
        "parsers": ["drain"],
        "output": f"file://{tmp_path}/far",
        "shard_megabytes": 1,
    }

    first = flows.run("parse-all", arguments)
    second = flows.run("parse-all", arguments)

    assert [row["status"] for row in first["rows"]] == ["ok", "ok"]
    assert second["cached"] == 2
    assert (tmp_path / "far" / "files" / "big.log" / "drain.parquet").read_bytes() == expected
    assert not (tmp_path / "far" / "files" / "big.log" / "drain.parquet.shards").exists()
    assert (tmp_path / "far" / "parse-all.md").read_text() == second["table"]


def test_own_logs_are_named_by_paths(tmp_path):
    """A path is no name of a data set; two of one name would overwrite each other's results."""
    (tmp_path / "a").mkdir()
    for path in (tmp_path / "x.log", tmp_path / "a" / "x.log"):
        path.write_bytes(b"line\n")

    assert choose([str(tmp_path / "x.log")], None) == [str(tmp_path / "x.log")]
    with pytest.raises(UsageError, match="would have the same results"):
        choose([str(tmp_path / "x.log"), str(tmp_path / "a" / "x.log")], None)
    with pytest.raises(InputError, match=r"missing.log: no such file"):
        choose([str(tmp_path / "missing.log")], None)
    with pytest.raises(InputError, match="is a folder"):
        choose([str(tmp_path)], None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["/v/bin/python", "/v/bin/prefect", "deployment", "run", "x"], ["deployment", "run", "x"]),
        (["python", "-m", "prefect", "-p", "dev", "deployment", "ls"], ["deployment", "ls"]),
        (["python3", "-X", "dev", "-m", "prefect"], []),
        (["python", "-m", "pytest", "prefect"], None),
        (["python", "prefect"], None),
        (["python", "-c", "import prefect"], None),
    ],
)
def test_the_plug_in_knows_the_prefect_command(arguments, expected):
    """In all other processes it does nothing."""
    assert plugin.command_of(arguments) == expected


def test_the_plug_in_never_breaks_prefect(monkeypatch):
    """Whatever Prefect has made of the method that it wraps."""
    import logging

    class Context:
        api_url = None
        logger_factory = staticmethod(logging.getLogger)

    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "prefect", "deployment", "run", "x"])
    monkeypatch.setitem(sys.modules, "prefect.client.orchestration._deployments.client", None)

    assert plugin.setup_environment(ctx=Context()) is None
