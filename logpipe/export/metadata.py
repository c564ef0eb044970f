"""What a Parquet file of ours says about itself: one JSON document in its key-value metadata.

Literals and separators are bytes; JSON has only text. They are written as Latin-1, one character
per byte, which leaves ASCII readable and every byte exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

import logpipe
from logpipe.batch import TERMINATORS, Shape
from logpipe.errors import InputError, ModelError
from logpipe.export.base import ParseInfo
from logpipe.export.text import source_text
from logpipe.export.time_notes import has_times
from logpipe.export.times import time_column
from logpipe.parsers.iterative.saving import decoded, encoded
from logpipe.template import VERBATIM, LexicalClass, SlotKind, TemplateTable

__all__ = [
    "HEADLESS",
    "METADATA_KEY",
    "METADATA_VERSION",
    "FileInfo",
    "describe",
    "read_description",
]

HEADLESS = Shape((b"", b""), (-1,))
"""The line without a header; number 0 in every file, as in every batch."""

METADATA_KEY = b"logpipe"
METADATA_VERSION = 1


@dataclass(frozen=True)
class FileInfo:
    """The description of a file, read back.

    Attributes:
        info: as given to the sink.
        columns: the Parquet column of each header field.
        shapes: what the `shape` column refers to.
        multiline: whether rows may stand for several lines.
    """

    info: ParseInfo
    columns: tuple[str, ...]
    shapes: tuple[Shape, ...]
    multiline: bool


def describe(
    info: ParseInfo, columns: Sequence[str], shapes: Sequence[Shape], *, multiline: bool
) -> bytes:
    """The JSON document."""
    document = {
        "version": METADATA_VERSION,
        "logpipe": logpipe.__version__,
        "sources": [source_text(source) for source in info.sources],
        "layout": info.layout,
        "fields": [
            {"name": name, "column": column}
            for name, column in zip(info.field_names, columns, strict=True)
        ],
        "timestamp": {
            "fields": list(info.timestamp_fields),
            "pattern": info.timestamp_pattern,
            "year": info.year,
            "column": time_column(columns) if has_times(info) else None,
            "zones": dict(info.zones),
        },
        "parser": info.parser,
        "parameters": dict(info.parameters),
        "multiline": multiline,
        "terminators": [_text(terminator) for terminator in TERMINATORS],
        "shapes": [
            {"separators": [_text(s) for s in shape.separators], "fields": list(shape.fields)}
            for shape in shapes
        ],
        "templates": [
            {
                "id": template.id,
                "group": template.group,
                "literals": [_text(literal) for literal in template.literals],
                "kinds": [int(kind) for kind in template.kinds],
                "types": [int(lexical) for lexical in template.types],
                **({"categories": list(info.categories[template.id])} if info.categories else {}),
            }
            for template in info.templates
        ],
        # Only of a parser that knows classes of variables; for printing in a style.
        "forms": [{**encoded(form), "group": group} for group, form in sorted(info.forms.items())],
    }
    return orjson.dumps(document, default=str)


def read_description(path: str, metadata: Mapping[bytes, bytes] | None) -> FileInfo:
    """The description of a file.

    Raises:
        InputError: there is none, it is of a version we do not know, or it is malformed.
    """
    raw = (metadata or {}).get(METADATA_KEY)
    if raw is None:
        raise InputError(
            f"{path}: a Parquet file, but not one of `logpipe parse`: "
            f"its metadata has no {METADATA_KEY.decode()!r} entry"
        )
    try:
        document = orjson.loads(raw)
        version = document["version"]
        if version != METADATA_VERSION:
            raise InputError(
                f"{path}: its description is of version {version}, this logpipe "
                f"({logpipe.__version__}) reads version {METADATA_VERSION}; "
                f"it was written by logpipe {document.get('logpipe', '?')}"
            )
        templates = _table(document["templates"])
        shapes = tuple(
            Shape(tuple(_bytes(s) for s in entry["separators"]), tuple(entry["fields"]))
            for entry in document["shapes"]
        )
        if shapes[:1] != (HEADLESS,):
            raise ValueError("shape 0 is not the line without a header")
        return FileInfo(
            info=ParseInfo(
                sources=tuple(document["sources"]),
                layout=document["layout"],
                field_names=tuple(field["name"] for field in document["fields"]),
                parser=document["parser"],
                parameters=document["parameters"],
                templates=templates,
                timestamp_fields=tuple(document["timestamp"]["fields"]),
                timestamp_pattern=document["timestamp"]["pattern"],
                year=document["timestamp"].get("year"),
                zones=document["timestamp"].get("zones") or {},
                forms={e["group"]: decoded(e, path) for e in document.get("forms", ())},
                categories=_categories(document["templates"]),
            ),
            columns=tuple(field["column"] for field in document["fields"]),
            shapes=shapes,
            multiline=document["multiline"],
        )
    except InputError:
        raise
    except (
        ModelError,
        orjson.JSONDecodeError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        raise InputError(
            f"{path}: its {METADATA_KEY.decode()!r} metadata is malformed: {error!r}"
        ) from None


def _table(entries: Sequence[Mapping[str, Any]]) -> TemplateTable:
    table = TemplateTable()
    for number, entry in enumerate(entries):
        literals = [_bytes(literal) for literal in entry["literals"]]
        if entry["id"] != number:
            raise ValueError(f"template {number} is called {entry['id']}")
        if number == VERBATIM:
            if literals != [b"", b""]:
                raise ValueError("template 0 is not the verbatim one")
            continue
        table.append(
            entry["group"],
            literals,
            [SlotKind(kind) for kind in entry["kinds"]],
            [LexicalClass(lexical) for lexical in entry["types"]],
        )
    return table


def _categories(entries: Sequence[Mapping[str, Any]]) -> dict[int, tuple[str, ...]]:
    """The categories of slots, of a parser that has them."""
    if not all("categories" in entry for entry in entries):
        return {}
    found = {}
    for number, entry in enumerate(entries):
        own = tuple(entry["categories"])
        if len(own) != len(entry["kinds"]) or not all(isinstance(name, str) for name in own):
            raise ValueError(f"template {number} has categories {own!r:.60}")
        found[number] = own
    return found


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
