"""`logpipe info`: what is in an archive, and where its bytes go."""

from __future__ import annotations

import click

from logpipe.cli.options import json_option

__all__ = ["command"]


@click.command("info", short_help="Show what is in an archive and where its bytes go.")
@click.argument("file", metavar="FILE.lpz")
@json_option
def command(file: str, as_json: bool) -> int:
    """Show sizes, ratio, blocks, templates, and what the bytes of an archive are spent on."""
    from logpipe.archive.facts import facts
    from logpipe.cli.tables import Column, counted, percent, print_json, print_table, size

    found = facts(file)
    if as_json:
        print_json(found)
        return 0
    ratio = found["raw_bytes"] / found["archive_bytes"] if found["archive_bytes"] else 0
    click.echo(
        f"{file}: {counted(found['lines'], 'line')}, {size(found['raw_bytes'])} in "
        f"{size(found['archive_bytes'])}, ratio {ratio:.2f}\n"
        f"{counted(len(found['blocks']), 'block')}, format {found['format']}, "
        f"layouts: {', '.join(found['layouts']) or '-'}, row templates: {found['templates']:,}\n"
    )
    whole = found["archive_bytes"]
    print_table(
        [
            Column("bytes of"),
            Column("stored", "right"),
            Column("share", "right"),
            Column("unpacked", "right"),
        ],
        [
            [s["name"], f"{s['stored']:,}", percent(s["stored"], whole), f"{s['size']:,}"]
            for s in found["streams"]
        ],
    )
    return 0
