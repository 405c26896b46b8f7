# SPDX-License-Identifier: MIT
"""The commands ``ns3kan reproduce …``: the papers' studies, run anew.

A study's trainings stay in files: a command that was interrupted goes on where it was, and one that
is given again only writes its tables and figures anew.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from ns3kan.cli.arguments import HELP_OPTIONS, resumable

app = typer.Typer(
    help="Run a paper's study and write its tables and figures beside the published numbers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
)


class SelectionTable(StrEnum):
    """Tables of the feature-selection study; the last two are not the paper's."""

    one = "I"
    two = "II"
    three = "III"
    four = "IV"
    budgets = "budgets"
    formulas = "formulas"


class SelectionFigure(StrEnum):
    """Figures of the feature-selection study."""

    one = "1"
    two = "2"
    three = "3"
    four = "4"


class SelectionDataset(StrEnum):
    """Data sets of the feature-selection study."""

    digits = "digits"
    mnist = "mnist"
    fashion_mnist = "fashion-mnist"


@app.command()
def feature_selection(
    table: Annotated[
        list[SelectionTable] | None,
        typer.Option(help="Which table; several may be given. Without --table and --figure: all."),
    ] = None,
    figure: Annotated[
        list[SelectionFigure] | None, typer.Option(help="Which figure; several may be given.")
    ] = None,
    dataset: Annotated[SelectionDataset, typer.Option(help="Whose images.")] = (
        SelectionDataset.digits
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="Few epochs: the numbers say only that all works.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder for data sets, instead of NS3KAN_DATA or the user's cache."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            "--results",
            help="Folder for the results; by default analysis/results/feature-selection, with "
            "--quick runs/feature-selection-quick.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Trainings at the same time.")] = 2,
) -> None:
    """Select features per image for a double DQN: paper 3, its tables and figures."""
    from ns3kan.analysis.studies.feature_selection import settings
    from ns3kan.analysis.studies.feature_selection.study import reproduce

    every = table is None and figure is None
    if folder is None:
        folder = Path(
            "runs/feature-selection-quick" if quick else "analysis/results/feature-selection"
        )
    study = settings.quick() if quick else settings.FeatureSelectionStudy()
    tables = list(SelectionTable) if every else table or []
    figures = list(SelectionFigure) if every else figure or []
    with resumable(_how_to_resume):
        for path in reproduce(
            dataclasses.replace(study, workers=workers),
            dataset.value,
            folder,
            tables=cast("tuple[settings.Table, ...]", tuple(one.value for one in tables)),
            figures=cast("tuple[settings.Figure, ...]", tuple(one.value for one in figures)),
            data_dir=data_dir,
            on_done=typer.echo,
        ):
            typer.echo(path)


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
            help="Beyond the paper: transfer, heavy-traffic, optimum, packets or "
            "ablation; may be given again."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Everything on a small scale; its numbers mean nothing.")
    ] = False,
    folder: Annotated[
        Path,
        typer.Option(
            "--folder",
            "--results",
            help="Folder of the results, with what has been trained already.",
        ),
    ] = Path("results/switch-type"),
    seeds: Annotated[int | None, typer.Option(min=1, help="Number of training seeds.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Trainings at the same time.")] = 2,
) -> None:
    """Switch-type networks for scheduling and routing (paper 2); all of it if nothing is named."""
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
    study = dataclasses.replace(
        study, workers=workers, seeds=study.seeds if seeds is None else tuple(range(seeds))
    )
    with resumable(_how_to_resume):
        for path in reproduce(study, folder, wanted, typer.echo):
            typer.echo(path)


@app.command("load-balancing")
def load_balancing(
    quick: Annotated[
        bool, typer.Option("--quick", help="Everything on a small scale; its numbers mean nothing.")
    ] = False,
    folder: Annotated[
        Path,
        typer.Option(
            "--folder",
            "--results",
            help="Folder of the results, with what has been trained already.",
        ),
    ] = Path("results/load-balancing"),
    seeds: Annotated[int | None, typer.Option(min=1, help="Trainings of each network.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Trainings, and simulations, at the same time.")
    ] = 2,
) -> None:
    """Split flows over two paths (paper 1): networks, equations and rules, by reward."""
    from ns3kan.analysis.studies.load_balancing import settings
    from ns3kan.analysis.studies.load_balancing.reproduce import reproduce

    study = settings.quick() if quick else settings.LoadBalancingStudy()
    study = dataclasses.replace(
        study, workers=workers, seeds=study.seeds if seeds is None else seeds
    )
    with resumable(_how_to_resume):
        for path in reproduce(study, folder, typer.echo):
            typer.echo(path)


def _how_to_resume() -> str:
    return "the same command continues"
