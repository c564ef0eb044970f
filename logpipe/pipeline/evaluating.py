"""Evaluation as a plain function: parsers x data sets, each run kept, scored, and shown.

The output folder:

    evaluation.json                     what was asked for, so that it can be scored and shown again
    cases/<data set>/                   messages and true templates
    runs/<parser>/<data set>/           record.json, output.parquet, printed.txt
    scores.csv, scores.json             a row per parser, data set and slice
    leaderboard.csv, tables.md, tables.tex
    published.csv                       what others printed for the same data sets
    editions.csv                        the same output against each edition of the templates
    variables.csv                       variables found, by category, where the truth has categories
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from logpipe import datasets
from logpipe.errors import InputError, LogpipeError, OutputError, UsageError
from logpipe.evaluation import tables
from logpipe.evaluation.cases import Case, Wanted, edition_name, editions_of, prepare, resolve
from logpipe.evaluation.contestants import Contestant, choose, load_contestants
from logpipe.evaluation.published import published_for
from logpipe.evaluation.runs import Record, folder_name, perform, read_record
from logpipe.evaluation.scoring import Scored, chosen_metrics, official_against, score
from logpipe.evaluation.supervise import Limits, Stopped
from logpipe.metrics import STYLES
from logpipe.pipeline.parsing import default_threads

__all__ = ["Evaluation", "default_folder", "evaluate", "load_evaluation"]

FORMAT = 1
_MARK = "evaluation.json"
_PRINTED = ("GA", "FGA", "PA", "FTA")


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        folder: where everything is kept.
        metrics: of the rows, in order.
        template_style: that predictions were brought to.
        scored: one for each contestant and data set, contestant by contestant.
        cases: data set -> case, of those that could be had.
        editions: rows of editions.csv.
        notes: sentences for whoever reads the figures.
    """

    folder: Path
    metrics: tuple[str, ...]
    template_style: str
    scored: tuple[Scored, ...]
    cases: Mapping[str, Case]
    editions: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of scores.csv."""
        return tables.score_rows(self.scored, self.metrics, self.template_style)

    @property
    def leaderboard(self) -> list[dict[str, Any]]:
        """A row per parser."""
        return tables.leaderboard(self.scored, self.metrics)

    @property
    def published(self) -> list[dict[str, Any]]:
        """What others printed for these data sets."""
        sets = {(case.wanted.system, case.wanted.edition) for case in self.cases.values()}
        return tables.published_rows(published_for(sets))

    def run_folder(self, record: Record) -> Path:
        """Where a run is kept."""
        return _run_folder(self.folder, record.contestant, record.dataset)


def evaluate(
    parsers: Iterable[str] = (),
    names: Iterable[str] = ("sample",),
    *,
    folder: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = (),
    template_style: str = "exact",
    contestants: str | Path | None = None,
    limits: Limits | None = None,
    jobs: int | None = None,
    retry: bool = False,
    again: bool = False,
    mirror: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Evaluation:
    """Runs parsers on data sets with known templates, scores them, and writes the folder.

    Args:
        parsers: entries of contestants.yaml, registered parsers, `package.module:Class`, `all`;
            none: every entry that can run here.
        names: data sets, groups, `all`, or CSV files with `Content` and `EventTemplate`.
        folder: of the results; default: `results/evaluate` in the home of logpipe. What is there is
            used again as far as nothing that it depends on has changed.
        parameters: for a single parser.
        metrics: see `chosen_metrics`.
        template_style: brings predictions to a style before they are compared: `exact` leaves them
            as they are, as the official evaluator does; `truth` is the style of each set's truth.
        contestants: a file in place of contestants.yaml.
        limits: of each run.
        jobs: runs at a time; default: one per processor.
        retry: runs that were not ok are done again.
        again: all runs are done again.
        mirror: searched for data sets first.
        progress: called after each run with the number done, the number in all, and a sentence.

    Raises:
        UsageError, UnknownNameError, InputError, OutputError: the request is wrong. What goes wrong
            in a run, or with a data set, is in its row instead.
    """
    wanted_metrics = chosen_metrics(metrics)
    if template_style not in (*STYLES, "truth"):
        raise UsageError(
            f"there is no template style {template_style!r}; known: {', '.join([*STYLES, 'truth'])}"
        )
    chosen = choose(parsers, load_contestants(contestants), parameters)
    wanted, notes = resolve(names, mirror=mirror)
    if not wanted:
        raise UsageError("there is no data set to score on; " + ("; ".join(notes) or "name one"))
    root = _prepared(Path(folder) if folder is not None else default_folder())
    cases: dict[str, Case] = {}
    missing: dict[str, str] = {}
    for one in wanted:
        try:
            cases[one.name] = prepare(one, _case_folder(root, one.name), mirror=mirror)
        except LogpipeError as error:
            missing[one.name] = str(error)
    _write(root / _MARK, _asked(wanted_metrics, template_style, chosen, wanted, notes))
    runs = _Runs(root, limits or Limits(), retry, again, progress)
    records = runs.all(chosen, wanted, cases, missing, jobs or default_threads())
    scored = tuple(
        score(
            record,
            cases.get(record.dataset),
            _run_folder(root, record.contestant, record.dataset),
            metrics=wanted_metrics,
            template_style=template_style,
        )
        for record in records
    )
    found = Evaluation(root, wanted_metrics, template_style, scored, cases, notes=tuple(notes))
    found = replace(found, editions=tuple(_editions(found, mirror)))
    _write_tables(found)
    return found


def load_evaluation(
    folder: str | Path,
    *,
    metrics: Sequence[str] = (),
    template_style: str | None = None,
    mirror: str | None = None,
    write: bool = False,
) -> Evaluation:
    """What is kept in a folder, scored anew from the output of its runs; nothing is run.

    Args:
        folder: of an earlier `evaluate`.
        metrics: default: those of then.
        template_style: default: that of then.
        mirror: searched for the editions of the templates.
        write: the tables of the folder are written anew, and its metrics and style are these.

    Raises:
        InputError: it is no such folder.
    """
    root = Path(folder)
    asked = _read_mark(root)
    if asked is None:
        raise InputError(f"{root}: there is no {_MARK}; expected what `logpipe evaluate -o` wrote")
    wanted_metrics = chosen_metrics(metrics or asked["metrics"])
    style = template_style or str(asked["template_style"])
    catalogue = datasets.load()
    cases: dict[str, Case] = {}
    scored = []
    for name in asked["datasets"]:
        place = _case_folder(root, name)
        record_file = place / "digest"
        if record_file.is_file():
            known = catalogue.get(name)
            own = None if known is not None else Path(name)
            cases[name] = Case(
                Wanted(name, known, own), place, 0, 0, record_file.read_text("utf-8")
            )
    for contestant in asked["contestants"]:
        for name in asked["datasets"]:
            place = _run_folder(root, contestant, name)
            record = read_record(place)
            if record is None:
                continue
            scored.append(
                score(
                    record,
                    cases.get(name),
                    place,
                    metrics=wanted_metrics,
                    template_style=style,
                )
            )
    notes = tuple(asked.get("notes", ()))
    found = Evaluation(root, wanted_metrics, style, tuple(scored), cases, notes=notes)
    found = replace(found, editions=tuple(_editions(found, mirror)))
    if write:
        _write(root / _MARK, {**asked, "metrics": wanted_metrics, "template_style": style})
        _write_tables(found)
    return found


class _Runs:
    """All runs, some at a time."""

    def __init__(
        self,
        root: Path,
        limits: Limits,
        retry: bool,
        again: bool,
        progress: Callable[[int, int, str], None] | None,
    ) -> None:
        self._root = root
        self._limits = limits
        self._retry = retry
        self._again = again
        self._progress = progress
        self._stop = threading.Event()
        self._done = 0

    def all(
        self,
        chosen: Sequence[Contestant],
        wanted: Sequence[Wanted],
        cases: Mapping[str, Case],
        missing: Mapping[str, str],
        jobs: int,
    ) -> list[Record]:
        """The record of each, contestant by contestant."""
        places = [(contestant, one) for contestant in chosen for one in wanted]
        records: dict[int, Record] = {}
        waiting: dict[Future[tuple[Record, bool]], int] = {}
        with ThreadPoolExecutor(jobs) as pool:
            for i, (contestant, one) in enumerate(places):
                if contestant.disabled:
                    records[i] = self._unrun(contestant, one, "disabled", contestant.disabled)
                elif one.name in missing:
                    records[i] = self._unrun(contestant, one, "no-data", missing[one.name])
                else:
                    waiting[pool.submit(self._one, contestant, cases[one.name])] = i
            self._done = len(records)
            try:
                while waiting:
                    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                        i = waiting.pop(future)
                        records[i], ran = future.result()
                        self._done += 1
                        self._say(records[i], ran, len(places))
            except BaseException:
                self._stop.set()
                for future in waiting:
                    future.cancel()
                raise
        return [records[i] for i in range(len(places))]

    def _one(self, contestant: Contestant, case: Case) -> tuple[Record, bool]:
        if self._stop.is_set():
            raise Stopped
        return perform(
            contestant,
            case,
            _run_folder(self._root, contestant.name, case.wanted.name),
            self._limits,
            retry=self._retry,
            again=self._again,
            stop=self._stop,
        )

    def _say(self, record: Record, ran: bool, total: int) -> None:
        if self._progress is None:
            return
        how = f"{record.cpu_s:.2f} s" if record.ok else f"{record.status}: {record.error}"
        kept = "" if ran else " (kept)"
        self._progress(self._done, total, f"{record.contestant} on {record.dataset}: {how}{kept}")

    def _unrun(self, contestant: Contestant, one: Wanted, status: Any, why: str) -> Record:
        record = Record(
            key="",
            contestant=contestant.name,
            dataset=one.name,
            system=one.system,
            edition=one.edition,
            parser=contestant.parser,
            parameters={},
            status=status,
            error=why,
        )
        place = _run_folder(self._root, contestant.name, one.name)
        # A run of another time, when it could be run, is worth more than this.
        if read_record(place) is None:
            place.mkdir(parents=True, exist_ok=True)
            _write(place / "record.json", asdict(record))
        return record


def _editions(found: Evaluation, mirror: str | None) -> Iterable[dict[str, Any]]:
    """Each run against each edition of its templates that is on this machine."""
    here: set[str] | None = None
    known: dict[str, Case] = {}
    for one in found.scored:
        case = found.cases.get(one.record.dataset)
        if not one.record.ok or case is None:
            continue
        for edition in editions_of(case.wanted):
            here = set(datasets.available(mirror=mirror)) if here is None else here
            if edition.name not in here:
                continue
            try:
                if edition.name not in known:
                    place = _case_folder(found.folder, edition.name)
                    known[edition.name] = prepare(edition, place, mirror=mirror)
                other = known[edition.name]
                figures = official_against(found.run_folder(one.record), other.truth)
            except (LogpipeError, ValueError):
                continue
            yield {
                "parser": one.record.contestant,
                "system": one.record.system,
                "edition": edition_name(edition),
                **figures,
            }


def _write_tables(found: Evaluation) -> None:
    rows, board, printed = found.rows, found.leaderboard, found.published
    _text(found.folder / "scores.csv", tables.csv_text(rows, tables.columns(found.metrics)))
    _text(found.folder / "leaderboard.csv", tables.csv_text(board))
    _text(found.folder / "published.csv", tables.csv_text(printed))
    _text(found.folder / "variables.csv", tables.csv_text(tables.variable_rows(found.scored)))
    _text(found.folder / "editions.csv", tables.csv_text(found.editions))
    _write(
        found.folder / "scores.json",
        {"leaderboard": board, "scores": rows, "published": printed, "notes": found.notes},
    )
    few = [name for name in (*_PRINTED, "strict_FTA") if name in found.metrics]
    names = ["parser", "sets", "failed", *few, "cpu_s", "peak_mb", "lines_per_cpu_s"]
    whole = [row for row in rows if row["slice"] == "all"]
    each = ["parser", "dataset", "status", *few, "cpu_s", "peak_mb"]
    figures = ["parser", "system", "edition", *_PRINTED, "source"]
    _text(
        found.folder / "tables.md",
        "Means over the data sets; a failed run counts as 0.\n\n"
        + tables.markdown_table(board, names)
        + "\nPer data set:\n\n"
        + tables.markdown_table(whole, each)
        + ("\nPublished, not measured here:\n\n" if printed else "")
        + (tables.markdown_table(printed, figures) if printed else ""),
    )
    _text(
        found.folder / "tables.tex",
        tables.latex_table(board, names, "Means over the data sets; a failed run counts as 0.")
        + "\n"
        + tables.latex_table(whole, each, "Scores per data set.")
        + (
            "\n" + tables.latex_table(printed, figures, "Published figures, not measured here.")
            if printed
            else ""
        ),
    )


def default_folder() -> Path:
    """Where results go that were given no place."""
    return datasets.Home().folder / "results" / "evaluate"


def _prepared(folder: Path) -> Path:
    """A folder that is new, empty, or of an earlier evaluation."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = _read_mark(folder) is None and any(folder.iterdir())
    except OSError as error:
        raise OutputError(f"cannot use {folder} for results: {error.strerror}") from None
    if foreign:
        raise OutputError(
            f"{folder} holds something else than an evaluation; name a new folder with -o"
        )
    return folder


def _asked(
    metrics: Sequence[str],
    template_style: str,
    chosen: Sequence[Contestant],
    wanted: Sequence[Wanted],
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "metrics": list(metrics),
        "template_style": template_style,
        "contestants": [contestant.name for contestant in chosen],
        "datasets": [one.name for one in wanted],
        "notes": list(notes),
    }


def _read_mark(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / _MARK).read_text("utf-8"))
        expected = ("metrics", "template_style", "contestants", "datasets")
        return found if found["format"] == FORMAT and all(k in found for k in expected) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _case_folder(root: Path, name: str) -> Path:
    return root / "cases" / folder_name(name)


def _run_folder(root: Path, contestant: str, dataset: str) -> Path:
    return root / "runs" / folder_name(contestant) / folder_name(dataset)


def _write(path: Path, value: object) -> None:
    _text(path, json.dumps(value, indent=1, default=str) + "\n")


def _text(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_text(text, "utf-8", newline="\n")
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
