# SPDX-License-Identifier: MIT
"""The commands that say what there is: ``envs``, ``doctor`` and ``version``."""

from __future__ import annotations

import dataclasses
import json as json_module
import sys
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def envs(
    name: Annotated[
        str | None, typer.Argument(help="Id of one environment; by default all of ns3kan.")
    ] = None,
    json: Json = False,
) -> None:
    """List the environments with their features, units and actions."""
    from ns3kan.analysis.environments import describe
    from ns3kan.registration import ENVIRONMENTS

    described = [describe(each) for each in ([name] if name else sorted(ENVIRONMENTS))]
    if json:
        typer.echo(
            json_module.dumps([dataclasses.asdict(each) for each in described], ensure_ascii=False)
        )
        return
    for each in described:
        for line in each.lines():
            typer.echo(line)


def doctor(json: Json = False) -> None:
    """Check what ns3kan needs, and say how to install what is missing.

    Exit status: 1 if something is missing that is needed.
    """
    from ns3kan.analysis.doctor import examine

    found = examine()
    if json:
        typer.echo(
            json_module.dumps([dataclasses.asdict(each) for each in found], ensure_ascii=False)
        )
    else:
        for each in found:
            typer.echo(each.line())
    sys.exit(0 if all(each.is_well or not each.is_needed for each in found) else 1)


def schema() -> None:
    """Print the JSON Schema of configuration files, by which editors complete and check them."""
    from ns3kan.analysis.runs.config import json_schema

    typer.echo(json_module.dumps(json_schema(), indent=2, ensure_ascii=False))


def version() -> None:
    """Print the versions of ns3kan and of the ns-3 that came with it."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    for distribution in ("ns3kan", "ns3"):
        try:
            typer.echo(f"{distribution} {version_of(distribution)}")
        except PackageNotFoundError:
            typer.echo(f"{distribution} not installed")
