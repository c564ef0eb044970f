r"""Header layouts: what stands before the message, field by field.

A layout is made from text (`compile_layout`, grammar in spec.py) or found by name (named.py), and
compiled to a small program that the native core runs for every line without a regular
expression.

>>> layout = compile_layout(r"<Time:clock> <Level:level> <Unit>(\[<Pid:int>\])?: <Content>")
>>> layout.fields
('Time', 'Level', 'Unit', 'Pid')
>>> parts = layout.split(b"10:00:01 WARN  disk[7]: 93 % full")
>>> parts.fields
{'Time': b'10:00:01', 'Level': b'WARN', 'Unit': b'disk', 'Pid': b'7'}
>>> parts.message, parts.separators[2]
(b'93 % full', b'  ')
>>> layout.split(b"    at disk.c:12: no header") is None
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from logpipe.errors import LayoutError
from logpipe.formats import program as programs
from logpipe.formats import spec as grammar
from logpipe.formats.splitter import SplitLine, split

if TYPE_CHECKING:
    import json
else:
    from logpipe.lazy import json

__all__ = ["MESSAGE_KEYS", "Layout", "Timestamp", "compile_layout", "member_layout"]

MESSAGE_KEYS = ("message", "msg", "log", "event", "MESSAGE", "body", "text")
"""Members that hold the message of a JSON or logfmt line, the first one present wins."""

_MEMBER_KINDS = {"json": programs.JSON, "logfmt": programs.LOGFMT}
_MAX_MEMBERS = 1000


class Timestamp(NamedTuple):
    """How the time of a line is composed.

    Attributes:
        fields: header fields whose values, joined by one blank each, are the time stamp.
        pattern: directives of timestamp_pattern.py, which are strptime's and a few more.
    """

    fields: tuple[str, ...]
    pattern: str


@dataclass(frozen=True)
class Layout:
    """A header layout, compiled.

    Attributes:
        name: as users see it; the text of the layout if it has no name.
        spec: text that `compile_layout` makes the same program from.
        fields: header fields, the message not among them.
        program: for the native core (native/src/layout.rs).
        timestamp: how the time is composed, or None if the layout does not say.
        readings: if a sample did not tell the order of day, month and year: how the time is
            composed by each order that fits all of it, `day-first` and the like; then `timestamp`
            is None.
        time_note: why there is no `timestamp` though something looks like it; else empty.
    """

    name: str
    spec: str
    fields: tuple[str, ...]
    program: bytes
    timestamp: Timestamp | None = None
    readings: tuple[tuple[str, Timestamp], ...] = ()
    time_note: str = ""

    def split(self, line: bytes) -> SplitLine | None:
        """The parts of one line without its terminator, None if it has no such header.

        Pure Python and slow; the native core gives the same answer for every line of a file.
        """
        return split(self.program, self.fields, line)

    @property
    def has_header(self) -> bool:
        """False for `<Content>` alone."""
        return bool(self.fields) or self.spec != "<Content>"


def compile_layout(
    spec: str, name: str | None = None, timestamp: Timestamp | None = None
) -> Layout:
    """Compiles the text of a layout.

    Args:
        spec: the grammar of spec.py, or `json {...}` / `logfmt {...}` as `member_layout` writes it.
        name: what to call it; the text itself if not given.
        timestamp: kept as it is; its fields must be the layout's.

    Raises:
        LayoutError: not a layout: the column, what was expected there and what was found.
    """
    kind, brace, rest = spec.partition(" {")
    if brace and kind in _MEMBER_KINDS:
        layout = _from_json(kind, spec, "{" + rest, name)
    else:
        fields, alternatives = grammar.parse(spec)
        layout = Layout(name or spec, spec, fields, programs.encode(len(fields), alternatives))
    if timestamp is None:
        return layout
    unknown = set(timestamp.fields) - set(layout.fields)
    if unknown:
        raise LayoutError(
            f"layout {layout.name!r}: the time stamp is made of {sorted(unknown)}, "
            f"but the fields are {list(layout.fields)}"
        )
    return Layout(layout.name, layout.spec, layout.fields, layout.program, timestamp)


def member_layout(
    kind: str,
    keys: Sequence[bytes],
    messages: Sequence[bytes],
    name: str | None = None,
    timestamp: Timestamp | None = None,
) -> Layout:
    """A layout for lines that name their fields.

    The values of `keys` become fields of the same names (`_` is added to a name that is a column of
    the output, or taken); a line with any other member does not fit.

    Args:
        kind: `json` (one object a line) or `logfmt` (`key=value`, values may be quoted).
        keys: as they stand in the line, still escaped; at most 1000.
        messages: keys of the message; of those in a line the first is it. May also be in `keys`.
        name: what to call it; `kind` if not given.
        timestamp: as in `Layout`.

    Raises:
        LayoutError: too many keys, one twice, or none for the message.
    """
    for what, values in (("field", keys), ("message", messages)):
        if len(set(values)) < len(values) or len(values) > _MAX_MEMBERS:
            raise LayoutError(
                f"layout {name or kind!r}: expected at most {_MAX_MEMBERS} different {what} keys, "
                f"found {len(values)}, {len(set(values))} of them different"
            )
    if not messages:
        raise LayoutError(f"layout {name or kind!r}: expected a key for the message, found none")
    texts = {
        what: [key.decode("utf-8", "surrogateescape") for key in values]
        for what, values in (("fields", keys), ("message", messages))
    }
    names: list[str] = []
    for text in texts["fields"]:
        field = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        while field in grammar.RESERVED or field in names:
            field += "_"
        names.append(field)
    return Layout(
        name or kind,
        # The standard library's JSON, because it keeps bytes that are not UTF-8 (as surrogates).
        f"{kind} {json.dumps(texts)}",
        tuple(names),
        programs.encode_members(_MEMBER_KINDS[kind], keys, messages),
        timestamp,
    )


def _from_json(kind: str, spec: str, text: str, name: str | None) -> Layout:
    expected = f'{kind} {{"fields": [keys], "message": [keys]}}'
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise LayoutError(f"layout {spec!r}: expected {expected}, found no JSON: {error}") from None
    keys = []
    for what in ("fields", "message"):
        values = found.get(what) if isinstance(found, dict) else None
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise LayoutError(f"layout {spec!r}: expected {expected}, found no list {what!r}")
        keys.append([value.encode("utf-8", "surrogateescape") for value in values])
    if len(found) > 2:
        raise LayoutError(f"layout {spec!r}: expected {expected}, found {sorted(found)}")
    return member_layout(kind, keys[0], keys[1], name)
