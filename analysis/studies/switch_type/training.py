# SPDX-License-Identifier: MIT
"""The study's trainings, each a task whose result stays in files, several at the same time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ns3kan.agents.components.average_cost_ppo import AverageCostPPO
from ns3kan.agents.components.defaults import default_architecture
from ns3kan.analysis.studies.harness import TaskRows, run_missing
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.settings import (
    SwitchTypeStudy,
    ppo_config,
)
from ns3kan.bridge.queues.model import Problem

CURVE_BLOCK = 500
"""Steps that a row of a single environment's learning curve is averaged over; in the other
trainings it is a rollout."""


@dataclass(frozen=True)
class TrainingTask:
    """One training.

    Attributes
    ----------
    kind
        "general": one policy for all training environments, which observes rates. "single": for
        one of them. "sweep": as "general", shorter.
    problem, network
        See `ns3kan.analysis.studies.switch_type.settings`.
    seed
        Of the training.
    rate
        Learning rate.
    environment
        Which of the training environments, for "single".
    """

    kind: str
    problem: Problem
    network: str
    seed: int
    rate: float
    environment: int | None = None

    @property
    def name(self) -> str:
        """Name of its files."""
        parts = [self.kind, self.problem.replace("_", "-"), self.network]
        if self.kind == "sweep":
            parts.append(f"rate-{self.rate:g}")
        if self.environment is not None:
            parts.append(f"environment-{self.environment}")
        return "-".join((*parts, f"seed-{self.seed}"))

    def model(self, folder: Path) -> Path:
        """File of the trained policy."""
        return folder / "models" / f"{self.name}.safetensors"

    def curve(self, folder: Path) -> TaskRows:
        """Rows of the costs while training."""
        return TaskRows(folder / "curves.csv.gz", self.name)


def train(study: SwitchTypeStudy, task: TrainingTask, folder: Path) -> float:
    """Run one training and write its model and its curve; returns its wall time [s]."""
    training = study_sets(study, task.problem, folder / "environments").training
    single = task.kind == "single"
    if task.environment is not None:
        one = training.environments[task.environment]
        training = replace(training, environments=(one,))
    steps = {
        "general": study.general_steps,
        "single": study.single_steps,
        "sweep": study.sweep_steps,
    }[task.kind]
    env = training.make_vec(observe_rates=not single)
    blocks: list[np.ndarray] = []
    block = CURVE_BLOCK if single else study.training.rollout_steps

    def keep(costs: np.ndarray) -> None:
        blocks.append(costs.reshape(-1, block, costs.shape[1]).mean(axis=1))

    start = time.perf_counter()
    config = ppo_config(
        study,
        task.problem,
        task.network,
        steps=steps,
        rate=task.rate,
        seed=task.seed,
        single=single,
    )
    architecture = default_architecture(task.problem, task.network, rates=not single)
    policy = AverageCostPPO(architecture, config, keep).learn(env)
    seconds = time.perf_counter() - start
    env.close()
    policy.provenance |= {
        "task": task.name,
        "set_seed": study.set_seed,
        "seconds": round(seconds, 1),
    }
    curve = np.concatenate(blocks) / training.reference_costs
    table = pd.DataFrame(curve, columns=[f"environment_{i}" for i in range(curve.shape[1])])
    table.insert(0, "steps", (np.arange(len(table)) + 1) * block * curve.shape[1])
    task.model(folder).parent.mkdir(parents=True, exist_ok=True)
    task.curve(folder).write(table.to_csv(index=False, float_format="%.4g"))
    # Last, so that it stands for all.
    policy.save(task.model(folder))
    return seconds


def train_all(
    study: SwitchTypeStudy,
    tasks: Sequence[TrainingTask],
    folder: Path,
    on_done: Callable[[str], None],
) -> None:
    """Run the trainings that have no model yet, in processes of their own."""
    run_missing(
        functools.partial(train, study, folder=folder),
        tasks,
        lambda task: task.model(folder).is_file(),
        study.workers,
        lambda task, seconds, count: on_done(f"{task.name}: {seconds:.0f} s ({count})"),
    )
