# SPDX-License-Identifier: MIT
"""PPO-DS: trained MLPs distilled into equations by symbolic regression."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import gymnasium

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.equations.search.distil import Distillation, distil
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.harness import run_missing
from ns3kan.analysis.studies.load_balancing.choice import Seen, choose, equation_file
from ns3kan.analysis.studies.load_balancing.settings import ENVIRONMENT, LoadBalancingStudy
from ns3kan.analysis.studies.load_balancing.training import TrainingTask


def distil_policies(
    study: LoadBalancingStudy, folder: Path, on_message: Callable[[str], None]
) -> None:
    """Distil all MLPs of the study that have no equation yet."""
    tasks = [
        TrainingTask(reward, "mlp", seed) for seed in range(study.seeds) for reward in study.rewards
    ]
    run_missing(
        functools.partial(distil_policy, study, folder=folder),
        tasks,
        lambda task: equation_file(task, folder).is_file(),
        study.workers,
        lambda task, chosen, _: on_message(f"equation distilled of {task.name}: {chosen}"),
    )


@torch_threads(1)
def distil_policy(study: LoadBalancingStudy, task: TrainingTask, folder: Path) -> str:
    """Distil one MLP, and write the equation and the front that it comes from.

    Returns
    -------
    str
        The expression.
    """
    agent = ActorCritic.load(task.model(folder))
    found = distilled(agent, study, task)
    rows = found.parts.report
    seen = Seen(agent.feature_names, found.observations[rows], found.answers[rows])
    return choose(found.controllers, seen, study, task, folder).outputs[0].expression


def distilled(agent: ActorCritic, study: LoadBalancingStudy, task: TrainingTask) -> Distillation:
    """Distil a trained policy of any network."""
    env = gymnasium.make_vec(
        ENVIRONMENT, num_envs=study.simulators, reward=task.reward, **study.arguments
    )
    try:
        return distil(
            agent,
            env,
            study.distil(task.seed),
            provenance={"study": "load-balancing", "training": task.name},
        )
    finally:
        env.close()
