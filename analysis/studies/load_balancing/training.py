# SPDX-License-Identifier: MIT
"""Policies of the study: trained once, then read from files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np
import numpy.typing as npt
import torch

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.ppo import PPO
from ns3kan.analysis.comparison.policies import Policy
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.analysis.studies.harness import TaskRows, run_missing
from ns3kan.analysis.studies.load_balancing.settings import (
    ENVIRONMENT,
    NETWORKS,
    LoadBalancingStudy,
    Network,
    Reward,
)
from ns3kan.io.files import write_atomically

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainingTask:
    """One training.

    Attributes
    ----------
    reward
        What for.
    network
        Of the actor.
    seed
        Which repetition.
    """

    reward: Reward
    network: Network
    seed: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.reward}-{self.network}-seed-{self.seed}"

    def model(self, folder: Path) -> Path:
        """File of the trained networks."""
        return folder / "models" / f"{self.name}.safetensors"

    def curve(self, folder: Path) -> TaskRows:
        """Rows of what was logged after each update."""
        return TaskRows(folder / "curves.csv", self.name)


def tasks_of(study: LoadBalancingStudy) -> list[TrainingTask]:
    """List all trainings, seeds outermost, so that what is done first is worth most."""
    return [
        TrainingTask(reward, network, seed)
        for seed in range(study.seeds)
        for network in NETWORKS
        for reward in study.rewards
    ]


def train(study: LoadBalancingStudy, task: TrainingTask, folder: Path) -> None:
    """Run one training and write its files."""
    with scratch_folder() as run:
        env = gymnasium.make_vec(
            ENVIRONMENT, num_envs=study.simulators, reward=task.reward, **study.arguments
        )
        try:
            PPO(study.ppo(task.network, task.seed)).learn(env, run_dir=run)
        finally:
            env.close()
        task.curve(folder).write((run / "metrics.csv").read_text(encoding="utf-8"))
        # Last, for it stands for both.
        task.model(folder).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(task.model(folder), (run / "checkpoint.safetensors").read_bytes())


def train_all(
    study: LoadBalancingStudy, folder: Path, on_message: Callable[[str], None]
) -> list[TrainingTask]:
    """Run the trainings whose files are not there yet; returns all of them."""
    tasks = tasks_of(study)
    run_missing(
        functools.partial(train, study, folder=folder),
        tasks,
        lambda task: task.model(folder).is_file(),
        study.workers,
        lambda task, _, count: on_message(f"{task.name} is trained ({count})"),
    )
    return tasks


def policy_of(agent: ActorCritic) -> Policy:
    """Return the deterministic decisions of a policy, (1, features) to (1, actions)."""

    def decide(observations: Array) -> Array:
        with torch.no_grad():
            return agent.actor.mode(torch.as_tensor(observations)).numpy().astype(np.float64)

    return decide
