"""The layers of ARCHITECTURE.md: a file imports from its own level or from below, nothing else."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LEVELS = {
    "logpipe": 0,  # the version
    "logpipe.errors": 0,
    "logpipe.registry": 0,
    "logpipe._native": 1,
    "logpipe.batch": 1,
    "logpipe.native": 1,
    "logpipe.template": 1,
    "logpipe.formats": 2,
    "logpipe.parsers": 3,
    "logpipe.datasets": 4,
    "logpipe.export": 4,
    "logpipe.metrics": 4,
    "logpipe.pipeline": 5,
    "logpipe.__main__": 6,
    "logpipe.cli": 6,
    "flows": 6,
    "benchmarks": 6,
}
SOURCES = sorted(
    path
    for top in ("logpipe", "flows", "benchmarks")
    for path in (ROOT / top).rglob("*.py")
    if not {"_native", ".work"} & set(path.relative_to(ROOT).parts)
)


def unit(module: str) -> str:
    """The part of a dotted name that has a level: `logpipe.formats.tar` is `logpipe.formats`."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "logpipe" else 1])


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything of ours that a file imports, lazy imports included."""
    for node in _run_time(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "logpipe":
            known = [f"logpipe.{alias.name}" for alias in node.names]
            names = [name if name in LEVELS else "logpipe" for name in known]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            if name.split(".")[0] in ("logpipe", "flows", "benchmarks", "prefect"):
                yield node.lineno, name


def _run_time(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below `if TYPE_CHECKING:`, which name types and import nothing."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        children: list[ast.AST] = [*node.orelse]
    else:
        yield node
        children = [*ast.iter_child_nodes(node)]
    for child in children:
        yield from _run_time(child)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_file_imports_from_its_own_level_or_below(path: Path):
    """Whoever reads a layer never has to know one above it."""
    own = unit(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))

    above = [
        f"{path.relative_to(ROOT)}:{line} imports {name} of level {LEVELS[unit(name)]}"
        for line, name in imports(path)
        if name.split(".")[0] != "prefect" and LEVELS[unit(name)] > LEVELS[own]
    ]

    assert above == []


def test_only_one_file_calls_the_native_library():
    """What crosses the boundary can be read in one place."""
    found = {path.name for path in SOURCES for _, name in imports(path) if "_native" in name}

    assert found == {"native.py"}


def test_only_flows_know_prefect():
    """The package works where Prefect is not installed; only `logpipe flow` reaches for flows."""
    names = [
        (path.relative_to(ROOT), name.split(".")[0])
        for path in SOURCES
        for _, name in imports(path)
    ]

    assert {path.parts[0] for path, name in names if name == "prefect"} == {"flows"}
    assert {str(path) for path, name in names if name == "flows" and path.parts[0] != "flows"} == {
        "logpipe/cli/flow.py"
    }


def test_metrics_know_nothing_but_errors_and_templates():
    """Scores are functions of two columns; they must not depend on how a parse came about."""
    allowed = {"logpipe.errors", "logpipe.template", "logpipe.metrics"}

    found = {
        unit(name)
        for path in SOURCES
        if path.is_relative_to(ROOT / "logpipe" / "metrics")
        for _, name in imports(path)
    }

    assert found <= allowed


def test_importing_logpipe_is_cheap():
    """Neither Prefect nor pyarrow.compute nor numpy is paid for by `import logpipe`."""
    code = "import logpipe, sys; print([m for m in sys.modules if '.' not in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"prefect", "pyarrow", "numpy", "sklearn", "pydantic"} & set(
        ast.literal_eval(done.stdout)
    )


def test_unsafe_code_is_in_two_files():
    """The boundary and the vector instructions; the rest of the native core is safe Rust."""
    sources = (ROOT / "native" / "src").rglob("*.rs")

    found = {p.name for p in sources if re.search(r"^[^/]*\bunsafe\b", p.read_text(), re.MULTILINE)}

    assert found == {"lib.rs", "simd.rs"}
