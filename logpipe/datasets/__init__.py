"""Data sets: what there is, where it comes from, and how to know that it is the right bytes.

`load` reads datasets.yaml, `fetch` brings a data set here; the functions below them return plain
data for the command line and for flows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from logpipe.datasets.catalogue import Catalogue, catalogue_path, load
from logpipe.datasets.download import Retries
from logpipe.datasets.fetching import FetchedDataset, Progress, fetch_dataset, locate_dataset
from logpipe.datasets.home import Home, digests, mirror_setting
from logpipe.datasets.records import Dataset, DatasetFile, Truth, TruthKind
from logpipe.datasets.unpack import Limits, members_of
from logpipe.errors import InputError

__all__ = [
    "Catalogue",
    "Dataset",
    "DatasetFile",
    "FetchedDataset",
    "Home",
    "Limits",
    "Progress",
    "Retries",
    "Truth",
    "TruthKind",
    "available",
    "catalogue_path",
    "check",
    "fetch",
    "list_rows",
    "load",
    "mirror_setting",
    "path",
    "show",
]

Mirror = str | os.PathLike[str] | None


def fetch(
    name: str,
    *,
    mirror: Mirror = None,
    home: Home | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> FetchedDataset:
    """Bring a data set here, verified; see `fetching.fetch_dataset` for arguments and errors.

    Raises:
        UnknownNameError: there is no data set of this name (a group is not one).
    """
    return fetch_dataset(load()[name], mirror=mirror, home=home, progress=progress, note=note)


def path(name: str, *, mirror: Mirror = None, home: Home | None = None) -> dict[str, list[str]]:
    """Role to paths of a data set that is here already; nothing is fetched or unpacked.

    Raises:
        UnknownNameError: there is no such data set.
        InputError: it is not, or not all, on this machine.
    """
    found = locate_dataset(load()[name], mirror=mirror, home=home)
    roles = [*found.files, *found.members]
    return {role: [str(p) for p in found.paths(role)] for role in roles}


def list_rows(*, mirror: Mirror = None, home: Home | None = None) -> list[dict[str, Any]]:
    """One row per data set: name, lines, download size, layout, what is known, where it is.

    `here` is `embedded`, `home`, `mirror` (a folder, used in place) or empty; it is a look at names
    and sizes, not a check.
    """
    home, source = home or Home(), mirror_setting(mirror)
    return [
        {
            "name": dataset.name,
            "groups": list(dataset.groups),
            "lines": dataset.lines,
            "size": dataset.size,
            "layout": dataset.layout,
            "truth": [truth.kind for truth in dataset.truth],
            "here": _here(dataset, home, source),
        }
        for dataset in load().values()
    ]


def available(*, mirror: Mirror = None, home: Home | None = None) -> list[str]:
    """Names of the data sets that can be had without a network, in the catalogue's order."""
    return [row["name"] for row in list_rows(mirror=mirror, home=home) if row["here"]]


def show(name: str, *, mirror: Mirror = None, home: Home | None = None) -> dict[str, Any]:
    """Everything the catalogue says about a data set, and what of it is here.

    Of a group: `group`, what its data sets have in common, and `datasets` with their rows of
    `list_rows`.

    Raises:
        UnknownNameError: there is neither a data set nor a group of this name.
    """
    catalogue = load()
    if name in catalogue.groups:
        return _show_group(name, catalogue.group(name), mirror, home)
    if name not in catalogue:
        catalogue.resolve([name])
    dataset = catalogue[name]
    home, source = home or Home(), mirror_setting(mirror)
    facts = dataset.model_dump(mode="json")
    recorded = home.recorded()
    for role, file in dataset.files.items():
        facts["files"][role]["here"] = _where(file, home, source)
        if not file.pinned:
            facts["files"][role]["recorded_sha256"] = recorded.get(file.path, {}).get("sha256", "")
    facts["size"] = dataset.size
    facts["here"] = _here(dataset, home, source)
    return facts


def _show_group(
    name: str, members: tuple[Dataset, ...], mirror: Mirror, home: Home | None
) -> dict[str, Any]:
    names = {dataset.name for dataset in members}
    rows = [row for row in list_rows(mirror=mirror, home=home) if row["name"] in names]
    sizes = [dataset.size for dataset in members]
    common = {
        key: value
        for key in ("title", "licence", "citation", "homepage")
        for value in [getattr(members[0], key)]
        if all(getattr(dataset, key) == value for dataset in members)
    }
    return {
        "group": name,
        **common,
        "size": None if None in sizes else sum(size for size in sizes if size is not None),
        "here": sum(1 for row in rows if row["here"]),
        "datasets": rows,
    }


def check(
    names: Iterable[str] = ("all",), *, mirror: Mirror = None, home: Home | None = None
) -> list[dict[str, Any]]:
    """Read every file that is on this machine and compare it with its checksum, members included.

    Files are looked at in the package, at home and, because they are used in place, in a mirror
    that is a folder.

    Returns:
        One row per file: `dataset`, `path`, `status` (`ok`, `damaged`, or `unpinned`: nothing is
        known that it could be compared with) and `problem`.

    Raises:
        UnknownNameError: neither a data set nor a group.
        InputError: the mirror is a folder that does not exist.
    """
    home, source = home or Home(), mirror_setting(mirror)
    recorded = home.recorded()
    rows = []
    for dataset in load().resolve(names):
        for file in dataset.files.values():
            lock = recorded.get(file.path, {}).get("sha256", "")
            rows += [
                _row(dataset, place, *_compare(place, file, lock))
                for place in _places(file, home, source)
                if place.is_file()
            ]
            folder = home.unpacked(file)
            if file.is_archive and folder.is_dir():
                rows += _check_members(dataset, folder)
    return rows


def _check_members(dataset: Dataset, folder: Path) -> list[dict[str, Any]]:
    members = members_of(folder)
    if members is None:
        again = "a member is missing or has another size; fetch unpacks the archive again"
        return [_row(dataset, folder, "damaged", again)]
    rows = []
    for member in members:
        place = folder / member.path
        found = digests(place).sha256
        problem = (
            "" if found == member.sha256 else f"expected sha256 {member.sha256}, found {found}"
        )
        rows.append(_row(dataset, place, "damaged" if problem else "ok", problem))
    return rows


def _compare(place: Path, file: DatasetFile, lock: str) -> tuple[str, str]:
    try:
        found = digests(place)
    except InputError as error:
        return "damaged", str(error)
    problem = found.difference(file)
    if not problem and not file.pinned and lock and lock != found.sha256:
        problem = f"expected sha256 {lock}, found {found.sha256}"
    if problem:
        return "damaged", problem
    return ("ok" if file.pinned or lock or file.package else "unpinned"), ""


def _row(dataset: Dataset, place: Path, status: str, problem: str) -> dict[str, Any]:
    return {"dataset": dataset.name, "path": str(place), "status": status, "problem": problem}


def _places(file: DatasetFile, home: Home, mirror: str | Path | None) -> list[Path]:
    """Where a file may be on this machine."""
    if file.package:
        return [_package(file)]
    mirrored = file.mirror_paths if isinstance(mirror, Path) else []
    return [home.place(file), *(Path(mirror or "") / path for path in mirrored)]


def _package(file: DatasetFile) -> Path:
    return Path(__file__).parents[1] / file.package


def _where(file: DatasetFile, home: Home, mirror: str | Path | None) -> str:
    if file.package:
        return "embedded"
    if _fits(home.place(file), file):
        return "home"
    if isinstance(mirror, Path) and any(_fits(mirror / name, file) for name in file.mirror_paths):
        return "mirror"
    return ""


def _fits(place: Path, file: DatasetFile) -> bool:
    return place.is_file() and file.size in (None, place.stat().st_size)


def _here(dataset: Dataset, home: Home, mirror: str | Path | None) -> str:
    places = [_where(file, home, mirror) for file in dataset.files.values()]
    if not all(places):
        return ""
    return "mirror" if "mirror" in places else places[0]
