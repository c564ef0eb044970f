"""OpenSSH behind a real syslog daemon: logins good and bad, sftp, scanners; the fault is a password brute force."""

import contextlib
import random
import socket
import subprocess
import threading
import time

import world

RSYSLOG = """
module(load="imuxsock" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0")
global(workDirectory="/srv/sample/run" localHostname="demo-host")
if $programname == "sshd" or $programname == "internal-sftp" then
  action(type="omfile" file="/var/log/sample/sshd.log" template="RSYSLOG_TraditionalFileFormat")
"""

SSHD = """
Port 22
ListenAddress 127.0.0.1
HostKey /srv/sample/ssh/host_ed25519
HostKey /srv/sample/ssh/host_rsa
AuthorizedKeysFile /srv/sample/ssh/keys/%u
LogLevel VERBOSE
UsePAM yes
UseDNS no
PermitRootLogin no
DenyUsers guest
PasswordAuthentication yes
KbdInteractiveAuthentication yes
LoginGraceTime 6
MaxAuthTries 4
MaxStartups 6:40:14
AllowTcpForwarding local
PermitOpen 127.0.0.1:6379
PidFile none
Subsystem sftp internal-sftp -l INFO
"""

GUESSED_NAMES = [
    "admin",
    "test",
    "oracle",
    "ubuntu",
    "pi",
    "user",
    "ftp",
    "git",
    "jenkins",
    "hadoop",
    "mysql",
    "www",
    "minecraft",
    "steam",
    "support",
    "nagios",
    "zabbix",
    "vagrant",
    "ansible",
    "tomcat",
    "student",
    "operator",
    "monitor",
    "dev",
    "web",
    "info",
    "sales",
    "office",
    "scanner",
    "teamspeak",
]
GUESSED_WORDS = [
    "123456",
    "password",
    "admin",
    "qwerty",
    "letmein",
    "111111",
    "root",
    "toor",
    "changeme",
    "welcome1",
    "dragon",
    "abc123",
]
COMMANDS = ["true", "uptime", "id", "ls -l /tmp", "df -h /tmp", "sleep 0.4", "cat /etc/hostname", "exit 3"]


class Server:
    def __init__(self) -> None:
        self.folder = world.ROOT / "ssh"

    def start(self) -> None:
        self.folder.mkdir()
        (self.folder / "keys").mkdir()
        for name, kind in (("host_ed25519", "ed25519"), ("host_rsa", "rsa"), ("stranger", "ed25519")):
            self._keygen(name, kind)
        for number, name in enumerate(world.PEOPLE):
            self._keygen(name, "rsa" if number % 3 == 1 else "ed25519")
            public = (self.folder / f"{name}.pub").read_text()
            (self.folder / "keys" / name).write_text(public)
        (self.folder / "rsyslog.conf").write_text(RSYSLOG)
        (self.folder / "sshd_config").write_text(SSHD)
        self.syslog = world.spawn("rsyslogd", "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", "NONE")
        time.sleep(1)
        self.daemon = world.spawn("/usr/sbin/sshd", "-D", "-f", str(self.folder / "sshd_config"))
        world.wait_for_port(22)

    def _keygen(self, name: str, kind: str) -> None:
        world.run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(self.folder / name))

    def versions(self) -> dict:
        return {"openssh": world.output("ssh", "-V").strip(), "rsyslog": world.output("rsyslogd", "-v").split(" (")[0]}

    def stop(self) -> None:
        world.stop_process(self.daemon)
        time.sleep(0.5)
        world.stop_process(self.syslog)

    def workers(self, stop: threading.Event, during_fault: threading.Event) -> list:
        """Two people at a time, one scanner."""
        self.stopping = stop
        return [self.person, self.person, self.scanner]

    # -- normal use ------------------------------------------------------------------------------------------------

    def person(self, rng: random.Random) -> None:
        staff = ["alice", "bruno", "chiara", "deepak", "emeka", "freya", "deploy", "backup"]
        name = rng.choice(staff)
        source = rng.choice(world.CLIENTS)
        what = rng.choices(
            ["key", "password", "kbdint", "sftp", "tty", "forward", "slip", "wrong_key", "dropped", "refused"],
            [34, 14, 8, 12, 5, 5, 9, 4, 4, 5],
        )[0]
        if what == "key":
            self.ssh(name, source, rng.choice(COMMANDS))
        elif what == "password":
            self.ssh(name, source, rng.choice(COMMANDS), passwords=[world.PEOPLE[name][1]])
        elif what == "kbdint":
            method = "keyboard-interactive"
            self.ssh(name, source, rng.choice(COMMANDS), passwords=[world.PEOPLE[name][1]], method=method)
        elif what == "sftp":
            number = rng.randrange(1000)
            local = f"/etc/{rng.choice(['hosts', 'passwd', 'group', 'debian_version'])}"
            batch = f"put {local} report-{number}.txt\nls\nmkdir week-{number}\nget report-{number}.txt /dev/null\n"
            file = f"report-{number}.txt"
            batch += f"rename {file} week-{number}/r.txt\n" if rng.random() < 0.5 else f"rm {file}\n"
            self.ssh(name, source, None, sftp=batch)
        elif what == "tty":
            if rng.random() < 0.5:
                self.ssh(name, source, "tty; sleep 0.2", extra=["-tt"])
            else:
                world.quiet(*self.command(name, source, None, extra=["-tt"]), stdin=b"id\nexit\n", timeout=8)
        elif what == "forward":
            # Only the Redis port may be forwarded, the other request is refused and logged.
            port = rng.choice([6379, 5432, 11211])
            self.ssh(name, source, None, extra=["-W", f"127.0.0.1:{port}"])
        elif what == "slip":
            typo = world.PEOPLE[name][1][:-1] + rng.choice("xyz")
            method = rng.choice(["password", "keyboard-interactive"])
            self.ssh(name, source, "true", passwords=[typo], method=method)
            self.ssh(name, source, "true", passwords=[world.PEOPLE[name][1]], method=method)
        elif what == "wrong_key":
            self.ssh(name, source, "true", key="stranger")
        elif what == "dropped":
            # A client that dies in the middle of its session, without saying goodbye.
            client = subprocess.Popen(
                self.command(name, source, "sleep 5"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.stopping.wait(rng.uniform(0.3, 1.5))
            client.kill()
            client.wait()
        else:
            name = rng.choice(["oldtimer", "locked", "guest", "root"])
            password = "whatever" if name == "root" else world.PEOPLE[name][1] or "x"
            self.ssh(name, source, "true", passwords=[password], method=rng.choice(["password", "publickey"]))
        self.stopping.wait(rng.expovariate(2.5))

    def command(self, name, source, remote, key=None, method="publickey", extra=()) -> list:
        options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "IdentitiesOnly=yes",
            "ConnectTimeout=8",
            f"PreferredAuthentications={method}",
            "NumberOfPasswordPrompts=3",
        ]
        identity = self.folder / (key or (name if name in world.PEOPLE else "stranger"))
        command = ["ssh", "-F", "/dev/null", "-b", source, "-i", str(identity)]
        # ssh takes the first value it finds of an option, so `extra` goes first.
        command += extra
        for option in options:
            command += ["-o", option]
        return [*command, f"{name}@{world.SERVER_ADDRESS}", *([remote] if remote else [])]

    def ssh(self, name, source, remote, *, passwords=(), method=None, key=None, extra=(), sftp=None) -> None:
        command = self.command(name, source, remote, key, method or ("password" if passwords else "publickey"), extra)
        if sftp is not None:
            # sftp takes the same options but no -b address: its own -b is the batch file.
            command = ["sftp", "-b", "-", "-o", f"BindAddress={source}", *command[1:3], *command[5:]]
            world.quiet(*command, stdin=sftp.encode(), timeout=15)
        elif passwords:
            world.quiet("sshpass", "-p", passwords[0], *command, timeout=15)
        else:
            world.quiet(*command, timeout=15)

    def scanner(self, rng: random.Random) -> None:
        source = rng.choice(world.SCANNERS)
        what = rng.randrange(6)
        if what == 0:
            world.quiet(*self.command("root", source, None, extra=["-o", "KexAlgorithms=diffie-hellman-group1-sha1"]))
        elif what == 1:
            world.quiet(*self.command("root", source, None, extra=["-c", "3des-cbc"]))
        elif what == 2:
            self.ssh(rng.choice(GUESSED_NAMES), source, "true", passwords=[rng.choice(GUESSED_WORDS)])
        else:
            hello = [
                b"",
                b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n",
                b"\x16\x03\x01\x00\xa5\x01\x00\r\n",
                b"SSH-2.0-Go\r\n",
            ]
            with socket.create_connection((world.SERVER_ADDRESS, 22), 3, source_address=(source, 0)) as raw:
                said = rng.choice(hello)
                raw.sendall(said)
                if said[:4] in (b"", b"SSH-") and rng.random() < 0.4:
                    self.stopping.wait(8)
                else:
                    time.sleep(0.1)
        self.stopping.wait(rng.uniform(0.8, 3.5))

    # -- fault -----------------------------------------------------------------------------------------------------

    def fault(self, seconds: float, rng: random.Random) -> None:
        """Password guessing from four addresses, more connections at once than MaxStartups allows."""
        end = time.monotonic() + seconds * 0.85
        threads = [threading.Thread(target=self._guess, args=(end, random.Random(f"{n}"))) for n in range(4)]
        for thread in threads:
            thread.start()
        held = []
        while time.monotonic() < end:
            # Half-open connections that never speak, to press on MaxStartups.
            with contextlib.suppress(OSError):
                held.append(
                    socket.create_connection(
                        (world.SERVER_ADDRESS, 22), 3, source_address=(rng.choice(world.ATTACKERS), 0)
                    )
                )
            if len(held) > 12:
                held.pop(0).close()
            time.sleep(rng.uniform(0.15, 0.9))
        for raw in held:
            raw.close()
        for thread in threads:
            thread.join()

    def _guess(self, end: float, rng: random.Random) -> None:
        while time.monotonic() < end:
            name = rng.choice([*GUESSED_NAMES, "root", "root", "root", "alice", "backup"])
            source = rng.choice(world.ATTACKERS)
            command = self.command(
                name, source, "true", key="stranger", method="password", extra=["-o", "NumberOfPasswordPrompts=5"]
            )
            if rng.random() < 0.3:
                # Several guesses in one connection, until the server has had enough. setsid: ask without a terminal.
                asking = {"SSH_ASKPASS": "/bin/hostname", "SSH_ASKPASS_REQUIRE": "force", "PATH": "/usr/bin:/bin"}
                world.quiet("setsid", *command, env=asking, timeout=15)
            else:
                world.quiet("sshpass", "-p", rng.choice(GUESSED_WORDS), *command, timeout=15)
            time.sleep(rng.uniform(0.02, 0.3))
