# SPDX-License-Identifier: MIT
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ns3kan.analysis.statistics import mean_interval, paired_difference, share_of_gain

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
