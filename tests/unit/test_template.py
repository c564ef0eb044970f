"""Templates, their table, and the form in which they cross to native code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logpipe.template import (
    UNKNOWN_GROUP,
    VERBATIM,
    LexicalClass,
    SlotKind,
    Template,
    TemplateTable,
    read_wire,
    readable,
)

KINDS = st.sampled_from(list(SlotKind))
LITERALS = st.lists(st.binary(max_size=5), min_size=1, max_size=5)


def any_template(literals: list[bytes]) -> Template:
    return Template(1, 1, tuple(literals), (SlotKind.ANY,) * (len(literals) - 1))


@given(LITERALS, st.data())
def test_rendering_interleaves_literals_and_variables(literals, data):
    """literal, variable, literal, ... and nothing else."""
    n = len(literals) - 1
    variables = data.draw(st.lists(st.binary(max_size=4), min_size=n, max_size=n))

    rendered = any_template(literals).render(variables)

    expected = literals[0] + b"".join(v + x for v, x in zip(variables, literals[1:], strict=True))
    assert rendered == expected


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rendering_needs_one_variable_per_slot(count):
    """One too few is told apart from an empty one."""
    template = any_template([b"from ", b" to ", b""])

    with pytest.raises(ValueError, match=f"template 1 has 2 slots, found {count} variables"):
        template.render([b"x"] * count)


def test_a_template_has_one_literal_more_than_slots():
    """Whoever makes another one is told so."""
    with pytest.raises(ValueError, match="1 slots need 2 literals, found 1"):
        Template(7, 1, (b"a",), (SlotKind.ANY,))


def test_the_text_of_a_template_is_for_people():
    """Slots are marked, bytes that are not UTF-8 spelled out; nothing is parsed back from it."""
    template = any_template([b"caf\xc3\xa9 <*> ", b" \xff"])

    assert template.text() == "café <*> <*> \\xff"
    assert template.text("{}") == "café <*> {} \\xff"
    assert readable(b"\\xff") == "\\xff"


def test_the_first_template_of_a_table_is_verbatim():
    """A line that nothing describes has an id, too."""
    (template,) = TemplateTable()

    assert template.id == VERBATIM
    assert template.group == UNKNOWN_GROUP
    assert template.render([b"any\xff\0"]) == b"any\xff\0"


@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), LITERALS, st.lists(KINDS, max_size=4)), max_size=5
    )
)
def test_a_table_comes_back_from_its_wire_form(entries):
    """Group, literals and kinds of every template, in order."""
    table = TemplateTable()
    for group, literals, kinds in entries:
        kinds = (kinds * 5 + [SlotKind.ANY] * 5)[: len(literals) - 1]
        table.append(group, literals, kinds)

    again = list(read_wire(table.wire))

    assert again == [(t.group, t.literals, t.kinds) for t in table]
    assert [t.id for t in table] == list(range(len(entries) + 1))
    assert table.slot_counts() == [t.slots for t in table]


def test_an_id_keeps_its_meaning_while_a_table_grows():
    """Appending returns the next id; setting types changes nothing else."""
    table = TemplateTable()
    first = table.append(1, [b"a ", b""], [SlotKind.TOKEN])
    second = table.append(1, [b"a  ", b""], [SlotKind.TOKEN])
    wire = table.wire

    table.set_types(first, [LexicalClass.INTEGER])

    assert (first, second) == (1, 2)
    assert table[first].types == (LexicalClass.INTEGER,)
    assert table[first].literals == (b"a ", b"")
    assert table.wire == wire


def test_the_numbers_of_kinds_and_classes_are_part_of_the_format():
    """They are in saved models and in the native core: none is ever reused."""
    kinds = ["TOKEN", "ATOM", "ANY", "FIELD", "OPTIONAL", "CODE", "NUMBER", "HEX", "RUN"]
    assert [(k.name, k.value) for k in SlotKind] == [(k, n) for n, k in enumerate(kinds, 1)]
    names = (
        "EMPTY INTEGER NUMBER HEX IP HOST_PORT MAC UUID TIME DURATION SIZE VERSION PATH URL EMAIL"
    )
    expected = {name: number for number, name in enumerate([*names.split(), "ID", "WORD", "TEXT"])}
    assert {c.name: c.value for c in LexicalClass} == expected
    assert LexicalClass.HOST_PORT.label == "host-port"
