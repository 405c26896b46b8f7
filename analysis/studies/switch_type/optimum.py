# SPDX-License-Identifier: MIT
"""Distance of policies to the exact optimum, which two queues allow to be computed."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ns3kan.agents.components.average_cost_ppo import AverageCostPPO
from ns3kan.agents.components.defaults import default_architecture
from ns3kan.analysis.comparison.statistics import mean_interval
from ns3kan.analysis.exact.average_cost import solve
from ns3kan.analysis.pool import in_processes
from ns3kan.analysis.studies.harness import run_missing
from ns3kan.analysis.studies.switch_type.beyond import compared, loaded_environments
from ns3kan.analysis.studies.switch_type.evaluation import MakeRunner, evaluate, of_network
from ns3kan.analysis.studies.switch_type.results import runner_of
from ns3kan.analysis.studies.switch_type.settings import (
    PROBLEMS,
    SwitchTypeStudy,
    ppo_config,
)
from ns3kan.bridge.queues.environment_sets import EnvironmentSet, make_lanes
from ns3kan.bridge.queues.model import Problem

QUEUES = 2
LOAD = 0.7
_STEPS = 100_000


@dataclass(frozen=True)
class TwoQueueTask:
    """Training of one policy on all two-queue environments of a problem; its model stays."""

    problem: Problem
    network: str
    seed: int

    def model(self, folder: Path) -> Path:
        """File of the trained policy."""
        problem = self.problem.replace("_", "-")
        return (
            folder / "models" / f"two-queues-{problem}-{self.network}-seed-{self.seed}.safetensors"
        )


def environments_of(study: SwitchTypeStudy, problem: Problem) -> EnvironmentSet:
    """Return environments of two queues that use 70 % of the capacity."""
    return loaded_environments(problem, QUEUES, LOAD, count=study.optimum_environments, seed=9)


def train(study: SwitchTypeStudy, folder: Path, task: TwoQueueTask) -> None:
    """Train a policy, which observes rates, on all these environments, and keep it."""
    env = environments_of(study, task.problem).make_vec(observe_rates=True)
    config = ppo_config(
        study,
        task.problem,
        task.network,
        steps=study.optimum_steps,
        rate=study.rate(task.problem, task.network),
        seed=task.seed,
        single=False,
    )
    policy = AverageCostPPO(
        default_architecture(task.problem, task.network, rates=True), config
    ).learn(env)
    env.close()
    path = task.model(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    policy.save(path)


def optimum_table(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Compare policies with the optimum in each of these environments.

    Those of the study come from K = 4 and 8 without retraining; two more were trained at K = 2.

    Returns
    -------
    DataFrame
        ``cost`` is simulated, ``optimum`` computed by relative value iteration, ``excess`` their
        relative difference with the 95 % interval of the simulation.
    """
    tasks = [
        TwoQueueTask(problem, network, study.seeds[0])
        for problem in PROBLEMS
        for network in ("stn", "switch-type-kan")
    ]
    run_missing(
        functools.partial(train, study, folder),
        tasks,
        lambda task: task.model(folder).is_file(),
        study.workers,
    )
    problems = in_processes(functools.partial(_rows, study, folder), PROBLEMS, study.workers)
    rows = dict(problems)
    return pd.DataFrame([row for problem in PROBLEMS for row in rows[problem]])


def _rows(study: SwitchTypeStudy, folder: Path, problem: Problem) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for place, environment in enumerate(chosen := environments_of(study, problem)):
        lanes = make_lanes(
            problem, np.array([environment.arrival_rates]), np.array([environment.service_rates])
        )
        optimum = solve(lanes.model, tolerance=1e-3).gain
        unit = replace(environment, reference_costs=(1.0,))
        copies = replace(chosen, environments=(unit,) * study.optimum_copies)
        for title, runner in _runners(study, problem, folder):
            costs = evaluate(runner, copies, steps=_STEPS, trajectories=1, give_up=np.inf)
            estimate = mean_interval(costs)
            rows.append(
                {
                    "problem": problem,
                    "environment": place,
                    "method": title,
                    "cost": estimate.mean,
                    "optimum": optimum,
                    "excess": estimate.mean / optimum - 1,
                    "low": estimate.low / optimum - 1,
                    "high": estimate.high / optimum - 1,
                }
            )
    return rows


def _runners(
    study: SwitchTypeStudy, problem: Problem, folder: Path
) -> Iterator[tuple[str, MakeRunner]]:
    for methods in compared(study, problem):
        yield methods[0].title, runner_of(study, methods[0], folder)
    for network in ("stn", "switch-type-kan"):
        task = TwoQueueTask(problem, network, study.seeds[0])
        yield f"{network}, trained at K = 2", of_network(task.model(folder))
