"""Modules that are imported when something of them is used for the first time.

The import of numpy takes a tenth of a second, which is longer than most searches, and as long as
compressing 20 MB; that of what reads zip and tar takes a tenth of such a command's start. Modules
on the way of those commands write

    if TYPE_CHECKING:
        import numpy as np
    else:
        from logpipe.lazy import np

and use it as ever. What was used once is an attribute of this stand-in, and costs no more than one
of the module's.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

__all__ = ["bz2", "json", "lzma", "np", "shutil", "tarfile", "tempfile", "zipfile", "zstandard"]


class _Later(ModuleType):
    """A module that is imported for its first attribute."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)
        return value


bz2 = _Later("bz2")
json = _Later("json")
lzma = _Later("lzma")
np = _Later("numpy")
shutil = _Later("shutil")
tarfile = _Later("tarfile")
tempfile = _Later("tempfile")
zipfile = _Later("zipfile")
zstandard = _Later("zstandard")
