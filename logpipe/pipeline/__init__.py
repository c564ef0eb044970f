"""What logpipe does, as plain functions: each module is one of them, and its command calls it.

| module | functions |
|---|---|
| `detecting` | `detect`: what is abnormal in logs; its parts are in `detect_*` |
| `parsing` | `stream` for programs, `parse` for files that people read |
| `compressing` | `compress`: logs into an archive |
| `evaluating` | `evaluate`: parsers on logs whose templates are known; `load_evaluation` |
| `reporting` | `report`: the page of what another function kept |

Those of `parsing` are here; others are imported from their module, because they need more.
"""

import logpipe.archive.source  # noqa: F401 - makes archives known as inputs
from logpipe.pipeline.parsing import ParseResult, default_threads, parse, pick_layout, stream

__all__ = ["ParseResult", "default_threads", "parse", "pick_layout", "stream"]
