"""The conformance suite: what ships passes, and each way to break the contract is told apart."""

from __future__ import annotations

import doctest
from collections.abc import Callable

import numpy as np
import pytest

from logpipe.batch import ByteColumn
from logpipe.parsers import base
from logpipe.parsers.base import Parser, as_column, predict_by_templates, text_template
from logpipe.parsers.check import CHECKS, check_parser
from logpipe.parsers.drain import Drain
from logpipe.parsers.drain3 import Drain3
from logpipe.parsers.text import TextParser


class FirstWord(Parser):
    """One group per first word: a parser as short as it gets, and right."""

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def fit_predict(self, messages):
        words = [self.word(message) for message in as_column(messages)]
        known = {word: group for group, word in enumerate(dict.fromkeys(words), 1)}
        self.templates_ = [text_template(group, word + b"<*>") for word, group in known.items()]
        return np.array([known[word] for word in words], np.uint32)

    def word(self, message: bytes) -> bytes:
        return message.split(b" ")[0].split(b"<*>")[0]

    def predict(self, messages):
        return predict_by_templates(self.templates_, messages)


def first_words(texts: list[str]) -> list[str]:
    return [text.split(" ")[0] + " <*>" if " " in text else text for text in texts]


def docstring_example() -> Callable[[], Parser]:
    """The class that the docstring of logpipe.parsers.base shows."""
    names = dict(vars(base))
    test = doctest.DocTestParser().get_doctest(base.__doc__, names, "base", None, 0)
    doctest.DocTestRunner(verbose=False).run(test, clear_globs=False)
    return test.globs["FirstWord"]


@pytest.mark.parametrize(
    "factory",
    [
        Drain,
        lambda: Drain(masks=()),
        lambda: Drain(depth=5, sim_th=0.6, extra_delimiters=["=", ":"]),
        lambda: Drain(masks=[r"\d+", r"\buser \w+"], extra_delimiters=["="]),
        Drain3,
        lambda: Drain3(masks=[r"\d+"], extra_delimiters=["="]),
        lambda: TextParser(first_words),
        FirstWord,
        docstring_example(),
    ],
    ids=[
        *("drain", "drain-unmasked", "drain-parameters", "drain-expressions"),
        *("drain3", "drain3-masks", "text", "first-word", "docstring"),
    ],
)
def test_parsers_that_keep_the_contract_pass(factory):
    """Everything that ships, and the example that plug-in authors start from."""
    check_parser(factory)


class Renames(FirstWord):
    def __init__(self, size: int = 1) -> None:
        self.length = size


class Adjusts(FirstWord):
    def __init__(self, size: int = 1) -> None:
        self.size = size + 1


class ChangesParameter(FirstWord):
    def fit_predict(self, messages):
        self.size = 5
        return super().fit_predict(messages)


class NeedsInput(FirstWord):
    def fit_predict(self, messages):
        assert len(messages) > 0, "no messages"
        return super().fit_predict(messages)


class UnknownFirst(FirstWord):
    def fit_predict(self, messages):
        return super().fit_predict(messages) - 1


class Numbers(FirstWord):
    def fit_predict(self, messages):
        super().fit_predict(messages)
        return np.arange(1, len(messages) + 1, dtype=np.uint32)


class ListsOnly(FirstWord):
    def fit_predict(self, messages):
        first = messages.data if isinstance(messages, ByteColumn) else None
        groups = super().fit_predict(messages)
        return groups if first is None else groups + 1


class Remembers(FirstWord):
    def fit_predict(self, messages):
        self.fits = getattr(self, "fits", 0) + 1
        return super().fit_predict(messages) + np.uint32(self.fits - 1)


class Writes(FirstWord):
    def predict(self, messages):
        groups = super().predict(messages)
        if isinstance(messages, ByteColumn):
            messages.offsets[0] = messages.offsets[1]
        return groups


class NeedsText(FirstWord):
    def word(self, message):
        return message.decode().split(" ")[0].split("<*>")[0].encode()


class LooksAtTheBatch(FirstWord):
    def predict(self, messages):
        groups = super().predict(messages)
        groups[len(groups) // 2 + 1 :] = 0
        return groups


class LearnsAlways(FirstWord):
    def predict(self, messages):
        groups = super().predict(messages)
        if b"strange 1" in list(as_column(messages)):
            self.templates_ = []
        return groups


class PiecesMatter(FirstWord):
    def partial_fit(self, messages):
        return self.fit_predict(messages)


class NoTemplates(FirstWord):
    def fit_predict(self, messages):
        groups = super().fit_predict(messages)
        self.kept_, self.templates_ = self.templates_, self.templates_[:1]
        return groups

    def predict(self, messages):
        return predict_by_templates(self.kept_, messages)


class TextsForTemplates(FirstWord):
    def fit_predict(self, messages):
        groups = super().fit_predict(messages)
        self.kept_, self.templates_ = self.templates_, ["open <*>"]
        return groups

    def predict(self, messages):
        return predict_by_templates(self.kept_, messages)


class TooFew(FirstWord):
    def predict(self, messages):
        return super().predict(messages)[:-1]


class Fractions(FirstWord):
    def fit_predict(self, messages):
        return super().fit_predict(messages) / 2


class Negative(FirstWord):
    def fit_predict(self, messages):
        return -super().fit_predict(messages).astype(int)


class TooLarge(FirstWord):
    def fit_predict(self, messages):
        return super().fit_predict(messages).astype(np.int64) + 2**32


class LosesState(FirstWord):
    def save(self, path):
        kept, self.templates_ = self.templates_, self.templates_[1:]
        super().save(path)
        self.templates_ = kept


@pytest.mark.parametrize(
    ("broken", "check", "says"),
    [
        (Renames, "stores parameters", "'size' is not stored; expected an attribute"),
        (Adjusts, "stores parameters", "expected 1, found 2"),
        (ChangesParameter, "fitting changes no parameter", "'size' from 1 to 5"),
        (NeedsInput, "empty input", "no messages"),
        (UnknownFirst, "one message", "group 0"),
        (Numbers, "duplicates", "50 equal messages"),
        (ListsOnly, "columns as lists", "b'session opened"),
        (Remembers, "deterministic", "second time"),
        (Writes, "input not modified", "wrote to the messages"),
        (LooksAtTheBatch, "predict in pieces", "at a time: message"),
        (LearnsAlways, "predict learns nothing", "after other messages"),
        (PiecesMatter, "partial fit in pieces", "partial_fit 1 at a time: message 9"),
        (NoTemplates, "templates for groups", "have no template"),
        (TextsForTemplates, "marker is text", "expected a logpipe.template.Template"),
        (TooFew, "one message", "answered (0,) groups for 1 messages"),
        (Fractions, "one message", "float64"),
        (Negative, "one message", "group -1 for message 1"),
        (TooLarge, "one message", "group 4294967297"),
        (LosesState, "save and load", "is in group 0"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_parser_that_breaks_its_contract_is_told_how(broken, check, says):
    """The message names the parser, the check, and what was found."""
    with pytest.raises(AssertionError) as caught:
        check_parser(broken)

    assert str(caught.value).startswith(f"{broken.__name__}, {check}: ")
    assert says in str(caught.value)


def test_a_parser_that_fails_on_some_bytes_fails_the_suite_with_its_own_error():
    """An exception of the parser itself is the best description of what is wrong."""
    with pytest.raises(UnicodeDecodeError):
        check_parser(NeedsText)


def test_every_check_says_what_it_holds():
    """The names are those of the messages, and each has a sentence."""
    assert len(CHECKS) == 17
    assert all(check.__doc__ for check in CHECKS.values())
