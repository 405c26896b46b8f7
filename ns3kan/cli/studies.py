# SPDX-License-Identifier: MIT
"""The commands ``ns3kan reproduce …``: the papers' studies, run anew.

A study's trainings stay in files: a command that was interrupted goes on where it was, and one that
is given again only writes its tables and figures anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ns3kan.cli.arguments import HELP_OPTIONS, resumable

Study = TypeVar("Study")

app = typer.Typer(
    help="Run a paper's study and write its tables and figures beside the published numbers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
)


class SelectionDataset(StrEnum):
    """Data sets of the feature-selection study."""

    digits = "digits"
    mnist = "mnist"
    fashion_mnist = "fashion-mnist"


Tables = Annotated[
    list[str] | None,
    typer.Option("--table", help="Which; several may be given. Without --table and --figure: all."),
]
Figures = Annotated[list[str] | None, typer.Option("--figure", help="Which; several may be given.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="Everything on a small scale; its numbers mean nothing.")
]
Results = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        "--results",
        help="Folder of the results, with what has been trained already; by default "
        "results/STUDY, with --quick runs/STUDY-quick.",
    ),
]
Seeds = Annotated[int | None, typer.Option(min=1, help="Trainings of each network.")]
Workers = Annotated[int, typer.Option(min=1, help="Trainings, and simulations, at the same time.")]


@app.command()
def feature_selection(
    table: Tables = None,
    figure: Figures = None,
    dataset: Annotated[SelectionDataset, typer.Option(help="Whose images.")] = (
        SelectionDataset.digits
    ),
    quick: Quick = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder for data sets, instead of NS3KAN_DATA or the user's cache."),
    ] = None,
    folder: Results = None,
    workers: Workers = 2,
) -> None:
    """Select features per image for a double DQN: paper 3, its tables and figures.

    Tables: I, II, III, IV, budgets, formulas. Figures: 1, 2, 3, 4.
    """
    from ns3kan.analysis.studies.feature_selection import reproduce, settings

    study = settings.quick() if quick else settings.FeatureSelectionStudy()
    study = dataclasses.replace(study, workers=workers, dataset=dataset.value, data_dir=data_dir)
    known = (*reproduce.TABLES, *reproduce.FIGURES)
    _run("feature-selection", reproduce.reproduce, study, known, table, figure, folder, quick)


@app.command("switch-type")
def switch_type(
    table: Tables = None,
    figure: Figures = None,
    extra: Annotated[
        list[str] | None, typer.Option(help="Tables beyond the paper; may be given again.")
    ] = None,
    quick: Quick = False,
    folder: Results = None,
    seeds: Seeds = None,
    workers: Workers = 2,
) -> None:
    """Switch-type networks for scheduling and routing (paper 2); all of it if nothing is named.

    Tables: I, II, III. Figures: 3, 4, 5, 6, 7. Extras: transfer, heavy-traffic, optimum, packets,
    ablation.
    """
    from ns3kan.analysis.studies.switch_type import reproduce
    from ns3kan.analysis.studies.switch_type.settings import SwitchTypeStudy

    study = reproduce.quick_study() if quick else SwitchTypeStudy()
    study = dataclasses.replace(
        study, workers=workers, seeds=study.seeds if seeds is None else tuple(range(seeds))
    )
    known = (*reproduce.TABLES, *reproduce.FIGURES, *reproduce.EXTRAS)
    tables = [*(table or ()), *(extra or ())]
    _run("switch-type", reproduce.reproduce, study, known, tables, figure, folder, quick)


@app.command("load-balancing")
def load_balancing(
    table: Tables = None,
    figure: Figures = None,
    quick: Quick = False,
    folder: Results = None,
    seeds: Seeds = None,
    workers: Workers = 2,
) -> None:
    """Split flows over two paths (paper 1): networks, equations and rules, by reward.

    Tables: rivals, results, equations, signs, transfer, observation. Figures: curves, fronts,
    splines, surfaces, ratios.
    """
    from ns3kan.analysis.studies.load_balancing import figures, reproduce, settings

    study = settings.quick() if quick else settings.LoadBalancingStudy()
    study = dataclasses.replace(
        study, workers=workers, seeds=study.seeds if seeds is None else seeds
    )
    known = (*reproduce.TABLES, *figures.FIGURES)
    _run("load-balancing", reproduce.reproduce, study, known, table, figure, folder, quick)


def _run(
    name: str,
    reproduce: Callable[[Study, Path, Sequence[str], Callable[[str], None]], Iterable[Path]],
    study: Study,
    known: Sequence[str],
    tables: Sequence[str] | None,
    figures: Sequence[str] | None,
    folder: Path | None,
    quick: bool,
) -> None:
    """Reproduce what is named, or all of it, and print the files."""
    usual = Path("runs", f"{name}-quick") if quick else Path("results", name)
    names = [*(tables or ()), *(figures or ())] or known
    if unknown := [each for each in names if each not in known]:
        raise typer.BadParameter(f"{name} has no {', '.join(unknown)}; it has {', '.join(known)}.")
    with resumable(lambda: "the same command continues"):
        for path in reproduce(study, folder or usual, names, typer.echo):
            typer.echo(path)
