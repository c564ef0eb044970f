"""Parsing as plain functions: what is asked for, what goes wrong, and how it is told."""

from __future__ import annotations

import gzip
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from strategies import MemorySource

from logpipe import pipeline
from logpipe.batch import ParsedBatch
from logpipe.errors import InputError, ParserError, TruncatedInputError, UsageError
from logpipe.export.base import ParseInfo
from logpipe.formats.readers import open_sources
from logpipe.native import parsing
from logpipe.parsers import learning, stream
from logpipe.parsers.base import text_template
from logpipe.parsers.drain import Drain
from logpipe.template import LexicalClass, SlotKind, Template


class Kept:
    """A sink that keeps what it is given.

    Attributes:
        info: of the parse.
        rows: (source, line number, group, message) of every line.
        text: the bytes of every source.
    """

    def __init__(self, info: ParseInfo) -> None:
        self.info = info
        self.rows: list[tuple[str, int, int, bytes]] = []
        self.text: dict[str, bytes] = {}
        self.ended = ""

    def write(self, batch: ParsedBatch, source: str) -> None:
        self.text[source] = self.text.get(source, b"") + batch.render()
        for record in batch.records():
            group = self.info.templates[record["template_id"]].group
            self.rows.append((source, record["line_no"], group, record["message"]))

    def finish(self) -> None:
        self.ended = "finished"

    def abort(self) -> None:
        self.ended = self.ended or "aborted"


class Sinks(list[Kept]):
    """Opens sinks and remembers them."""

    def __call__(self, info: ParseInfo) -> Kept:
        self.append(Kept(info))
        return self[-1]


def parse(*data: bytes, layout: str = "<Content>", **more: object) -> Kept:
    """What a sink gets of sources named a, b, ..."""
    sinks = Sinks()
    sources = [MemorySource(d, name="abcdef"[i]) for i, d in enumerate(data)]
    pipeline.parse(sources, layout=layout, sink=sinks, **more)  # type: ignore[arg-type]
    return sinks[0]


@pytest.mark.parametrize("threads", [1, 3])
def test_lines_whose_shape_finds_no_room_in_the_table_have_no_header(threads):
    """4,096 shapes are kept; more are the input's fault, and not taken for a changed file."""
    lines = [
        b"A" + b" " * (i % 90 + 1) + b"B" + b" " * (i // 90 + 1) + b"x %d" % i for i in range(6000)
    ]
    data = b"\n".join(lines)

    kept = parse(data, layout="<One> <Two> <Content>", threads=threads)

    assert kept.text == {"a": data}
    assert [row[1] for row in kept.rows] == list(range(1, 6001))
    assert kept.rows[10][3] == b"x 10"
    assert kept.rows[5999][3] == lines[5999]


def test_rows_of_several_sources_count_lines_within_their_source():
    """Groups are shared, line numbers are not."""
    kept = parse(b"open 1\nopen 2\n", b"", b"open 3\nclosed")

    assert kept.ended == "finished"
    assert kept.text == {"a": b"open 1\nopen 2\n", "c": b"open 3\nclosed"}
    assert [row[:3] for row in kept.rows] == [("a", 1, 1), ("a", 2, 1), ("c", 1, 1), ("c", 2, 2)]
    assert kept.info.sources == ("a", "b", "c")


def test_sources_that_look_different_are_not_parsed_with_one_layout():
    """`auto` names both, what they look like, and what to do."""
    syslog = b"".join(b"Jan  5 10:00:%02d host app[1]: text %d\n" % (i, i) for i in range(50))
    access = b'10.0.0.1 - - [05/Jan/2024:10:00:00 +0000] "GET /x HTTP/1.1" 200 5\n' * 50

    with pytest.raises(UsageError, match="a looks like 'syslog' but b like") as caught:
        parse(syslog, access, layout="auto")

    assert "--format" in str(caught.value)


def test_no_source_is_no_input():
    """Said at once."""
    with pytest.raises(UsageError, match="no input"):
        pipeline.parse([])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"parser": Drain(), "parameters": {"depth": 5}}, "parser given by name"),
        ({"model": "m.json", "parameters": {"depth": 5}}, "model has its own parameters"),
    ],
)
def test_parameters_that_would_be_ignored_are_refused(more, says, tmp_path):
    """A parser that exists already has its parameters."""
    with pytest.raises(UsageError, match=says):
        parse(b"a\n", **more)


def test_one_pass_is_only_for_native_parsers():
    """The others have to have seen everything."""
    for parser in (Drain(masks=[r"\d"]), "drain3"):
        with pytest.raises(UsageError, match=r"use logpipe\.pipeline\.parse"):
            list(pipeline.stream(MemorySource(b"a\n"), parser=parser, layout="<Content>"))


@pytest.mark.parametrize("parser", ["drain", "drain3"])
def test_a_model_of_one_log_parses_another_and_learns_nothing(parser, tmp_path):
    """What it does not know is in group 0, verbatim; known lines keep the group they had."""
    path = str(tmp_path / "model.json")
    train = [b"open 1 by amy", b"open 2 by bob", b"job 7 failed"]
    learned = pipeline.parse([MemorySource(b"\n".join(train))], parser=parser, layout="<Content>")
    learned.save_model(path)
    test = [b"job 8 failed", b"never seen", b"open 5 by eve", b"open   6 by   joe", b""]

    kept = parse(b"\n".join(test) + b"\n", model=path, threads=2)
    again = parse(b"\n".join(test[::-1]) + b"\n", model=path, threads=1)

    groups = [row[2] for row in kept.rows]
    failed = 2 if parser == "drain" else groups[0]
    assert groups == [failed, 0, 1, 1, 0]
    assert [row[2] for row in again.rows] == groups[::-1]
    assert [row[3] for row in kept.rows] == test


class Plugin:
    """As short as a parser can be: no base class, no `partial_fit`."""

    def fit_predict(self, messages):
        self.templates_ = [text_template(1, b"open <*>")]
        return np.array([1 if m.startswith(b"open") else 0 for m in messages], np.uint32)

    def predict(self, messages):
        return self.fit_predict(messages)


def test_a_parser_without_partial_fit_is_fitted_once_and_then_predicts(monkeypatch):
    """What does not fit into memory is predicted only."""
    calls: list[tuple[str, int]] = []

    class Counting(Plugin):
        def fit_predict(self, messages):
            calls.append(("fit_predict", len(messages)))
            return super().fit_predict(messages)

        def predict(self, messages):
            calls.append(("predict", len(messages)))
            return super().fit_predict(messages)

    monkeypatch.setattr(learning, "FIT_BYTES", 1000)
    monkeypatch.setattr(stream, "_FIRST_CHUNK", 500)
    monkeypatch.setattr(stream, "CHUNK", 500)
    data = b"".join(b"open file %d\n" % i for i in range(300))

    kept = parse(data, parser=Counting(), threads=1)

    assert [name for name, _ in calls[:2]] == ["fit_predict", "predict"]
    assert {name for name, _ in calls[1:]} == {"predict"}
    assert sum(count for _, count in calls) == 300
    assert {row[2] for row in kept.rows} == {1}
    assert kept.text == {"a": data}


class Raises(Plugin):
    def fit_predict(self, messages):
        raise RuntimeError("out of luck")


class TooFew(Plugin):
    def fit_predict(self, messages):
        return super().fit_predict(messages)[1:]


class Words(Plugin):
    def fit_predict(self, messages):
        super().fit_predict(messages)
        return ["one"] * len(messages)


class Ragged(Plugin):
    def fit_predict(self, messages):
        return [[1], [1, 2]] * len(messages)


class TooLarge(Plugin):
    def fit_predict(self, messages):
        return super().fit_predict(messages).astype(np.int64) << 32


class NoTemplates(Plugin):
    def fit_predict(self, messages):
        groups = super().fit_predict(messages)
        del self.templates_
        return groups


class TextTemplates(Plugin):
    def fit_predict(self, messages):
        groups = super().fit_predict(messages)
        self.templates_ = ["open <*>"]
        return groups


class NumberForTemplates(Plugin):
    def fit_predict(self, messages):
        groups = super().fit_predict(messages)
        self.templates_ = 5
        return groups


class NegativeGroup(Plugin):
    def fit_predict(self, messages):
        groups = super().fit_predict(messages)
        self.templates_ = [text_template(-1, b"open <*>")]
        return groups


class TextLiterals(Plugin):
    def fit_predict(self, messages):
        groups = super().fit_predict(messages)
        self.templates_ = [Template(0, 1, ("open ", ""), (SlotKind.ANY,))]
        return groups


class RaisesOnline(Plugin):
    def partial_fit(self, messages):
        raise ValueError("bad batch")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (
            Raises,
            "a: lines 1 to 2: parser 'Raises' failed in fit_predict: RuntimeError: out of luck",
        ),
        (TooFew, "a: lines 1 to 2: parser 'TooFew' answered (1,) groups for 2 messages"),
        (Words, "groups of type <U3; expected integers"),
        (Ragged, "answered () groups for 2 messages"),
        (TooLarge, "group 4294967296 for message 1 of 2"),
        (NoTemplates, "has no templates_ after fitting"),
        (TextTemplates, "number 1 is 'open <*>'; expected a logpipe.template.Template"),
        (NumberForTemplates, "is of type int; expected a list"),
        (NegativeGroup, "number 1 has group -1"),
        (TextLiterals, "has literals ('open ', ''); expected bytes"),
        (RaisesOnline, "a: lines 1 to 2: parser 'RaisesOnline' failed in partial_fit: ValueError"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_plugin_that_breaks_its_contract_is_named_with_the_lines(broken, says):
    """Nothing is written then."""
    sinks = Sinks()
    with pytest.raises(ParserError) as caught:
        pipeline.parse(
            [MemorySource(b"open 1\nclose 2\n", name="a")],
            parser=broken(),
            layout="<Content>",
            sink=sinks,
        )

    assert says in str(caught.value)
    assert sinks == []


class Misfits(Plugin):
    def fit_predict(self, messages):
        groups = super().fit_predict(messages)
        self.templates_ = [text_template(1, b"shut <*>")]
        return groups


def test_templates_that_do_not_render_their_lines_make_no_wrong_row():
    """The lines stay what they are, verbatim in their group, and the user is told where."""
    sinks = Sinks()
    data = b"first\nopen 1\nopen 2\nlast\n"

    result = pipeline.parse(
        [MemorySource(data, name="a")], parser=Misfits(), layout="<Content>", sink=sinks
    )

    assert sinks[0].text == {"a": data}
    assert [row[2] for row in sinks[0].rows] == [0, 1, 1, 0]
    (warning,) = result.warnings
    assert "'Misfits' gave 2 lines a group" in warning
    assert "first a: line 2" in warning


@pytest.mark.parametrize("parser", ["drain", "drain3"])
@pytest.mark.parametrize(
    "later",
    [b"open 1\nopen 2\nelse\n", b"open 1\n", b"open 1\nopen 2\nopen 3\nopen 4\n", b""],
    ids=["another line", "shorter", "longer", "empty"],
)
def test_a_log_that_changes_between_the_passes_is_an_error(later, parser):
    """The output is thrown away: rows and templates would not belong together."""
    source = MemorySource(b"open 1\nopen 2\nopen 3\n", name="a")
    sinks = Sinks()

    def opened(info):
        source.data = later
        return sinks(info)

    with pytest.raises(InputError, match=r"^a: .* is not what it was when it was first read"):
        pipeline.parse([source], parser=parser, layout="<Content>", sink=opened)

    assert [sink.ended for sink in sinks] == ["aborted"]


@pytest.mark.parametrize("later", [b"open 1\n", b"open 1\n" * 3, b""])
def test_a_log_that_changes_before_it_is_aligned_is_an_error(later):
    """A parser of somebody else takes one pass more."""
    source = MemorySource(b"open 1\nopen 2\n", name="a")

    class Slow(Plugin):
        def fit_predict(self, messages):
            source.data = later
            return super().fit_predict(messages)

    with pytest.raises(InputError, match=r"^a: the number of lines is not what it was"):
        pipeline.parse([source], parser=Slow(), layout="<Content>", sink=Sinks())


@pytest.mark.parametrize("parser", ["drain", "drain3", "plugin"])
@pytest.mark.parametrize("data", [b"", b"\n"])
def test_a_log_without_lines_is_a_log(parser, data):
    """Every kind of parser has learned something then: nothing."""
    kept = parse(data, parser=Plugin() if parser == "plugin" else parser)

    assert kept.text.get("a", b"") == data
    assert len(kept.rows) == data.count(b"\n")


def test_a_file_that_is_written_to_meanwhile_is_an_error(tmp_path):
    """Even if what was read both times is the same."""
    path = tmp_path / "a.log"
    path.write_bytes(b"open 1\n")

    class Touches(Kept):
        def write(self, batch, source):
            super().write(batch, source)
            path.write_bytes(b"open 1\nopen 2\n")

    with pytest.raises(InputError, match="was changed while it was read"):
        pipeline.parse(open_sources([str(path)]), layout="<Content>", sink=Touches)


def test_a_compressed_log_that_ends_early_is_an_error_and_leaves_no_output(tmp_path):
    """A prefix of a log is not the log."""
    path = tmp_path / "a.log.gz"
    whole = gzip.compress(b"".join(b"open %d\n" % (i * i * i) for i in range(5000)))
    path.write_bytes(whole[: len(whole) // 2])
    sinks = Sinks()

    with pytest.raises(TruncatedInputError, match=r"a\.log\.gz"):
        pipeline.parse(open_sources([str(path)]), layout="<Content>", sink=sinks)

    assert all(sink.ended == "aborted" for sink in sinks)


def test_a_sink_that_fails_is_aborted_and_its_error_comes_out():
    """Whatever went wrong in it."""

    class Full(Kept):
        def write(self, batch, source):
            raise OSError(28, "No space left on device")

    made: list[Full] = []
    with pytest.raises(OSError, match="No space left"):
        pipeline.parse(
            [MemorySource(b"a 1\n" * 10)],
            layout="<Content>",
            threads=2,
            sink=lambda info: made.append(Full(info)) or made[-1],
        )

    assert made[0].ended == "aborted"


def test_a_stream_that_is_left_early_leaves_nothing_running():
    """Threads end with the generator."""
    before = threading.active_count()
    source = MemorySource(b"".join(b"open %d\n" % i for i in range(200_000)))
    batches = pipeline.stream(source, layout="<Content>", threads=3)
    next(batches)
    batches.close()

    assert threading.active_count() == before


def test_what_a_result_says_is_true():
    """Counts, places, examples and types of the templates, over two sources."""
    first = b"open 1 amy\nopen 2 bob\nready\n"
    result = pipeline.parse(
        [MemorySource(first), MemorySource(b"open 3 eve\n")], layout="<Content>", threads=1
    )
    (opened, ready) = (t for t in result.templates if result.counts[t.id])

    assert (result.lines, result.bytes, result.groups) == (4, len(first) + 11, 2)
    assert opened.text() == "open <*> <*>"
    assert result.counts[[opened.id, ready.id]].tolist() == [3, 1]
    assert result.first_line[[opened.id, ready.id]].tolist() == [1, 3]
    assert result.examples(opened.id)[0][:2] == [b"1", b"2"]
    assert opened.types[0] is LexicalClass.INTEGER


HOSTILE = {
    "every line another": b"".join(
        b"%s %s\n"
        % (b"abcdefghij"[i % 10 :: 3] * (i % 7 + 1), b"z" * (i % 50) + b"%x" % (i * 7919))
        for i in range(20_000)
    ),
    "one word per line": b"".join(
        bytes(97 + (i // 26**k) % 26 for k in range(4)) + b"\n" for i in range(50_000)
    ),
    "every spacing": b"".join(
        b"open" + b" " * (i % 100 + 1) + b"file" + b"\t" * (i // 100 + 1) + b"7\n"
        for i in range(10_000)
    ),
    "more tokens than a template has": b"".join(
        b"w%d " % (i % 7) * n + b"\n" for i in range(50) for n in (1023, 1024, 1025, 3000)
    ),
    "lines of a megabyte": (b"word 12 " * 131_072 + b"\n") * 8,
    "blank lines": b"\n" * 300_000,
    "words that fit everywhere": b"".join(
        b" ".join(
            b"abcd"[(i * 2654435761 >> k) % 4 : (i * 2654435761 >> k) % 4 + 1] for k in range(12)
        )
        + b"\n"
        for i in range(4_000)
    ),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_logs_made_to_be_slow_are_parsed_in_time(data):
    """Bounded work per line, whatever the lines; about a second each, a minute is failure."""
    digest = []

    class Renders(Kept):
        def write(self, batch, source):
            digest.append(batch.render())

    result = pipeline.parse(
        [MemorySource(data)], layout="<Content>", threads=2, sink=lambda info: Renders(info)
    )

    assert b"".join(digest) == data
    assert result.lines == data.count(b"\n")


def test_forgetting_groups_does_not_get_slower_with_their_number():
    """Every line opens a group and forgets one: the tenth part of the lines takes a tenth."""

    def seconds(count: int) -> float:
        log = [b"%x" % (i * 2654435761 % 2**32) + b"q" * (i % 9) for i in range(count)]
        parser = Drain(max_clusters=20, masks=(), sim_th=1.0)
        started = time.process_time()
        parser.fit(log)
        return time.process_time() - started

    seconds(1000)
    assert seconds(60_000) < 40 * max(seconds(6_000), 0.005)


def test_a_file_without_lines_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A binary file named by mistake; a line that is merely long is read."""
    monkeypatch.setattr(parsing, "MAX_LINE", 4 << 20)
    log = tmp_path / "app.log"
    log.write_bytes(b"a b\n" + bytes(5_000_000))
    assert pipeline.parse(str(log)).lines == 2

    log.write_bytes(b"a b\n" + bytes(20_000_000))
    with pytest.raises(InputError, match=r"more than 4,194,304 bytes: not a log of lines\?"):
        pipeline.parse(str(log))
