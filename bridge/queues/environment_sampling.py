# SPDX-License-Identifier: MIT
"""Samples sets of queue environments as in the paper, with its test that they can be stabilised."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any, get_args

import gymnasium
import numpy as np
import numpy.typing as npt

from ns3kan.bridge.queues.distributions import FloatArray, make_distributions
from ns3kan.bridge.queues.environment_sets import EnvironmentSet, QueueEnvironment, make_lanes
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.model import Problem
from ns3kan.bridge.queues.vector_env import QueueVectorEnv

Policy = Callable[[Any], Any]
"""From observations (lanes, K, features) to the queues chosen (lanes,)."""

# Candidates drawn at once. It is no argument: the policy's ties depend on it.
_BATCH = 512


def sample_environments(
    problem: Problem,
    count: int,
    make_reference: Callable[[QueueVectorEnv, int], Policy],
    reference: str,
    *,
    seed: int,
    num_queues: int | None = None,
    highest_rate: float | None = None,
    steps: int = 50_000,
    trajectories: int = 3,
    highest_cost: float = 200.0,
) -> EnvironmentSet:
    """Sample environments until enough of them pass the stabilisability test of the paper.

    All rates are uniform between 0 and ``highest_rate``. An environment is kept if the reference
    policy has a mean cost of at most ``highest_cost`` over its trajectories, each from a seed of
    its own. The same arguments give the same set.

    Parameters
    ----------
    problem
        "single_hop": arrival and service rates are sampled. "multi_path": service rates are.
    count
        Environments wanted.
    make_reference
        Makes the reference policy π₀ from a vector environment that shows the rates and a seed.
        The paper's are MaxWeight for single-hop and shortest queue for multi-path.
    reference
        Its name and tie rule, kept in the set.
    seed
        Of rates, trajectories and ties.
    num_queues, highest_rate
        4 and 3 for single-hop, 8 and 1 for multi-path by default [packets per step].
    steps, trajectories, highest_cost
        Of the test [packets].

    Raises
    ------
    QueueError
        If a number is out of range, or fewer than one candidate in a thousand passes.

    References
    ----------
    Wigmore, Shrader, Modiano, Section IV-A.
    """
    if problem not in get_args(Problem):
        raise QueueError(f"There is no problem {problem!r}; choose single_hop or multi_path.")
    for name, number in (("count", count), ("steps", steps), ("trajectories", trajectories)):
        if number < 1:
            raise QueueError(f"{name}={number} must be at least 1.")
    queues = num_queues or (4 if problem == "single_hop" else 8)
    highest = highest_rate or (3.0 if problem == "single_hop" else 1.0)
    kept: list[QueueEnvironment] = []
    tested = 0
    while len(kept) < count:
        if tested >= 1000 * (len(kept) + 10):
            raise QueueError(
                f"Only {len(kept)} of {tested} sampled environments could be stabilised; "
                "lower highest_rate or num_queues, or raise highest_cost."
            )
        rng = np.random.default_rng([seed, tested])
        arrival = rng.uniform(0, highest, (_BATCH, queues if problem == "single_hop" else 1))
        if problem == "multi_path":
            arrival[:] = 1.0
        service = rng.uniform(0, highest, (_BATCH, queues))
        places = np.flatnonzero(~_hopeless(problem, arrival, service, steps, highest_cost))
        if places.size:
            costs = _reference_costs(
                problem,
                arrival[places],
                service[places],
                make_reference,
                [seed, tested, 1],
                steps,
                trajectories,
            )
            passed = costs.mean(axis=1) <= highest_cost
            kept += [
                QueueEnvironment(
                    tuple(arrival[place].tolist()),
                    tuple(service[place].tolist()),
                    tuple(cost.tolist()),
                )
                for place, cost in zip(places[passed], costs[passed], strict=True)
            ]
        if len(kept) >= count:
            # Those up to the last that was wanted; kept ones are found by their rates.
            last = kept[count - 1].service_rates
            tested += 1 + int(np.flatnonzero((service == last).all(axis=1))[0])
        else:
            tested += _BATCH
    del kept[count:]
    return EnvironmentSet(problem, tuple(kept), seed, tested, reference, steps)


def mean_costs(
    env: gymnasium.vector.VectorEnv[Any, Any, Any], policy: Policy, steps: int, seed: int
) -> FloatArray:
    """Time-average cost of a policy in each lane, from empty queues.

    Parameters
    ----------
    env
        Environment without ``max_steps``; the cost is minus its reward.
    policy
        Chooses the actions.
    steps
        Length of the trajectory.
    seed
        Of the first lane; the others have its successors.

    Returns
    -------
    shape (lanes,)
    """
    total = np.zeros(env.num_envs)
    observations, _ = env.reset(seed=seed)
    for _ in range(steps):
        observations, rewards, *_ = env.step(policy(observations))
        total -= rewards
    return total / steps


def _hopeless(
    problem: Problem, arrival: FloatArray, service: FloatArray, steps: int, highest_cost: float
) -> npt.NDArray[np.bool_]:
    """Candidates that any policy fails by more than ten standard deviations.

    A set of queues grows on average by at least its arrivals less what the best choice among them
    could serve, so that its mean length over the trajectory is at least half of the total growth.
    """
    if problem == "multi_path":
        growth = arrival[:, 0] - service.sum(axis=1)
        spread = service.sum(axis=1)
    else:
        laws = make_distributions("poisson", service, "service")
        below = laws.cumulative(int(laws.offset.max()) + laws.probabilities.shape[-1])
        all_queues = range(service.shape[1])
        sets = [[queue] for queue in all_queues] + [list(all_queues)]
        if len(all_queues) <= 6:
            sets = [list(c) for n in all_queues for c in combinations(all_queues, n + 1)]
        growth = np.max(
            [arrival[:, s].sum(axis=1) - (1 - below[:, s].prod(axis=1)).sum(axis=1) for s in sets],
            axis=0,
        )
        spread = arrival.sum(axis=1) + (service + service**2).sum(axis=1)
    return np.asarray(growth * steps / 2 > highest_cost + 10 * np.sqrt(spread * steps))


def _reference_costs(
    problem: Problem,
    arrival: FloatArray,
    service: FloatArray,
    make_reference: Callable[[QueueVectorEnv, int], Policy],
    entropy: list[int],
    steps: int,
    trajectories: int,
) -> FloatArray:
    """Costs of the reference policy, shape (candidates, trajectories)."""
    env = make_lanes(
        problem,
        np.repeat(arrival, trajectories, axis=0),
        np.repeat(service, trajectories, axis=0),
        observe_rates=True,
        allow_unstable=True,
    )
    state, ties = np.random.SeedSequence(entropy).generate_state(2)
    costs = mean_costs(env, make_reference(env, int(ties)), steps, int(state))
    env.close()
    return costs.reshape(-1, trajectories)
