"""What logpipe does, as plain functions: each module is one of them, and its command calls it.

| module | functions |
|---|---|
| `parsing` | `stream` for programs, `parse` for files that people read |
"""

from logpipe.pipeline.parsing import ParseResult, default_threads, parse, pick_layout, stream

__all__ = ["ParseResult", "default_threads", "parse", "pick_layout", "stream"]
