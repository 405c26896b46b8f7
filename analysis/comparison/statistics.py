# SPDX-License-Identifier: MIT
"""Means, paired differences and shares with confidence intervals.

Every controller is run on the same seeds, so two controllers are compared by the differences
seed by seed: what the seeds have in common (a hard traffic profile, say) cancels out. What else
was drawn counts as well: where a method was trained several times and each training was judged
on the same episodes or environments, `crossed_mean` and `crossed_difference` take trainings and
episodes both as drawn, on either side of a comparison. All intervals rest on Student's t
distribution, which keeps its coverage at the few seeds and trainings that packet-level simulation
affords (a bootstrap over three trainings does not); nothing here draws random numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ns3kan.errors import InputError

CONFIDENCE = 0.95

Sample = Sequence[float] | NDArray[np.float64]
Crossed = Sequence[Sequence[float]] | NDArray[np.float64]
"""Results of each training (rows) on each of the same episodes or environments (columns)."""


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
    half = _quantile(values.size - 1, confidence) * error
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


def crossed_mean(samples: Crossed, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a method's mean over trainings and episodes (or environments), both drawn.

    See `crossed_difference`; this is the case without a rival.

    Parameters
    ----------
    samples : array of float, shape (trainings, episodes)
        Result of each training on each of the common episodes.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Of ``n`` episodes.

    Raises
    ------
    ValueError
        If there is no sample or one is not finite.

    Examples
    --------
    >>> estimate = crossed_mean([[1.0, 2.0, 3.0], [1.2, 2.4, 3.0]])
    >>> round(estimate.mean, 3)
    2.1
    """
    side = _checked(samples, dimensions=2)
    return _crossed_interval([side], side.mean(axis=0), confidence)


def crossed_difference(
    first: Crossed, second: Crossed, *, paired: bool = False, confidence: float = CONFIDENCE
) -> Estimate:
    """Estimate the mean of ``first - second``, each trained several times, on common episodes.

    A result is modelled as mean + training + episode + rest, with trainings and episodes drawn
    independently of each other. The episodes' part of the interval comes from their paired
    differences, the trainings' part of either side from what the trainings vary beyond the rest
    (analysis of variance). Each part has a half-width of its own by Student's t with its own
    degrees of freedom, and the squares of the half-widths add up (MOVER). A side with one
    training, such as a rule without any, has no such part: the interval then speaks of that
    training.

    Parameters
    ----------
    first, second : array of float, shape (trainings, episodes)
        Results on the same episodes, in the same order. The numbers of trainings may differ.
    paired : bool
        Whether training ``i`` of one side belongs to training ``i`` of the other, as an equation
        does to the network that it was read from.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Of ``n`` episodes.

    Raises
    ------
    ValueError
        If the numbers of episodes differ, those of paired trainings do, or as `crossed_mean`.

    References
    ----------
    G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a general
    approach", Statistics in Medicine 27 (2008); S. R. Searle, G. Casella and C. E. McCulloch,
    "Variance components" (1992), chapter 4, on two-way crossed classifications.
    """
    left, right = _checked(first, dimensions=2), _checked(second, dimensions=2)
    if left.shape[1] != right.shape[1]:
        raise InputError(
            f"both sides must have the same episodes, got {left.shape[1]} and {right.shape[1]}"
        )
    if paired:
        if len(left) != len(right):
            raise InputError(
                f"paired sides must have the same trainings, got {len(left)} and {len(right)}"
            )
        return crossed_mean(left - right, confidence)
    return _crossed_interval([left, right], left.mean(axis=0) - right.mean(axis=0), confidence)


def _crossed_interval(
    sides: Sequence[NDArray[np.float64]], by_episode: NDArray[np.float64], confidence: float
) -> Estimate:
    """Interval of the mean of ``by_episode``, a difference of the sides' means over trainings."""
    episodes, mean = by_episode.size, float(by_episode.mean())
    if episodes == 1 and all(len(side) == 1 for side in sides):
        return Estimate(mean, -math.inf, math.inf, 1)
    squared = 0.0
    if episodes > 1:
        squared += _squared_half(float(by_episode.var(ddof=1)) / episodes, episodes - 1, confidence)
    for side in sides:
        trainings = len(side)
        if trainings == 1:
            continue
        by_training = side.mean(axis=1, keepdims=True)
        variance = float(by_training.var(ddof=1)) / trainings
        if episodes > 1:
            # The rest is in the episodes' part already; a component of variance is not negative.
            rest = side - by_training - side.mean(axis=0) + side.mean()
            noise = float((rest**2).sum()) / ((trainings - 1) * (episodes - 1)) / side.size
            variance = max(variance - noise, 0.0)
        squared += _squared_half(variance, trainings - 1, confidence)
    half = math.sqrt(squared)
    return Estimate(mean, mean - half, mean + half, episodes)


def _squared_half(variance: float, degrees_of_freedom: int, confidence: float) -> float:
    return variance * _quantile(degrees_of_freedom, confidence) ** 2


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
    gained = np.subtract(*_pair(equation, baseline))
    gain = np.subtract(*_pair(network, baseline))
    _pair(gained, gain)
    n = gain.size
    gain_mean, kept_mean = float(gain.mean()), float(gained.mean())
    if gain_mean == 0.0:
        return Estimate(math.nan, -math.inf, math.inf, n)
    share = kept_mean / gain_mean
    if n == 1:
        return Estimate(share, -math.inf, math.inf, 1)
    # The share s is inside when |mean(kept - s gain)| <= t * standard error of (kept - s gain):
    # a quadratic a s^2 - 2 b s + c <= 0, bounded only where a > 0 (the gain is not zero).
    covariance = np.cov(gained, gain) / n
    t2 = _quantile(n - 1, confidence) ** 2
    a = gain_mean**2 - t2 * float(covariance[1, 1])
    b = kept_mean * gain_mean - t2 * float(covariance[0, 1])
    c = kept_mean**2 - t2 * float(covariance[0, 0])
    if a <= 0.0:
        return Estimate(share, -math.inf, math.inf, n)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Estimate(share, (b - root) / a, (b + root) / a, n)


@functools.lru_cache
def _quantile(degrees_of_freedom: int, confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise InputError(f"confidence must lie between 0 and 1, not {confidence}")
    return float(stats.t.ppf(0.5 + confidence / 2.0, degrees_of_freedom))


def _checked(samples: Sample | Crossed, dimensions: int = 1) -> NDArray[np.float64]:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != dimensions or values.size == 0:
        expected = "a list" if dimensions == 1 else "a table (trainings, episodes)"
        raise InputError(f"expected {expected} of at least one number, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise InputError(f"sample {int(np.argmin(np.isfinite(values)))} is not a finite number")
    return values


def _pair(first: Sample, second: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    left, right = _checked(first), _checked(second)
    if left.size != right.size:
        raise InputError(
            f"paired samples must come from the same seeds, got {left.size} and {right.size}"
        )
    return left, right
