"""The commands do what cli.md's users expect of them."""

from __future__ import annotations

import csv
import json
import os
import pty
import random
import subprocess
import sys
from pathlib import Path

import click
import pyarrow.parquet as pq
import pytest

from logpipe.cli.app import COMMANDS, app
from logpipe.export.parquet import restore
from logpipe.registry import DEFAULT_PARSER

from .program import LOG, PROGRAM, columns, environment, log_file, logpipe, names


def test_help_lists_the_commands_and_imports_little() -> None:
    """Start-up stays cheap: none of the heavy packages is loaded."""
    code = (
        "import sys\nfrom logpipe.cli import run\nrun(['--help'])\n"
        "heavy = {'numpy', 'pyarrow', 'rich', 'pydantic', 'yaml', 'orjson', 'prefect'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run(
        [PROGRAM[0], "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert ran.stderr.strip().splitlines()[-1] in ("[]", "['orjson']")
    for name in ("parse", "templates", "parsers", "datasets", "flow", "demo"):
        assert f"\n  {name} " in ran.stdout


@pytest.mark.parametrize("arguments", [[], ["datasets"], ["detectors"]])
def test_without_a_command_the_help_is_shown_in_lines(arguments: list[str]) -> None:
    """It is no message to be folded into one line; the exit code says that nothing was done."""
    ran = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=60)

    assert ran.returncode == 2
    assert ran.stderr.startswith("Usage: logpipe")
    assert "\nCommands:\n  " in ran.stderr


def test_help_costs_little_cpu() -> None:
    """Less than 0.15 s of CPU, the interpreter included; the least of five runs counts."""

    def cpu() -> float:
        before = os.times()
        subprocess.run([*PROGRAM, "--help"], stdout=subprocess.DEVNULL, check=True, timeout=60)
        after = os.times()
        return (
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )

    assert min(cpu() for _ in range(5)) < 0.15


def test_every_command_has_help() -> None:
    """`--help` works and exits with 0 wherever it is asked."""
    for words in (
        ["parse"],
        ["templates"],
        ["parsers", "list"],
        ["datasets", "fetch"],
        ["flow"],
        ["demo"],
    ):
        ran = logpipe(*words, "--help")
        assert ran.code == 0
        assert ran.out.startswith(b"Usage: logpipe " + " ".join(words).encode())


def test_parquet_holds_every_line(tmp_path: Path) -> None:
    """The promised columns, and the source back."""
    out = tmp_path / "out.parquet"
    ran = logpipe("parse", log_file(tmp_path), "-o", out)

    assert ran.code == 0, ran.err
    assert ran.out == b""
    table = pq.read_table(out)
    assert {"line_no", "message", "template_id", "template", "variables", "variable_types"} <= set(
        table.column_names
    )
    assert b"".join(restore(str(out))) == LOG
    assert names(tmp_path) == ["app.log", "out.parquet"]


def test_the_picked_layout_is_said(tmp_path: Path) -> None:
    """`--format auto` says on standard error what it picked; -q is silent."""
    log = log_file(tmp_path)
    loud = logpipe("parse", log, "-o", tmp_path / "a.parquet")
    quiet = logpipe("parse", log, "-o", tmp_path / "b.parquet", "-q")

    assert "layout" in loud.err
    assert quiet.err == ""


def test_a_layout_of_ones_own_gives_its_fields(tmp_path: Path) -> None:
    """The fields of --format are columns, in order."""
    log = log_file(tmp_path)
    ran = logpipe(
        "parse", log, "--format", "<Date> <Time> <Level> <Component>: <Content>", "-o", "-"
    )
    rows = [json.loads(line) for line in ran.out.splitlines()]

    assert list(rows[0])[:5] == ["line_no", "Date", "Time", "Level", "Component"]
    assert rows[40]["Level"] == "ERROR"
    assert rows[0]["message"] == "user u0 logged in from 10.0.0.0"
    assert columns(rows, "line_no") == list(range(1, 43))


def test_without_a_terminal_rows_go_to_standard_output(tmp_path: Path) -> None:
    """`logpipe parse LOG | jq` works; so does standard input."""
    rows = logpipe("parse", "-", "-q", stdin=LOG).out.splitlines()

    assert len(rows) == LOG.count(b"\n")
    assert json.loads(rows[0])["line_no"] == 1


def test_on_a_terminal_a_table_is_shown(tmp_path: Path) -> None:
    """Without -o, a person sees templates and not rows."""
    log = log_file(tmp_path)
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "parse", str(log)],
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env=environment(TERM="xterm", COLUMNS="100"),
    ) as process:
        os.close(terminal)
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:
            pass  # the terminal is gone when its last user is
        process.wait(timeout=60)
    os.close(master)

    assert process.returncode == 0
    assert b"user <*> logged in from <*>" in shown
    assert b"40" in shown
    assert b"42 lines" in shown


def test_json_summary(tmp_path: Path) -> None:
    """`--json` gives the facts of the table, with or without an output."""
    log = log_file(tmp_path)
    out = tmp_path / "out.parquet"
    alone = json.loads(logpipe("parse", log, "--json").out)
    beside = json.loads(logpipe("parse", log, "--json", "-o", out).out)

    assert alone["lines"] == beside["lines"] == 42
    assert alone["templates"] == beside["templates"]
    assert sum(columns(alone["templates"], "lines")) == 42
    assert out.exists()


def test_multiline_attaches_the_stack_trace(tmp_path: Path) -> None:
    """One row less, and the source still comes back."""
    out = tmp_path / "out.parquet"
    logpipe("parse", log_file(tmp_path), "--multiline", "-o", out)
    rows = pq.read_table(out).to_pylist()

    assert (rows[-1]["line_no"], rows[-1]["lines"]) == (41, 2)
    assert rows[-1]["continuation"] == "  at web.Save:12\n"
    assert b"".join(restore(str(out))) == LOG


def test_several_logs_become_one_table(tmp_path: Path) -> None:
    """With the name of the source in every row."""
    first, second = log_file(tmp_path, name="a.log"), log_file(tmp_path, name="b.log")
    out = tmp_path / "out.parquet"
    ran = logpipe("parse", first, second, "-o", out)

    assert ran.code == 0, ran.err
    assert pq.read_table(out)["source"].to_pylist() == [str(first)] * 42 + [str(second)] * 42
    assert b"".join(restore(str(out))) == LOG * 2


def test_an_empty_log(tmp_path: Path) -> None:
    """No line is no error."""
    log = log_file(tmp_path, b"")
    for name in ("out.parquet", "out.jsonl"):
        ran = logpipe("parse", log, "-o", tmp_path / name)
        assert ran.code == 0, ran.err
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    """Names are bytes, too."""
    log = os.fsencode(tmp_path) + b"/\xff.log"
    Path(os.fsdecode(log)).write_bytes(LOG)
    ran = subprocess.run(
        [*PROGRAM, "parse", log, log, "-o", str(tmp_path / "out.parquet")],
        capture_output=True,
        env=environment(),
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert b"".join(restore(str(tmp_path / "out.parquet"))) == LOG * 2


def test_templates_as_csv(tmp_path: Path) -> None:
    """`--templates` writes one row per template that occurs."""
    log = log_file(tmp_path)
    logpipe("parse", log, "-o", tmp_path / "o.jsonl", "--templates", tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert rows[0]["template"] == "user <*> logged in from <*>"
    assert (rows[0]["lines"], rows[0]["first_line"], rows[0]["last_line"]) == ("40", "1", "40")
    assert sum(int(lines) for lines in columns(rows, "lines")) == 42


def test_template_styles_rewrite_the_text(tmp_path: Path) -> None:
    """`--template-style` reaches rows and the CSV."""
    log = log_file(tmp_path, b"".join(b"copied /a/%d to u%d.%d\n" % (i, i, i) for i in range(50)))
    exact, styled = (
        json.loads(logpipe("parse", log, "-q", "--template-style", style).out.splitlines()[0])
        for style in ("exact", "loghub-2k")
    )

    assert exact["variables"] == styled["variables"]
    assert exact["template"] != styled["template"]


_FOR_FEW = {
    *("numpy", "pyarrow", "zipfile", "tarfile", "tempfile", "concurrent.futures", "logging"),
    *("random", "shutil", "bz2", "json"),
}
"""Modules for other inputs than one plain log, for other columns, and for several blocks."""


@pytest.mark.parametrize(
    ("arguments", "others"),
    [
        ("compress -q -j 2 -o {out} {log}", "logpipe.archive.reader logpipe.archive.regex"),
        ("compress -q --level fast -o {out} {log}", "logpipe.archive.reader lzma"),
        ("decompress -q -j 2 -o {out} {archive}", "logpipe.formats logpipe.batch"),
        ("grep -c percent {archive}", "logpipe.formats logpipe.batch"),
        ("grep -n no.such.word {archive}", "logpipe.formats logpipe.batch"),
        ("cat {archive}", "logpipe.formats logpipe.batch logpipe.archive.regex"),
        ("info {archive}", "logpipe.formats logpipe.batch logpipe.archive.regex"),
    ],
)
@pytest.mark.parametrize("lines", [1, 400])
def test_small_runs_import_little(tmp_path: Path, arguments: str, others: str, lines: int) -> None:
    """Of a small log, start-up is all that takes time: nothing is imported that is not used."""
    log, archive = tmp_path / "some.log", tmp_path / "some.lpz"
    log.write_bytes(b"".join(LOG.splitlines(keepends=True)[:lines]))
    assert logpipe("compress", "-q", "--level", "fast", log, "-o", archive).code == 0
    code = (
        "import sys\nfrom logpipe.cli import run\nrun(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    words = arguments.format(log=log, archive=archive, out=tmp_path / "out").split()
    ran = subprocess.run(
        [PROGRAM[0], "-c", code, *words], capture_output=True, text=True, check=True, timeout=60
    )
    imported = set(ran.stderr.split())

    assert "logpipe.cli" in imported
    assert sorted(imported & (_FOR_FEW | set(others.split()))) == []


def test_lines_without_a_template_are_told(tmp_path: Path) -> None:
    """A log of which nearly every line would be a template of its own."""
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(3000)]
    lines = [" ".join(rng.choices(words, k=rng.randint(3, 9))) for _ in range(40_000)]
    log = log_file(tmp_path, "\n".join(lines).encode(), "all-different.log")
    ran = logpipe("templates", log)

    first = ran.out.decode().splitlines()[1]
    count = first.split()[0]
    assert "(no template)" in first
    assert f"{count} of 40,000 lines have no template" in ran.err


def test_a_saved_model_is_used_unchanged(tmp_path: Path) -> None:
    """A model trained on one file parses another; what it does not know is in group 0."""
    log = log_file(tmp_path)
    other = log_file(tmp_path, LOG + b"something never seen before at all\n", "other.log")
    model = tmp_path / "model.json"
    logpipe("parse", log, "-o", tmp_path / "a.jsonl", "--save-model", model)
    before = model.read_bytes()
    said = logpipe("parse", other, "--model", model, "-o", tmp_path / "b.jsonl").err
    assert f"fit no template of the model {model}" in said
    ran = logpipe("parse", other, "--model", model, "-q")
    rows = [json.loads(line) for line in ran.out.splitlines()]

    assert ran.code == 0, ran.err
    assert rows[0]["template"] == "user <*> logged in from <*>"
    assert rows[-1]["group"] == 0
    assert model.read_bytes() == before


def test_settings_reach_the_parser(tmp_path: Path) -> None:
    """`--set` values have the type of the parameter; the summary shows them."""
    summary = json.loads(
        logpipe(
            "parse", log_file(tmp_path), "--json", "--parser", "drain",
            "--set", "depth=5", "--set", "sim_th=0.5",
            "--set", "max_clusters=none", "--set", "extra_delimiters==,:",
        ).out
    )  # fmt: skip

    assert summary["parameters"]["depth"] == 5
    assert summary["parameters"]["sim_th"] == 0.5
    assert summary["parameters"]["max_clusters"] is None


def test_templates_of_a_log_and_of_its_parquet_file_agree(tmp_path: Path) -> None:
    """Counts, first and last line, template text; the Parquet file is not parsed again."""
    log = log_file(tmp_path)
    out = tmp_path / "out.parquet"
    logpipe("parse", log, "-o", out)
    of_log = json.loads(logpipe("templates", log, "--json").out)
    of_parquet = json.loads(logpipe("templates", out, "--json").out)

    facts = ("template_id", "template", "lines", "first_line", "last_line", "variable_types")
    assert [[row[f] for f in facts] for row in of_log] == [
        [row[f] for f in facts] for row in of_parquet
    ]
    assert of_parquet[0]["examples"][0][:2] == ["u0", "u1"]


def test_top_limits_the_table(tmp_path: Path) -> None:
    """`--top 1` is the most frequent template."""
    ran = logpipe("templates", log_file(tmp_path), "--top", "1", "-q")
    lines = ran.out.decode().splitlines()

    assert len(lines) == 2
    assert lines[0].split()[:5] == ["lines", "share", "first", "last", "template"]
    assert "user <*> logged in from <*>" in lines[1]


def test_a_log_cannot_move_the_cursor(tmp_path: Path) -> None:
    """Control characters of a log are shown, not sent to the terminal."""
    log = log_file(tmp_path, b"evil \x1b[Kline\n" * 3)
    ran = logpipe("templates", log, "-q")

    assert b"\x1b" not in ran.out
    assert b"\\x1b[Kline" in ran.out


def test_the_parsers_are_listed() -> None:
    """With their parameters, for people and as JSON."""
    ran = logpipe("parsers", "list")
    rows = {row["name"]: row for row in json.loads(logpipe("parsers", "list", "--json").out)}

    assert "drain" in ran.out.decode()
    assert rows["drain"]["parameters"]["depth"] == 4
    assert "drain3" in rows
    assert [name for name, row in rows.items() if row["default"]] == [DEFAULT_PARSER]
    assert f"{DEFAULT_PARSER} is the default" in ran.out.decode()


def test_the_data_sets_are_listed(tmp_path: Path) -> None:
    """`datasets` is a thin face of logpipe.datasets."""
    home = str(tmp_path)
    rows = json.loads(logpipe("datasets", "list", "--json", LOGPIPE_HOME=home).out)
    name = next(row["name"] for row in rows if row["here"] == "embedded")
    fetched = logpipe("datasets", "fetch", name, "-q", LOGPIPE_HOME=home)
    path = logpipe("datasets", "path", name, LOGPIPE_HOME=home)
    shown = json.loads(logpipe("datasets", "show", name, "--json", LOGPIPE_HOME=home).out)

    assert fetched.code == path.code == 0, fetched.err
    assert Path(path.out.decode().splitlines()[0].split("\t")[1]).is_file()
    assert shown["name"] == name
    assert logpipe("datasets", "show", name, LOGPIPE_HOME=home).code == 0
    assert logpipe("datasets", "list", LOGPIPE_HOME=home).code == 0
    assert logpipe("datasets", "check", name, LOGPIPE_HOME=home).code == 0


def test_a_data_set_that_cannot_be_had_does_not_stop_the_others(tmp_path):
    """Each failure is a line, what was fetched is told, and the code says that it was not all."""
    ran = logpipe(
        "datasets", "fetch", "loghub-2.0-full", "sample/redis", "-q", LOGPIPE_HOME=str(tmp_path)
    )

    assert ran.code == 2
    *failures, summary = ran.err.splitlines()
    assert len(failures) == 2
    assert all(line.startswith("logpipe: error: loghub-2.0-full/") for line in failures)
    assert "2 of 3 data sets were not fetched" in summary
    assert b"sample/redis\tlog\t" in ran.out


def test_the_flows_are_listed() -> None:
    """Without a name, `flow` says which there are, without importing Prefect."""
    assert b"parse-all" in logpipe("flow").out


@pytest.mark.timeout(120)
def test_the_demo_gives_every_byte_back(tmp_path: Path) -> None:
    """The whole chain on the embedded sample."""
    ran = logpipe("demo", "--json", "-o", tmp_path / "demo", LOGPIPE_HOME=str(tmp_path))
    found = json.loads(ran.out)

    assert ran.code == 0, ran.err
    assert found["exact"] is True
    assert {row["parser"] for row in found["logs"]} >= {"drain"}
    assert all(Path(row["output"]).is_file() for row in found["logs"])
    assert any(log["only_then"] for log in found["fault"]["logs"])


def test_the_version_is_said() -> None:
    """One line."""
    assert logpipe("--version").out.startswith(b"logpipe, version ")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_shows_no_marks_of_its_markup(name: str) -> None:
    r"""`\b` keeps lines as they are; in a raw docstring it was printed."""
    command = app.get_command(click.Context(app), name)
    assert command is not None

    assert "\\b" not in command.get_help(click.Context(command, info_name=name))


def test_what_writes_no_columns_imports_no_pyarrow(tmp_path: Path) -> None:
    """Its import takes as long as everything else that the first template needs."""
    log = log_file(tmp_path)
    code = (
        "import sys; from logpipe.cli import run; run(sys.argv[1:]); "
        "sys.exit('pyarrow' in sys.modules)"
    )
    for command in ("templates", "parsers"):
        arguments = [command, *([str(log), "-q"] if command == "templates" else ["list"])]
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, check=False
        )
        assert ran.returncode == 0, (command, ran.stderr)
