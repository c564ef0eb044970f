"""docs/benchmark-your-parser.md is run, block by block, in one folder."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "benchmark-your-parser.md"
MATCHING = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
BLOCKS = re.compile(r"^```sh\n(.*?)^```\n(?:```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


def test_the_tutorial_does_what_it_says(tmp_path: Path):
    """Every command ends with 0 and prints what the page says, without a network or a mirror."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOGPIPE_", "COLUMNS"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    environment = {**kept, "PATH": path, "LOGPIPE_HOME": str(tmp_path / "home")}
    blocks = BLOCKS.findall(PAGE.read_text("utf-8"))
    assert len(blocks) >= 7

    for script, printed in blocks:
        done = subprocess.run(
            ["bash", "-eu", "-c", script],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}"
        same = not printed or doctest.OutputChecker().check_output(printed, done.stdout, MATCHING)
        assert same, f"{script}\nthe page says\n{printed}\nbut this is printed\n{done.stdout}"

    assert "What to mend" in (tmp_path / "out.html").read_text("utf-8")
