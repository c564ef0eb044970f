"""Scores of parsers: every metric the field uses, as pure functions over one contingency table.

`official` gives the eight figures of the published Loghub-2.0 evaluator; `extended` adds all others
that need only the two columns of template text. To ask for several, build the table once and give
it in place of both columns::

    table = contingency_table(truth, predicted)
    official(table), slices(table), grouping_granularity_distance(table)

Where to find what: `labels` (what a column may be), `contingency` (the table, and the decisions on
nulls and lengths), `groups`, `templates`, `evaluator` (and the list of holes in the published
evaluator), `edit`, `granularity`, `silhouette` (no truth needed), `variables`, `reconstruction`,
`slicing` (rare and complex templates, bootstrap), `styles` (normalised template text), `averages`.
Nothing here reads a file, prints, or imports the rest of logpipe.
"""

from logpipe.metrics.averages import edition_effect, mean_counting_failures
from logpipe.metrics.contingency import Contingency, contingency_table
from logpipe.metrics.edit import edit_distance, levenshtein
from logpipe.metrics.evaluator import OFFICIAL, as_pandas_reads, extended, official
from logpipe.metrics.granularity import (
    granularity_distances,
    grouping_granularity_distance,
    parsing_granularity_distance,
)
from logpipe.metrics.groups import group_id_accuracy, grouping, original_loghub
from logpipe.metrics.labels import Coded, LabelError, LengthMismatch, NothingToScore
from logpipe.metrics.reconstruction import lossless_reconstruction, template_match
from logpipe.metrics.silhouette import pmss
from logpipe.metrics.slicing import SLICES, Interval, SliceScore, slices
from logpipe.metrics.styles import STYLES, UnknownStyle, style
from logpipe.metrics.templates import parsing_accuracy, strict_template_accuracy, template_accuracy
from logpipe.metrics.variables import (
    CATEGORIES,
    Variable,
    VariableScore,
    slot_spans,
    variable_accuracy,
)

__all__ = [
    "CATEGORIES",
    "OFFICIAL",
    "SLICES",
    "STYLES",
    "Coded",
    "Contingency",
    "Interval",
    "LabelError",
    "LengthMismatch",
    "NothingToScore",
    "SliceScore",
    "UnknownStyle",
    "Variable",
    "VariableScore",
    "as_pandas_reads",
    "contingency_table",
    "edit_distance",
    "edition_effect",
    "extended",
    "granularity_distances",
    "group_id_accuracy",
    "grouping",
    "grouping_granularity_distance",
    "levenshtein",
    "lossless_reconstruction",
    "mean_counting_failures",
    "official",
    "original_loghub",
    "parsing_accuracy",
    "parsing_granularity_distance",
    "pmss",
    "slices",
    "slot_spans",
    "strict_template_accuracy",
    "style",
    "template_accuracy",
    "template_match",
    "variable_accuracy",
]
