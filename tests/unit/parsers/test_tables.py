"""Parsers whose learned state is a table of templates, and the passes that run them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipe import native, pipeline
from logpipe.batch import ByteColumn
from logpipe.errors import ParserError
from logpipe.native import Matcher
from logpipe.parsers import stream
from logpipe.parsers.base import Groups, Messages, Parser, as_column
from logpipe.parsers.check import check_parser
from logpipe.parsers.tables import Sample
from logpipe.template import SlotKind, Template
from tests.strategies import MemorySource, log_files, messages


class Digits(Parser):
    """One group for all messages that are equal but for the fields with digits in them."""

    def __init__(self, sample_lines: int = 1 << 18) -> None:
        self.sample_lines = sample_lines

    def fit_predict(self, messages: Messages) -> Groups:
        self._forget()
        return self.partial_fit(messages)

    def _forget(self) -> None:
        self.matcher_ = Matcher()
        self.seen_: list[int] = []

    def partial_fit(self, messages: Messages) -> Groups:
        column = as_column(messages)
        if not hasattr(self, "seen_"):
            self._forget()
        self.seen_.append(len(column))
        known = {t.literals for t in self.matcher_.templates}
        for message in column:
            pieces = re.split(rb"((?<![^ ])[!-~]*[0-9][!-~]*(?![^ ]))", message)
            literals = tuple(pieces[::2])
            if literals not in known:
                known.add(literals)
                kinds = (SlotKind.CODE,) * (len(literals) - 1)
                group = len(self.matcher_.templates)
                self.matcher_.append([Template(0, group, literals, kinds)])
        return self.predict(column)

    @property
    def templates_(self) -> Sequence[Template]:  # type: ignore[override]
        return list(self.matcher_.templates)[1:]

    def matcher(self) -> Matcher:
        return self.matcher_

    def predict(self, messages: Messages) -> Groups:
        return self.matcher_.groups(as_column(messages))


def rendered(source: MemorySource, **options: object) -> tuple[bytes, list[int], list[object]]:
    """What all passes give: the bytes again, the template ids, the templates."""
    ids: list[int] = []
    data = bytearray()

    class Sink:
        def write(self, batch, _):
            ids.extend(batch.template_ids.tolist())
            data.extend(batch.render())

        def finish(self):
            pass

        abort = finish

    result = pipeline.parse([source], sink=lambda _: Sink(), layout="plain", **options)
    assert result.counts.tolist() == np.bincount(ids, minlength=len(result.templates)).tolist()
    return bytes(data), ids, [(t.group, t.literals) for t in result.templates]


def test_a_parser_with_a_table_passes_the_suite():
    """The contract is the same for all."""
    check_parser(Digits)


@settings(deadline=None, max_examples=60)
@given(log_files(), st.sampled_from([1, 3, 1 << 18]))
def test_nothing_is_lost_and_neither_threads_nor_chunks_matter(data, lines):
    """The invariant, and the same table and ids however the log was cut."""
    expected = None
    for threads, chunk in ((1, 1 << 19), (1, 7), (3, 50)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stream, "CHUNK", chunk)
            patch.setattr(stream, "_FIRST_CHUNK", chunk)
            found = rendered(MemorySource(data), parser=Digits(lines), threads=threads)
        assert found[0] == data
        expected = expected or found
        assert found == expected


def test_a_matcher_that_disagrees_with_predict_does_not_pass():
    """A parse would give other groups than the parser says."""

    class Odd(Digits):
        def predict(self, messages):
            return np.maximum(super().predict(messages), 1)

    with pytest.raises(AssertionError, match="matcher"):
        check_parser(Odd)


def test_what_the_sample_lacked_is_learned_from_what_fits_nothing():
    """Later rounds see the rare lines only, and the ids of earlier ones stay."""
    lines = [b"job %d done" % i for i in range(3000)]
    lines[100::300] = [b"rare%s line 7" % (b"x" * i) for i in range(10)]
    parser = Digits(sample_lines=200)
    data = b"\n".join(lines)
    again, ids, templates = rendered(MemorySource(data), parser=parser)
    assert again == data
    assert 0 not in ids
    assert len(parser.seen_) > 1
    assert max(parser.seen_) <= 200
    assert ids[:3] == [1, 1, 1]
    assert len(templates) == 12


def test_other_white_space_makes_a_template_of_the_same_group():
    """It is found without learning, also by a saved model that learns nothing any more."""
    log = MemorySource(b"user 7 in\nuser 8 in\n")
    parser = Digits()
    rendered(log, parser=parser)
    spaced = b"user  9  in\nuser 8 in\n\tuser 7 in"
    data, ids, templates = rendered(MemorySource(spaced), parser=FrozenDigits(parser))
    assert data == spaced
    assert [templates[i] for i in ids] == [
        (1, (b"user  ", b"  in")),
        (1, (b"user ", b" in")),
        (1, (b"\tuser ", b" in")),
    ]


class FrozenDigits(Digits):
    """The same parser, only that fitting does nothing."""

    def __init__(self, parser: Digits) -> None:
        super().__init__()
        self.parser = parser
        self.matcher_ = parser.matcher_
        self.partial_fit = None  # type: ignore[assignment, method-assign]

    def fit_predict(self, messages: Messages) -> Groups:
        return self.predict(messages)


def test_a_saved_model_runs_natively(tmp_path):
    """In one pass, and in the passes of `parse`: what fits nothing is in group 0."""
    parser = Digits().fit([b"job 7 done", b"x"])
    path = tmp_path / "model.json"
    parser.save(path)
    data = b"job 9 done\nno\nx\n"
    (batch,) = pipeline.stream(MemorySource(data), model=str(path), layout="plain")
    assert batch.template_ids.tolist() == [1, 0, 2]
    again, ids, _ = rendered(MemorySource(data), model=str(path))
    assert (again, ids) == (data, [1, 0, 2])


@pytest.mark.parametrize("partial_fit", ["changes", "shrinks"])
def test_a_parser_that_changes_its_templates_is_told_so(partial_fit):
    """Ids that were given out would mean something else."""

    class Wrong(Digits):
        def partial_fit(self, messages):
            if len(getattr(self, "seen_", ())):
                self.matcher_ = Matcher()
                if partial_fit == "changes":
                    self.matcher_.append([Template(0, 1, (b"else",))] * 10)
            return super().partial_fit(messages)

    data = b"\n".join(b"%s 7" % (b"x" * (i // 5)) for i in range(250))
    with pytest.raises(ParserError, match="changed templates"):
        rendered(MemorySource(data), parser=Wrong(sample_lines=5))


def test_a_parser_that_fails_is_named():
    """Whose mistake it is, and in which step."""

    class Failing(Digits):
        def fit_predict(self, messages):
            raise RuntimeError("no idea")

    with pytest.raises(ParserError, match=r"memory: parser 'Failing' failed in fit: .*no idea"):
        rendered(MemorySource(b"a\n"), parser=Failing())


@given(st.lists(st.tuples(messages, st.integers(0, 6)), max_size=30), st.integers(1, 12))
def test_a_sample_does_not_depend_on_how_it_came(rows, bound):
    """It has the messages of the lowest level that fits, in order."""
    pieces = []
    for step in (1, 4, 100):
        sample = Sample(bound, 60)
        for i in range(0, len(rows), step):
            part = rows[i : i + step]
            sample.add(
                ByteColumn.of([m for m, _ in part]), np.array([n for _, n in part], np.uint8)
            )
        kept = list(sample.column())
        assert kept == [m for m, n in rows if n >= sample.level]
        assert len(kept) <= bound
        assert sum(map(len, kept)) <= 60
        pieces.append(kept)
    assert pieces[0] == pieces[1] == pieces[2]


@given(st.lists(messages, max_size=8), st.data())
def test_take_copies_the_values_at_some_positions(values, data):
    """As indexing does, in any order."""
    rows = data.draw(st.lists(st.integers(0, max(len(values) - 1, 0)), max_size=8))
    rows = rows if values else []
    taken = native.take(ByteColumn.of(values), np.array(rows, np.int64))
    assert list(taken) == [values[i] for i in rows]


def test_take_refuses_positions_outside():
    """The native core checks what it is given."""
    for row in (-1, 2, 2**40):
        with pytest.raises(native.library.NativeError, match="outside"):
            native.take(ByteColumn.of([b"a", b"b"]), np.array([row]))
