"""Parsers that do what parsers of others do; each works alone in a process of its own."""

import os
import signal
import time


def by_first_word(message: str) -> str:
    return f"{message.split(' ')[0]} <*>"


class Fine:
    """One template per first word; right for the log of these tests."""

    def __init__(self, suffix: str = "") -> None:
        self.suffix = suffix

    def parse(self, messages):
        return [by_first_word(m) + self.suffix for m in messages]


def function(messages):
    return [by_first_word(m) for m in messages]


class Raises:
    def parse(self, messages):
        raise ValueError("no such luck\nin two lines")


class Exits:
    def parse(self, messages):
        os._exit(0)


class Dies:
    def parse(self, messages):
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(60)


class Hangs:
    def parse(self, messages):
        time.sleep(600)


class EatsMemory:
    def parse(self, messages):
        kept = []
        while True:
            kept.append(bytearray(10_000_000))


class Prints(Fine):
    def parse(self, messages):
        print("x" * 200_000, flush=True)
        os.write(2, b"the end\n")
        return super().parse(messages)


class Drops(Fine):
    def parse(self, messages):
        return super().parse(messages)[:-3]


class Adds(Fine):
    def parse(self, messages):
        return [*super().parse(messages), "more"]


class Reorders(Fine):
    def parse(self, messages):
        return super().parse(messages)[1:] + super().parse(messages)[:1]


class Gaps(Fine):
    def parse(self, messages):
        return [None if i % 10 == 0 else t for i, t in enumerate(super().parse(messages))]


class Numbers:
    def parse(self, messages):
        return [1 for _ in messages]


class Nothing:
    """Neither parses nor predicts."""


class QuitsPython:
    def parse(self, messages):
        raise SystemExit(0)


class LeavesChild(Fine):
    """Its child would hold the output open for ten minutes."""

    def parse(self, messages):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        return super().parse(messages)


class Burns:
    def parse(self, messages):
        while True:
            pass
