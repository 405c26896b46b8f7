# SPDX-License-Identifier: MIT
"""The environment ``ns3kan/MultiPathRouting-v0``: one stream, several servers."""

from __future__ import annotations

from ns3kan.bridge.queues.env import QueueEnv
from ns3kan.bridge.queues.vector_env import QueueVectorEnv


class MultiPathVectorEnv(QueueVectorEnv):
    """Several `MultiPathRouting` stepped together, each with its own rates.

    Parameters
    ----------
    num_envs
        Number of lanes.
    service_rates, buffer, cost_weights
        Those of each queue may be of shape (num_envs, K); tables (num_envs, K, n).
    arrival_rates
        May be of shape (num_envs, 1); tables (num_envs, 1, n).
    **others
        As for `MultiPathRouting`.
    """

    problem = "multi_path"


class MultiPathRouting(QueueEnv):
    """K servers with a queue each: each step, choose the one that gets the arriving packet.

    Description
    -----------
    Packets arrive at a router, by default exactly one in each step, and are sent to one of K
    servers. Each has its own queue and serves a number of packets that changes from step to step
    and is known before the choice. With q the queue lengths, y the capacities, x the arrivals and
    a the chosen server, a step is, in this order,

    1. the agent sees (q, y) and chooses a;
    2. all servers serve, q_k ← max(q_k − y_k, 0) for all k;
    3. the packets arrive at a and cannot leave in this step, q_a ← q_a + x;
    4. with a finite buffer B, packets beyond it are dropped, q_k ← min(q_k, B);
    5. the cost of the new q is paid, and the next y is drawn.

    Example: q = (3, 1), y = (1, 2), x = 1 and a = 1. All serve: q = (2, 0). The packet arrives:
    q = (2, 1). The reward is −3. With a = 0 it would have been q = (3, 0), and −3 as well: the
    difference shows in later steps.

    Action space
    ------------
    ``Discrete(K)``: the server to send to, from 0.

    Observation space
    -----------------
    ``Box(0, …, (K, n), float64)``, one row per queue. The names and units are in
    ``feature_names`` and ``feature_units``; the rate is there with ``observe_rates=True``.

    =====  ================  ===========  ===  ====================  ===========================
    index  name              unit         low  high                  meaning
    =====  ================  ===========  ===  ====================  ===========================
    0      ``queue_length``  packet       0    ``buffer`` or ∞       q, packets waiting
    1      ``capacity``      packet/step  0    of the distribution   y, packets it can serve now
    2      ``service_rate``  packet/step  0    of the distribution   μ, mean of y
    =====  ================  ===========  ===  ====================  ===========================

    Parameters
    ----------
    num_queues
        K; by default as many as there are service rates, or 8.
    arrival_rates, service_rates
        Means λ, one number, and μ, one number for all servers or one each [packet/step]; 1 and
        0.3 by default.
    **others
        See `QueueEnv`, as for rewards, starting state and end of episode.

    References
    ----------
    J. Wigmore, B. Shrader, E. Modiano, "A novel switch-type policy network for resource
    allocation problems", technical report, Section II-A2.

    Version history
    ---------------
    v0: first version.

    Examples
    --------
    >>> env = MultiPathRouting(service_rates=[0.9, 0.5])
    >>> observation, info = env.reset(seed=1)
    >>> observation, reward, terminated, truncated, info = env.step(0)
    """

    lanes = MultiPathVectorEnv
