"""Verdicts: what the user said about patterns, in a file that people can read and edit.

    format: logpipe-verdicts
    version: 1
    verdicts:
      3f2a9c1b:
        verdict: normal
        reason: 4 x 'replicated <*>', expected 3
        windows: 18
        given: 2026-01-02

A pattern's id does not depend on the run, so a verdict holds for the next log, too. What is normal
is not flagged again; what is abnormal stays flagged and is not asked about again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from logpipe.anomaly.findings import Finding
from logpipe.errors import InputError, UsageError

__all__ = ["Verdict", "apply_verdicts", "read_verdicts", "verdicts_text"]

_FORMAT, _VERSION = "logpipe-verdicts", 1


@dataclass(frozen=True)
class Verdict:
    """What somebody said.

    Attributes:
        verdict: `normal` or `abnormal`.
        reason: what the pattern was, in words.
        windows: how many had it when it was judged.
        given: the day, as 2026-01-02.
    """

    verdict: str
    reason: str = ""
    windows: int = 0
    given: str = ""


def read_verdicts(path: str | Path) -> dict[str, Verdict]:
    """Pattern id to verdict; empty if there is no such file yet.

    Raises:
        InputError: the file cannot be read.
        UsageError: it is not a file of verdicts; the message says where.
    """
    import yaml

    path = Path(path)
    if not path.exists():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise UsageError(f"{path}: not a file of verdicts: expected `format: {_FORMAT}` in it")
    if found.get("version") != _VERSION:
        raise UsageError(
            f"{path}: version {found.get('version')!r}, but this logpipe reads {_VERSION}"
        )
    entries = found.get("verdicts") or {}
    if not isinstance(entries, dict):
        raise UsageError(f"{path}: expected `verdicts:` with one entry per pattern")
    verdicts = {}
    for pattern, entry in entries.items():
        entry = {"verdict": entry} if isinstance(entry, str) else entry
        said = entry.get("verdict") if isinstance(entry, dict) else None
        if said not in ("normal", "abnormal"):
            raise UsageError(
                f"{path}: pattern {pattern}: expected `verdict: normal` or `abnormal`, "
                f"found {said!r}"
            )
        windows = entry.get("windows", 0)
        verdicts[str(pattern)] = Verdict(
            said,
            str(entry.get("reason", "")),
            windows if isinstance(windows, int) else 0,
            str(entry.get("given", "")),
        )
    return verdicts


def verdicts_text(verdicts: Mapping[str, Verdict]) -> bytes:
    """The file's content; verdicts without a date get today's."""
    import yaml

    entries = {}
    for pattern, verdict in verdicts.items():
        entry = asdict(verdict)
        entry["given"] = verdict.given or date.today().isoformat()
        entries[pattern] = entry
    head = (
        "# What was said about patterns that `logpipe detect` found; edit it as you like.\n"
        "# normal: not flagged again. abnormal: flagged, and not asked about again.\n"
    )
    body = yaml.safe_dump(
        {"format": _FORMAT, "version": _VERSION, "verdicts": entries},
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )
    return (head + body).encode()


def apply_verdicts(
    findings: Sequence[Finding],
    anomalous: npt.NDArray[np.bool_],
    verdicts: Mapping[str, Verdict],
) -> None:
    """Marks findings, and takes the windows of normal ones out of the abnormal, in place."""
    for finding in findings:
        said = verdicts.get(finding.pattern)
        finding.verdict = said.verdict if said is not None else ""
        if said is not None and finding.kind != "drift":
            anomalous[finding.windows] = said.verdict == "abnormal"
