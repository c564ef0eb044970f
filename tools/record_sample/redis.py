"""Redis: a primary, a replica and a watching sentinel that share one log file; the fault is a full disk, then kill -9."""

import random
import shutil
import signal
import socket
import threading
import time

import world

# No crash report: it would print the kernel and the memory map of the recording machine.
COMMON = """
bind 127.0.0.1
logfile /var/log/sample/redis.log
loglevel verbose
always-show-logo no
protected-mode no
repl-diskless-sync-delay 1
save 4 40
save 12 1
maxmemory-policy noeviction
crash-log-enabled no
crash-memcheck-enabled no
"""
PRIMARY = (
    COMMON
    + """
port 6379
appendonly yes
maxmemory 12mb
auto-aof-rewrite-min-size 3mb
auto-aof-rewrite-percentage 200
client-output-buffer-limit pubsub 64kb 32kb 2
timeout 20
"""
)
REPLICA = (
    COMMON
    + """
port 6380
replicaof 127.0.0.1 6379
repl-timeout 8
replica-ignore-disk-write-errors yes
"""
)
SENTINEL = """
bind 127.0.0.1
port 26379
logfile /var/log/sample/redis.log
protected-mode no
sentinel monitor carts 127.0.0.1 6379 2
sentinel down-after-milliseconds carts 2500
"""


class Client:
    """Just enough RESP to send a command and read one reply."""

    def __init__(self, source: str = "127.0.0.1", port: int = 6379) -> None:
        self.socket = socket.create_connection((world.SERVER_ADDRESS, port), 4, source_address=(source, 0))
        self.reader = self.socket.makefile("rb")

    def __call__(self, *words):
        parts = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self._reply()

    def _reply(self):
        line = self.reader.readline()
        if not line:
            raise EOFError("server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        return rest if kind != b"-" else b"-" + rest

    def close(self) -> None:
        self.reader.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


CONFIGS = {"primary": PRIMARY, "replica": REPLICA, "sentinel": SENTINEL}


class Server:
    def start(self) -> None:
        self.processes = {}
        world.run("chown", "redis:redis", str(world.ROOT / "redis"))
        for name, config in CONFIGS.items():
            folder = world.ROOT / "redis" / name
            folder.mkdir()
            (folder / "redis.conf").write_text(f"{config}dir {folder}\n")
            world.run("chown", "-R", "redis:redis", str(folder))
            self._launch(name)
            if name == "primary":
                world.wait_for_port(6379)

    def _launch(self, name: str) -> None:
        conf = str(world.ROOT / "redis" / name / "redis.conf")
        command = ["redis-server", conf, *(["--sentinel"] if name == "sentinel" else [])]
        self.processes[name] = world.spawn(*command, user="redis", group="redis", extra_groups=[])

    def versions(self) -> dict:
        return {"redis": " ".join(world.output("redis-server", "--version").split()[:3])}

    def stop(self) -> None:
        for name in ("sentinel", "replica", "primary"):
            world.stop_process(self.processes[name])

    def workers(self, stop: threading.Event, during_fault: threading.Event) -> list:
        self.stopping, self.broken = stop, during_fault
        return [self.shopper, self.shopper, self.oddity, self.keeper]

    # -- normal use ------------------------------------------------------------------------------------------------

    def shopper(self, rng: random.Random) -> None:
        with Client(rng.choice(world.CLIENTS)) as redis:
            if rng.random() < 0.5:
                redis("CLIENT", "SETNAME", f"till-{rng.randrange(1, 9)}")
            for _ in range(rng.randrange(2, 30)):
                key = f"cart:{rng.randrange(600)}"
                what = rng.randrange(7)
                if what < 3:
                    redis("SET", key, "x" * rng.randrange(20, 400), "EX", rng.randrange(10, 120))
                elif what < 5:
                    redis("GET", key)
                elif what == 5:
                    redis("INCR", f"hits:{rng.randrange(50)}")
                else:
                    redis("SELECT", rng.choice([0, 0, 0, 1, 2]))
                self.stopping.wait(rng.expovariate(60))
        self.stopping.wait(rng.expovariate(3))

    def oddity(self, rng: random.Random) -> None:
        """Clients that misbehave: web requests sent to Redis, broken protocol, subscribers that do not read."""
        what = rng.choice(["http", "protocol", "subscriber", "burst", "replica", "idle", "script"])
        source = rng.choice(world.SCANNERS if what in ("http", "protocol") else world.CLIENTS)
        if what == "http":
            with socket.create_connection((world.SERVER_ADDRESS, 6379), 3, source_address=(source, 0)) as raw:
                raw.sendall(rng.choice([b"POST / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n"]))
                self.stopping.wait(0.2)
        elif what == "protocol":
            with socket.create_connection((world.SERVER_ADDRESS, 6379), 3, source_address=(source, 0)) as raw:
                raw.sendall(rng.choice([b"*9999999\r\n", b"*1\r\n$-7\r\n", b"*2\r\nGET\r\n", b'GET "broken\r\n']))
                self.stopping.wait(0.2)
        elif what == "subscriber":
            with Client(source) as deaf, Client() as loud:
                deaf("SUBSCRIBE", "news")
                deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                for _ in range(500):
                    loud("PUBLISH", "news", "n" * 20000)
        elif what == "burst":
            with Client(source) as redis:
                for number in range(400):
                    redis("SET", f"burst:{number}", "b" * rng.randrange(100, 900), "EX", 30)
        elif what == "replica":
            with Client(source, 6380) as redis:
                redis("SET", "nope", 1)
                redis("DBSIZE")
        elif what == "idle":
            with Client(source) as redis:
                redis("PING")
                self.stopping.wait(23)
        else:
            with Client(source) as redis:
                redis("CONFIG", "SET", "lua-time-limit", "150")
                redis(
                    "EVAL",
                    "local t = redis.call('TIME') local s = t[1] * 1000000 + t[2] repeat t = redis.call('TIME') "
                    "until t[1] * 1000000 + t[2] - s > 250000 return 1",
                    0,
                )
        self.stopping.wait(rng.uniform(1, 4))

    def keeper(self, rng: random.Random) -> None:
        self.stopping.wait(rng.uniform(6, 14))
        if self.broken.is_set() or self.stopping.is_set():
            return
        with Client() as redis:
            what = rng.randrange(6)
            if what == 0:
                redis("BGREWRITEAOF")
            elif what == 1:
                redis("BGSAVE")
            elif what == 2:
                redis("CONFIG", "REWRITE")
            elif what == 3:
                redis("CLIENT", "KILL", "TYPE", "replica")
            elif what == 4:
                redis("SAVE")
            else:
                with Client(port=6380) as replica:
                    replica("REPLICAOF", "NO", "ONE")
                    self.stopping.wait(1)
                    replica("REPLICAOF", "127.0.0.1", "6379")

    # -- fault -----------------------------------------------------------------------------------------------------

    def fault(self, seconds: float, rng: random.Random) -> None:
        """Memory limit and disk are reached: saves fail, writes are refused; then the primary is killed and comes back."""
        began = time.monotonic()
        ballast = world.fill_disk("redis", leave=1 << 20)
        try:
            with Client("127.0.10.30") as redis:
                for number in range(4000):
                    if self.stopping.wait(0.004) or time.monotonic() - began > seconds * 0.45:
                        break
                    redis("SET", f"runaway:{number}", "r" * 4000, "EX", int(seconds))
        except (OSError, EOFError):
            pass
        self.stopping.wait(max(0, seconds * 0.5 - (time.monotonic() - began)))
        self.processes["primary"].send_signal(signal.SIGKILL)
        self.processes["primary"].wait()
        self.stopping.wait(seconds * 0.12)
        ballast.unlink()
        self._launch("primary")
        self.stopping.wait(2)
        if self.processes["primary"].poll() is not None:
            # The half-written append-only file is refused, as it should be: repair it and start again.
            folder = world.ROOT / "redis" / "primary" / "appendonlydir"
            if world.quiet("redis-check-aof", "--fix", str(folder / "appendonly.aof.manifest"), stdin=b"y\n"):
                shutil.rmtree(folder)
            self._launch("primary")
        self.stopping.wait(max(0, seconds * 0.8 - (time.monotonic() - began)))
        for name, process in self.processes.items():
            if process.poll() is not None:
                self._launch(name)
