"""The only package that calls the native library.

| module | what |
|---|---|
| `library` | the library, loaded; errors, ownership and buffers |
| `parsing` | headers, chunks, Drain, alignment, rendering |
"""

from logpipe.native.parsing import (
    MAX_CHUNK,
    Arena,
    ArenaPool,
    DrainCore,
    Header,
    Programs,
    classify,
    join_classes,
    line_order,
    render_lines,
    render_messages,
    split_line,
)

__all__ = [
    "MAX_CHUNK",
    "Arena",
    "ArenaPool",
    "DrainCore",
    "Header",
    "Programs",
    "classify",
    "join_classes",
    "line_order",
    "render_lines",
    "render_messages",
    "split_line",
]
