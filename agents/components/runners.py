# SPDX-License-Identifier: MIT
"""Ways to run a policy over components, whole trajectories at a time where the environment can.

A value f(s_k) that is shared by all components needs no network in the loop: queue lengths and
capacities are whole numbers, so f is tabulated once and the environment looks it up. Environments
that offer ``run_index(values, rows, steps, …)`` take such tables, those with ``run_network(layers,
scales, constants, steps, …)`` take a perceptron; all others are stepped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import nn

from ns3kan.agents.components.flat_network import FlatNetwork
from ns3kan.agents.components.policy import ComponentActor
from ns3kan.agents.components.trajectories import (
    BoolArray,
    FloatArray,
    Floats,
    Runner,
    Trajectories,
)
from ns3kan.agents.training.names import attribute_of
from ns3kan.agents.training.stepping import lost_transitions, require_whole
from ns3kan.errors import InputError

IndexFunction = Callable[[FloatArray], Floats]
"""From states of single components (n, features) to their values (n,)."""

# Queue lengths tabulated at first; tables grow when a queue does.
_FIRST_LENGTH = 32
# States evaluated at once: few enough for a network's layers to stay in the processor's cache.
_CHUNK = 4096


class IndexRunner(Runner):
    """Runs an index policy by tables on an environment that offers ``run_index``.

    Parameters
    ----------
    env
        Vector environment of queues, reset. Its features are a queue length, a capacity, and
        constants of the lane and queue.
    index
        f, evaluated on all states of single components that can come up, after each `refresh`.
    seed
        Of ties and samples.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], index: IndexFunction, seed: int) -> None:
        self._env = cast(Any, env.unwrapped)
        self._index = index
        self._seed: int | None = seed
        self._template = np.asarray(self._env.observe(), dtype=np.float64)
        lanes, queues, features = self._template.shape
        constants = self._template[..., 2:].reshape(lanes * queues, features - 2)
        self._constants, place = np.unique(constants, axis=0, return_inverse=True)
        self._rows = np.ascontiguousarray(place.reshape(lanes, queues), dtype=np.int32)
        self._capacities = int(self._env.largest_capacity) + 1
        self._length = _FIRST_LENGTH
        self._values: Floats | None = None

    def refresh(self) -> None:
        """Take notice that the policy's weights have changed."""
        self._values = None

    def forget(self, lanes: BoolArray) -> None:
        """Empty the queues of some lanes."""
        self._env.forget(lanes)

    def record(self, steps: int, *, mode: str = "sample", ties: str = "random") -> Trajectories:
        """Take steps and keep everything, see `Runner`."""
        return _joined(self._parts(steps, mode, ties, record=True), self._template)

    def mean_costs(self, steps: int, *, mode: str = "greedy", ties: str = "random") -> FloatArray:
        """Take steps; mean costs, see `Runner`."""
        parts = self._parts(steps, mode, ties, record=False)
        return np.asarray(np.sum([part.total_cost for part in parts], axis=0) / steps)

    def _parts(self, steps: int, mode: str, ties: str, *, record: bool) -> list[Any]:
        """Trajectories that follow each other; each but the last ended at the tables' end."""
        parts = []
        left = steps
        while left:
            longest = int(self._env.observe()[..., 0].max())
            while self._length <= longest:
                self._length *= 2
            if self._values is None:
                self._values = self._tabulate(0)
            elif self._values.shape[1] < self._length:
                more = self._tabulate(self._values.shape[1])
                self._values = np.concatenate((self._values, more), axis=1)
            part = self._env.run_index(
                self._values,
                self._rows,
                left,
                mode=mode,
                ties=ties,
                seed=self._seed,
                record=record,
            )
            self._seed = None
            parts.append(part)
            left -= part.steps
        return parts

    def _tabulate(self, first: int) -> Floats:
        """Values from a queue length on, shape (tables, queue lengths, capacities)."""
        tables, rates = self._constants.shape
        lengths = np.arange(first, self._length)
        states = np.empty((tables, len(lengths), self._capacities, 2 + rates))
        states[..., 0] = lengths[:, None]
        states[..., 1] = np.arange(self._capacities)
        states[..., 2:] = self._constants[:, None, None, :]
        rows = states.reshape(-1, 2 + rates)
        values = np.concatenate(
            [self._index(rows[i : i + _CHUNK]) for i in range(0, len(rows), _CHUNK)]
        )
        return np.ascontiguousarray(values.reshape(states.shape[:-1]))


class NetworkRunner(Runner):
    """Runs a perceptron over the whole state on an environment that offers ``run_network``.

    Parameters
    ----------
    env
        Vector environment of queues, reset, whose features are those of the network's encoding.
    network
        With a perceptron as its body.
    seed
        Of ties and samples.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], network: FlatNetwork, seed: int) -> None:
        self._env = cast(Any, env.unwrapped)
        self._network = network
        self._seed: int | None = seed
        self._template = np.asarray(self._env.observe(), dtype=np.float64)
        terms = network.encoding.terms
        self._scales = tuple((term.high, term.log_offset or 0.0) for term in terms[:2])
        shape = self._template.shape
        prepared = network.prepare(torch.from_numpy(self._template)).reshape(shape)
        self._constants = np.ascontiguousarray(prepared[..., 2:].numpy(), dtype=np.float32)
        self._layers: list[tuple[Floats, Floats]] = []
        self.refresh()

    def refresh(self) -> None:
        """Take notice that the policy's weights have changed."""
        self._layers = [
            (module.weight.detach().float().numpy(), module.bias.detach().float().numpy())
            for module in self._network.body.modules()
            if isinstance(module, nn.Linear)
        ]

    def forget(self, lanes: BoolArray) -> None:
        """Empty the queues of some lanes."""
        self._env.forget(lanes)

    def record(self, steps: int, *, mode: str = "sample", ties: str = "random") -> Trajectories:
        """Take steps and keep everything, see `Runner`."""
        return _joined([self._run(steps, mode, ties, record=True)], self._template)

    def mean_costs(self, steps: int, *, mode: str = "greedy", ties: str = "random") -> FloatArray:
        """Take steps; mean costs, see `Runner`."""
        return np.asarray(self._run(steps, mode, ties, record=False).total_cost / steps)

    def _run(self, steps: int, mode: str, ties: str, *, record: bool) -> Any:
        result = self._env.run_network(
            self._layers,
            self._scales,
            self._constants,
            steps,
            mode=mode,
            ties=ties,
            seed=self._seed,
            record=record,
        )
        self._seed = None
        return result


class StepRunner(Runner):
    """Runs any policy on any vector environment, step by step.

    Parameters
    ----------
    env
        Vector environment whose episodes do not end.
    observations
        Those of its reset.
    decide
        From observations (lanes, K, features) and the mode and tie rule to actions (lanes,).
    env_seed
        Of that reset, for messages.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        observations: FloatArray,
        decide: Callable[[FloatArray, str, str], npt.NDArray[Any]],
        *,
        env_seed: int,
    ) -> None:
        self._env = env
        self._env_seed = env_seed
        self._observations = observations
        self._decide = decide

    def refresh(self) -> None:
        """Do nothing: the policy is asked anew at each step."""

    def forget(self, lanes: BoolArray) -> None:
        """Empty the queues of some lanes."""
        plain: Any = self._env.unwrapped
        if hasattr(plain, "forget"):
            plain.forget(lanes)
            self._observations[lanes, :, 0] = 0.0

    def record(self, steps: int, *, mode: str = "sample", ties: str = "random") -> Trajectories:
        """Take steps and keep everything, see `Runner`."""
        observations = np.empty((steps + 1, *self._observations.shape), dtype=np.float32)
        actions = np.empty((steps, self._env.num_envs), dtype=np.int64)
        costs = np.empty((steps, self._env.num_envs))
        observations[0] = self._observations
        t = 0
        is_interrupted = False
        while t < steps and not is_interrupted:
            chosen, cost, known = self._step(mode, ties)
            if known:
                actions[t], costs[t] = chosen, cost
                t += 1
                observations[t] = self._observations
            elif t > 0:
                is_interrupted = True
            else:
                observations[0] = self._observations
        return Trajectories(observations[: t + 1], actions[:t], costs[:t], is_interrupted)

    def mean_costs(self, steps: int, *, mode: str = "greedy", ties: str = "random") -> FloatArray:
        """Take steps; mean costs, see `Runner`."""
        total = np.zeros(self._env.num_envs)
        for _ in range(steps):
            total += self._step(mode, ties, need_all=True)[1]
        return total / steps

    def _step(
        self, mode: str, ties: str, *, need_all: bool = False
    ) -> tuple[npt.NDArray[Any], FloatArray, bool]:
        """Actions, costs, and whether both are known and belong together in all lanes."""
        chosen = self._decide(self._observations, mode, ties)
        observations, rewards, ended, cut, info = self._env.step(chosen)
        lost = lost_transitions(info, self._env.num_envs)
        if need_all:
            require_whole(info, self._env.num_envs, self._env_seed)
        _require_endless(ended, cut, lost)
        if lost.any():
            self._restart(observations, lost, mode, ties)
            return chosen, np.full(self._env.num_envs, np.nan), False
        costs = -np.asarray(rewards)
        if not np.isfinite(costs).all():
            raise InputError(_NOT_FINITE)
        self._observations = _finite(observations)
        return chosen, costs, True

    def _restart(self, observations: Any, lost: BoolArray, mode: str, ties: str) -> None:
        """Go on until no lane is left whose simulator has died."""
        reset = self._env.metadata.get("autoreset_mode")
        if reset == AutoresetMode.DISABLED:
            observations, _ = self._env.reset(options={"reset_mask": lost})
        waiting = lost if reset == AutoresetMode.NEXT_STEP else np.zeros_like(lost)
        while waiting.any():
            chosen = self._decide(_finite(observations), mode, ties)
            observations, _, ended, cut, info = self._env.step(chosen)
            # One that dies as its episode begins begins another.
            excused = waiting | lost_transitions(info, self._env.num_envs)
            _require_endless(ended, cut, excused)
            waiting = np.logical_and(cut, excused)
        self._observations = _finite(observations)


_NOT_FINITE = (
    "An environment returned an observation or reward that is not finite; only finite ones can be "
    "learned from."
)


def _finite(observations: Any) -> FloatArray:
    values = np.asarray(observations, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError(_NOT_FINITE)
    return values


def _require_endless(ended: Any, cut: Any, excused: BoolArray) -> None:
    if np.any(ended) or np.any(np.logical_and(cut, ~excused)):
        raise InputError(
            "An episode ended, but an average over all time has no end; make the environment "
            "without a time limit (max_steps=None)."
        )


def make_runner(
    env: VectorEnv[Any, Any, Any], actor: ComponentActor, *, seed: int, env_seed: int
) -> Runner:
    """Reset an environment and make the fastest runner that it offers for a policy.

    Parameters
    ----------
    env
        Vector environment of components: observations (K, features), actions Discrete(K).
    actor
        The policy.
    seed
        Of its samples and ties.
    env_seed
        Of the reset; lane i has ``env_seed + i``.

    Raises
    ------
    ValueError
        If spaces or features are not those of the policy.
    """
    check_components(env, actor)
    observations, _ = env.reset(seed=env_seed)
    network = actor.network
    plain = env.unwrapped is env
    if plain and not isinstance(network, FlatNetwork) and hasattr(env, "run_index"):

        def index(states: FloatArray) -> Floats:
            with torch.no_grad():
                # As wide as the weights, so that equal states have equal values.
                return np.asarray(network.index(torch.from_numpy(states)).numpy())

        return IndexRunner(env, index, seed)
    if (
        plain
        and isinstance(network, FlatNetwork)
        and network.kind == "mlp"
        and not network.encoding.combinations
        and hasattr(env, "run_network")
    ):
        return NetworkRunner(env, network, seed)
    generator = np.random.default_rng(seed)

    def decide(observations: FloatArray, mode: str, ties: str) -> npt.NDArray[Any]:
        seen = torch.from_numpy(observations)
        if mode == "sample":
            return actor.sample(seen, generator)
        return actor.decide(seen, "first" if ties == "lowest" else ties, generator)

    first = np.asarray(observations, dtype=np.float64)
    return StepRunner(env, first, decide, env_seed=env_seed)


def check_components(env: VectorEnv[Any, Any, Any], actor: ComponentActor) -> None:
    """Check that an environment has the components and features of a policy.

    Raises
    ------
    ValueError
        If spaces or features are not those of the policy.
    """
    space, actions = env.single_observation_space, env.single_action_space
    if not (
        isinstance(space, spaces.Box)
        and len(space.shape) == 2
        and isinstance(actions, spaces.Discrete)
        and actions.start == 0
        and actions.n == space.shape[0]
    ):
        raise InputError(
            "A policy over components observes a Box (K, features) and chooses from Discrete(K), "
            f"but the environment has {space} and {actions}."
        )
    if actor.components not in (None, space.shape[0]):
        raise InputError(
            f"This policy was made for {actor.components} components, but the environment has "
            f"{space.shape[0]}; train one for that number or use a switch-type network."
        )
    shown = attribute_of(env, "feature_names")
    taken = actor.encoding.names
    if shown is not None and tuple(shown) != taken:
        raise InputError(
            f"The environment shows {', '.join(shown)} of each component, but the policy takes "
            f"{', '.join(taken)}; make the environment or the encoding with the others."
        )


def _joined(parts: Sequence[Any], template: FloatArray) -> Trajectories:
    """Join records that follow each other, and put the constants back into observations."""
    steps = sum(part.steps for part in parts)
    observations = np.empty((steps + 1, *template.shape), dtype=np.float32)
    observations[...] = template
    start = 0
    for part in parts:
        end = start + part.steps + 1
        observations[start:end, ..., 0] = part.queue_lengths
        observations[start:end, ..., 1] = part.capacities
        start = end - 1
    return Trajectories(
        observations,
        np.concatenate([part.actions for part in parts]).astype(np.int64),
        np.concatenate([part.costs for part in parts]),
    )
