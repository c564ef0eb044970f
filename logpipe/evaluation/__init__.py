"""Evaluation: parsers run on logs whose templates are known, each run on its own, and are scored.

From the outside in:

    contestants   who takes part: contestants.yaml and settings.yaml, or package.module:Class
    cases         a data set as messages and true templates, lined up and checked; `truth` reads CSV
                  files, `columns` what is kept of them
    runs          one parser on one case; nothing is run twice
    supervise     a process of its own, with limits
    worker        what happens in that process; `calling` asks the parser, `adapters` know packages
    foreign       the same for packages that live in another interpreter
    scoring       from the kept output of runs to rows of figures; can be done again at any time
    published     figures that others printed
    wrong         templates that were missed: what was expected, what was given
    tables        rows as CSV, JSON, Markdown, LaTeX
    page          the HTML page

What is timed: the call that is given all messages of a log, headers cut off, until it has answered
with groups and templates. Starting Python, importing packages and reading the log is not in it.
`logpipe.pipeline.evaluate` puts the parts together.
"""
