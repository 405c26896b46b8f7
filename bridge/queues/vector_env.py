# SPDX-License-Identifier: MIT
"""Many queue systems stepped together by a compiled kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ns3kan.bridge.queues.distributions import FloatArray, IntArray, Law
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.kernel import make_kernel, seed_policies, seed_streams
from ns3kan.bridge.queues.model import Problem, make_model
from ns3kan.bridge.queues.trajectory import (
    Recorder,
    Trajectory,
    check_count,
    checked_network,
    checked_tables,
    choice_rule,
)
from ns3kan.bridge.uncopied import Uncopied

BoolArray = npt.NDArray[np.bool_]


class QueueVectorEnv(Uncopied, VectorEnv[FloatArray, IntArray, npt.NDArray[Any]]):
    """Independent queue systems, called lanes, of one problem; each has its own rates.

    Lane ``i`` after ``reset(seed=s)`` does exactly what the single environment does after
    ``reset(seed=s + i)``, whatever the number of lanes. All lanes are truncated together, after
    ``max_steps`` steps. Autoreset is `AutoresetMode.NEXT_STEP`: the step after that ignores its
    actions and returns the first states of the next episode, with rewards of 0.

    Agents may use a further ability through duck typing: `run_index` and `run_network` make whole
    trajectories without a call per step. One environment is for one thread at a time.

    Parameters
    ----------
    num_envs
        Number of lanes.
    num_queues, arrivals, arrival_rates, capacities, service_rates, buffer, cost, cost_weights, \
drop_cost, reward_scale, observe_rates, max_steps, allow_unstable
        As for the single environment; those of each queue also of each lane.

    Attributes
    ----------
    model
        The arguments, checked.
    feature_names, feature_units
        Of one queue: the last axis of an observation.
    problem, num_queues
        "single_hop" or "multi_path", and K.
    largest_capacity
        Greatest capacity that can be drawn in any lane [packets].
    """

    problem: ClassVar[Problem]

    def __init__(
        self,
        num_envs: int = 1,
        *,
        num_queues: int | None = None,
        arrivals: Law | None = None,
        arrival_rates: npt.ArrayLike | None = None,
        capacities: Law = "poisson",
        service_rates: npt.ArrayLike | None = None,
        buffer: int | Sequence[int] | None = None,
        cost: str = "total",
        cost_weights: npt.ArrayLike | None = None,
        drop_cost: float = 0.0,
        reward_scale: float = 1.0,
        observe_rates: bool = False,
        max_steps: int | None = None,
        allow_unstable: bool = False,
    ) -> None:
        super().__init__()
        self.model = model = make_model(
            self.problem,
            num_envs,
            num_queues,
            arrivals,
            arrival_rates,
            capacities,
            service_rates,
            buffer=buffer,
            cost=cost,
            cost_weights=cost_weights,
            drop_cost=drop_cost,
            reward_scale=reward_scale,
            observe_rates=observe_rates,
            max_steps=max_steps,
            allow_unstable=allow_unstable,
        )
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
        self._kernel = make_kernel(model)
        self.largest_capacity = self._kernel.largest_capacity
        # The kernel's own memory.
        self._queues = self._kernel.queues
        self._shape = (self.num_envs, *shape)
        self._elapsed: int | None = None

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
            seed_streams(self._kernel, seeds)
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
        if self.is_over:
            self._require_queues(chosen)
            nothing = np.zeros(self.num_envs, dtype=np.bool_)
            return self._restart(), np.zeros(self.num_envs), nothing, nothing.copy(), {}
        observations, rewards = np.empty(self._shape), np.empty(self.num_envs)
        drops = None if self.model.buffers is None else np.empty(self.num_envs, dtype=np.int64)
        actions = np.ascontiguousarray(chosen, dtype=np.int64)
        if not self._kernel.step(actions, observations, rewards, drops):
            self._require_queues(chosen)
        self._elapsed += 1
        infos: dict[str, Any] = {}
        if drops is not None:
            infos = {"drops": drops, "_drops": np.ones(self.num_envs, dtype=np.bool_)}
        terminations = np.zeros(self.num_envs, dtype=np.bool_)
        truncations = np.full(self.num_envs, self.is_over)
        return observations, rewards, terminations, truncations, infos

    def observe(self) -> FloatArray:
        """Return the present observations, shape (lanes, K, features).

        Raises
        ------
        ResetNeeded, ClosedEnvironmentError
            Before the first reset, and after close.
        """
        self._require_running("observe")
        observations = np.empty(self._shape)
        self._kernel.observe(observations)
        return observations

    def forget(self, lanes: BoolArray) -> None:
        """Empty the queues of some lanes, and leave capacities and random streams as they are.

        Parameters
        ----------
        lanes
            Whether to empty the queues of each lane, shape (lanes,).

        Raises
        ------
        QueueError
            If they are not of this shape and type.
        ResetNeeded, ClosedEnvironmentError
            Before the first reset, and after close.
        """
        self._require_running("forget")
        chosen = np.asarray(lanes)
        if chosen.shape != (self.num_envs,) or chosen.dtype != np.bool_:
            raise QueueError(
                f"forget was given lanes of shape {chosen.shape} and type {chosen.dtype}; give one "
                f"bool for each of the {self.num_envs} lanes."
            )
        self._queues[chosen] = 0

    def run_index(
        self,
        values: npt.NDArray[np.floating[Any]],
        rows: npt.NDArray[np.integer[Any]],
        steps: int,
        *,
        mode: Literal["greedy", "sample"] = "greedy",
        ties: Literal["random", "lowest"] = "random",
        seed: int | None = None,
        record: bool = False,
        every: int | None = None,
    ) -> Trajectory:
        """Let all lanes make many steps with an index policy, given as tables.

        If before a step any queue of any lane is as long as the tables, or longer, all lanes stop
        there, and the trajectory is shorter than was asked for. A call with larger tables and the
        remaining steps goes on as if the tables had been larger from the start.

        Parameters
        ----------
        values
            Value of a queue by table, queue length and capacity, float32 or float64, shape
            (tables, lengths, capacities); more capacities than ``largest_capacity``.
        rows
            Table of each queue of each lane, shape (lanes, K).
        steps
            How many.
        mode
            "greedy" chooses a queue with the greatest value; "sample" chooses with probabilities
            proportional to the exponentials of the values.
        ties
            Between exactly equal greatest values: "random" with equal chances, or "lowest" index.
        seed
            Of what the policy draws; each lane has a stream of its own, which depends on this and
            on its number only. None goes on with the streams of the last call.
        record
            Whether to keep states, actions and the cost of each step.
        every
            Average the costs over blocks of so many steps.

        Raises
        ------
        QueueError
            If an argument is wrong, or the environment has ``max_steps``.
        ResetNeeded, ClosedEnvironmentError
            Before the first reset, and after close.
        """
        self._require_endless("run_index")
        rule = choice_rule(mode, ties)
        tables, places = checked_tables(values, rows, self._shape[:2], self.largest_capacity, mode)
        recorder = Recorder(*self._shape[:2], steps, record=record, every=every)
        self._seed_policies(seed)
        return recorder.finish(
            self._kernel.run_index(tables, places, recorder.steps, rule, *recorder.memory)
        )

    def run_network(
        self,
        layers: Sequence[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]],
        scales: Sequence[Sequence[float]],
        constants: npt.NDArray[np.float32],
        steps: int,
        *,
        mode: Literal["greedy", "sample"] = "greedy",
        ties: Literal["random", "lowest"] = "random",
        seed: int | None = None,
        record: bool = False,
        every: int | None = None,
    ) -> Trajectory:
        """Let all lanes make many steps with a perceptron over the features of all queues.

        Its inputs are, queue by queue in the order of the features, 2 s(x) − 1 with
        s(x) = log1p(x / offset) / log1p(high / offset), or x / high where the offset is 0.

        Parameters
        ----------
        layers
            Weights of shape (outputs, inputs) and biases of shape (outputs,), float32; tanh
            between the layers. The last has K outputs, the values of the queues.
        scales
            (high, offset) of the queue length, and of the capacity [packets].
        constants
            Further features, scaled already, shape (lanes, K, features - 2).
        steps, mode, ties, seed, record, every
            As of `run_index`.

        Raises
        ------
        QueueError
            If an argument is wrong, the environment has ``max_steps``, or a queue reaches 2³¹ - 1
            packets.
        ResetNeeded, ClosedEnvironmentError
            Before the first reset, and after close.
        """
        self._require_endless("run_network")
        rule = choice_rule(mode, ties)
        network = checked_network(layers, scales, constants, self._shape)
        recorder = Recorder(*self._shape[:2], steps, record=record, every=every)
        self._seed_policies(seed)
        trajectory = recorder.finish(
            self._kernel.run_network(*network, recorder.steps, rule, *recorder.memory)
        )
        if trajectory.steps < steps:
            raise QueueError(
                f"A queue reached 2**31 - 1 packets after {trajectory.steps} of {steps} steps of "
                "run_network; cut runaway lanes with forget before."
            )
        return trajectory

    def _restart(self) -> FloatArray:
        self._kernel.restart()
        self._elapsed = 0
        return self.observe()

    def _seed_policies(self, seed: int | None) -> None:
        if seed is not None:
            check_count(seed, "seed", 0)
            seed_policies(self._kernel, int(seed), self.num_envs)

    def _require_queues(self, actions: npt.NDArray[Any]) -> None:
        wrong = actions[(actions < 0) | (actions >= self.num_queues)]
        if wrong.size:
            raise InvalidAction(
                f"Action {wrong[0]} is none of the {self.num_queues} queues, "
                f"0 to {self.num_queues - 1}."
            )

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

    def _require_running(self, call: str) -> None:
        self._require_open(call)
        if self._elapsed is None:
            raise ResetNeeded(f"{call} was called before reset; call reset first.")

    def _require_endless(self, call: str) -> None:
        self._require_running(call)
        if self.model.max_steps is not None:
            raise QueueError(
                f"{call} makes trajectories without an end, but the environment has "
                f"max_steps={self.model.max_steps}; make it without."
            )
