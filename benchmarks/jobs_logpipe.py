"""Our own jobs: parse with the online Drain, match against known templates, and whole parses."""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from benchmarks.jobs import Job, Outcome, Task
from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.template import UNKNOWN_GROUP, VERBATIM, TemplateTable

__all__ = [
    "LineDigest",
    "logpipe_at_once",
    "logpipe_file",
    "logpipe_match",
    "logpipe_parse",
    "logpipe_whole",
]


class LineDigest:
    """A digest over everything a parse says, whatever the bounds of its batches.

    Template ids, shapes and terminators per line, header fields and variables in the order of
    lines, and the template table. Two parses with equal digests are equal.
    """

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}

    def _add(self, name: str, data: bytes | npt.NDArray[Any]) -> None:
        if name not in self._parts:
            self._parts[name] = hashlib.blake2b(digest_size=16)
        self._parts[name].update(
            np.ascontiguousarray(data) if not isinstance(data, bytes) else data
        )

    def _column(self, name: str, column: ByteColumn) -> None:
        self._add(f"{name} lengths", np.diff(column.offsets))
        self._add(f"{name} data", column.data[column.offsets[0] : column.offsets[-1]])

    def batch(self, batch: ParsedBatch) -> None:
        """Adds the lines of a batch."""
        self._add("template ids", batch.template_ids)
        self._add("shapes", batch.shape_ids)
        self._add("terminators", batch.terminators)
        counts, values = batch.line_variables
        self._add("variables per line", np.diff(counts))
        self._column("variables", values)
        for name, column in zip(batch.field_names, batch.fields, strict=True):
            self._column(f"field {name}", column)

    def table(self, table: TemplateTable) -> None:
        """Adds the templates."""
        for i in range(len(table)):
            template = table[i]
            kinds = [int(kind) for kind in template.kinds]
            text = repr((template.id, template.group, template.literals, kinds))
            self._add("templates", text.encode())

    def hexdigest(self) -> str:
        """Of all that was added, in whatever order the parts came."""
        whole = hashlib.blake2b(digest_size=16)
        for name in sorted(self._parts):
            whole.update(name.encode() + b"\0" + self._parts[name].digest())
        return whole.hexdigest()


def _job(task: Task, batches: Callable[[], Iterator[ParsedBatch]]) -> Job:
    header_columns = bool(task.parameters.get("header_columns", False))

    def run() -> Outcome:
        lines = 0
        batch = None
        for batch in batches():
            lines += len(batch)
            if header_columns and batch.field_names:
                # Asking for one makes all.
                batch.fields[0]
        templates = len(batch.templates) if batch is not None else 0
        return Outcome(None, lines, {"templates": templates})

    def check() -> dict[str, Any]:
        with _Check(task) as checked:
            batch = None
            for batch in batches():
                checked.batch(batch)
            return checked.facts(batch.templates if batch is not None else None)

    return run, check


class _Check:
    """Holds batches against the input: what they render to, and what they say."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._digest = LineDigest()
        self._verified = self._unknown = 0
        self._file = Path(task.path).open("rb")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def batch(self, batch: ParsedBatch) -> None:
        """Adds the next batch.

        Raises:
            ValueError: it does not render to the bytes that come next.
        """
        rendered = batch.render()
        if rendered != self._file.read(len(rendered)):
            raise ValueError(
                f"the batch of {len(batch)} lines from line {batch.first_line} does not "
                f"render to its bytes"
            )
        self._verified += len(rendered)
        self._unknown += int(np.count_nonzero(batch.template_ids == VERBATIM))
        self._digest.batch(batch)

    def facts(self, table: TemplateTable | None) -> dict[str, Any]:
        """What goes to the record.

        Raises:
            ValueError: some of the input was missing.
        """
        if self._verified != self._task.bytes:
            raise ValueError(
                f"the input has {self._task.bytes} bytes, {self._verified} were rendered"
            )
        groups = 0
        if table is not None:
            self._digest.table(table)
            groups = len({table[i].group for i in range(len(table))} - {UNKNOWN_GROUP})
        return {
            "verified_bytes": self._verified,
            "unknown_lines": self._unknown,
            "groups": groups,
            "digest": self._digest.hexdigest(),
        }


class _CheckSink:
    """A sink that keeps nothing: `logpipe.export.base.Sink`."""

    def __init__(self, checked: _Check) -> None:
        self._checked = checked

    def write(self, batch: ParsedBatch, _: str) -> None:
        self._checked.batch(batch)

    def finish(self) -> None: ...

    def abort(self) -> None: ...


def logpipe_whole(task: Task) -> Job:
    """The whole job of `pipeline.parse`: learn, and give every line the id of its final template.

    Counts, places, examples and types of all templates are taken as well, as `logpipe templates`
    shows them; nothing is written.
    """
    from logpipe import parsers, pipeline

    name, threads = str(task.parameters["parser"]), int(task.parameters["threads"])
    parsers.load(name)

    def run() -> Outcome:
        result = pipeline.parse(task.path, parser=name, layout=task.layout, threads=threads)
        facts = {"templates": len(result.templates), "groups": result.groups}
        return Outcome(None, result.lines, facts)

    def check() -> dict[str, Any]:
        with _Check(task) as checked:
            result = pipeline.parse(
                task.path,
                parser=name,
                layout=task.layout,
                threads=threads,
                sink=lambda _: _CheckSink(checked),
            )
            return checked.facts(result.templates)

    return run, check


def logpipe_file(task: Task) -> Job:
    """The whole job of `pipeline.parse` into a Parquet file; checked by what it restores to."""
    import pyarrow.parquet  # noqa: F401  (start-up)

    from logpipe import parsers, pipeline
    from logpipe.export import open_sink
    from logpipe.export.restore import restore

    name, threads = str(task.parameters["parser"]), int(task.parameters["threads"])
    parsers.load(name)
    target = Path(task.work) / f"{Path(task.path).stem}.{threads}.parquet"

    def run() -> Outcome:
        result = pipeline.parse(
            task.path,
            parser=name,
            layout=task.layout,
            threads=threads,
            sink=lambda info: open_sink(str(target), info=info, force=True, threads=threads),
        )
        size = target.stat().st_size
        return Outcome(
            None, result.lines, {"templates": len(result.templates), "compressed_bytes": size}
        )

    def check() -> dict[str, Any]:
        verified = 0
        with Path(task.path).open("rb") as file:
            for piece in restore(str(target)):
                if piece != file.read(len(piece)):
                    raise ValueError(f"the file does not restore to its bytes from {verified:,} on")
                verified += len(piece)
        if verified != task.bytes:
            raise ValueError(f"the input has {task.bytes} bytes, {verified} were restored")
        digest = hashlib.blake2b(target.read_bytes(), digest_size=16).hexdigest()
        return {"verified_bytes": verified, "digest": digest}

    return run, check


def logpipe_parse(task: Task) -> Job:
    """Online Drain in one pass: template id per line and variable columns, batch by batch."""
    from logpipe import parsers, pipeline
    from logpipe.formats.named import layout_for

    name, threads = str(task.parameters["parser"]), int(task.parameters["threads"])
    layout = layout_for(task.layout)
    # Looking a parser up by name reads the metadata of every installed package: that is start-up.
    ready = [parsers.load(name)]

    def batches() -> Iterator[ParsedBatch]:
        parser = ready.pop() if ready else parsers.load(name)
        return pipeline.stream(task.path, parser=parser, layout=layout, threads=threads)

    return _job(task, batches)


def logpipe_at_once(task: Task) -> Job:
    """`logpipe_parse` by several processes at the same time; `each_s` is the slowest one's time."""
    count = int(task.parameters["processes"])
    alone = replace(task, parameters={**task.parameters, "threads": 1})
    context = multiprocessing.get_context("spawn")
    barrier, times = context.Barrier(count + 1), context.Queue()
    others = [context.Process(target=_timed, args=(alone, barrier, times)) for _ in range(count)]

    def run() -> Outcome:
        for other in others:
            other.start()
        barrier.wait(60)
        took = [times.get(timeout=100) for _ in others]
        for other in others:
            other.join()
        return Outcome(None, None, {"each_s": max(took)})

    return run, None


def _timed(task: Task, barrier: Any, times: Any) -> None:
    run, _ = logpipe_parse(task)
    barrier.wait(60)
    begin = time.perf_counter()
    run()
    times.put(time.perf_counter() - begin)


def _learn(path: str, layout: str, name: str, model: str) -> None:
    from logpipe import parsers, pipeline

    if name != "drain":
        pipeline.parse(path, parser=name, layout=layout, threads=1).save_model(model)
        return
    parser = parsers.load(name)
    for _ in pipeline.stream(path, parser=parser, layout=layout, threads=1):
        pass
    parser.save(model)


def logpipe_match(task: Task) -> Job:
    """Against the model of a parse of the same input, which another process made before."""
    from logpipe import pipeline
    from logpipe.formats.named import layout_for
    from logpipe.parsers import model as _model_module  # noqa: F401  (imported late otherwise)

    parser, threads = str(task.parameters["parser"]), int(task.parameters["threads"])
    layout = layout_for(task.layout)
    model = str(Path(task.work) / f"{Path(task.path).stem}.{parser}.json")
    if task.check or not Path(model).exists():
        # In the first round always: the model must be that of the code that is measured.
        other = multiprocessing.get_context("spawn").Process(
            target=_learn, args=(task.path, task.layout, parser, model)
        )
        other.start()
        other.join()
        if other.exitcode:
            raise RuntimeError(f"learning the model ended with exit code {other.exitcode}")
    return _job(
        task, lambda: pipeline.stream(task.path, model=model, layout=layout, threads=threads)
    )
