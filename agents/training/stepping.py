# SPDX-License-Identifier: MIT
"""Transitions from a vector environment of any autoreset mode."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from ns3kan.errors import InputError, Ns3kanError

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Step:
    """What one step of all environments brought.

    Attributes
    ----------
    observation, next_observation : (environments, …)
        What was seen before and after the action; after the last action of an episode the last
        observation of that episode, not the first of the next.
    reward, terminated, done, valid, lost : (environments,)
        ``done`` is terminated or truncated. Where an environment only started its next episode,
        ignoring the action, the step is not ``valid``; neither is it where the step was ``lost``,
        because the simulator died and nobody knows what the action brought. The reward of a lost
        step is NaN.
    """

    observation: Array
    next_observation: Array
    reward: Array
    terminated: Array
    done: Array
    valid: Array
    lost: Array


class LostEpisodeError(Ns3kanError, RuntimeError):
    """A simulator died in an episode whose score is wanted, so that the episode has none."""


def lost_transitions(info: Mapping[str, Any], environments: int) -> Array:
    """Find the environments whose simulators died in a step.

    Parameters
    ----------
    info
        Of the step of a vector environment: ``"transition_lost"``, where there is such an entry.
    environments
        Number of them.

    Returns
    -------
    array of bool, shape (environments,)
    """
    return np.array(info.get("transition_lost", np.zeros(environments)), dtype=bool)


def require_whole(info: Mapping[str, Any], environments: int, seed: int) -> None:
    """Refuse a step in which the simulator of an environment died.

    Parameters
    ----------
    info
        Of the step of a vector environment.
    environments
        Number of them.
    seed
        Of the reset; environment i has ``seed + i``.

    Raises
    ------
    LostEpisodeError
        Which says the seed, and how the simulator ended as the environment tells it.
    """
    lost = lost_transitions(info, environments)
    if lost.any():
        index = int(np.argmax(lost))
        raise LostEpisodeError(
            f"The episode of seed {seed + index} was lost and has no score: {_reason(info, index)}"
        )


def _reason(info: Mapping[str, Any], index: int) -> str:
    told = info.get("simulator_error")
    return "its simulator died" if told is None else str(told[index])


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
    need_whole_episodes
        Whether a simulator that dies is an error, as where episodes are scored. Otherwise its step
        is ``lost``, with a warning.

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
        self,
        vector_env: VectorEnv[Any, Any, Any],
        seed: int,
        feature_names: tuple[str, ...],
        *,
        need_whole_episodes: bool = False,
    ) -> None:
        mode = vector_env.metadata.get("autoreset_mode")
        if not isinstance(mode, AutoresetMode):
            raise InputError(
                "The vector environment does not say how it resets; set "
                "metadata['autoreset_mode'] to a gymnasium.vector.AutoresetMode."
            )
        self._env = vector_env
        self._names = feature_names
        self._mode = mode
        self._seed = seed
        self._need_whole_episodes = need_whole_episodes
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
        LostEpisodeError
            If a simulator dies in an episode that is to be whole.
        """
        before, valid = self.observation, ~self._resetting
        observation, reward, terminated, truncated, info = self._env.step(action)
        self._steps += 1
        self.observation = self._checked(observation)
        if self._need_whole_episodes:
            require_whole(info, self._env.num_envs, self._seed)
        lost = lost_transitions(info, self._env.num_envs)
        for index in np.flatnonzero(lost):
            reason = _reason(info, int(index)).partition("\n")[0]
            warnings.warn(
                f"The simulator of environment {index} died in step {self._steps}; the transition "
                f"is left out: {reason}",
                RuntimeWarning,
                stacklevel=2,
            )
        valid &= ~lost
        rewards = self._checked_rewards(reward, lost)
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
        ended = np.array(terminated, dtype=bool)
        return Step(before, after, rewards, ended, done, valid, lost)

    def _last_observation(self, info: dict[str, Any], index: int) -> Array:
        if "final_obs" not in info or info["final_obs"][index] is None:
            raise InputError(
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
            raise InputError(
                f"Environment {environment} returned {values[tuple(place)]} for the feature "
                f"{self._names[place[-1]]!r} at step {self._steps}; only finite "
                "observations can be learned from."
            )
        return values

    def _checked_rewards(self, reward: Any, lost: Array) -> Array:
        values = np.where(lost, np.nan, np.asarray(reward, dtype=np.float64))
        finite = np.isfinite(values) | lost
        if not finite.all():
            index = int(np.flatnonzero(~finite)[0])
            raise InputError(
                f"Environment {index} returned the reward {values[index]} at step {self._steps}; "
                "only finite rewards can be learned from."
            )
        return values
