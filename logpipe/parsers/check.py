"""`check_parser`: the conformance suite for parsers, for the tests of whoever writes one.

```python
from logpipe.parsers.check import check_parser

def test_conforms(tmp_path):
    check_parser(lambda: MyParser(threshold=3))
```

Each check is a function that takes a factory and raises `AssertionError` with what was expected,
what was found, and on which messages. A factory is called often and gives a parser that has not
learned anything; its parameters are those of the parser that is to be used.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from logpipe.batch import ByteColumn, ParsedBatch
from logpipe.errors import ParserError
from logpipe.native import ArenaPool, Matcher
from logpipe.parsers.align import Aligner
from logpipe.parsers.base import Groups, Parser, checked_groups, checked_templates

__all__ = ["CHECKS", "SAMPLE", "check_parser"]

Factory = Callable[[], Parser]

SAMPLE: tuple[bytes, ...] = (
    *(
        b"session opened for user %s by (uid=%d)" % (u, i)
        for i, u in enumerate([b"amy", b"bob"] * 4)
    ),
    *(b"Connection from 10.0.0.%d port %d" % (i, 4000 + i) for i in range(6)),
    *(b"took %d.%d ms" % (i, i * 7 % 10) for i in range(6)),
    b"server is ready",
    b"server is ready",
    b"job 7 failed: No space left on device",
    b"job  8  failed: No space left on device",
    b"\tindented, and with a blank at the end ",
)
"""Messages that any parser can be expected to group somehow."""

HOSTILE: tuple[bytes, ...] = (
    b"",
    b" ",
    b"\0",
    b"\xff",
    b"caf\xc3 \xe9t\xe9 42",
    "café 😀 42".encode(),
    b"<*>",
    b"value <*> of 7",
    b"value <*> of 8",
    b"value 5 of 8",
    b"tab\there\rand there",
    b"(((( [[[ \\d+ .* $^ |",
    b"x" * 3000,
    b"a b " * 700,
)
"""Messages that are legal and unpleasant."""


def check_parser(factory: Factory) -> None:
    """Runs every check on the parsers that a factory gives.

    Args:
        factory: called without arguments, gives a new parser each time.

    Raises:
        AssertionError: the parser breaks its contract; the message says how, and names the check.
    """
    for name, check in CHECKS.items():
        try:
            check(factory)
        except AssertionError as error:
            raise AssertionError(f"{_name(factory())}, {name}: {error}") from error
        except ParserError as error:
            raise AssertionError(f"{_name(factory())}, {name}: {error}") from error


def _name(parser: object) -> str:
    return type(parser).__name__


def _fitted(factory: Factory, messages: Sequence[bytes]) -> tuple[Parser, Groups]:
    """A parser that learned the messages, and the group of each."""
    parser = factory()
    groups = checked_groups(_name(parser), parser.fit_predict(list(messages)), len(messages))
    return parser, groups


def _predicted(parser: Parser, messages: Sequence[bytes] | ByteColumn) -> Groups:
    return checked_groups(_name(parser), parser.predict(messages), len(messages))


def _same(what: str, expected: Groups, found: Groups, messages: Sequence[bytes]) -> None:
    differs = np.flatnonzero(expected != found)
    if len(differs):
        i = int(differs[0])
        raise AssertionError(
            f"{what}: message {i + 1} of {len(messages)}, {messages[i][:60]!r}, is in group "
            f"{found[i]}, expected {expected[i]}"
        )


def _stores_parameters(factory: Factory) -> None:
    """The constructor keeps its parameters under their own names, and learns nothing."""
    parser = factory()
    for name, parameter in inspect.signature(type(parser)).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if not hasattr(parser, name):
            raise AssertionError(
                f"the parameter {name!r} is not stored; expected an attribute of that name"
            )
        given = parameter.default
        if (
            given is not parameter.empty
            and getattr(type(parser)(**_required(parser)), name) != given
        ):
            raise AssertionError(
                f"the parameter {name!r} is not stored as it was given: expected {given!r}, found "
                f"{getattr(type(parser)(**_required(parser)), name)!r}"
            )


def _required(parser: object) -> dict[str, object]:
    """The parameters that have no default, with their values."""
    found = inspect.signature(type(parser)).parameters.values()
    return {
        p.name: getattr(parser, p.name)
        for p in found
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }


def _fitting_changes_no_parameter(factory: Factory) -> None:
    """What was given to the constructor is still there after fitting."""
    parser = factory()
    if not hasattr(parser, "get_params"):
        return
    before = {name: repr(value) for name, value in parser.get_params().items()}
    parser.fit_predict(list(SAMPLE))
    for name, value in parser.get_params().items():
        if repr(value) != before[name]:
            raise AssertionError(
                f"fit changed the parameter {name!r} from {before[name]} to {value!r}; what is "
                f"learned belongs into an attribute whose name ends in _"
            )


def _empty_input(factory: Factory) -> None:
    """No messages give no groups."""
    parser, groups = _fitted(factory, [])
    _predicted(parser, [])
    assert len(groups) == 0


def _one_message(factory: Factory) -> None:
    """One message is a group of its own."""
    parser, groups = _fitted(factory, SAMPLE[:1])
    if groups[0] == 0:
        raise AssertionError('a message that was learned is in group 0, "unknown"')
    _same("predict after fitting one message", groups, _predicted(parser, SAMPLE[:1]), SAMPLE)


def _duplicates(factory: Factory) -> None:
    """Equal messages are in one group."""
    _, groups = _fitted(factory, [b"one and the same 7"] * 50)
    if len(set(groups.tolist())) != 1:
        raise AssertionError(f"50 equal messages are in groups {sorted(set(groups.tolist()))}")


def _columns_as_lists(factory: Factory) -> None:
    """A column of messages is as good as a list, wherever in its data it begins."""
    _, expected = _fitted(factory, SAMPLE)
    column = ByteColumn.of([b"before", *SAMPLE, b"after"]).slice(1, len(SAMPLE) + 1)
    parser = factory()
    found = checked_groups(_name(parser), parser.fit_predict(column), len(column))
    _same("the same messages as a ByteColumn", expected, found, SAMPLE)


def _deterministic(factory: Factory) -> None:
    """The same messages give the same groups, also the second time with the same parser."""
    parser, first = _fitted(factory, SAMPLE)
    _same("a second parser", first, _fitted(factory, SAMPLE)[1], SAMPLE)
    again = checked_groups(_name(parser), parser.fit_predict(list(SAMPLE)), len(SAMPLE))
    _same("fitting a second time, which forgets the first", first, again, SAMPLE)


def _input_not_modified(factory: Factory) -> None:
    """The messages are only read."""
    column = ByteColumn.of(SAMPLE)
    offsets, data = column.offsets.copy(), column.data.tobytes()
    parser = factory()
    parser.fit_predict(column)
    parser.predict(column)
    if not np.array_equal(offsets, column.offsets) or data != column.data.tobytes():
        raise AssertionError("the parser wrote to the messages it was given")


def _hostile_messages(factory: Factory) -> None:
    """Broken UTF-8, NUL, `<*>` and long messages are messages."""
    for messages in (HOSTILE, *([m] for m in HOSTILE)):
        parser, _ = _fitted(factory, messages)
        _predicted(parser, messages)


def _marker_is_text(factory: Factory) -> None:
    """A parser that has met the text `<*>` still renders lines exactly."""
    _renders(factory, [b"value <*> of 7", b"value <*> of 8", b"value 3 of 8", b"<*>", b"<*> <*>"])


def _predict_in_pieces(factory: Factory) -> None:
    """Where batches end does not matter: predicting in pieces is predicting the whole."""
    parser, _ = _fitted(factory, SAMPLE)
    more = [*SAMPLE, b"never seen before", *SAMPLE[::-1]]
    whole = _predicted(parser, more)
    for size in (1, 3, 7):
        pieces = [_predicted(parser, more[i : i + size]) for i in range(0, len(more), size)]
        _same(f"predicting {size} at a time", whole, np.concatenate(pieces), more)


def _predict_learns_nothing(factory: Factory) -> None:
    """Predicting strange messages changes no later answer."""
    parser, _ = _fitted(factory, SAMPLE)
    before = _predicted(parser, SAMPLE)
    _predicted(parser, [b"strange %d" % i for i in range(30)])
    _same("predicting again after other messages", before, _predicted(parser, SAMPLE), SAMPLE)


def _partial_fit_in_pieces(factory: Factory) -> None:
    """An online parser gives the same groups however its input is cut.

    One that is run by its table learns from samples, and is not asked for that.
    """
    if not callable(getattr(factory(), "partial_fit", None)):
        return
    if type(factory()).matcher is not Parser.matcher:
        return
    _, whole = _fitted(factory, SAMPLE)
    for size in (1, 4, 9):
        parser = factory()
        pieces = []
        for i in range(0, len(SAMPLE), size):
            piece = list(SAMPLE[i : i + size])
            groups = parser.partial_fit(piece)  # type: ignore[attr-defined]
            pieces.append(checked_groups(_name(parser), groups, len(piece)))
        _same(f"partial_fit {size} at a time", whole, np.concatenate(pieces), SAMPLE)


def _templates_for_groups(factory: Factory) -> None:
    """Every group that was given out at the end has a template."""
    parser, groups = _fitted(factory, SAMPLE)
    templates = checked_templates(_name(parser), getattr(parser, "templates_", None))
    without = set(_predicted(parser, SAMPLE).tolist()) - {t.group for t in templates} - {0}
    if without:
        i = next(i for i, group in enumerate(groups.tolist()) if group in without)
        raise AssertionError(
            f"groups {sorted(without)} have no template, for example that of {SAMPLE[i][:60]!r}"
        )


def _matcher_agrees(factory: Factory) -> None:
    """A parser that is run by its table predicts what the table gives."""
    parser, _ = _fitted(factory, SAMPLE)
    matcher = getattr(parser, "matcher", lambda: None)()
    if matcher is None:
        return
    if not isinstance(matcher, Matcher):
        raise AssertionError(f"expected a logpipe.native.Matcher or None, found {matcher!r:.60}")
    for messages in (SAMPLE, HOSTILE):
        found = matcher.groups(ByteColumn.of(messages))
        _same("predict beside matcher().groups", found, _predicted(parser, messages), messages)


def _renders(factory: Factory, messages: Sequence[bytes]) -> None:
    parser, groups = _fitted(factory, messages)
    aligner = Aligner(
        checked_templates(_name(parser), getattr(parser, "templates_", None)),
        "".join(getattr(parser, "extra_delimiters", ())).encode(),
    )
    column = ByteColumn.of(messages)
    ids = aligner.align(column, groups)
    batch = aligner.programs.align_messages(ArenaPool(), column, ids)
    if not isinstance(batch, ParsedBatch):
        raise AssertionError(f"after align, {messages[batch]!r:.80} does not fit its template")
    for message, found, template_id, group in zip(
        messages, batch.messages, ids.tolist(), groups.tolist(), strict=True
    ):
        if found != message or aligner.table[template_id].group != group:
            raise AssertionError(
                f"after align, {message!r:.80} is rendered as {found!r:.80} in group "
                f"{aligner.table[template_id].group}, expected group {group}"
            )


def _exact_after_align(factory: Factory) -> None:
    """The invariant of the project: template and variables give exactly the message."""
    _renders(factory, SAMPLE)
    _renders(factory, HOSTILE)


def _save_and_load(factory: Factory) -> None:
    """A loaded parser predicts what the saved one did."""
    parser, _ = _fitted(factory, SAMPLE)
    more = [*SAMPLE, b"never seen before"]
    expected = _predicted(parser, more)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        parser.save(path)
        loaded = type(parser).load(path)
    _same("after save and load", expected, _predicted(loaded, more), more)


CHECKS: dict[str, Callable[[Factory], None]] = {
    check.__name__.strip("_").replace("_", " "): check
    for check in (
        _stores_parameters,
        _fitting_changes_no_parameter,
        _empty_input,
        _one_message,
        _duplicates,
        _columns_as_lists,
        _deterministic,
        _input_not_modified,
        _hostile_messages,
        _marker_is_text,
        _predict_in_pieces,
        _predict_learns_nothing,
        _partial_fit_in_pieces,
        _templates_for_groups,
        _matcher_agrees,
        _exact_after_align,
        _save_and_load,
    )
}
"""The checks by name, in the order in which `check_parser` makes them."""
