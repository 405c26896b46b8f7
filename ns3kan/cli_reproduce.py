# SPDX-License-Identifier: MIT
"""The commands ``ns3kan reproduce STUDY``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Run a study of a paper: tables, figures, and a comparison with what was published.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("switch-type")
def switch_type(
    table: Annotated[
        list[str] | None, typer.Option(help="I, II or III; may be given again.")
    ] = None,
    figure: Annotated[
        list[str] | None, typer.Option(help="3, 4, 5, 6 or 7; may be given again.")
    ] = None,
    extra: Annotated[
        list[str] | None,
        typer.Option(
            help="Beyond the paper: transfer, heavy-traffic, optimum or ablation; may be given "
            "again."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Everything on a small scale; its numbers mean nothing.")
    ] = False,
    results: Annotated[
        Path, typer.Option(help="Folder of the results, with what has been trained already.")
    ] = Path("results/switch-type"),
    workers: Annotated[int, typer.Option(min=1, help="Trainings at the same time.")] = 2,
) -> None:
    """Switch-type networks for scheduling and routing (paper 2); all of it if nothing is named."""
    import dataclasses

    from ns3kan.analysis.studies.switch_type.reproduce import (
        EXTRAS,
        FIGURES,
        TABLES,
        quick_study,
        reproduce,
    )
    from ns3kan.analysis.studies.switch_type.settings import SwitchTypeStudy

    wanted = [*(table or ()), *(figure or ()), *(extra or ())] or [*TABLES, *FIGURES, *EXTRAS]
    study = quick_study() if quick else SwitchTypeStudy()
    study = dataclasses.replace(study, workers=workers)
    for path in reproduce(study, results, wanted, typer.echo):
        typer.echo(path)
