"""The commands, by name; a command's module is imported when the command is called."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import click

import logpipe

__all__ = ["COMMANDS", "LazyCommand", "app"]


class LazyCommand(NamedTuple):
    """Where a command is, and its line in the list of commands."""

    module: str
    help: str


COMMANDS = {
    "parse": LazyCommand("logpipe.cli.parse", "Turn logs into templates and typed variables."),
    "templates": LazyCommand("logpipe.cli.templates", "Show the templates of a log, with counts."),
    "detect": LazyCommand("logpipe.cli.detect", "Say what is abnormal in a log, and why."),
    "evaluate": LazyCommand(
        "logpipe.cli.evaluate", "Score parsers on logs whose templates are known."
    ),
    "report": LazyCommand("logpipe.cli.report", "Make one HTML page of kept results."),
    "compress": LazyCommand("logpipe.cli.compress", "Compress logs into an archive."),
    "decompress": LazyCommand("logpipe.cli.decompress", "Get a log back from its archive."),
    "cat": LazyCommand("logpipe.cli.cat", "Print lines of an archive."),
    "grep": LazyCommand("logpipe.cli.grep", "Find lines in archives, as grep would."),
    "info": LazyCommand("logpipe.cli.info", "Show what is in an archive and where its bytes go."),
    "verify": LazyCommand("logpipe.cli.verify", "Check every byte of an archive."),
    "repair": LazyCommand("logpipe.cli.repair", "Save what is good of a damaged archive."),
    "parsers": LazyCommand("logpipe.cli.parsers", "List the parsers that can be used."),
    "detectors": LazyCommand("logpipe.cli.detectors", "List the detectors that can be used."),
    "datasets": LazyCommand("logpipe.cli.datasets", "List, show, fetch and check data sets."),
    "flow": LazyCommand("logpipe.cli.flow", "Run a flow in this process."),
    "up": LazyCommand("logpipe.cli.up", "A Prefect server and all flows, served."),
    "demo": LazyCommand("logpipe.cli.demo", "The whole chain on the embedded sample."),
}


class _App(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = COMMANDS.get(cmd_name)
        if found is None:
            return None
        command = importlib.import_module(found.module).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"unknown command {args[0]!r}; known: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # The default asks every command for its help, and so would import them all.
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])


@click.group(
    cls=_App,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Raw system logs to templates and typed variables: exact, fast, searchable.",
    epilog="`logpipe demo` shows the whole chain; `logpipe COMMAND --help` says more.",
)
@click.version_option(logpipe.__version__, prog_name="logpipe")
def app() -> None:
    """The program."""
