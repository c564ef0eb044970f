"""The small world in which the recording happens: mounts, users, addresses, child processes.

Everything here runs inside private namespaces (see record.py), so binding over /etc/passwd or /dev changes nothing
outside.
"""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

HOST = "demo-host"
ROOT = Path("/srv/sample")
LOG_DIR = Path("/var/log/sample")
RUN_DIR = ROOT / "run"
SERVER_ADDRESS = "127.0.0.1"

# Throwaway accounts of the private /etc/passwd: name -> (uid, password).
PEOPLE = {
    "alice": (2001, "correct-horse"),
    "bruno": (2002, "battery-staple"),
    "chiara": (2003, "purple-monkey"),
    "deepak": (2004, "dish-washer"),
    "emeka": (2005, "seven-bridges"),
    "freya": (2006, "winter-apple"),
    "deploy": (2010, "only-by-key"),
    "backup": (2011, "nightly-tape"),
    "guest": (2020, "guest"),
    "oldtimer": (2021, "account-is-expired"),
    "locked": (2022, ""),
}
# Home and office addresses of the people; the attackers sit elsewhere in the loopback range.
CLIENTS = [f"127.0.10.{n}" for n in range(11, 31)]
CRAWLERS = [f"127.0.20.{n}" for n in range(5, 9)]
SCANNERS = [f"127.0.99.{n}" for n in (17, 44, 201)]
ATTACKERS = [f"127.0.66.{n}" for n in (6, 13, 66, 130)]

# Sizes of the two file systems that the fault fills up.
DISKS = {"pg": "320m", "redis": "24m"}


def enter() -> None:
    """Turn the fresh namespaces into the demo host. Call once, as root, inside them."""
    socket.sethostname(HOST)
    run("ip", "link", "set", "lo", "up")
    _private_dev()
    for folder in ("/srv", "/run", "/var/log"):
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for folder in (ROOT, RUN_DIR, LOG_DIR, Path("/run/sshd"), ROOT / "home"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    LOG_DIR.chmod(0o777)
    RUN_DIR.chmod(0o777)
    for name, size in DISKS.items():
        (ROOT / name).mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(ROOT / name))
    for name, mode in (("log/wtmp", 0o664), ("log/btmp", 0o600), ("log/lastlog", 0o664), ("run/utmp", 0o664)):
        (Path("/var") / name).touch(mode)
    _private_accounts()
    os.chdir(ROOT)


def _private_dev() -> None:
    """A /dev of our own, because sshd's syslog() always writes to /dev/log and the machine may use that name."""
    fresh = Path("/mnt")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(fresh))
    for node in ("null", "zero", "full", "random", "urandom", "tty"):
        (fresh / node).touch()
        run("mount", "--bind", f"/dev/{node}", str(fresh / node))
    for folder in ("shm", "pts"):
        (fresh / folder).mkdir()
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(fresh / "shm"))
    run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=0620,gid=5", "devpts", str(fresh / "pts"))
    (fresh / "ptmx").symlink_to("pts/ptmx")
    (fresh / "fd").symlink_to("/proc/self/fd")
    run("mount", "--move", str(fresh), "/dev")


def _private_accounts() -> None:
    passwd, shadow, group = (Path(f"/etc/{name}").read_text() for name in ("passwd", "shadow", "group"))
    days = int(time.time() // 86400)
    for name, (uid, password) in PEOPLE.items():
        home = ROOT / "home" / name
        home.mkdir(mode=0o750)
        os.chown(home, uid, uid)
        hashed = output("openssl", "passwd", "-6", password).strip() if password else "!"
        expires = "10" if name == "oldtimer" else ""
        # Debian has a system account called backup; ours replaces it.
        passwd = "".join(line for line in passwd.splitlines(True) if not line.startswith(name + ":"))
        shadow = "".join(line for line in shadow.splitlines(True) if not line.startswith(name + ":"))
        passwd += f"{name}:x:{uid}:{uid}::{home}:/bin/sh\n"
        shadow += f"{name}:{hashed}:{days}:0:99999:7::{expires}:\n"
        group += f"{name}x:x:{uid}:\n"
    pam = "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_unix.so\n"
    hosts = f"127.0.0.1 localhost\n127.0.1.1 {HOST}\n"
    files = {"passwd": passwd, "shadow": shadow, "group": group, "hosts": hosts, "pam.d/sshd": pam}
    for name, text in files.items():
        copy = ROOT / "etc" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
        copy.chmod(0o600 if name == "shadow" else 0o644)
        run("mount", "--bind", str(copy), f"/etc/{name}")


def run(*command: str, **options) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **options)


def output(*command: str) -> str:
    """Standard output and error of a command that may fail, as text."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode("utf-8", "replace")


def quiet(*command: str, timeout: float = 30, stdin: bytes = b"", **options) -> int:
    """Run a client whose own output does not matter; -1 when it had to be killed."""
    sink = subprocess.DEVNULL
    try:
        done = subprocess.run(command, input=stdin, stdout=sink, stderr=sink, timeout=timeout, **options)
        return done.returncode
    except subprocess.TimeoutExpired:
        return -1


def spawn(*command: str, **options) -> subprocess.Popen:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)


def stop_process(process: subprocess.Popen, how: int = signal.SIGTERM, patience: float = 20) -> None:
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(port: int, patience: float = 20) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            socket.create_connection((SERVER_ADDRESS, port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def fill_disk(name: str, leave: int) -> Path:
    """Fill one of DISKS with a ballast file down to `leave` free bytes; unlink the returned path to end it."""
    ballast = ROOT / name / "ballast"
    free = os.statvfs(ballast.parent)
    with ballast.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, max(1, free.f_bavail * free.f_frsize - leave))
    return ballast
