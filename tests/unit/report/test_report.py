"""Pages: self-contained, well-formed, safe against what logs hold."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logpipe.report import (
    Bar,
    Cell,
    Column,
    Line,
    Mark,
    Point,
    Section,
    bar_chart,
    code,
    details,
    heat_map,
    line_chart,
    note,
    paragraph,
    render_page,
    scatter,
    table,
    timeline,
)

HOSTILE = "</script><script>alert(1)</script> & \"quoted\" 'single' \x00\x1b[31m \ud800 <*>"


def parsed(page: str) -> ElementTree.Element:
    """The page read by a strict parser, which takes no unclosed tag and no bare ampersand."""
    page.encode()  # no lone surrogates
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))


def everything(text: str) -> list:
    """Every kind of part, with this text wherever text can be."""
    return [
        paragraph(text),
        note(text),
        code(text),
        text,
        details(text, [text, paragraph(text)]),
        table(
            [Column(text, title=text), Column("n", number=True), Column("t", text=True)],
            [[text, 1.5, Cell(text, key=text, style="bad")], [None, 2, code(text)]],
            caption=text,
        ),
        bar_chart([Bar(text, 0.5, 0.4, 0.6), Bar("nan", float("nan"))], caption=text),
        heat_map([text, "b"], [text, "c"], [[0.1, None], [1.0, float("nan")]], caption=text),
        scatter([Point(text, 1, 2), Point("p", 0, 0)], x_title=text, y_title=text, log_x=True),
        line_chart([Line(text, [(1, 1), (10, 3)])], x_title="x", y_title="y", log_x=True),
        timeline([Mark(1, 2, text), Mark(2, 9, text, flagged=True)], threshold=5, caption=text),
    ]


def test_what_a_log_holds_cannot_break_the_page():
    """Log text with markup, control characters and surrogates is shown as text and nothing else."""
    page = render_page(HOSTILE, [Section(HOSTILE, everything(HOSTILE))], facts={HOSTILE: HOSTILE})

    root = parsed(page)

    assert len(list(root.iter("script"))) == 1
    assert "alert(1)" in "".join(root.itertext())
    assert page.count("<script>") == 1


@given(st.text())
def test_any_text_gives_a_well_formed_page(text: str):
    """No character whatever makes the page something that a strict parser refuses."""
    parsed(render_page(text, [Section(text, everything(text))], subtitle=text))


@pytest.mark.parametrize("log", [True, False])
def test_charts_of_nothing_are_charts(log: bool):
    """A report of a run without any result is still a page."""
    parts = [
        bar_chart([]),
        heat_map([], [], []),
        scatter([], x_title="x", y_title="y", log_x=log, log_y=log),
        line_chart([], x_title="x", y_title="y", log_x=log),
        timeline([]),
        table([Column("a")], []),
    ]

    parsed(render_page("empty", [Section("s", parts)]))


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=5), st.booleans())
def test_no_value_breaks_a_chart(values: list[tuple[float, float]], log: bool):
    """Zero, negative, huge, infinite and undefined values neither raise nor leave the drawing."""
    values = [
        (x if abs(x) < 1e300 else float("inf"), y if abs(y) < 1e300 else 0) for x, y in values
    ]
    parts = [
        scatter([Point("p", x, y) for x, y in values], x_title="", y_title="", log_x=log),
        line_chart([Line("l", values)], x_title="", y_title="", log_y=log),
        bar_chart([Bar("b", abs(x), min(abs(x), abs(y)), abs(y)) for x, y in values]),
        timeline([Mark(x, y) for x, y in values]),
    ]

    page = render_page("values", [Section("s", parts)])

    parsed(page)
    assert not re.search(r'(cx|cy|x|y|width)="(nan|inf|-inf)', page)


def test_the_page_loads_nothing():
    """It can be mailed and opened anywhere: no address but the SVG name space, and a policy."""
    page = render_page("t", [Section("s", everything("x"))])

    assert set(re.findall(r"https?://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page
    assert not re.search(r"\b(src|href)=\"(?!#)", page)
    assert "prefers-color-scheme: dark" in page


def test_the_policy_names_the_script_that_is_there():
    """A browser runs a script only if its digest is that of the policy."""
    import base64
    import hashlib

    page = render_page("t", [])

    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page


def test_sections_of_one_title_have_different_anchors():
    """A link leads to the section it is for."""
    page = render_page("t", [Section("Same", []), Section("Same", []), Section("Ünder", [])])

    anchors = re.findall(r'<section id="([^"]*)"', page)
    assert len(set(anchors)) == 3
    assert all(f'href="#{anchor}"' in page for anchor in anchors)
