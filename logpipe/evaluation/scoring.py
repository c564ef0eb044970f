"""From the kept output of a run to figures; a run of any age is scored by the code that is here.

One row per slice: `all` has every metric, the others the official eight. A run that is not ok has
the row `all` only, its figures are 0 and its distances empty: a parser that fails on a hard set
must not profit from it. A data set that could not be had, and a disabled parser, have no figures.

The official evaluator compares the predicted text as it is. `template_style` brings all predictions
alike to a style first, whoever made them; the truth is never touched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from logpipe.errors import UsageError
from logpipe.evaluation.cases import Case
from logpipe.evaluation.columns import read_messages, read_truth
from logpipe.evaluation.runs import Record
from logpipe.metrics import (
    OFFICIAL,
    Coded,
    Contingency,
    SliceScore,
    Variable,
    VariableScore,
    contingency_table,
    extended,
    group_id_accuracy,
    official,
    pmss,
    slices,
    slot_spans,
    style,
    template_match,
    variable_accuracy,
)
from logpipe.template import readable

__all__ = ["METRICS", "Scored", "chosen_metrics", "official_against", "score", "style_of"]

EXTENDED = (
    *("strict_PTA", "strict_RTA", "strict_FTA", "pair_precision", "pair_recall", "pair_F"),
    *("ED", "NED", "GGD", "PGD"),
)
OTHERS = ("group_GA", "match", "PMSS")
METRICS = (*OFFICIAL, *EXTENDED, *OTHERS)
"""Every metric of a row: the official eight; those of `logpipe.metrics.extended`; GA on the
parser's group ids, the share of messages that their template matches, PMSS."""

DISTANCES = ("ED", "GGD", "PGD")
"""Lower is better, and nothing stands for a failure."""

_SETS = {"official": OFFICIAL, "extended": (*OFFICIAL, *EXTENDED), "all": METRICS}
_DEFAULT = (*OFFICIAL, *EXTENDED, "group_GA", "match")

_SAMPLE = 20_000
"""Rows looked at for `match` and variables, evenly spaced, where there are more."""

_PMSS_SAMPLE = 2_000
"""The same for PMSS, which measures distances between texts."""


@dataclass(frozen=True)
class Scored:
    """A run and its figures.

    Attributes:
        record: of the run.
        scores: metric -> value over all rows; 0 for a run that failed, empty for one that does not
            count.
        slices: name -> figures with intervals; empty unless the run is ok.
        variables: category -> how many of its variables were found, and "all"; empty where the
            data set does not say of what category a variable is.
        templates: distinct predicted texts; 0 unless ok.
        true_templates: distinct true ones.
        notes: of the record, and what scoring noticed.
    """

    record: Record
    scores: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, SliceScore] = field(default_factory=dict)
    variables: Mapping[str, VariableScore] = field(default_factory=dict)
    templates: int = 0
    true_templates: int = 0
    notes: tuple[str, ...] = ()


def chosen_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """Metrics by name, in their fixed order; `official`, `extended` and `all` are sets of them.

    Args:
        names: as given, commas allowed; none: all but PMSS, which takes the longest.

    Raises:
        UsageError: there is no such metric.

    >>> chosen_metrics(["FTA,GA"])
    ('GA', 'FTA')
    """
    wanted: set[str] = set()
    known = {name.lower(): name for name in METRICS}
    for name in (part.strip() for text in names for part in text.split(",")):
        if name.lower() in _SETS:
            wanted |= set(_SETS[name.lower()])
        elif name.lower() in known:
            wanted.add(known[name.lower()])
        elif name:
            raise UsageError(
                f"--metrics: there is no metric {name!r}; known: {', '.join([*_SETS, *METRICS])}"
            )
    return tuple(name for name in METRICS if name in (wanted or _DEFAULT))


def style_of(template_style: str, case: Case) -> str:
    """The style that predictions are brought to: `truth` is that of the case's templates."""
    return case.wanted.truth_style if template_style == "truth" else template_style


def score(
    record: Record,
    case: Case | None,
    folder: Path,
    *,
    metrics: Sequence[str] = _DEFAULT,
    template_style: str = "exact",
    resamples: int = 1000,
) -> Scored:
    """The figures of a run.

    Args:
        record: of the run.
        case: what it ran on; may be None unless the run is ok.
        folder: of the run.
        metrics: which, of `METRICS`.
        template_style: `exact`, `truth` or a name of `logpipe.metrics.STYLES`, for predictions.
        resamples: for the intervals of the slices.
    """
    if not record.ok or case is None:
        nothing = {name: 0.0 for name in metrics if name not in DISTANCES}
        return Scored(record, nothing if record.counts else {}, notes=record.notes)
    predicted, groups = _output(folder / "output.parquet")
    truth = _coded(read_truth(case.truth))
    table = _styled(contingency_table(truth, predicted), style_of(template_style, case))
    found: dict[str, float] = {
        **(extended(table) if set(metrics) & {*EXTENDED} else official(table))
    }
    if groups is not None and "group_GA" in metrics:
        found["group_GA"] = group_id_accuracy(truth, groups)
    notes = [*record.notes]
    if table.null_rows:
        notes.append(f"{table.null_rows:,} rows have no true template")
    empty = int(np.count_nonzero(predicted.codes < 0))
    if empty:
        notes.append(f"the parser gave no template for {empty:,} lines")
    if {"match", "PMSS"} & {*metrics}:
        rows, texts = _sample(case, predicted)
        if "match" in metrics:
            found["match"] = template_match(rows, texts)
            if found["match"] < 0.5:
                notes.append(_misfit(rows, texts, found["match"]))
        if "PMSS" in metrics:
            every = max(1, -(-len(rows) // _PMSS_SAMPLE))
            found["PMSS"] = pmss(rows[::every], texts[::every])
    return Scored(
        record,
        {name: found[name] for name in metrics if name in found},
        slices(table, resamples=resamples),
        _variables(case, predicted),
        len(table.predicted_labels),
        len(table.true_labels),
        tuple(notes),
    )


def official_against(folder: Path, truth: Path) -> dict[str, float]:
    """The official figures of a run against another edition of the truth, as it is."""
    return official(_coded(read_truth(truth)), _output(folder / "output.parquet")[0])


def contingency(folder: Path, case: Case, template_style: str = "exact") -> Contingency:
    """The table behind the figures of a run."""
    table = contingency_table(_coded(read_truth(case.truth)), _output(folder / "output.parquet")[0])
    return _styled(table, style_of(template_style, case))


def _styled(table: Contingency, name: str) -> Contingency:
    return table if name == "exact" else table.restyle(None, style(name))


def _output(path: Path) -> tuple[Coded, NDArray[Any] | None]:
    table = parquet.read_table(path, read_dictionary=["template"])
    templates = table.column("template").combine_chunks()
    if isinstance(templates, pa.ChunkedArray):
        templates = templates.unify_dictionaries().chunk(0)
    groups = table.column("group").to_numpy() if "group" in table.column_names else None
    return _coded(templates), groups


def _coded(column: pa.DictionaryArray) -> Coded:
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Coded(codes, column.dictionary.to_pylist())


def _sample(case: Case, predicted: Coded) -> tuple[list[str], list[str | None]]:
    messages = read_messages(case.messages)
    step = max(1, -(-len(messages) // _SAMPLE))
    rows = range(0, len(messages), step)
    codes = predicted.codes[::step].tolist()
    texts = [None if code < 0 else str(predicted.labels[code]) for code in codes]
    return [readable(messages[i]) for i in rows], texts


def _variables(case: Case, predicted: Coded) -> dict[str, VariableScore]:
    """The variables found, by category; spans come from matching message and template text."""
    categories: dict[str, list[str]] = {}
    if case.categories.is_file():
        categories = json.loads(case.categories.read_text("utf-8"))
    if not categories:
        return {}
    rows, texts = _sample(case, predicted)
    truth = _coded(read_truth(case.truth))
    step = max(1, -(-len(truth.codes) // _SAMPLE))
    true_rows: list[list[Variable] | None] = []
    found_rows: list[list[Variable] | None] = []
    for message, text, code in zip(rows, texts, truth.codes[::step].tolist(), strict=True):
        expected = str(truth.labels[code]) if code >= 0 else None
        spans = None if expected is None else slot_spans(message, expected)
        if spans is None or expected is None:
            true_rows.append(None)
            found_rows.append(None)
            continue
        kinds = categories.get(expected, [""] * len(spans))
        true_rows.append([Variable(*ends, k) for ends, k in zip(spans, kinds, strict=True)])
        given = None if text is None else slot_spans(message, text)
        found_rows.append([Variable(*ends) for ends in given or ()])
    return variable_accuracy(true_rows, found_rows)


def _misfit(messages: list[str], texts: list[str | None], share: float) -> str:
    """What to say when templates do not match: maybe they match another line."""
    order = np.random.default_rng(0).permutation(len(messages))[:50].tolist()
    known = list(dict.fromkeys(text for text in texts if text is not None and text != "<*>"))[:2000]
    elsewhere = 0
    for i in order:
        own = texts[i]
        if own is None or template_match([messages[i]], [own]):
            continue
        elsewhere += any(template_match([messages[i]], [text]) for text in known)
    found = f"only {share:.1%} of the messages match the template given for them"
    if elsewhere > len(order) / 4:
        return f"{found}, but many match that of another line: were lines reordered?"
    return found
