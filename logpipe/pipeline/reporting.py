"""Pages of results that were kept: a folder of `evaluate`, or a file that another command wrote.

`KINDS` says what can be shown; a new kind is a line there: a test whether a path is of it, and a
function that makes the page.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from logpipe.errors import InputError

__all__ = ["KINDS", "Kind", "report"]


class Kind(NamedTuple):
    """Something that can be shown.

    Attributes:
        name: for people.
        fits: whether a path is of this kind; looks at no more than it must.
        page: the page of a path, with the number of details wanted for each part.
    """

    name: str
    fits: Callable[[Path], bool]
    page: Callable[[Path, int], str]


def _is_evaluation(path: Path) -> bool:
    folder = path.parent if path.name in ("scores.csv", "scores.json", "evaluation.json") else path
    return (folder / "evaluation.json").is_file()


def _evaluation(path: Path, top: int) -> str:
    from logpipe.evaluation.page import render
    from logpipe.pipeline.evaluating import load_evaluation

    return render(load_evaluation(path if path.is_dir() else path.parent), top=top)


KINDS: list[Kind] = [
    Kind("a folder of `logpipe evaluate -o`, or its scores.csv", _is_evaluation, _evaluation)
]
"""What can be shown, the most particular first."""


def report(path: str | Path, *, top: int = 20) -> str:
    """The page of what is kept at a path.

    Args:
        path: a folder or a file.
        top: details shown for each part, such as wrong templates per run.

    Raises:
        InputError: there is nothing, or nothing that can be shown.
    """
    place = Path(path)
    if not place.exists():
        raise InputError(f"{path}: there is no such file or folder")
    for kind in KINDS:
        if kind.fits(place):
            return kind.page(place, top)
    raise InputError(
        f"{path}: expected {' or '.join(kind.name for kind in KINDS)}; found "
        f"{'a folder without any of them' if place.is_dir() else 'another file'}"
    )
