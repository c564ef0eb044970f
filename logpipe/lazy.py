"""numpy, imported when something of it is used for the first time.

Its import takes a tenth of a second, which is longer than most searches, and as long as compressing
20 MB: modules on the way of those commands write

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

__all__ = ["np"]


class _Later(ModuleType):
    """A module that is imported for its first attribute."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)
        return value


np = _Later("numpy")
