# SPDX-License-Identifier: MIT
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ns3kan.analysis.comparison.statistics import (
    crossed_difference,
    crossed_mean,
    mean_interval,
    paired_difference,
    share_of_gain,
)

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


def test_mean_interval_equals_scipys_t_test() -> None:
    samples = np.random.default_rng(1).normal(3.0, 2.0, 20)
    reference = stats.ttest_1samp(samples, 0.0).confidence_interval(0.95)
    estimate = mean_interval(samples)
    assert estimate.low == pytest.approx(reference.low, rel=1e-12)
    assert estimate.high == pytest.approx(reference.high, rel=1e-12)
    assert estimate.mean == pytest.approx(samples.mean())
    assert estimate.n == 20


def test_intervals_cover_the_true_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    estimates = [mean_interval(rng.exponential(1.0, 40)) for _ in range(1000)]
    covered = np.mean([estimate.low <= 1.0 <= estimate.high for estimate in estimates])
    assert 0.92 < covered < 0.97


@given(st.lists(NUMBERS, min_size=2, max_size=30))
def test_the_interval_holds_its_mean(samples: list[float]) -> None:
    estimate = mean_interval(samples)
    assert estimate.low <= estimate.mean <= estimate.high
    assert estimate.bounded


def test_one_sample_bounds_nothing() -> None:
    estimate = mean_interval([2.0])
    assert estimate.mean == 2.0
    assert not estimate.bounded


def test_pairing_removes_what_the_seeds_have_in_common() -> None:
    rng = np.random.default_rng(3)
    seeds = rng.normal(0.0, 10.0, 20)
    worse, better = seeds + rng.normal(0.0, 0.1, 20), seeds + 0.5
    difference = paired_difference(better, worse)
    assert difference.low > 0.4
    assert difference.high < 0.6
    assert paired_difference(worse, better).mean == pytest.approx(-difference.mean)


def test_share_of_gain_of_equal_controllers_is_exactly_one() -> None:
    network = [1.0, 1.4, 1.2, 1.3]
    share = share_of_gain(network, network, [0.5, 0.6, 0.7, 0.6])
    assert share.mean == 1.0
    assert share.low == pytest.approx(1.0)
    assert share.high == pytest.approx(1.0)


def test_share_of_gain_agrees_with_the_bootstrap_on_many_seeds() -> None:
    rng = np.random.default_rng(4)
    baseline = rng.normal(0.0, 1.0, 400)
    network = baseline + rng.normal(1.0, 0.3, 400)
    equation = baseline + 0.9 * (network - baseline) + rng.normal(0.0, 0.1, 400)
    share = share_of_gain(equation, network, baseline)
    bootstrap = stats.bootstrap(
        (equation - baseline, network - baseline),
        lambda kept, gain, axis: kept.mean(axis=axis) / gain.mean(axis=axis),
        paired=True,
        n_resamples=4000,
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert share.mean == pytest.approx(0.9, abs=0.02)
    assert share.low == pytest.approx(bootstrap.low, abs=0.003)
    assert share.high == pytest.approx(bootstrap.high, abs=0.003)


def test_share_of_a_gain_that_may_be_zero_is_unbounded() -> None:
    share = share_of_gain([1.0, -1.0, 0.5], [1.2, -1.1, 0.3], [0.0, 0.0, 0.0])
    assert not share.bounded
    assert math.isnan(share_of_gain([1.0, 1.0], [1.0, -1.0], [0.0, 0.0]).mean)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([1.0, 2.0], [1.0], "same seeds, got 2 and 1"),
        ([], [], "at least one number"),
        ([1.0, math.nan], [1.0, 2.0], "sample 1 is not a finite number"),
    ],
)
def test_refuses_samples_that_do_not_fit(
    first: list[float], second: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        paired_difference(first, second)


def test_refuses_an_impossible_confidence() -> None:
    with pytest.raises(ValueError, match=r"not 1\.5"):
        mean_interval([1.0, 2.0], confidence=1.5)


REPETITIONS = 600
LEAST_COVERAGE = 0.95 - 3 * math.sqrt(0.95 * 0.05 / REPETITIONS)
"""Three standard errors of a coverage of 95 % below it."""


def draw_crossed(
    rng: np.random.Generator, trainings: int, episodes: np.ndarray, spread: float
) -> np.ndarray:
    """Results around zero: an effect of each training, the episodes' own, and the rest."""
    shape = (trainings, len(episodes))
    return rng.normal(0, spread, (trainings, 1)) + episodes + rng.normal(0, 0.5, shape)


@pytest.mark.parametrize("trainings", [2, 3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.3, 2.0])
def test_an_interval_over_trainings_and_episodes_covers(trainings: int, spread: float) -> None:
    rng = np.random.default_rng([7, trainings, round(10 * spread)])
    mean = difference = 0
    for _ in range(REPETITIONS):
        episodes = rng.normal(0, 1, 20)
        first = draw_crossed(rng, trainings, episodes, spread)
        second = draw_crossed(rng, trainings, 0.5 * episodes, spread)
        own = crossed_mean(first)
        mean += own.low <= 0.0 <= own.high
        against = crossed_difference(first, second)
        difference += against.low <= 0.0 <= against.high
    assert mean / REPETITIONS >= LEAST_COVERAGE
    assert difference / REPETITIONS >= LEAST_COVERAGE


def test_a_rival_s_trainings_count_as_drawn() -> None:
    rng = np.random.default_rng(3)
    episodes = rng.normal(0, 1, 30)
    first = draw_crossed(rng, 5, episodes, 0.0)
    second = draw_crossed(rng, 5, episodes, 3.0)
    both = crossed_difference(first, second)
    averaged = crossed_difference(first, second.mean(axis=0, keepdims=True))
    assert both.mean == pytest.approx(averaged.mean)
    assert both.high - both.low > 3 * (averaged.high - averaged.low)


def test_one_training_is_a_plain_interval_over_episodes() -> None:
    values = np.random.default_rng(1).normal(0, 1, 12)
    crossed, plain = crossed_mean(values[np.newaxis]), mean_interval(values)
    assert (crossed.low, crossed.high) == pytest.approx((plain.low, plain.high))
    other = values**2
    crossed = crossed_difference(values[np.newaxis], other[np.newaxis])
    plain = paired_difference(values, other)
    assert (crossed.low, crossed.high) == pytest.approx((plain.low, plain.high))


def test_trainings_that_belong_together_are_compared_one_by_one() -> None:
    rng = np.random.default_rng(2)
    networks = draw_crossed(rng, 4, rng.normal(0, 1, 10), 2.0)
    equations = networks - 0.1 + rng.normal(0, 0.01, networks.shape)
    paired = crossed_difference(equations, networks, paired=True)
    assert -0.12 < paired.low < paired.high < -0.08
    unpaired = crossed_difference(equations, networks)
    assert unpaired.high > 0


def test_a_single_number_bounds_nothing() -> None:
    assert not crossed_mean([[1.0]]).bounded


@pytest.mark.parametrize(
    ("first", "second", "paired", "message"),
    [
        ([[1.0, 2.0]], [[1.0]], False, "same episodes, got 2 and 1"),
        ([[1.0], [2.0]], [[1.0]], True, "same trainings, got 2 and 1"),
        ([1.0, 2.0], [[1.0]], False, r"a table \(trainings, episodes\)"),
        ([[1.0, math.inf]], [[1.0, 2.0]], False, "not a finite number"),
    ],
)
def test_crossed_samples_are_checked(
    first: list[list[float]], second: list[list[float]], paired: bool, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        crossed_difference(first, second, paired=paired)
