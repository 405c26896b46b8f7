# SPDX-License-Identifier: MIT
"""Several simulators stepped together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from ns3kan.bridge.ns3.env import Ns3Env

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class Ns3VectorEnv(VectorEnv[Any, Any, Any]):
    """Several simulator processes as one vector environment.

    All actions are sent before the first answer is awaited, and all simulators are started before
    the first is waited for, so that the simulators run at the same time on as many cores as there
    are. No Python process is needed for that.

    Autoreset is `AutoresetMode.NEXT_STEP`: the step after the end of an episode ignores its
    action and returns the first state of the next one, with reward 0.

    Parameters
    ----------
    num_envs
        Number of simulators, at least 1.
    make
        Makes one environment: `Ns3Env` itself, one of its subclasses, or a function.
    **arguments
        Given to `make` each time.

    Attributes
    ----------
    feature_names, feature_units, action_names, action_units
        As of `Ns3Env`.

    Raises
    ------
    BridgeError
        If a simulator dies or misbehaves; all are then closed. A note says which it was.
    """

    def __init__(
        self, num_envs: int, make: Callable[..., Ns3Env] = Ns3Env, **arguments: Any
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs={num_envs} must be at least 1.")
        super().__init__()
        self.num_envs = num_envs
        self.envs: list[Ns3Env] = []
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}
        try:
            for _ in range(num_envs):
                self.envs.append(make(**arguments))
        except BaseException:
            self.close()
            raise
        first = self.envs[0]
        self.feature_names = first.feature_names
        self.feature_units = first.feature_units
        self.action_names = first.action_names
        self.action_units = first.action_units
        self.single_observation_space = first.observation_space
        self.single_action_space = first.action_space
        self.observation_space = batch_space(first.observation_space, num_envs)
        self.action_space = batch_space(first.action_space, num_envs)
        self._is_over: BoolArray | None = None

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode in every simulator.

        Parameters
        ----------
        seed
            One for each environment, or one number for the first and its successors for the
            others: environment ``i`` does what an `Ns3Env` does after ``reset(seed=seed + i)``.
        options
            None are known.

        Returns
        -------
        observations, infos
            Batched first states.
        """
        self._require_open("reset")
        if options:
            raise ValueError(f"reset takes no options, but was given {', '.join(options)}.")
        if seed is None or isinstance(seed, int | np.integer):
            seeds = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds were given for {self.num_envs} environments.")
        observations = []
        infos: dict[str, Any] = {}
        i = 0
        try:
            for i, env in enumerate(self.envs):
                env.reset_async(seed=seeds[i])
            for i, env in enumerate(self.envs):
                observation, info = env.reset_wait()
                observations.append(observation)
                infos = self._add_info(infos, info, i)
        except BaseException as error:
            self._give_up(error, i)
            raise
        self._is_over = np.zeros(self.num_envs, dtype=np.bool_)
        return self._batch(observations), infos

    def step(self, actions: Any) -> tuple[Any, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Step every simulator, or reset it if its episode ended in the step before.

        Parameters
        ----------
        actions
            A value of the batched action space.

        Returns
        -------
        observations, rewards, terminations, truncations, infos
            Batched states.
        """
        self._require_open("step")
        observations = []
        rewards = np.zeros(self.num_envs)
        terminations = np.zeros(self.num_envs, dtype=np.bool_)
        truncations = np.zeros(self.num_envs, dtype=np.bool_)
        infos: dict[str, Any] = {}
        # A wrong call must leave every simulator as it was, so all actions are checked first.
        singles = [
            env.check_action(action)
            for env, action in zip(self.envs, iterate(self.action_space, actions), strict=True)
        ]
        if self._is_over is None:
            raise ResetNeeded("step() needs running episodes; call reset() first.")
        i = 0
        try:
            for i, env in enumerate(self.envs):
                if self._is_over[i]:
                    env.reset_async()
                else:
                    env.step_async(singles[i])
            for i, env in enumerate(self.envs):
                if self._is_over[i]:
                    observation, info = env.reset_wait()
                else:
                    observation, rewards[i], terminations[i], truncations[i], info = env.step_wait()
                observations.append(observation)
                infos = self._add_info(infos, info, i)
        except BaseException as error:
            self._give_up(error, i)
            raise
        self._is_over = terminations | truncations
        return self._batch(observations), rewards, terminations, truncations, infos

    def close_extras(self, **kwargs: Any) -> None:
        """End all simulators.

        Parameters
        ----------
        **kwargs
            Ignored, as Gymnasium passes them.
        """
        for env in self.envs:
            env.close()

    def _give_up(self, error: BaseException, index: int) -> None:
        error.add_note(f"This was simulator {index} of {self.num_envs}; all have been closed.")
        self.close()

    def _batch(self, observations: list[Any]) -> Any:
        out: Any = create_empty_array(self.single_observation_space, self.num_envs)
        return concatenate(self.single_observation_space, observations, out)

    def _require_open(self, call: str) -> None:
        if self.closed:
            raise ClosedEnvironmentError(
                f"{call}() was called after close(); make a new environment."
            )
