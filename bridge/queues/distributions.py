# SPDX-License-Identifier: MIT
"""Distributions of packet counts by name: a whole array of independent ones at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ns3kan.bridge.queues.errors import QueueError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Law: TypeAlias = str | Mapping[str, Any]
"""A name from `NAMES`, or a mapping of ``"name"`` and the parameters of that family."""

NAMES = ("poisson", "bernoulli", "binomial", "geometric", "deterministic", "table")

# Probability beyond which a tail is cut; draws resolve probabilities of 2**-32.
_TAIL = 2.0**-40
_MAX_SUPPORT = 2**15 - 1


@dataclass(frozen=True)
class Distributions:
    """An array of distributions on the non-negative integers.

    Attributes
    ----------
    probabilities
        Shape (…, width): of the values ``offset``, ``offset + 1``, …, summing to one. Infinite
        supports are cut where less than 2⁻⁴⁰ is left, and the rest is scaled up.
    offset
        Shape (…): least value.
    mean, variance
        Shape (…): of the distribution that was named [packets, packets²].
    largest
        Greatest value of the family whatever the rates, infinite if there is none [packets].
    """

    probabilities: FloatArray
    offset: IntArray
    mean: FloatArray
    variance: FloatArray
    largest: float

    def broadcast_to(self, shape: tuple[int, ...]) -> Distributions:
        """Repeat to a larger shape, as NumPy broadcasts."""
        return Distributions(
            np.broadcast_to(self.probabilities, (*shape, self.probabilities.shape[-1])),
            np.broadcast_to(self.offset, shape),
            np.broadcast_to(self.mean, shape),
            np.broadcast_to(self.variance, shape),
            self.largest,
        )

    def cumulative(self, highest: int) -> FloatArray:
        """Probability of at most 0, 1, …, ``highest``, shape (…, highest + 1)."""
        below = np.cumsum(self.probabilities, axis=-1)
        index = np.arange(highest + 1) - self.offset[..., None]
        inside = np.clip(index, 0, below.shape[-1] - 1)
        return np.where(index < 0, 0.0, np.take_along_axis(below, inside, axis=-1))


def make_distributions(law: Law, rates: npt.ArrayLike | None, what: str) -> Distributions:
    """Distributions of one family with given means.

    =================  ==============================  ==========================================
    name               parameters                      counts
    =================  ==============================  ==========================================
    ``poisson``                                        any
    ``bernoulli``                                      0 or 1; a rate is at most 1
    ``binomial``       ``trials``, at least 1          0 to ``trials``; a rate is at most that
    ``geometric``                                      any: failures before the first success
    ``deterministic``                                  always the rate, a whole number
    ``table``          ``probabilities``, shape        0, 1, …, n - 1; no rates are given, they
                       (…, n)                          follow
    =================  ==============================  ==========================================

    Parameters
    ----------
    law
        Name, or a mapping such as ``{"name": "binomial", "trials": 3}``.
    rates
        Means [packets per step], any shape; None for a table.
    what
        What they are rates of, for messages: "arrival" or "service".

    Raises
    ------
    QueueError
        If the name or a parameter is unknown, a rate is negative, infinite or NaN, too great for
        its family, or a table is no distribution.

    Examples
    --------
    >>> make_distributions("bernoulli", [0.5, 0.25], "arrival").probabilities.tolist()
    [[0.5, 0.5], [0.75, 0.25]]
    """
    parameters = {"name": law} if isinstance(law, str) else dict(law)
    name = parameters.pop("name", None)
    if name not in NAMES:
        raise QueueError(
            f"There is no {what} distribution {name!r}; choose one of {', '.join(NAMES)}."
        )
    known = {"binomial": {"trials"}, "table": {"probabilities"}}.get(name, set())
    if set(parameters) != known:
        raise QueueError(
            f"The {what} distribution {name!r} takes "
            f"{'the parameter ' + ', '.join(known) if known else 'no parameters'}, "
            f"but was given {', '.join(map(str, parameters)) or 'none'}."
        )
    if name == "table":
        if rates is not None:
            raise QueueError(
                f"The {what} rates follow from the table of probabilities; leave them out."
            )
        return _table(parameters["probabilities"], what)
    if rates is None:
        raise QueueError(f"The {what} distribution {name!r} needs {what} rates.")
    mean = _rates(rates, what)
    match name:
        case "poisson":
            return _poisson(mean)
        case "bernoulli":
            return _binomial(mean, 1, what)
        case "binomial":
            return _binomial(mean, parameters["trials"], what)
        case "geometric":
            return _geometric(mean)
        case _:
            return _deterministic(mean, what)


def _rates(rates: npt.ArrayLike, what: str) -> FloatArray:
    try:
        mean = np.array(rates, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise QueueError(f"The {what} rates {rates!r} are no array of numbers.") from error
    wrong = ~(np.isfinite(mean) & (mean >= 0))
    if wrong.any():
        place = np.argwhere(wrong)[0].tolist()
        raise QueueError(
            f"The {what} rate at {place} is {mean[tuple(place)]:g}; "
            "a rate is a finite number of packets per step, not negative."
        )
    return mean


def _log_factorials(highest: int) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, highest + 1)))])


def _width(high: FloatArray, low: FloatArray) -> int:
    width = int((high - low).max(initial=0.0)) + 1
    if width > _MAX_SUPPORT:
        raise QueueError(
            f"A distribution spreads over {width} values; at most {_MAX_SUPPORT} are supported, "
            "use smaller rates."
        )
    return width


def _poisson(mean: FloatArray) -> Distributions:
    spread = 9 * np.sqrt(mean)
    low = np.maximum(np.floor(mean - spread), 0)
    high = np.where(mean > 0, np.ceil(mean + spread + 25), 0)
    width = _width(high, low)
    offset = low.astype(np.int64)
    value = offset[..., None] + np.arange(width)
    log_mean = np.log(np.where(mean > 0, mean, 1.0))[..., None]
    log_mass = value * log_mean - mean[..., None]
    log_mass -= _log_factorials(int(value.max(initial=0)))[value]
    mass = np.where(mean[..., None] > 0, np.exp(log_mass), value == 0)
    return Distributions(_trimmed(mass), offset, mean, mean, math.inf)


def _binomial(mean: FloatArray, trials: Any, what: str) -> Distributions:
    if isinstance(trials, bool) or not isinstance(trials, int | np.integer) or trials < 1:
        raise QueueError(f"trials={trials!r} must be a whole number, at least 1.")
    _width(np.array(float(trials)), np.zeros(()))
    if (mean > trials).any():
        raise QueueError(
            f"The {what} rate {mean.max():g} is greater than {trials}, the most packets that this "
            "distribution can give in one step."
        )
    value = np.arange(trials + 1)
    share = (mean / trials)[..., None]
    factorials = _log_factorials(int(trials))
    chosen = factorials[-1] - factorials - factorials[::-1]
    with np.errstate(divide="ignore"):
        # 0 log 0 is 0 here.
        successes = np.where(value == 0, 0.0, value * np.log(np.where(share > 0, share, 1e-300)))
        failures = np.where(
            value == trials, 0.0, (trials - value) * np.log(np.where(share < 1, 1 - share, 1e-300))
        )
    mass = np.exp(chosen + successes + failures)
    zeros = np.zeros(mean.shape, dtype=np.int64)
    variance = mean * (1 - mean / trials)
    return Distributions(_normalised(mass), zeros, mean, variance, float(trials))


def _geometric(mean: FloatArray) -> Distributions:
    failure = mean / (1 + mean)
    with np.errstate(divide="ignore"):
        length = np.where(mean > 0, np.ceil(math.log(_TAIL) / np.log(failure)), 0)
    width = _width(length, np.zeros_like(length))
    mass = (1 - failure)[..., None] * failure[..., None] ** np.arange(width)
    zeros = np.zeros(mean.shape, dtype=np.int64)
    return Distributions(_normalised(mass), zeros, mean, mean * (1 + mean), math.inf)


def _deterministic(mean: FloatArray, what: str) -> Distributions:
    if (mean != np.rint(mean)).any():
        wrong = mean[mean != np.rint(mean)][0]
        raise QueueError(
            f"The {what} rate {wrong:g} of a deterministic distribution must be a whole number."
        )
    ones = np.ones((*mean.shape, 1))
    return Distributions(ones, mean.astype(np.int64), mean, np.zeros_like(mean), math.inf)


def _table(probabilities: Any, what: str) -> Distributions:
    try:
        mass = np.array(probabilities, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise QueueError(
            f"The {what} table is no array of probabilities; give numbers for 0, 1, 2, … packets."
        ) from error
    if mass.ndim < 1 or mass.shape[-1] < 1 or mass.size == 0:
        raise QueueError(f"The {what} table is empty; give probabilities of 0, 1, 2, … packets.")
    _width(np.array(mass.shape[-1] - 1.0), np.zeros(()))
    if not (np.isfinite(mass).all() and (mass >= 0).all()):
        raise QueueError(f"The {what} table holds a probability that is negative or not finite.")
    sums = mass.sum(axis=-1)
    if (np.abs(sums - 1) > 1e-9).any():
        wrong = sums.flat[int(np.argmax(np.abs(sums - 1)))]
        raise QueueError(f"The probabilities of the {what} table sum to {wrong:g}, not to 1.")
    mass = _normalised(mass)
    value = np.arange(mass.shape[-1])
    mean = np.asarray((mass * value).sum(axis=-1))
    variance = np.asarray((mass * value**2).sum(axis=-1) - mean**2)
    zeros = np.zeros(mean.shape, dtype=np.int64)
    return Distributions(mass, zeros, mean, variance, float(mass.shape[-1] - 1))


def _normalised(mass: FloatArray) -> FloatArray:
    return np.asarray(mass / mass.sum(axis=-1, keepdims=True))


def _trimmed(mass: FloatArray) -> FloatArray:
    """Cut the columns at the end that hold next to nothing in every row."""
    left = np.cumsum(mass[..., ::-1], axis=-1)[..., ::-1]
    used = (left > _TAIL).reshape(-1, mass.shape[-1]).any(axis=0)
    width = max(int(used.sum()), 1)
    return _normalised(mass[..., :width])
