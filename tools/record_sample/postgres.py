"""PostgreSQL with a small shop: clerks, reports, errors, lock waits, deadlocks; the fault is a full disk and a crash.

The clients are psql processes that read their statements from a pipe, so each clerk has a session of some length.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import world
from shop_sql import CONF, HBA, PASSWORDS, PLAIN, READING, SCHEMA, SLOW, WRONG


class Server:
    def __init__(self) -> None:
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
        self.data = world.ROOT / "pg" / "data"

    def start(self) -> None:
        world.run("chown", "postgres:postgres", str(self.data.parent))
        world.run(
            str(self.bin / "initdb"),
            "-D",
            str(self.data),
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-A",
            "peer",
            user="postgres",
            group="postgres",
            stdout=subprocess.DEVNULL,
        )
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(CONF)
        (self.data / "pg_hba.conf").write_text(HBA)
        self._launch()
        self.admin(SCHEMA, database="postgres")

    def _launch(self) -> None:
        with (world.LOG_DIR / "postgresql.log").open("ab") as log:
            self.process = world.spawn(
                str(self.bin / "postgres"),
                "-D",
                str(self.data),
                stdout=log,
                stderr=log,
                user="postgres",
                group="postgres",
                extra_groups=[],
            )
        deadline = time.monotonic() + 30
        while world.quiet(str(self.bin / "pg_isready"), "-q", "-h", "/srv/sample/run") and time.monotonic() < deadline:
            if self.process.poll() is not None:
                return
            time.sleep(0.3)

    def versions(self) -> dict:
        return {"postgresql": world.output(str(self.bin / "postgres"), "--version").strip()}

    def stop(self) -> None:
        world.stop_process(self.process, signal.SIGINT)

    def admin(self, sql: str, database: str = "shop") -> str:
        done = subprocess.run(
            [str(self.bin / "psql"), "-XAtq", "-h", "/srv/sample/run", database],
            input=sql.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            user="postgres",
            group="postgres",
            extra_groups=[],
            timeout=60,
        )
        return done.stdout.decode()

    def workers(self, stop: threading.Event, during_fault: threading.Event) -> list:
        self.stopping, self.broken = stop, during_fault
        return [self.clerk, self.clerk, self.clerk, self.clerk, self.visitor, self.fighters, self.keeper]

    # -- normal use ------------------------------------------------------------------------------------------------

    def session(self, user: str, database: str = "shop", name: str = "", host: str = "127.0.0.1") -> subprocess.Popen:
        sink = subprocess.DEVNULL
        settings = {
            "PGPASSWORD": PASSWORDS.get(user, "wrong"),
            "PGAPPNAME": name or "psql",
            "PATH": "/usr/bin:/bin",
            "PGSSLMODE": "disable",
            "LC_ALL": "C.UTF-8",
            "HOME": "/nonexistent",
            "PGCONNECT_TIMEOUT": "5",
        }
        return subprocess.Popen(
            [str(self.bin / "psql"), "-Xq", "-h", host, "-U", user, database],
            env=settings,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=sink,
        )

    @staticmethod
    def fill(rng: random.Random, statement: str) -> bytes:
        values = {"{r}": rng.randrange(1, 9), "{c}": rng.randrange(1, 400), "{i}": rng.randrange(1, 300)}
        for slot, value in values.items():
            statement = statement.replace(slot, str(value))
        return statement.encode() + b"\n"

    def clerk(self, rng: random.Random) -> None:
        user = rng.choices(["clerk", "web", "report"], [5, 4, 2])[0]
        client = self.session(user, name=rng.choice(["", "till", "till", "nightly-report"]))
        try:
            for _ in range(rng.randrange(2, 14)):
                plain = PLAIN if user != "report" or rng.random() < 0.1 else READING
                kinds = rng.choices([plain, WRONG, SLOW], [80, 14, 8])[0]
                client.stdin.write(self.fill(rng, rng.choice(kinds)))
                client.stdin.flush()
                self.stopping.wait(rng.expovariate(9))
            if rng.random() < 0.05:
                # psql dies inside a transaction: "unexpected EOF".
                client.stdin.write(b"BEGIN; SELECT 1;\n")
                client.stdin.flush()
                time.sleep(0.2)
                client.kill()
            client.stdin.close()
        finally:
            self._finish(client)
        self.stopping.wait(rng.expovariate(3))

    @staticmethod
    def _finish(client: subprocess.Popen) -> None:
        try:
            client.wait(10)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()

    def visitor(self, rng: random.Random) -> None:
        """Those who never get in, short connections of the backup job, and now and then far too many at once."""
        what = rng.choices(
            ["password", "database", "role", "reject", "backup", "crowd", "probe", "pgbench"], [4, 2, 3, 2, 5, 1, 4, 4]
        )[0]
        if what == "crowd":
            crowd = [self.session(rng.choice(["clerk", "web"]), name="crowd") for _ in range(26)]
            time.sleep(1)
            for client in crowd:
                client.stdin.close()
            for client in crowd:
                self._finish(client)
        elif what == "backup":
            tables = rng.choice(["orders", "customers", "items"])
            self.quick(rng, "backup", "archive", f"SELECT count(*) FROM pg_class; -- {tables}\n")
        elif what == "password":
            self.quick(rng, rng.choice(["admin", "sa", "root"]), "shop", "")
        elif what == "database":
            self.quick(rng, "clerk", rng.choice(["shopp", "billing", "test"]), "")
        elif what == "role":
            self.quick(rng, rng.choice(["nobody", "intern"]), "archive", "")
        elif what == "reject":
            self.quick(rng, "postgres", "shop", "")
        elif what == "pgbench":
            # Extended protocol, to have "execute" and "parameters:" lines.
            script = world.RUN_DIR / "report.sql"
            script.write_text(
                "\\set c random(1, 400)\nSELECT pg_sleep(0.13), count(*) FROM orders WHERE customer = :c;\n"
            )
            world.quiet(
                str(self.bin / "pgbench"),
                "-n",
                "-M",
                rng.choice(["extended", "prepared"]),
                "-t",
                "3",
                "-f",
                str(script),
                "-h",
                "127.0.0.1",
                "-U",
                "report",
                "shop",
                env={"PGPASSWORD": PASSWORDS["report"], "PATH": "/usr/bin:/bin", "PGSSLMODE": "disable"},
            )
        else:
            self.probe(rng)
        self.stopping.wait(rng.uniform(0.3, 2.0))

    def quick(self, rng: random.Random, user: str, database: str, sql: str) -> None:
        client = self.session(user, database)
        try:
            client.stdin.write(sql.encode())
            client.stdin.close()
        except OSError:
            pass
        self._finish(client)

    def probe(self, rng: random.Random) -> None:
        hello = rng.choice(
            [
                b"",
                b"GET / HTTP/1.0\r\n\r\n",
                b"\x00\x00\x00\x08\x12\x34\x56\x78",
                b"\x00\x00\x00\x2a\x00\x07\x00\x00abcdefgh",
            ]
        )
        with socket.create_connection(
            (world.SERVER_ADDRESS, 5432), 3, source_address=(rng.choice(world.SCANNERS), 0)
        ) as raw:
            raw.sendall(hello)
            time.sleep(0.1)

    def fighters(self, rng: random.Random) -> None:
        """Two sessions that want the same rows: a lock wait, a lock timeout or a deadlock."""
        first, second = self.session("clerk", name="till"), self.session("web", name="till")
        a, b = rng.sample(range(1, 300), 2)
        what = rng.choice(["deadlock", "wait", "wait", "timeout", "nowait"])
        hold = f"BEGIN; UPDATE items SET stock = stock - 1 WHERE id = {a};\n"
        try:
            self.say(first, hold)
            if what == "deadlock":
                self.say(second, f"BEGIN; UPDATE items SET stock = stock - 1 WHERE id = {b};\n")
                time.sleep(0.1)
                self.say(first, f"UPDATE items SET stock = stock + 1 WHERE id = {b};\n")
                self.say(second, f"UPDATE items SET stock = stock + 1\n WHERE id = {a};\n")
                time.sleep(0.8)
            elif what == "wait":
                self.say(second, f"UPDATE items SET stock = stock - 2 WHERE id = {a};\n")
                time.sleep(rng.uniform(0.6, 1.2))
            elif what == "timeout":
                self.say(second, f"SET lock_timeout = 300; UPDATE items SET price = price + 1 WHERE id = {a};\n")
                time.sleep(0.7)
            else:
                time.sleep(0.1)
                self.say(second, f"SELECT * FROM items WHERE id = {a} FOR UPDATE NOWAIT;\n")
                time.sleep(0.1)
            self.say(first, "COMMIT;\n")
            self.say(second, "COMMIT;\n")
        except OSError:
            pass
        for client in (first, second):
            with contextlib.suppress(OSError):
                client.stdin.close()
            self._finish(client)
        self.stopping.wait(rng.uniform(1, 4))

    @staticmethod
    def say(client: subprocess.Popen, sql: str) -> None:
        client.stdin.write(sql.encode())
        client.stdin.flush()
        time.sleep(0.05)

    def keeper(self, rng: random.Random) -> None:
        """The administrator: maintenance, configuration changes, ended sessions."""
        self.stopping.wait(rng.uniform(3, 9))
        if self.broken.is_set() or self.stopping.is_set():
            return
        pick = "SELECT {}(pid) FROM pg_stat_activity WHERE usename IN ('clerk', 'web') LIMIT 1;"
        self.admin(
            rng.choice(
                [
                    "CHECKPOINT;",
                    "VACUUM ANALYZE orders;",
                    "CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer);\nDROP INDEX orders_customer;",
                    f"ALTER SYSTEM SET work_mem = '{rng.choice([192, 256, 320])}kB'; SELECT pg_reload_conf();",
                    f"ALTER SYSTEM SET max_connections = {rng.choice([24, 30])}; SELECT pg_reload_conf();",
                    pick.format("pg_terminate_backend"),
                    pick.format("pg_terminate_backend"),
                    pick.format("pg_cancel_backend"),
                    "TRUNCATE salaries; INSERT INTO salaries SELECT 'n', n FROM generate_series(1, 20000) n; DELETE FROM salaries;",
                ]
            )
        )

    # -- fault -----------------------------------------------------------------------------------------------------

    def fault(self, seconds: float, rng: random.Random) -> None:
        """The disk fills up while a bulk load runs; later a backend is killed with -9 and the server recovers."""
        began = time.monotonic()
        self.stopping.wait(2)
        ballast = world.fill_disk("pg", leave=24 << 20)
        # First what only needs scratch space (an error each), then what needs WAL (the server panics and stays down).
        scratch = "CREATE TEMP TABLE scratch AS SELECT n, repeat('x', 100) FROM generate_series(1, 300000) n;\n"
        sort = "SELECT n % 7, repeat('y', 60)\n  FROM generate_series(1, 400000) n\n ORDER BY 1, 2;\n"
        bulk = "INSERT INTO orders (customer, item, amount)\nSELECT 1, 1, n\n  FROM generate_series(1, 600000) n;\n"
        for load in (scratch, sort, scratch, sort, bulk, bulk):
            self.quick(rng, "clerk", "shop", load)
            self.stopping.wait(1)
        self.stopping.wait(max(0, seconds * 0.5 - (time.monotonic() - began)))
        ballast.unlink()
        if self.process.poll() is not None:
            self._launch()
        victim = ""
        while not victim and time.monotonic() - began < seconds * 0.8:
            self.stopping.wait(1)
            victim = self.admin("SELECT pid FROM pg_stat_activity WHERE usename IN ('clerk', 'web') LIMIT 1;").strip()
        if victim:
            os.kill(int(victim), signal.SIGKILL)
        self.stopping.wait(max(0, seconds * 0.8 - (time.monotonic() - began)))
        if self.process.poll() is not None:
            self._launch()
