"""The package drain3 behind the parser contract: the reference for `drain`, and a contestant.

`drain3-improved` is the maintained fork; both are imported as `drain3`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from logpipe.errors import UsageError
from logpipe.parsers.base import (
    Groups,
    Messages,
    Parser,
    as_column,
    predict_by_templates,
    text_template,
)
from logpipe.template import Template

if TYPE_CHECKING:
    import drain3.drain
    import drain3.masking

__all__ = ["Drain3"]


class Drain3(Parser):
    """drain3's `Drain` with its masking; parameters and defaults are drain3's.

    Args:
        depth, sim_th, max_children, max_clusters, extra_delimiters: as in drain3.
        masks: regular expressions whose matches are replaced by `<*>`, in order.
    """

    def __init__(
        self,
        depth: int = 4,
        sim_th: float = 0.4,
        max_children: int = 100,
        max_clusters: int | None = None,
        extra_delimiters: Sequence[str] = (),
        masks: Sequence[str] = (),
    ) -> None:
        self.depth = depth
        self.sim_th = sim_th
        self.max_children = max_children
        self.max_clusters = max_clusters
        self.extra_delimiters = extra_delimiters
        self.masks = masks

    def _start(self) -> None:
        try:
            from drain3.drain import Drain
            from drain3.masking import LogMasker, MaskingInstruction
        except ImportError:
            raise UsageError(
                "parser 'drain3' needs the package drain3: pip install 'logpipe[drain3]'"
            ) from None
        self._drain: drain3.drain.Drain = Drain(
            depth=self.depth,
            sim_th=self.sim_th,
            max_children=self.max_children,
            max_clusters=self.max_clusters,
            extra_delimiters=list(self.extra_delimiters),
        )
        instructions = [MaskingInstruction(mask, "*") for mask in self.masks]
        self._masker: drain3.masking.LogMasker = LogMasker(instructions, "<", ">")

    @property
    def templates_(self) -> list[Template]:  # type: ignore[override]
        """One template per group that drain3 still has."""
        return [
            text_template(c.cluster_id, c.get_template().encode("utf-8", "surrogateescape"))
            for c in self._drain.clusters
            if c is not None
        ]

    def fit_predict(self, messages: Messages) -> Groups:
        """Forgets everything, learns, and returns the group of each message."""
        self._start()
        return self.partial_fit(messages)

    def partial_fit(self, messages: Messages) -> Groups:
        """Goes on learning; returns the groups of these messages."""
        if not hasattr(self, "_drain"):
            self._start()
        add, mask = self._drain.add_log_message, self._masker.mask
        column = as_column(messages)
        groups = (
            add(mask(message.decode("utf-8", "surrogateescape")))[0].cluster_id
            for message in column
        )
        return np.fromiter(groups, np.uint32, len(column))

    def predict(self, messages: Messages) -> Groups:
        """The group of the most literal template that fits, 0 where none does."""
        return predict_by_templates(self.templates_, messages, self.extra_delimiters)
