"""Whether an archive is whole, and what can be had of one that is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from logpipe.archive.blocks import PackedBlock, block_filter, unpack_block
from logpipe.archive.layout import (
    BLOCK_HEADER,
    FILE_HEADER,
    FOOTER_MAGIC,
    MAGIC,
    MAX_RAW,
    OPEN_END,
    TRAILER,
    BlockHeader,
    parse_file_header,
    parse_totals,
    parse_trailer,
)
from logpipe.archive.scan import Gap, Section, open_archive, read_footer, sections
from logpipe.archive.writer import ArchiveWriter, Sink
from logpipe.errors import ArchiveError

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
    """

    blocks: int = 0
    lines: int = 0
    raw: int = 0
    lost: list[Lost] = field(default_factory=list)
    complete: bool = True

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
    writer.finish()
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
        try:
            found = read_footer(path, file)
            expected = found.footer
            unended = None
        except ArchiveError as error:
            expected, unended = None, error
        for section in sections(file):
            if isinstance(section, Gap):
                head = os.pread(file.fileno(), FILE_HEADER, section.at)
                if head.startswith(MAGIC) and section.end - section.at == FILE_HEADER:
                    # What `cat a.lpz b.lpz` makes; its blocks count from their own beginning.
                    first_line, first_byte = line, offset
                    why = "another archive begins; `logpipe repair` makes one of both"
                    check.lost.append(Lost(None, None, 0, section.at, why))
                else:
                    check.lost.append(_gap(file, section, size, line, offset - first_byte))
            if not isinstance(section, Section):
                continue
            header = replace(
                section.header,
                first_line=section.header.first_line + first_line,
                offset=section.header.offset + first_byte,
            )
            if header.offset > offset:
                _explain_gap(check, line, header.first_line, header.offset - offset)
            elif header.offset < offset:
                check.lost.append(
                    Lost(None, None, header.raw, section.at, "a block that is not in its place")
                )
                continue
            line, offset = header.first_line + header.lines, header.offset + header.raw
            if header.flags & OPEN_END:
                line -= 1
            try:
                if header.raw > limit:
                    raise ArchiveError(f"claims {header.raw:,} bytes, the limit is {limit:,}")
                payload = os.pread(file.fileno(), header.payload, section.at + BLOCK_HEADER)
                raw = unpack_block(header, payload)
            except ArchiveError as error:
                first = header.first_line + 1
                check.lost.append(
                    Lost(first, first + header.lines - 1, header.raw, section.at, str(error))
                )
            else:
                check.blocks += 1
                check.lines += header.starts
                check.raw += header.raw
                if writer is not None:
                    writer.write(
                        PackedBlock(
                            codec=header.codec,
                            streams=header.streams,
                            lines=header.lines,
                            raw=header.raw,
                            payload=payload,
                            coded_hash=header.coded_hash,
                            raw_hash=header.raw_hash,
                            open_end=bool(header.flags & OPEN_END),
                            filter=block_filter(raw, len(payload)),
                        )
                    )
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
