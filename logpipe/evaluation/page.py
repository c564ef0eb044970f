"""The HTML page of an evaluation: who is best, on what, at which cost, and what to mend.

Everything on it is in the rows as well; charts are a way to see, never the only place of a figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from logpipe.evaluation.scoring import DISTANCES
from logpipe.evaluation.tables import shown
from logpipe.evaluation.wrong import Kind, Wrong, wrong_templates
from logpipe.metrics import CATEGORIES, SLICES
from logpipe.report import (
    Bar,
    Cell,
    Column,
    Point,
    Section,
    bar_chart,
    code,
    details,
    heat_map,
    note,
    paragraph,
    render_page,
    scatter,
    table,
)

if TYPE_CHECKING:
    from pathlib import Path

    from markupsafe import Markup

    from logpipe.evaluation.cases import Case
    from logpipe.evaluation.runs import Record
    from logpipe.evaluation.scoring import Scored
    from logpipe.metrics import VariableScore

__all__ = ["Results", "render"]

_MAIN = ("GA", "FGA", "PA", "FTA")
_MEANING = {
    "GA": "share of lines in groups that are exactly right",
    "FGA": "harmonic mean of precision and recall of groups",
    "PA": "share of lines whose template text is exactly right",
    "FTA": "harmonic mean of precision and recall of template texts",
    "strict_FTA": "the same, where a template counts only if it is on all of its lines",
    "match": "share of messages that their template matches",
    "group_GA": "GA on the parser's own groups instead of on template text",
    "GGD": "steps that turn the predicted groups into the true ones",
    "PGD": "the same, with steps that mend texts",
    "NED": "mean similarity of predicted and true text",
    "cpu_s": "user and system seconds of the parsing call",
    "peak_mb": "most memory of the process, packages and messages included",
}
_COSTS = {"cpu_s": "CPU s", "lines_per_cpu_s": "lines / CPU s", "peak_mb": "peak MB"}
_KINDS: Mapping[Kind, str] = {
    "text": "right lines, another text",
    "split": "in several groups",
    "merged": "together with others",
    "torn": "in several groups, with others",
}


class Results(Protocol):
    """What `logpipe.pipeline.Evaluation` offers."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Of the rows."""

    @property
    def template_style(self) -> str:
        """Of predictions."""

    @property
    def scored(self) -> tuple[Scored, ...]:
        """Every run."""

    @property
    def cases(self) -> Mapping[str, Case]:
        """Data sets by name."""

    @property
    def leaderboard(self) -> list[dict[str, Any]]:
        """A row per parser."""

    @property
    def published(self) -> list[dict[str, Any]]:
        """What others printed."""

    @property
    def editions(self) -> tuple[Mapping[str, Any], ...]:
        """Each run against each edition."""

    @property
    def notes(self) -> tuple[str, ...]:
        """For readers."""

    def run_folder(self, record: Record) -> Path:
        """Where a run is kept."""


def render(results: Results, *, title: str = "Parser evaluation", top: int = 20) -> str:
    """The page.

    Args:
        results: an evaluation.
        title: of the page.
        top: wrong templates shown for each parser and data set.
    """
    board = results.leaderboard
    sets = list(dict.fromkeys(one.record.dataset for one in results.scored))
    fine = [one for one in results.scored if one.record.ok]
    sections = [
        _leaderboard(results, board),
        _per_set(results, board, sets),
        _cost(board),
        _slices(fine),
        *_variables(fine),
        *_editions(results),
        _runs(results),
        _mistakes(results, fine, top),
        _meaning(results),
    ]
    lines = sum({s.record.dataset: s.record.lines for s in results.scored}.values())
    facts = {
        "parsers": len(board),
        "data sets": len(sets),
        "lines": f"{lines:,}",
        "predictions": f"compared in style {results.template_style!r}",
        "date": max((one.record.started[:10] for one in fine), default=""),
    }
    return render_page(title, sections, facts=facts, subtitle=" ".join(results.notes))


def _leaderboard(results: Results, board: Sequence[Mapping[str, Any]]) -> Section:
    first = [m for m in (*_MAIN, "strict_FTA", "match") if m in results.metrics]
    rest = [m for m in results.metrics if m not in first]
    costs = ("cpu_s", "lines_per_cpu_s", "peak_mb")
    parts: list[Markup | str] = [_board(board, first, costs)]
    for metric in (m for m in _MAIN if m in results.metrics):
        bars = [
            Bar(row["parser"], row[metric], row.get(f"{metric}_low"), row.get(f"{metric}_high"))
            for row in board
            if row.get(metric) is not None
        ]
        parts.append(bar_chart(bars, caption=f"{metric}: {_MEANING[metric]}", highest=1.0))
    if rest:
        parts.append(details("Further metrics", [_board(board, rest, ())]))
    if results.published:
        parts.append(_published(results.published))
    return Section(
        "Leaderboard",
        parts,
        "Means over the data sets; a run that failed counts as 0. Whiskers: 95 % of bootstrap "
        "resamples of the data sets.",
    )


def _board(
    board: Sequence[Mapping[str, Any]], metrics: Sequence[str], costs: Sequence[str]
) -> Markup:
    best = {
        m: (min if m in DISTANCES else max)(values)
        for m in metrics
        if (values := [row[m] for row in board if row.get(m) is not None])
    }
    rows = []
    for row in board:
        cells: list[object] = [row["parser"], row["sets"], _failed(row["failed"])]
        for metric in metrics:
            cell = _figure(row.get(metric), metric)
            top = row.get(metric) is not None and row[metric] == best[metric]
            cells.append(replace(cell, style="best") if top else cell)
        rows.append([*cells, *(_figure(row.get(name), name) for name in costs)])
    columns = [
        Column("parser"),
        Column("sets", number=True),
        Column("failed", number=True),
        *(Column(m, number=True, title=_MEANING.get(m, "")) for m in metrics),
        *(Column(_COSTS[name], number=True, title=_MEANING.get(name, "")) for name in costs),
    ]
    return table(columns, rows)


def _published(rows: Sequence[Mapping[str, Any]]) -> Markup:
    columns = [
        Column("parser"),
        Column("system"),
        Column("edition"),
        *(Column(m, number=True) for m in _MAIN),
        Column("seconds", number=True, title="on the authors' machine"),
        Column("source"),
    ]
    cells = [
        [
            row["parser"],
            row["system"],
            row["edition"],
            *(Cell(shown(row[m]), row[m]) for m in _MAIN),
            Cell(shown(row["seconds"], "seconds"), row["seconds"]),
            row["source"],
        ]
        for row in rows
    ]
    return details(
        "Published figures for the same data sets, not measured here",
        [
            note(
                "From the tables of the Loghub-2.0 paper (ISSTA 2024) unless the source says "
                "'paper'; averages are over the 14 sets that could be run there."
            ),
            table(columns, cells),
        ],
        opened=len(rows) <= 40,
    )


def _per_set(results: Results, board: Sequence[Mapping[str, Any]], sets: Sequence[str]) -> Section:
    found = {(one.record.contestant, one.record.dataset): one for one in results.scored}
    parsers = [row["parser"] for row in board]
    parts = []
    for metric in (m for m in _MAIN if m in results.metrics):
        values = [
            [_value(found.get((parser, name)), metric) for name in sets] for parser in parsers
        ]
        parts.append(heat_map(parsers, sets, values, caption=metric))
    return Section("Per data set", parts, "A dash: not run. 0.00: failed, or nothing was right.")


def _cost(board: Sequence[Mapping[str, Any]]) -> Section:
    points = [
        Point(row["parser"], row["lines_per_cpu_s"], _mean(row), faint=bool(row["failed"]))
        for row in board
        if row.get("lines_per_cpu_s")
    ]
    memory = [Bar(row["parser"], row["peak_mb"]) for row in board if row.get("peak_mb") is not None]
    return Section(
        "Accuracy against cost",
        [
            scatter(
                points,
                x_title="lines per CPU-second (logarithmic)",
                y_title="mean of GA, FGA, PA, FTA",
                log_x=True,
                y_range=(0, 1),
                caption="Faint points: failed on some data set; their speed is of the others.",
            ),
            bar_chart(memory, caption="Peak memory, MB", digits=0),
        ],
        "Seconds are those of the parsing call; small logs flatter nobody, compare large ones.",
    )


def _slices(fine: Sequence[Scored]) -> Section:
    parsers = list(dict.fromkeys(one.record.contestant for one in fine))
    parts: list[Markup | str] = []
    for metric in ("GA", "FTA"):
        values = []
        for parser in parsers:
            runs = [one for one in fine if one.record.contestant == parser]
            values.append([_slice_mean(runs, name, metric) for name in SLICES])
        parts.append(
            heat_map(parsers, SLICES, values, caption=f"{metric}, mean over data sets that have it")
        )
    if len({one.record.dataset for one in fine}) == 1:
        parts += [_slice_table(one) for one in fine]
    return Section(
        "Rare and complex templates",
        parts,
        "The rarest and the most frequent 5, 10, 20 % of the true templates, and those with no, "
        "one to four, five or more variables.",
    )


def _slice_table(one: Scored) -> Markup:
    columns = [
        Column("slice"),
        Column("templates", number=True),
        Column("lines", number=True),
        *(Column(f"{m} [95 %]", number=True) for m in _MAIN),
    ]
    rows = []
    for name, part in one.slices.items():
        cells: list[object] = [name, part.templates, part.rows]
        for metric in _MAIN:
            interval = part.scores.get(metric)
            cells.append(
                "-"
                if interval is None
                else Cell(
                    f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]",
                    interval.value,
                )
            )
        rows.append(cells)
    return details(
        f"{one.record.contestant}: figures with intervals",
        [note("Whole templates are resampled, each with all its lines."), table(columns, rows)],
    )


def _variables(fine: Sequence[Scored]) -> Iterable[Section]:
    """Which kinds of variables are found, where the truth says of what kind each is."""
    known = [one for one in fine if one.variables]
    if not known:
        return
    names = [c for c in (*CATEGORIES, "all") if any(c in one.variables for one in known)]
    parsers = list(dict.fromkeys(one.record.contestant for one in known))
    values: list[list[float | None]] = []
    for parser in parsers:
        runs = [one.variables for one in known if one.record.contestant == parser]
        values.append([_found_share(runs, name) for name in names])
    yield Section(
        "Variables found, by category",
        [
            heat_map(parsers, names, values),
            note(
                "OID object id, LOI location, OBN object name, TID type, SID switch, TDA time or "
                "duration, CRS computing resource, OBA amount, STC status code, OTP other (Li et "
                "al., ICSE 2023). Found: the prediction has a variable with exactly these ends."
            ),
        ],
        "Over the data sets whose templates say of what category each variable is.",
    )


def _found_share(runs: Sequence[Mapping[str, VariableScore]], name: str) -> float | None:
    total = sum(run[name].variables for run in runs if name in run)
    return sum(run[name].found for run in runs if name in run) / total if total else None


def _editions(results: Results) -> Iterable[Section]:
    """What the edition of the truth alone does to a mean."""
    sums: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in results.editions:
        sums.setdefault((row["parser"], row["edition"]), []).append(row)
    if not sums:
        return
    rows = [
        [parser, edition, len(found), *(math.fsum(r[m] for r in found) / len(found) for m in _MAIN)]
        for (parser, edition), found in sums.items()
    ]
    columns = [
        Column("parser"),
        Column("templates of"),
        Column("systems", number=True),
        *(Column(m, number=True) for m in _MAIN),
    ]
    yield Section(
        "Editions of the truth",
        [table(columns, rows)],
        "The same output, scored against each edition of the templates of the same lines. Only "
        "figures of one edition can be compared.",
    )


def _runs(results: Results) -> Section:
    metrics = [m for m in (*_MAIN, "strict_FTA", "match") if m in results.metrics]
    rows = []
    for one in results.scored:
        record = one.record
        style = "" if record.ok else "muted" if not record.counts else "bad"
        says = "; ".join(filter(None, (record.error, *one.notes)))
        rows.append(
            [
                record.contestant,
                record.dataset,
                Cell(record.status, style=style),
                *(_figure(one.scores.get(m), m) for m in metrics),
                _figure(one.templates or None, "templates"),
                _figure(one.true_templates or None, "templates"),
                _figure(record.cpu_s if record.ok else None, "cpu_s"),
                _figure(record.peak_mb if record.ok else None, "peak_mb"),
                says,
            ]
        )
    columns = [
        Column("parser"),
        Column("data set"),
        Column("status"),
        *(Column(m, number=True, title=_MEANING.get(m, "")) for m in metrics),
        Column("templates", number=True),
        Column("true", number=True),
        Column("CPU s", number=True),
        Column("peak MB", number=True),
        Column("what happened", text=True),
    ]
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Section("Every run", [table(columns, rows)])


def _mistakes(results: Results, fine: Sequence[Scored], top: int) -> Section:
    parts: list[Markup | str] = []
    for one in fine:
        case = results.cases.get(one.record.dataset)
        if case is None:
            continue
        wrong, missed = wrong_templates(
            results.run_folder(one.record), case, top=top, template_style=results.template_style
        )
        name = f"{one.record.contestant} on {one.record.dataset}"
        summary = f"{name}: {missed:,} of {one.true_templates:,} templates missed"
        if not wrong:
            parts.append(paragraph(f"{name}: every template is right."))
            continue
        inside: list[Markup | str] = [_wrong_table(wrong)]
        if missed > len(wrong):
            inside.insert(0, note(f"The {len(wrong)} that concern most lines."))
        parts.append(details(summary, inside, opened=len(fine) == 1))
    return Section(
        "What to mend",
        parts,
        "For each template that was missed: what was expected, what was given, and a line of it. "
        "'+n' are lines of other templates under the same text.",
    )


def _wrong_table(wrong: Sequence[Wrong]) -> Markup:
    columns = [
        Column("lines", number=True),
        Column("mistake"),
        Column("expected, given, example"),
    ]
    rows = []
    for one in wrong:
        given: list[list[object]] = [
            ["expected", Cell(f"{one.rows:,}", one.rows), code(one.expected)]
        ]
        for g in one.given:
            others = f" +{g.others:,}" if g.others else ""
            given.append(["given", Cell(f"{g.rows:,}{others}", g.rows), code(g.text)])
        if one.texts > len(one.given):
            given.append(["", "", f"and {one.texts - len(one.given):,} other texts"])
        given.append([f"line {one.line_no:,}", "", code(one.example[:600])])
        columns_inside = [Column(""), Column("lines", number=True), Column("text")]
        inner = table(columns_inside, given, sortable=False, heads=False)
        rows.append([Cell(f"{one.wrong_rows:,}", one.wrong_rows), _KINDS[one.kind], Cell(inner)])
    return table(columns, rows)


def _meaning(results: Results) -> Section:
    rows = [[m, _MEANING[m]] for m in (*results.metrics, "cpu_s", "peak_mb") if m in _MEANING]
    return Section(
        "How this was measured",
        [
            paragraph(
                "Each parser ran on each log in a process of its own, with limits of time and "
                "memory. It was given the messages, headers cut off, and answered with groups and "
                "templates. Predicted text is compared as it is, as the published evaluator does, "
                "unless another style is named above; then it is applied to every parser alike."
            ),
            table([Column("column"), Column("what it is")], rows),
        ],
    )


def _value(one: Scored | None, metric: str) -> float | None:
    return None if one is None or not one.record.counts else one.scores.get(metric)


def _mean(row: Mapping[str, Any]) -> float:
    values = [row[m] for m in _MAIN if row.get(m) is not None]
    return math.fsum(values) / len(values) if values else math.nan


def _slice_mean(runs: Sequence[Scored], name: str, metric: str) -> float | None:
    found = [
        run.slices[name].scores[metric].value
        for run in runs
        if name in run.slices and metric in run.slices[name].scores
    ]
    return math.fsum(found) / len(found) if found else None


def _figure(value: float | None, name: str) -> Cell:
    return Cell(shown(value, name), "" if value is None else value)


def _failed(count: int) -> Cell:
    return Cell(str(count), count, "bad" if count else "muted")
