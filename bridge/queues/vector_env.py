# SPDX-License-Identifier: MIT
"""Many queue systems stepped together by array operations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ns3kan.bridge.queues.distributions import FloatArray, IntArray
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.kernel import Counts, LaneSampler
from ns3kan.bridge.queues.model import QueueModel

BoolArray = npt.NDArray[np.bool_]


class QueueVectorEnv(VectorEnv[FloatArray, IntArray, npt.NDArray[Any]]):
    """Independent queue systems, called lanes, of one problem; each has its own rates.

    Lane ``i`` after ``reset(seed=s)`` does exactly what the single environment does after
    ``reset(seed=s + i)``, whatever the number of lanes. All lanes are truncated together, after
    ``max_steps`` steps. Autoreset is `AutoresetMode.NEXT_STEP`: the step after that ignores its
    actions and returns the first states of the next episode, with rewards of 0.

    Parameters
    ----------
    model
        Checked arguments.

    Attributes
    ----------
    feature_names, feature_units
        Of one queue: the last axis of an observation.
    problem, num_queues
        "single_hop" or "multi_path", and K.
    """

    def __init__(self, model: QueueModel) -> None:
        super().__init__()
        self.model = model
        self.problem = model.problem
        self.num_envs = model.num_lanes
        self.num_queues = model.num_queues
        self.feature_names = model.feature_names
        self.feature_units = model.feature_units
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}
        shape = (self.num_queues, len(self.feature_names))
        self.single_action_space = spaces.Discrete(self.num_queues)
        self.single_observation_space = spaces.Box(
            np.zeros(shape), self._highest().astype(np.float64), dtype=np.float64
        )
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._sampler = LaneSampler([model.arrivals, model.capacities])
        self._arrival_columns = model.arrivals.mean.shape[1]
        # Whole numbers, exact up to 2**53.
        self._queues = np.zeros((self.num_envs, self.num_queues))
        self._capacities: Counts = np.zeros(self._queues.shape, dtype=np.int64)
        self._ones = np.ones(self.num_queues)
        self._template = np.zeros((self.num_envs, *shape))
        if model.observe_rates:
            if model.problem == "single_hop":
                self._template[..., 2] = model.arrivals.mean
            self._template[..., -1] = model.capacities.mean
        self._first_of_lane = np.arange(self.num_envs) * self.num_queues
        self._never = np.zeros(self.num_envs, dtype=np.bool_)
        self._elapsed: int | None = None

    @abstractmethod
    def _advance(
        self, queues: FloatArray, capacities: Counts, arrivals: Counts, at: IntArray
    ) -> None:
        """Move all queues one step on, in place; ``at`` are flat places of the chosen queues."""

    @property
    def is_over(self) -> bool:
        """Whether the episode was truncated, so that the next step starts another."""
        return self._elapsed is not None and self._elapsed == self.model.max_steps

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Empty all queues and draw the first capacities.

        Parameters
        ----------
        seed
            One for each lane, or one number for the first and its successors for the others; a
            lane without a seed goes on with its stream.
        options
            None are known.

        Returns
        -------
        observations, infos
            Shape (lanes, K, features); an empty dict.
        """
        self._require_open("reset")
        if options:
            raise QueueError(f"reset takes no options, but was given {', '.join(options)}.")
        if seed is not None:
            seeds = (
                [int(seed) + i for i in range(self.num_envs)]
                if isinstance(seed, int | np.integer)
                else list(seed)
            )
            if len(seeds) != self.num_envs:
                raise QueueError(f"{len(seeds)} seeds were given for {self.num_envs} environments.")
            self._sampler.seed(seeds)
        return self._restart(), {}

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Let every lane make one step.

        Parameters
        ----------
        actions
            Queue chosen in each lane, from 0, shape (lanes,).

        Returns
        -------
        observations, rewards, terminations, truncations, infos
            With finite buffers the infos hold ``drops``, the packets lost in the step.
        """
        self._require_open("step")
        if self._elapsed is None:
            raise ResetNeeded("step was called before reset; call reset first.")
        chosen = np.asarray(actions)
        if chosen.shape != (self.num_envs,) or chosen.dtype.kind not in "iu":
            raise InvalidAction(
                f"Actions of shape {chosen.shape} and type {chosen.dtype} were given to "
                f"{self.num_envs} environments; give one whole number for each."
            )
        if chosen.min() < 0 or chosen.max() >= self.num_queues:
            wrong = chosen[(chosen < 0) | (chosen >= self.num_queues)][0]
            raise InvalidAction(
                f"Action {wrong} is none of the {self.num_queues} queues, "
                f"0 to {self.num_queues - 1}."
            )
        if self.is_over:
            observations = self._restart()
            return observations, np.zeros(self.num_envs), self._never.copy(), self._never.copy(), {}
        row = self._sampler.next_row()
        columns = self._arrival_columns
        self._advance(
            self._queues, self._capacities, row[:, :columns], self._first_of_lane + chosen
        )
        # A copy, for the sampler overwrites its rows.
        self._capacities = row[:, columns:].copy()
        infos: dict[str, Any] = {}
        drops = None
        if self.model.buffers is not None:
            over = np.maximum(self._queues - self.model.buffers, 0)
            self._queues -= over
            drops = over.sum(axis=1).astype(np.int64)
            infos = {"drops": drops, "_drops": ~self._never}
        self._elapsed += 1
        truncations = np.full(self.num_envs, self._elapsed == self.model.max_steps)
        return self._observe(), self._reward(drops), self._never.copy(), truncations, infos

    def _restart(self) -> FloatArray:
        self._queues[:] = 0
        self._capacities = self._sampler.next_row()[:, self._arrival_columns :].copy()
        self._elapsed = 0
        return self._observe()

    def _observe(self) -> FloatArray:
        observations = self._template.copy()
        observations[..., 0] = self._queues
        observations[..., 1] = self._capacities
        return observations

    def _reward(self, drops: IntArray | None) -> FloatArray:
        model = self.model
        lengths = self._queues * self._queues if model.cost == "quadratic" else self._queues
        if model.cost_weights is None:
            costs = lengths @ self._ones
        else:
            costs = (lengths * model.cost_weights).sum(axis=1)
        if drops is not None and model.drop_cost:
            costs += model.drop_cost * drops
        costs *= -model.reward_scale
        return costs

    def _highest(self) -> FloatArray:
        """Upper bounds of one lane's observation; they do not depend on the rates."""
        model = self.model
        bounds = np.full((self.num_queues, len(self.feature_names)), np.inf)
        if model.buffers is not None:
            bounds[:, 0] = model.buffers.max(axis=0)
        bounds[:, 1:] = model.capacities.largest
        if model.observe_rates and model.problem == "single_hop":
            bounds[:, 2] = model.arrivals.largest
        return bounds

    def _require_open(self, call: str) -> None:
        if self.closed:
            raise ClosedEnvironmentError(f"{call} was called after close; make a new environment.")
