"""Names to plug-ins: entry points, or `package.module:Class`.

Parsers and detectors are found the same way. An entry point is imported only when its name is
asked for, so that listing names costs nothing.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from logpipe.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["DEFAULT_PARSER", "STREAMING_PARSER", "Registry"]

DEFAULT_PARSER = "iterative"
"""The parser of whoever names none; here, because the command line must know it before numpy is
imported. `logpipe.parsers.WHY_DEFAULT` says why it is this one."""

STREAMING_PARSER = "drain"
"""The parser of what goes over a log once and learns on the way: `pipeline.stream`, archives."""


class Registry:
    """The plug-ins of one entry-point group.

    Args:
        group: entry-point group, for example `logpipe.parsers`.
        word: what one of them is called in messages, for example `parser`.
        builtin: name to `package.module:Class` for those that ship with logpipe; they work from a
            source tree that was never installed, too.
    """

    def __init__(self, group: str, word: str, builtin: dict[str, str]) -> None:
        self.group = group
        self.word = word
        self._builtin = builtin

    def _entry_points(self) -> dict[str, EntryPoint]:
        # Imported here: it costs more than everything else a parse of a small file needs.
        from importlib.metadata import EntryPoint, entry_points

        found = {ep.name: ep for ep in entry_points(group=self.group)}
        for name, target in self._builtin.items():
            found[name] = EntryPoint(name, target, self.group)
        return found

    def names(self) -> list[str]:
        """Every known name, sorted."""
        return sorted(self._entry_points())

    def target(self, name: str) -> str:
        """The `package.module:Class` behind a known name."""
        return self._entry_points()[name].value

    def load(self, name_or_path: str) -> object:
        """The object behind a name or a `package.module:Class` path.

        Raises:
            UnknownNameError: no such name, module or attribute; the message lists what there is.
            UsageError: the module ends the program when it is imported.
        """
        if ":" in name_or_path:
            folder = str(Path.cwd())
            if folder not in sys.path:
                # Last, so that it hides nothing. Who names a module of the folder they are in means
                # it, and an installed program does not look there by itself.
                sys.path.append(folder)
            return self._load_path(name_or_path)
        if name_or_path in self._builtin:
            return self._load_path(self._builtin[name_or_path])
        points = self._entry_points()
        if name_or_path not in points:
            from difflib import get_close_matches

            near = get_close_matches(name_or_path, points, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UnknownNameError(
                f"unknown {self.word} {name_or_path!r}.{hint} Known: {', '.join(self.names())}; "
                f"or give package.module:Class."
            )
        return points[name_or_path].load()

    def _load_path(self, path: str) -> object:
        module_name, _, attribute = path.partition(":")
        if module_name.endswith(".py"):
            file = Path(module_name)
            if not file.is_file():
                raise UnknownNameError(f"{self.word} {path!r}: there is no file {module_name!r}")
            sys.path.insert(0, str(file.resolve().parent))
            module_name = file.stem
        if not all(part.isidentifier() for part in module_name.split(".")):
            raise UnknownNameError(
                f"{self.word} {path!r}: {module_name!r} is no module name; expected "
                f"package.module:Class, or file.py:Class"
            )
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            # Only the module that was asked for is "unknown"; a missing dependency of it is news.
            if error.name is not None and (module_name + ".").startswith(error.name + "."):
                raise UnknownNameError(
                    f"{self.word} {path!r}: there is no module {error.name!r} on the Python path "
                    f"or in the current folder"
                ) from None
            raise
        except SystemExit as error:
            raise UsageError(
                f"{self.word} {path!r}: module {module_name!r} ends the program when it is "
                f'imported; let it do so only `if __name__ == "__main__"`'
            ) from error
        try:
            found: object = module
            for part in attribute.split("."):
                found = getattr(found, part)
        except AttributeError:
            raise UnknownNameError(
                f"{self.word} {path!r}: module {module_name!r} has no {attribute!r}"
            ) from None
        return found
