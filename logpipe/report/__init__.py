"""Pages for people: one HTML file that holds all it shows, readable in light and in dark.

A page is a list of sections, a section a list of parts; `tables` and `charts` make parts::

    from logpipe.report import Bar, Column, Section, bar_chart, render_page, table

    page = render_page("Parsers", [Section("Accuracy", [bar_chart([Bar("drain", 0.9)])])])

Nothing is loaded from elsewhere: styles and the few lines of script are in the file, charts are
SVG elements in the text, and a content policy in the page's head forbids everything else. What
comes from a log is escaped by `markupsafe`, and characters that no document may hold are written as
escapes, so that the page is well-formed XML too. What the sections say is the business of whoever
measures: `logpipe.evaluation.page`, for example.
"""

from logpipe.report.charts import Bar, bar_chart, heat_map
from logpipe.report.page import Section, code, details, note, paragraph, plain, render_page
from logpipe.report.plots import Line, Mark, Point, line_chart, scatter, timeline
from logpipe.report.tables import Cell, Column, table

__all__ = [
    "Bar",
    "Cell",
    "Column",
    "Line",
    "Mark",
    "Point",
    "Section",
    "bar_chart",
    "code",
    "details",
    "heat_map",
    "line_chart",
    "note",
    "paragraph",
    "plain",
    "render_page",
    "scatter",
    "table",
    "timeline",
]
