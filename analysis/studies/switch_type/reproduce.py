# SPDX-License-Identifier: MIT
"""``ns3kan reproduce switch-type``: trains what is missing, and writes tables and figures."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from ns3kan.analysis.exact.decision_regions import write_figure
from ns3kan.analysis.studies.harness import require_known, run_missing, save_table
from ns3kan.analysis.studies.switch_type import beyond, figures, tables
from ns3kan.analysis.studies.switch_type.ablation import ablation_table
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import evaluate, of_network
from ns3kan.analysis.studies.switch_type.index_study import IndexTask, find_index, index_tasks
from ns3kan.analysis.studies.switch_type.optimum import optimum_table
from ns3kan.analysis.studies.switch_type.packets import packets_table
from ns3kan.analysis.studies.switch_type.results import all_costs
from ns3kan.analysis.studies.switch_type.settings import PROBLEMS, SwitchTypeStudy
from ns3kan.analysis.studies.switch_type.training import TrainingTask, train_all
from ns3kan.bridge.queues.model import Problem

TABLES = ("I", "II", "III")
FIGURES = ("3", "4", "5", "6", "7")
EXTRAS = ("transfer", "heavy-traffic", "optimum", "packets", "ablation")
_PROBLEM_OF: dict[str, Problem] = {
    "II": "single_hop",
    "III": "multi_path",
    "6": "single_hop",
    "7": "multi_path",
}


def quick_study() -> SwitchTypeStudy:
    """Make settings in which everything runs within minutes; its numbers mean nothing."""
    return SwitchTypeStudy(
        seeds=(0,),
        training_environments=2,
        test_environments=6,
        validation_environments=4,
        reference_steps=10_000,
        general_steps=40_000,
        single_steps=20_000,
        sweep_steps=20_000,
        ablation_steps=20_000,
        optimum_steps=20_000,
        optimum_environments=1,
        optimum_copies=4,
        packet_environments=2,
        packet_slots=5_000,
        evaluation_steps=5_000,
        trajectories=1,
        tuning_steps=2_500,
        tuning_evaluations=20,
        sweep={"mlp": [1e-3], "stn": [3e-3], "switch-type-kan": [3e-2]},
    )


def reproduce(
    study: SwitchTypeStudy,
    folder: Path,
    names: Sequence[str],
    on_message: Callable[[str], None],
) -> Iterator[Path]:
    """Write tables and figures; what has been trained or computed before is not done again.

    Parameters
    ----------
    study
        Settings.
    folder
        Of the results; models, costs and environments are kept in it.
    names
        Of `TABLES`, `FIGURES` and `EXTRAS`.
    on_message
        Called with a line for each thing that is done.

    Yields
    ------
    Path
        Each file when it is written.

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    require_known("switch-type", names, (*TABLES, *FIGURES, *EXTRAS))
    folder.mkdir(parents=True, exist_ok=True)
    for problem in PROBLEMS:
        study_sets(study, problem, folder / "environments")
    train_all(study, _trainings(study, names), folder, on_message)

    def tell(task: IndexTask, _: None, count: str) -> None:
        origin = "read from a network" if task.from_network else "searched without a network"
        on_message(f"index of {task.problem}, seed {task.seed}, {origin} ({count})")

    run_missing(
        functools.partial(find_index, study, folder=folder),
        [task for task in index_tasks(study) if task.problem in _general_problems(names)],
        lambda task: task.front(folder).exist(),
        study.workers,
        tell,
    )
    for name in names:
        yield from _write(study, folder, name, on_message)


def _general_problems(names: Sequence[str]) -> list[Problem]:
    """Return the problems whose policies for all environments are needed."""
    if set(EXTRAS[:4]) & set(names):
        return list(PROBLEMS)
    return [problem for problem in PROBLEMS if problem in {_PROBLEM_OF.get(n) for n in names}]


def _trainings(study: SwitchTypeStudy, names: Sequence[str]) -> list[TrainingTask]:
    tasks = []
    if "I" in names:
        tasks += [
            TrainingTask("sweep", problem, network, 0, rate)
            for problem in PROBLEMS
            for network, rates in study.sweep.items()
            for rate in rates
        ]
    tasks += [
        TrainingTask("general", problem, network, seed, study.rate(problem, network))
        for seed in study.seeds
        for network in study.rates
        for problem in _general_problems(names)
    ]
    if {"4", "5"} & set(names):
        tasks += figures.single_tasks(study)
    return tasks


def _write(
    study: SwitchTypeStudy, folder: Path, name: str, on_message: Callable[[str], None]
) -> list[Path]:
    """Write one table or figure."""
    if name == "I":
        return [
            save_table(tables.settings_table(study), folder / "table-1.csv", 5),
            save_table(tables.sweep_table(study, folder), folder / "table-1-sweep.csv", 5),
        ]
    if name == "3":
        return list(write_figure(folder))
    if name in ("4", "5"):
        return _single(study, folder, name)
    if name in _PROBLEM_OF:
        problem = _PROBLEM_OF[name]
        costs = all_costs(study, problem, folder, on_message)
        if name in TABLES:
            number = TABLES.index(name) + 1
            return [
                save_table(tables.cost_table(costs, problem), folder / f"table-{number}.csv", 5)
            ]
        path = folder / f"figure-{name}.png"
        figures.draw_histogram(costs, problem.replace("_", "-"), path)
        return [path]
    make = {
        "transfer": beyond.transfer_table,
        "heavy-traffic": beyond.heavy_traffic_table,
        "optimum": optimum_table,
        "packets": packets_table,
        "ablation": ablation_table,
    }[name]
    return [save_table(make(study, folder), folder / f"{name}.csv", 5)]


def _single(study: SwitchTypeStudy, folder: Path, name: str) -> list[Path]:
    picture = folder / f"figure-{name}.png"
    if name == "4":
        curves = figures.learning_curves(study, folder)
        figures.draw_learning_curves(curves, picture)
        table = figures.samples_to_reference(curves)
    else:
        table = single_costs(study, folder)
        figures.draw_final_costs(table, picture)
    return [save_table(table, folder / f"figure-{name}.csv", 5), picture]


def single_costs(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Normalised costs of policies in the environments that they were trained in (Fig. 5)."""
    rows = []
    for task in figures.single_tasks(study):
        assert task.environment is not None
        training = study_sets(study, task.problem, folder / "environments").training
        one = dataclasses.replace(training, environments=(training.environments[task.environment],))
        cost = evaluate(
            of_network(task.model(folder)),
            one,
            steps=study.evaluation_steps,
            trajectories=study.trajectories,
            observe_rates=False,
        )[0]
        rows.append(
            {
                "problem": task.problem,
                "environment": task.environment,
                "network": task.network,
                "seed": task.seed,
                "normalised_cost": cost,
            }
        )
    return pd.DataFrame(rows)
