"""What detection knows of every line of all inputs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from logpipe.pipeline.parsing import ParseResult

__all__ = ["LineFacts"]

Ints = npt.NDArray[np.int64]


@dataclass
class LineFacts:
    """What is known of every line of all inputs, one after the other.

    Attributes:
        parsed: the parse.
        sources: names, in order.
        starts: position of the first line of each source, and the number of all lines.
        groups: uint32 per line: index into `columns`.
        columns: text of the most frequent template of each group.
        times: int64 nanoseconds per line, None if the layout does not say; lines without a time
            have that of the line before.
        timeless: lines whose time is not their own.
        backwards: lines with an earlier time than the line before; the first of them is
            `first_backwards`.
        continued: bool per line: it has no header.
        skipped: lines that are in no window, because they continue the record before them.
        key_lines, key_codes, key_names: the keys of lines; a line may have several.
        value_lines, value_columns, value_names: the values of lines as columns.
        marked: bool per line: a header field says that it is abnormal; None if none was asked.
        value_closed: bool per such column: whether it counts where not all can: its slot has few
            values that all recur, such as status codes, or it is a number far above its slot's
            usual ones.
    """

    parsed: ParseResult
    sources: tuple[str, ...]
    starts: Ints
    groups: npt.NDArray[np.uint32]
    columns: list[str]
    times: Ints | None = None
    timeless: int = 0
    backwards: int = 0
    first_backwards: int = 0
    continued: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    skipped: bool = False
    key_lines: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    key_codes: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    key_names: list[str] = field(default_factory=list)
    value_lines: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    value_columns: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    value_names: list[str] = field(default_factory=list)
    marked: npt.NDArray[np.bool_] | None = None
    value_closed: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def leave_out_continuations(self) -> None:
        """From now on lines without a header are in no window; a log without headers has none."""
        self.skipped = not self.continued.all()

    def place(self, position: int) -> tuple[str, int]:
        """The source and 1-based number of a line."""
        at = int(np.searchsorted(self.starts, position, "right")) - 1
        return self.sources[at], position - int(self.starts[at]) + 1

    def numbers(self, positions: Ints) -> Ints:
        """1-based numbers of lines in their sources; 0 for position -1."""
        at = np.searchsorted(self.starts, positions, "right") - 1
        return np.where(positions < 0, 0, positions - self.starts[np.maximum(at, 0)] + 1)
