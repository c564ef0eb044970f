"""What rules of the parser `iterative` are worth, alone and on systems that did not choose them.

For every rule, and for every group of rules of one kind, the scores without it: on `2k` per
system; for rules of print the means of the other collections. Then *leave one system out* (LOSO):
for each of the fourteen systems only those units of rules are used that do the other thirteen good
(the sum over these of GA, FGA, PA and FTA, a unit taken away alone), and the system is scored with
them. A unit is a kind of variables or evidence, or a single rule, whatever can be switched off.

By single rules this is harder than life: a plain type that one system alone has is lost, a rule
that does the others neither good nor harm is, too, and of two rules that stand in for each other
both are, because neither is missed alone. So a rule that is there as a reserve counts for nothing
here; what counts is that the rules which others need do the work. `single_rules` are the units,
finer than those of the prototype whose figures are the target. `weakest` says the opposite: for
each system, the one rule whose absence costs it most, with all others in use.

    python -m benchmarks.ablation --json OUT.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy import METRICS, Scores, mean, score
from benchmarks.truths import collection
from logpipe.export.styles import STYLE_RULES
from logpipe.parsers.iterative.grouping import GROUP_RULES
from logpipe.parsers.iterative.mask_rules import RULES

__all__ = ["KINDS", "left_out", "main", "single_rules", "weakest", "without"]

KINDS: Mapping[str, Sequence[str]] = {
    "numbers": ("number", "negative", "hex", "size", "duration", "less-than", "quantities"),
    "times": (*("ctime", "iso-time", "clock", "minutes", "date", "date-slash"), "times-in-parts"),
    "addresses": (
        *("uuid", "mac", "ipv6", "pci", "ip", "email", "message-id"),
        *("host", "host-port", "name-before-address", "named-host"),
    ),
    "paths": (
        *("url", "path", "windows-path", "windows-path-with-blanks", "relative-path"),
        *("request", "quoted-request", "protocol"),
    ),
    "ids": (
        *("version", "joined-id", "id-starts-with-digit", "id-three-digits", "flag"),
        *("digit-words", "lists", "series"),
    ),
    "coded bytes": ("json-token", "base64", "padded-base64", "bytes-as-hex"),
    "statements": ("sql", "quoted-sql"),
    "word slots": ("word-slots", "rare-slots", "recurring", "covered", "crossed"),
    "context slots": (
        *("keyword-slots", "equals-slots", "quoted-slots", "enclosed-text", "records"),
        *("no-value", "absent-values"),
    ),
    "heavy slots": ("heavy-slots", "heavy-shapes", "shapes"),
    "names": ("name-slots-first", "identifier-slots"),
    "tokens": ("whole-tokens", "pairs", "echoes"),
    "similar": ("similar", "similar-identifiers"),
    "composition": (
        *("fuse", "empty-values", "runs", "short-runs", "repeats", "dense"),
        *("light-remarks", "drop-remarks"),
    ),
}
"""Every rule, by kind; those of print in the style of the full sets have no part in `2k`."""

_GAIN = 1e-9


def without(rules: Sequence[str], name: str = "2k") -> dict[str, Scores]:
    """The scores of a collection without some rules."""
    return {truth.name: score(truth, rules) for truth in collection(name)}


def _gain(full: Scores, less: Scores) -> float:
    return sum(full) - sum(less)


def left_out(
    full: Mapping[str, Scores], units: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Any], dict[str, Scores], dict[str, tuple[str, Scores]]]:
    """What units of rules are worth, each system's scores with what helps others, `weakest`.

    Args:
        full: scores per system with all rules.
        units: names of rules per unit.
    """
    less = {unit: without(rules) for unit, rules in units.items()}
    rows: dict[str, Scores] = {}
    for truth in collection("2k"):
        off = [
            rule
            for unit, rules in units.items()
            for rule in rules
            if sum(_gain(full[s], less[unit][s]) for s in full if s != truth.name) <= _GAIN
        ]
        rows[truth.name] = score(truth, off)
    worth = {
        unit: {
            "mean": _minus(mean(list(full.values())), mean(list(found.values()))),
            "helps": [s for s in full if _gain(full[s], found[s]) > _GAIN],
            "harms": [s for s in full if _gain(full[s], found[s]) < -_GAIN],
        }
        for unit, found in less.items()
    }
    return worth, rows, weakest(full, less)


def single_rules() -> dict[str, tuple[str, ...]]:
    """Every rule that can change `2k`, as a unit of its own."""
    names = [*(rule.name for rule in RULES), "lists", "quantities", *GROUP_RULES]
    return {name: (name,) for name in (*names, "times-in-parts", "drop-remarks")}


def weakest(
    full: Mapping[str, Scores], less: Mapping[str, Mapping[str, Scores]]
) -> dict[str, tuple[str, Scores]]:
    """Per system, the unit without which it scores lowest, and the scores then.

    Args:
        full: scores per system with all rules.
        less: unit -> scores per system without it.
    """
    worst = {s: min(less, key=lambda unit: (sum(less[unit][s]), unit)) for s in full}
    return {s: (unit, less[unit][s]) for s, unit in worst.items()}


def _minus(a: Scores, b: Scores) -> list[float]:
    return [round(x - y, 4) for x, y in zip(a, b, strict=True)]


def main(arguments: list[str] | None = None) -> None:
    """Prints what rules are worth and the scores with systems left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write everything here")
    options = parser.parse_args(arguments)
    full = without(())
    out: dict[str, Any] = {"all rules": full}
    for title, units in (("kinds", KINDS), ("rules", single_rules())):
        worth, rows, weak = left_out(full, units)
        means = mean(list(rows.values()))
        out[title] = {"worth": worth, "left out": rows, "mean": means, "weakest": weak}
        print(f"Worth of {title}: {' '.join(METRICS)} in thousandths; systems helped, harmed")
        for unit, found in worth.items():
            figures = " ".join(f"{1000 * value:+6.1f}" for value in found["mean"])
            print(f"  {unit:22} {figures}  {len(found['helps']):2} {len(found['harms']):2}")
        print(f"Leave one system out, by {title}: ", end="")
        print(" ".join(f"{value:.3f}" for value in means))
        print(f"Without the one of these {title} that a system needs most:")
        for system, (unit, scores) in weak.items():
            print(f"  {system:12} {unit:22} " + " ".join(f"{value:.3f}" for value in scores))
    style = {
        rule: {
            name: _minus(
                mean(list(without((), name).values())), mean(list(without((rule,), name).values()))
            )
            for name in ("df", "full")
        }
        for rule in STYLE_RULES
    }
    out["print"] = style
    print("Worth of rules of print: df, full")
    for rule, found in style.items():
        rows_text = "  ".join(" ".join(f"{1000 * v:+6.1f}" for v in row) for row in found.values())
        print(f"  {rule:22} {rows_text}")
    if options.json:
        options.json.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
