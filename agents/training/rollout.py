# SPDX-License-Identifier: MIT
"""Collecting transitions from a vector environment of any autoreset mode."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from ns3kan.agents.spaces import require_ratios
from ns3kan.agents.training.names import names_of
from ns3kan.agents.training.stepping import Array, Stepper
from ns3kan.errors import InputError


@dataclass(frozen=True)
class Rollout:
    """Transitions of ``steps`` steps in ``environments`` environments.

    Attributes
    ----------
    observations, next_observations : (steps, environments, features)
        What was seen before and after each action; after the last action of an episode the last
        observation of that episode, not the first of the next.
    actions : (steps, environments, actions)
    rewards, terminated, done, valid : (steps, environments)
        ``done`` is terminated or truncated. Steps in which an environment only started its next
        episode, ignoring the action, are not ``valid``, nor are those in which a simulator died;
        these have the reward NaN, so that whoever learns from them notices.
    episode_returns
        Sums of rewards of the episodes that ended, without those whose simulators died.
    """

    observations: Array
    next_observations: Array
    actions: Array
    rewards: Array
    terminated: Array
    done: Array
    valid: Array
    episode_returns: tuple[float, ...]


def check_spaces(vector_env: VectorEnv[Any, Any, Any]) -> tuple[int, int]:
    """Return the numbers of features and actions of an environment that decides ratios.

    Raises
    ------
    ValueError
        If the environment does not observe a flat Box and decide ratios (`are_ratios`), or does not
        say how it resets.
    """
    observed, decided = vector_env.single_observation_space, vector_env.single_action_space
    if not isinstance(observed, spaces.Box) or len(observed.shape) != 1:
        raise InputError(
            "PPO observes a Box of one axis, but the environment's observation space is "
            f"{observed}; flatten it, as gymnasium.wrappers.vector.FlattenObservation does."
        )
    require_ratios(decided, "PPO")
    assert isinstance(decided, spaces.Box)
    if not isinstance(vector_env.metadata.get("autoreset_mode"), AutoresetMode):
        raise InputError(
            "The vector environment does not say how it resets; set metadata['autoreset_mode'] to "
            "a gymnasium.vector.AutoresetMode."
        )
    return observed.shape[0], decided.shape[0]


class Collector:
    """Collects rollouts and remembers where the environments stand between them.

    Parameters
    ----------
    vector_env
        See `check_spaces`.
    seed
        Seed of the first reset; environment i gets ``seed + i``.
    """

    def __init__(self, vector_env: VectorEnv[Any, Any, Any], seed: int) -> None:
        self.features, self.actions = check_spaces(vector_env)
        self._env = vector_env
        self._stepper = Stepper(
            vector_env, seed, names_of(vector_env, self.features, self.actions).features
        )
        self._returns = np.zeros(vector_env.num_envs)

    def collect(self, policy: Callable[[Array], Array], steps: int) -> Rollout:
        """Take ``steps`` steps with ``policy``: (environments, features) to (…, actions).

        Raises
        ------
        ValueError
            If an environment returns an observation or reward that is not finite.
        """
        count = self._env.num_envs
        observations = np.empty((steps, count, self.features))
        next_observations = np.empty_like(observations)
        actions = np.empty((steps, count, self.actions))
        rewards = np.empty((steps, count))
        terminated = np.empty((steps, count), dtype=bool)
        done = np.empty((steps, count), dtype=bool)
        valid = np.empty((steps, count), dtype=bool)
        finished: list[float] = []
        dtype = self._env.action_space.dtype
        for t in range(steps):
            # Environments may compute with less precision; what they get is what is stored.
            action = np.asarray(policy(self._stepper.observation), dtype=dtype)
            step = self._stepper.step(action)
            observations[t] = step.observation
            next_observations[t] = step.next_observation
            actions[t] = action
            rewards[t] = step.reward
            terminated[t] = step.terminated
            done[t] = step.done
            valid[t] = step.valid
            self._returns[step.valid] += step.reward[step.valid]
            finished += self._returns[step.done & step.valid].tolist()
            self._returns[step.done] = 0.0
        return Rollout(
            observations,
            next_observations,
            actions,
            rewards,
            terminated,
            done,
            valid,
            tuple(finished),
        )
