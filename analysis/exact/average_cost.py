# SPDX-License-Identifier: MIT
"""Relative value iteration for the long-run average cost, on growing truncations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ns3kan.analysis.exact.dynamics import Dynamics, Scores
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.model import QueueModel
from ns3kan.errors import Ns3kanError
from ns3kan.io.numbers import number_text

FloatArray = npt.NDArray[np.float64]

# Part of the old values that is kept, against periodic systems.
_DAMPING = 0.05
# An action counts as chosen if no other is better by more than this.
_EQUAL = 1e-7


class ConvergenceError(Ns3kanError, ArithmeticError):
    """The largest truncation or number of sweeps allowed is too small; says how far it got."""


@dataclass(frozen=True)
class Solution:
    """Average cost and value function of one system.

    Attributes
    ----------
    gain
        Long-run average cost of the truncated system, the middle of its bounds.
    lower, upper
        Bounds on the gain of the truncated system: the least and greatest change of a value in
        the last sweep. For an optimum, ``lower`` also is a bound for the system without
        truncation, for what is lost at a full queue only lowers the cost.
    change
        Of the gain from the truncation before to this one: how much the truncation matters.
    dynamics
        The truncated system.
    values
        Relative values of the queue lengths, 0 at empty queues; shape (N + 1, …, N + 1).
    """

    gain: float
    lower: float
    upper: float
    change: float
    dynamics: Dynamics
    values: FloatArray

    def best_actions(self, capacity: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Which actions are optimal in each state of these capacities.

        Parameters
        ----------
        capacity
            (y_1, …, y_K) [packets].

        Returns
        -------
        shape (N + 1, …, N + 1, K); true for all that are equally good
        """
        after = np.stack(self.dynamics.choices(self.values)(capacity), axis=-1)
        return np.asarray(after <= after.min(axis=-1, keepdims=True) + _EQUAL)

    def policy(self) -> Callable[[npt.ArrayLike], npt.NDArray[np.intp]]:
        """Optimal policy as a function of observations (…, K, features).

        Queues longer than N are taken for N; of equally good actions the first is chosen.
        """
        choices = self.dynamics.choices(self.values)
        tables: dict[tuple[int, ...], npt.NDArray[np.intp]] = {}

        def choose(observations: npt.ArrayLike) -> npt.NDArray[np.intp]:
            states = np.asarray(observations, dtype=np.int64)[..., :2]
            lengths = np.minimum(states[..., 0], self.dynamics.longest)
            rows = states[..., 1].reshape(-1, states.shape[-2])
            actions = np.empty(len(rows), dtype=np.intp)
            for capacity in {tuple(row) for row in rows.tolist()}:
                if capacity not in tables:
                    after = np.stack(choices(capacity), axis=-1)
                    best = after <= after.min(axis=-1, keepdims=True) + _EQUAL
                    tables[capacity] = best.argmax(axis=-1)
                mine = (rows == capacity).all(axis=-1)
                at = tuple(lengths.reshape(rows.shape)[mine].T)
                actions[mine] = tables[capacity][at]
            return actions.reshape(lengths.shape[:-1])

        return choose


def solve(
    model: QueueModel,
    *,
    policy: Scores | None = None,
    tolerance: float = 1e-4,
    window: int = 0,
    first: int = 12,
    largest: int | None = None,
    sweeps: int = 20_000,
) -> Solution:
    """Find the least long-run average cost, or that of a policy.

    The truncation N grows by a half until the gain of the truncated system is known to the
    tolerance, growing changed it by no more than that, and (for an optimum) the optimal actions
    within the window stayed the same.

    Parameters
    ----------
    model
        Of one lane and two or three queues, such as ``SingleHopScheduling(…).model``, without
        buffers.
    policy
        Scores of a policy to evaluate, such as ``make_policy(…).scores``; its ties are broken at
        random. None for the optimum.
    tolerance
        Greatest width of the bounds and greatest change, relative to the gain.
    window
        Queue lengths up to which the actions must not change any more.
    first, largest
        First and last truncation; the last is 150 for two queues and 40 for three by default.
    sweeps
        Most sweeps over the states per truncation.

    Raises
    ------
    ConvergenceError
        If the largest truncation or the sweeps do not suffice; the message says what was reached.
    QueueError
        If the model has several lanes, buffers, or one or more than three queues.

    References
    ----------
    M. Puterman, "Markov Decision Processes", 1994, Sections 8.5 and 8.10 (relative value
    iteration, span bounds, truncation).
    """
    if model.num_lanes != 1 or model.num_queues not in (2, 3):
        raise QueueError(
            f"{model.num_lanes} systems of {model.num_queues} queues were given; "
            "exact solutions are for one system of two or three queues."
        )
    if model.buffers is not None:
        raise QueueError("Exact solutions are for queues without buffers; leave out buffer.")
    largest = largest or (150 if model.num_queues == 2 else 40)
    longest = min(max(first, window + 1), largest)
    before: Solution | None = None
    while True:
        start = None if before is None else before.values
        solution = _iterate(Dynamics(model, longest), policy, start, tolerance, sweeps, before)
        if (
            before is not None
            and solution.change <= tolerance * solution.gain
            and (policy is not None or _same_actions(before, solution, window))
        ):
            return solution
        if longest >= largest:
            raise ConvergenceError(
                f"The truncation at {longest} packets is too small to converge: the average cost "
                f"is at least {number_text(solution.lower)} and still moved by "
                f"{number_text(solution.change)} from the truncation before; allow a larger one, "
                "lower the load, or raise the tolerance."
            )
        before = solution
        longest = min(longest + longest // 2, largest)


def _iterate(
    dynamics: Dynamics,
    policy: Scores | None,
    start: FloatArray | None,
    tolerance: float,
    sweeps: int,
    before: Solution | None,
) -> Solution:
    """Relative value iteration on one truncation."""
    values = dynamics.costs() if start is None else _extended(start, dynamics.longest)
    lower, upper = 0.0, np.inf
    operator = _Operator(dynamics, policy)
    for _ in range(sweeps):
        improved = operator(values)
        change = improved - values
        lower, upper = float(change.min()), float(change.max())
        if upper - lower <= tolerance * max(abs(upper), 1e-12):
            break
        values = _DAMPING * values + (1 - _DAMPING) * improved
        values -= values.flat[0]
    else:
        raise ConvergenceError(
            f"{sweeps} sweeps are too few at a truncation of {dynamics.longest} packets: the "
            f"average cost is between {number_text(lower)} and {number_text(upper)}; allow more "
            "sweeps, lower the load, or raise the tolerance."
        )
    gain = (lower + upper) / 2
    moved = np.inf if before is None else abs(gain - before.gain)
    return Solution(gain, lower, upper, moved, dynamics, values)


class _Operator:
    """`Dynamics.improve` with what stays the same from sweep to sweep kept."""

    def __init__(self, dynamics: Dynamics, policy: Scores | None) -> None:
        self._dynamics = dynamics
        self._costs = dynamics.costs()
        self._capacities = _merged(dynamics)
        self._chances = None
        if policy is not None:
            self._chances = [dynamics.chances(policy, y) for _, y in self._capacities]

    def __call__(self, values: FloatArray) -> FloatArray:
        choices = self._dynamics.choices(values)
        result = self._costs.copy()
        for place, (mass, capacity) in enumerate(self._capacities):
            after = choices(capacity)
            if self._chances is None:
                best = after[0]
                for other in after[1:]:
                    best = np.minimum(best, other)
                result += mass * best
            else:
                chance = self._chances[place]
                for action, value in enumerate(after):
                    result += mass * chance[..., action] * value
        return result


def _merged(dynamics: Dynamics) -> list[tuple[float, tuple[int, ...]]]:
    """Capacities without those too rare to matter; the others are scaled up."""
    likely = [(mass, y) for mass, y in dynamics.capacities() if mass > 1e-13]
    total = sum(mass for mass, _ in likely)
    return [(mass / total, y) for mass, y in likely]


def _extended(values: FloatArray, longest: int) -> FloatArray:
    """Go on along each axis as a parabola through its last three values does."""
    for axis in range(values.ndim):
        ahead = np.arange(1, longest + 2 - values.shape[axis], dtype=np.float64)
        last, second, third = (values.take([-n], axis=axis) for n in (1, 2, 3))
        slope, bend = last - second, last - 2 * second + third
        steps = ahead.reshape([-1 if a == axis else 1 for a in range(values.ndim)])
        more = last + slope * steps + np.maximum(bend, 0) * steps * (steps + 1) / 2
        values = np.concatenate([values, more], axis=axis)
    return values


def _same_actions(first: Solution, second: Solution, window: int) -> bool:
    inside = tuple(slice(0, window + 1) for _ in first.dynamics.shape)
    return all(
        np.array_equal(first.best_actions(y)[inside], second.best_actions(y)[inside])
        for _, y in first.dynamics.capacities()
    )
