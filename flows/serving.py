"""`logpipe up`: a Prefect server and a process that executes the deployments of all flows.

One terminal, no pool, no configuration. The server is a process of its own and is started again if
it dies; what it knows is in its database. A flow run is a process, too, so neither a crash of one
nor the end of the server takes the others along.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from flows.environment import prepare, workers
from flows.running import answers, forget, remember
from logpipe.datasets.home import Home
from logpipe.errors import InputError, OutputError, UsageError

__all__ = ["Server", "deployments", "up"]

START_SECONDS = 180.0
"""A server needs 6 to 12 s to start, and many times that on a machine that is busy."""

RESTARTS = 5
"""How often in a row a server that dies within a minute is started again."""

Say = Callable[[str], None]


def up(host: str, port: int, limit: int | None, say: Say) -> None:
    """Serve the deployments of all flows until interrupted.

    Args:
        host: for the server; an address of this machine.
        port: likewise. If a Prefect server is there already, it is used.
        limit: flow runs at a time; default: one per core.
        say: told what happens, sentence by sentence.

    Raises:
        UsageError: the port is taken by something else, or Prefect is not installed.
        InputError: the server of PREFECT_API_URL does not answer, or ours does not start.
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")
    # Their pages about the sign-up for the cloud are no news to the user of this program.
    os.environ.setdefault("PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT", "false")
    prepare()
    with _server(host, port, say) as url:
        os.environ["PREFECT_API_URL"] = url
        from flows import names

        served = deployments()
        for deployment in served:
            # `serve` does this as well, but says nothing when it has done it, and the line below
            # invites to run one.
            deployment.apply()
        say(f"serving {', '.join(names())} at {url.removesuffix('/api')}")
        say("run one from the project folder: prefect deployment run parse-all")
        remember(url)
        try:
            _serve(served, limit or workers())
        finally:
            forget()
            say("stopped")


def deployments() -> list[Any]:
    """One deployment per flow, of the same name, that any folder can execute.

    Raises:
        UsageError: Prefect is not installed.
    """
    from flows import load, names, summary

    flows = [(name, load(name)) for name in names()]
    from prefect.types.entrypoint import EntrypointType

    return [
        flow.to_deployment(
            name, description=summary(name), entrypoint_type=EntrypointType.MODULE_PATH
        )
        for name, flow in flows
    ]


def _serve(served: list[Any], limit: int) -> None:
    from prefect import serve

    serve(*served, limit=limit, print_starting_message=False, pause_on_shutdown=False)


@contextmanager
def _server(host: str, port: int, say: Say) -> Iterator[str]:
    """The API address of a server, which is started if need be."""
    given = os.environ.get("PREFECT_API_URL", "")
    url = given or f"http://{host}:{port}/api"
    if given:
        if not answers(given, 10.0):
            raise InputError(
                f"no Prefect server answers at {given} (PREFECT_API_URL); start it, or unset the "
                f"variable, and `logpipe up` starts one"
            )
        say(f"using the server at {given} (PREFECT_API_URL)")
        yield given
    elif answers(url):
        say(f"using the Prefect server that is at port {port} already")
        yield url
    else:
        with Server(host, port, say) as server:
            yield server.url


class Server:
    """A Prefect server in a process of its own, for as long as the block lasts.

    Args:
        host, port: where it listens.
        say: told when it had to be started again.

    Raises:
        UsageError: the port is taken, or the address is not one of this machine.
        InputError: it does not start; the message has what it said last.
        OutputError: its log cannot be written.
    """

    def __init__(self, host: str, port: int, say: Say) -> None:
        self.url = f"http://{host}:{port}/api"
        self.log = Home().folder / "up-server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._address = (host, port)
        self._say = say
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="server-watch", daemon=True)

    def __enter__(self) -> Self:
        check_port(*self._address)
        try:
            self._start()
            self._wait(START_SECONDS)
        except BaseException:
            self._stop()
            raise
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._watcher.join(10)
        self._stop()

    def _start(self) -> None:
        host, port = self._address
        command = [sys.executable, "-m", "prefect", "server", "start"]
        command += ["--host", host, "--port", str(port)]
        environment = {k: v for k, v in os.environ.items() if k != "PREFECT_API_URL"}
        with _log(self.log) as log:
            # A session of its own: Ctrl-C ends the flow runs first, then us, then the server.
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not answers(self.url, 1.0):
            assert self.process is not None
            code = self.process.poll()
            if code is not None or time.monotonic() > until:
                ended = f"ended with {code}" if code is not None else f"took over {seconds:.0f} s"
                raise InputError(
                    f"the Prefect server did not start: it {ended}; {_last_line(self.log)} "
                    f"All it said is in {self.log}"
                )
            time.sleep(0.2)

    def _watch(self) -> None:
        tries, started = 0, time.monotonic()
        while not self._ending.wait(1.0):
            assert self.process is not None
            if self.process.poll() is None:
                continue
            tries = tries + 1 if time.monotonic() - started < 60 else 1
            if tries > RESTARTS:
                self._say(f"the server died {RESTARTS} times in a row; see {self.log}")
                return
            self._say(f"the server died ({self.process.returncode}) and is started again")
            started = time.monotonic()
            self._start()

    def _stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def check_port(host: str, port: int) -> None:
    """Refuse an address that cannot be listened at.

    Raises:
        UsageError: why, and what to do.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the server does, so that a connection that just ended is not in the way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        taken = "port {0} is in use by another program; choose another one by --port"
        other = f"cannot listen at {host} port {port}: {error.strerror or error}"
        in_use = error.errno is not None and os.strerror(error.errno) == "Address already in use"
        raise UsageError(taken.format(port) if in_use else other) from None


@contextmanager
def _log(path: Path) -> Iterator[IO[bytes]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}; set LOGPIPE_HOME to another folder"
        ) from None
    with file:
        yield file


def _last_line(path: Path) -> str:
    with contextlib.suppress(OSError):
        lines = path.read_text("utf-8", "replace").strip().splitlines()
        if lines:
            return f"it said last: {lines[-1].strip()[:300]}."
    return "it said nothing."
