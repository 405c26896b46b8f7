# SPDX-License-Identifier: MIT
"""The environment ``ns3kan/SingleHopScheduling-v0``: one server, several queues."""

from __future__ import annotations

from ns3kan.bridge.queues.env import QueueEnv
from ns3kan.bridge.queues.vector_env import QueueVectorEnv


class SingleHopVectorEnv(QueueVectorEnv):
    """Several `SingleHopScheduling` stepped together, each with its own rates.

    Parameters
    ----------
    num_envs
        Number of lanes.
    arrival_rates, service_rates, buffer, cost_weights
        Those of each queue may be of shape (num_envs, K); tables (num_envs, K, n).
    **others
        As for `SingleHopScheduling`.
    """

    problem = "single_hop"


class SingleHopScheduling(QueueEnv):
    """One server, K queues: each step, choose the queue to serve.

    Description
    -----------
    Packets arrive at K queues. The link from each queue to the server carries a number of packets
    that changes from step to step and is known before the choice, as on a wireless downlink. With
    q the queue lengths, y the capacities, x the arrivals and a the chosen queue, a step is, in
    this order,

    1. the agent sees (q, y) and chooses a;
    2. the chosen queue is served, q_a ← max(q_a − y_a, 0);
    3. packets arrive and cannot leave in this step, q_k ← q_k + x_k for all k;
    4. with a finite buffer B, packets beyond it are dropped, q_k ← min(q_k, B);
    5. the cost of the new q is paid, and the next y is drawn.

    Example: q = (3, 1), y = (2, 2) and a = 0. Queue 0 is served: q = (1, 1). Arrivals x = (0, 2):
    q = (1, 3). The reward is −4. With a = 1 it would have been q = (3, 0), then (3, 2), and −5:
    the one missing packet of the capacity 2 was wasted.

    Action space
    ------------
    ``Discrete(K)``: the queue to serve, from 0.

    Observation space
    -----------------
    ``Box(0, …, (K, n), float64)``, one row per queue. The names and units are in
    ``feature_names`` and ``feature_units``; the rates are there with ``observe_rates=True``.

    =====  ================  ===========  ===  ====================  ===========================
    index  name              unit         low  high                  meaning
    =====  ================  ===========  ===  ====================  ===========================
    0      ``queue_length``  packet       0    ``buffer`` or ∞       q, packets waiting
    1      ``capacity``      packet/step  0    of the distribution   y, packets it could send now
    2      ``arrival_rate``  packet/step  0    of the distribution   λ, mean of x
    3      ``service_rate``  packet/step  0    of the distribution   μ, mean of y
    =====  ================  ===========  ===  ====================  ===========================

    Parameters
    ----------
    num_queues
        K; by default as many as there are rates, or 4.
    arrival_rates, service_rates
        Means λ and μ [packet/step], one number for all queues or one each; 0.2 and 1 by default.
    **others
        See `QueueEnv`, as for rewards, starting state and end of episode.

    References
    ----------
    J. Wigmore, B. Shrader, E. Modiano, "A novel switch-type policy network for resource
    allocation problems", technical report, Section II-A1.
    L. Tassiulas and A. Ephremides, "Dynamic server allocation to parallel queues with randomly
    varying connectivity", IEEE Transactions on Information Theory 39(2), 1993.

    Version history
    ---------------
    v0: first version.

    Examples
    --------
    >>> env = SingleHopScheduling(arrivals="bernoulli", arrival_rates=[0.4, 0.4])
    >>> observation, info = env.reset(seed=1)
    >>> observation, reward, terminated, truncated, info = env.step(0)
    """

    lanes = SingleHopVectorEnv
