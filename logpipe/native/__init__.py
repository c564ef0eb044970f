"""The only package that calls the native library.

| module | what |
|---|---|
| `library` | the library, loaded; errors, ownership and buffers |
| `mask` | the lexer of the parser iterative: variables, distinct masked messages |
| `matching` | messages against templates learned elsewhere; samples of lines |
| `parsing` | headers, chunks, Drain, alignment, rendering |
| `rows` | the row-order structured coder; imported by those who need it |
"""

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
