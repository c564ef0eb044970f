"""Parsers of other packages in the form that `calling` understands.

Each gets what favours it: the header already cut off, messages as text, no variables asked for.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from logpipe.errors import ParserError, UsageError
from logpipe.parsers.drain3 import Drain3

__all__ = ["Command", "Drain3Tuned", "Logfold", "Logparser3", "Tipping"]


class Command:
    """A parser that is a program, in any language.

    Args:
        command: its arguments; `{input}` and `{output}` become the names of two files. The input
            has one message on each line, the output is to have the template text of each, line by
            line, `<*>` standing for a variable.

    Attributes:
        measured_: memory of the program; its time is counted by whoever calls.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command

    def parse(self, messages: Sequence[str]) -> list[str]:
        """Template text of each message.

        Raises:
            ParserError: the program failed, or wrote no output.
        """
        with tempfile.TemporaryDirectory(prefix="logpipe-") as folder:
            source, target = Path(folder, "messages.log"), Path(folder, "templates.txt")
            _write_lines(source, messages)
            names = {"{input}": str(source), "{output}": str(target)}
            command = [names.get(part, part) for part in self.command]
            try:
                code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
            except OSError as error:
                raise UsageError(f"cannot run {self.command[0]}: {error.strerror}") from None
            most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            self.measured_ = {"peak_mb": most * 1024 / 1e6}
            if code == -signal.SIGXCPU:
                raise TimeoutError("stopped: no CPU-seconds left")
            if code:
                raise ParserError(f"{self.command[0]} ended with {code}")
            try:
                text = target.read_text("utf-8", errors="backslashreplace")
            except OSError:
                raise ParserError(f"{self.command[0]} wrote nothing to its output") from None
        lines = text.split("\n")
        return lines[:-1] if lines[-1] == "" else lines


def _write_lines(path: Path, messages: Sequence[str]) -> None:
    """One message, one line: what would end a line becomes a blank."""
    lines = (" ".join(message.splitlines()) for message in messages)
    path.write_text("".join(line + "\n" for line in lines), "utf-8", newline="\n")


class Drain3Tuned(Drain3):
    """drain3 set up as the Drain of the published evaluations.

    That program masks with plain `re.sub`, whose matches may touch and overlap words; drain3's own
    masking is used here with the same expressions, which gives the same text.
    """


class Logfold:
    """logfold's `Miner`: it learns from all messages, then says which template each has.

    Args:
        parameters: of `logfold.Miner`.
    """

    def __init__(self, **parameters: Any) -> None:
        self.parameters = {"format": "plain", **parameters}

    def parse(self, messages: Sequence[str]) -> list[str | None]:
        """Template text of each message, masks such as `<NUM>` written as `<*>`."""
        import logfold

        miner = logfold.Miner(**self.parameters)
        miner.add_many(list(messages))
        found = miner.match_many(list(messages))
        texts = {match.text for match in found if match is not None}
        plain = {text: _MASK.sub("<*>", text) for text in texts}
        return [None if match is None else plain[match.text] for match in found]


class Tipping:
    """`tipping.parse`: the mask of each message says which characters are variable.

    Args:
        parameters: of `tipping.parse`.
    """

    def __init__(self, **parameters: Any) -> None:
        self.parameters = parameters

    def parse(self, messages: Sequence[str]) -> list[str | None]:
        """Template text of each message: one text for each cluster, None for those without one."""
        import tipping

        clusters, masks, _ = tipping.parse(list(messages), **self.parameters)
        texts: dict[int, dict[str, int]] = {}
        for message, cluster, mask in zip(messages, clusters, masks, strict=True):
            if cluster is not None:
                text = _masked(message, mask)
                counts = texts.setdefault(cluster, {})
                counts[text] = counts.get(text, 0) + 1
        best = {c: max(counts, key=lambda t: (counts[t], t)) for c, counts in texts.items()}
        return [None if cluster is None else best[cluster] for cluster in clusters]


_VARIABLE = re.compile("1+")
_MASK = re.compile(r"<[A-Z][A-Z0-9_]*>")


def _masked(message: str, mask: str) -> str:
    """The message with every run that the mask marks by 1 as a variable.

    >>> _masked("took 15 ms", "0000011000")
    'took <*> ms'
    """
    if len(mask) != len(message):
        # A mask counts bytes.
        data = "".join(map(chr, message.encode()))
        return _masked(data, mask).encode("latin-1").decode("utf-8", "replace")
    parts, at = [], 0
    for run in _VARIABLE.finditer(mask):
        parts += [message[at : run.start()], "<*>"]
        at = run.end()
    return "".join([*parts, message[at:]])


class Logparser3:
    """A parser of the package logparser3, run by the interpreter that has it.

    Args:
        algorithm: name of its folder there, such as `AEL`.
        system: what the log is from; Brain has rules for some by name.
        python: the interpreter.
        settings: of the constructor of that parser.

    Attributes:
        measured_: seconds and memory of the call there, without start-up and imports.
    """

    def __init__(self, algorithm: str, system: str, python: str, **settings: Any) -> None:
        self.algorithm = algorithm
        self.system = system
        self.python = python
        self.settings = settings

    def parse(self, messages: Sequence[str]) -> list[str | None]:
        """Template text of each message.

        Raises:
            UsageError: there is no such interpreter.
            ParserError: it failed; the message is the last line it printed.
        """
        if not self.python:
            raise UsageError("LOGPIPE_CONTESTANT_PYTHON names no interpreter that has logparser3")
        with tempfile.TemporaryDirectory(prefix="logpipe-") as folder:
            log = Path(folder, "messages.log")
            _write_lines(log, messages)
            request = {
                "algorithm": self.algorithm,
                "system": self.system,
                "settings": self.settings,
                "log": str(log),
                "answer": str(Path(folder, "answer.json")),
            }
            script = Path(__file__).with_name("foreign.py")
            try:
                done = subprocess.run(
                    [self.python, "-I", str(script)],
                    input=json.dumps(request),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    check=False,
                )
            except OSError as error:
                raise UsageError(f"cannot run {self.python}: {error}") from None
            print(done.stdout[-20_000:])
            try:
                answer = json.loads(Path(request["answer"]).read_text("utf-8"))  # type: ignore[arg-type]
            except (OSError, ValueError):
                if done.returncode == -signal.SIGXCPU:
                    raise TimeoutError("stopped: no CPU-seconds left") from None
                last = (done.stdout.strip().splitlines() or ["nothing was printed"])[-1]
                raise ParserError(
                    f"{self.algorithm} of logparser3 ended with {done.returncode}: {last}"
                ) from None
        self.measured_ = answer["measured"]
        texts: list[str | None] = [None] * len(messages)
        for number, text in answer["templates"]:
            if not 1 <= number <= len(messages):
                raise ParserError(f"{self.algorithm} names line {number} of {len(messages):,}")
            texts[number - 1] = text
        return texts
