"""The only package that calls the native library.

| module | what |
|---|---|
| `library` | the library, loaded; errors, ownership and buffers |
| `mask` | the lexer of the parser iterative: variables, distinct masked messages |
| `matching` | messages against templates learned elsewhere; samples of lines |
| `parsing` | headers, chunks, Drain, alignment, rendering |
| `archive` | blocks of an archive, made of rows |
| `hashing` | XXH64 |
| `rows` | the row-order structured coder |
| `search` | literals in text, filters of words |
| `select` | expressions as programs; blocks that are opened in stages |
| `threads` | how many there are |
| `unpack` | blocks of an archive, unpacked |

What this package itself offers is imported when it is asked for: `logpipe grep` and `logpipe cat`
need the library and no numpy, whose import alone takes longer than they do.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logpipe.native.mask import MaskedRows, MaskLexer
    from logpipe.native.matching import MAX_LEVEL, Matcher, sample_levels, take
    from logpipe.native.parsing import (
        MAX_CHUNK,
        Arena,
        ArenaPool,
        DrainCore,
        Header,
        Programs,
        classify,
        classify_columns,
        join_classes,
        line_order,
        render_lines,
        render_messages,
        split_line,
    )

__all__ = [
    "MAX_CHUNK",
    "MAX_LEVEL",
    "Arena",
    "ArenaPool",
    "DrainCore",
    "Header",
    "MaskLexer",
    "MaskedRows",
    "Matcher",
    "Programs",
    "classify",
    "classify_columns",
    "join_classes",
    "line_order",
    "render_lines",
    "render_messages",
    "sample_levels",
    "split_line",
    "take",
]

_MODULES = {
    "mask": ("MaskLexer", "MaskedRows"),
    "matching": ("MAX_LEVEL", "Matcher", "sample_levels", "take"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = next((m for m, names in _MODULES.items() if name in names), "parsing")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
