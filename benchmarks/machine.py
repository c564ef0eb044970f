"""What a figure was measured on: enough to judge it, nothing that tells whose machine it is."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.runner import ROOT

__all__ = ["commit", "describe", "slug", "versions"]

_PACKAGES = ("logpipe", "numpy", "pyarrow", "zstandard", "drain3-improved", "logfold", "tipping")


def _said(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _field(path: str, name: str) -> str:
    try:
        text = Path(path).read_text()
    except OSError:
        return ""
    found = re.search(rf"(?m)^{re.escape(name)}\s*:\s*(.+)$", text)
    return found[1].strip() if found else ""


def cores() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """CPU, cores, memory, kernel, Python, rustc and load, in that order."""
    memory = _field("/proc/meminfo", "MemTotal").split()
    return {
        "cpu": _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": cores(),
        "memory_gb": round(int(memory[0]) * 1024 / 1e9, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "rustc": _said("rustc", "--version") or "not found",
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Package to version; contestants that are not installed are left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    try:
        import zstandard

        found["libzstd"] = ".".join(str(part) for part in zstandard.ZSTD_VERSION)
    except ImportError:
        pass
    return found


def commit() -> str:
    """Short commit of the source tree, `+` behind it if what is measured was changed since."""
    head = _said("git", "rev-parse", "--short=10", "HEAD")
    changed = _said("git", "status", "--porcelain", "--", "logpipe", "native", "benchmarks/*.py")
    return f"{head or 'unknown'}{'+' if changed else ''}"


def slug(machine: dict[str, Any]) -> str:
    """A folder name for the kind of machine: `amd-epyc-2-cores`."""
    cpu = re.sub(r"\((?:r|tm)\)|\bcpu\b|\bprocessor\b|@.*", " ", str(machine["cpu"]).lower())
    words = re.findall(r"[a-z0-9]+", cpu)[:5]
    return "-".join([*words, str(machine["cores"]), "cores"])
