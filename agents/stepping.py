# SPDX-License-Identifier: MIT
"""Transitions from a vector environment of any autoreset mode."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Step:
    """What one step of all environments brought.

    Attributes
    ----------
    observation, next_observation : (environments, …)
        What was seen before and after the action; after the last action of an episode the last
        observation of that episode, not the first of the next.
    reward, terminated, done, valid : (environments,)
        ``done`` is terminated or truncated. Where an environment only started its next episode,
        ignoring the action, the step is not ``valid``.
    """

    observation: Array
    next_observation: Array
    reward: Array
    terminated: Array
    done: Array
    valid: Array


class Stepper:
    """Steps a vector environment and remembers what it shows.

    Parameters
    ----------
    vector_env
        Observes a Box.
    seed
        Seed of the first reset; environment i gets ``seed + i``.
    feature_names
        Of the last axis of an observation, for messages.

    Attributes
    ----------
    observation : (environments, …), float64
        What the environments show now.

    Raises
    ------
    ValueError
        If the environment does not say how it resets, or returns something that is not finite.
    """

    def __init__(
        self, vector_env: VectorEnv[Any, Any, Any], seed: int, feature_names: tuple[str, ...]
    ) -> None:
        mode = vector_env.metadata.get("autoreset_mode")
        if not isinstance(mode, AutoresetMode):
            raise ValueError(
                "The vector environment does not say how it resets; set "
                "metadata['autoreset_mode'] to a gymnasium.vector.AutoresetMode."
            )
        self._env = vector_env
        self._names = feature_names
        self._mode = mode
        self._steps = 0
        # Environments that only reset in the next step; their action is ignored.
        self._resetting = np.zeros(vector_env.num_envs, dtype=bool)
        observation, _ = vector_env.reset(seed=seed)
        self.observation = self._checked(observation)

    def step(self, action: Array) -> Step:
        """Take an action in each environment, (environments, …).

        Raises
        ------
        ValueError
            If an environment returns an observation or reward that is not finite.
        """
        before, valid = self.observation, ~self._resetting
        observation, reward, terminated, truncated, info = self._env.step(action)
        self._steps += 1
        self.observation = self._checked(observation)
        rewards = self._checked_rewards(reward)
        done = np.logical_or(terminated, truncated)
        after = self.observation
        self._resetting = np.zeros(self._env.num_envs, dtype=bool)
        if self._mode == AutoresetMode.NEXT_STEP:
            self._resetting = done.copy()
        elif done.any():
            if self._mode == AutoresetMode.SAME_STEP:
                after = after.copy()
                for index in np.flatnonzero(done):
                    last = self._last_observation(info, int(index))
                    after[index] = self._checked(last, int(index))
            else:
                fresh, _ = self._env.reset(options={"reset_mask": done.copy()})
                self.observation = self._checked(fresh)
        return Step(before, after, rewards, np.array(terminated, dtype=bool), done, valid)

    def _last_observation(self, info: dict[str, Any], index: int) -> Array:
        if "final_obs" not in info or info["final_obs"][index] is None:
            raise ValueError(
                f"Environment {index} ended an episode with autoreset mode SAME_STEP but its info "
                "has no 'final_obs'; make it follow Gymnasium 1.x."
            )
        return np.asarray(info["final_obs"][index])

    def _checked(self, observation: Any, index: int | None = None) -> Array:
        values = np.array(observation, dtype=np.float64)
        finite = np.isfinite(values)
        if not finite.all():
            place = np.argwhere(~finite)[0]
            environment = place[0] if index is None else index
            raise ValueError(
                f"Environment {environment} returned {values[tuple(place)]} for the feature "
                f"{self._names[place[-1]]!r} at step {self._steps}; only finite "
                "observations can be learned from."
            )
        return values

    def _checked_rewards(self, reward: Any) -> Array:
        values = np.asarray(reward, dtype=np.float64)
        finite = np.isfinite(values)
        if not finite.all():
            index = int(np.flatnonzero(~finite)[0])
            raise ValueError(
                f"Environment {index} returned the reward {values[index]} at step {self._steps}; "
                "only finite rewards can be learned from."
            )
        return values
