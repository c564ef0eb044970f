"""The Prefect plug-in that lets one say `prefect deployment run parse-all`.

Prefect wants `<flow>/<deployment>` and refuses a name without a slash. It loads the plug-ins of
the entry point group `prefect.plugins` where they are enabled; `[tool.prefect.plugins]` in
pyproject.toml does that in the project folder, `PREFECT_PLUGINS_ENABLED=true` anywhere. This one
does two things, in processes of the `prefect` command only:

- a name without a slash is looked up among the names of deployments. One hit is used; several are
  an error that lists their full names;
- if no server is set, that of a running `logpipe up` is used.

The method that is wrapped for it is internal to Prefect. Should it be gone one day, the plug-in
does nothing, and `prefect deployment run parse-all/parse-all` is left.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, NoReturn

from prefect.plugins import SetupResult, register_hook

from flows.running import running_server

__all__ = ["command_of", "full_name", "setup_environment"]

NO_SERVER_NEEDED = ("server", "config", "profile", "version")


@register_hook
def setup_environment(*, ctx: Any) -> SetupResult | None:
    """Called by Prefect when it is imported; never raises."""
    try:
        return _prepare(ctx)
    except Exception as error:
        # An extra convenience must not break the program that it is an extra of.
        ctx.logger_factory("logpipe").debug("plug-in not used: %r", error)
        return None


def _prepare(ctx: Any) -> SetupResult | None:
    command = command_of(sys.orig_argv)
    if command is None:
        return None
    if command[:1] == ["deployment"]:
        _allow_short_names()
    if ctx.api_url or os.environ.get("PREFECT_API_URL") or command[:1] == [""]:
        return None
    if command[:1] and command[0] in NO_SERVER_NEEDED:
        return None
    url = running_server()
    return SetupResult(env={"PREFECT_API_URL": url}, note=f"logpipe up at {url}") if url else None


def command_of(arguments: Sequence[str]) -> list[str] | None:
    """The sub-command and what follows it, if a process runs the `prefect` command.

    >>> command_of(["python", "-m", "prefect", "--no-prompt", "deployment", "run", "parse-all"])
    ['deployment', 'run', 'parse-all']
    >>> command_of(["python", "/bin/prefect", "version"])
    ['version']
    >>> command_of(["python", "train.py", "prefect"]) is None
    True
    """
    for place, argument in enumerate(arguments[:8]):
        own = place > 0 and arguments[place - 1] == "-m"
        if PurePath(argument).stem == "prefect" and (own or "/" in argument or place == 0):
            rest = list(arguments[place + 1 :])
            while rest and rest[0].startswith("-"):
                # `--profile NAME` and `-p NAME` are the only ones with a value.
                rest = rest[2:] if rest[0] in ("-p", "--profile") else rest[1:]
            return rest
    return None


def _allow_short_names() -> None:
    from prefect.client.orchestration._deployments.client import DeploymentAsyncClient

    original = DeploymentAsyncClient.read_deployment_by_name
    if getattr(original, "knows_short_names", False):
        return

    @functools.wraps(original)
    async def read_deployment_by_name(self: Any, name: str) -> Any:
        return await original(self, name if "/" in name else await full_name(self, name))

    read_deployment_by_name.knows_short_names = True  # type: ignore[attr-defined]
    DeploymentAsyncClient.read_deployment_by_name = read_deployment_by_name  # type: ignore[method-assign]


async def full_name(client: Any, name: str) -> str:
    """`<flow>/<deployment>` of the one deployment of this name; ends the program without one."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

    asked = DeploymentFilter(name=DeploymentFilterName(any_=[name]))
    found = [
        f"{(await client.read_flow(deployment.flow_id)).name}/{deployment.name}"
        for deployment in await client.read_deployments(deployment_filter=asked)
    ]
    if len(found) > 1:
        _refuse(f"several deployments are called {name!r}: {', '.join(sorted(found))}")
    if not found:
        _refuse(
            f"no deployment is called {name!r} on this server; `logpipe up` in another terminal "
            f"serves all flows, `prefect deployment ls` lists what there is"
        )
    return found[0]


def _refuse(message: str) -> NoReturn:
    print(f"logpipe: error: {message}", file=sys.stderr)
    raise SystemExit(2)
