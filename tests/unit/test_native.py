"""The boundary to the native core: hostile arguments are refused, memory outlives its users."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

AT_EXIT = """
import sys
from logpipe import pipeline
from logpipe.parsers.drain import Drain
from strategies import MemorySource

class Cycle: ...
for number in range(3):
    kept = Cycle()
    kept.me, kept.parser = kept, Drain()
    kept.parser.fit([b"a b 1", b"a c 2"])
    kept.batches = list(pipeline.stream(MemorySource(b"a b 1\\n" * 9), layout="<Content>"))
    setattr(sys, f"kept{number}", kept)
"""


def test_a_program_that_keeps_parsers_to_its_end_exits_cleanly():
    """The library is not unloaded before the last of its objects is freed."""
    program = f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{AT_EXIT}"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
