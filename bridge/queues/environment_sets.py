# SPDX-License-Identifier: MIT
"""Sets of queue environments: sampled as in the paper, tested for stability, kept in files."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import gymnasium
import numpy as np
import numpy.typing as npt

from ns3kan.bridge.queues.distributions import FloatArray, make_distributions
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.model import Problem
from ns3kan.bridge.queues.multi_path import MultiPathVectorEnv
from ns3kan.bridge.queues.single_hop import SingleHopVectorEnv
from ns3kan.bridge.queues.vector_env import QueueVectorEnv

FORMAT = "ns3kan-environments"
VERSION = 1

Policy = Callable[[Any], Any]
"""From observations (lanes, K, features) to the queues chosen (lanes,)."""

# Candidates drawn at once. It is no argument: the policy's ties depend on it.
_BATCH = 512


class EnvironmentSetError(QueueError):
    """A file holds no environment set, or not all of one."""


@dataclass(frozen=True)
class QueueEnvironment:
    """Rates of one environment and the cost of the reference policy in it.

    Attributes
    ----------
    arrival_rates
        λ, K numbers for single-hop and 1 for multi-path [packets per step].
    service_rates
        μ, K numbers [packets per step].
    reference_costs
        Time-average total queue length under the reference policy, one per trajectory [packets].
    """

    arrival_rates: tuple[float, ...]
    service_rates: tuple[float, ...]
    reference_costs: tuple[float, ...]

    @property
    def reference_cost(self) -> float:
        """J(π₀), the mean over the trajectories [packets]."""
        return float(np.mean(self.reference_costs))


@dataclass(frozen=True)
class EnvironmentSet:
    """Environments of one problem with Poisson capacities, and how they came about.

    Attributes
    ----------
    problem
        "single_hop" (Poisson arrivals) or "multi_path" (one arrival per step).
    environments
        In the order in which they were found.
    seed
        Of the sampler.
    candidates
        Environments sampled; those not kept were not stabilised by the reference policy.
    reference
        Name of the reference policy π₀ and its tie rule, such as "max_weight, ties random".
    steps
        Length of a trajectory.
    """

    problem: Problem
    environments: tuple[QueueEnvironment, ...]
    seed: int
    candidates: int
    reference: str
    steps: int

    def __len__(self) -> int:
        return len(self.environments)

    def __iter__(self) -> Iterator[QueueEnvironment]:
        return iter(self.environments)

    @property
    def reference_costs(self) -> FloatArray:
        """J(π₀) of each, shape (environments,) [packets]."""
        return np.array([environment.reference_cost for environment in self])

    def make_vec(self, copies: int = 1, **arguments: Any) -> QueueVectorEnv:
        """Vector environment of which lanes ``i · copies`` on are environment ``i``.

        Parameters
        ----------
        copies
            Lanes per environment.
        **arguments
            As for `SingleHopScheduling` or `MultiPathRouting`.
        """
        arrival = np.array([environment.arrival_rates for environment in self])
        service = np.array([environment.service_rates for environment in self])
        return _lanes(
            self.problem,
            np.repeat(arrival, copies, axis=0),
            np.repeat(service, copies, axis=0),
            **arguments,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "problem": self.problem,
            "seed": self.seed,
            "candidates": self.candidates,
            "reference": self.reference,
            "steps": self.steps,
            "count": len(self),
            "environments": [
                {
                    "arrival_rates": environment.arrival_rates,
                    "service_rates": environment.service_rates,
                    "reference_costs": environment.reference_costs,
                }
                for environment in self
            ],
        }
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        target = Path(path)
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> EnvironmentSet:
        """Read a file that `save` wrote.

        Raises
        ------
        EnvironmentSetError
            If it cannot be read, is truncated, or is something else; the message names the file.
        """
        try:
            document = json.loads(Path(path).read_bytes())
        except OSError as error:
            raise EnvironmentSetError(f"{path}: cannot be read ({error.strerror}).") from error
        except (ValueError, RecursionError) as error:
            raise EnvironmentSetError(
                f"{path}: truncated, or no environment set ({error}); save it again."
            ) from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise EnvironmentSetError(
                f"{path}: no environment set, its 'format' must be '{FORMAT}'."
            )
        if document.get("version") != VERSION:
            raise EnvironmentSetError(
                f"{path}: 'version' is {document.get('version')}, this program reads {VERSION}."
            )
        try:
            return _parse(document)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise EnvironmentSetError(f"{path}: damaged environment set: {reason}.") from error


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
    env = _lanes(
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


def _lanes(
    problem: Problem, arrival: FloatArray, service: FloatArray, **arguments: Any
) -> QueueVectorEnv:
    kind = SingleHopVectorEnv if problem == "single_hop" else MultiPathVectorEnv
    return kind(len(service), arrival_rates=arrival, service_rates=service, **arguments)


def _parse(document: dict[str, Any]) -> EnvironmentSet:
    problem = document["problem"]
    if problem not in get_args(Problem):
        raise ValueError(f"there is no problem {problem!r}")
    entries = document["environments"]
    if len(entries) != document["count"] or not entries:
        raise ValueError(f"it holds {len(entries)} of {document['count']} environments")
    environments = tuple(
        QueueEnvironment(
            _numbers(entry["arrival_rates"]),
            _numbers(entry["service_rates"]),
            _numbers(entry["reference_costs"]),
        )
        for entry in entries
    )
    queues = len(environments[0].service_rates)
    for place, environment in enumerate(environments):
        arrivals = queues if problem == "single_hop" else 1
        if (len(environment.arrival_rates), len(environment.service_rates)) != (arrivals, queues):
            raise ValueError(f"environment {place} does not have the rates of {queues} queues")
    return EnvironmentSet(
        problem,
        environments,
        int(document["seed"]),
        int(document["candidates"]),
        str(document["reference"]),
        int(document["steps"]),
    )


def _numbers(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not numbers or not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ValueError(f"{values} are not finite numbers, 0 or more")
    return numbers
