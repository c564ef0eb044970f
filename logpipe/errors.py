"""One exception class per kind of failure, each deriving from the builtin a caller would catch.

The command line turns every `LogpipeError` into one line on standard error and the class's
`exit_code`; a message therefore says where, what was expected, what was found and what to do.
"""

from __future__ import annotations

__all__ = [
    "ArchiveError",
    "DetectorError",
    "InputError",
    "LayoutError",
    "LogpipeError",
    "ModelError",
    "NativeError",
    "OutputError",
    "ParserError",
    "Terminated",
    "TruncatedInputError",
    "UnknownNameError",
    "UsageError",
]


class LogpipeError(Exception):
    """Base of everything logpipe raises on purpose; `exit_code` is the command line's answer."""

    exit_code = 2


class Terminated(KeyboardInterrupt):
    """The process was asked to end by a signal other than Ctrl-C; its argument is the number.

    No SystemExit: that is what a plug-in raises that wants to end the program, and is told so.
    """

    @property
    def exit_code(self) -> int:
        """What shells report of a process that a signal ended."""
        return 128 + int(self.args[0])


class UsageError(LogpipeError, ValueError):
    """The request contradicts itself or names a value that is out of range."""


class UnknownNameError(LogpipeError, LookupError):
    """A parser, layout, data set or flow that nobody registered; the message lists those known."""


class ArchiveError(LogpipeError, ValueError):
    """An archive that is damaged, hostile, foreign, or of a newer format."""

    exit_code = 3


class InputError(LogpipeError, OSError):
    """An input that is missing, unreadable, or not what its name says."""


class TruncatedInputError(InputError):
    """A compressed input ended in the middle; everything before that point was delivered."""


class LayoutError(LogpipeError, ValueError):
    """A header layout that cannot be compiled."""


class OutputError(LogpipeError, OSError):
    """An output that exists already, has no folder, or could not be written whole."""


class ParserError(LogpipeError, RuntimeError):
    """A parser broke its contract; the message names the parser and the line."""


class DetectorError(LogpipeError, RuntimeError):
    """A detector broke its contract; the message names the detector and what it did."""


class ModelError(LogpipeError, ValueError):
    """A saved model that cannot be used: unknown version, wrong parser, malformed content."""


class NativeError(LogpipeError, RuntimeError):
    """The native core refused a call; always a bug of ours or memory exhaustion."""
