# SPDX-License-Identifier: MIT
"""Means, paired differences and shares with confidence intervals.

Every controller is run on the same seeds, so two controllers are compared by the differences
seed by seed: what the seeds have in common (a hard traffic profile, say) cancels out. All
intervals rest on Student's t distribution of the mean, which stays honest at the few seeds that
packet-level simulation affords; nothing here draws random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95

Sample = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimated quantity and its confidence interval.

    Parameters
    ----------
    mean : float
        The estimate.
    low, high : float
        The interval's ends. Infinite where the samples do not bound the quantity (a mean of one
        sample, a share of a gain that may be zero).
    n : int
        Number of samples (seeds).
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def bounded(self) -> bool:
        """Whether the samples bound the quantity on both sides."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def mean_interval(samples: Sample, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the mean of independent samples with Student's t interval.

    Parameters
    ----------
    samples : sequence of float, shape (n,)
        At least one finite number. One sample gives an unbounded interval.
    confidence : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If there is no sample or one is not finite.

    Examples
    --------
    >>> estimate = mean_interval([1.0, 2.0, 3.0])
    >>> round(estimate.mean, 3), round(estimate.low, 3), round(estimate.high, 3)
    (2.0, -0.484, 4.484)
    """
    values = _checked(samples)
    mean = float(values.mean())
    if values.size == 1:
        return Estimate(mean, -math.inf, math.inf, 1)
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    half = _quantile(values.size, confidence) * error
    return Estimate(mean, mean - half, mean + half, values.size)


def paired_difference(first: Sample, second: Sample, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the mean of ``first - second`` over common seeds.

    Parameters
    ----------
    first, second : sequence of float, shape (n,)
        Results of two controllers on the same seeds, in the same order.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If the lengths differ, or as `mean_interval`.
    """
    return mean_interval(np.subtract(*_pair(first, second)), confidence)


def share_of_gain(
    equation: Sample, network: Sample, baseline: Sample, confidence: float = CONFIDENCE
) -> Estimate:
    """Estimate which share of the network's gain over a baseline the equation keeps.

    The share is mean(equation - baseline) / mean(network - baseline), its interval Fieller's
    interval for a ratio of two correlated means.

    Parameters
    ----------
    equation, network, baseline : sequence of float, shape (n,)
        Results of the three controllers on the same seeds, in the same order; more is better.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        1 means that nothing is lost. The interval is unbounded when the network's gain cannot
        be told from zero, and the mean is NaN when the gain is exactly zero.

    Raises
    ------
    ValueError
        If the lengths differ, or as `mean_interval`.

    References
    ----------
    E. C. Fieller, "Some problems in interval estimation", Journal of the Royal Statistical
    Society B 16 (1954).
    """
    kept = np.subtract(*_pair(equation, baseline))
    gain = np.subtract(*_pair(network, baseline))
    _pair(kept, gain)
    n = gain.size
    gain_mean, kept_mean = float(gain.mean()), float(kept.mean())
    if gain_mean == 0.0:
        return Estimate(math.nan, -math.inf, math.inf, n)
    share = kept_mean / gain_mean
    if n == 1:
        return Estimate(share, -math.inf, math.inf, 1)
    # The share s is inside when |mean(kept - s gain)| <= t * standard error of (kept - s gain):
    # a quadratic a s^2 - 2 b s + c <= 0, bounded only where a > 0 (the gain is not zero).
    covariance = np.cov(kept, gain) / n
    t2 = _quantile(n, confidence) ** 2
    a = gain_mean**2 - t2 * float(covariance[1, 1])
    b = kept_mean * gain_mean - t2 * float(covariance[0, 1])
    c = kept_mean**2 - t2 * float(covariance[0, 0])
    if a <= 0.0:
        return Estimate(share, -math.inf, math.inf, n)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Estimate(share, (b - root) / a, (b + root) / a, n)


def _quantile(n: int, confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    return float(stats.t.ppf(0.5 + confidence / 2.0, n - 1))


def _checked(samples: Sample) -> NDArray[np.float64]:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"expected a list of at least one number, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"sample {int(np.argmin(np.isfinite(values)))} is not a finite number")
    return values


def _pair(first: Sample, second: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    left, right = _checked(first), _checked(second)
    if left.size != right.size:
        raise ValueError(
            f"paired samples must come from the same seeds, got {left.size} and {right.size}"
        )
    return left, right
