"""The real logs of a mirror, one megabyte or more, decompressed into the work folder.

A log is what datasets.yaml says is one, and what lies in one of the further places below: a mirror
may hold logs that no data set describes, because nobody publishes them at a stable address.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import zstandard

from benchmarks.inputs import Input, known_input, write_whole
from logpipe.datasets import load

__all__ = ["FURTHER", "LEAST", "RealLog", "find_logs", "prepare_log"]

LEAST = 1_000_000
"""Bytes below which a log says little about a compressor."""

FURTHER: tuple[tuple[str, str], ...] = (
    ("HDFS_20000", "hdfs-raw/HDFS_20000.log"),
    ("HealthApp_20000", "healthapp-raw/HealthApp_20000.log"),
    ("Proxifier", "loghub-full/Proxifier.log"),
    ("apache-access", "wild/elastic-apache-access/*"),
    ("nginx-json", "wild/elastic-nginxplus-json/*"),
    ("kafka", "wild/elastic-kafka/*/*"),
    ("LogD", "wild/alibaba-openSample/LogD.sample.zst"),
    ("LogJ", "wild/alibaba-openSample/LogJ.sample.zst"),
    ("build-log", "wild/build-log/*.log"),
    ("IoTDB-export", "multilog-iotdb/export/label*.log.zst"),
    ("IoTDB", "multilog-iotdb/*/label*.log.zst"),
)
"""Name and place below the mirror; files that one pattern finds are one log, in order of name."""


@dataclass(frozen=True)
class RealLog:
    """One log.

    Attributes:
        name: unique; a data set's name with `/` replaced by `-`, or one of `FURTHER`.
        paths: its files, to be read one after the other.
        member: name of the file inside, if the path is an archive.
    """

    name: str
    paths: tuple[Path, ...]
    member: str = ""

    def pieces(self) -> Iterator[bytes]:
        """The log's bytes."""
        for path in self.paths:
            if self.member:
                with tarfile.open(path) as tar:
                    for info in tar:
                        if info.isfile() and PurePosixPath(info.name).match(self.member):
                            inside = tar.extractfile(info)
                            assert inside is not None
                            while piece := inside.read(1 << 20):
                                yield piece
                continue
            with path.open("rb") as file:
                opened = (
                    zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                    if path.suffix == ".zst"
                    else file
                )
                while piece := opened.read(1 << 20):
                    yield piece


def find_logs(mirror: Path) -> list[RealLog]:
    """Logs below the mirror, whatever their size; the same file is listed once."""
    found: list[RealLog] = []
    for name, pattern in FURTHER:
        paths = tuple(sorted(p for p in mirror.glob(pattern) if p.is_file()))
        if paths:
            found.append(RealLog(name, paths))
    for name, dataset in load().items():
        for role, file in dataset.files.items():
            path = mirror / file.mirror
            if not file.mirror or not path.is_file():
                continue
            short = name.replace("/", "-")
            if role == "log":
                found.append(RealLog(short, (path,)))
            elif file.is_archive and ".tar" in path.name:
                found.append(RealLog(short, (path,), dataset.members["log"]))
    return list({log.paths: log for log in reversed(found)}.values())[::-1]


def prepare_log(log: RealLog, work: Path, say: Callable[[str], None] = lambda text: None) -> Input:
    """The log as one plain file in the work folder, made if it is not there yet."""
    work.mkdir(parents=True, exist_ok=True)
    stamp = hashlib.sha256()
    for path in log.paths:
        status = path.stat()
        stamp.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    path, notes = work / f"real-{log.name}.log", work / f"real-{log.name}.json"
    known = known_input(path, notes, stamp.hexdigest())
    if known is not None:
        return known
    say(f"unpacking {log.name}")
    size, lines, digest = write_whole(path, log.pieces())
    made = Input(log.name, str(path), size, lines, digest, log.name, size, "auto", 0)
    notes.write_text(json.dumps({**asdict(made), "source_digest": stamp.hexdigest()}))
    return made
