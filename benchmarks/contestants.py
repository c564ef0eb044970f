"""Who takes part: an entry says what runs, with which parameters, or why it does not run.

An entry's `job` is a function of `benchmarks.jobs`; it runs in a process of its own. Parameters of
others are those of their documentation; ours are the defaults of the parser. A slow contestant gets
the first `limit_mb` of the input, because speed per byte does not change with more of the same and
a round must end; the report says how much each one read.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["CONTESTANTS", "Contestant", "entry", "with_availability"]


@dataclass(frozen=True)
class Contestant:
    """One entry.

    Attributes:
        name: short, unique.
        title: what it does, for the report.
        job: name of a function in `benchmarks.jobs` or `benchmarks.jobs_logpipe`, or
            `module:function`.
        parameters: handed to the job; JSON.
        needs: module without which it cannot run.
        package: what `pip install` calls that; versions are looked up by it.
        limit_mb: reads no more than this of the input.
        rows: what the report uses it for: "ours", "other" or "yardstick".
        disabled: reason why it does not run; empty if it does.
    """

    name: str
    title: str
    job: str
    parameters: dict[str, Any] = field(default_factory=dict)
    needs: str = ""
    package: str = ""
    limit_mb: int | None = None
    rows: str = "other"
    disabled: str = ""


CONTESTANTS: tuple[Contestant, ...] = (
    Contestant(
        "logpipe",
        "one pass over the file: header split off, online Drain, variable columns; one thread",
        "logpipe_parse",
        {"parser": "drain", "threads": 1},
        rows="ours",
    ),
    Contestant(
        "logpipe-header-columns",
        "as `logpipe`, and every header field made into a column, which is otherwise left until it "
        "is asked for",
        "logpipe_parse",
        {"parser": "drain", "threads": 1, "header_columns": True},
        rows="ours",
    ),
    Contestant(
        "zstd-3",
        "zstd level 3, one thread, one frame, file read in 1 MB pieces",
        "zstd_compress",
        {"level": 3},
        "zstandard",
        "zstandard",
        rows="yardstick",
    ),
    Contestant(
        "logpipe-frozen",
        "the same against templates learned before from the whole input; nothing is learned",
        "logpipe_match",
        {"parser": "drain", "threads": 1},
        rows="ours",
    ),
    Contestant(
        "logpipe-iterative",
        "the whole job of the parser `iterative`: sample, learn, match every line, variable "
        "columns, counts and types of all templates; one thread",
        "logpipe_whole",
        {"parser": "iterative", "threads": 1},
        rows="ours",
    ),
    Contestant(
        "logpipe-iterative-frozen",
        "header split off, matched against the templates of `iterative`, variable columns",
        "logpipe_match",
        {"parser": "iterative", "threads": 1},
        rows="ours",
    ),
    Contestant(
        "drain3",
        "template id and variables per message (add_log_message + extract_parameters), no masks",
        "drain3_parse",
        {"variables": True},
        "drain3",
        "drain3-improved",
        limit_mb=2,
    ),
    Contestant(
        "logpipe-2-threads",
        "as `logpipe`, two threads",
        "logpipe_parse",
        {"parser": "drain", "threads": 2},
        rows="ours",
    ),
    Contestant(
        "logpipe-2-processes",
        "as `logpipe`, by two processes at the same time that share nothing: what two threads "
        "could reach on this machine at best",
        "logpipe_at_once",
        {"parser": "drain", "processes": 2},
        rows="yardstick",
    ),
    Contestant(
        "logpipe-parquet",
        "the whole job of `logpipe parse -o x.parquet` after its start: two passes, every column, "
        "written to a file and to the disk; one thread",
        "logpipe_file",
        {"parser": "drain", "threads": 1},
        rows="ours",
    ),
    Contestant(
        "logpipe-parquet-2-threads",
        "as `logpipe-parquet`, two threads",
        "logpipe_file",
        {"parser": "drain", "threads": 2},
        rows="ours",
    ),
    Contestant(
        "drain3-ids",
        "template id per message only (add_log_message), no masks: less work than ours",
        "drain3_parse",
        {"variables": False},
        "drain3",
        "drain3-improved",
        limit_mb=4,
    ),
    Contestant(
        "logfold",
        "templates and counts of the file, sequential; neither ids per line nor variables",
        "logfold_analyze",
        {"format": "plain", "strategy": "sequential", "threads": 1, "examples": "none"},
        "logfold",
        "logfold",
        limit_mb=50,
    ),
    Contestant(
        "logfold-match",
        "counts per template of a saved state; neither ids per line nor variables",
        "logfold_match",
        {"format": "plain", "strategy": "sequential", "threads": 1, "examples": "none"},
        "logfold",
        "logfold",
        limit_mb=50,
    ),
    Contestant(
        "tipping",
        "cluster per message, masks and templates; the whole input at once in memory",
        "tipping_parse",
        {},
        "tipping",
        "tipping",
        limit_mb=4,
    ),
    Contestant(
        "zstd-d",
        "zstd -d of what zstd -3 made, from memory, in 1 MB pieces",
        "zstd_decompress",
        {"level": 3},
        "zstandard",
        "zstandard",
        rows="yardstick",
    ),
    Contestant(
        "memcpy",
        "copies the file's bytes from memory to memory, in pieces of 1 MB",
        "memcpy",
        {},
        rows="yardstick",
    ),
)


def entry(name: str) -> Contestant:
    """The entry of that name."""
    return next(c for c in CONTESTANTS if c.name == name)


def with_availability(contestant: Contestant) -> Contestant:
    """The entry, disabled with a reason if what it needs is not installed."""
    if contestant.disabled or not contestant.needs:
        return contestant
    if importlib.util.find_spec(contestant.needs) is None:
        reason = f"{contestant.package} is not installed: pip install 'logpipe[bench]'"
        return replace(contestant, disabled=reason)
    return contestant
