# SPDX-License-Identifier: MIT
from typing import Any

import numpy as np
import pytest
from lane_sampler import LaneSampler
from scipy import stats

from ns3kan.bridge.queues.distributions import Distributions, make_distributions
from ns3kan.bridge.queues.errors import QueueError

LAWS: list[tuple[Any, Any, Any]] = [
    ("poisson", 2.3, stats.poisson(2.3)),
    ("poisson", 700.0, stats.poisson(700)),
    ("bernoulli", 0.3, stats.bernoulli(0.3)),
    ({"name": "binomial", "trials": 5}, 1.5, stats.binom(5, 0.3)),
    ("geometric", 1.5, stats.geom(0.4, loc=-1)),
    ("deterministic", 3, stats.rv_discrete(values=([3], [1.0]))),
    (
        {"name": "table", "probabilities": [0.5, 0.0, 0.3, 0.2]},
        None,
        stats.rv_discrete(values=([0, 1, 2, 3], [0.5, 0.0, 0.3, 0.2])),
    ),
]


@pytest.mark.parametrize(("law", "rate", "expected"), LAWS)
def test_probabilities_are_those_of_scipy(law: Any, rate: Any, expected: Any) -> None:
    laws = make_distributions(law, rate, "arrival")
    values = laws.offset + np.arange(laws.probabilities.shape[-1])
    assert laws.probabilities == pytest.approx(expected.pmf(values), abs=1e-11)
    assert laws.probabilities.sum() == pytest.approx(1)
    assert laws.mean == pytest.approx(expected.mean())
    assert laws.variance == pytest.approx(expected.var())
    highest = int(values[-1])
    assert laws.cumulative(highest) == pytest.approx(
        expected.cdf(np.arange(highest + 1)), abs=1e-10
    )


@pytest.mark.parametrize(("law", "rate", "expected"), LAWS)
def test_drawn_counts_have_the_distribution(law: Any, rate: Any, expected: Any) -> None:
    laws = make_distributions(law, rate, "arrival").broadcast_to((40, 5))
    sampler = LaneSampler([laws])
    sampler.seed(range(40))
    counts = np.concatenate([sampler.next_row().ravel() for _ in range(500)])
    values, seen = np.unique(counts, return_counts=True)
    probabilities = expected.pmf(values)
    assert (probabilities > 0).all()
    errors = np.sqrt(counts.size * probabilities * (1 - probabilities)) + 1e-9
    often = counts.size * probabilities > 20
    assert (np.abs(seen - counts.size * probabilities)[often] < 5 * errors[often] + 1e-6).all()


def test_rates_of_zero() -> None:
    for law in ("poisson", "bernoulli", "geometric", "deterministic"):
        assert make_distributions(law, [0.0, 1.0], "arrival").probabilities[0, 0] == 1


@pytest.mark.parametrize(
    ("law", "rates", "message"),
    [
        ("zipf", 1.0, "no arrival distribution 'zipf'; choose one of poisson"),
        ("poisson", -0.1, r"rate at \[\] is -0.1"),
        ("poisson", [1.0, float("nan")], r"rate at \[1\] is nan"),
        ("poisson", float("inf"), "is inf"),
        ("poisson", "much", "no array of numbers"),
        ("poisson", None, "needs arrival rates"),
        ("poisson", 1e9, "spreads over"),
        ("bernoulli", 1.1, "greater than 1"),
        ("deterministic", 0.5, "must be a whole number"),
        ({"name": "binomial"}, 1.0, "takes the parameter trials"),
        ({"name": "binomial", "trials": 0}, 1.0, "trials=0"),
        ({"name": "poisson", "trials": 2}, 1.0, "takes no parameters, but was given trials"),
        ({"name": "table", "probabilities": [0.5, 0.4]}, None, "sum to 0.9"),
        ({"name": "table", "probabilities": [1.5, -0.5]}, None, "negative or not finite"),
        ({"name": "table", "probabilities": [float("nan"), 1.0]}, None, "negative or not finite"),
        ({"name": "table", "probabilities": []}, None, "empty"),
        ({"name": "table", "probabilities": [1.0]}, 1.0, "leave them out"),
    ],
)
def test_what_is_no_distribution_is_refused(law: Any, rates: Any, message: str) -> None:
    with pytest.raises(QueueError, match=message):
        make_distributions(law, rates, "arrival")


def _row(laws: Distributions, lane: int) -> Distributions:
    return make_distributions("poisson", laws.mean[lane : lane + 1], "arrival")


def test_a_lane_does_not_depend_on_the_others_or_on_blocks() -> None:
    rates = np.random.default_rng(0).uniform(0, 3, (3000, 7))
    laws = make_distributions("poisson", rates, "arrival")
    many, one = LaneSampler([laws]), LaneSampler([_row(laws, 2017)])
    many.seed(range(3000))
    one.seed([2017])
    for _ in range(250):
        assert np.array_equal(many.next_row()[2017], one.next_row()[0])


def test_reseeding_some_lanes_leaves_the_others_alone() -> None:
    laws = make_distributions("poisson", np.full((3, 2), 2.0), "arrival")
    sampler, untouched = LaneSampler([laws]), LaneSampler([laws])
    for each in (sampler, untouched):
        each.seed([1, 2, 3])
        for _ in range(5):
            each.next_row()
    sampler.seed([None, 2, None])
    again = LaneSampler([_row(laws, 0)])
    again.seed([2])
    for _ in range(2500):
        row, old = sampler.next_row(), untouched.next_row()
        assert np.array_equal(row[[0, 2]], old[[0, 2]])
        assert np.array_equal(row[1], again.next_row()[0])
