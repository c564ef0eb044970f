"""datasets.yaml as a mapping of name to `Dataset`; mistakes in it are told with file and line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar, overload

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from logpipe.datasets.records import (
    Dataset,
    DatasetFile,
    Layout,
    Name,
    RelativePath,
    Truth,
    WebAddress,
)
from logpipe.errors import InputError, UnknownNameError

__all__ = ["Catalogue", "catalogue_path", "load"]

Location = tuple[int | str, ...]
Default = TypeVar("Default")


def catalogue_path() -> Path:
    """The datasets.yaml that belongs to this logpipe.

    In a checkout the package holds a link to the file at the top level; a wheel holds the file.
    """
    return Path(__file__).with_name("datasets.yaml")


class Catalogue(Mapping[str, Dataset]):
    """Data sets by name, in the order of the file.

    Args:
        datasets: names have to differ, and no name is also a group.
        source: where they were read, for messages.
    """

    def __init__(self, datasets: Iterable[Dataset], source: str = "the catalogue") -> None:
        self.source = source
        self._datasets = {dataset.name: dataset for dataset in datasets}

    def __getitem__(self, name: str) -> Dataset:
        """One data set.

        Raises:
            UnknownNameError: with the names that come close. (A `LookupError` like the `KeyError`
                of other mappings, so `in` and `get` are defined here too.)
        """
        try:
            return self._datasets[name]
        except KeyError:
            members = [d.name for d in self._datasets.values() if name in d.groups]
            if members:
                raise UnknownNameError(
                    f"{name!r} is a group of {len(members)} data sets; name one of them, such as "
                    f"{members[0]!r}"
                ) from None
            raise self._unknown(name, [*self._datasets], "data set") from None

    def __contains__(self, name: object) -> bool:
        return name in self._datasets

    @overload
    def get(self, key: str, /) -> Dataset | None: ...

    @overload
    def get(self, key: str, /, default: Dataset | Default) -> Dataset | Default: ...

    def get(self, key: str, /, default: object = None) -> object:
        """One data set, or the default."""
        return self._datasets.get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group, in the order of the file."""
        return tuple(dict.fromkeys(g for d in self._datasets.values() for g in d.groups))

    def group(self, name: str) -> tuple[Dataset, ...]:
        """The data sets of a group.

        Raises:
            UnknownNameError: there is no such group.
        """
        found = tuple(d for d in self._datasets.values() if name in d.groups)
        if not found:
            raise self._unknown(name, [*self.groups], "group of data sets")
        return found

    def resolve(self, names: Iterable[str]) -> tuple[Dataset, ...]:
        """Names, groups and `all` to data sets, each once, in the order first asked for.

        Raises:
            UnknownNameError: neither a data set nor a group.
        """
        found: dict[str, Dataset] = {}
        for name in names:
            if name == "all":
                found.update(self._datasets)
            elif name in self.groups:
                found.update((d.name, d) for d in self.group(name))
            elif name in self._datasets:
                found[name] = self._datasets[name]
            else:
                raise self._unknown(name, [*self._datasets, *self.groups], "data set or group")
        return tuple(found.values())

    def _unknown(self, name: str, known: list[str], word: str) -> UnknownNameError:
        # People know the system ("HDFS") better than the collection it is in.
        low = name.lower()
        ends = [k for k in known if low in (k.lower(), k.lower().rpartition("/")[2])]
        near = ends or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        return UnknownNameError(
            f"unknown {word} {name!r}.{hint} Groups: {', '.join(self.groups)}; "
            f"`logpipe datasets list` shows all {len(self)} names."
        )


class _FileEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: RelativePath
    url: WebAddress | None = None
    size: int | None = None
    md5: str = ""
    sha256: str = ""
    mirror: str = ""
    package: str = ""


class _DatasetEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    layout: Layout
    lines: int | None = None
    files: dict[Name, _FileEntry] = Field(min_length=1)
    members: dict[Name, str] = Field(default_factory=dict)
    truth: list[Truth] = Field(default_factory=list)
    groups: list[Name] = Field(default_factory=list)
    note: str = ""


class _CollectionEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str
    homepage: WebAddress = ""
    licence: str
    citation: str = ""
    url: WebAddress = ""
    datasets: dict[Name, _DatasetEntry] = Field(min_length=1)

    @model_validator(mode="after")
    def _url_is_a_folder(self) -> Self:
        if self.url and not self.url.endswith("/"):
            raise ValueError("expected the url of a collection to end with '/'")
        return self


class _Whole(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1]
    collections: Annotated[dict[Name, _CollectionEntry], Field(min_length=1)]


def load(path: str | Path | None = None) -> Catalogue:
    """Read and check a datasets.yaml; by default the one that belongs to this logpipe.

    Raises:
        InputError: not readable, not YAML, a key that does not exist or is there twice, a value
            that is not what it should be: with file, line, what was expected and found.
    """
    return _load_own() if path is None else _read(Path(path))


@cache
def _load_own() -> Catalogue:
    return _read(catalogue_path())


def _read(path: Path) -> Catalogue:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the data set catalogue {path}: {error}") from None
    # The C loader where there is one: the file is long, and it is read by every `datasets` command.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise InputError(f"{path}:1: expected 'version' and 'collections', found nothing")
        _no_duplicates(root, path)
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise InputError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid YAML: {error}") from None
    finally:
        loader.dispose()
    try:
        whole = _Whole.model_validate(data)
    except ValidationError as error:
        raise _explain(error, root, (), path) from None
    return Catalogue(_records(whole, root, path), str(path))


def _records(whole: _Whole, root: yaml.Node, path: Path) -> Iterator[Dataset]:
    homes: dict[str, str] = {}
    for collection, entry in whole.collections.items():
        for name, item in entry.datasets.items():
            where: Location = ("collections", collection, "datasets", name)
            files = {}
            for role, file in item.files.items():
                try:
                    files[role] = DatasetFile(
                        **file.model_dump(exclude={"path", "url"}),
                        path=f"{collection}/{file.path}",
                        url=_address(entry.url, file),
                    )
                except ValidationError as error:
                    raise _explain(error, root, (*where, "files", role), path) from None
                if files[role].path in homes:
                    line = _line(root, (*where, "files", role, "path"))
                    raise InputError(
                        f"{path}:{line}: {name}: path {file.path!r} is already taken by "
                        f"{homes[files[role].path]}; two files cannot lie in one place"
                    )
                homes[files[role].path] = f"{collection}/{name}"
            try:
                yield Dataset(
                    name=f"{collection}/{name}",
                    groups=(collection, *item.groups),
                    title=entry.title,
                    layout=item.layout,
                    lines=item.lines,
                    files=files,
                    members=item.members,
                    truth=tuple(item.truth),
                    licence=entry.licence,
                    citation=entry.citation,
                    homepage=entry.homepage,
                    note=item.note,
                )
            except ValidationError as error:
                raise _explain(error, root, where, path) from None


def _address(prefix: str, file: _FileEntry) -> str:
    if file.url is not None:
        return file.url
    return prefix + file.path if prefix else ""


def _no_duplicates(node: yaml.Node, path: Path) -> None:
    """YAML itself lets the last of two equal keys win, which hides a mistake."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{path}:{line}: expected a word as key")
            if key.value in seen:
                raise InputError(
                    f"{path}:{line}: {key.value!r} is here twice, first in line {seen[key.value]}"
                )
            seen[key.value] = line
            _no_duplicates(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _no_duplicates(item, path)


def _line(root: yaml.Node, location: Location) -> int:
    """The 1-based line of the deepest node on the way to `location` that exists."""
    node, line = root, root.start_mark.line + 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            found = next((kv for kv in node.value if kv[0].value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _explain(error: ValidationError, root: yaml.Node, prefix: Location, path: Path) -> InputError:
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    location: Location = (*prefix, *first["loc"])
    line = _line(root, location)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"unknown key {location[-1]!r}"
        location = location[:-1]
    elif first["type"] == "missing":
        message = f"the key {location[-1]!r} is missing"
        location = location[:-1]
    elif not isinstance(first["input"], BaseModel | Mapping):
        message += f"; found {str(first['input'])[:80]!r}"
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    place = ".".join(str(part) for part in location if part != "[key]") or "the whole"
    return InputError(f"{path}:{line}: {place}: {message}{more}")
