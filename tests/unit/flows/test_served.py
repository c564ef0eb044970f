"""The flows as users of Prefect run them: a real server, real commands, and what goes wrong there.

One server for all tests of this file; each command is a process that imports Prefect, which costs
more CPU than the work it is asked to do.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flows
from flows.running import answers
from logpipe import datasets, pipeline
from logpipe.export import open_sink

pytest.importorskip("prefect")
pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]

PATIENCE = 240
PREFECT = Path(sys.executable).with_name("prefect")
NAME = "sample/redis"


class Served:
    """`logpipe up`, and the commands of a user beside it."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.folder = folder
        self.checkout = Path(flows.__file__).parents[1]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOGPIPE", "PREFECT"))}
        self.environment = {
            **kept,
            "PREFECT_HOME": str(folder / "prefect"),
            "LOGPIPE_HOME": str(folder / "home"),
            "HOME": str(folder),
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "DO_NOT_TRACK": "1",
        }
        self.started = []

    def start(self, *arguments, cwd=None, **variables):
        """A process in the background; what it says is in `.said`."""
        said = self.folder / f"{len(self.started)}.out"
        with said.open("wb") as file:
            process = subprocess.Popen(
                arguments,
                stdout=file,
                stderr=file,
                cwd=cwd or self.folder,
                env={**self.environment, **variables},
            )
        process.said = said
        self.started.append(process)
        return process

    def run(self, *arguments, cwd=None, **variables):
        """A command, to its end."""
        return subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            cwd=cwd or self.checkout,
            env={**self.environment, **variables},
            timeout=PATIENCE,
            check=False,
        )

    def prefect(self, *arguments, **more):
        """The `prefect` command, as it stands in the shell where it is installed."""
        program = [PREFECT] if PREFECT.is_file() else [sys.executable, "-m", "prefect"]
        return self.run(*program, *arguments, **more)

    def result(self, output, flow="parse-all"):
        """The result of a flow run that somebody executes."""
        path = output / f"{flow}.json"
        self.wait(path.is_file, f"{path} by a flow run")
        return json.loads(path.read_bytes())

    def wait(self, true, what):
        until = time.monotonic() + PATIENCE
        while not true():
            said = "\n".join(process.said.read_text() for process in self.started)
            assert time.monotonic() < until, f"no {what} in {PATIENCE} s\n{said}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("served"))
    up = served.start(sys.executable, "-m", "logpipe", "up", "--port", str(served.port))
    try:
        served.wait(lambda: b"run one from" in up.said.read_bytes(), "start of `logpipe up`")
        served.up = up
        yield served
    finally:
        for process in reversed(served.started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The bytes that the function writes which every task calls."""
    target = tmp_path_factory.mktemp("expected") / "drain.parquet"
    found = datasets.fetch(NAME)
    pipeline.parse(
        [str(path) for path in found.log_paths()],
        parser="drain",
        layout=found.dataset.layout,
        threads=1,
        sink=lambda info: open_sink(str(target), info=info),
    )
    return target.read_bytes()


def asking(output, parsers='["drain"]'):
    given = {"datasets": f'["{NAME}"]', "parsers": parsers, "output": f'"{output}"'}
    return [text for key, value in given.items() for text in ("-p", f"{key}={value}")]


def test_the_literal_command_runs_the_flow(served, expected, tmp_path):
    """`prefect deployment run parse-all`, from the project folder, with nothing else set up."""
    ran = served.prefect("deployment", "run", "parse-all", *asking(tmp_path))

    assert ran.returncode == 0, ran.stderr
    assert "'parse-all/parse-all'" in ran.stdout
    result = served.result(tmp_path)
    assert [row["status"] for row in result["rows"]] == ["ok"]
    assert (tmp_path / NAME / "drain.parquet").read_bytes() == expected


def test_a_mistake_in_a_parameter_is_the_state_of_the_run(served, tmp_path):
    """Its reason is one line in the terminal of `up`, whatever Prefect prints of its own below."""
    before = len(served.up.said.read_bytes())
    ran = served.prefect(
        *("deployment", "run", "parse-all", "--watch"),
        *("-p", 'datasets=["nosuch"]', "-p", f'output="{tmp_path}"'),
    )

    assert ran.returncode == 1
    said = served.up.said.read_bytes()[before:].decode()
    (line,) = [text for text in said.splitlines() if "Finished in state Failed" in text]
    assert "unknown data set or group 'nosuch'" in line
    assert said.count("Traceback") == 1


def test_a_worker_of_a_work_pool_writes_the_same(served, expected, tmp_path):
    """prefect.yaml deploys the flows to a pool; then a name that several have lists them."""
    pool = served.prefect("work-pool", "create", "logpipe", "--type", "process")
    assert pool.returncode == 0, pool.stderr
    deployed = served.prefect("--no-prompt", "deploy", "--all")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "logpipe"]
    served.start(*worker, PREFECT_API_URL=served.url)

    several = served.prefect("deployment", "run", "pool")
    ran = served.prefect("deployment", "run", "parse-all/pool", *asking(tmp_path))

    assert several.returncode == 2
    names = ", ".join(f"{name}/pool" for name in flows.names())
    assert several.stderr.splitlines()[-1] == (
        f"logpipe: error: several deployments are called 'pool': {names}"
    )
    assert ran.returncode == 0, ran.stderr
    assert [row["status"] for row in served.result(tmp_path)["rows"]] == ["ok"]
    assert (tmp_path / NAME / "drain.parquet").read_bytes() == expected


def test_a_server_that_is_killed_is_started_again(served, tmp_path):
    """With what it knew; what is asked of it afterwards is done."""
    before = served.up.said.read_text()
    found = served.run("ps", "-ww", "-eo", "pid,args").stdout.splitlines()
    (server,) = [
        int(line.split()[0])
        for line in found
        if "prefect server start" in line and str(served.port) in line
    ]
    os.kill(server, signal.SIGKILL)
    served.wait(lambda: "started again" in served.up.said.read_text()[len(before) :], "restart")
    served.wait(lambda: answers(served.url), "answer of the new server")

    ran = served.prefect("deployment", "run", "parse-all/parse-all", *asking(tmp_path))

    assert ran.returncode == 0, ran.stderr
    assert served.result(tmp_path)["failed"] == 0


def test_a_deployment_that_there_is_not_is_one_clear_line(served):
    """With how to get the list."""
    ran = served.prefect("deployment", "run", "parse-al")

    assert ran.returncode == 2
    assert "no deployment is called 'parse-al'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_port_that_is_taken_is_one_clear_line(served):
    """Before Prefect is imported for ten seconds."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        ran = served.run(sys.executable, "-m", "logpipe", "up", "--port", port)

    assert ran.returncode == 2
    assert ran.stderr == (
        f"logpipe: error: port {port} is in use by another program; choose another one by --port\n"
    )


@pytest.mark.parametrize("command", [["up"], ["flow", "parse-all", "-p", "datasets=sample"]])
def test_a_server_that_is_down_is_one_clear_line(served, command):
    """Prefect itself would try for minutes, and print pages."""
    ran = served.run(
        *(sys.executable, "-m", "logpipe", *command), PREFECT_API_URL="http://127.0.0.1:1/api"
    )

    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith("logpipe: error: no Prefect server answers at http://127.0.0.1:1/api")
