"""The inputs of the speed suite: which logs, from where, scaled to which size, kept where.

Real logs come from the folder that LOGPIPE_MIRROR names. Without one the sample inside the package
is scaled instead; such inputs carry `sample:` in their origin, and the report says so on top,
because their figures cannot be compared with those on the mirror's logs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path

import yaml
import zstandard

from benchmarks.scale import VERSION, Scaler, complete, stress_text

__all__ = [
    "MB",
    "SETS",
    "STRESS",
    "Input",
    "Origin",
    "find_origins",
    "known_input",
    "prefix",
    "prepare",
    "write_whole",
]

MB = 1_000_000
STRESS = "OpenSSH-stress"


@dataclass(frozen=True)
class Origin:
    """A real log that inputs are scaled from.

    Attributes:
        name: of the set, as in the report.
        paths: places below the mirror, the best first; empty for a sample.
        layout: header layout for `logpipe.pipeline.stream`.
        words: words in the header of a line, for contestants that want the message alone.
        stamp: a key of `benchmarks.stamps.FORMATS`; None finds it.
        label: where it is from, as in the report.
        stress: user names become fresh words.
    """

    name: str
    paths: tuple[str, ...]
    layout: str
    words: int
    stamp: str | None
    label: str = ""
    stress: bool = False

    def read(self, mirror: Path | None) -> bytes:
        """The log's bytes, decompressed."""
        if self.label.startswith("sample:"):
            name = self.label.removeprefix("sample:")
            data = resources.files("logpipe").joinpath("data", "sample", name).read_bytes()
        else:
            assert mirror is not None
            data = (mirror / self.label).read_bytes()
        if self.label.endswith(".zst"):
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        return data


@dataclass(frozen=True)
class Input:
    """One file to be measured on.

    Attributes:
        name: of the set.
        path: where it is.
        bytes: its size.
        lines: its newlines; the last line always ends in one.
        digest: sha256 of its bytes, hexadecimal.
        origin: what it was scaled from.
        origin_bytes: size of that; the file begins with it, or is a prefix of it.
        layout: header layout.
        words: words in the header of a line.
    """

    name: str
    path: str
    bytes: int
    lines: int
    digest: str
    origin: str
    origin_bytes: int
    layout: str
    words: int


def _two_thousand(system: str) -> str:
    return f"loghub-2k/{system}/{system}_2k.log"


SETS: tuple[Origin, ...] = (
    Origin(
        "HDFS",
        ("hdfs-2percent/HDFS_2percent.log.zst", _two_thousand("HDFS")),
        "loghub:HDFS",
        5,
        "hdfs",
    ),
    Origin("BGL", (_two_thousand("BGL"),), "loghub:BGL", 9, "bgl"),
    Origin("OpenSSH", (_two_thousand("OpenSSH"),), "loghub:OpenSSH", 5, "syslog"),
    Origin("Spark", (_two_thousand("Spark"),), "loghub:Spark", 4, "spark"),
)
"""The four sets of the targets."""


def find_origins(mirror: Path | None) -> list[Origin]:
    """The sets whose real log is there; the embedded sample's logs if none is.

    Raises:
        FileNotFoundError: neither a mirror nor a sample.
    """
    found = [
        replace(origin, label=path)
        for origin in SETS
        for path in [next((p for p in origin.paths if mirror and (mirror / p).is_file()), "")]
        if path
    ]
    if not found:
        found = _sample()
    if not found:
        raise FileNotFoundError(
            "no log to scale: LOGPIPE_MIRROR names no folder with "
            f"{SETS[1].paths[0]} and the like, and logpipe/data/sample has no *.log.zst"
        )
    for origin in list(found):
        if "ssh" in origin.name.lower():
            found.append(replace(origin, name=f"{origin.name}-stress", stress=True))
    return found


def _sample() -> list[Origin]:
    """The logs of the embedded sample, as its own description has them."""
    folder = resources.files("logpipe").joinpath("data", "sample")
    notes = folder.joinpath("sample.yaml")
    if not notes.is_file():
        return []
    found = []
    for name, about in yaml.safe_load(notes.read_text())["files"].items():
        origin = Origin(
            f"sample-{name.removesuffix('.log')}",
            (),
            about["layout_name"],
            0,
            None,
            label=f"sample:{name}.zst",
        )
        first = origin.read(None).split(b"\n", 1)[0]
        header = re.match(about["header_regex"].encode(), first)
        found.append(replace(origin, words=len(header[0].split()) if header else 0))
    return found


def prepare(
    origin: Origin,
    size_mb: int,
    work: Path,
    mirror: Path | None,
    *,
    seed: int = 1,
    say: Callable[[str], None] = lambda text: None,
) -> Input:
    """The input of this origin and size, made if it is not there yet.

    Args:
        origin: what to scale.
        size_mb: size in units of 10^6 bytes; at least that, and less than a line more.
        work: folder that keeps inputs; they are found again by name, size, seed and version.
        mirror: folder of real logs.
        seed: of the fresh variables.
        say: gets a line of progress.
    """
    work.mkdir(parents=True, exist_ok=True)
    stem = f"{origin.name}-{size_mb}MB-seed{seed}-v{VERSION}"
    path, notes = work / f"{stem}.log", work / f"{stem}.json"
    text = origin.read(mirror)
    source_digest = hashlib.sha256(text).hexdigest()
    kept = known_input(path, notes, source_digest)
    if kept is not None:
        return kept
    say(f"scaling {origin.label} to {size_mb} MB")
    base, words = complete(text), None
    if origin.stress:
        base, words = stress_text(base, seed=seed)
    scaler = Scaler(base, stamp=origin.stamp, words=words, seed=seed)
    made = write_whole(path, (piece.data for piece in scaler.stream(size_mb * MB)))
    label = origin.label + (" with fresh words for user names" if origin.stress else "")
    result = Input(origin.name, str(path), *made, label, len(base), origin.layout, origin.words)
    notes.write_text(json.dumps({**asdict(result), "source_digest": source_digest}))
    return result


def prefix(whole: Input, *, lines: int | None = None, size: int | None = None) -> Input:
    """The first lines of an input as an input: so many, or up to the line end at or after `size`.

    The whole input itself, if it is not longer.
    """
    if (lines or 0) >= whole.lines or (size or 0) >= whole.bytes:
        return whole
    suffix = f"first-{lines}" if lines is not None else f"first-{size}B"
    path = Path(whole.path).with_suffix(f".{suffix}.log")
    notes = path.with_suffix(".json")
    kept = known_input(path, notes, whole.digest)
    if kept is not None:
        return kept
    made = write_whole(path, _first(Path(whole.path), lines, size))
    result = replace(whole, path=str(path), bytes=made[0], lines=made[1], digest=made[2])
    notes.write_text(json.dumps({**asdict(result), "source_digest": whole.digest}))
    return result


def _first(path: Path, lines: int | None, size: int | None) -> Iterable[bytes]:
    with path.open("rb") as file:
        if size is not None:
            yield file.read(size - 1)
            yield file.readline()
        else:
            for _ in range(lines or 0):
                yield file.readline()


def write_whole(path: Path, pieces: Iterable[bytes | memoryview]) -> tuple[int, int, str]:
    """Bytes, lines, digest of what was written; the file appears whole or not at all."""
    digest = hashlib.sha256()
    size = lines = 0
    temporary = path.with_suffix(f".{os.getpid()}.part")
    try:
        with temporary.open("wb", buffering=1 << 20) as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
                lines += bytes(piece).count(b"\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return size, lines, digest.hexdigest()


def known_input(path: Path, notes: Path, source_digest: str) -> Input | None:
    """What an earlier run left, if it is whole and from the same source."""
    try:
        known = json.loads(notes.read_text())
        same = known.pop("source_digest") == source_digest
        result = Input(**{**known, "path": str(path)})
        return result if same and path.stat().st_size == result.bytes else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
