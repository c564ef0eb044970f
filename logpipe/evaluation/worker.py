"""What happens in the process of a run: `python -m logpipe.evaluation.worker REQUEST.json`.

The request names the parser, its parameters, the messages and where to put the answer. The process
limits its own memory before it imports anything big. The result file appears whole or not at all;
whoever started the process judges its absence. Standard output belongs to the parser.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logpipe.evaluation.calling import Answer

__all__ = ["cpu_seconds", "main", "peak_mb", "run"]


def cpu_seconds() -> float:
    """User and system time of this process so far, its threads and ended children included."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """The most memory this process has held, in 10^6 bytes; messages and packages included."""
    # ru_maxrss is no good on Linux: a child starts with the figure of the process it came from.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Runs the parser of a request, writes its answer, and returns what was measured."""
    import gc

    from logpipe.evaluation.calling import ask, make_parser
    from logpipe.evaluation.columns import read_messages

    messages = read_messages(Path(request["messages"]))
    parser = make_parser(request["parser"], request["parameters"])
    call = ask(request["parser"], parser, messages, request["truth_style"])
    base_mb = peak_mb()
    gc.collect()
    cpu, wall = cpu_seconds(), time.perf_counter()
    answer = call()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    measured = {"cpu_s": cpu, "wall_s": wall, "peak_mb": peak_mb(), "base_mb": base_mb}
    # A parser that ran elsewhere knows its own figures.
    measured |= {k: float(v) for k, v in getattr(parser, "measured_", {}).items() if k in measured}
    _write(answer, Path(request["output"]))
    told = (
        f"the parser was told the style of the truth, {answer.told}, and printed its templates so"
    )
    return {"status": "ok", "error": "", "notes": [told] if answer.told else [], **measured}


def _write(answer: Answer, path: Path) -> None:
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    codes = pa.array(answer.codes, mask=answer.codes < 0)
    lines = np.arange(1, len(answer.codes) + 1, dtype=np.int64)
    columns: dict[str, Any] = {
        "line_no": pa.array(lines),
        "template": pa.DictionaryArray.from_arrays(codes, pa.array(answer.texts, pa.string())),
    }
    if answer.groups is not None:
        columns["group"] = pa.array(answer.groups)
    temporary = path.with_suffix(".part")
    parquet.write_table(pa.table(columns), temporary, compression="zstd")
    temporary.replace(path)


def _explained(error: BaseException) -> dict[str, Any]:
    if isinstance(error, MemoryError):
        return {"status": "memory", "error": "out of memory within the limit"}
    text = " ".join(str(error).split())
    if isinstance(error, TimeoutError):
        return {"status": "timeout", "error": text}
    kind = type(error).__name__
    return {"status": "failed", "error": f"{kind}: {text}" if text else kind}


def _end_with_parent() -> None:
    """Whoever supervises may be killed; then nobody would end a parser that hangs."""
    with suppress(Exception):
        import ctypes

        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, int(signal.SIGKILL), 0, 0, 0)


def main() -> None:
    """Reads the request, runs, writes the result."""
    request = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    _end_with_parent()
    limit = int(request["memory_mb"] * 1e6)
    if limit:
        # Of data, not of address space: threads and mapped files claim much that they never use.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    if request.get("cpu_seconds"):
        seconds = max(1, round(request["cpu_seconds"]))
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    # A parser that kills itself must not fill the disk with its memory.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.path.extend(request["path"])
    try:
        result = run(request)
    except BaseException as error:
        result = _explained(error)
        with suppress(Exception):
            traceback.print_exc()
    target = Path(request["result"])
    temporary = target.with_suffix(".part")
    temporary.write_text(json.dumps(result), "utf-8")
    temporary.replace(target)


if __name__ == "__main__":
    main()
