"""The one header layout of some sources: named, or found out from the head of each."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import replace

from logpipe.errors import LayoutError, UsageError
from logpipe.formats.auto import HEAD_BYTES, Detection, resolve
from logpipe.formats.layouts import Layout, compile_layout
from logpipe.formats.named import layout_for
from logpipe.formats.readers import Source, head

__all__ = ["pick_layout"]

_MARK = "(\ufeff)?"
"""What a layout has in front where logs begin with a byte order mark."""

_FURTHER = 8 << 20
"""Where a log is looked at again if its first lines have no header."""


def pick_layout(
    layout: str, sources: Sequence[Source], *, times: bool = True
) -> tuple[Layout, str]:
    """The header layout of some sources, and a sentence that says why.

    Args:
        layout: `auto`, the name of a layout, or `<Field> ... <Content>`.
        sources: looked at only for `auto`; what the head of each fits is tried.
        times: whether to find out how times are written, too; who only wants lines cut saves the
            import of numpy.

    Raises:
        LayoutError, UnknownNameError: there is no such layout.
        UsageError: `auto` finds different layouts for different sources.
    """
    found: tuple[str, Detection] | None = None
    for source in sources:
        # A layout that is named needs the head too: the fields of JSON lines stand in it.
        first_bytes = head(source).removeprefix(codecs.BOM_UTF8)
        if not first_bytes and layout == "auto":
            continue  # an empty log looks like nothing
        detection = resolve(layout, first_bytes, times=times)
        if layout == "auto" and times and not detection.layout.fields:
            detection = _further_on(source, detection)
        if layout != "auto" and detection.layout.fields:
            return _after_mark(detection.layout, sources, times), detection.reason
        if found is not None and detection.layout.spec != found[1].layout.spec:
            first, other = found[0], source.name
            raise UsageError(
                f"{first} looks like {found[1].layout.name!r} but {other} like "
                f"{detection.layout.name!r}: parse them one by one, or name one layout by --format"
            )
        found = found or (source.name, detection)
    if found is None:
        return layout_for("plain"), "there is nothing to look at"
    return _after_mark(found[1].layout, sources, times), found[1].reason


def _after_mark(layout: Layout, sources: Sequence[Source], times: bool) -> Layout:
    """The layout, with room for a byte order mark in front if a source begins with one.

    The mark stays where it is, between the fields; without this the first line has no header.
    """
    if not times or not layout.fields or layout.spec.startswith(("json {", "logfmt {")):
        return layout
    if not any(head(source, 3) == codecs.BOM_UTF8 for source in sources):
        return layout
    try:
        marked = compile_layout(_MARK + layout.spec, layout.name, layout.timestamp)
    except LayoutError:  # too many alternatives
        return layout
    return replace(marked, readings=layout.readings, time_note=layout.time_note)


def _further_on(source: Source, found: Detection) -> Detection:
    """What lines behind the head have: a log may begin with pages of something else."""
    more = head(source, _FURTHER)
    tail = more[-HEAD_BYTES:] if len(more) > HEAD_BYTES else _half(more)
    detection = resolve("auto", tail.partition(b"\n")[2])
    if not detection.layout.fields:
        return found
    return replace(detection, reason=f"{detection.reason} further on, but not the first ones")


def _half(data: bytes) -> bytes:
    # Of a small file the head was its first lines, not all of its first bytes.
    return data[len(data) // 2 :]
