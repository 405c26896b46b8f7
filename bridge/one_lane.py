# SPDX-License-Identifier: MIT
"""A vector of one lane behind the API of a single environment."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np

from ns3kan.bridge.rendering import without_rendering


class OneLaneEnv(gymnasium.Env[Any, np.int64]):
    """The only lane of a vector environment, to which it leaves everything.

    Parameters
    ----------
    **arguments
        Of the vector environment `lanes`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium declares it so

    lanes: ClassVar[type[Any]]

    def __init__(self, **arguments: Any) -> None:
        self._lanes = self.lanes(1, **without_rendering(arguments))
        self.feature_names = self._lanes.feature_names
        self.feature_units = self._lanes.feature_units
        self.observation_space = self._lanes.single_observation_space
        self.action_space = self._lanes.single_action_space

    def _info_of(self, infos: dict[str, Any]) -> dict[str, Any]:
        """Return the info of the only lane, without the flags that say which lanes have one."""
        return {
            name: value[0].item() if value[0].ndim == 0 else value[0]
            for name, value in infos.items()
            if f"_{name}" in infos
        }

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode.

        Parameters
        ----------
        seed
            Starts the stream of all that is drawn anew; None goes on with it.
        options
            None are known.

        Returns
        -------
        observation, info
            The first state.
        """
        super().reset(seed=seed)
        observations, infos = self._lanes.reset(seed=seed, options=options)
        return observations[0], self._info_of(infos)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Make one step.

        Parameters
        ----------
        action
            The queue or the class chosen, from 0.

        Returns
        -------
        observation, reward, terminated, truncated, info
            The next state.

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
        info = self._info_of(infos)
        return observations[0], float(rewards[0]), False, bool(truncations[0]), info

    def close(self) -> None:
        """End the use of the environment."""
        self._lanes.close()
