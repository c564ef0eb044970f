#!/usr/bin/env python3
"""Record the embedded sample: real servers, mixed use, one marked fault window.

    sudo python3 record.py --out DIR [--before 200] [--fault 70] [--after 130]

The recorder re-executes itself in fresh mount, PID, network, UTS and IPC namespaces. That keeps the machine out of
the logs (its own host name, users, PIDs, log folder) and the recording out of the machine: the only network is a
loopback interface of its own, and everything that was started dies with PID 1 of the namespace.

Writes DIR/<name>.log, one per server, and DIR/recording.json (versions, phases). `build.py` turns that into the package
data. Needs root and the Debian packages named in README.md; Python's standard library only.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import nginx
import openssh
import postgres
import redis
import world

LOGS = ("sshd.log", "postgresql.log", "nginx-access.log", "nginx-error.log", "redis.log")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--before", type=float, default=200, help="seconds of normal use before the fault")
    options.add_argument("--fault", type=float, default=70, help="seconds of the fault window")
    options.add_argument("--after", type=float, default=130, help="seconds of normal use after the fault")
    options.add_argument("--seed", type=int, default=7, help="of the choices; times are the machine's own")
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = options.parse_args()
    if not args.inside:
        # The shell stays PID 1 (no exec) because someone must reap the orphans that killed servers leave behind.
        inner = [sys.executable, __file__, "--inside", *sys.argv[1:]]
        unshare = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--net", "--uts", "--ipc"]
        return subprocess.call([*unshare, "sh", "-c", '"$@"; exit $?', "sh", *inner])
    args.out.mkdir(parents=True, exist_ok=True)
    record(args)
    return 0


def record(args) -> None:
    world.enter()
    servers = (openssh.Server(), postgres.Server(), redis.Server(), nginx.Server())
    facts = {"versions": {}, "phases": {}}
    for server in servers:
        server.start()
        facts["versions"].update(server.versions())
    mark(facts, "recording_start")

    stop = threading.Event()
    during_fault = threading.Event()
    threads = []
    for server in servers:
        for number, worker in enumerate(server.workers(stop, during_fault)):
            rng = random.Random(f"{args.seed}-{type(server).__module__}-{number}")
            threads.append(threading.Thread(target=keep_going, args=(worker, rng, stop), daemon=True))
    for thread in threads:
        thread.start()
    stop.wait(args.before)

    # The window begins and ends on a full second, so that headers of one-second resolution fall on one side of it.
    next_second()
    mark(facts, "fault_start")
    during_fault.set()
    breakers = [
        threading.Thread(target=server.fault, args=(args.fault, random.Random(f"{args.seed}-fault")), daemon=True)
        for server in servers
    ]
    began = time.monotonic()
    for thread in breakers:
        thread.start()
    for thread in breakers:
        thread.join()
    during_fault.clear()
    stop.wait(max(0.0, args.fault - (time.monotonic() - began)))
    next_second()
    mark(facts, "fault_end")

    stop.wait(args.after)
    stop.set()
    for thread in threads:
        thread.join(timeout=15)
    for server in reversed(servers):
        server.stop()
    time.sleep(1)
    mark(facts, "recording_end")
    for name in LOGS:
        shutil.copyfile(world.LOG_DIR / name, args.out / name)
    (args.out / "recording.json").write_text(json.dumps(facts, indent=2) + "\n")


def keep_going(worker, rng: random.Random, stop: threading.Event) -> None:
    """Run one worker until the end; a refused connection is part of the recording, not an error of the recorder."""
    while not stop.is_set():
        try:
            worker(rng)
        except (OSError, EOFError, subprocess.SubprocessError, ValueError) as error:
            print(f"{worker.__qualname__}: {error!r}", file=sys.stderr)
            stop.wait(0.5)


def next_second() -> None:
    time.sleep(1 - time.time() % 1)


def mark(facts: dict, phase: str) -> None:
    now = datetime.now(UTC)
    facts["phases"][phase] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(phase, facts["phases"][phase], file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    os.environ["LC_ALL"] = "C.UTF-8"
    sys.exit(main())
