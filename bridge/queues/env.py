# SPDX-License-Identifier: MIT
"""One queue system: a vector of one lane behind the single-environment API."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from ns3kan.bridge.queues.distributions import FloatArray
from ns3kan.bridge.queues.vector_env import QueueVectorEnv


class QueueEnv(gymnasium.Env[FloatArray, np.int64]):
    """The only lane of a `QueueVectorEnv`, to which it leaves everything.

    Parameters
    ----------
    lanes
        A vector environment of one lane.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium declares it so

    def __init__(self, lanes: QueueVectorEnv) -> None:
        self._lanes = lanes
        self.model = lanes.model
        self.problem = lanes.problem
        self.num_queues = lanes.num_queues
        self.feature_names = lanes.feature_names
        self.feature_units = lanes.feature_units
        self.observation_space = lanes.single_observation_space
        self.action_space = lanes.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Empty the queues and draw the first capacities.

        Parameters
        ----------
        seed
            Starts the stream of arrivals and capacities anew; None goes on with it.
        options
            None are known.

        Returns
        -------
        observation, info
            Shape (K, features); an empty dict.
        """
        super().reset(seed=seed)
        observations, _ = self._lanes.reset(seed=seed, options=options)
        return observations[0], {}

    def step(self, action: Any) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Make one step.

        Parameters
        ----------
        action
            Queue chosen, from 0.

        Returns
        -------
        observation, reward, terminated, truncated, info
            With finite buffers the info holds ``drops``, the packets lost in the step.

        Raises
        ------
        ResetNeeded
            If the episode is over.
        """
        if self._lanes.is_over:
            raise gymnasium.error.ResetNeeded(
                "step was called after the end of the episode; call reset first."
            )
        observations, rewards, _, truncations, infos = self._lanes.step([action])
        info = {"drops": int(infos["drops"][0])} if infos else {}
        return observations[0], float(rewards[0]), False, bool(truncations[0]), info

    def close(self) -> None:
        """End the use of the environment."""
        self._lanes.close()
