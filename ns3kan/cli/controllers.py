# SPDX-License-Identifier: MIT
"""The commands on controller artefacts: ``ns3kan check`` and ``ns3kan export``."""

from __future__ import annotations

import json as json_module
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ns3kan.io.files import write_atomically

Artefact = Annotated[Path, typer.Argument(help="A file controller.json.", metavar="CONTROLLER")]


def check(
    controller: Artefact,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write what is proven into the file.")
    ] = False,
) -> None:
    """Prove what a controller guarantees over the ranges of its inputs, from its expressions.

    Exit status: 0 if no problem is found; 1 if an output is not proven to have a value
    everywhere, the expressions were edited after their fidelity was measured, or the recorded
    guarantees are not those of the expressions; 2 if the file is no valid artefact.
    """
    from ns3kan.agents.equations.artefact.check import check as examine
    from ns3kan.agents.equations.artefact.check import fidelity_state, lines
    from ns3kan.agents.equations.artefact.controller import Controller, ControllerError
    from ns3kan.agents.equations.proofs.guarantees import certify

    try:
        read = Controller.load(controller)
    except ControllerError as error:
        if json:
            typer.echo(json_module.dumps({"valid": False, "error": str(error)}))
        print(f"ns3kan: {error}", file=sys.stderr)
        sys.exit(2)
    if write:
        certify(read)
        read.save(controller)
    checked = examine(read)
    if json:
        typer.echo(
            json_module.dumps(
                {
                    "valid": True,
                    "guarantees": checked.guarantees,
                    "fidelity": fidelity_state(read),
                    "objections": checked.objections,
                },
                ensure_ascii=False,
            )
        )
    else:
        for line in lines(read, checked):
            typer.echo(line)
    sys.exit(1 if checked.objections else 0)


class Language(StrEnum):
    """What a controller can be written as."""

    cpp = "cpp"
    c = "c"
    latex = "latex"
    python = "python"
    json = "json"


def export(
    controller: Artefact,
    to: Annotated[Language, typer.Option("--to", help="The language.")],
    name: Annotated[
        str, typer.Option(help="Namespace in C++, what all names start with in C.")
    ] = "controller",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, instead of printing.")
    ] = None,
) -> None:
    """Write a controller as C++17, C99, LaTeX, Python or JSON, with the same decisions."""
    from ns3kan.agents.equations.artefact.controller import Controller
    from ns3kan.agents.equations.artefact.export import export as write

    text = write(Controller.load(controller), to.value, name)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_atomically(output, text)
