"""Outputs of a parse: Parquet, JSON lines, Loghub's CSV pair, OpenTelemetry.

`open_sink` finds the right one by file name and style; `base` says what a sink must do. What is
offered here is imported when it is asked for: `atomic` is for those, too, who need no arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logpipe.export.base import ParseInfo, Sink, open_sink

__all__ = ["ParseInfo", "Sink", "open_sink"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from logpipe.export import base

    return getattr(base, name)
