"""README.md is run: every `sh` and `python` block, in order, in one folder, as a newcomer would."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

README = Path(__file__).parents[2] / "README.md"
MATCHING = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Example(NamedTuple):
    """A block to run, and what the `text` block right after it says that it prints."""

    line: int
    language: str
    code: str
    printed: str | None


def examples() -> list[Example]:
    """The blocks that are run; those in other languages are for reading."""
    text = README.read_text(encoding="utf-8")
    blocks = re.compile(
        r"^```(sh|python)\n(.*?)^```\n(?:```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
    )
    return [
        Example(text.count("\n", 0, found.start()) + 1, *found.groups())
        for found in blocks.finditer(text)
    ]


def run(example: Example, folder: Path) -> subprocess.CompletedProcess[str]:
    """Standard output and error of a block come together, as on a terminal."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LOGPIPE_", "COLUMNS"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["LOGPIPE_HOME"] = str(folder / "home")
    command = {
        "sh": ["bash", "-eu", "-o", "pipefail", "-c"],
        "python": [sys.executable, "-c"],
    }[example.language]
    return subprocess.run(
        [*command, example.code],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a newcomer tries things, kept from block to block."""
    return tmp_path_factory.mktemp("tour")


def test_the_readme_has_examples_of_both_kinds():
    """The blocks are found; a README that is rewritten must not slip out of the test."""
    found = [example.language for example in examples()]

    assert found.count("sh") >= 5
    assert found.count("python") >= 4


@pytest.mark.parametrize("example", examples(), ids=lambda e: f"line{e.line}-{e.language}")
def test_an_example_runs_and_prints_what_the_readme_says(example: Example, folder: Path):
    """Each block ends with 0; later ones use the files that earlier ones made."""
    done = run(example, folder)

    assert done.returncode == 0, done.stdout
    if example.printed is not None:
        same = doctest.OutputChecker().check_output(example.printed, done.stdout, MATCHING)
        assert same, f"README.md says\n{example.printed}\nbut this is printed\n{done.stdout}"
