# SPDX-License-Identifier: MIT
"""The shell of a training, the same for all algorithms: log, progress, saved state, result."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import gymnasium
import numpy as np
import torch
from gymnasium.vector import VectorEnv

from ns3kan.agents.training.log import training_log
from ns3kan.agents.training.state import Checkpoints, TrainingState, environment_seed
from ns3kan.agents.training.threads import torch_threads
from ns3kan.errors import InputError

CHECKPOINT = "checkpoint.safetensors"
"""Name of the trained policy's file in a run folder."""


@dataclass(frozen=True)
class Progress:
    """How far training is, after each update.

    Attributes
    ----------
    steps, total_steps
        Environment steps made, and those in all; epochs where images are learned from.
    mean_reward
        Mean reward of a step since the last report.
    steps_per_second
        Since training began.
    seconds_left
        Expected time to the end, s.
    metrics
        The row that ``metrics.csv`` gets.
    """

    steps: int
    total_steps: int
    mean_reward: float
    steps_per_second: float
    seconds_left: float
    metrics: Mapping[str, float]


OnProgress = Callable[[Progress], None]


class Trained(Protocol):
    """What a training results in."""

    provenance: dict[str, Any]

    def save(self, path: Path | str) -> None:
        """Write a checkpoint."""


Policy = TypeVar("Policy", bound=Trained)


class TrainingRun:
    """One training, from its first step or from where it was interrupted to its result.

    Parameters
    ----------
    algorithm
        Name, for the result's provenance.
    config
        Settings of the algorithm, a dataclass with ``seed`` and ``torch_threads``.
    vector_env
        What is learned from.
    total_steps
        Length of the training, in the unit of `steps`.
    run_dir
        Folder for ``checkpoint.safetensors`` (written after the last update), ``metrics.csv`` and
        TensorBoard events; nothing is written without it.
    on_progress
        Called after each update.
    checkpoints
        When the state is saved in ``run_dir``, and whether to resume from there.
    further
        Further settings that a state to resume from must share, JSON values.

    Attributes
    ----------
    steps
        Steps made.
    state
        What was saved when the training was interrupted; None at its beginning.

    Raises
    ------
    CheckpointError
        If the saved state is damaged, or of a training with other settings.
    """

    def __init__(
        self,
        algorithm: str,
        config: Any,
        vector_env: VectorEnv[Any, Any, Any],
        total_steps: int,
        run_dir: Path | str | None,
        on_progress: OnProgress | None,
        checkpoints: Checkpoints,
        further: Mapping[str, Any] | None = None,
    ) -> None:
        self._algorithm = algorithm
        self._config = config
        self._environments = vector_env.num_envs
        self._total_steps = total_steps
        self._run_dir = None if run_dir is None else Path(run_dir)
        self._on_progress = on_progress
        settings = dataclasses.asdict(config) | {"environments": vector_env.num_envs}
        self._store = TrainingState(run_dir, checkpoints, settings | dict(further or {}))
        self.state = self._store.load()
        self.steps: int = self.state["steps"] if self.state else 0
        self._seconds: float = self.state["seconds"] if self.state else 0.0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(torch_threads(self._config.torch_threads))
        self._record = self._stack.enter_context(training_log(self._run_dir, self.steps))
        self._begin = time.perf_counter() - self._seconds
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    @property
    def is_over(self) -> bool:
        """Whether all steps are made."""
        return self.steps >= self._total_steps

    @property
    def share_left(self) -> float:
        """Share of the training that is still to come, from 1 to 0."""
        return 1 - self.steps / self._total_steps

    @property
    def environment_seed(self) -> int:
        """Seed of the environments' next reset; see `Checkpoints`."""
        return environment_seed(self._config.seed, self.steps)

    @contextlib.contextmanager
    def unmeasured(self) -> Iterator[None]:
        """Leave the time of a block out of the training's seconds, as that of an evaluation."""
        begin = time.perf_counter()
        yield
        self._begin += time.perf_counter() - begin

    def report(self, mean_reward: float, metrics: Mapping[str, float]) -> None:
        """Write a row of the log and tell who watches.

        Parameters
        ----------
        mean_reward
            Of a step since the last report.
        metrics
            Further numbers of the row, after ``steps``, ``seconds`` and ``steps_per_second``.
        """
        self._seconds = time.perf_counter() - self._begin
        rate = self.steps / self._seconds
        timing = {"steps": self.steps, "seconds": self._seconds, "steps_per_second": rate}
        row = timing | dict(metrics)
        self._record(row)
        if self._on_progress is not None:
            left = max(0.0, (self._total_steps - self.steps) / rate)
            progress = Progress(self.steps, self._total_steps, mean_reward, rate, left, row)
            self._on_progress(progress)

    def is_due(self) -> bool:
        """Whether to `save` now."""
        return self._store.is_due(self.steps, self._total_steps)

    def save(self, state: Mapping[str, Any]) -> None:
        """Save the state to resume from: numbers, words, tensors, arrays, mappings and lists."""
        self._store.save({"steps": self.steps, "seconds": self._seconds, **state})

    def finish(self, policy: Policy) -> Policy:
        """Say of the result where it is from, and write it if there is a run folder."""
        policy.provenance = {
            "algorithm": self._algorithm,
            "config": dataclasses.asdict(self._config),
            "steps": self.steps,
            "environments": self._environments,
            "versions": {
                "torch": torch.__version__,
                "gymnasium": gymnasium.__version__,
                "numpy": np.__version__,
            },
        }
        if self._run_dir is not None:
            policy.save(self._run_dir / CHECKPOINT)
            self._store.forget()
        return policy


def require_minibatches(
    rollout_steps: int, minibatch_size: int, vector_env: VectorEnv[Any, Any, Any]
) -> None:
    """Refuse a rollout that cannot be cut into minibatches.

    Raises
    ------
    ValueError
        If ``minibatch_size`` does not divide its transitions.
    """
    batch = rollout_steps * vector_env.num_envs
    if batch % minibatch_size:
        raise InputError(
            f"A rollout of {rollout_steps} steps in {vector_env.num_envs} environments has {batch} "
            f"transitions, which minibatch_size {minibatch_size} does not divide; change "
            "rollout_steps or minibatch_size."
        )
