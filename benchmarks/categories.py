"""How often the category of a slot is right, on slots labelled by hand (benchmarks/truth).

`python -m benchmarks.categories` prints precision, recall and F1 per category, the accuracy over
slots and over templates with every slot right; systems that are held out from tuning apart.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.truths import collection, mirror
from logpipe.parsers.iterative.categories import Category, categorise

__all__ = ["HELD_OUT", "Slot", "main", "scores", "slots"]

HELD_OUT = ("Hadoop", "Mac", "Zookeeper", "Android", "Windows")
"""Systems whose labels nobody looks at while the rules are made."""

TRUTH = Path(__file__).parent / "truth" / "slot_categories.csv"


@dataclass(frozen=True)
class Slot:
    """A labelled slot, and what the rules say."""

    system: str
    template: str
    index: int
    truth: str
    found: str


def slots(systems: Iterable[str] | None = None) -> Iterator[Slot]:
    """Every labelled slot of the systems."""
    with TRUTH.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["template"]]
    by_system: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_system[row["dataset"].rpartition("/")[2]].append(row)
    wanted = set(by_system if systems is None else systems)
    for system, labelled in by_system.items():
        if system not in wanted:
            continue
        texts = _texts(system)
        lines = _lines(system)
        for row in labelled:
            yield from _of_template(system, row, texts[row["template"]], lines)


def _texts(system: str) -> dict[str, str]:
    folder = mirror() / f"loghub-2k/{system}"
    khan = system in ("Android", "Windows")
    path = folder / ("corrected-khan" if khan else "loghub-2.0")
    file = path / f"{system}_2k.log_templates_corrected.csv"
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return {row["EventId"]: row["EventTemplate"] for row in csv.DictReader(opened)}


def _lines(system: str) -> dict[str, list[str]]:
    name = "validation" if system in ("Android", "Windows") else "2k"
    truth = next(t for t in collection(name) if t.name == system)
    lines: dict[str, list[str]] = defaultdict(list)
    for message, template in zip(truth.messages, truth.templates, strict=True):
        if len(lines[template]) < 50:
            lines[template].append(message)
    return lines


def _of_template(
    system: str, row: dict[str, str], text: str, lines: dict[str, list[str]]
) -> Iterator[Slot]:
    literals = text.split("<*>")
    pattern = re.compile(r"\s*" + "(.*?)".join(_blanks(part) for part in literals) + r"\s*", re.S)
    values: list[list[str]] = [[] for _ in literals[1:]]
    for line in lines.get(text, []):
        match = pattern.fullmatch(line)
        if match:
            for own, value in zip(values, match.groups(), strict=True):
                own.append(value)
    for index, truth in enumerate(row["categories"].split()):
        before, after = "<*>".join(literals[: index + 1]), "<*>".join(literals[index + 1 :])
        found = categorise(before, after, values[index])
        yield Slot(system, row["template"], index, truth, str(found))


def _blanks(text: str) -> str:
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))


def scores(found: Iterable[Slot]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support per category; accuracy under `slots` and `templates`."""
    pairs: Counter[tuple[str, str]] = Counter()
    templates: dict[tuple[str, str], bool] = defaultdict(lambda: True)
    for slot in found:
        pairs[slot.truth, slot.found] += 1
        templates[slot.system, slot.template] &= slot.truth == slot.found
    total = sum(pairs.values())
    table: dict[str, dict[str, float]] = {}
    for category in Category:
        hits = pairs[category, category]
        said = sum(n for (_, f), n in pairs.items() if f == category)
        is_so = sum(n for (t, _), n in pairs.items() if t == category)
        precision, recall = hits / said if said else 0.0, hits / is_so if is_so else 0.0
        both = precision + recall
        table[category] = {
            "precision": precision,
            "recall": recall,
            "F1": 2 * precision * recall / both if both else 0.0,
            "slots": is_so,
        }
    right = sum(n for (t, f), n in pairs.items() if t == f)
    table["all slots"] = {"accuracy": right / total if total else 0.0, "slots": total}
    whole = sum(templates.values())
    table["whole templates"] = {
        "accuracy": whole / len(templates) if templates else 0.0,
        "templates": len(templates),
    }
    return table


def main(arguments: list[str] | None = None) -> None:
    """Prints the scores; `--json OUT` writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the scores here")
    options = parser.parse_args(arguments)
    everything = list(slots())
    parts = {
        "used for tuning": scores(s for s in everything if s.system not in HELD_OUT),
        "held out": scores(s for s in everything if s.system in HELD_OUT),
    }
    for name, table in parts.items():
        print(name)
        for key, row in table.items():
            figures = "  ".join(
                f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()
            )
            print(f"  {key:16} {figures}")
    if options.json:
        options.json.write_text(json.dumps(parts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
