#!/usr/bin/env python3
"""Turn a recording into the package data: compressed logs, per-line truth, template tables, sample.yaml.

    python3 build.py RECORDING [--out ../../logpipe/data/sample] [--check]

Needs zstandard and PyYAML. Fails, naming the lines, unless every line matches exactly one template of templates.yaml.
"""

import argparse
import collections
import csv
import hashlib
import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import yaml
import zstandard

HERE = Path(__file__).resolve().parent

# Header layouts. `layout` is in Loghub's notation; `header` says the same as a regular expression over the line decoded
# as Latin-1; the message is what follows it. A line that the header does not fit has no header: it is all message.
FILES = {
    "sshd": {
        "layout_name": "syslog",
        "layout": "<Month> <Date> <Time> <Host> <Component>[<Pid>]: <Content>",
        "header": r"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ [\w-]+\[\d+\]: ",
        "time": "%b %d %H:%M:%S",
    },
    "postgresql": {
        "layout_name": "postgresql",
        "layout": "<Date> <Time> <Zone> [<Pid>] <Level>:  <Content>",
        "header": r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[\d+\] (?P<level>[A-Z]+):  ",
        "time": "%Y-%m-%d %H:%M:%S.%f",
    },
    "nginx-access": {
        "layout_name": "access",
        "layout": "<Host> <Ident> <User> [<Time>] <Content>",
        "header": r"\S+ - \S+ \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] ",
        "time": "%d/%b/%Y:%H:%M:%S %z",
    },
    "nginx-error": {
        "layout_name": "nginx-error",
        "layout": "<Date> <Time> [<Level>] <Pid>#<Tid>: <Content>",
        "header": r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>[a-z]+)\] \d+#\d+: ",
        "time": "%Y/%m/%d %H:%M:%S",
    },
    "redis": {
        "layout_name": "redis",
        "layout": "<Pid>:<Role> <Date> <Month> <Year> <Time> <Level> <Content>",
        "header": r"\d+:[MSCX] (?P<time>\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3}) (?P<level>[.\-*#]) ",
        "time": "%d %b %Y %H:%M:%S.%f",
    },
}

FAULT = [
    "openssh: password guessing from four addresses, more unauthenticated connections than MaxStartups allows",
    "postgresql: the data disk is filled; scratch space fails, then WAL, and the server panics and cannot restart; after "
    "the disk is freed and the server is back, one backend is killed with SIGKILL and all sessions end for recovery",
    "redis: a runaway client fills the memory while the disk is full; saves and the append-only file fail; the primary is "
    "killed with SIGKILL and started again when there is space",
    "nginx: one application process hangs, both are killed and stay away, one nginx worker is killed with SIGKILL",
]


class Template:
    """One expanded template: its Loghub text, its slot kinds and the pattern its messages must match fully."""

    def __init__(self, source: str, entry: dict, kinds: dict) -> None:
        parts = re.split(r"\{(\w+)\}", source)
        self.slots = parts[1::2]
        self.text = "<*>".join(parts[0::2])
        self.level, self.bare = entry.get("level"), entry.get("bare", False)
        # Slots may not be adjacent: nothing would say where one ends.
        assert all(parts[2:-1:2]), f"adjacent slots in {source!r}"
        pattern = re.escape(parts[0])
        for kind, literal in zip(parts[1::2], parts[2::2], strict=True):
            pattern += f"({kinds[kind]['pattern']})" + re.escape(literal)
        self.pattern = re.compile(entry.get("unless", "") + pattern, re.DOTALL)
        self.count = 0

    def matches(self, message: str, level: str | None, bare: bool) -> bool:
        if self.bare != bare or (self.level and self.level != level):
            return False
        return self.pattern.fullmatch(message) is not None


def expand(entry: dict, fragments: dict) -> list:
    """All variants of an entry whose text holds {>fragment} references; a fragment is one text or a list of them."""
    texts = [entry["text"]]
    while any("{>" in text for text in texts):
        bigger = []
        for text in texts:
            found = re.search(r"\{>([\w-]+)\}", text)
            choices = fragments[found[1]] if found else [None]
            for choice in [choices] if isinstance(choices, str) else choices:
                bigger.append(text if choice is None else text.replace(found[0], choice, 1))
        texts = bigger
    return texts


def load_templates() -> tuple[dict, dict]:
    spec = yaml.safe_load((HERE / "templates.yaml").read_text())
    files = {}
    for name in FILES:
        files[name] = []
        for entry in spec["files"][name]:
            entry = {"text": entry} if isinstance(entry, str) else entry
            files[name] += [Template(text, entry, spec["kinds"]) for text in expand(entry, spec["fragments"])]
        texts = collections.Counter(template.text for template in files[name])
        assert max(texts.values()) == 1, [text for text, count in texts.items() if count > 1]
    return files, spec["kinds"]


def label(name: str, raw: bytes, templates: list) -> tuple[list, list, list]:
    """Template per line, time per line (None where there is no header), and complaints."""
    header = re.compile(FILES[name]["header"])
    truth, times, complaints = [], [], []
    for number, line in enumerate(raw.removesuffix(b"\n").split(b"\n"), 1):
        text = line.decode("latin-1")
        head = header.match(text)
        level = head.groupdict().get("level") if head else None
        message = text[head.end() :] if head else text
        hits = [template for template in templates if template.matches(message, level, not head)]
        if len(hits) != 1:
            complaints.append(f"{name}.log:{number}: {len(hits)} templates {[hit.text for hit in hits]}: {text[:300]}")
        for hit in hits[:1]:
            hit.count += 1
        truth.append(hits[0] if hits else None)
        times.append(head["time"] if head else None)
    return truth, times, complaints


def moment(name: str, text: str, year: int) -> datetime:
    form = FILES[name]["time"]
    if "%Y" not in form:
        text, form = f"{year} {text}", f"%Y {form}"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def window_lines(name: str, times: list, start: datetime, end: datetime) -> tuple[int, int]:
    """First and last line (1-based) whose header time is inside [start, end)."""
    inside = [n for n, text in enumerate(times, 1) if text and start <= moment(name, text, start.year) < end]
    first, last = inside[0], inside[-1]
    while last < len(times) and times[last] is None:
        # Continuation lines belong to the line before them.
        last += 1
    return first, last


def table(rows: list) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("recording", type=Path)
    options.add_argument("--out", type=Path, default=HERE.parents[1] / "logpipe" / "data" / "sample")
    options.add_argument("--check", action="store_true", help="only match; write nothing")
    args = options.parse_args()

    facts = json.loads((args.recording / "recording.json").read_text())
    phase = {name: datetime.fromisoformat(text.replace("Z", "+00:00")) for name, text in facts["phases"].items()}
    # Both ends fall just after a full second; whole seconds make the window the same for every header resolution.
    start, end = (phase[key].replace(microsecond=0) for key in ("fault_start", "fault_end"))
    templates, kinds = load_templates()
    pack = zstandard.ZstdCompressor(level=19, write_content_size=True).compress
    files, outputs, complaints = {}, {}, []
    for name, layout in FILES.items():
        raw = (args.recording / f"{name}.log").read_bytes()
        truth, times, wrong = label(name, raw, templates[name])
        complaints += wrong
        used = [template for template in templates[name] if template.count]
        ids = {template: f"E{number}" for number, template in enumerate(used, 1)}
        first, last = window_lines(name, times, start, end)
        print(f"{name}: {len(truth)} lines, {len(used)} of {len(templates[name])} templates, window {first}..{last}")
        if wrong:
            continue
        outputs[f"{name}.log.zst"] = pack(raw)
        outputs[f"truth/{name}.csv.zst"] = pack(
            table([["LineId", "EventId"], *([n, ids[t]] for n, t in enumerate(truth, 1))])
        )
        outputs[f"templates/{name}.csv"] = table(
            [["EventId", "EventTemplate", "Occurrences"], *([ids[t], t.text, t.count] for t in used)]
        )
        outputs[f"variables/{name}.csv"] = table(
            [
                ["EventId", "Slot", "Kind", "Category"],
                *([ids[t], n, kind, kinds[kind]["category"]] for t in used for n, kind in enumerate(t.slots, 1)),
            ]
        )
        files[f"{name}.log"] = {
            "layout_name": layout["layout_name"],
            "layout": layout["layout"],
            "header_regex": layout["header"],
            "lines": len(truth),
            "bytes": len(raw),
            "sha256": hashlib.sha256(raw).hexdigest(),
            "templates": len(used),
            "fault_lines": {"first": first, "last": last},
        }
    if complaints:
        print(*complaints[:60], f"{len(complaints)} lines without exactly one template", sep="\n", file=sys.stderr)
        return 1
    if args.check:
        return 0
    sample = {
        "description": "Logs of real servers under real use and a marked fault, recorded by tools/record_sample",
        "licence": "Apache-2.0",
        "recorded": {"start": facts["phases"]["recording_start"], "end": facts["phases"]["recording_end"]},
        "servers": facts["versions"],
        "fault": {
            "start": start.isoformat().replace("+00:00", "Z"),
            "end": end.isoformat().replace("+00:00", "Z"),
            "what": FAULT,
        },
        "files": files,
    }
    outputs["sample.yaml"] = yaml.safe_dump(sample, sort_keys=False, width=120, allow_unicode=True).encode()
    for name, data in outputs.items():
        (args.out / name).parent.mkdir(parents=True, exist_ok=True)
        (args.out / name).write_bytes(data)
    print(f"{sum(map(len, outputs.values()))} bytes in {len(outputs)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
