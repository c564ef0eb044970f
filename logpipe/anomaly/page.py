"""The HTML report of a detection: timeline, findings, their lines in context, all in one file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from logpipe.anomaly.findings import Finding
from logpipe.anomaly.result import DetectResult, TellingLine
from logpipe.report import (
    Cell,
    Column,
    Mark,
    Section,
    code,
    details,
    note,
    paragraph,
    render_page,
    table,
    timeline,
)

__all__ = ["page"]

_MARKS = 4000
_FINDINGS = 60
_WINDOWS = 500


def page(result: DetectResult) -> str:
    """The report as one string of HTML."""
    flagged = int(result.anomalous.sum())
    title = f"{flagged:,} of {len(result):,} windows abnormal"
    sections = [
        Section("Timeline", [_timeline(result)], _how(result)),
        Section("Findings", _overview(result), _lead(result)),
        Section("Lines", [*_findings(result)], "Telling lines, with the lines around them."),
        Section("Windows", [_windows(result)], "The abnormal windows, the strangest first."),
    ]
    if result.labelled is not None:
        sections.insert(1, Section("Against labels", [_score(result)]))
    return render_page(
        title,
        sections,
        subtitle=", ".join(result.sources),
        facts={
            "lines": f"{result.total_lines:,}",
            "windows": result.window,
            "detector": " ".join(filter(None, (result.detector, result.detector_detail))),
            "compared with": result.trained_on,
        },
    )


def _how(result: DetectResult) -> str:
    said = "A score above 1 is abnormal."
    if result.window_reason:
        said += f" Windows are {result.window}: {result.window_reason}."
    return said


def _lead(result: DetectResult) -> str:
    if not result.findings:
        return "Nothing stands out."
    return (
        "Windows that differ in the same way, or that follow each other, are one finding. What "
        "came or went for good is drift: one finding, and no alarm."
    )


def _timeline(result: DetectResult) -> Markup:
    at = np.flatnonzero(~result.anomalous)
    step = max(1, len(at) // _MARKS)
    chosen = np.sort(np.concatenate([at[::step], np.flatnonzero(result.anomalous)[:_MARKS]]))
    scores = np.minimum(result.scores, 1e6)
    if result.start_time is not None and result.ordered:
        xs = (result.start_time - int(result.start_time.min())) / 1e9
        axis = "seconds from the first line"
    else:
        xs, axis = np.arange(len(result), dtype=np.float64), "windows, in order of the first line"
    marks = [
        Mark(float(xs[i]), float(scores[i]), str(result.names[i]), bool(result.anomalous[i]))
        for i in chosen.tolist()
    ]
    return timeline(marks, x_title=axis, y_title="score", threshold=1.0)


def _overview(result: DetectResult) -> list[Markup | str]:
    rows = [
        [
            Cell(Markup('<a href="#f-{}">{}</a>').format(i, f.pattern), key=i),
            f.kind + (f", judged {f.verdict}" if f.verdict else ""),
            len(f.windows),
            round(f.score, 2),
            result.names[int(f.windows[0])],
            f.reason,
        ]
        for i, f in enumerate(result.findings[:_FINDINGS])
    ]
    parts: list[Markup | str] = [
        table(
            [
                Column("pattern"),
                Column("kind"),
                Column("windows", number=True),
                Column("score", number=True),
                Column("strangest", text=True),
                Column("what differs", text=True),
            ],
            rows,
        )
    ]
    if len(result.findings) > _FINDINGS:
        parts.append(note(f"... and {len(result.findings) - _FINDINGS:,} more"))
    parts += [note(warning) for warning in result.warnings]
    return parts


def _findings(result: DetectResult) -> list[Markup]:
    parts = []
    for i, (finding, lines, nearest) in enumerate(
        zip(result.findings, result.telling, result.nearest_names, strict=True)
    ):
        if i >= _FINDINGS:
            break
        window = result.names[int(finding.windows[0])]
        inside: list[Markup | str] = [_differences(result, finding)]
        if nearest:
            inside.append(note(f"The nearest normal window is {nearest}."))
        inside += _lines(lines)
        head = details(
            f"{finding.pattern}: {len(finding.windows):,} windows, such as {window}",
            inside,
            opened=i < 3,
        )
        parts.append(Markup('<div id="f-{}">{}</div>').format(i, head))
    return parts or [paragraph("Nothing stands out.")]


def _differences(result: DetectResult, finding: Finding) -> Markup:
    return table(
        [
            Column("template", text=True),
            Column("change"),
            Column("seen", number=True),
            Column("expected", number=True),
        ],
        [
            [
                result.columns[d.column],
                Cell(d.change, style="bad" if d.new else ""),
                d.seen,
                d.expected,
            ]
            for d in finding.differences[:20]
        ],
    )


def _lines(lines: Sequence[TellingLine]) -> list[Markup]:
    """Lines with those around them; what overlaps is shown once."""
    parts: list[Markup] = []
    shown: set[tuple[str, int]] = set()
    for line in lines:
        if (line.source, line.line) in shown or not line.context:
            continue
        rows = []
        for number, text in line.context:
            shown.add((line.source, number))
            own = any(number == o.line and line.source == o.source for o in lines)
            rows.append(
                [Cell(f"{number:,}", key=number), Cell(code(text), style="bad" if own else "muted")]
            )
        parts.append(
            table([Column("line", number=True), Column(line.source)], rows, sortable=False)
        )
    return parts


def _windows(result: DetectResult) -> Markup:
    flagged = np.flatnonzero(result.anomalous)
    flagged = flagged[np.argsort(-result.scores[flagged], kind="stable")][:_WINDOWS]
    return table(
        [
            Column("window", text=True),
            Column("lines", number=True),
            Column("first line", number=True),
            Column("last line", number=True),
            Column("score", number=True),
            Column("pattern"),
            Column("nearest normal", text=True),
        ],
        [
            [
                result.names[w],
                int(result.lines[w]),
                int(result.first_line[w]),
                int(result.last_line[w]),
                round(float(result.scores[w]), 2),
                result.reasons[w][0],
                result.reasons[w][2],
            ]
            for w in flagged.tolist()
        ],
    )


def _score(result: DetectResult) -> Markup:
    found = result.labelled
    assert found is not None
    facts = {**vars(found), **result.label_facts}
    return table(
        [Column("figure"), Column("value")],
        [[k.replace("_", " "), v] for k, v in facts.items() if v is not None],
    )
