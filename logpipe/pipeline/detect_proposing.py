"""A session key for a log whose user named none: proposed from its first lines."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing

from logpipe.anomaly.keys import Candidate, Proposal, propose, slot_pattern
from logpipe.batch import ParsedBatch
from logpipe.formats.layouts import Layout
from logpipe.formats.readers import Source
from logpipe.pipeline.parsing import stream
from logpipe.template import LexicalClass

__all__ = ["propose_window"]

_HEAD = 20_000
"""Lines that a key is proposed from."""

_NO_KEY = re.compile(r"(?i)time|date|month|day|year|zone|level|severity|content|message")


def propose_window(source: Source, layout: Layout, threads: int | None = None) -> Proposal | None:
    """A session key for a log, from its first lines; None if nothing looks like one."""
    candidates: dict[str, Candidate] = {}
    lines = 0
    skip = set(layout.timestamp.fields if layout.timestamp else ())
    batches = _batches(source, layout, threads)
    with closing(batches):
        for batch in batches:
            groups = [batch.templates[int(t)].group for t in batch.template_ids]
            for name, column in zip(batch.field_names, batch.fields, strict=True):
                if name in skip or _NO_KEY.search(name):
                    continue
                known = candidates.setdefault(f"field:{name}", Candidate(f"field:{name}", [], []))
                for value, group in zip(column, groups, strict=True):
                    if value:
                        known.values.append(value)
                        known.groups.append(group)
            _slot_candidates(batch, candidates)
            lines += len(batch)
            if lines >= _HEAD:
                break
    return propose(list(candidates.values()), lines)


def _batches(
    source: Source, layout: Layout, threads: int | None
) -> Generator[ParsedBatch, None, None]:
    yield from stream(source, layout=layout, threads=threads)


def _slot_candidates(batch: ParsedBatch, candidates: dict[str, Candidate]) -> None:
    from logpipe.native import classify

    for template_id in batch.present:
        template = batch.templates[template_id]
        taken: set[str] = set()
        for slot in range(template.slots if template.group else 0):
            column = batch.column(template_id, slot)
            kind = LexicalClass(classify(column)).label
            pattern = slot_pattern(template.literals[slot], kind)
            if pattern is None or pattern in taken:
                continue  # a line has one key of a kind; the first stands for it
            taken.add(pattern)
            window = f"session:{pattern}"
            known = candidates.setdefault(window, Candidate(window, [], []))
            known.values.extend(column)
            known.groups.extend([template.group] * len(column))
