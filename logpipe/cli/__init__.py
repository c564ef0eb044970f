"""The command line: `logpipe`, also `python -m logpipe`.

This module decides how a run ends; the commands only raise. Every failure is one line on standard
error and one of the exit codes 1 (the answer is no), 2 (the request is wrong), 3 (damaged archive),
130 (interrupted). Sub-commands are imported when they are called, so that `--help` costs nothing.
"""

from __future__ import annotations

import gc
import opcode
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from logpipe.errors import LogpipeError, Terminated

__all__ = ["main", "run"]

INTERRUPTED = 130
_DEBUG = "LOGPIPE_DEBUG"
_AGAIN = 0.01
"""Seconds after which a signal is sent again that came at a bad moment."""

_DESTRUCTORS = ("__del__", "_free", "_hold")
"""Methods that the interpreter or cffi calls when something is freed."""

# Parts of file names.
_OUTPUT = os.path.join("export", "atomic.py")  # noqa: PTH118 - compared with text
_PYARROW = os.path.join("pyarrow", "")  # noqa: PTH118
_IMPORTLIB = "<frozen importlib."

_IMPORT_NAME = opcode.opmap["IMPORT_NAME"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    # numpy's OpenBLAS starts a thread per core that spins for a while, for matrices nobody has.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name)
            # A signal that the caller ignores (nohup) stays ignored.
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, _stop)
        sys.unraisablehook = _unraisable
        code = run(sys.argv[1:] if arguments is None else arguments)
        # A daemon may have closed it.
        if sys.stdout is not None:
            sys.stdout.flush()
    except Terminated as stop:
        code = stop.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = 0
    except OSError as error:
        code = _failed(f"cannot write standard output: {error.strerror or error}")
    _seal()
    # On its way out the interpreter looks for cycles among all there is, which takes a tenth of a
    # short command; what it would find is gone with the process.
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: without the program's name.

    Returns:
        The exit code; what went wrong has been said on standard error.

    Raises:
        Terminated: the process was asked to end by a signal.
    """
    import click

    from logpipe.cli.app import app

    try:
        with app.make_context("logpipe", list(arguments)) as context:
            result = app.invoke(context)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        # Its message is the help: several lines, and no mistake.
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx is not None else ""
        return _failed(error.format_message() + where)
    except click.ClickException as error:
        return _failed(error.format_message())
    except LogpipeError as error:
        _trace()
        return _failed(str(error), error.exit_code)
    except Terminated:
        raise
    except (KeyboardInterrupt, click.Abort):
        return _failed("interrupted", INTERRUPTED, word="")
    except BrokenPipeError:
        # Whoever reads our output has seen enough.
        return 0
    except OSError as error:
        # What files do is told by LogpipeErrors; what is left without a name is standard output.
        _trace()
        where = error.filename if error.filename is not None else "cannot write standard output"
        return _failed(f"{where}: {error.strerror or error}")
    except MemoryError:
        _trace()
        return _failed("out of memory")
    except Exception as error:
        _trace()
        # A lock of threading that is interrupted while it is taken fails when it is given back.
        interruption = _interruption(error)
        if isinstance(interruption, Terminated):
            raise interruption from None
        if interruption is not None:
            return _failed("interrupted", INTERRUPTED, word="")
        return _failed(
            f"internal error, please report it: {type(error).__name__}: {error} "
            f"({_DEBUG}=1 shows where)"
        )


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """What was interrupted when an error came up, if anything was."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _failed(message: str, code: int = 2, word: str = "error: ") -> int:
    line = " ".join(message.split())
    try:
        sys.stderr.write(f"logpipe: {word}{line}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # nobody listens
    return code


def _trace() -> None:
    if os.environ.get(_DEBUG):
        import traceback

        traceback.print_exc()


def _stop(number: int, frame: FrameType | None) -> None:
    # Raised, not left to the default action: temporary files go on the way out.
    if _would_be_lost(frame):
        _send_again(number)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        raise Terminated(number)


def _send_again(number: int) -> None:
    again = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _unraisable(report: sys.UnraisableHookArgs) -> None:
    """What `_would_be_lost` did not foresee: the interpreter goes on, and so does the request."""
    raised = report.exc_value
    if isinstance(raised, Terminated):
        _send_again(raised.args[0])
    elif isinstance(raised, KeyboardInterrupt):
        _send_again(signal.SIGINT)
    else:
        sys.__unraisablehook__(report)


def _would_be_lost(frame: FrameType | None) -> bool:
    """Whether whoever called this code cannot pass an exception on.

    That is so in a destructor and in a file object that pyarrow calls: the interpreter would print
    the exception and go on without it. It is also so in an import that compiled code began: pyarrow
    looks for dateutil when it meets the first list, and takes every exception for its absence.
    """
    while frame is not None:
        if frame.f_code.co_name in _DESTRUCTORS:
            return True
        caller = frame.f_back
        if caller is not None and (
            (_OUTPUT in frame.f_code.co_filename and _PYARROW in caller.f_code.co_filename)
            or (_is_importing(frame) and not _is_importing(caller) and not _at_import(caller))
        ):
            return True
        frame = caller
    return False


def _is_importing(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_IMPORTLIB)


def _at_import(frame: FrameType) -> bool:
    """Whether the frame is at an import statement, or in `importlib.import_module`."""
    at = frame.f_code.co_code[frame.f_lasti]
    return at == _IMPORT_NAME or frame.f_globals.get("__name__") == "importlib"


def _seal() -> None:
    """Keep the interpreter from complaining at exit that standard output cannot be flushed."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
