"""`logpipe detectors list`."""

from __future__ import annotations

import inspect

import click

from logpipe.cli.options import json_option
from logpipe.cli.tables import Column, print_json, print_table

__all__ = ["command"]


@click.group("detectors")
def command() -> None:
    """List the detectors that can be used."""


@command.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List the detectors that can be used, with what they look at, parameters and defaults.

    A detector of your own is found through the entry-point group logpipe.detectors, or given as
    package.module:Class; estimators of scikit-learn can be given as they are, for example
    sklearn.covariance:EllipticEnvelope.
    """
    from logpipe.anomaly import REGISTRY

    rows = [_row(name, REGISTRY.target(name)) for name in REGISTRY.names()]
    if as_json:
        print_json(rows)
        return 0
    print_table(
        [
            Column("detector"),
            Column("learns from"),
            Column("looks at"),
            Column("what it does", shrink=True),
            Column("parameters", shrink=True),
            Column("problem"),
        ],
        [
            [
                str(row["name"]),
                "labels" if row["supervised"] else "windows",
                str(row["features"]),
                str(row["about"]),
                ", ".join(f"{k}={v}" for k, v in row["parameters"].items()),  # type: ignore[attr-defined]
                str(row["problem"] or ""),
            ]
            for row in rows
        ],
    )
    return 0


def _row(name: str, target: str) -> dict[str, object]:
    """One detector; a plug-in that cannot be imported is listed with the reason."""
    from logpipe.anomaly import REGISTRY, parameters_of

    row: dict[str, object] = {
        "name": name,
        "class": target,
        "about": "",
        "supervised": False,
        "features": "counts",
        "parameters": {},
        "problem": None,
    }
    try:
        factory = REGISTRY.load(name)
        parameters = parameters_of(factory)
    except Exception as error:
        return {**row, "problem": f"{type(error).__name__}: {error}"}
    features = getattr(factory, "features", "counts")
    row["about"] = (inspect.getdoc(factory) or "").split("\n")[0]
    row["supervised"] = bool(getattr(factory, "supervised", False))
    row["features"] = features if isinstance(features, str) else "counts"
    row["parameters"] = {
        key: None if p.default is inspect.Parameter.empty else p.default
        for key, p in parameters.items()
    }
    return row
