# SPDX-License-Identifier: MIT
"""What a queue environment was asked to be: its arguments, checked, for every lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ns3kan.bridge.queues.distributions import (
    Distributions,
    FloatArray,
    IntArray,
    Law,
    make_distributions,
)
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.io.numbers import number_text

Problem = Literal["single_hop", "multi_path"]
COSTS = ("total", "quadratic")
# Queues, distribution of arrivals, arrival rates and service rates where none are given.
_DEFAULTS = {
    "single_hop": (4, "poisson", 0.2, 1.0),
    "multi_path": (8, "deterministic", 1.0, 0.3),
}


@dataclass(frozen=True)
class QueueModel:
    """Checked arguments of a queue environment of several lanes.

    Attributes
    ----------
    problem
        "single_hop" or "multi_path".
    arrivals
        Shape (lanes, K) for single-hop, (lanes, 1) for multi-path.
    capacities
        Shape (lanes, K).
    buffers
        Greatest queue lengths, shape (lanes, K) [packets]; None if there are no bounds.
    cost, cost_weights, drop_cost, reward_scale
        The reward is −reward_scale · (Σ weight · q or Σ weight · q² + drop_cost · drops); the
        weights are of shape (lanes, K), or None where all are one.
    observe_rates
        Whether the means of the distributions are features.
    max_steps
        Steps until truncation; None for never.
    """

    problem: Problem
    arrivals: Distributions
    capacities: Distributions
    buffers: IntArray | None
    cost: str
    cost_weights: FloatArray | None
    drop_cost: float
    reward_scale: float
    observe_rates: bool
    max_steps: int | None

    @property
    def num_lanes(self) -> int:
        """Number of independent systems."""
        return int(self.capacities.mean.shape[0])

    @property
    def num_queues(self) -> int:
        """K."""
        return int(self.capacities.mean.shape[1])

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features of one queue."""
        names = ["queue_length", "capacity"]
        if self.observe_rates:
            names += ["arrival_rate"] * (self.problem == "single_hop") + ["service_rate"]
        return tuple(names)

    @property
    def feature_units(self) -> tuple[str, ...]:
        """Units of the features of one queue."""
        return ("packet", *("packet/step" for _ in self.feature_names[1:]))


def make_model(
    problem: Problem,
    num_lanes: int,
    num_queues: int | None,
    arrivals: Law | None,
    arrival_rates: npt.ArrayLike | None,
    capacities: Law,
    service_rates: npt.ArrayLike | None,
    *,
    buffer: int | Sequence[int] | None,
    cost: str,
    cost_weights: npt.ArrayLike | None,
    drop_cost: float,
    reward_scale: float,
    observe_rates: bool,
    max_steps: int | None,
    allow_unstable: bool,
) -> QueueModel:
    """Check the arguments of an environment; see `SingleHopScheduling` for what they mean.

    Raises
    ------
    QueueError
        If one of them is wrong or does not fit the others.
    """
    _check_count(num_lanes, "num_envs")
    if num_queues is not None:
        _check_count(num_queues, "num_queues")
    usual = _DEFAULTS[problem]
    arrivals = usual[1] if arrivals is None else arrivals
    arrival_rates = _rates(arrivals, arrival_rates, usual[2])
    service_rates = _rates(capacities, service_rates, usual[3])
    arrival = make_distributions(arrivals, arrival_rates, "arrival")
    capacity = make_distributions(capacities, service_rates, "service")
    shapes = [capacity.mean.shape] + ([arrival.mean.shape] if problem == "single_hop" else [])
    lengths = {shape[-1] for shape in shapes if shape} - {1}
    queues = num_queues or max(lengths, default=1 if any(shapes) else usual[0])
    if lengths - {queues}:
        raise QueueError(
            f"The rates are of {' and '.join(map(str, sorted(lengths)))} queues, expected "
            f"{queues}; give one rate per queue."
        )
    shape = (num_lanes, queues)
    arrival = _spread(
        arrival, shape if problem == "single_hop" else (num_lanes, 1), "arrival rates"
    )
    capacity = _spread(capacity, shape, "service rates")
    buffers = None
    if buffer is not None:
        bounds = np.asarray(buffer)
        if bounds.dtype.kind not in "iu" or bounds.size == 0 or (bounds < 1).any():
            raise QueueError(f"buffer={buffer!r} must be whole numbers of packets, at least 1.")
        buffers = np.array(_fit(bounds.astype(np.int64), shape, "buffer"))
    if cost not in COSTS:
        raise QueueError(f"There is no cost {cost!r}; choose one of {', '.join(COSTS)}.")
    weights = None
    if cost_weights is not None:
        weights = np.array(_fit(np.asarray(cost_weights, np.float64), shape, "cost_weights"))
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
            raise QueueError("cost_weights must be finite, not negative and not all zero.")
    if not (np.isfinite(drop_cost) and drop_cost >= 0):
        raise QueueError(f"drop_cost={drop_cost} must be finite and not negative.")
    if not (np.isfinite(reward_scale) and reward_scale > 0):
        raise QueueError(f"reward_scale={reward_scale} must be positive and finite.")
    if max_steps is not None:
        _check_count(max_steps, "max_steps")
    if buffers is None and not allow_unstable:
        check_stability(problem, arrival, capacity)
    return QueueModel(
        problem,
        arrival,
        capacity,
        buffers,
        cost,
        weights,
        float(drop_cost),
        float(reward_scale),
        bool(observe_rates),
        max_steps,
    )


def check_stability(problem: Problem, arrivals: Distributions, capacities: Distributions) -> None:
    """Refuse rates under which every policy lets the queues grow without bound.

    Necessary conditions for stability: a queue must get fewer packets than it could be served
    alone, and all together fewer than the best server of each step could take (single-hop), or
    than all servers together (multi-path). For single-hop they are not sufficient; the simulated
    test of `ns3kan.bridge.queues.environment_sampling` finds the rest.

    Raises
    ------
    QueueError
        Which names the first such environment and the two numbers.
    """
    arrival, service = arrivals.mean, capacities.mean
    constant = (arrivals.variance.sum(axis=-1) == 0) & (capacities.variance.sum(axis=-1) == 0)
    if problem == "single_hop":
        alone = _overloaded(arrival, service, constant[:, None])
        if alone.any():
            lane, queue = np.argwhere(alone)[0]
            raise QueueError(
                f"Queue {queue} of environment {lane} cannot be stabilised: {_at(arrival, alone)} "
                f"packets arrive per step and {_at(service, alone)} could be served; lower the "
                "arrival rate, give a buffer, or allow_unstable."
            )
        highest = int((capacities.offset.max() + capacities.probabilities.shape[-1]).max())
        below = capacities.cumulative(highest).prod(axis=-2)
        most = (1 - below).sum(axis=-1)
        reason = "could be served by the best choice of each step"
    else:
        most = service.sum(axis=-1)
        reason = "could be served by all servers"
    together = _overloaded(arrival.sum(axis=-1), most, constant)
    if together.any():
        raise QueueError(
            f"Environment {int(np.argmax(together))} cannot be stabilised: "
            f"{_at(arrival.sum(axis=-1), together)} packets arrive per step and "
            f"{_at(most, together)} {reason}; lower the arrival rates, give a buffer, or "
            "allow_unstable."
        )


def _rates(law: Law, rates: npt.ArrayLike | None, usual: float) -> npt.ArrayLike | None:
    is_table = not isinstance(law, str) and law.get("name") == "table"
    return usual if rates is None and not is_table else rates


def _overloaded(
    arrival: FloatArray, service: FloatArray, constant: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """At exactly the capacity only a system without randomness is stable, or one never used."""
    even = np.isclose(arrival, service, rtol=1e-12, atol=0)
    over = (arrival > service) & ~even
    return np.asarray(over | (even & ~constant & (arrival > 0)))


def _at(values: FloatArray, mask: npt.NDArray[np.bool_]) -> str:
    return number_text(values[mask][0])


def _check_count(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise QueueError(f"{name}={value!r} must be a whole number, at least 1.")


def _fit(values: npt.NDArray[Any], shape: tuple[int, int], name: str) -> npt.NDArray[Any]:
    try:
        return np.broadcast_to(values, shape)
    except ValueError as error:
        raise QueueError(
            f"{name} of shape {values.shape} were given for {shape[0]} environments of {shape[1]} "
            f"queues; give a number, ({shape[1]},) or {shape}."
        ) from error


def _spread(distributions: Distributions, shape: tuple[int, int], name: str) -> Distributions:
    _fit(distributions.mean, shape, name)
    return distributions.broadcast_to(shape)
