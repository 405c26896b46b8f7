# SPDX-License-Identifier: MIT
import dataclasses
import itertools
import math

import numpy as np
import pytest

from ns3kan.agents.equations.reading.index import Factor, ProductIndex
from ns3kan.agents.equations.search.index_search import (
    Cost,
    Costs,
    FloatArray,
    MeasuredIndex,
    choose,
    round_index,
    search_indices,
    tune_index,
)

NAMES = ("q", "y", "mu")
RNG = np.random.default_rng(0)
STATES = np.stack(
    (RNG.integers(1, 40, 300), RNG.integers(1, 6, 300), RNG.uniform(0.1, 3, 300)), -1
).astype(float)
BEST = ProductIndex(NAMES, (Factor("q", 1, 0.5, 2.0), Factor("mu", -1, 1.0, 0.2)))


def distance(index: ProductIndex) -> float:
    """1 plus how far an index is from the best one, up to powers and factors."""
    mine, best = np.log(index(STATES)), np.log(BEST(STATES))
    return 2.0 - float(np.corrcoef(mine, best)[0, 1])


def index(q: tuple[float, float], mu: tuple[float, float]) -> ProductIndex:
    return ProductIndex(NAMES, (Factor("q", 1, *q), Factor("mu", -1, *mu)))


def test_constants_are_found() -> None:
    start = index((1.5, 0.5), (1.0, 1.0))
    *_, found = tune_index(start, distance, 400)
    assert distance(start) > 1.02
    assert distance(found) < 1 + 1e-6
    assert [factor.offset for factor in found.factors] == pytest.approx([2.0, 0.2], rel=0.05)
    assert found.factors[0].exponent == pytest.approx(0.5, rel=0.02)
    assert found.factors[1].exponent == 1


def test_one_constant_and_none() -> None:
    def to_three(each: ProductIndex) -> float:
        return (each.factors[0].exponent - 3.0) ** 2

    *_, found = tune_index(ProductIndex(NAMES, (Factor("q", 1, 2.0, 0.0),)), to_three, 200)
    assert found.factors[0].exponent == pytest.approx(3.0, rel=1e-2)
    fixed = ProductIndex(NAMES, (Factor("q", 1, 1.0, 0.0),))
    assert tune_index(fixed, to_three, 100) == [fixed]


def test_tuning_repeats_and_is_never_worse() -> None:
    start = index((1.5, 0.5), (1.0, 1.0))
    for seed in (0, 1):
        first = tune_index(start, distance, 60, seed=seed)
        assert tune_index(start, distance, 60, seed=seed) == first
    assert tune_index(start, distance, 60, seed=2) != first
    assert first[0] == start
    costs = [distance(each) for each in first]
    assert all(worse > better for worse, better in itertools.pairwise(costs))
    assert tune_index(BEST, distance, 30) == [BEST]
    calls = 0

    def counted(each: ProductIndex) -> float:
        nonlocal calls
        calls += 1
        return distance(each)

    tune_index(start, counted, 60)
    assert 60 <= calls < 80


def here(index: ProductIndex) -> FloatArray:
    return np.array([distance(index)])


def elsewhere(index: ProductIndex) -> FloatArray:
    """As over other environments."""
    return distance(index) * np.array([1.0, 3.0])


def test_search_goes_from_long_to_short() -> None:
    start = ProductIndex(
        NAMES,
        (Factor("q", 1, 1.2, 1.0), Factor("mu", -1, 1.0, 0.5), Factor("y", 1, 0.1, 0.4)),
    )
    seen: list[MeasuredIndex] = []
    kept = search_indices(
        start, here, elsewhere, evaluations=60, retuned=2, on_candidate=seen.append
    )
    assert seen == kept
    nodes = [each.index.nodes for each in kept]
    assert nodes[0] == start.nodes
    assert all(longer > shorter for longer, shorter in itertools.pairwise(nodes))
    assert len(kept[-1].index.factors) == 1
    assert kept[-1].index.simpler() == []
    for each in kept:
        assert each.training_cost == distance(each.index)
        assert each.validation_costs == tuple(elsewhere(each.index))
        assert each.validation_cost == pytest.approx(2 * each.training_cost)
    # What the best index does not have is left out without a loss.
    assert min(each.training_cost for each in kept if each.index.nodes <= BEST.nodes) < 1.001
    assert kept[-1].training_cost > 1.01
    again = search_indices(start, here, elsewhere, evaluations=60, retuned=2)
    assert again == kept


def test_validation_stops_the_tuning_where_it_goes_too_far() -> None:
    def near_two(each: ProductIndex) -> float:
        return abs(math.log(each.factors[0].exponent / 2.0))

    def not_too_near(each: ProductIndex) -> float:
        return near_two(each) if near_two(each) > 0.01 else 1.0

    start = ProductIndex(NAMES, (Factor("q", 1, 0.5, 0.0),))

    def each_of(cost: Cost) -> Costs:
        return lambda index: np.array([cost(index)])

    kept = search_indices(start, each_of(near_two), each_of(not_too_near), evaluations=60)[0]
    improvements = tune_index(start, near_two, 120)
    assert near_two(improvements[-1]) < 0.01
    assert kept.index in improvements
    assert 0.01 < kept.validation_cost < near_two(start)


def test_the_choice_is_the_shortest_that_validation_cannot_tell_from_the_best() -> None:
    best = (1.0, 2.0, 3.0, 4.0)
    long = MeasuredIndex(index((0.5, 2.0), (0.7, 0.2)), 1.0, best)
    # Worse in one environment, better in another: mean 0.01, standard error 0.02.
    middle = MeasuredIndex(index((0.5, 2.0), (1.0, 0.2)), 1.0, (1.06, 1.98, 3.0, 4.0))
    # Always a little worse: mean 0.01, standard error 0.
    short = MeasuredIndex(
        ProductIndex(NAMES, (Factor("q", 1, 1.0, 0.0),)), 0.9, tuple(c + 0.01 for c in best)
    )
    assert choose([long, middle, short], 99) == middle
    assert choose([long, short], 99) == long
    assert choose([long, middle, short], 1) == short
    assert choose([long], 99) == long
    # The error of a single environment is not known, so that every difference counts.
    one, two = (dataclasses.replace(each, validation_costs=(1.0,)) for each in (long, middle))
    assert choose([one, two], 99) == two
    two = dataclasses.replace(two, validation_costs=(1.001,))
    assert choose([one, two], 99) == one
    with pytest.raises(ValueError, match="No index has at most 0 nodes; allow more"):
        choose([long], 0)


def test_constants_are_rounded_while_the_cost_stays() -> None:
    exact = index((0.5012345, 2.0031), (1.0, 0.20047))
    assert str(round_index(exact, distance)) == "(q + 2.0)^0.5/(mu + 0.2)"

    def touchy(each: ProductIndex) -> float:
        return 1.0 + 1e3 * abs(each.factors[0].exponent - 0.5012345)

    assert round_index(exact, touchy, tolerance=0.05).factors[0].exponent == 0.5012
    assert round_index(exact, touchy, tolerance=0.0) == exact
    assert math.isclose(touchy(exact), 1.0)
