# SPDX-License-Identifier: MIT
"""Improving an index on the true cost: its constants by CMA-ES, its structure by leaving out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cma
import numpy as np
import numpy.typing as npt

from ns3kan.agents.equations.choice.front import shortest_near_best
from ns3kan.agents.equations.fitting.template import fewest_digits
from ns3kan.agents.equations.reading.index import ProductIndex
from ns3kan.errors import InputError

FloatArray = npt.NDArray[np.float64]
Cost = Callable[[ProductIndex], float]
"""Long-run cost of the policy of an index; the less the better."""
Costs = Callable[[ProductIndex], FloatArray]
"""The same, environment by environment, (environments,)."""


# Improvements at the end of a tuning that are compared by the validation cost.
_CHECKED = 5


@dataclass(frozen=True)
class MeasuredIndex:
    """An index with its costs.

    Attributes
    ----------
    index
        The equation.
    training_cost
        Mean over the environments that its constants were tuned on.
    validation_costs
        In each of the environments by which it is chosen.
    """

    index: ProductIndex
    training_cost: float
    validation_costs: tuple[float, ...]

    @property
    def validation_cost(self) -> float:
        """Mean over the environments by which it is chosen."""
        return float(np.mean(self.validation_costs))


def measure_index(index: ProductIndex, training: Costs, validation: Costs) -> MeasuredIndex:
    """Compute the costs of an index."""
    return MeasuredIndex(index, float(training(index).mean()), tuple(validation(index).tolist()))


def tune_index(
    index: ProductIndex, cost: Cost, evaluations: int, *, step: float = 0.3, seed: int = 1
) -> list[ProductIndex]:
    """Search the constants of an index, on their logarithms, by CMA-ES (Hansen 2016).

    Parameters
    ----------
    index
        Where to begin.
    cost
        Deterministic: common random numbers make two indices comparable.
    evaluations
        How often it may be called, about.
    step
        Standard deviation of the first samples.
    seed
        Of the samples.

    Returns
    -------
    list of ProductIndex
        The one given, and each one that was better than all before it; the best is the last.
    """
    start = index.constants
    if not start.size:
        return [index]
    if start.size == 1:
        # CMA-ES needs two dimensions; the second one is ignored.
        start = np.append(start, 0.0)
    # CMA-ES takes the time for the seed 0.
    options = {"seed": seed or 2**31, "maxfevals": evaluations, "verbose": -9}
    strategy = cma.CMAEvolutionStrategy(start, step, options)
    count = index.constants.size
    better, lowest = [index], cost(index)
    while not strategy.stop():
        samples = strategy.ask()
        tried = [index.with_constants(sample[:count]) for sample in samples]
        costs = [cost(each) for each in tried]
        strategy.tell(samples, costs)
        place = int(np.argmin(costs))
        if costs[place] < lowest:
            better.append(tried[place])
            lowest = costs[place]
    return better


def search_indices(
    start: ProductIndex,
    training: Costs,
    validation: Costs,
    *,
    evaluations: int = 200,
    retuned: int = 3,
    seed: int = 1,
    on_candidate: Callable[[MeasuredIndex], None] | None = None,
) -> list[MeasuredIndex]:
    """Simplify an index step by step, tuning what is left, down to one factor.

    In each round all indices with one factor, exponent or offset less are tried as they are; the
    most promising are tuned on the training cost. Of the last improvements of each tuning, the one
    with the lowest validation cost is kept: with few environments to train on, the very last may be
    too close a fit to them.

    Parameters
    ----------
    start
        As read from a network.
    training, validation
        Costs over two sets of environments.
    evaluations
        Calls of the training cost for a tuning.
    retuned
        Simpler indices that are tuned in each round.
    seed
        Of the tuning.
    on_candidate
        Called with each one that is kept.

    Returns
    -------
    list of MeasuredIndex
        The tuned start and what was kept after each round, from long to short.
    """

    def cost(index: ProductIndex) -> float:
        return float(training(index).mean())

    def tuned(indices: list[ProductIndex], most: int) -> MeasuredIndex:
        last = [
            each
            for index in indices
            for each in tune_index(index, cost, most, seed=seed)[-_CHECKED:]
        ]
        measured = [measure_index(index, training, validation) for index in last]
        return min(measured, key=lambda one: one.validation_cost)

    front = [tuned([start], 2 * evaluations)]
    while True:
        if on_candidate is not None:
            on_candidate(front[-1])
        simpler = sorted(front[-1].index.simpler(), key=cost)[:retuned]
        if not simpler:
            return front
        front.append(tuned(simpler, evaluations))


def choose(candidates: list[MeasuredIndex], most_nodes: int) -> MeasuredIndex:
    """Choose the shortest that validation cannot tell from the best.

    The rule is that of `ns3kan.agents.equations.choice.front.shortest_near_best`, environment by
    environment.

    Parameters
    ----------
    candidates
        At least one with so few nodes; all with costs in the same environments.
    most_nodes
        Longest expression allowed.

    Raises
    ------
    ValueError
        If all are longer.
    """
    short = [each for each in candidates if each.index.nodes <= most_nodes]
    if not short:
        raise InputError(f"No index has at most {most_nodes} nodes; allow more.")
    costs = np.array([each.validation_costs for each in short])
    return short[shortest_near_best([each.index.nodes for each in short], -costs)]


def round_index(index: ProductIndex, cost: Cost, tolerance: float = 0.0003) -> ProductIndex:
    """Return it with the fewest significant digits that keep the cost, but for a tolerance."""
    limit = cost(index) * (1 + tolerance)
    rounded = fewest_digits(index.rounded, lambda candidate: cost(candidate) <= limit, most=5)
    return rounded[0] if rounded else index
