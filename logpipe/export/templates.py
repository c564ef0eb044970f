"""`--templates OUT.csv`: the templates of a parse, the most frequent first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from logpipe.export.atomic import replacing

__all__ = ["write_templates"]

COLUMNS = (
    "template_id",
    "group",
    "lines",
    "first_line",
    "last_line",
    "template",
    "variable_types",
    "variable_categories",
)


def write_templates(path: str, rows: Iterable[Sequence[object]], *, force: bool) -> None:
    """Write one row per template.

    Args:
        path: the final name.
        rows: values in the order of `COLUMNS`; a list becomes its parts with blanks between.
        force: whether an existing file may be replaced.

    Raises:
        OutputError: the output exists or cannot be written.
    """
    text = io.StringIO(newline="")
    # Everything that is text is quoted: minimal quoting forgets a lone CR.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([" ".join(v) if isinstance(v, list | tuple) else v for v in row])
    with replacing(path, force=force) as output:
        output.write(text.getvalue().encode("utf-8"))
