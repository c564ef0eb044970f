"""Forms in JSON: literals as in any model, and the classes of the variables between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from logpipe.errors import ModelError
from logpipe.parsers.iterative.mask import BASE, MARKS, mark
from logpipe.parsers.iterative.mask_rules import Mask
from logpipe.parsers.model import decode, encode

__all__ = ["decoded", "encoded"]

_MARKS = re.compile(f"([{MARKS[0]}-{MARKS[-1]}])")


def encoded(form: str) -> dict[str, object]:
    """A form as `{"literals": [...], "classes": [...]}`.

    >>> encoded("took " + mark(Mask.NUMBER) + " ms")
    {'literals': ['took ', ' ms'], 'classes': ['number']}
    """
    literals = _MARKS.split(form)
    return {
        "literals": [encode(literal.encode("latin-1")) for literal in literals[::2]],
        "classes": [Mask(ord(m) - BASE).name.lower() for m in literals[1::2]],
    }


def decoded(entry: Mapping[str, Any], where: str) -> str:
    """The form again.

    Raises:
        ModelError: it is none.
        KeyError, TypeError: keys are missing or of another type.
    """
    literals = [decode(literal, where).decode("latin-1") for literal in entry["literals"]]
    classes = entry["classes"]
    if len(literals) != len(classes) + 1:
        raise ModelError(f"{where}: {len(literals)} literals around {len(classes)} classes")
    parts = [literals[0]]
    for name, literal in zip(classes, literals[1:], strict=True):
        if name.upper() not in Mask.__members__:
            raise ModelError(f"{where}: there is no class {name!r}")
        parts += [mark(Mask[name.upper()]), literal]
    return "".join(parts)
