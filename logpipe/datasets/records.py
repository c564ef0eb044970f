"""What a data set is: frozen records with nothing but facts, checked when datasets.yaml is read.

A record says where bytes can be had and how to know that they are the right ones. It never says
what to do with them: that is `fetch`'s part, and the pipeline's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

__all__ = ["ARCHIVE_SUFFIXES", "Dataset", "DatasetFile", "Truth", "TruthKind"]

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Files whose names end like this are unpacked; roles are then found among the members."""

TruthKind = Literal["template-lines", "session-labels", "line-labels", "fault-window"]
"""What is known about the lines; datasets.yaml describes each kind."""


def _inside(path: str) -> str:
    """A relative POSIX path that cannot leave the folder it is joined to."""
    parts = path.split("/")
    if "\\" in path or "\0" in path or path.startswith("/") or re.match("[A-Za-z]:", path):
        raise ValueError("expected a relative path with forward slashes")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError("expected a path without empty, '.' or '..' parts")
    return path


def _web(url: str) -> str:
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("expected an http:// or https:// address")
    return url


RelativePath = Annotated[str, AfterValidator(_inside)]
MaybePath = Annotated[str, AfterValidator(lambda path: _inside(path) if path else path)]
WebAddress = Annotated[str, AfterValidator(_web)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Layout = Annotated[str, StringConstraints(min_length=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DatasetFile(_Record):
    """One file of a data set.

    Attributes:
        path: where it lies below `<home>/datasets`; begins with the collection's name.
        url: its official address, empty where it has none.
        size: bytes, or None where no size is published.
        md5: as published, empty where none is.
        sha256: of a checked copy, empty where there was none.
        mirror: its path in a mirror laid out like the project's data folder; may be empty.
        package: its path inside the installed `logpipe` package; may be empty.
    """

    path: RelativePath
    url: WebAddress = ""
    size: Annotated[int, Field(ge=0)] | None = None
    md5: Annotated[str, StringConstraints(pattern="^([0-9a-f]{32})?$")] = ""
    sha256: Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$")] = ""
    mirror: MaybePath = ""
    package: MaybePath = ""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def mirror_paths(self) -> list[str]:
        """Where a mirror may have it, the most particular place first."""
        below = self.path.partition("/")[2]
        return list(dict.fromkeys(filter(None, (self.mirror, self.path, below, self.name))))

    @property
    def pinned(self) -> bool:
        """Whether a checksum is known, so that wrong bytes are always noticed."""
        return bool(self.md5 or self.sha256)

    @property
    def is_archive(self) -> bool:
        """Whether the file is unpacked after it was fetched."""
        return self.path.endswith(ARCHIVE_SUFFIXES)


class Truth(_Record):
    """One thing that is known about the lines.

    Attributes:
        kind: what is known.
        file: role of the file or member that says it; empty if the log itself says it.
        templates: role of the list of templates with their counts; may be empty.
        field: the header field that holds the label, for `line-labels`.
    """

    kind: TruthKind
    file: str = ""
    templates: str = ""
    field: str = ""


class Dataset(_Record):
    """One data set.

    Attributes:
        name: `<collection>/<name>`.
        groups: names under which several data sets are asked for together; the collection first.
        title: what the collection is.
        layout: header layout, as `--format` takes it; `auto` where it differs from file to file.
        lines: number of lines as published, a last line without newline included; None if unknown.
        files: role (`log`, `structured`, `templates`, `labels`, `archive`, ...) to file.
        members: role to a shell pattern over the members of the archive.
        truth: what is known about the lines, possibly nothing.
        licence: under what terms the publisher gives it.
        citation: what to cite.
        homepage: where people can read about it.
        note: anything a user should know before trusting it.
    """

    name: str
    groups: tuple[str, ...]
    title: str
    layout: Layout
    lines: Annotated[int, Field(ge=0)] | None = None
    files: Mapping[Name, DatasetFile]
    members: Mapping[Name, str] = Field(default_factory=dict)
    truth: tuple[Truth, ...] = ()
    licence: str
    citation: str = ""
    homepage: WebAddress = ""
    note: str = ""

    @property
    def archives(self) -> dict[str, DatasetFile]:
        """Role to file of those that are unpacked."""
        return {role: file for role, file in self.files.items() if file.is_archive}

    @property
    def size(self) -> int | None:
        """Bytes to download; None if one of the sizes is unknown, 0 if the package has it."""
        sizes = [0 if file.package else file.size for file in self.files.values()]
        return sum(s for s in sizes if s is not None) if None not in sizes else None

    @property
    def embedded(self) -> bool:
        """Whether the installed package carries it."""
        return all(file.package for file in self.files.values())

    @model_validator(mode="after")
    def _roles_exist(self) -> Self:
        roles = {*self.files, *self.members}
        if both := set(self.files) & set(self.members):
            raise ValueError(f"{sorted(both)[0]!r} is both a file and a member")
        if "log" not in roles:
            raise ValueError("expected a 'log' among the files or members")
        if bool(self.members) != (len(self.archives) == 1) or len(self.archives) > 1:
            raise ValueError("members and exactly one archive belong together")
        for truth in self.truth:
            for role in filter(None, (truth.file, truth.templates)):
                if role not in roles:
                    raise ValueError(
                        f"truth names {role!r}, which is neither file nor member; "
                        f"there are {', '.join(sorted(roles))}"
                    )
            if (truth.kind == "line-labels") != bool(truth.field):
                raise ValueError("line-labels, and only line-labels, name a field")
            if truth.kind != "line-labels" and not truth.file:
                raise ValueError(f"{truth.kind} needs a file")
        return self
