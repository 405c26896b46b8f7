# SPDX-License-Identifier: MIT
"""Interval arithmetic on arrays: many intervals at once, every bound rounded outwards.

A result holds the exact value of the operation for all numbers of its operands, and also what any
implementation computes in doubles that errs by no more than `MARGIN` says. So it bounds an equation
on paper, in NumPy, in ns-3 and in generated sources alike.

Sums, products, quotients and roots are correctly rounded in IEEE 754, so one step outwards is
enough; sums that are exact are left as they are. Elementary functions are widened by eight units in
the last place: NumPy asks at most 4 of its own (NEP 38), glibc's manual lists at most 2, and a test
compares with mpmath. (Why not a library: mpmath's ``iv`` is rigorous but takes one interval at a
time, tens of microseconds each, and a subdivision needs millions; python-flint's balls are made for
narrow intervals; pyinterval needs crlibm, and portion, once python-intervals, knows no functions.)

Ends may be infinite, where nothing is known. 0 times infinity is 0 then, as limits of derivatives
want it; whoever evaluates in doubles must rule the pair out (see `enclosure`). NumPy's warnings of
overflows and the like mean nothing here and are the caller's to silence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MARGIN = 2.0**-49
"""Relative error that elementary functions are given: at least 8 units in the last place."""
_SMALLEST = 2.0**-1070
"""The same for results below the normal numbers: 16 of the smallest steps."""
_GREATEST = float(np.finfo(np.float64).max)
# Beyond this a quotient by π is no longer known to a small part of 1.
_FAR = 2.0**40


@dataclass(frozen=True, slots=True)
class Interval:
    """Intervals, as arrays of equal or broadcastable shapes.

    Attributes
    ----------
    low, high
        Ends; lows are below infinity, highs above minus infinity.
    """

    low: Array
    high: Array

    @classmethod
    def of(cls, low: ArrayLike, high: ArrayLike | None = None) -> Interval:
        """Make intervals from their ends, or from single values."""
        below = np.asarray(low, dtype=np.float64)
        return cls(below, below if high is None else np.asarray(high, dtype=np.float64))

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __add__(self, other: Interval) -> Interval:
        return Interval(_sum(self.low, other.low, -math.inf), _sum(self.high, other.high, math.inf))

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        if other is self:
            return power_whole(self, 2)
        return _signed(
            [np.multiply(a, b) for a in (self.low, self.high) for b in (other.low, other.high)],
            self,
            other,
        )

    def __truediv__(self, other: Interval) -> Interval:
        """Divide; where the divisor may be 0, nothing is known of the quotient."""
        result = _signed(
            [np.divide(a, b) for a in (self.low, self.high) for b in (other.low, other.high)],
            self,
            other,
        )
        unknown = other.contains(0.0)
        if unknown.any():
            return Interval(
                np.where(unknown, -math.inf, result.low), np.where(unknown, math.inf, result.high)
            )
        return result

    def contains(self, value: float) -> NDArray[np.bool_]:
        """Whether each interval holds a value."""
        return (self.low <= value) & (self.high >= value)

    def is_infinite(self) -> NDArray[np.bool_]:
        """Whether each interval reaches to infinity."""
        return np.isinf(self.low) | np.isinf(self.high)

    def magnitude(self) -> Array:
        """Greatest absolute value in each interval."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


ZERO = Interval.of(0.0)
ONE = Interval.of(1.0)


def _sum(a: Array, b: Array, towards: float) -> Array:
    """Bound of a + b on one side, exact where a double holds the sum (Knuth's TwoSum)."""
    total = a + b
    part = total - a
    error = (a - (total - part)) + (b - part)
    # An overflow leaves no number as its error and is inexact too.
    exact = error <= 0 if towards > 0 else error >= 0
    result = np.where(exact, total, np.nextafter(total, towards))
    # Infinity less infinity.
    return np.where(np.isnan(total), towards, result)


def _signed(ends: list[Array], x: Interval, y: Interval) -> Interval:
    """Hull of products or quotients of ends, rounded outwards but not across a known sign."""
    # These pass over what is no number, unless all are: 0 times anything.
    low = np.fmin(np.fmin(ends[0], ends[1]), np.fmin(ends[2], ends[3]))
    high = np.fmax(np.fmax(ends[0], ends[1]), np.fmax(ends[2], ends[3]))
    low = np.nextafter(np.where(np.isnan(low), 0.0, low), -math.inf)
    high = np.nextafter(np.where(np.isnan(high), 0.0, high), math.inf)
    x_up, x_down, y_up, y_down = x.low >= 0, x.high <= 0, y.low >= 0, y.high <= 0
    alike, opposite = (x_up & y_up) | (x_down & y_down), (x_up & y_down) | (x_down & y_up)
    return Interval(
        np.where(alike, np.maximum(low, 0.0), low), np.where(opposite, np.minimum(high, 0.0), high)
    )


def _below(value: Array) -> Array:
    """Lower bounds on what elementary functions gave; zeros stand."""
    lowered = value - np.abs(value) * MARGIN - _SMALLEST
    lowered = np.where(np.isinf(value), np.where(value > 0, _GREATEST, -math.inf), lowered)
    return np.where(value == 0, value, lowered)


def _above(value: Array) -> Array:
    return -_below(-value)


def hull(*parts: Interval) -> Interval:
    """Return the least intervals that hold all parts."""
    low, high = parts[0].low, parts[0].high
    for part in parts[1:]:
        low, high = np.minimum(low, part.low), np.maximum(high, part.high)
    return Interval(low, high)


def minimum(x: Interval, y: Interval) -> Interval:
    """Return the lesser of two."""
    return Interval(np.minimum(x.low, y.low), np.minimum(x.high, y.high))


def maximum(x: Interval, y: Interval) -> Interval:
    """Return the greater of two."""
    return Interval(np.maximum(x.low, y.low), np.maximum(x.high, y.high))


def absolute(x: Interval) -> Interval:
    """Return absolute values."""
    return Interval(np.maximum(np.maximum(x.low, -x.high), 0.0), x.magnitude())


def exp(x: Interval) -> Interval:
    """Return exponentials."""
    low, high = np.exp(x.low), np.exp(x.high)
    # An underflow to 0 is greater than 0.
    return Interval(np.maximum(_below(low), 0.0), np.where(high == 0, _SMALLEST, _above(high)))


def log(x: Interval) -> Interval:
    """Return natural logarithms of the parts that are not negative."""
    return Interval(_below(np.log(np.maximum(x.low, 0.0))), _above(np.log(np.maximum(x.high, 0.0))))


def sqrt(x: Interval) -> Interval:
    """Return roots of the parts that are not negative."""
    low, high = np.sqrt(np.maximum(x.low, 0.0)), np.sqrt(np.maximum(x.high, 0.0))
    return Interval(
        np.maximum(np.nextafter(low, -math.inf), 0.0),
        np.where(high == 0, 0.0, np.nextafter(high, math.inf)),
    )


def tanh(x: Interval) -> Interval:
    """Return hyperbolic tangents."""
    return Interval(
        np.maximum(_below(np.tanh(x.low)), -1.0), np.minimum(_above(np.tanh(x.high)), 1.0)
    )


def sin(x: Interval) -> Interval:
    """Return sines."""
    return _wave(x, np.sin(_tame(x.low)), np.sin(_tame(x.high)), 0.5)


def cos(x: Interval) -> Interval:
    """Return cosines."""
    return _wave(x, np.cos(_tame(x.low)), np.cos(_tame(x.high)), 0.0)


def tan(x: Interval) -> Interval:
    """Return tangents; where there may be a pole, nothing is known."""
    low, high = _below(np.tan(_tame(x.low))), _above(np.tan(_tame(x.high)))
    unknown = has_pole(x)
    return Interval(np.where(unknown, -math.inf, low), np.where(unknown, math.inf, high))


def has_pole(x: Interval) -> NDArray[np.bool_]:
    """Whether the tangent may have a pole in each interval."""
    return _passes(x, 0.5, 1.0)


def _tame(ends: Array) -> Array:
    """Replace ends so far away that their sine is not used."""
    return np.where(np.abs(ends) < _FAR, ends, 0.0)


def _wave(x: Interval, first: Array, second: Array, crest: float) -> Interval:
    """Range of a sine whose crests lie at ``crest`` + 2k half periods."""
    low = np.maximum(_below(np.minimum(first, second)), -1.0)
    high = np.minimum(_above(np.maximum(first, second)), 1.0)
    return Interval(
        np.where(_passes(x, crest + 1.0, 2.0), -1.0, low),
        np.where(_passes(x, crest, 2.0), 1.0, high),
    )


def _passes(x: Interval, offset: float, period: float) -> NDArray[np.bool_]:
    """Whether an interval may hold π times (offset + k·period) for a whole number k."""
    # In half periods; each end is wrong by less than a part in 2^50.
    low, high = x.low / math.pi, x.high / math.pi
    low, high = low - np.abs(low) * 2.0**-50, high + np.abs(high) * 2.0**-50
    first = np.ceil((low - offset) / period - 2.0**-40)
    far = ~(x.magnitude() < _FAR)
    return far | (first * period + offset <= high + 2.0**-40 * (np.abs(high) + period))


def power_whole(x: Interval, exponent: int) -> Interval:
    """Return whole powers, negative ones too; where 1/0 is possible, nothing is known."""
    if exponent == 0:
        return Interval(np.ones_like(x.low), np.ones_like(x.high))
    base = absolute(x) if exponent % 2 == 0 else x
    ends = np.power(base.low, float(exponent)), np.power(base.high, float(exponent))
    least, most = np.minimum(*ends), np.maximum(*ends)
    # What underflows keeps its sign.
    low = np.where((least == 0) & (base.low < 0), -_SMALLEST, _below(least))
    high = np.where((most == 0) & (base.high > 0), _SMALLEST, _above(most))
    low = np.where(base.low >= 0, np.maximum(low, 0.0), low)
    high = np.where(base.high <= 0, np.minimum(high, 0.0), high)
    if exponent > 0:
        return Interval(low, high)
    unknown = x.contains(0.0)
    return Interval(np.where(unknown, -math.inf, low), np.where(unknown, math.inf, high))


def power(base: Interval, exponent: Interval) -> Interval:
    """Return powers of bases that are not negative.

    The extremes lie at the ends, for the logarithm of a power is a product.
    """
    base = Interval(np.maximum(base.low, 0.0), np.maximum(base.high, 0.0))
    first, *others = (
        np.power(b, e) for b in (base.low, base.high) for e in (exponent.low, exponent.high)
    )
    low, high = first, first
    for other in others:
        low, high = np.minimum(low, other), np.maximum(high, other)
    nothing = (base.high == 0) & (exponent.low > 0)
    return Interval(
        np.maximum(_below(low), 0.0),
        np.where(nothing, 0.0, np.where(high == 0, _SMALLEST, _above(high))),
    )


def logistic_slope(s: Interval) -> Interval:
    """Return s·(1 − s), which is greatest at 1/2, for s within 0 and 1."""
    ends = [end * (ONE - end) for end in (Interval.of(s.low), Interval.of(s.high))]
    result = hull(*ends)
    high = np.where(s.contains(0.5), 0.25, np.minimum(result.high, 0.25))
    return Interval(np.maximum(result.low, 0.0), high)
