"""The layers of the architecture: a file imports only from its own level or below."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEVELS = {
    "logpipe": 0,
    "logpipe.errors": 0,
    "logpipe.lazy": 0,
    "logpipe.registry": 0,
    "logpipe.batch": 1,
    "logpipe.template": 1,
    "logpipe.native": 1,
    "logpipe.formats": 2,
    "logpipe.parsers": 3,
    "logpipe.archive": 4,
    "logpipe.anomaly": 4,
    "logpipe.metrics": 4,
    "logpipe.datasets": 4,
    "logpipe.export": 4,
    "logpipe.report": 4,
    "logpipe.evaluation": 4,
    "logpipe.pipeline": 5,
    "logpipe.cli": 6,
    "logpipe.__main__": 6,
    "flows": 6,
    "benchmarks": 6,
}
FORBIDDEN = {
    "logpipe.archive": ("logpipe.parsers", "logpipe.anomaly", "logpipe.metrics"),
    "logpipe.anomaly": ("logpipe.parsers", "logpipe.formats", "logpipe.metrics"),
}
METRICS_MAY = ("logpipe.metrics", "logpipe.template", "logpipe.errors", "logpipe.registry")
FILES = sorted(
    path
    for folder in ("logpipe", "flows", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "_native" not in path.parts
)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def level_of(module: str) -> int | None:
    """The level of the longest known prefix; None for modules of others."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        prefix = ".".join(parts[:end])
        if prefix in LEVELS:
            # The package is at the bottom, but a file in it that is not listed has no level.
            return None if prefix == "logpipe" != module else LEVELS[prefix]
    return None


def imports_of(tree: ast.Module, module: str) -> Iterator[tuple[str, int, bool]]:
    """(module, line, whether it happens on import) of every import that is really made.

    What stands below `if TYPE_CHECKING` is not made.
    """
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for child in branch.body
        for node in ast.walk(child)
    }
    lazy = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) not in lazy
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative imports are not used"
            for alias in node.names:
                # `from logpipe import native` imports a module, others maybe a name in one.
                whole = f"{node.module}.{alias.name}"
                yield (
                    (whole if whole in LEVELS else node.module or ""),
                    node.lineno,
                    id(node) not in lazy,
                )


def broken_rules(module: str, source: str) -> list[str]:
    """What a file imports and must not, as sentences."""
    own = level_of(module)
    found = []
    if own is None:
        return [f"{module} has no level: add it to the layers"]
    package = ".".join(module.split(".")[:2])
    for name, line, at_once in imports_of(ast.parse(source), module):
        where = f"{module}:{line} imports {name}"
        other = level_of(name)
        if other is not None and other > own:
            found.append(f"{where}, which is on a higher level")
        top = name.split(".")[0]
        above = top in ("prefect", "flows", "benchmarks") and module.startswith("logpipe")
        if above and (package != "logpipe.cli" or at_once or top == "benchmarks"):
            found.append(f"{where}; only logpipe.cli may, and only when it is needed")
        if name.startswith(FORBIDDEN.get(package, ("\0",))):
            found.append(where)
        if package == "logpipe.metrics" and top == "logpipe" and not name.startswith(METRICS_MAY):
            found.append(f"{where}; metrics stand alone")
        if "_native" in name and package != "logpipe.native":
            found.append(f"{where}; only logpipe.native calls the native library")
    return found


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_file_imports_only_from_its_own_level_or_below(path: Path) -> None:
    """The rules of the architecture hold for every import statement, lazy ones included."""
    assert broken_rules(module_of(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("logpipe.formats.auto", "from logpipe.parsers.base import Parser"),
        ("logpipe.formats.auto", "def f():\n    import logpipe.pipeline"),
        ("logpipe.batch", "from logpipe import pipeline"),
        ("logpipe.pipeline", "import prefect"),
        ("logpipe.cli.flow", "import flows"),
        ("logpipe.pipeline", "def f():\n    from flows import parse_all"),
        ("logpipe.archive.reader", "from logpipe.parsers.base import Parser"),
        ("logpipe.metrics.labels", "from logpipe.batch import ByteColumn"),
        ("logpipe.parsers.drain", "from logpipe._native import lib"),
        ("logpipe.something", ""),
    ],
)
def test_a_broken_layer_is_found(module: str, source: str) -> None:
    """Each of these would be a mistake."""
    assert broken_rules(module, source) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "logpipe.native.parsing",
            "if TYPE_CHECKING:\n    from logpipe.formats.readers import Source",
        ),
        ("logpipe.native.library", "from logpipe._native import lib"),
        ("logpipe.batch", "from logpipe import native"),
        ("logpipe.cli.flow", "def f():\n    import flows"),
        ("flows.parse_all", "import prefect\nfrom logpipe.cli import options"),
    ],
)
def test_an_import_that_is_allowed_is_no_mistake(module: str, source: str) -> None:
    """The rules do not forbid what is right."""
    assert broken_rules(module, source) == []


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import logpipe", "numpy pyarrow sklearn prefect pyarrow.compute drain3 pydantic"),
        ("import logpipe.pipeline", "sklearn prefect pyarrow.compute drain3 flows benchmarks"),
        ("import logpipe.parsers.drain", "sklearn prefect pyarrow.compute drain3 pandas"),
    ],
)
def test_importing_stays_light(statement: str, heavy: str) -> None:
    """Start-up does not pay for what a run may never need."""
    code = f"import sys; {statement}; print(*sorted(set({heavy.split()!r}) & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
