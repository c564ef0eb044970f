"""Whether an archive is whole, and what can be had of one that is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from logpipe.archive.blocks import PackedBlock, block_filter, pack_bytes
from logpipe.archive.hints import without_guide, wrong_counts, wrong_filter, wrong_guide
from logpipe.archive.layout import (
    BLOCK_HEADER,
    CONTINUES,
    FILE_HEADER,
    FOOTER_MAGIC,
    MAGIC,
    MAX_RAW,
    OPEN_END,
    RECORD_FILTERS,
    RECORD_LAYOUT,
    TRAILER,
    BlockHeader,
    Entry,
    Footer,
    parse_file_header,
    parse_filters,
    parse_footer,
    parse_totals,
    parse_trailer,
)
from logpipe.archive.scan import Footerlike, Gap, Section, open_archive, read_footer, sections
from logpipe.archive.unpacking import decode_streams, unpack_streams
from logpipe.archive.writer import ArchiveWriter, Sink
from logpipe.errors import ArchiveError
from logpipe.native.hashing import xxh64

__all__ = ["Check", "Lost", "repair", "verify"]


@dataclass(frozen=True)
class Lost:
    """Lines that cannot be had, or damage that costs none.

    Attributes:
        first, last: 1-based line numbers; None where nobody knows: without `last`, the lines from
            the first on, to an end that is not known.
        bytes: raw bytes that are gone: 0 where none are, None where nobody knows.
        at: where in the file.
        reason: what is wrong there.
    """

    first: int | None
    last: int | None
    bytes: int | None
    at: int
    reason: str


@dataclass
class Check:
    """What a look at every byte of an archive found.

    Attributes:
        blocks, lines, raw: that are good.
        lost: the damage; empty: the archive is whole.
        complete: whether the file ends as an archive does.
        layouts: header layouts that were used, as far as a sound footer tells.
    """

    blocks: int = 0
    lines: int = 0
    raw: int = 0
    lost: list[Lost] = field(default_factory=list)
    complete: bool = True
    layouts: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.complete and not self.lost

    @property
    def costs(self) -> bool:
        """Whether bytes of the source are gone, or may be."""
        return any(lost.bytes != 0 for lost in self.lost)


def verify(
    path: str, *, limit: int = MAX_RAW, progress: Callable[[int, int | None], None] | None = None
) -> Check:
    """Decodes everything and holds it against every checksum.

    Raises:
        InputError: the file cannot be read.
        ArchiveError: it is not an archive at all.
    """
    return _go_through(path, None, limit, progress)


def repair(
    path: str,
    sink: Sink,
    *,
    limit: int = MAX_RAW,
    progress: Callable[[int, int | None], None] | None = None,
) -> Check:
    """Writes an archive of all good blocks; what is lost is in the answer.

    Lines are numbered anew where some are gone. Archives that were put one behind the other become
    one.

    Raises:
        InputError: the file cannot be read.
        ArchiveError: it is not an archive at all, or no block of it is good.
    """
    writer = ArchiveWriter(sink)
    check = _go_through(path, writer, limit, progress)
    if not check.blocks and not check.good:
        why = check.lost[0].reason if check.lost else "it ends before the first block does"
        raise ArchiveError(f"{path}: no good block is left, so nothing is written: {why}")
    writer.finish({RECORD_LAYOUT: "\n".join(check.layouts).encode()} if check.layouts else None)
    return check


def _go_through(
    path: str,
    writer: ArchiveWriter | None,
    limit: int,
    progress: Callable[[int, int | None], None] | None,
) -> Check:
    check = Check()
    with open_archive(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            parse_file_header(path, os.pread(file.fileno(), FILE_HEADER, 0))
        except ArchiveError as error:
            # Blocks can be found without it; where there is none, it is something else.
            if not any(isinstance(s, Section) for s in sections(file)):
                raise
            reason = str(error).removeprefix(f"{path}: ")
            check.lost.append(Lost(None, None, 0, 0, f"{reason}; or the file's header is damaged"))
        line = offset = first_line = first_byte = 0
        open_end: bool | None = False
        try:
            found = read_footer(path, file)
            expected = found.footer
            unended = None
        except ArchiveError as error:
            expected, unended = None, error
        entries = {entry.at: entry for entry in expected.entries} if expected else {}
        filters = _filters(expected)
        for section in sections(file):
            if isinstance(section, Gap):
                head = os.pread(file.fileno(), FILE_HEADER, section.at)
                if head.startswith(MAGIC) and section.end - section.at == FILE_HEADER:
                    # What `cat a.lpz b.lpz` makes; its blocks count from their own beginning.
                    first_line, first_byte = line, offset
                    open_end = False
                    why = "another archive begins; `logpipe repair` makes one of both"
                    check.lost.append(Lost(None, None, 0, section.at, why))
                else:
                    check.lost.append(_gap(file, section, size, line, offset - first_byte))
            if isinstance(section, Footerlike):
                _note_layouts(check, file, section)
            if not isinstance(section, Section) or (entries and section.at not in entries):
                # What the footer does not list lies within a block: a log can have archives in it.
                continue
            header = section.header._replace(
                first_line=section.header.first_line + first_line,
                offset=section.header.offset + first_byte,
            )
            if header.offset > offset:
                _explain_gap(check, line, header.first_line, header.offset - offset)
                line, open_end = header.first_line, None
            elif header.offset < offset:
                check.lost.append(
                    Lost(None, None, header.raw, section.at, "a block that is not in its place")
                )
                continue
            why = _out_of_place(header, section.at, line, open_end, entries)
            if why:
                check.lost.append(_hint(header, section.at, why))
            line, offset = header.first_line + header.lines, header.offset + header.raw
            open_end = bool(header.flags & OPEN_END)
            if open_end:
                line -= 1
            try:
                if header.raw > limit:
                    raise ArchiveError(f"claims {header.raw:,} bytes, the limit is {limit:,}")
                payload = os.pread(file.fileno(), header.payload, section.at + BLOCK_HEADER)
                streams = unpack_streams(header, payload)
                raw = decode_streams(header, streams)
            except ArchiveError as error:
                first = header.first_line + 1
                check.lost.append(
                    Lost(first, first + header.lines - 1, header.raw, section.at, str(error))
                )
            else:
                check.blocks += 1
                check.lines += header.starts
                check.raw += header.raw
                wrong = [wrong_counts(header, raw)]
                guided = wrong_guide(header, payload, streams)
                if guided:
                    wrong.append("its guide is not the one of its streams: searches miss lines")
                if wrong_filter(filters.get(section.at, b""), raw):
                    wrong.append("its filter leaves out words that it has: searches miss lines")
                check.lost += [_hint(header, section.at, why) for why in wrong if why]
                if writer is not None:
                    writer.write(_mended(header, payload, raw, guided, bool(wrong[0])))
            if progress is not None:
                progress(section.end, size)
        if expected is not None and expected.raw > offset:
            _explain_gap(check, line, expected.lines, expected.raw - offset)
        if unended is not None:
            # The footer of archives in a row is that of the last one.
            last = os.pread(file.fileno(), TRAILER, max(size - TRAILER, 0))
            check.complete = parse_trailer(last) is not None
            if check.complete and not check.lost:
                reason = str(unended).removeprefix(f"{path}: ")
                check.lost.append(Lost(None, None, 0, size - TRAILER, reason))
    return check


def _filters(footer: Footer | None) -> dict[int, bytes]:
    """Filters of blocks by where these begin."""
    if footer is None:
        return {}
    found = parse_filters(footer.records.get(RECORD_FILTERS, b""), len(footer.entries))
    return {entry.at: made for entry, made in zip(footer.entries, found, strict=True)}


def _note_layouts(check: Check, file: BinaryIO, found: Footerlike) -> None:
    """Adds the names that a footer has, if it is sound."""
    with suppress(ArchiveError):
        data = os.pread(file.fileno(), found.end - TRAILER - found.at, found.at)
        footer = parse_footer(data, found.at)
        names = footer.records.get(RECORD_LAYOUT, b"") if footer is not None else b""
        check.layouts += [
            name
            for name in names.decode("utf-8", "replace").split("\n")
            if name and name not in check.layouts
        ]


def _hint(header: BlockHeader, at: int, why: str) -> Lost:
    """Damage that costs no byte of a block."""
    return Lost(header.first_line + 1, header.first_line + header.lines, 0, at, why)


def _out_of_place(
    header: BlockHeader, at: int, line: int, open_end: bool | None, entries: Mapping[int, Entry]
) -> str:
    """What a block says of its place that is not so; empty if all is.

    Args:
        header: of the block.
        at: where in the file.
        line: where the blocks before end.
        open_end: whether the last line before has no end; None: nobody knows.
        entries: of the footer, by where they begin; empty if there is none.
    """
    if entries and entries[at] != Entry.of(at, header):
        return "the footer has other sizes, flags or codec of it than its header"
    if header.first_line != line:
        return f"it claims to begin with line {header.first_line + 1:,}, not {line + 1:,}"
    if open_end is not None and open_end != bool(header.flags & CONTINUES):
        return "it is wrong about whether it goes on with the line before"
    return ""


def _mended(
    header: BlockHeader, payload: bytes, raw: bytes | memoryview, guided: bool, counts: bool
) -> PackedBlock:
    """A good block as it is, or without what is wrong about it beside its bytes."""
    if counts:
        return pack_bytes(bytes(raw), "default")
    streams = header.streams
    if guided:
        streams, payload = without_guide(header, payload)
    return PackedBlock(
        codec=header.codec,
        streams=streams,
        lines=header.lines,
        raw=header.raw,
        payload=payload,
        coded_hash=xxh64(payload),
        raw_hash=header.raw_hash,
        open_end=bool(header.flags & OPEN_END),
        filter=block_filter(raw, len(payload)),
    )


def _gap(file: BinaryIO, gap: Gap, size: int, line: int, raw: int) -> Lost:
    """What bytes that are no section are, behind `line` lines, and `raw` bytes of their archive."""
    head = os.pread(file.fileno(), BLOCK_HEADER, gap.at)
    if gap.end == size:
        totals = parse_totals(head) if head.startswith(FOOTER_MAGIC) else None
        if totals is not None and totals[2] == raw:
            why = "the footer is cut off; it lists nothing that is not there"
            return Lost(None, None, 0, gap.at, why)
        header = BlockHeader.parse(head)
        cut = header is not None and gap.at + BLOCK_HEADER + header.payload > size
        if header is not None and cut and header.offset == raw:
            why = f"the file ends inside a block of {header.lines:,} lines"
            return Lost(line + 1, None, None, gap.at, why)
    return Lost(None, None, None, gap.at, "bytes that are no block")


def _explain_gap(check: Check, line: int, next_line: int, missing: int) -> None:
    """Says which lines a gap had, now that what follows it is known."""
    reason, at = "no block is left of them", 0
    if check.lost and check.lost[-1].last is None and check.lost[-1].bytes is None:
        last = check.lost.pop()
        reason, at = last.reason, last.at
    check.lost.append(Lost(line + 1, max(next_line, line + 1), missing, at, reason))
