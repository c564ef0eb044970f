"""The core over arbitrary bytes: nothing is lost, and nothing depends on how the work was cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import LAYOUTS, MemorySource, log_files, messages, token_logs

from logpipe import native, pipeline
from logpipe.batch import TERMINATORS, ByteColumn, ParsedBatch
from logpipe.parsers import stream
from logpipe.parsers.align import Aligner
from logpipe.parsers.base import predict_by_templates
from logpipe.parsers.drain import Drain
from logpipe.parsers.drain3 import Drain3
from logpipe.template import LexicalClass, SlotKind, Template, TemplateTable

parameters = st.fixed_dictionaries(
    {
        "depth": st.integers(3, 6),
        "sim_th": st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.7, 1.0]),
        "max_children": st.sampled_from([1, 2, 3, 4, 100]),
        "max_clusters": st.sampled_from([None, None, None, 1, 2, 5]),
        "extra_delimiters": st.sampled_from(
            [(), (), (), ("=",), (":", "_"), ("-",), ("1",), ("a",)]
        ),
        "masks": st.sampled_from([(), ("atoms",), ("atoms",)]),
    }
)
layouts = st.sampled_from(LAYOUTS)
many = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@contextmanager
def cut(chunk: int, ahead: int) -> Iterator[None]:
    """Chunks of about so many bytes, matched so many ahead of what is learned."""
    with (
        patch.object(stream, "CHUNK", chunk),
        patch.object(stream, "_FIRST_CHUNK", chunk),
        patch.object(stream, "AHEAD", ahead),
        # Also on one thread, where what is matched too early does not depend on luck.
        patch.object(stream._Inline, "ahead", ahead),
    ):
        yield


cuts = st.tuples(st.sampled_from([1, 7, 30, 200]), st.sampled_from([1, 2, 3, 9]))
WHOLE = (1 << 20, 1)


def streamed(data: bytes, how: tuple[int, int], threads: int, **more: Any) -> list[ParsedBatch]:
    """All batches of a stream."""
    with cut(*how):
        return list(pipeline.stream(MemorySource(data, step=50), threads=threads, **more))


def rows(batches: list[ParsedBatch]) -> list[tuple[object, ...]]:
    """Everything that is said about each line."""
    found = []
    for batch in batches:
        for record, shape in zip(batch.records(), batch.shape_ids.tolist(), strict=True):
            template = batch.templates[record["template_id"]]
            record["variables"] = tuple(record["variables"])
            form = (template.group, template.literals, template.kinds)
            found.append((*record.items(), form, shape))
    return found


@many
@given(log_files(), layouts, cuts, st.sampled_from([1, 2, 4]), parameters)
@example(b"a\r\n\r\nb\r", LAYOUTS[0], (1, 1), 1, {})
@example(b"", LAYOUTS[0], (1, 1), 2, {})
def test_batches_render_to_exactly_the_bytes_of_the_source(data, layout, how, threads, params):
    """Bytes, line numbers, counts and sizes are those of the source, whatever it holds."""
    batches = streamed(data, how, threads, layout=layout, parser=Drain(**params))

    assert b"".join(batch.render() for batch in batches) == data
    lines = data.split(b"\n")[: -1 if data.endswith(b"\n") or not data else None]
    assert sum(map(len, batches)) == len(lines)
    numbers = [n for batch in batches for n in batch.line_numbers().tolist()]
    assert numbers == list(range(1, len(lines) + 1))
    assert [len(batch.render()) for batch in batches] == [batch.size for batch in batches]


@many
@given(log_files(), layouts, cuts, st.sampled_from([1, 2, 4]), parameters)
def test_results_depend_on_neither_threads_nor_chunks(data, layout, how, threads, params):
    """Template ids, groups, templates, variables and header fields are those of one big chunk."""
    expected = rows(streamed(data, WHOLE, 1, layout=layout, parser=Drain(**params)))

    assert rows(streamed(data, how, threads, layout=layout, parser=Drain(**params))) == expected
    assert rows(streamed(data, how, 1, layout=layout, parser=Drain(**params))) == expected


@many
@given(token_logs(), token_logs(), st.integers(0, 3), cuts, parameters)
def test_a_frozen_model_answers_alike_however_it_is_asked(train, test, blank, how, params):
    """Groups from a model are those of the parser that wrote it, by message, list or stream."""
    params |= {"max_clusters": None}
    parser = Drain(**params)
    learned = parser.fit_predict(train)
    spaced = [m.replace(b" ", [b" ", b"  ", b"\t", b" \t"][blank]) for m in test]
    log = train + spaced
    before = parser.core_.groups()
    predicted = parser.predict(log).tolist()
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.json")
        parser.save(path)
        data = b"".join(m + b"\n" for m in log)
        asked = {"layout": "<Content>", "model": path}
        one, two = (rows(streamed(data, *how, **asked)) for how in ((WHOLE, 1), (how, 2)))

    assert 0 not in learned.tolist()
    assert before == parser.core_.groups()
    assert [parser.predict([m]).tolist() for m in log] == [[group] for group in predicted]
    assert one == two
    assert [row[-2][0] for row in one] == predicted


def fits(parser: Drain, tokens: list[bytes | None], message: bytes) -> bool:
    """Whether a group's tokens describe a message: told by a Drain that knows nothing else."""
    alone = parser.new_core()
    alone.restore(tokens)
    arena = alone.pool.take()
    arena.put(message)
    alone.match_messages(arena, np.array([0, len(message)]), True)
    alone.learn([arena], None, True)
    return alone.template_ids(arena).tolist() != [0]


@many
@given(token_logs(max_lines=15), parameters)
def test_a_line_that_its_final_template_fits_is_predicted_as_it_was_learned(log, params):
    """Every learned message is predicted; where one group only fits it, the group it was given."""
    parser = Drain(**params | {"max_clusters": None})
    learned = parser.fit_predict(log).tolist()
    predicted = parser.predict(log).tolist()
    tokens = dict(enumerate((tokens for _, tokens in parser.core_.groups()), 1))

    assert 0 not in predicted
    for message, group, found in zip(log, learned, predicted, strict=True):
        fitting = [g for g, t in tokens.items() if fits(parser, t, message)]
        assert group in fitting
        assert found in fitting


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(token_logs(), parameters, st.integers(1, 9))
def test_without_masks_the_groups_are_those_of_drain3(log, params, piece):
    """Any parameters, few words, many collisions: the same partition, number by number."""
    params |= {"masks": ()}
    parser = Drain(**params)
    pieces = [parser.partial_fit(log[i : i + piece]) for i in range(0, len(log), piece)]

    expected = Drain3(**params).fit_predict(log).tolist()

    assert Drain(**params).fit_predict(log).tolist() == expected
    assert [group for groups in pieces for group in groups.tolist()] == expected


class Collect:
    """A sink that checks every line against its final template."""

    def __init__(self, info: Any) -> None:
        self.info = info
        self.bytes = b""
        self.values: dict[tuple[int, int], list[bytes]] = defaultdict(list)
        self.counts = np.zeros(len(info.templates), np.int64)

    def write(self, batch: ParsedBatch, source: str) -> None:
        self.bytes += batch.render()
        self.counts += np.bincount(batch.template_ids, minlength=len(self.counts))
        for record in batch.records():
            template = self.info.templates[record["template_id"]]
            assert template.render(record["variables"]) == record["message"]
            for slot, value in enumerate(record["variables"]):
                self.values[template.id, slot].append(value)

    def finish(self) -> None: ...

    def abort(self) -> None: ...


@many
@given(log_files(), layouts, cuts, st.sampled_from([1, 2]), parameters)
def test_final_templates_render_every_line(data, layout, how, threads, params):
    """After two passes every line has a final template; counts and types are true of its lines."""
    made: list[Collect] = []
    parser = Drain(**params)
    with cut(*how):
        result = pipeline.parse(
            [MemorySource(data)],
            parser=parser,
            layout=layout,
            threads=threads,
            sink=lambda info: made.append(Collect(info)) or made[-1],
        )

    assert made[0].bytes == data
    assert made[0].counts.tolist() == result.counts.tolist()
    assert sum(result.counts) == result.lines
    table, mapping = parser.core_.final_templates()
    early = zip(parser.core_.templates, mapping.tolist(), strict=True)
    # A slot that came to be later was judged by examples of the lines before.
    changed = {final for t, final in early if t.literals != table[final].literals}
    for (template_id, slot), values in made[0].values.items():
        if template_id and template_id not in changed:
            claimed = result.templates[template_id].types[slot]
            found = native.classify(ByteColumn.of(values))
            assert native.join_classes(claimed, found) == claimed, (claimed, found, values)
    for template_id, slot in made[0].values:
        if template_id in changed and any(made[0].values[template_id, slot]):
            assert result.templates[template_id].types[slot] is not LexicalClass.EMPTY


@many
@given(st.lists(messages, max_size=30), parameters)
def test_a_message_fits_what_its_template_became(log, params):
    """`final_templates` maps each template to one that renders all messages given the former."""
    parser = Drain(**params)
    core = parser.core_
    column = ByteColumn.of(log)
    arena = core.pool.take()
    arena.put(column.data)
    core.match_messages(arena, column.offsets.astype(np.int64))
    core.learn([arena], None)
    given_ids = core.template_ids(arena)

    table, mapping = core.final_templates()

    programs = native.Programs(table, core.delimiters)
    for message, template_id in zip(log, given_ids.tolist(), strict=True):
        variables = programs.variables(message, int(mapping[template_id]))
        assert variables is not None
        assert table[int(mapping[template_id])].render(variables) == message
        assert table[int(mapping[template_id])].group == core.templates[template_id].group


@many
@given(st.lists(messages, max_size=20), layouts, cuts)
def test_columns_rows_and_records_say_the_same(log, layout, how):
    """The same variables by column, by line, by record; the same messages; the same fields."""
    for batch in streamed(b"\n".join(log), how, 1, layout=layout):
        records = list(batch.records())
        offsets, values = batch.line_variables
        assert [r["message"] for r in records] == list(batch.messages)
        assert [r["template_id"] for r in records] == batch.template_ids.tolist()
        assert len(values) == len(batch.values)
        assert [r["line_no"] for r in records] == batch.line_numbers().tolist()
        seen = 0
        for template_id, (_, count) in batch.present.items():
            lines = batch.rows(template_id).tolist()
            assert len(lines) == count
            seen += count
            for slot in range(batch.templates[template_id].slots):
                column = list(batch.column(template_id, slot))
                assert column == [records[i]["variables"][slot] for i in lines]
                assert column == [values[int(offsets[i]) + slot] for i in lines]
        assert seen == len(batch)
        assert all(0 <= t < len(TERMINATORS) for t in batch.terminators.tolist())


literals = st.lists(
    st.one_of(st.sampled_from([b"", b" ", b"a", b"ab ", b" = ", b"<*>"]), st.binary(max_size=3)),
    min_size=1,
    max_size=4,
)
kinds = st.sampled_from([SlotKind.ANY, SlotKind.ANY, SlotKind.TOKEN, SlotKind.ATOM])


@st.composite
def claims(draw: st.DrawFn) -> list[Template]:
    """Templates as a parser might claim them."""
    found = []
    for _ in range(draw(st.integers(0, 5))):
        parts = draw(literals)
        slots = tuple(draw(kinds) for _ in parts[1:])
        found.append(Template(0, draw(st.integers(1, 3)), tuple(parts), slots))
    return found


@st.composite
def claimed_messages(draw: st.DrawFn, templates: list[Template]) -> list[bytes]:
    """Messages that mostly fit, or nearly."""
    found = []
    for _ in range(draw(st.integers(0, 8))):
        if not templates or draw(st.integers(0, 3)) == 0:
            found.append(draw(messages))
            continue
        template = draw(st.sampled_from(templates))
        values = [draw(st.sampled_from([b"x", b"12", b"a b", b"", b" "])) for _ in template.kinds]
        text = template.render(values)
        found.append(text.replace(b" ", draw(st.sampled_from([b" ", b"  ", b"\t", b"="]))))
    return found


@many
@given(claims(), st.data(), st.sampled_from([b"", b"=", b"a:"]))
def test_the_aligner_renders_whatever_is_claimed(templates, data, delimiters):
    """Any templates, any groups: the message comes out, in the group that the parser gave it."""
    log = data.draw(claimed_messages(templates))
    groups = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(log), max_size=len(log))))
    aligner = Aligner(templates, delimiters)
    column = ByteColumn.of(log)

    ids = aligner.align(column, groups.astype(np.uint32))

    batch = aligner.programs.align_messages(native.ArenaPool(), column, ids)
    assert isinstance(batch, ParsedBatch)
    assert list(batch.messages) == log
    assert [aligner.table[t].group for t in ids.tolist()] == groups.tolist()


@many
@given(claims(), st.data())
def test_predicting_by_templates_gives_a_group_that_fits_or_none(templates, data):
    """Where a template fits exactly the group is one of those that do, else spacing differs."""
    log = data.draw(claimed_messages(templates))
    groups = predict_by_templates(templates, log).tolist()

    table = TemplateTable()
    for template in templates:
        table.append(template.group, template.literals, template.kinds)
    programs = native.Programs(table)
    for message, group in zip(log, groups, strict=True):
        fitting = {
            t.group for t in list(table)[1:] if programs.variables(message, t.id) is not None
        }
        assert group in fitting if fitting else True


@given(st.lists(messages, max_size=20))
def test_the_class_of_a_column_is_the_join_of_the_classes_of_its_values(values):
    """Which is what lets types be learned batch by batch."""
    joined = LexicalClass.EMPTY
    for value in values:
        joined = native.join_classes(joined, native.classify(ByteColumn.of([value])))

    assert native.classify(ByteColumn.of(values)) == joined
