"""One parser on one case: a process, its limits, and the record that stays.

A run has a folder with `record.json` (`Record`), `output.parquet` (line_no, template, maybe group)
and `printed.txt` if the parser printed. A record carries a key made of everything that the output
depends on: the messages, the parser, its parameters, its version or source. A run whose key is
there already is not run again, so that an evaluation that was interrupted goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import logpipe
from logpipe.evaluation.cases import Case
from logpipe.evaluation.contestants import Contestant, source_file
from logpipe.evaluation.supervise import Limits, supervise

__all__ = ["Record", "Status", "folder_name", "key_of", "perform", "read_record"]

FORMAT = 1
"""Version of `record.json`."""

Status = Literal["ok", "failed", "crashed", "timeout", "memory", "disabled", "no-data"]
"""How a run ended: `failed` is an exception or a wrong answer, `crashed` the end of the process,
`no-data` a data set that could not be had or is no good. All but the last two count as 0."""


@dataclass(frozen=True)
class Record:
    """One run, ok or not.

    Attributes:
        format: of the record.
        key: see `key_of`.
        contestant, dataset, system, edition: what ran on what.
        parser, parameters: as they were given.
        status, error: how it ended.
        lines, bytes: of the messages.
        cpu_s, wall_s: of the call alone; user + system seconds, children included.
        peak_mb: the most memory of the process, messages and packages included.
        base_mb: the same before the call.
        printed: bytes that the parser printed.
        notes: sentences a reader of the scores should know.
        logpipe, package, python, started, limits, digest: circumstances.
    """

    key: str
    contestant: str
    dataset: str
    system: str
    edition: str
    parser: str
    parameters: Mapping[str, Any]
    status: Status
    error: str = ""
    lines: int = 0
    bytes: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0
    base_mb: float = 0.0
    printed: int = 0
    notes: tuple[str, ...] = ()
    logpipe: str = logpipe.__version__
    package: str = ""
    python: str = sys.version.split()[0]
    started: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)
    digest: str = ""
    format: int = FORMAT

    @property
    def ok(self) -> bool:
        """Whether there is an output to score."""
        return self.status == "ok"

    @property
    def counts(self) -> bool:
        """Whether it is part of an average: as 0 if it is not ok."""
        return self.status not in ("disabled", "no-data")


def folder_name(name: str) -> str:
    """A name of a contestant or data set as the name of a folder."""
    safe = "".join(c if c.isalnum() or c in "-_.=," else "_" for c in name)
    if safe == name and len(name) < 100:
        return name
    # Two names must not become one.
    return f"{safe[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def key_of(contestant: Contestant, case: Case) -> str:
    """What the output of a run depends on, as a digest."""
    parts = {
        "format": FORMAT,
        "case": case.digest,
        "parser": contestant.parser,
        "parameters": contestant.parameters_for(case.wanted.system, case.wanted.edition),
        "version": _version(contestant),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def read_record(folder: Path) -> Record | None:
    """The record in a folder; None if there is none of this format."""
    try:
        found = json.loads((folder / "record.json").read_text("utf-8"))
        if found.get("format") != FORMAT:
            return None
        return Record(**{**found, "notes": tuple(found["notes"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def perform(
    contestant: Contestant,
    case: Case,
    folder: Path,
    limits: Limits,
    *,
    retry: bool = False,
    again: bool = False,
    stop: threading.Event | None = None,
) -> tuple[Record, bool]:
    """Runs a contestant on a case, unless that was done already.

    Args:
        contestant: who.
        case: on what.
        folder: of this run; made if need be.
        limits: of the process.
        retry: a run that was not ok is done again.
        again: every run is done again.
        stop: when set, the process is ended.

    Returns:
        The record, and whether the process was run now.

    Raises:
        Stopped: `stop` was set; there is no record.
    """
    key = key_of(contestant, case)
    known = read_record(folder)
    if (
        known is not None
        and known.key == key
        and not again
        and ((folder / "output.parquet").is_file() if known.ok else not retry)
    ):
        return known, False
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("record.json", "output.parquet", "printed.txt", "result.json"):
        (folder / name).unlink(missing_ok=True)
    record = Record(
        key=key,
        contestant=contestant.name,
        dataset=case.wanted.name,
        system=case.wanted.system,
        edition=case.wanted.edition,
        parser=contestant.parser,
        parameters=contestant.parameters_for(case.wanted.system, case.wanted.edition),
        status="failed",
        lines=case.lines,
        bytes=case.bytes,
        package=_release(contestant.package) if contestant.package else "",
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        limits=asdict(limits),
        digest=case.digest,
    )
    record = _supervised(record, contestant, case, folder, stop)
    (folder / "record.part").write_text(json.dumps(asdict(record), indent=1, default=str), "utf-8")
    (folder / "record.part").replace(folder / "record.json")
    return record, True


def _supervised(
    record: Record,
    contestant: Contestant,
    case: Case,
    folder: Path,
    stop: threading.Event | None,
) -> Record:
    folder = folder.resolve()
    limits = Limits(**record.limits)
    request = {
        "parser": contestant.parser,
        "parameters": dict(record.parameters),
        "messages": str(case.messages.resolve()),
        "truth_style": case.wanted.truth_style,
        "output": str(folder / "output.parquet"),
        "result": str(folder / "result.json"),
        "memory_mb": limits.memory_mb,
        "cpu_seconds": limits.cpu_seconds,
        # Where `package.module:Class` may be, after all else.
        "path": [str(Path.cwd())] if ":" in contestant.parser else [],
    }
    asked, result_file = folder / "request.json", folder / "result.json"
    asked.write_text(json.dumps(request), "utf-8")
    command = [sys.executable, "-m", "logpipe.evaluation.worker", str(asked)]
    try:
        end = supervise(command, limits, stop)
        result = _result(result_file) if not end.stopped else None
    finally:
        asked.unlink(missing_ok=True)
        result_file.unlink(missing_ok=True)
    if end.text:
        (folder / "printed.txt").write_bytes(end.text)
    record = replace(record, printed=end.printed)
    if result is not None:
        record = replace(record, **result)
    elif limits.cpu_seconds and end.reason.endswith("SIGXCPU"):
        why = f"stopped after {limits.cpu_seconds:g} CPU-seconds"
        record = replace(record, status="timeout", error=why)
    else:
        record = replace(record, status=end.stopped or "crashed", error=end.reason)
    if not record.ok:
        (folder / "output.parquet").unlink(missing_ok=True)
    elif record.printed:
        note = f"the parser printed {record.printed:,} bytes, kept in printed.txt"
        record = replace(record, notes=(*record.notes, note))
    return record


def _result(path: Path) -> dict[str, Any] | None:
    """What the process wrote; None if it did not come to it."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return {"status": found.pop("status"), **found, "notes": tuple(found.get("notes", ()))}
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _version(contestant: Contestant) -> str:
    """Of the code that runs: releases, and digests of sources that may change between runs."""
    parts = []
    if contestant.package:
        parts.append(_release(contestant.package))
    if contestant.python:
        parts.append(os.environ.get(contestant.python, ""))
        parts.append(_digest((Path(__file__).with_name("foreign.py"),)))
    file = source_file(contestant.parser) if ":" in contestant.parser else None
    if file is not None:
        parts.append(_digest((file,)))
    if contestant.ours or not parts:
        parts.append(_own_digest())
    return " ".join(parts)


def _release(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


@cache
def _own_digest() -> str:
    """Of what parses in the installed logpipe."""
    root = Path(logpipe.__file__).parent
    files = [p for part in ("parsers", "native", "_native") for p in (root / part).rglob("*")]
    files += [root / "batch.py", root / "template.py"]
    return _digest(tuple(p for p in files if p.suffix in (".py", ".so", ".dylib", ".pyd")))


def _digest(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
