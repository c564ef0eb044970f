"""A case: the messages of a log and the true template of each, lined up and checked.

Messages are cut out of the raw log by its header layout, line by line, so that a parser is measured
on what it would be given in use; the truth is the CSV file beside it. Both are kept as Arrow files
in a folder, apart from each other: the process of a parser is only told where the messages are.

Groups stand for what papers score on:

- `loghub-2k`: the 2,000 lines of 16 systems with the *corrected* templates (those of the Loghub-2.0
  paper for its 14 systems, those of Khan et al. for Android and Windows). The templates of 2019 are
  the group `loghub-2k-2019`.
- `loghub-2.0`: the 14 full sets; one that is not on this machine is replaced by the checked copy in
  `loghub-2.0-full` where there is one.
- `all`: every set with a true template for each line that is on this machine already.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from logpipe import datasets
from logpipe.batch import ByteColumn
from logpipe.datasets import Catalogue, Dataset, Home
from logpipe.errors import InputError, UsageError
from logpipe.evaluation.columns import write_column
from logpipe.evaluation.truth import categories_of, own_file, truth_of
from logpipe.formats import auto
from logpipe.formats.readers import head, open_sources
from logpipe.native import Header
from logpipe.parsers.drain import Drain
from logpipe.parsers.stream import learned, workers

__all__ = [
    "Case",
    "Wanted",
    "edition_name",
    "editions_of",
    "messages_of",
    "prepare",
    "resolve",
    "write_messages",
]

VERSION = 1
"""Part of every digest: a change to how a case is made raises it."""

CORRECTED = "loghub-2k-corrected"
EDITIONS = ("loghub-2k", "loghub-2k-khan", "loghub-2.0-2k")
"""Collections that have the same 2,000 lines with other templates."""

FIRST = "loghub-2k-2019"
"""What the first edition is asked for by; the catalogue has it as loghub-2k."""

_CORRECTED_NOTE = (
    "loghub-2k: scored on the corrected templates of the Loghub-2.0 paper "
    f"(Android, Windows: of Khan et al.); {FIRST} is the first edition"
)

_FIRST_NOTE = f"{FIRST}: scored on the templates of the first edition; rows name it loghub-2k/..."

_MOST_BYTES = 2**31
_MESSAGES, _TRUTH = "messages.arrow", "truth.arrow"


@dataclass(frozen=True)
class Wanted:
    """A data set that is asked for: a record of the catalogue, or a CSV file of one's own."""

    name: str
    dataset: Dataset | None = None
    file: Path | None = None

    @property
    def system(self) -> str:
        """What the log is from, as settings know it: `HDFS`."""
        return self.name.rpartition("/")[2] if self.dataset else Path(self.name).stem

    @property
    def edition(self) -> str:
        """`2k` or `full`, where published figures exist for such a set; else empty."""
        collection = self.name.partition("/")[0] if self.dataset else ""
        return {"loghub-2.0-2k": "2k", "loghub-2.0": "full", "loghub-2.0-full": "full"}.get(
            collection, ""
        )

    @property
    def truth_style(self) -> str:
        """The style that the true templates are written in."""
        collection = self.name.partition("/")[0] if self.dataset else ""
        if collection in ("loghub-2.0", "loghub-2.0-full"):
            return "loghub-2.0"
        return "loghub-2k" if collection in ("loghub-2.0-2k", "loghub-2k-khan") else "exact"


@dataclass(frozen=True)
class Case:
    """A prepared data set.

    Attributes:
        wanted: what it was made of.
        folder: where `messages.arrow` and `truth.arrow` are.
        lines: of both.
        bytes: of the messages.
        digest: of messages and truth; other bytes, another digest.
    """

    wanted: Wanted
    folder: Path
    lines: int
    bytes: int
    digest: str

    @property
    def messages(self) -> Path:
        """The messages alone."""
        return self.folder / _MESSAGES

    @property
    def truth(self) -> Path:
        """The true templates."""
        return self.folder / _TRUTH

    @property
    def categories(self) -> Path:
        """True template -> category of each slot, as JSON; `{}` where nobody has said."""
        return self.folder / "categories.json"


def resolve(names: Iterable[str], *, mirror: str | None = None) -> tuple[list[Wanted], list[str]]:
    """Names, groups, `all` and CSV files to data sets, each once, and sentences about them.

    Raises:
        UnknownNameError: neither a data set nor a group nor a file.
        UsageError: a data set without a true template for each line.
        InputError: a CSV file that is not there.
    """
    catalogue = datasets.load()
    found: dict[str, Wanted] = {}
    notes = []
    for name in names:
        if name.lower().endswith(".csv"):
            file = Path(name)
            if not file.is_file():
                raise InputError(f"{name}: there is no such file")
            found[name] = Wanted(name, file=file)
        elif name == "all":
            here = set(datasets.available(mirror=mirror))
            scored = [d for d in catalogue.values() if _scored(d)]
            found |= {d.name: Wanted(d.name, d) for d in scored if d.name in here}
            away = sum(d.name not in here for d in scored)
            if away:
                notes.append(
                    f"all: {away} data sets with templates are not on this machine and are left "
                    f"out; `logpipe datasets fetch loghub-2.0` gets them"
                )
        else:
            members = _edition(catalogue, name)
            if name.partition("/")[0] == "loghub-2k" and _CORRECTED_NOTE not in notes:
                notes.append(_CORRECTED_NOTE)
            if name.partition("/")[0] == FIRST and _FIRST_NOTE not in notes:
                notes.append(_FIRST_NOTE)
            for dataset in members:
                if not _scored(dataset):
                    if len(members) > 1:
                        continue
                    raise UsageError(
                        f"data set {name!r} has no true template for each line; "
                        f"`logpipe datasets list` shows which have template-lines"
                    )
                dataset = _nearer(dataset, mirror)
                found[dataset.name] = Wanted(dataset.name, dataset)
    return list(found.values()), notes


def _edition(catalogue: Catalogue, name: str) -> tuple[Dataset, ...]:
    """What a name of the catalogue means here: the 2k logs by the templates that papers use now."""
    collection, _, system = name.partition("/")
    if collection == FIRST:
        return catalogue.resolve(["loghub-2k" + name.removeprefix(FIRST)])
    if collection == "loghub-2k":
        corrected = catalogue.resolve([CORRECTED])
        chosen = [d for d in corrected if system in ("", d.name.partition("/")[2])]
        if chosen:
            return tuple(chosen)
    return catalogue.resolve([name])


def editions_of(wanted: Wanted) -> list[Wanted]:
    """The same lines with the templates of each edition, the set's own included; else nothing."""
    if wanted.dataset is None or wanted.name.partition("/")[0] not in EDITIONS:
        return []
    catalogue = datasets.load()
    names = [f"{collection}/{wanted.system}" for collection in EDITIONS]
    return [Wanted(name, catalogue[name]) for name in names if name in catalogue]


def edition_name(wanted: Wanted) -> str:
    """What an edition is called in tables and by `--dataset`."""
    collection = wanted.name.partition("/")[0]
    return FIRST if collection == "loghub-2k" else collection


def prepare(
    wanted: Wanted,
    folder: Path,
    *,
    mirror: str | None = None,
    home: Home | None = None,
    progress: Callable[[str, str, int, int | None], None] | None = None,
) -> Case:
    """The case of a data set, made in a folder; one that is there and was made of the same is kept.

    Raises:
        InputError: the data set cannot be had, or log and truth do not fit together; says where.
    """
    if wanted.dataset is None:
        assert wanted.file is not None
        messages, truth = own_file(wanted.file)
        return _keep(wanted, folder, messages, truth)
    place = datasets.fetch(wanted.name, mirror=mirror, home=home, progress=progress)
    truth = truth_of(place)
    log = place.log_paths()[0]
    messages = messages_of(log, wanted.dataset.layout)
    if len(messages) != len(truth):
        raise InputError(
            f"{wanted.name}: the log {log} has {len(messages):,} lines and the truth "
            f"{len(truth):,} rows; expected a row for each line"
        )
    return _keep(wanted, folder, messages, truth, categories_of(place))


def _scored(dataset: Dataset) -> bool:
    return any(truth.kind == "template-lines" for truth in dataset.truth)


def _nearer(dataset: Dataset, mirror: str | None) -> Dataset:
    """The set itself, or its checked copy if only that is on this machine."""
    collection, _, system = dataset.name.partition("/")
    catalogue = datasets.load()
    copy = f"loghub-2.0-full/{system}"
    if collection != "loghub-2.0" or copy not in catalogue:
        return dataset
    here = set(datasets.available(mirror=mirror))
    return catalogue[copy] if dataset.name not in here and copy in here else dataset


def write_messages(case: Case, messages: ByteColumn) -> None:
    """Writes what a run is given."""
    write_column(case.messages, pa.table({"message": messages.to_arrow()}))


def messages_of(log: Path, layout: str) -> ByteColumn:
    """The messages of a log, headers cut off; a line without its header is its own message.

    Raises:
        InputError: the log cannot be read, or has 2 GiB of messages and more.
    """
    sources = open_sources([str(log)])
    offsets, pieces, size = [np.zeros(1, np.int64)], [], 0
    with workers(1) as pool:
        for source in sources:
            compiled = auto.resolve(layout, head(source)).layout
            header = Header(compiled.program, compiled.fields)
            # A Drain that never learns splits lines into headers and messages.
            splitter = Drain().core_
            for batch in learned(source, splitter, header, pool, frozen=True):
                values = batch.values
                first, last = int(values.offsets[0]), int(values.offsets[-1])
                pieces.append(values.data[first:last].copy())
                offsets.append(values.offsets[1:].astype(np.int64) - first + size)
                size += last - first
                del batch, values
    if size >= _MOST_BYTES:
        raise InputError(
            f"{log}: {size:,} bytes of messages; a parser is given all of them at once, and more "
            f"than {_MOST_BYTES:,} cannot be"
        )
    whole = np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)
    return ByteColumn(np.concatenate(offsets).astype(np.int32), whole)


def _keep(
    wanted: Wanted,
    folder: Path,
    messages: ByteColumn,
    truth: list[str | None],
    categories: Mapping[str, list[str]] | None = None,
) -> Case:
    if not any(text is not None for text in truth):
        raise InputError(
            f"{wanted.name}: there is no true template on any of {len(truth):,} lines; "
            f"expected one at least"
        )
    texts = pa.array(truth, pa.string()).dictionary_encode()
    digest = hashlib.sha256(f"{VERSION} {len(messages)}\n".encode())
    digest.update(np.ascontiguousarray(messages.offsets).data.cast("B"))
    digest.update(np.ascontiguousarray(messages.data).data[: int(messages.offsets[-1])])
    for text in texts.dictionary.to_pylist():
        digest.update(text.encode() + b"\n")
    digest.update(texts.indices.fill_null(-1).to_numpy().tobytes())
    name = digest.hexdigest()
    case = Case(wanted, folder, len(messages), int(messages.offsets[-1]), name)
    mark = folder / "digest"
    if not (mark.is_file() and mark.read_text() == name):
        folder.mkdir(parents=True, exist_ok=True)
        mark.unlink(missing_ok=True)
        write_messages(case, messages)
        write_column(case.truth, pa.table({"template": texts}))
        case.categories.write_text(json.dumps(categories or {}), "utf-8")
        mark.write_text(name)
    return case
