"""Header layouts over arbitrary lines: nothing is lost, and both splitters say the same."""

import re

import pytest
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from logpipe import native
from logpipe.errors import LayoutError
from logpipe.formats.auto import detect
from logpipe.formats.layouts import Layout, compile_layout, member_layout
from logpipe.formats.named import named, names
from logpipe.formats.splitter import SplitLine

FIELDS = ["<A>", "<B>", "<C:word>", "<D:int>", "<E:level>", "<F:clock>", "<G:iso>", "<H:name>"]
GLUE = [" ", ": ", "[", "] ", "|", "-", " - ", r"\(", r"\)", '"', ", ", "\\ ", "::"]
# What fields hold and what separates them, so that a line has a fair chance to fit.
WORDS = [
    *(
        b" ",
        b"  ",
        b"\t",
        b": ",
        b":",
        b"[",
        b"]",
        b"|",
        b"-",
        b" - ",
        b"(",
        b")",
        b'"',
        b",",
        b"::",
    ),
    *(b"a", b"x1", b"12", b"7", b"INFO", b"e", b"10:00:01", b"2024-05-01", b"\xff", b"\0", b"Jan"),
]


@st.composite
def specs(draw: st.DrawFn) -> str:
    """Layouts that are mostly valid: fields in order, something between them, a few options."""
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=5, unique=True))
    place = draw(st.integers(0, len(fields)))
    fields.insert(place, "<Content>")
    glue = st.sampled_from(GLUE)
    text = draw(st.sampled_from(["", "", "", "[", r"\<", " "]))
    for i, field in enumerate(fields):
        gap = (draw(glue) + draw(st.sampled_from(["", "", "["]))) if i else ""
        part = gap + field
        if field != "<Content>" and draw(st.integers(0, 3)) == 0:
            part = f"({part}{draw(glue) if not i else ''})?"
        text += part
    return text + draw(st.sampled_from(["", "", "", ")", '"', " ", "]"])).replace(")", r"\)")


lines = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=14).map(b"".join),
    st.binary(max_size=40),
)


@st.composite
def written(draw: st.DrawFn, spec: str) -> bytes:
    """A line that begins its life as the layout itself."""
    text = re.sub(r"\(|\)\?", "", re.sub(r"\\(.)", r"\1", spec))
    words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(b"".join)
    out = b""
    for piece in re.split(r"(<[^>]*>| )", text):
        if piece == " ":
            out += draw(st.sampled_from([b" ", b"  ", b"\t", b" \t "]))
        elif piece.startswith("<"):
            out += draw(words)
        else:
            out += piece.encode()
    return out


def joined(parts: SplitLine) -> bytes:
    """The line again."""
    out = [parts.separators[0]]
    for name, separator in zip(parts.order, parts.separators[1:], strict=True):
        out += [parts.message if name is None else parts.fields[name], separator]
    return b"".join(out)


def by_native(layout: Layout, line: bytes) -> SplitLine | None:
    """The native splitter's answer in the same form."""
    found = native.split_line(layout.program, line)
    if found is None:
        return None
    spans, message, separators, order = found
    assert len(spans) == len(layout.fields)
    for i, (start, end) in enumerate(spans):
        assert i in order or start == end, "an absent field has a value"
    return SplitLine(
        {layout.fields[i]: line[slice(*spans[i])] for i in order if i >= 0},
        line[slice(*message)],
        tuple(separators),
        tuple(None if i < 0 else layout.fields[i] for i in order),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, bytes]:
    """A layout and a line."""
    spec = draw(specs())
    return spec, draw(st.one_of(lines, written(spec)))


@settings(max_examples=600)
@given(cases())
@example(("<Content>[<C:word> ", b"x[y z "))
@example(("<Content> <A>( <B>)?", b"x" + b" y" * 100))
def test_both_splitters_agree_and_lose_nothing(case: tuple[str, bytes]) -> None:
    """Any layout, any line: the same parts from Rust and Python, and joined they are the line."""
    spec, line = case
    try:
        layout = compile_layout(spec)
    except LayoutError:
        assume(False)

    found = layout.split(line)

    event(f"fits: {found is not None}")
    assert found is None or joined(found) == line
    assert by_native(layout, line) == found


@pytest.mark.parametrize("name", names())
def test_named_layouts_agree_on_any_line(name: str) -> None:
    """The layouts people use, over lines made of header-like pieces."""
    layout = named(name)

    @settings(max_examples=60)
    @given(st.one_of(lines, written(layout.spec)))
    @example(b"")
    def agree(line: bytes) -> None:
        found = layout.split(line)
        assert found is None or joined(found) == line
        assert by_native(layout, line) == found

    agree()


MEMBER_WORDS = [
    *(b'"a":', b'"m":', b'"b":1', b'"a"', b'"', b"\\", b"{", b"}", b"[", b"]", b":", b",", b" "),
    *(b"a=", b"m=", b"b=1", b"=", b"1", b"null", b"\xff", b"\t", b'{"m":', b'"x"}', b'a="', b'\\"'),
]
json_values = st.recursive(
    st.one_of(st.none(), st.integers(), st.booleans(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=400)
@given(
    st.sampled_from(["json", "logfmt"]),
    st.lists(st.sampled_from(MEMBER_WORDS), max_size=16).map(b"".join),
)
@example("json", b'{"m":"\\\\","a":[{"x":"]"}]}')
@example("logfmt", b'm="a\\"b"  a=')
def test_member_layouts_agree_on_any_line(kind: str, line: bytes) -> None:
    """Members in any order, broken or not."""
    layout = member_layout(kind, [b"a", b"b"], [b"m", b"a"])

    found = layout.split(line)

    assert found is None or joined(found) == line
    assert by_native(layout, line) == found


@given(st.dictionaries(st.sampled_from(["a", "b", "m"]), json_values, min_size=1), st.booleans())
def test_every_json_object_with_known_keys_fits(value: dict[str, object], spaced: bool) -> None:
    """What a JSON library writes is always understood, whatever the values."""
    import json

    separators = (", ", ": ") if spaced else (",", ":")
    line = json.dumps(value, separators=separators).encode()
    layout = member_layout("json", [b"a", b"b"], [b"m", b"a", b"b"])

    found = layout.split(line)

    assert found is not None
    assert joined(found) == line
    assert by_native(layout, line) == found


@given(st.one_of(specs(), st.text(max_size=30), st.text("<>()?|\\ :AContent[]", max_size=30)))
def test_any_text_compiles_or_is_refused_with_a_column(text: str) -> None:
    """No text crashes the compiler, and what it accepts the native core accepts too."""
    problem = ""
    try:
        layout = compile_layout(text)
    except LayoutError as error:
        problem = str(error)
    else:
        native.split_line(layout.program, b"x")

    assert not problem or re.search("expected .*found", problem, re.DOTALL)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_a_layout_is_found_for_any_bytes(head: bytes) -> None:
    """The head of any file gets a layout whose every line comes back."""
    found = detect(head)

    assert 0 <= found.share <= 1
    assert found.reason
    for line in head.split(b"\n"):
        parts = found.layout.split(line)
        assert parts is None or joined(parts) == line
