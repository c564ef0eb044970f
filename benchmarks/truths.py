"""The truths that the parser `iterative` is scored on: messages and template texts by data set.

Every set is read from the folder that `LOGPIPE_MIRROR` names. Three collections: `2k`, fourteen
sets of 2,000 lines with the truth of Loghub-2.0; `full`, the two whole sets with a truth for each
line; `df`, made here: the seven complete template lists of Loghub-2.0 held against the 2k lines of
the same systems, so that lines of the small sets get a truth in the style of the large ones. Lines
that no listed template fits are left out of `df`. And `validation`, three sets whose scores are
read and whose lines are not.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from logpipe.errors import UsageError

__all__ = ["COLLECTIONS", "Truth", "collection", "mirror"]

SYSTEMS = (
    *("Apache", "BGL", "HDFS", "HPC", "Hadoop", "HealthApp", "Linux", "Mac", "OpenSSH"),
    *("OpenStack", "Proxifier", "Spark", "Thunderbird", "Zookeeper"),
)
DF = ["HPC", "Hadoop", "HealthApp", "Mac", "OpenSSH", "OpenStack", "Zookeeper"]

COLLECTIONS = ("2k", "df", "full", "validation")


@dataclass(frozen=True)
class Truth:
    """One set: n messages (Latin-1 text, one character per byte) and n template texts.

    Attributes:
        name: of the system.
        style: the template style its truth is written in.
    """

    name: str
    style: str
    messages: list[str]
    templates: list[str]


def mirror() -> Path:
    """The folder with the data.

    Raises:
        UsageError: LOGPIPE_MIRROR does not name one.
    """
    folder = Path(os.environ.get("LOGPIPE_MIRROR", ""))
    if not os.environ.get("LOGPIPE_MIRROR") or not (folder / "loghub-2k").is_dir():
        raise UsageError(
            "LOGPIPE_MIRROR must name a folder with loghub-2k in it, as datasets.yaml has it"
        )
    return folder


def _rows(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard

        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    csv.field_size_limit(1 << 24)
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def _structured(path: Path, name: str, style: str) -> Truth:
    rows = _rows(path)
    messages = [row["Content"].encode().decode("latin-1") for row in rows]
    return Truth(name, style, messages, [row["EventTemplate"] for row in rows])


@cache
def collection(name: str) -> tuple[Truth, ...]:
    """All sets of a collection, in fixed order."""
    return tuple({"2k": _small, "df": _listed, "full": _full, "validation": _held_out}[name]())


def _small() -> Iterator[Truth]:
    for system in SYSTEMS:
        path = mirror() / f"loghub-2k/{system}/loghub-2.0/{system}_2k.log_structured_corrected.csv"
        yield _structured(path, system, "loghub-2k")


def _full() -> Iterator[Truth]:
    folder = mirror() / "loghub-2.0-full"
    for system, ending in (("Proxifier", ""), ("Apache", ".zst")):
        path = folder / f"{system}/{system}_full.log_structured.csv{ending}"
        yield _structured(path, system, "loghub-2.0")


def _held_out() -> Iterator[Truth]:
    for system in ("Android", "Windows"):
        path = (
            mirror() / f"loghub-2k/{system}/corrected-khan/{system}_2k.log_structured_corrected.csv"
        )
        yield _structured(path, system, "loghub-2k")
    path = mirror() / "ait-audit/Audit_2k.log_structured_corrected.csv"
    yield _structured(path, "audit", "loghub-2k")


def _listed() -> Iterator[Truth]:
    small = {truth.name: truth for truth in collection("2k")}
    for system in DF:
        path = mirror() / f"loghub-2.0-full/templates-only/{system}_full.log_templates.csv"
        texts = {row["EventTemplate"] for row in _rows(path)}
        patterns = sorted(((_literal(t), t) for t in texts), reverse=True)
        compiled = [(_pattern(t), t) for _, t in patterns]
        messages, templates = [], []
        known: dict[str, str | None] = {}
        for message in small[system].messages:
            if message not in known:
                text = re.sub(r"\s+", " ", message.encode("latin-1").decode().strip())
                known[message] = next((t for p, t in compiled if p.fullmatch(text)), None)
            found = known[message]
            if found is not None:
                messages.append(message)
                templates.append(found)
        yield Truth(system, "loghub-2.0", messages, templates)


def _literal(template: str) -> int:
    return len(re.sub(r"\s|<\*>", "", template))


def _pattern(template: str) -> re.Pattern[str]:
    text = re.sub(r"\s+", " ", template.strip())
    return re.compile(".*?".join(map(re.escape, text.split("<*>"))), re.DOTALL)
