"""The parser: forms learned from samples, kept as exact templates, matched natively.

Learning looks at some ten thousand lines at a time, whatever the length of the log: those that no
template fits yet are sampled again, and learned together with what is known. Everything is done on
distinct masked messages with counts, in an order that depends on them alone, so that the same lines
in another order give the same templates, as long as they are all in the sample.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from logpipe.batch import ByteColumn
from logpipe.errors import ModelError, UsageError
from logpipe.native import Matcher
from logpipe.native import take as rows_of
from logpipe.parsers import model
from logpipe.parsers.base import Groups, Messages, Parser, as_column
from logpipe.parsers.iterative.categories import Category
from logpipe.parsers.iterative.grouping import GROUP_RULES, group, series
from logpipe.parsers.iterative.keeping import SlotCategories, categories_of_values, kept
from logpipe.parsers.iterative.lexing import lexer
from logpipe.parsers.iterative.mask import mark, masked
from logpipe.parsers.iterative.mask_rules import RULES, Mask
from logpipe.parsers.iterative.saving import decoded, encoded
from logpipe.parsers.iterative.templates import Shape, respaced, shape_of, squeezed
from logpipe.template import UNKNOWN_GROUP, Template, TemplateTable

if TYPE_CHECKING:
    from logpipe.parsers.iterative.report import TemplateReport

__all__ = ["Iterative", "rule_names"]

_FIELD = mark(Mask.FIELD)

ROUNDS = 8
"""How often what fitted nothing is sampled again."""

MASKED_BYTES = 16 << 20
"""Bytes of distinct masked messages that are compared at a time; the rest waits for a round."""

MOST_KNOWN = 1 << 13
"""Forms known from earlier rounds that new ones are compared with, the heaviest."""

LEADING = 100
"""Lines of a sample that must begin alike to make a group when nothing better can be learned."""

MOST_LEADING = 64
"""Bytes of what they begin with."""

LITERAL_BYTES = 64 << 20
"""Literal bytes of all templates together; what would need more is not learned."""


class Iterative(Parser):
    """Iterative clustering of masked messages, one configuration for all logs.

    Args:
        sample_lines: lines that are learned from at a time; a log with fewer is learned whole.
        max_templates: templates kept; what would need more stays unknown.
        keep: categories of variables that stay in the template text, as `OID,STC`: each of their
            values makes a template of its own, up to `logpipe.parsers.iterative.keeping.MOST`.
        off: names of rules that are not to be used, for measuring.

    Attributes:
        templates_: exact templates; several per group where spacing or values differ in number.
        forms_: per group, the masked text that `logpipe.export.styles` prints for it.
        work_: characters, fields and tokens that were compared so far; what bounds it are the
            constants here and in `bounds` and `similar`, per round, whatever the messages are.
    """

    def __init__(
        self,
        sample_lines: int = 1 << 15,
        max_templates: int = 1 << 16,
        keep: str = "",
        off: Sequence[str] = (),
    ) -> None:
        self.sample_lines = sample_lines
        self.max_templates = max_templates
        self.keep = keep
        self.off = off
        self._check()
        self._forget()

    def _check(self) -> None:
        for name in ("sample_lines", "max_templates"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise UsageError(f"iterative: {name} must be a number from 1, found {value!r:.60}")
        if not isinstance(self.keep, str):
            raise UsageError(
                f"iterative: keep must be a text like OID,STC, found {self.keep!r:.60}"
            )
        for name in filter(None, self.keep.split(",")):
            if name.strip() not in Category.__members__:
                raise UsageError(
                    f"iterative: there is no category {name.strip()!r}; "
                    f"known: {', '.join(Category.__members__)}"
                )
        texts = self.off if isinstance(self.off, list | tuple) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise UsageError(f"iterative: off must be a list of rules, found {self.off!r:.60}")
        for name in self.off:
            if name not in rule_names():
                near = get_close_matches(name, rule_names(), 1)
                raise UsageError(
                    f"iterative: there is no rule {name!r:.60} that off could name"
                    + (f"; did you mean {near[0]!r}?" if near else "")
                )

    def _forget(self) -> None:
        self.templates_: list[Template] = []
        self.forms_: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        self._group_of: dict[str, int] = {}
        self._known: set[Shape] = set()
        self._literal_bytes = 0
        self.work_ = 0
        self._table = Matcher()

    @property
    def kept_categories(self) -> frozenset[Category]:
        """What `keep` names."""
        return frozenset(Category(name.strip()) for name in self.keep.split(",") if name.strip())

    def fit(self, messages: Messages) -> Iterative:
        """Forgets everything and learns from the messages."""
        self._forget()
        self.partial_fit(messages)
        return self

    def fit_predict(self, messages: Messages) -> Groups:
        """Forgets everything, learns, and returns the group of each message (uint32)."""
        column = as_column(messages)
        self.fit(column)
        return self.predict(column)

    def predict(self, messages: Messages) -> Groups:
        """The group of the template that fits each message best, 0 where none does."""
        return self._table.groups(as_column(messages))

    def matcher(self) -> Matcher:
        """The native table of all templates; it grows as more is learned."""
        return self._table

    def partial_fit(self, messages: Messages) -> Groups:
        """Learns from those messages that nothing fits; templates and groups that are there stay.

        Returns:
            The group of each message, 0 for what was not learned.
        """
        column = as_column(messages)
        groups = np.zeros(len(column), np.uint32)
        left: npt.NDArray[np.int64] = np.arange(len(column), dtype=np.int64)
        for _ in range(ROUNDS):
            found = self._table.groups(rows_of(column, left))
            groups[left] = found
            left = left[found == UNKNOWN_GROUP]
            known = len(self.templates_)
            if len(left) and len(self._known) < self.max_templates:
                self._learn(column, left[_spread(len(left), self.sample_lines)])
            if len(self.templates_) == known:
                break
        return groups

    def settle(self, messages: Messages) -> None:
        """Gives messages that are not worth learning coarse groups: those that begin alike.

        For a log in which nearly every line would be a template of its own. A first token that
        many messages have, and no variable, makes a group `token <rest>`; what has none is left
        unknown. Lines that have a template keep it, because any other is more literal.
        """
        column = as_column(messages)
        heads: Counter[bytes] = Counter()
        for message in column:
            head, blank, rest = message[: MOST_LEADING + 1].partition(b" ")
            if blank and head and rest:
                heads[head] += 1
        least = max(LEADING, len(column) // 100)
        new: list[tuple[int, Shape]] = []
        for head in sorted(head for head, count in heads.items() if count >= least):
            form = masked(head.decode("latin-1")) + " " + mark(Mask.REST)
            shape = shape_of(form)
            if len(shape[1]) == 1 and shape not in self._known:
                number = len(self.forms_) + 1
                self.forms_[number] = form
                new.append((number, shape))
        self._append(new)

    def _learn(self, column: ByteColumn, rows: npt.NDArray[np.int64]) -> None:
        """One round: compares the masked messages with each other and with what is known."""
        sample = rows_of(column, rows)
        lexed = lexer(self.off).rows(sample, most_bytes=MASKED_BYTES)
        raw: Counter[str] = Counter()
        examples: dict[str, list[int]] = defaultdict(list)
        together = "series" not in self.off
        names: list[str] = []
        for text, count in zip(lexed.texts(), lexed.counts.tolist(), strict=True):
            names.append(series(text) if together else text)
            raw[names[-1]] += count
        if self.keep:
            for position, row in enumerate(lexed.row.tolist()):
                if row >= 0:
                    examples[names[row]].append(position)
        spaced: dict[str, list[str]] = defaultdict(list)
        found: Counter[str] = Counter()
        for text, count in raw.items():
            form = squeezed(text)
            found[form] += count
            spaced[form].append(text)
        # Of very many forms, those with few lines stay what they are.
        heaviest = sorted(self._counts, key=lambda f: (-self._counts[f], f))[:MOST_KNOWN]
        known = {f: self._counts[f] for f in heaviest}
        known.update((f, self._counts[f]) for f in found if f in self._counts)
        idle = {f: n for f, n in self._counts.items() if f not in known}
        forms, speaks = group(Counter(known) + found, self.off)
        self.work_ += forms.work
        self._number(forms.counts, speaks, {old: forms.final(old) for old in known}, idle)
        self._counts = {**idle, **forms.counts}
        new: list[tuple[int, Shape]] = []
        for form, texts in spaced.items():
            final = forms.final(form)
            number = self._group_of[final]
            for text in texts:
                new.append((number, shape_of(respaced(final, text))))
                if self.keep:
                    messages = [sample[i] for i in examples[text]]
                    new += self._kept(new[-1], messages)
        self._append(new)

    def _kept(self, template: tuple[int, Shape], messages: list[bytes]) -> list[tuple[int, Shape]]:
        """The same template with the values of kept categories as text, a group per text."""
        found = []
        for literals, kinds in kept(template[1], messages, self.kept_categories):
            shape: Shape = (literals, kinds)
            if shape not in self._known:
                number = len(self.forms_) + 1
                self.forms_[number] = _FIELD.join(part.decode("latin-1") for part in literals)
                found.append((number, shape))
        return found

    def _number(
        self,
        counts: Mapping[str, int],
        speaks: Mapping[str, str],
        became: Mapping[str, str],
        idle: Mapping[str, int],
    ) -> None:
        """Gives groups numbers: the old one where an old form is in it, else the next."""
        members: dict[str, list[str]] = defaultdict(list)
        for form, head in speaks.items():
            members[head].append(form)
        before: dict[str, list[int]] = defaultdict(list)
        for old, now in became.items():
            before[now].append(self._group_of[old])
        numbers: dict[str, int] = {form: self._group_of[form] for form in idle}
        for form in speaks.keys() & idle.keys():
            before[form].append(numbers[form])
        printed: set[int] = set()
        for head in sorted(members, key=lambda h: (-sum(counts[f] for f in members[h]), h)):
            own = [number for form in members[head] for number in before[form]]
            number = min(own, default=len(self.forms_) + 1)
            # Groups that turn out to be one keep their numbers and are printed alike; what was
            # one group before (`Forms.kin`) is printed as its heaviest form.
            self.forms_.update((n, head) for n in {*own, number} - printed)
            printed.update(own, [number])
            numbers.update(dict.fromkeys(members[head], number))
        self._group_of = numbers

    def _append(self, new: Iterable[tuple[int, Shape]]) -> None:
        """Adds templates, as long as there is room."""
        added = []
        for number, shape in sorted(set(new), key=lambda n: (n[0], n[1][0], n[1][1])):
            size = sum(map(len, shape[0]))
            full = len(self._known) >= self.max_templates
            if shape in self._known or full or self._literal_bytes + size > LITERAL_BYTES:
                continue
            self._known.add(shape)
            self._literal_bytes += size
            added.append(Template(0, number, *shape))
        self.templates_ += added
        self._table.append(added)

    def slot_categories(
        self, templates: TemplateTable, examples: Callable[[int], Sequence[Sequence[bytes]]]
    ) -> Mapping[int, tuple[str, ...]]:
        """Template id -> the category of each slot; `examples` gives some values of each slot."""
        return SlotCategories(templates, examples)

    def report(self, messages: Messages | None = None) -> list[TemplateReport]:
        """What was learned: slots, examples, values, and why neighbouring groups are apart.

        Args:
            messages: lines to take examples and values from, numbered from 1; a model keeps none.
                Without them, `lines` and `values` are None, and categories are guessed from the
                text around the slots alone.
        """
        from logpipe.parsers.iterative.report import Statistics, made

        seen = None
        if messages is not None:
            seen = Statistics()
            batch = self._table.match_messages(as_column(messages))
            seen.write(batch, "")
        return made(self._table.templates, self.forms_, categories_of_values, seen)

    def save(self, path: str | Path) -> None:
        """Writes templates and forms as described, versioned JSON; it can go on learning."""
        model.write(
            path,
            "iterative",
            {**self.get_params(), "off": list(self.off)},
            templates=[model.template_entry(template) for template in self.templates_],
            forms=[
                {**encoded(form), "lines": self._counts[form], "group": self._group_of[form]}
                for form in self._counts
            ],
            printed=[{**encoded(form), "group": number} for number, form in self.forms_.items()],
        )

    @classmethod
    def from_model(
        cls, saved: Mapping[str, Any], templates: Iterable[Template], path: str | Path
    ) -> Iterative:
        """A parser from the JSON of `save`, whose templates are read already.

        Raises:
            ModelError: entries that are none, or parameters that it refuses.
        """
        try:
            parser = cls(**saved["parameters"])
        except (TypeError, UsageError) as error:
            raise ModelError(f"{path}: parameters of iterative: {error}") from None
        try:
            for template in templates:
                parser._append([(template.group, (template.literals, template.kinds))])
            for entry in saved["forms"]:
                form = decoded(entry, str(path))
                parser._counts[form] = int(entry["lines"])
                parser._group_of[form] = int(entry["group"])
            for entry in saved["printed"]:
                parser.forms_[int(entry["group"])] = decoded(entry, str(path))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"{path}: not a model of iterative: {error!r:.80}") from None
        return parser


def rule_names() -> tuple[str, ...]:
    """Every rule that `off` can name, those of print excepted."""
    return (*(rule.name for rule in RULES), "lists", "quantities", *GROUP_RULES)


def _spread(count: int, most: int) -> npt.NDArray[np.int64]:
    """Positions of at most so many of `count`, evenly spread."""
    if count <= most:
        return np.arange(count, dtype=np.int64)
    return (np.arange(most, dtype=np.int64) * count) // most
