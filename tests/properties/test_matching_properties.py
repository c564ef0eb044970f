"""Tables of templates over arbitrary bytes: what is given renders, and nothing else decides."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.native import ArenaPool, Matcher, Programs
from logpipe.template import SlotKind, Template, TemplateTable
from tests.strategies import messages

PIECES = st.one_of(
    st.sampled_from([b"", b" ", b"a", b"b ", b"=", b": ", b"user", b"-", b"\xff", b"1"]),
    st.binary(max_size=3),
)

VALUES = st.sampled_from([b"", b"7", b"x y", b"ab", b"0x1f"])


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """Any literals, slots of any kind; two slots may touch."""
    kinds = draw(st.lists(st.sampled_from(list(SlotKind)), max_size=4))
    literals = [draw(PIECES) for _ in range(len(kinds) + 1)]
    return Template(0, draw(st.integers(1, 5)), tuple(literals), tuple(kinds))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Template], list[bytes]]:
    """Templates that differ, and messages: any, and some made of the templates."""
    found = draw(st.lists(templates(), max_size=8, unique_by=lambda t: (t.literals, t.kinds)))
    rows = draw(st.lists(messages, max_size=6))
    for template in found:
        values = [
            draw(st.sampled_from([b"", b"7", b"x y", b"ab", b"0x1f"])) for _ in template.kinds
        ]
        rows.append(template.render(values))
    return found, rows


def literal_bytes(template: Template) -> int:
    """What decides between templates that fit."""
    return sum(map(len, template.literals))


@settings(deadline=None)
@given(tables(), st.sampled_from([b"", b":", b"=-"]))
def test_a_message_gets_the_most_literal_template_that_fits_and_renders(drawn, delimiters):
    """Held against every template by itself, which is slow and simple."""
    found, rows = drawn
    column = ByteColumn.of(rows)
    matcher = Matcher(found, delimiters)
    batch = matcher.match_messages(column)
    assert list(batch.messages) == rows

    table = TemplateTable()
    for template in found:
        table.append(template.group, template.literals, template.kinds)
    programs = Programs(table, delimiters)
    best = np.full(len(rows), -1)
    for template in list(table)[1:]:
        fits = programs.fits(column, np.full(len(rows), template.id, np.uint32))
        best = np.maximum(best, np.where(fits, literal_bytes(template), -1))
    given_ids = batch.template_ids.tolist()
    assert [-1 if t == 0 else literal_bytes(table[t]) for t in given_ids] == best.tolist()

    # The last pass of a parse cuts the same values out.
    again = programs.align_messages(ArenaPool(), column, batch.template_ids)
    assert isinstance(again, ParsedBatch)
    assert list(again.values) == list(batch.values)


@settings(deadline=None)
@given(tables(), st.randoms(use_true_random=False), st.integers(0, 8))
def test_neither_order_nor_the_time_of_appending_matter(drawn, random, cut):
    """A table that grew gives what one made at once gives."""
    found, rows = drawn
    column = ByteColumn.of(rows)
    shuffled = random.sample(found, len(found))
    once, grown = Matcher(found), Matcher(shuffled[:cut])
    grown.append(shuffled[cut:])

    def given_templates(matcher: Matcher) -> list[object]:
        ids = matcher.match_messages(column).template_ids.tolist()
        return [(matcher.templates[t].literals, matcher.templates[t].kinds) for t in ids]

    assert given_templates(once) == given_templates(grown)
    assert once.groups(column).tolist() == grown.groups(column).tolist()
