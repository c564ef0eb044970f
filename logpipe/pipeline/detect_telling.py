"""The lines that show what is wrong: found through the columns that differ, read again as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing

import numpy as np

from logpipe.anomaly.findings import Finding
from logpipe.anomaly.result import DetectResult, TellingLine
from logpipe.anomaly.windows import Windows
from logpipe.formats.readers import Source
from logpipe.pipeline.detect_facts import LineFacts
from logpipe.pipeline.detect_features import Featured
from logpipe.template import readable

__all__ = ["positions", "read_texts", "telling_lines"]

_DIFFERENCES = 4
_LINES = 3
_FINDINGS = 100
"""Findings whose lines are read again."""


def positions(finding: Finding, judged: Featured, windows: Windows) -> list[int]:
    """Positions of the lines behind a finding's most telling differences, the most telling first.

    Of what is new the first lines, of what there is more than expected the last, and where
    something is missing or fewer, the last line that is there.
    """
    window = int(finding.windows[0])
    entries = np.flatnonzero(judged.rows == window)
    found: list[int] = []
    for each in finding.differences[:_DIFFERENCES]:
        lines = judged.lines[entries[judged.columns[entries] == each.column]]
        if each.seen > each.expected:
            surplus = each.seen - each.expected
            found += (lines[:_LINES] if each.new else lines[-min(surplus, _LINES) :]).tolist()
        elif len(lines):
            found.append(int(lines[-1]))
    if not found:
        members = windows.members(window)
        found = members[-1:].tolist()
    return list(dict.fromkeys(found))


def telling_lines(
    result: DetectResult,
    judged: Featured,
    facts: LineFacts,
    windows: Windows,
    sources: Sequence[Source],
    *,
    offset: int,
    context: int,
) -> list[list[TellingLine]]:
    """The telling lines of each finding, with the lines around them.

    Args:
        result: with findings; their `lines` are set here.
        judged: the windows as rows.
        facts: of the lines.
        windows: that were judged.
        sources: the logs that were judged.
        offset: how many sources of `facts` come before them.
        context: lines before and after each; -1: no line is read again.
    """
    names = facts.sources[offset:]
    wanted: dict[str, set[int]] = defaultdict(set)
    placed: list[list[tuple[str, int, int]]] = []
    for rank, finding in enumerate(result.findings):
        finding.lines = positions(finding, judged, windows)
        placed.append([(*facts.place(position), position) for position in finding.lines])
        if rank < _FINDINGS and context >= 0:
            for source, number, _ in placed[-1]:
                around = range(max(1, number - context), number + context + 1)
                wanted[source].update(around)
    same = len(set(names)) < len(names)
    texts = {} if same else read_texts(sources, wanted)
    return [
        [
            TellingLine(
                source,
                number,
                facts.columns[int(facts.groups[position])],
                _text(texts, source, number),
                tuple(
                    (n, readable(texts[source, n]))
                    for n in range(number - context, number + context + 1)
                    if (source, n) in texts
                ),
            )
            for source, number, position in lines
        ]
        for lines in placed
    ]


def _text(texts: dict[tuple[str, int], bytes], source: str, number: int) -> str | None:
    found = texts.get((source, number))
    return None if found is None else readable(found)


def read_texts(
    sources: Sequence[Source], wanted: Mapping[str, set[int]]
) -> dict[tuple[str, int], bytes]:
    """The bytes of some lines, without terminator.

    Args:
        sources: the inputs.
        wanted: source name to 1-based line numbers; each source is read up to the last of them.

    Returns:
        (source name, line number) to the line, cut at 2000 bytes.
    """
    found: dict[tuple[str, int], bytes] = {}
    for source in sources:
        left = wanted.get(source.name)
        if not left:
            continue
        last, number, rest = max(left), 0, b""
        buffer = bytearray(1 << 20)
        with closing(source.open()) as reader:
            while number < last:
                part = bytes(buffer[: reader.readinto(memoryview(buffer))])
                lines = (rest + part).split(b"\n")
                rest = lines.pop() if part else b""  # the last line may have no end
                for line in lines:
                    number += 1
                    if number in left:
                        found[source.name, number] = line.rstrip(b"\r")[:2000]
                if not part:
                    break
    return found
