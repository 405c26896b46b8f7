# SPDX-License-Identifier: MIT
"""Equations of trained policies: read from KANs, and of all candidates the front and one of it."""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ns3kan.agents.equations import front
from ns3kan.agents.equations.controller import Controller
from ns3kan.agents.equations.fit import Extraction, extract
from ns3kan.agents.equations.guarantees import certify
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.threads import torch_threads
from ns3kan.analysis.evaluate import visited_states
from ns3kan.analysis.studies.load_balancing.scores import controller_runs, policy_runs
from ns3kan.analysis.studies.load_balancing.settings import (
    LoadBalancingStudy,
    column_of,
    rewards_of,
)
from ns3kan.analysis.studies.load_balancing.training import TrainingTask, policy_of
from ns3kan.analysis.studies.tasks import run_tasks
from ns3kan.bridge.ns3.errors import SimulatorError

Array = npt.NDArray[np.float64]


def equation_file(task: TrainingTask, folder: Path) -> Path:
    """Where the equation of a policy is kept."""
    return folder / "controllers" / f"{task.name}.json"


def splines_file(task: TrainingTask, folder: Path) -> Path:
    """Where the splines of a KAN and their fits are kept."""
    return folder / "splines" / f"{task.name}.csv"


def front_folder(task: TrainingTask, folder: Path) -> Path:
    """Where the candidates are kept."""
    return folder / "fronts" / task.name


def find_equations(
    study: LoadBalancingStudy, folder: Path, on_message: Callable[[str], None]
) -> None:
    """Read equations from all KANs of the study that have none yet."""
    tasks = [
        TrainingTask(reward, "kan", seed)
        for seed in range(study.seeds)
        for reward in study.rewards
        if not equation_file(TrainingTask(reward, "kan", seed), folder).is_file()
    ]
    find = functools.partial(find_equation, study, folder=folder)
    for task, chosen in run_tasks(find, tasks, study.workers):
        on_message(f"equation of {task.name}: {chosen}")


@torch_threads(1)
def find_equation(study: LoadBalancingStudy, task: TrainingTask, folder: Path) -> str:
    """Read the equation of one KAN, and write it, its splines, and the front that it comes from.

    Returns
    -------
    str
        The expression.
    """
    agent = ActorCritic.load(task.model(folder))
    states = states_of(agent, study)
    found = {each.controller: each for each in candidates(agent, states, study, task)}

    def keep_splines(chosen: Controller) -> None:
        path = splines_file(task, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        found[chosen].splines.to_csv(path, index=False, float_format="%.6g")

    chosen = choose(list(found), study, task, folder, keep_splines)
    return chosen.outputs[0].expression


def choose(
    controllers: Sequence[Controller],
    study: LoadBalancingStudy,
    task: TrainingTask,
    folder: Path,
    before_writing: Callable[[Controller], None] = lambda chosen: None,
) -> Controller:
    """Measure equations of a policy, and write their front and the one at its knee.

    Parameters
    ----------
    controllers
        Candidates.
    study, task, folder
        Where they come from, and where the files go.
    before_writing
        Called with the chosen one before its file is written, which stands for all that is done.

    Raises
    ------
    SimulatorError
        If no candidate has a value in all states that it comes to, or the simulator fails
        otherwise.
    """
    points: list[front.Point] = []
    for controller in controllers:
        try:
            returns = validation_returns(controller, study, task)
        except SimulatorError:
            # Undefined in a state of its own; a simulator that always fails is told of below.
            if controller is controllers[-1] and not points:
                raise
            continue
        points.append(front.Point(controller, tuple(returns)))
    measured = front.Front(tuple(study.validation_seeds()), tuple(points))
    measured.save(front_folder(task, folder))
    chosen = measured.knee(_most_nodes(measured, study)).controller
    certify(chosen)
    before_writing(chosen)
    path = equation_file(task, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen.save(path)
    return chosen


def states_of(agent: ActorCritic, study: LoadBalancingStudy) -> Array:
    """States (n, features) that a policy visits."""
    runs = policy_runs(policy_of(agent), study.extraction_seeds(), study.arguments, workers=1)
    return np.concatenate([visited_states(own, agent.feature_names) for own in runs])


def candidates(
    agent: ActorCritic, states: Array, study: LoadBalancingStudy, task: TrainingTask
) -> list[Extraction]:
    """Equations from short to long; those that two settings give count once."""
    found: dict[str, Extraction] = {}
    for most_terms, price in itertools.product(study.most_terms, study.prices):
        extraction = extract(
            agent.actor,
            states,
            agent.feature_names,
            agent.feature_units,
            max_terms=most_terms,
            price=price,
            provenance={"study": "load-balancing", "training": task.name, **agent.provenance},
        )
        found.setdefault(extraction.controller.outputs[0].expression, extraction)
    return list(found.values())


def validation_returns(
    controller: Controller, study: LoadBalancingStudy, task: TrainingTask
) -> list[float]:
    """Reward of a controller in each validation episode, inside ns-3."""
    column = column_of(task.reward)
    return [rewards_of(own)[column] for own in run_artefact(controller, study)]


def run_artefact(controller: Controller, study: LoadBalancingStudy) -> list[pd.DataFrame]:
    """Run a controller that is not in a file yet on the validation seeds."""
    with tempfile.TemporaryDirectory(prefix="ns3kan-") as name:
        path = Path(name) / "controller.json"
        controller.save(path)
        return controller_runs(path, study.validation_seeds(), study.arguments, workers=1)


def _most_nodes(measured: front.Front, study: LoadBalancingStudy) -> int:
    """Longest equation allowed; where all are longer, the shortest there is."""
    return max(study.most_nodes, measured.points[0].nodes)
