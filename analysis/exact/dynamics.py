# SPDX-License-Identifier: MIT
"""The Bellman operators of the two queue problems on a truncated grid of queue lengths.

Arrivals and capacities are independent from step to step, so that a relative value function of
the queue lengths alone is enough: the mean of that of (q, y) over y.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from ns3kan.bridge.queues.distributions import Distributions
from ns3kan.bridge.queues.model import QueueModel

FloatArray = npt.NDArray[np.float64]
Scores = Callable[[FloatArray], FloatArray]
"""From observations (…, K, features) to scores (…, K), the greatest of which is chosen."""


@dataclass(frozen=True)
class Dynamics:
    """One lane of a queue model, its queues cut at ``longest`` packets.

    What arrives at a full queue is lost. Pathwise, this never makes a queue longer than in the
    system without bounds under the same actions, so that its optimal cost is at most that one's.

    Parameters
    ----------
    model
        Of one lane, without buffers, with weights or without.
    longest
        N: queue lengths are 0, …, N.
    """

    model: QueueModel
    longest: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a value function, (N + 1, …, N + 1)."""
        return (self.longest + 1,) * self.model.num_queues

    def lengths(self) -> FloatArray:
        """Queue lengths at each point, shape (N + 1, …, N + 1, K) [packets]."""
        return np.moveaxis(np.indices(self.shape), 0, -1).astype(np.float64)

    def costs(self) -> FloatArray:
        """Cost at each point, of the shape of a value function."""
        lengths = self.lengths()
        if self.model.cost == "quadratic":
            lengths = lengths**2
        weights = self.model.cost_weights
        return np.asarray((lengths * (1.0 if weights is None else weights[0])).sum(axis=-1))

    def capacities(self) -> Iterator[tuple[float, tuple[int, ...]]]:
        """All capacities (y_1, …, y_K) that can occur, each after its probability."""
        laws = [list(_support(self.model.capacities, k)) for k in range(self.model.num_queues)]
        for combination in product(*laws):
            mass = float(np.prod([probability for probability, _ in combination]))
            yield mass, tuple(value for _, value in combination)

    def choices(self, values: FloatArray) -> Callable[[tuple[int, ...]], list[FloatArray]]:
        """Mean of the values after the step, for given capacities and each action.

        Parameters
        ----------
        values
            Of the state after the step, of the shape of a value function.

        Returns
        -------
        function
            From capacities to one array for each action.
        """
        queues = range(self.model.num_queues)
        if self.model.problem == "single_hop":
            expected = values
            for queue in queues:
                expected = self._after_arrivals(expected, queue, queue)
            return lambda capacity: [self._served(expected, k, capacity[k]) for k in queues]
        routed = [self._after_arrivals(values, queue, 0) for queue in queues]

        def all_served(capacity: tuple[int, ...]) -> list[FloatArray]:
            results = []
            for after in routed:
                for queue in queues:
                    after = self._served(after, queue, capacity[queue])
                results.append(after)
            return results

        return all_served

    def chances(self, policy: Scores, capacity: tuple[int, ...]) -> FloatArray:
        """Probability of each action, shape (N + 1, …, N + 1, K)."""
        scores = policy(self.observations(capacity))
        best = scores == scores.max(axis=-1, keepdims=True)
        return np.asarray(best / best.sum(axis=-1, keepdims=True))

    def observations(self, capacity: tuple[int, ...]) -> FloatArray:
        """Return what the environment shows at each point, shape (N + 1, …, N + 1, K, features)."""
        lengths = self.lengths()
        columns = [lengths, np.broadcast_to(np.array(capacity, float), lengths.shape)]
        if self.model.observe_rates:
            if self.model.problem == "single_hop":
                columns.append(np.broadcast_to(self.model.arrivals.mean[0], lengths.shape))
            columns.append(np.broadcast_to(self.model.capacities.mean[0], lengths.shape))
        return np.stack(columns, axis=-1)

    def _served(self, values: FloatArray, queue: int, capacity: int) -> FloatArray:
        """Values at [q − y]⁺ of one queue."""
        places = np.maximum(np.arange(self.longest + 1) - capacity, 0)
        return values.take(places, axis=queue)

    def _after_arrivals(self, values: FloatArray, queue: int, column: int) -> FloatArray:
        """Mean of the values at min(q + x, N) of one queue."""
        result = np.zeros_like(values)
        for probability, count in _support(self.model.arrivals, column):
            places = np.minimum(np.arange(self.longest + 1) + count, self.longest)
            result += probability * values.take(places, axis=queue)
        return result


def _support(laws: Distributions, column: int) -> Iterator[tuple[float, int]]:
    for place, probability in enumerate(laws.probabilities[0, column]):
        if probability > 0:
            yield float(probability), int(laws.offset[0, column]) + place
