"""Who takes part in the compression suite, with which settings, and what is missing here.

Log compressors of the literature that are in no package registry cannot be had by `pip` or `apt`
and are therefore not run: LogReducer, LogShrink, LogZip (the paper's), Denum, LogLite. Packages of
those names on PyPI are other programs: `logreducer` samples logs, `logshrink` hides repeated lines
on a terminal, `loglite` is a log service. `pfc-jsonl` on PyPI calls a binary that is published
elsewhere.
"""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace

from benchmarks.contestants import Contestant

__all__ = ["COMPRESSORS", "OURS", "compressor", "with_program"]

OURS = ("logpipe-fast", "logpipe-default", "logpipe-max")
"""Our levels, in the order of the columns."""


def _entry(
    name: str, title: str, codec: str, needs: str = "", package: str = "", **options: object
) -> Contestant:
    parameters = {"codec": codec, **options}
    rows = "ours" if codec == "logpipe" else "other"
    return Contestant(name, title, "", parameters, needs, package, rows=rows)


COMPRESSORS: tuple[Contestant, ...] = (
    _entry("gzip-9", "deflate, level 9 (Python's zlib)", "gzip", level=9),
    _entry("bzip2-9", "bzip2, level 9 (Python's bz2)", "bzip2", level=9),
    _entry("zstd-3", "zstd level 3", "zstd", "zstandard", "zstandard", level=3),
    _entry("zstd-19", "zstd level 19", "zstd", "zstandard", "zstandard", level=19),
    _entry("xz-9e", "LZMA2, preset 9 extreme (Python's lzma)", "xz", level=9, extreme=True),
    _entry(
        "brotli-11",
        "brotli, quality 11, 16 MB window",
        "brotli",
        "brotli",
        "brotli",
        quality=11,
        lgwin=24,
    ),
    _entry("ppmd-8", "PPMd H, order 8", "ppmd", "pyppmd", "pyppmd", order=8, memory_mb=512),
    _entry("ppmd-12", "PPMd H, order 12", "ppmd", "pyppmd", "pyppmd", order=12, memory_mb=512),
    _entry("ppmd-32", "PPMd H, order 32", "ppmd", "pyppmd", "pyppmd", order=32, memory_mb=512),
    _entry("7z-ppmd", "7-Zip's own -mx=9 for PPMd", "7z", "program:7zz", "7zip", method="PPMd"),
    _entry("zpaq-5", "zpaq -m5: context mixing", "zpaq", "program:zpaq", "zpaq", method=5),
    _entry(
        "clp-19",
        "CLP's clp-s at its highest level; every line wrapped as JSON outside of the clock",
        "clp",
        "yscope_clp_core",
        "yscope-clp-core",
        level=19,
    ),
    _entry(
        "logzip-max",
        "logzip --lossless --quality max: its output is text for language models",
        "logzip",
        "logzip",
        "logzip",
        legend=512,
        passes=2,
    ),
    _entry("logpress", "LogPress", "logpress", "logpress", "LogPress", min_support=3),
    *(
        _entry(name, f"level {name.partition('-')[2]}", "logpipe", level=name.partition("-")[2])
        for name in OURS
    ),
)


def compressor(name: str) -> Contestant:
    """The entry of that name."""
    return next(c for c in COMPRESSORS if c.name == name)


def with_program(entry: Contestant) -> Contestant:
    """The entry, disabled with a reason if the module or program it needs is not there."""
    kind, _, program = entry.needs.rpartition(":")
    if kind == "program":
        if shutil.which(program) is None:
            reason = f"not installed: {program} (Debian package {entry.package}) is not on the PATH"
            return replace(entry, disabled=reason)
    elif entry.needs and importlib.util.find_spec(entry.needs) is None:
        return replace(entry, disabled=f"not installed: pip install {entry.package}")
    return entry
