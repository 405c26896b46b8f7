# SPDX-License-Identifier: MIT
"""One queue system: a vector of one lane behind the single-environment API."""

from __future__ import annotations

from typing import Any, ClassVar

from ns3kan.bridge.one_lane import OneLaneEnv
from ns3kan.bridge.queues.model import QueueModel
from ns3kan.bridge.queues.vector_env import QueueVectorEnv


class QueueEnv(OneLaneEnv):
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

    lanes: ClassVar[type[QueueVectorEnv]]

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.model: QueueModel = self._lanes.model
        self.problem = self._lanes.problem
        self.num_queues = self._lanes.num_queues
