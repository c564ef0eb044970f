"""From a record to verified files on this machine; the only place that touches the network.

A file is looked for at home, in the installed package, in the mirror and at its official address,
in this order, and is only ever used after its checksum was found right. A mirror that is a local
folder is used where it lies: its files are read, never copied or changed.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from logpipe.datasets.download import NotThere, Retries, download
from logpipe.datasets.home import Digests, Home, digests, mirror_setting
from logpipe.datasets.records import Dataset, DatasetFile, TruthKind
from logpipe.datasets.unpack import Limits, Member, members_of, unpack
from logpipe.errors import InputError, OutputError, UnknownNameError

__all__ = ["FetchedDataset", "Progress", "fetch_dataset", "locate_dataset"]

Progress = Callable[[str, str, int, int | None], None]
"""Called with (what: `download` or `unpack`, path of the file, bytes so far, bytes in all)."""


@dataclass(frozen=True)
class FetchedDataset:
    """A data set on this machine; every path exists and was verified.

    Attributes:
        dataset: its record.
        files: role to path.
        members: role to the paths of the archive's members that play it, sorted.
        origins: role of a file to where it came from: `home`, `package`, a path or an address.
        sha256: role of a file to its checksum.
        notes: what a user should be told, as sentences.
    """

    dataset: Dataset
    files: dict[str, Path]
    members: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def paths(self, role: str) -> tuple[Path, ...]:
        """The files or members that play a role.

        Raises:
            UnknownNameError: the data set has no such role.
        """
        if role in self.files:
            return (self.files[role],)
        if role in self.members:
            return self.members[role]
        known = ", ".join([*self.files, *self.members])
        raise UnknownNameError(f"{self.dataset.name} has no {role!r}; it has {known}")

    def log_paths(self) -> tuple[Path, ...]:
        """The logs themselves, at least one."""
        return self.paths("log")

    def truth_path(self, kind: TruthKind | None = None) -> Path | None:
        """The file that says what is known about the lines; None if nothing or no file does.

        Args:
            kind: which kind; default: the first that the record names.
        """
        for truth in self.dataset.truth:
            if truth.file and kind in (None, truth.kind):
                return self.paths(truth.file)[0]
        return None


@dataclass
class _Job:
    """What one fetch needs to know at every step."""

    home: Home
    mirror: str | Path | None
    network: bool
    retries: Retries
    limits: Limits
    progress: Progress | None
    say: Callable[[str], None] | None
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)
        if self.say:
            self.say(sentence)


def fetch_dataset(
    dataset: Dataset,
    *,
    mirror: str | os.PathLike[str] | None = None,
    home: Home | None = None,
    retries: Retries | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> FetchedDataset:
    """Everything of a data set, verified; what is there already is not fetched again.

    Args:
        dataset: a record of the catalogue.
        mirror: folder or address searched first; default `LOGPIPE_MIRROR`.
        home: where to store; default `LOGPIPE_HOME`.
        retries: how patient to be with a server.
        limits: what an archive may grow to.
        progress: see `Progress`.
        note: called with each of the sentences that `FetchedDataset.notes` collects.

    Raises:
        InputError: it cannot be had, or what was found is not what it should be.
        OutputError: it cannot be stored.
    """
    job = _Job(home or Home(), None, True, retries or Retries(), limits or Limits(), progress, note)
    if not dataset.embedded:
        job.mirror = mirror_setting(mirror)
    return _assemble(dataset, job)


def locate_dataset(
    dataset: Dataset,
    *,
    mirror: str | os.PathLike[str] | None = None,
    home: Home | None = None,
) -> FetchedDataset:
    """The same without network and without writing: what is at home or in a mirror folder.

    Raises:
        InputError: it is not all here.
    """
    job = _Job(home or Home(), None, False, Retries(), Limits(), None, None)
    if not dataset.embedded:
        job.mirror = mirror_setting(mirror)
    return _assemble(dataset, job)


def _assemble(dataset: Dataset, job: _Job) -> FetchedDataset:
    files: dict[str, Path] = {}
    origins: dict[str, str] = {}
    sums: dict[str, str] = {}
    members: dict[str, tuple[Path, ...]] = {}
    for role, file in dataset.files.items():
        path, origin, found, unpacked = _obtain(dataset, file, job)
        files[role], origins[role], sums[role] = path, origin, found.sha256
        if file.is_archive:
            folder = job.home.unpacked(file)
            members = {
                name: tuple(folder / m.path for m in chosen)
                for name, chosen in _roles(dataset, file, unpacked).items()
            }
    return FetchedDataset(dataset, files, members, origins, sums, tuple(job.notes))


def _obtain(
    dataset: Dataset, file: DatasetFile, job: _Job
) -> tuple[Path, str, Digests, list[Member]]:
    """One file: its path, where it came from, what it is, and its members if it is an archive."""
    if file.package:
        path = Path(__file__).parents[1] / file.package
        return path, "package", _verified(path, file, "the installation is damaged"), []
    if not job.network:
        return _search(dataset, file, job)
    if file.pinned or file.path in job.home.recorded():
        # Nothing to write means no lock: data in a mirror works with a home that is read-only.
        try:
            return _search(dataset, file, replace(job, network=False))
        except InputError:
            pass
    with job.home.locked(file.path):
        return _search(dataset, file, job)


def _search(
    dataset: Dataset, file: DatasetFile, job: _Job
) -> tuple[Path, str, Digests, list[Member]]:
    refused: list[str] = []
    expected = job.home.recorded().get(file.path) if not file.pinned else None
    for path, origin in _local(file, job):
        found = digests(path)
        trouble = found.difference(file) or _differs_from_lock(found, expected, job.home)
        if trouble:
            refused.append(f"{path}: {trouble}")
            if origin == "home" and job.network:
                job.note(_set_aside(path, trouble))
            elif job.network:
                job.note(f"{path} was passed over: {trouble}.")
            continue
        return path, origin, found, _accept(dataset, file, path, origin, found, expected, job)
    if not job.network:
        raise InputError(
            f"{dataset.name}: {file.name} is not on this machine; "
            f"`logpipe datasets fetch {dataset.name}` gets it"
            + "".join(f". Passed over: {reason}" for reason in refused)
        )
    target = job.home.place(file)
    part = target.with_name(target.name + ".part")
    job.home.prepare(target)
    unreachable = ""
    for url in _addresses(file, job.mirror):
        if unreachable and url.startswith(unreachable):
            continue
        try:
            found = _download(file, url, part, job, expected)
        except NotThere as error:
            refused.append(str(error))
            continue
        except InputError as error:
            refused.append(str(error))
            # A mirror that cannot be reached is not asked for every other path as well.
            unreachable = job.mirror if isinstance(job.mirror, str) else ""
            continue
        unpacked = _accept(dataset, file, part, url, found, expected, job)
        try:
            part.replace(target)
            part.with_name(part.name + ".json").unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {target}: {error.strerror}") from None
        return target, url, found, unpacked
    raise _nowhere(dataset, file, job, refused)


def _local(file: DatasetFile, job: _Job) -> Iterator[tuple[Path, str]]:
    home = job.home.place(file)
    if home.is_file():
        yield home, "home"
    if isinstance(job.mirror, Path):
        for path in file.mirror_paths:
            candidate = job.mirror / path
            if candidate.is_file():
                yield candidate, str(candidate)


def _addresses(file: DatasetFile, mirror: str | Path | None) -> list[str]:
    urls = [f"{mirror}/{path}" for path in file.mirror_paths] if isinstance(mirror, str) else []
    return urls + ([file.url] if file.url else [])


def _download(
    file: DatasetFile, url: str, part: Path, job: _Job, expected: dict[str, object] | None
) -> Digests:
    def report(done: int, total: int | None) -> None:
        if job.progress:
            job.progress("download", file.path, done, total)

    for last in (False, True):
        continued = part.exists()
        several = download(
            url, part, size=file.size, pinned=file.pinned, progress=report, retries=job.retries
        )
        found = digests(part)
        trouble = found.difference(file) or _differs_from_lock(found, expected, job.home)
        if not trouble:
            return found
        part.unlink(missing_ok=True)
        part.with_name(part.name + ".json").unlink(missing_ok=True)
        if last or not (continued or several):
            break
        # The pieces may be of different versions, each of them right: one try in one piece.
        job.note(f"{file.name}: the continued download was not right, starting from its beginning.")
    raise NotThere(
        f"{url}: {trouble}; the file was deleted and not used. Likely causes: the publisher "
        f"replaced the file, or something on the way (a proxy, a login page) answers in its place"
    )


def _accept(
    dataset: Dataset,
    file: DatasetFile,
    path: Path,
    origin: str,
    found: Digests,
    expected: dict[str, object] | None,
    job: _Job,
) -> list[Member]:
    """Unpack if need be, and only then remember the checksum of a file that had none.

    A file without a published checksum is believed for its members: another archive that happens
    to have the same name must not be recorded as the right one.
    """
    members: list[Member] = []
    if file.is_archive:
        folder = job.home.unpacked(file)
        present = members_of(folder, found.sha256)
        if present is None and not job.network:
            raise InputError(
                f"{dataset.name}: {file.name} is here but not unpacked; "
                f"`logpipe datasets fetch {dataset.name}` does it"
            )
        if present is None:
            job.home.prepare(folder)
            present = unpack(
                path,
                folder,
                digest=found.sha256,
                limits=job.limits,
                progress=_unpacking(file, job.progress),
            )
        members = present
        _roles(dataset, file, members)
    if not file.pinned and expected is None and job.network:
        source = str(path) if origin == "home" else origin
        job.home.record(file, found, source)
        job.note(
            f"No checksum of {file.name} is published, so it could not be checked. Its sha256 "
            f"{found.sha256} was recorded in {job.home.lock_file}; another one later is an error."
        )
    return members


def _unpacking(file: DatasetFile, progress: Progress | None) -> Callable[[int], None] | None:
    if progress is None:
        return None
    return lambda done: progress("unpack", file.path, done, None)


def _roles(dataset: Dataset, file: DatasetFile, members: list[Member]) -> dict[str, list[Member]]:
    found: dict[str, list[Member]] = {}
    for role, pattern in dataset.members.items():
        chosen = sorted(
            (m for m in members if fnmatch.fnmatchcase(m.path, pattern)), key=lambda m: m.path
        )
        if not chosen:
            names = sorted(m.path for m in members)
            shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            raise InputError(
                f"{dataset.name}: {file.name} has no member like {pattern!r} ({role}); it has "
                f"{len(names)}: {shown}. It is another archive of the same name"
            )
        found[role] = chosen
    return found


def _verified(path: Path, file: DatasetFile, cause: str) -> Digests:
    found = digests(path)
    if trouble := found.difference(file):
        raise InputError(f"{path}: {trouble}; {cause}")
    return found


def _differs_from_lock(found: Digests, expected: dict[str, object] | None, home: Home) -> str:
    if expected is None or expected["sha256"] == found.sha256:
        return ""
    return (
        f"expected sha256 {expected['sha256']}, which was recorded in {home.lock_file} on "
        f"{expected.get('recorded', 'an unknown day')}, found {found.sha256}; if the publisher "
        f"replaced the file, take its entry out there"
    )


def _set_aside(path: Path, trouble: str) -> str:
    aside = path.with_name(path.name + ".damaged")
    try:
        path.replace(aside)
    except OSError as error:
        raise OutputError(
            f"{path}: {trouble}; it cannot be moved aside: {error.strerror}"
        ) from None
    return f"{path} is no longer what it was ({trouble}); it was renamed to {aside.name}."


def _nowhere(dataset: Dataset, file: DatasetFile, job: _Job, refused: list[str]) -> InputError:
    where = "it has no address of its own" if not file.url else ""
    mirror = "" if job.mirror else "set LOGPIPE_MIRROR (or --mirror) to a folder that has it"
    advice = "; ".join(filter(None, (where, mirror if where else "")))
    if job.mirror and where:
        advice += (
            f", and the mirror {job.mirror} does not have it as {' or '.join(file.mirror_paths)}"
        )
    tried = "".join(f". {reason}" for reason in refused)
    return InputError(
        f"{dataset.name}: cannot get {file.name}{': ' if advice else ''}{advice}{tried}"
    )
