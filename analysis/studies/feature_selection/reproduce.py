# SPDX-License-Identifier: MIT
"""The whole study, or one table or figure of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.feature_selection.budget_table import write_budget_table
from ns3kan.analysis.studies.feature_selection.figures import write_figure
from ns3kan.analysis.studies.feature_selection.formulas import write_formula_table, write_formulas
from ns3kan.analysis.studies.feature_selection.masks import examine_all
from ns3kan.analysis.studies.feature_selection.settings import (
    SHOWN,
    FeatureSelectionStudy,
    Figure,
    Method,
    Table,
)
from ns3kan.analysis.studies.feature_selection.tables import FILES, write_table
from ns3kan.analysis.studies.feature_selection.training import tasks_of, train_all
from ns3kan.analysis.studies.harness import require_known
from ns3kan.bridge.images.datasets import load_images

TABLES: tuple[Table, ...] = get_args(Table)
FIGURES: tuple[Figure, ...] = get_args(Figure)


def reproduce(
    study: FeatureSelectionStudy,
    folder: Path,
    names: Sequence[str],
    on_message: Callable[[str], None],
) -> Iterator[Path]:
    """Make tables and figures; trainings whose results are there already are not repeated.

    Parameters
    ----------
    study
        Settings, the data set among them; tables also show the other data sets that have been run
        in ``folder``.
    folder
        For tables, figures, and the files of the trainings.
    names
        Of `TABLES` and `FIGURES`.
    on_message
        Called with a line after each training.

    Yields
    ------
    Path
        Each table and figure when it is written.

    Raises
    ------
    ImageDataError
        If the images are not there, before anything is trained.
    ValueError
        If a name is unknown.
    """
    require_known("feature-selection", names, (*TABLES, *FIGURES))
    dataset, data_dir = study.dataset, study.data_dir
    load_images(dataset, "test", data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    for table in (name for name in TABLES if name in names):
        methods = study.methods(table)
        tasks = tasks_of(study, methods, dataset)
        train_all(study, tasks, folder, data_dir, on_message)
        if table == "budgets":
            examine_all(study, dataset, folder, data_dir, on_message)
            write_budget_table(study, folder)
        elif table == "formulas":
            with torch_threads(1):
                for task in tasks:
                    on_message(write_formulas(study, task, folder, data_dir))
            write_formula_table(study, folder)
        else:
            write_table(study, table, folder)
        yield folder / FILES[table]
    for figure in (name for name in FIGURES if name in names):
        tasks = tasks_of(study, methods_of(figure), dataset)
        train_all(study, tasks, folder, data_dir, on_message)
        with torch_threads(1):
            yield write_figure(study, figure, dataset, folder, data_dir)


def methods_of(figure: Figure) -> tuple[Method, ...]:
    """Methods whose trainings a figure shows."""
    if figure == "1":
        return ()
    if figure == "2":
        return SHOWN["KAN, with selection"], SHOWN["perceptron, with selection"]
    return SHOWN["KAN, with selection"], SHOWN["KAN, all pixels"]
