"""What logpipe does, as plain functions: each module is one of them, and its command calls it.

| module | functions |
|---|---|
| `detecting` | `detect`: what is abnormal in logs; its parts are in `detect_*` |
| `parsing` | `stream` for programs, `parse` for files that people read |
| `compressing` | `compress`: logs into an archive |
| `evaluating` | `evaluate`: parsers on logs whose templates are known; `load_evaluation` |
| `reporting` | `report`: the page of what another function kept |

Those of `parsing` are offered here, and imported when one is asked for: compressing needs none of
them, nor numpy. Others are imported from their module, because they need more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import logpipe.archive.source  # noqa: F401 - makes archives known as inputs

if TYPE_CHECKING:
    from logpipe.pipeline.parsing import ParseResult, default_threads, parse, pick_layout, stream

__all__ = ["ParseResult", "default_threads", "parse", "pick_layout", "stream"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from logpipe.pipeline import parsing

    return getattr(parsing, name)
