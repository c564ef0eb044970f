"""Who takes part: an entry of contestants.yaml, or a parser by its path.

An entry has parameters or the reason why it is disabled, and nothing else: whoever measures does
not tune. Figures per system come from settings.yaml, which says where they are from.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from logpipe.errors import InputError, UnknownNameError, UsageError

__all__ = ["Contestant", "choose", "load_contestants"]

_KEYS = {
    "title": str,
    "parser": str,
    "parameters": dict,
    "settings": str,
    "needs": str,
    "package": str,
    "python": str,
    "published": str,
    "ours": bool,
    "disabled": str,
}


@dataclass(frozen=True)
class Contestant:
    """One parser with its parameters.

    Attributes:
        name: unique; also the name of its folder of runs.
        title: what it is, in a line.
        parser: a registered name, or `package.module:Class`.
        parameters: of the constructor, whatever the system.
        settings: key of settings.yaml, empty for none.
        needs: module without which it cannot run.
        package: distribution whose version goes into the record.
        python: environment variable that names the interpreter it needs.
        published: its name among the published figures.
        ours: part of logpipe.
        disabled: why it does not run; empty if it does.
    """

    name: str
    title: str = ""
    parser: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: str = ""
    needs: str = ""
    package: str = ""
    python: str = ""
    published: str = ""
    ours: bool = False
    disabled: str = ""

    def parameters_for(self, system: str, edition: str = "") -> dict[str, Any]:
        """The constructor's arguments on a log of this system, and of this edition of it."""
        table = _settings().get(self.settings, {}) if self.settings else {}
        keys = (f"{system}/{edition}", system, "other")
        found = {**self.parameters, **next((table[key] for key in keys if key in table), {})}
        if self.python:
            found |= {"system": system, "python": os.environ.get(self.python, "")}
        return found


def load_contestants(path: str | Path | None = None) -> dict[str, Contestant]:
    """Name -> contestant, in the order of the file; those that cannot run here say why.

    Args:
        path: a file like contestants.yaml; default: the one that comes with logpipe.

    Raises:
        InputError: the file cannot be read, or has what it must not have.
    """
    file = Path(path) if path is not None else Path(__file__).with_name("contestants.yaml")
    entries = _yaml(file)
    if entries.get("version") != 1 or not isinstance(entries.get("contestants"), dict):
        raise InputError(f"{file}: expected 'version: 1' and 'contestants:' with entries")
    return {
        str(name): _available(_entry(file, str(name), entry))
        for name, entry in entries["contestants"].items()
    }


def choose(
    names: Iterable[str],
    known: Mapping[str, Contestant],
    parameters: Mapping[str, Any] | None = None,
) -> list[Contestant]:
    """The contestants asked for, each once.

    Args:
        names: entries, `all` (every entry, the disabled ones too), registered parsers, and paths
            `package.module:Class`. None at all means `all` without the disabled ones.
        known: from `load_contestants`.
        parameters: for the constructor, in addition; only for a single contestant.

    Raises:
        UnknownNameError: there is no such entry, parser or file.
        UsageError: parameters for several.
    """
    from logpipe.parsers import REGISTRY

    wanted = list(names)
    found: dict[str, Contestant] = {}
    for name in wanted or ["all"]:
        if name == "all":
            found |= {n: c for n, c in known.items() if not c.disabled or wanted}
        elif name in known:
            found[name] = known[name]
        elif ":" in name:
            found[name] = _by_path(name)
        elif name in REGISTRY.names():
            found[name] = Contestant(name, REGISTRY.target(name), parser=name)
        else:
            raise _unknown(name, [*known, *REGISTRY.names()])
    chosen = list(found.values())
    if parameters:
        if len(chosen) != 1:
            raise UsageError(f"--set is for one parser, {len(chosen)} are asked for")
        one = chosen[0]
        shown = ",".join(f"{key}={value}" for key, value in parameters.items())
        merged = {**one.parameters, **parameters}
        # Another name: results of other parameters are results of another contestant.
        chosen = [replace(one, name=f"{one.name}[{shown}]", parameters=merged)]
    return chosen


def source_file(target: str) -> Path | None:
    """The file of the module in `package.module:Class`, found without importing it."""
    module = target.partition(":")[0]
    if module.endswith(".py"):
        return Path(module).resolve() if Path(module).is_file() else None
    import sys

    parts = module.split(".")
    for folder in [*sys.path, str(Path.cwd())]:
        base = Path(folder or ".", *parts)
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return file.resolve()
    return None


def _by_path(path: str) -> Contestant:
    file = source_file(path)
    if file is None:
        module = path.partition(":")[0]
        raise UnknownNameError(
            f"parser {path!r}: there is no module {module!r} on the Python path or in the current "
            f"folder"
        )
    return Contestant(path, str(file), parser=path)


def _unknown(name: str, known: list[str]) -> UnknownNameError:
    import difflib

    known = list(dict.fromkeys(known))
    low = {k.lower(): k for k in known}
    near = [low[k] for k in difflib.get_close_matches(name.lower(), low, n=3)]
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return UnknownNameError(
        f"unknown parser {name!r}.{hint} Known: {', '.join(known)}; or give package.module:Class"
    )


def _entry(file: Path, name: str, entry: object) -> Contestant:
    if not isinstance(entry, dict):
        raise InputError(f"{file}: contestant {name!r}: expected keys and values, found {entry!r}")
    for key, value in entry.items():
        if key not in _KEYS:
            raise InputError(f"{file}: contestant {name!r}: no key {key!r}; known: {[*_KEYS]}")
        if not isinstance(value, _KEYS[key]):
            raise InputError(
                f"{file}: contestant {name!r}: {key} should be of type {_KEYS[key].__name__}, "
                f"found {value!r}"
            )
    found = Contestant(name, **entry)
    if not found.parser and not found.disabled:
        raise InputError(f"{file}: contestant {name!r} has neither a parser nor a reason why not")
    if found.settings and found.settings not in _settings():
        raise InputError(f"{file}: contestant {name!r}: settings.yaml has no {found.settings!r}")
    return found


def _available(contestant: Contestant) -> Contestant:
    from logpipe.parsers import REGISTRY

    reason = contestant.disabled
    if not reason and ":" not in contestant.parser and contestant.parser not in REGISTRY.names():
        reason = f"this logpipe has no parser {contestant.parser!r}"
    elif not reason and contestant.needs and importlib.util.find_spec(contestant.needs) is None:
        reason = f"{contestant.package} is not installed: pip install 'logpipe[bench]'"
    elif not reason and contestant.python and not os.environ.get(contestant.python):
        reason = (
            f"{contestant.python} names no interpreter that has {contestant.package}; "
            f"docs/benchmark-your-parser.md says how to make one"
        )
    return replace(contestant, disabled=reason)


@cache
def _settings() -> dict[str, dict[str, dict[str, Any]]]:
    return _yaml(Path(__file__).with_name("settings.yaml"))


def _yaml(file: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.load(
            file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{file}: not valid YAML: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{file}: expected keys and values at the top, found {found!r:.60}")
    return found
