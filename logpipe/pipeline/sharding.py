"""One parse shared by many processes, with the bytes that one process would write.

Three steps. `learn_shards` goes over the log once and learns: which templates there are, and which
one each line has. It leaves a plan and, for each shard, the template ids of its lines.
`write_shard` reads only its part of the log, cuts out the variables and writes Parquet, which is
most of the work and needs no other shard. `merge_shards` puts the parts one behind the other
without decoding them.

Shards begin where a chunk of the reader begins and where a Parquet file starts a new row group in
any case (`BATCHES_PER_CUT`), so neither their number nor who writes them changes a byte.
"""

from __future__ import annotations

import itertools
import os
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import orjson
import zstandard

from logpipe.batch import ParsedBatch
from logpipe.errors import InputError, UsageError
from logpipe.export.atomic import replacing
from logpipe.export.columns import column_names
from logpipe.export.concatenate import concatenate
from logpipe.export.metadata import (
    HEADLESS,
    METADATA_KEY,
    FileInfo,
    describe,
    read_description,
)
from logpipe.export.multiline import PerLine
from logpipe.export.parquet import BATCHES_PER_CUT, ParquetSink
from logpipe.formats.readers import Fingerprint, RawReader, check_unchanged, open_sources
from logpipe.formats.streams import FileReader
from logpipe.native import Header, Programs
from logpipe.parsers.drain import Drain
from logpipe.parsers.stream import changed, chunks, workers
from logpipe.pipeline.parsing import begin, default_threads, describe_parse
from logpipe.registry import DEFAULT_PARSER

__all__ = ["PLAN", "ids_name", "learn_shards", "merge_shards", "plain_files", "write_shard"]

PLAN = "plan.json"
VERSION = 1
SHAPES_LIMIT = 1 << 15
"""The native table of shapes is bounded; a log that comes near that is not taken apart, because a
part alone would find room for shapes that the whole did not."""


@dataclass(frozen=True)
class Section:
    """A run of chunks of one source.

    Attributes:
        source: its number.
        start: the first byte.
        read: where the reader goes on; the bytes from `start` were read for an earlier chunk, and
            left over because their line did not end there.
        chunk: number of the first chunk in the source, from 0.
        chunks: how many.
        first_line: 1-based.
    """

    source: int
    start: int
    read: int
    chunk: int
    chunks: int
    first_line: int


@dataclass(frozen=True)
class _Part:
    """What stands behind the first bytes of a section, as a source."""

    path: str
    name: str
    read: int
    size: int | None = None
    stored: int | None = None

    def open(self) -> RawReader:
        return FileReader(self.path, self.name, self.read)

    def fingerprint(self) -> Fingerprint:
        return ()


def plain_files(paths: Sequence[str]) -> bool:
    """Whether the logs that paths name can be read from any byte on: files, nothing compressed."""
    for source in open_sources(paths):
        with closing(source.open()) as reader:
            if not isinstance(reader, FileReader):
                return False
    return True


def learn_shards(
    paths: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    parser: str = DEFAULT_PARSER,
    parameters: dict[str, object] | None = None,
    layout: str = "auto",
    threads: int | None = None,
    cuts: int = 8,
    batches_per_cut: int = BATCHES_PER_CUT,
) -> dict[str, Any]:
    """Learn from logs, and make a plan of shards.

    Args:
        paths: plain files of one layout.
        folder: for the plan and the shards' template ids; made if need be. Nothing else may be in
            it that is called `plan.json` or `ids-*`.
        parser: as `logpipe.pipeline.parse`.
        parameters: likewise.
        layout: likewise.
        threads: likewise.
        cuts: a shard is this many times `batches_per_cut` chunks of about 512 kB.
        batches_per_cut: as of the one who writes; see `logpipe.export.parquet`.

    Returns:
        Plain facts: `shards` (how many), `lines`, `bytes`, `templates`, `groups`, `seconds`,
        `warnings`.

    Raises:
        UsageError: an input is compressed, or has too many shapes of headers to be taken apart.
        LogpipeError: as `logpipe.pipeline.parse`.
    """
    started = time.perf_counter()
    if cuts < 1 or batches_per_cut < 1:
        raise UsageError("a shard should have at least one cut of at least one batch")
    if not plain_files(paths):
        raise UsageError("compressed logs cannot be shared out: unpack them first")
    sources = open_sources(paths)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    before = [source.fingerprint() for source in sources]
    job = begin(sources, parser, parameters, layout)
    ends: list[list[int]] = []
    with workers(threads or default_threads()) as pool, closing(job.learning):
        for source, header in zip(sources, job.headers, strict=True):
            ends.append([])
            job.learning.learn(source, header, pool, _Ends(ends[-1]))
        info = describe_parse(job, job.learning.finish())
        for source, seen in zip(sources, before, strict=True):
            check_unchanged(source, seen)
        shapes = [*dict.fromkeys((HEADLESS, *job.learning.summary.shapes))]
        if len(shapes) > SHAPES_LIMIT:
            raise UsageError(f"{len(shapes):,} shapes of headers are too many to share the log out")
        ids = (job.learning.final_ids(header) for header in job.headers)
        shards = _write_ids(target, [*zip(paths, ids, ends, strict=True)], cuts * batches_per_cut)
        summary = job.learning.summary
        plan = {
            "version": VERSION,
            "batches_per_cut": batches_per_cut,
            "description": describe(
                info, column_names(info.field_names), shapes, multiline=False
            ).decode(),
            "program": job.layout.program.hex(),
            "delimiters": job.learning.delimiters.hex(),
            "sources": [{"path": path, "size": _size(path)} for path in paths],
            "shards": [[asdict(section) for section in shard] for shard in shards],
        }
        with replacing(str(target / PLAN), force=True) as file:
            file.write(orjson.dumps(plan, option=orjson.OPT_INDENT_2))
        used = np.flatnonzero(summary.counts)
        return {
            "shards": len(shards),
            "lines": summary.lines,
            "bytes": summary.bytes,
            "templates": len(used),
            "groups": len({info.templates[int(t)].group for t in used} - {0}),
            "seconds": time.perf_counter() - started,
            "warnings": job.learning.warnings(),
        }


class _Ends:
    """Notes how far the reader was after each chunk; a parser may go over a source repeatedly."""

    def __init__(self, ends: list[int]) -> None:
        self._ends = ends

    def __call__(self, position: int, total: int | None) -> None:
        if self._ends and position < self._ends[-1]:
            self._ends.clear()
        self._ends.append(position)


def _write_ids(
    folder: Path,
    sources: list[tuple[str, Iterator[npt.NDArray[np.uint32]], list[int]]],
    per_shard: int,
) -> list[list[Section]]:
    """One file of ids per shard; the sections of each shard."""
    shards: list[list[Section]] = []
    compressor = zstandard.ZstdCompressor(level=1)
    file: BinaryIO | None = None
    count = 0
    try:
        for number, (path, arrays, ends) in enumerate(sources):
            line = 1
            for chunk, ids in enumerate(arrays):
                if count % per_shard == 0:
                    if file is not None:
                        file.close()
                    file = (folder / ids_name(len(shards))).open("wb")
                    shards.append([])
                shard = shards[-1]
                if not shard or shard[-1].source != number:
                    read = ends[chunk - 1] if chunk else 0
                    shard.append(Section(number, _line_start(path, read), read, chunk, 0, line))
                last = asdict(shard[-1])
                shard[-1] = Section(**{**last, "chunks": last["chunks"] + 1})
                packed = compressor.compress(np.ascontiguousarray(ids, "<u4").tobytes())
                assert file is not None
                file.write(struct.pack("<I", len(packed)) + packed)
                line += len(ids)
                count += 1
            if len(ends) != (chunk + 1 if line > 1 else 0):
                raise changed(open_sources([path])[0])
    finally:
        if file is not None:
            file.close()
    return shards


def ids_name(shard: int) -> str:
    """The file with the template ids of a shard, in the folder of the plan."""
    return f"ids-{shard:05d}"


def _line_start(path: str, read: int) -> int:
    """The byte after the last line feed before `read`; 0 if there is none."""
    step = 1 << 16
    with Path(path).open("rb") as file:
        end = read
        while end > 0:
            begin_at = max(0, end - step)
            file.seek(begin_at)
            found = file.read(end - begin_at).rfind(b"\n")
            if found >= 0:
                return begin_at + found + 1
            end = begin_at
    return 0


def write_shard(
    folder: str | os.PathLike[str],
    shard: int,
    output: str,
    *,
    paths: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write the rows of one shard as a Parquet file.

    Args:
        folder: as given to `learn_shards`.
        shard: its number, from 0.
        output: replaced if it is there; appears whole or not at all.
        paths: where the logs are on this machine, if not where they were.

    Returns:
        `lines`, `bytes`, `seconds`.

    Raises:
        InputError: there is no such plan, or a log is not what was learned from.
        OutputError: the output cannot be written.
    """
    started = time.perf_counter()
    plan, described = _read_plan(Path(folder))
    places = paths if paths is not None else [source["path"] for source in plan["sources"]]
    for place, source in zip(places, plan["sources"], strict=True):
        size = _size(place)
        if size != source["size"]:
            raise InputError(f"{place}: expected {source['size']:,} bytes, found {size:,}")
    if not 0 <= shard < len(plan["shards"]):
        raise InputError(f"{folder}: has {len(plan['shards'])} shards, none of number {shard}")
    info = described.info
    programs = Programs(info.templates, bytes.fromhex(plan["delimiters"]))
    sink = PerLine(
        ParquetSink(
            output,
            info,
            force=True,
            shapes=described.shapes,
            batches_per_cut=plan["batches_per_cut"],
        )
    )
    ids = _read_ids(Path(folder) / ids_name(shard))
    lines = size = 0
    try:
        for section in plan["shards"][shard]:
            name = info.sources[section.source]
            header = Header(bytes.fromhex(plan["program"]), info.field_names)
            for batch in _batches(section, places[section.source], name, header, programs, ids):
                sink.write(batch, name)
                lines += len(batch)
                size += batch.size
                del batch
        sink.finish()
    except BaseException:
        sink.abort()
        raise
    return {"lines": lines, "bytes": size, "seconds": time.perf_counter() - started}


def _batches(
    section: Section,
    path: str,
    name: str,
    header: Header,
    programs: Programs,
    ids: Iterator[npt.NDArray[np.uint32]],
) -> Iterator[ParsedBatch]:
    """The section's lines, each with its template."""
    # A Drain that never learns makes the shapes of headers known, which `align` expects.
    splitter = Drain().core_
    source = _Part(path, name, section.read)
    with Path(path).open("rb") as file:
        file.seek(section.start)
        carried = file.read(section.read - section.start)
    arenas = chunks(source, splitter.pool, None, carried, section.chunk)
    line, found = section.first_line, 0
    for arena in itertools.islice(arenas, section.chunks):
        splitter.match(arena, header, True)
        splitter.learn([arena], header, True)
        given = next(ids, np.zeros(0, np.uint32))
        batch = programs.align(arena, splitter.pool, header, given, line)
        if isinstance(batch, int):
            raise changed(source, line + batch)
        line += len(given)
        found += 1
        yield batch
        del batch
    if found < section.chunks:
        raise changed(source)


def merge_shards(
    folder: str | os.PathLike[str], parts: Sequence[str], output: str, *, force: bool = False
) -> int:
    """Put the shards' files together.

    Args:
        folder: as given to `learn_shards`.
        parts: one file per shard, in order.
        output: the Parquet file that `logpipe.pipeline.parse` would have written.
        force: whether an existing file may be replaced.

    Returns:
        The number of rows.

    Raises:
        InputError: a part is missing, damaged or of another log.
        OutputError: the output cannot be written.
    """
    plan, _ = _read_plan(Path(folder))
    if len(parts) != len(plan["shards"]):
        raise InputError(f"{folder}: has {len(plan['shards'])} shards, found {len(parts)} parts")
    return concatenate(parts, output, force=force)


def _read_plan(folder: Path) -> tuple[dict[str, Any], FileInfo]:
    path = folder / PLAN
    try:
        plan = orjson.loads(path.read_bytes())
        if plan["version"] != VERSION:
            raise ValueError(f"version {plan['version']}, this logpipe reads {VERSION}")
        plan["shards"] = [[Section(**entry) for entry in shard] for shard in plan["shards"]]
        return plan, read_description(str(path), {METADATA_KEY: plan["description"].encode()})
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a plan of shards: {error!r}") from None


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _read_ids(path: Path) -> Iterator[npt.NDArray[np.uint32]]:
    decompressor = zstandard.ZstdDecompressor()
    try:
        with path.open("rb") as file:
            while head := file.read(4):
                (length,) = struct.unpack("<I", head)
                yield np.frombuffer(decompressor.decompress(file.read(length)), "<u4")
    except (OSError, struct.error, zstandard.ZstdError, ValueError) as error:
        raise InputError(f"{path}: damaged or not there: {error}") from None
