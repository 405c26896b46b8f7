# SPDX-License-Identifier: MIT
"""One equation of a policy's candidates: by their front, and with constants learned on return."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np
import numpy.typing as npt

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.choice.fidelity import ratio_fidelity
from ns3kan.agents.equations.choice.front import Front, Point, knee_place
from ns3kan.agents.equations.choice.rounding import round_on_return
from ns3kan.agents.equations.choice.tuning import TuningError, tune
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.analysis.studies.harness import run_missing
from ns3kan.analysis.studies.load_balancing.scores import choice_scores, controller_runs
from ns3kan.analysis.studies.load_balancing.settings import (
    ENVIRONMENT,
    LoadBalancingStudy,
    Network,
    Reward,
    column_of,
    rewards_of,
)
from ns3kan.analysis.studies.load_balancing.training import TrainingTask
from ns3kan.bridge.ns3.errors import SimulatorError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """States that a policy was asked in, and that played no part in the choice of an equation.

    Attributes
    ----------
    features
        Names of the columns.
    states
        Shape (n, features).
    ratios
        What it decided, (n, 1).
    """

    features: tuple[str, ...]
    states: Array
    ratios: Array


def equation_file(task: TrainingTask, folder: Path) -> Path:
    """Where the equation of a policy is kept."""
    return folder / "controllers" / f"{task.name}.json"


def front_folder(task: TrainingTask, folder: Path) -> Path:
    """Where the candidates are kept."""
    return folder / "fronts" / task.name


def find_missing(
    find: Callable[..., str],
    network: Network,
    study: LoadBalancingStudy,
    folder: Path,
    on_message: Callable[[str], None],
) -> None:
    """Find an equation for each training of a network that has none yet.

    Parameters
    ----------
    find
        Called as ``find(study, task, folder=folder)`` in processes of its own; writes the task's
        `equation_file` last, and returns the expression.
    network
        Whose trainings.
    study, folder
        Where they come from, and where the files go.
    on_message
        Called with a line for each equation.
    """
    run_missing(
        functools.partial(find, study, folder=folder),
        [
            TrainingTask(reward, network, seed)
            for seed in range(study.seeds)
            for reward in study.rewards
        ],
        lambda task: equation_file(task, folder).is_file(),
        study.workers,
        lambda task, expression, _: on_message(f"equation of {task.name}: {expression}"),
    )


def deployed(study: LoadBalancingStudy, reward: Reward, folder: Path) -> TrainingTask:
    """Find the training whose equation, read from its KAN, does best on the choice seeds.

    It is the one that somebody who wants a single equation would use.
    """
    tasks = [TrainingTask(reward, "kan", seed) for seed in range(study.seeds)]

    def mean_reward(task: TrainingTask) -> float:
        run = functools.partial(
            controller_runs,
            equation_file(task, folder),
            arguments=study.arguments,
            workers=study.workers,
        )
        scores = choice_scores(folder).of(f"{task.name}-equation", study.choice_seeds(), run)
        return float(scores[column_of(reward)].mean())

    return max(tasks, key=mean_reward) if len(tasks) > 1 else tasks[0]


def chosen_place(nodes: Sequence[int], returns: npt.ArrayLike, study: LoadBalancingStudy) -> int:
    """Which of the candidates of a front is chosen."""
    # Where all are longer than allowed, the shortest there is.
    return knee_place(nodes, returns, max(study.most_nodes, min(nodes)))


def choose(
    controllers: Sequence[Controller],
    seen: Seen,
    study: LoadBalancingStudy,
    task: TrainingTask,
    folder: Path,
    before_writing: Callable[[Controller], None] = lambda origin: None,
) -> Controller:
    """Measure equations of a policy, and write their front and the one at its knee.

    Parameters
    ----------
    controllers
        Candidates.
    seen
        States that their fidelity is measured on where constants are moved.
    study, task, folder
        Where they come from, and where the files go.
    before_writing
        Called before the file of the chosen one is written, which stands for all that is done, with
        the candidate that it was or came from.

    Raises
    ------
    SimulatorError
        If no candidate has a value in all states that it comes to, or the simulator fails
        otherwise.
    """
    points: list[Point] = []
    for controller in controllers:
        try:
            returns = validation_returns(controller, study, task)
        except SimulatorError:
            # Undefined in a state of its own; a simulator that always fails is told of below.
            if controller is controllers[-1] and not points:
                raise
            continue
        points.append(Point(controller, tuple(returns)))
    front = Front(tuple(study.validation_seeds()), tuple(points))
    chosen = origin = _knee(front, study)
    tuned = _tuned(chosen, seen, study, task) if study.tuning_steps else None
    if tuned is not None:
        front = Front(front.seeds, (*front.candidates, tuned))
        chosen = _knee(front, study)
        origin = origin if chosen is tuned else chosen
    front.save(front_folder(task, folder))
    certify(chosen.controller)
    before_writing(origin.controller)
    path = equation_file(task, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen.controller.save(path)
    return chosen.controller


def validation_returns(
    controller: Controller, study: LoadBalancingStudy, task: TrainingTask
) -> list[float]:
    """Reward of a controller in each validation episode, inside ns-3."""
    column = column_of(task.reward)
    with scratch_folder() as name:
        path = name / "controller.json"
        controller.save(path)
        runs = controller_runs(path, study.validation_seeds(), study.arguments, workers=1)
    return [rewards_of(run)[column] for run in runs]


def _tuned(point: Point, seen: Seen, study: LoadBalancingStudy, task: TrainingTask) -> Point | None:
    """Learn an equation's constants on return, and round them as far as it keeps what they reach.

    None if the equation cannot be learned.
    """
    returns = functools.partial(validation_returns, study=study, task=task)
    env = gymnasium.make_vec(
        ENVIRONMENT, num_envs=study.simulators, reward=task.reward, **study.arguments
    )
    try:
        exact = tune(point.controller, env, study.tuning(task.seed))
        tuned = round_on_return(Point(exact, tuple(returns(exact))), returns)
    except (SimulatorError, TuningError):
        return None
    finally:
        env.close()
    controller = tuned.controller
    places = list(controller.check_inputs(seen.features))
    decided = np.asarray(controller(seen.states[:, places]), dtype=np.float64)
    controller.fidelity = dict(ratio_fidelity(decided.T, seen.ratios.T)) | {"nodes": tuned.nodes}
    return tuned


def _knee(front: Front, study: LoadBalancingStudy) -> Point:
    nodes = [candidate.nodes for candidate in front.candidates]
    returns = [candidate.returns for candidate in front.candidates]
    return front.candidates[chosen_place(nodes, returns, study)]
