"""Level max: the smallest level on any log, few lines included, and templates that are final."""

from __future__ import annotations

from pathlib import Path

import pytest

from logpipe.archive.reader import Archive
from logpipe.pipeline.compressing import compress


def _size(log: Path, level: str) -> int:
    archive = log.with_suffix(f".{level}.lpz")
    compress(str(log), str(archive), level=level, threads=1)  # type: ignore[arg-type]
    with Archive(str(archive)) as opened:
        assert log.read_bytes() == b"".join(bytes(block) for block in opened.blocks())
    return archive.stat().st_size


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 8, 40, 200])
def test_max_is_the_smallest_level_on_few_lines(tmp_path: Path, lines: int) -> None:
    """A model that had no time to learn gives way to columns or plain bytes."""
    log = tmp_path / "few.log"
    log.write_text("".join(f"10:59:{i % 60:02} job {i * 7} done in {i} ms\n" for i in range(lines)))

    sizes = {level: _size(log, level) for level in ("fast", "default", "max")}

    assert sizes["max"] <= min(sizes.values())


def test_hosts_with_ports_help_each_other(tmp_path: Path) -> None:
    """A host is known again whatever its port: such a log costs what its ports cost."""
    log, ports = tmp_path / "hosts.log", tmp_path / "ports.log"
    numbers = [32768 + i * 7919 % 28000 for i in range(4000)]
    hosts = [f"10.251.{i * 31 % 97}.{i * 57 % 89}" for i in range(4000)]
    pairs = list(zip(hosts, numbers, strict=True))
    log.write_text("".join(f"open {h}:{n} to host {h} port {n}\n" for h, n in pairs))
    ports.write_text("".join(f"open {h} {n} to host {h} port {n}\n" for h, n in pairs))

    assert _size(log, "max") <= 1.05 * _size(ports, "max")


def test_max_is_the_smallest_level_on_long_lines_of_counters(tmp_path: Path) -> None:
    """Lines of hundreds of fields of which few change are columns at level max, too."""
    log = tmp_path / "status.json"
    lines = []
    for i in range(150):
        zones = (
            f'"zone{k}":{{"n":{i * (k % 5) + 100 * k},"sent":{i * (k % 3) * 17},"state":"up"}}'
            for k in range(40)
        )
        lines.append(f'{{"tick":{i},"zones":{{{",".join(zones)}}}}}\n')
    log.write_text("".join(lines))

    assert _size(log, "max") <= 0.99 * _size(log, "default")
