"""Where results lie: a folder of this machine, or any place that fsspec knows an address of.

A task writes a local file; for an address (`s3://bucket/results`) that is a temporary one, which is
stored when it is complete. Object stores show a file only when all of it is there, so at both kinds
of places a reader sees the old file or the complete new one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from flows.tables import write_bytes
from logpipe.errors import InputError, OutputError, UsageError

__all__ = [
    "absolute",
    "as_json",
    "complete",
    "is_remote",
    "join",
    "manifest_of",
    "prepare",
    "read_json",
    "reading",
    "remove",
    "size_of",
    "store_bytes",
    "store_json",
    "writing",
]


def is_remote(place: str) -> bool:
    """Whether a place is an address and not a path."""
    return "://" in place


def absolute(place: str | Path) -> str:
    """An address as it is, a path made absolute.

    Raises:
        UsageError: an address that no installed package can open.
    """
    text = str(place)
    if not is_remote(text):
        return str(Path(text).expanduser().absolute())
    _open(text)
    return text.rstrip("/")


def join(folder: str, *parts: str) -> str:
    """A place below a folder."""
    return "/".join([folder.rstrip("/"), *parts])


def _open(place: str) -> tuple[Any, str]:
    import fsspec

    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"{place}: cannot be opened: {error}; the package for such addresses is named at "
            f"https://filesystem-spec.readthedocs.io (s3fs for s3://, gcsfs for gs://, ...)"
        ) from None
    except Exception as error:
        raise UsageError(f"{place}: cannot be opened: {_reason(error)}") from None
    return found


def prepare(folder: str) -> None:
    """Make a folder for results, and find out now whether anything can be written there.

    Raises:
        OutputError: nothing can; results of hours would be lost.
    """
    if is_remote(folder):
        return
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"\0")
    except OSError as error:
        raise OutputError(
            f"cannot write results to {path}: {error.strerror or error}; choose another folder by "
            f"-p output=FOLDER, or set LOGPIPE_HOME"
        ) from None


@contextmanager
def writing(place: str) -> Iterator[Path]:
    """A path to write a file to; at the end of the block it is at its place.

    What is written there must appear whole or not at all (`logpipe.export.atomic`).

    Raises:
        OutputError: it cannot be stored.
    """
    if not is_remote(place):
        path = Path(place)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {path.parent}: {error.strerror or error}") from None
        yield path
        return
    system, name = _open(place)
    with tempfile.TemporaryDirectory(prefix="logpipe-") as folder:
        path = Path(folder) / name.rpartition("/")[2]
        yield path
        try:
            system.makedirs(name.rpartition("/")[0], exist_ok=True)
            system.put_file(str(path), name)
        except Exception as error:
            raise OutputError(f"cannot write {place}: {_reason(error)}") from None


@contextmanager
def reading(place: str) -> Iterator[Path]:
    """A local path with the bytes of a place; a temporary copy, if that is an address.

    Raises:
        InputError: it cannot be read.
    """
    if not is_remote(place):
        yield Path(place)
        return
    system, name = _open(place)
    with tempfile.TemporaryDirectory(prefix="logpipe-") as folder:
        path = Path(folder) / name.rpartition("/")[2]
        try:
            system.get_file(name, str(path))
        except Exception as error:
            raise InputError(f"cannot read {place}: {_reason(error)}") from None
        yield path


def store_bytes(place: str, content: bytes) -> None:
    """A file with these bytes, complete or not at all.

    Raises:
        OutputError: it cannot be stored.
    """
    if not is_remote(place):
        write_bytes(Path(place), content)
        return
    with writing(place) as path:
        path.write_bytes(content)


def as_json(content: Any) -> bytes:
    """Plain data as people and programs read it."""
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def store_json(place: str, content: Any) -> None:
    """The same of plain data, indented."""
    store_bytes(place, as_json(content))


def read_json(place: str) -> Any:
    """What `store_json` stored.

    Raises:
        InputError: it is not there, or no JSON.
    """
    with reading(place) as path:
        try:
            return orjson.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {place}: {_reason(error)}") from None


def size_of(place: str) -> int | None:
    """Bytes of a file, None if it is not there."""
    try:
        if is_remote(place):
            system, name = _open(place)
            return int(system.size(name))
        return Path(place).stat().st_size
    except Exception:
        # Each kind of storage has exceptions of its own; none of them is an answer.
        return None


def remove(place: str) -> None:
    """Delete a file or a folder with all in it; not an error if it is not there."""
    import shutil

    if not is_remote(place):
        path = Path(place)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        return
    system, name = _open(place)
    if system.exists(name):
        system.rm(name, recursive=True)


def manifest_of(target: str) -> str:
    """The place of the manifest that belongs to an output: the same name, ending in `.json`."""
    folder, slash, name = target.rpartition("/")
    return f"{folder}{slash}{name.rpartition('.')[0] or name}.json"


def complete(target: str) -> bool:
    """Whether an output is there with the size that its manifest says."""
    try:
        manifest = read_json(manifest_of(target))
        return bool(size_of(target) == manifest["output_bytes"])
    except (InputError, KeyError, TypeError):
        return False


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
