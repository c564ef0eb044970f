"""What to say of the times of a log; without pyarrow, for commands without outputs."""

from __future__ import annotations

from logpipe.export.base import ParseInfo
from logpipe.formats.timestamp_pattern import compile_pattern, date_order

__all__ = ["has_times", "times_said", "why_no_times"]


def times_said(info: ParseInfo) -> list[str]:
    """What the user should know about the times that were read, in at most one sentence each."""
    tally, said = info.time_tally, []
    unknown = sum(tally.zones.values())
    if unknown:
        names = [name for name, _ in tally.zones.most_common(3)]
        named = ", ".join(names) + (", ..." if len(tally.zones) > 3 else "")
        taken = "counts as UTC" if tally.any_zone else "makes no time as a number"
        said.append(
            f"{unknown:,} of {tally.written:,} lines with a time name a zone whose offset is not "
            f"known, which {taken}: {named}; give it by --zone {names[0]}=+HHMM"
        )
    failed = tally.untimed - (0 if tally.any_zone else unknown)
    if failed > 0:
        other = ""
        if tally.tried and 2 * tally.otherwise >= tally.tried:
            order = {"day-first": "month-first", "month-first": "day-first"}
            wanted = order.get(date_order(info.timestamp_pattern), "")
            other = f"; most of them fit with day and month exchanged (--dates {wanted})"
        lines = "line" if tally.written == 1 else "lines"
        said.append(
            f"{failed:,} of {tally.written:,} {lines} with a header have no time as a number: what "
            f"stands there is not written as {info.timestamp_pattern!r}{other}"
        )
    return said


def why_no_times(info: ParseInfo) -> str:
    """Why there is no time as a number though something looks like one; empty if there is."""
    if not info.timestamp_pattern:
        return info.time_note
    pattern = compile_pattern(info.timestamp_pattern)
    if pattern.lacks_date:
        return f"the stamps of layout {info.layout} have no date, so there is no time as a number"
    if info.year is None and pattern.lacks_year:
        return (
            f"the stamps of layout {info.layout} have no year, so there is no time as a number; "
            f"--year YYYY makes one"
        )
    return ""


def has_times(info: ParseInfo) -> bool:
    """Whether outputs have a column of times."""
    return bool(info.timestamp_pattern) and not why_no_times(info)
