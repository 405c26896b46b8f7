# SPDX-License-Identifier: MIT
"""PPO-DS: trained MLPs distilled into equations by symbolic regression."""

from __future__ import annotations

from pathlib import Path

import gymnasium

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.equations.search.distil import Distillation, distil
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.load_balancing.choice import Seen, choose
from ns3kan.analysis.studies.load_balancing.settings import ENVIRONMENT, LoadBalancingStudy
from ns3kan.analysis.studies.load_balancing.training import TrainingTask


@torch_threads(1)
def distil_policy(study: LoadBalancingStudy, task: TrainingTask, folder: Path) -> str:
    """Distil one MLP, and write the equation and the front that it comes from.

    Returns
    -------
    str
        The expression.
    """
    agent = ActorCritic.load(task.model(folder))
    distillation = distilled(agent, study, task)
    rows = distillation.parts.report
    seen = Seen(agent.feature_names, distillation.observations[rows], distillation.answers[rows])
    return choose(distillation.controllers, seen, study, task, folder).outputs[0].expression


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
