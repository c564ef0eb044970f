"""The tree of an expression as a program for the native automaton: Thompson's construction.

Whether a line has a match depends neither on which of several ways matched nor on how long the
match is, so groups and greediness leave no trace. A back reference is no regular expression; there
is no program then, and Python's `re` answers.
"""

from __future__ import annotations

from logpipe.archive.regex import Anchor, Back, Bytes, Chain, Choice, Group, Node, Repeat
from logpipe.native.select import KINDS, Program

__all__ = ["assemble", "turned"]

_MOST = 20_000
"""Instructions of a program; a repetition of repetitions would have more than memory holds."""
_SET, _FORK, _PLACE, _MATCH = range(4)
_MISSING = 0


class _NoProgramError(Exception):
    """Not a regular expression, or too long a program."""


class _Assembler:
    """Appends instructions; each part leaves the program where the next one begins."""

    def __init__(self) -> None:
        self.codes: list[tuple[int, int, int]] = []
        self.sets: dict[frozenset[int], int] = {}
        self.steps = 0

    def add(self, code: int, a: int, b: int) -> int:
        """Appends an instruction; its number."""
        if len(self.codes) >= _MOST:
            raise _NoProgramError
        self.codes.append((code, a, b))
        return len(self.codes) - 1

    def part(self, node: Node) -> None:
        """Appends what matches a part."""
        # Repetitions of nothing append nothing, and may still have no end.
        self.steps += 1
        if self.steps > 4 * _MOST:
            raise _NoProgramError
        match node:
            case Bytes(of):
                number = self.sets.setdefault(of, len(self.sets))
                self.add(_SET, number, len(self.codes) + 1)
            case Anchor(kind):
                self.add(_PLACE, KINDS.index(kind), len(self.codes) + 1)
            case Group(inner, _):
                self.part(inner)
            case Chain(parts):
                for inner in parts:
                    self.part(inner)
            case Choice(parts):
                self.choice(parts)
            case Repeat(inner, least, most):
                self.repeat(inner, least, most)
            case Back():
                raise _NoProgramError

    def choice(self, parts: tuple[Node, ...]) -> None:
        """A fork before all but the last; all go on behind."""
        jumps = []
        for inner in parts[:-1]:
            fork = self.add(_FORK, len(self.codes) + 1, _MISSING)
            self.part(inner)
            jumps.append(self.add(_FORK, _MISSING, _MISSING))
            self.codes[fork] = (_FORK, fork + 1, len(self.codes))
        self.part(parts[-1])
        end = len(self.codes)
        for jump in jumps:
            self.codes[jump] = (_FORK, end, end)

    def repeat(self, inner: Node, least: int, most: int | None) -> None:
        """The part again and again, as often as it must, then as often as it may."""
        for _ in range(least):
            before = len(self.codes)
            self.part(inner)
            if len(self.codes) == before:
                # Nothing, however often.
                return
        if most is None:
            fork = self.add(_FORK, len(self.codes) + 1, _MISSING)
            self.part(inner)
            self.add(_FORK, fork, fork)
            self.codes[fork] = (_FORK, fork + 1, len(self.codes))
            return
        forks = []
        for _ in range(most - least):
            forks.append(self.add(_FORK, len(self.codes) + 1, _MISSING))
            self.part(inner)
        for fork in forks:
            self.codes[fork] = (_FORK, fork + 1, len(self.codes))


def assemble(tree: Node) -> Program | None:
    """The program of an expression; None if there is none, or it would be too long."""
    assembler = _Assembler()
    try:
        assembler.part(tree)
        assembler.add(_MATCH, 0, 0)
    except (_NoProgramError, RecursionError):
        return None
    sets = [sum(1 << byte for byte in members).to_bytes(32, "little") for members in assembler.sets]
    return Program(assembler.codes, sets)


_TURNED = str.maketrans("^$<>()", "$^><)(")


def turned(node: Node) -> Node:
    """The expression that matches the same texts backwards."""
    match node:
        case Anchor(kind):
            return Anchor(kind.translate(_TURNED))
        case Group(inner, number):
            return Group(turned(inner), number)
        case Repeat(inner, least, most):
            return Repeat(turned(inner), least, most)
        case Chain(parts):
            return Chain(tuple(map(turned, reversed(parts))))
        case Choice(parts):
            return Choice(tuple(map(turned, parts)))
    return node
