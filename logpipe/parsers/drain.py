"""Drain (He et al., ICWS 2017), native: the partition drain3 gives, at hundreds of MB/s.

With `masks=()` and equal parameters the groups are those of the package drain3 (its `Drain`
class); a differential test holds that on the sixteen Loghub-2k logs. Known differences, none of
which occurs there: messages are bytes, so that only ASCII blanks and digits count as such; a
message that holds the text `<*>` is nothing special; a message of more than 1,024 tokens or 64 KiB,
and one that would open the 2,049th group of a leaf, goes to the group "unknown". With regular
expressions as masks, a token that a match covers whole counts as equal, where drain3 counts it for
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logpipe.batch import ByteColumn
from logpipe.errors import ModelError, UsageError
from logpipe.parsers.base import Groups, Messages, Parser, as_column, text_template
from logpipe.template import SlotKind, Template

if TYPE_CHECKING:
    import numpy as np

    from logpipe.native import DrainCore
else:
    from logpipe.lazy import np

__all__ = ["MEMORY", "Drain"]

ATOMS = "atoms"

MEMORY = 32 << 20
"""Bytes of templates and tree after which nothing more is learned. What Python keeps beside them
(examples, columns, the table of a file) takes ten times as much."""

_MASKED = b"<*>"
_MOST = 1 << 31


def _items(texts: object) -> Iterable[object]:
    """What a parameter lists; something that is no text, if it is no list."""
    return texts if isinstance(texts, Iterable) else (None,)


class Drain(Parser):
    """Online Drain over tokens whose digit-bearing parts are masked.

    It learns until templates and tree take `MEMORY` bytes (some 60,000 templates of ordinary
    length); lines of noise beyond that which no template fits are of group 0, and exact all the
    same.

    Args:
        depth: depth of the tree, at least 3; `depth - 3` leading tokens decide the way through it.
        sim_th: share of equal tokens, 0 to 1, from which a message joins a group.
        max_children: branches of a node of the tree; further tokens share one.
        max_clusters: groups kept at a time, the least recently used is forgotten; None: all.
        extra_delimiters: single bytes that separate tokens besides white space.
        masks: `"atoms"` masks the digit-bearing parts of tokens, natively (numbers, addresses,
            stamps, ids). Anything else is a regular expression whose matches count as equal; it is
            applied in Python, in order, as drain3 does, at drain3's speed.

    Attributes:
        templates_: one template per group that is alive, in order of their opening.
    """

    def __init__(
        self,
        depth: int = 4,
        sim_th: float = 0.4,
        max_children: int = 100,
        max_clusters: int | None = None,
        extra_delimiters: Sequence[str] = (),
        masks: Sequence[str] = (ATOMS,),
    ) -> None:
        self.depth = depth
        self.sim_th = sim_th
        self.max_children = max_children
        self.max_clusters = max_clusters
        self.extra_delimiters = extra_delimiters
        self.masks = masks
        self._check()

    def _check(self) -> None:
        self._check_number("depth", self.depth, 3)
        self._check_number("max_children", self.max_children, 1)
        if self.max_clusters is not None:
            self._check_number("max_clusters", self.max_clusters, 1)
        if not isinstance(self.sim_th, int | float) or not 0 <= self.sim_th <= 1:
            raise UsageError(f"drain: sim_th must be between 0 and 1, found {self.sim_th!r}")
        for name in ("extra_delimiters", "masks"):
            texts = getattr(self, name)
            if isinstance(texts, str) or not all(isinstance(t, str) for t in _items(texts)):
                raise UsageError(f"drain: {name} must be a list of texts, found {texts!r:.60}")
        for delimiter in self.extra_delimiters:
            if len(delimiter.encode("utf-8", "surrogatepass")) != 1:
                raise UsageError(
                    f"drain: a delimiter must be one byte, found {delimiter!r}; "
                    f"give the delimiters one by one"
                )
        for mask in self._patterns_text():
            try:
                re.compile(mask.encode())
            except (re.error, UnicodeEncodeError) as error:
                raise UsageError(f"drain: the mask {mask!r} is no expression: {error}") from None

    @staticmethod
    def _check_number(name: str, value: object, least: int) -> None:
        # Numpy's are among these.
        if not isinstance(value, Integral) or not least <= int(value) < _MOST:
            raise UsageError(
                f"drain: {name} must be at least {least}, and a whole number below 2^31, "
                f"found {value!r}"
            )

    def _patterns_text(self) -> list[str]:
        return [mask for mask in self.masks if mask != ATOMS]

    @property
    def is_native(self) -> bool:
        """Whether lines can be matched without Python seeing them."""
        return not self._patterns_text()

    def new_core(self) -> DrainCore:
        """A native Drain with these parameters that has learned nothing."""
        from logpipe import native

        return native.DrainCore(
            depth=self.depth,
            similarity=self.sim_th,
            max_children=self.max_children,
            max_groups=self.max_clusters or 0,
            mask_atoms=ATOMS in self.masks,
            delimiters="".join(self.extra_delimiters).encode(),
            memory=MEMORY,
        )

    @property
    def core_(self) -> DrainCore:
        """The native state; made when it is first asked for."""
        if not hasattr(self, "_core"):
            self._core = self.new_core()
        return self._core

    @property
    def templates_(self) -> list[Template]:  # type: ignore[override]
        """One template per group that is alive, as it is by now."""
        found = []
        for group, (alive, tokens) in enumerate(self.core_.groups(), 1):
            if alive:
                literals, kinds = self._form(tokens)
                found.append(Template(0, group, literals, kinds))
        return found

    def _form(
        self, tokens: Sequence[bytes | None]
    ) -> tuple[tuple[bytes, ...], tuple[SlotKind, ...]]:
        """Literals and kinds of a group's tokens, joined by single blanks."""
        core = self.new_core()
        core.restore(tokens)
        template = core.templates[len(core.templates) - 1]
        if not self.is_native:
            # The tokens are those of masked messages: what stands for a match is a slot as well,
            # and a match may have held blanks, so that a slot is not one token of the message.
            text = _MASKED.join(template.literals)
            template = text_template(template.group, text, re.compile(re.escape(_MASKED)))
        return template.literals, template.kinds

    def fit_predict(self, messages: Messages) -> Groups:
        """Forgets everything, learns, and returns the group of each message."""
        self._core = self.new_core()
        return self.partial_fit(messages)

    def partial_fit(self, messages: Messages) -> Groups:
        """Goes on learning; returns the groups of these messages."""
        return self._run(as_column(messages), frozen=False)

    def predict(self, messages: Messages) -> Groups:
        """The group whose template fits each message without a difference, else 0."""
        return self._run(as_column(messages), frozen=True)

    def _run(self, column: ByteColumn, frozen: bool) -> Groups:
        core = self.core_
        column = self._masked(column)
        groups = np.zeros(len(column), np.uint32)
        step = 1 << 16
        for start in range(0, len(column), step):
            part = column.slice(start, min(start + step, len(column)))
            arena = core.pool.take()
            first, last = int(part.offsets[0]), int(part.offsets[-1])
            arena.put(np.ascontiguousarray(part.data[first:last]))
            core.match_messages(arena, part.offsets.astype(np.int64) - first, frozen)
            core.learn([arena], None, frozen)
            ids = core.template_ids(arena)
            groups[start : start + len(part)] = core.group_of(ids)
            core.pool.give_back(arena)
        return groups

    def _masked(self, column: ByteColumn) -> ByteColumn:
        patterns = [re.compile(mask.encode()) for mask in self._patterns_text()]
        if not patterns:
            return column
        masked = []
        for message in column:
            for pattern in patterns:
                message = pattern.sub(_MASKED, message)
            masked.append(message)
        return ByteColumn.of(masked)

    def save(self, path: str | Path) -> None:
        """Writes the groups as JSON; see logpipe.parsers.model."""
        from logpipe.parsers import model

        groups = [
            {"id": g, "tokens": [None if t is None else model.encode(t) for t in tokens]}
            for g, (alive, tokens) in enumerate(self.core_.groups(), 1)
            if alive
        ]
        model.write(path, "drain", self.get_params(), groups=groups)

    @classmethod
    def from_model(cls, saved: dict[str, Any], path: str | Path) -> Drain:
        """The parser of a model that `read` has checked.

        Groups keep their order; they are numbered from 1 without the gaps that forgetting left.
        """
        from logpipe.parsers import model

        try:
            parser = cls(**saved["parameters"])
            # Some values are refused only by the native core.
            _ = parser.core_
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: parameters of drain: {error}") from None
        for number, entry in enumerate(model.entries(saved, "groups", path), 1):
            where = f"{path}: group {number}"
            tokens = entry.get("tokens")
            if not isinstance(tokens, list):
                raise ModelError(f'{where}: "tokens" must be a list')
            parser._restore(
                [None if token is None else model.decode(token, where) for token in tokens], where
            )
        return parser

    def _restore(self, tokens: list[bytes | None], where: str) -> None:
        from logpipe.errors import NativeError

        try:
            self.core_.restore(tokens)
        except NativeError as error:
            raise ModelError(f"{where}: {error}") from None
