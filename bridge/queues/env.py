# SPDX-License-Identifier: MIT
"""One queue system: a vector of one lane behind the single-environment API."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np

from ns3kan.bridge.queues.distributions import FloatArray
from ns3kan.bridge.queues.vector_env import QueueVectorEnv
from ns3kan.bridge.rendering import without_rendering


class QueueEnv(gymnasium.Env[FloatArray, np.int64]):
    """What `SingleHopScheduling` and `MultiPathRouting` share: the only lane of a `QueueVectorEnv`.

    Rewards
    -------
    −``reward_scale`` · (c(q) + ``drop_cost`` · drops), c of the state that the step leads to:
    Σ w_k q_k with ``cost="total"``, Σ w_k q_k² with ``cost="quadratic"``. The average over T steps
    differs from that of the paper, over the states before the steps, by (c(q_T) − c(q_0)) / T.

    Starting state
    --------------
    All queues empty; capacities drawn.

    End of episode
    --------------
    Never terminated; truncated after ``max_steps`` steps.

    Parameters
    ----------
    num_queues
        K.
    arrivals, capacities
        Distributions by name; see `ns3kan.bridge.queues.distributions.make_distributions`.
    arrival_rates, service_rates
        Means λ and μ [packet/step]. Left out for tables.
    buffer
        Greatest queue length B [packet], for all or each; None for no bound.
    cost
        "total" or "quadratic".
    cost_weights
        w, for all queues or each; 1 by default.
    drop_cost
        Cost of a packet dropped.
    reward_scale
        Factor of the reward.
    observe_rates
        Whether λ and μ are observed, as far as they are of single queues.
    max_steps
        Steps until truncation; None for never.
    allow_unstable
        Whether rates are accepted that no policy can keep stable.

    Raises
    ------
    QueueError
        If an argument is wrong or does not fit the others, or if the rates cannot be stabilised.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium declares it so

    lanes: ClassVar[type[QueueVectorEnv]]

    def __init__(self, **arguments: Any) -> None:
        self._lanes = lanes = self.lanes(1, **without_rendering(arguments))
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
