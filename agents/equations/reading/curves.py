# SPDX-License-Identifier: MIT
"""Fits of one curve by ``amplitude * f(argument) + offset``, for every function of the library."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.reading.library import LIBRARY, Argument, LibraryFunction
from ns3kan.agents.equations.reading.terms import POSITIVE_FROM, Term

Array = NDArray[np.float64]

# Where the search for the constants of an argument starts, for a feature scaled to [-1, 1].
_CENTRES = np.linspace(-2.5, 2.5, 21)
_POSITIVE_CENTRES = -POSITIVE_FROM - np.array([0.05, 0.2, 0.5, 1.0, 2.0, 4.0])
_SCALES = np.array([0.5, 1.0, 2.0, 3.0, 5.0, 8.0])
_ZOOM = np.linspace(-1.0, 1.0, 5)
_ZOOMS = 6
_TURNING_POINTS = np.linspace(-1.5, 1.5, 13)


@dataclass(frozen=True)
class CurveFit:
    """A term that may stand for a curve.

    Attributes
    ----------
    term
        The fitted term.
    offset
        Constant to add to it.
    error
        Weighted mean of the squared differences.
    """

    term: Term
    offset: float
    error: float


def fit_curve(
    feature: int,
    x: Array,
    y: Array,
    weights: Array,
    functions: Sequence[LibraryFunction] = LIBRARY,
) -> list[CurveFit]:
    """Fit every function of the library to a curve.

    Parameters
    ----------
    feature
        Column of the feature, for the terms.
    x, y
        Points (n,) of the curve, in the feature's unit; x must not be constant.
    weights
        How much each point matters (n,).
    functions
        Those of the library to fit; all by default.

    Returns
    -------
    one fit per function that could be fitted, the best first
    """
    middle, half = (x.max() + x.min()) / 2, (x.max() - x.min()) / 2
    weights = weights / weights.sum()
    fits = []
    for function, sign in itertools.product(functions, (1, -1)):
        if sign < 0 and not function.is_positive_only:
            continue
        inner = _fit_argument(function, sign, (x - middle) / half, y, weights)
        term = Term(feature, function, 1.0, _in_units(function, sign, inner, middle, half), sign)
        amplitude, offset, error = _fit_line(term.value(x)[None], y, weights)
        if np.isfinite([amplitude[0], offset[0], error[0]]).all():
            fitted = Term(feature, function, float(amplitude[0]), term.inner, sign)
            fits.append(CurveFit(fitted, float(offset[0]), float(error[0])))
    return sorted(fits, key=lambda fit: fit.error)


def _starts(function: LibraryFunction, sign: int) -> Array:
    """Constants of the argument to try (starts, constants)."""
    match function.argument:
        case Argument.PLAIN:
            return np.zeros((1, 0))
        case Argument.SHIFTED:
            return (sign * _POSITIVE_CENTRES if function.is_positive_only else _CENTRES)[:, None]
        case Argument.SCALED:
            return np.concatenate([-_SCALES, _SCALES])[:, None]
        case Argument.AFFINE:
            pairs = itertools.product(_SCALES, _TURNING_POINTS)
            return np.array([(scale, -scale * turn) for scale, turn in pairs])


def _argument(function: LibraryFunction, sign: int, inner: Array, t: Array) -> Array:
    """Arguments (starts, n) at scaled points ``t`` (n,)."""
    match function.argument:
        case Argument.PLAIN:
            return np.broadcast_to(t, (len(inner), len(t)))
        case Argument.SHIFTED:
            return np.asarray(sign * (t - inner[:, :1]))
        case Argument.SCALED:
            return np.asarray(inner[:, :1] * t)
        case Argument.AFFINE:
            return np.asarray(inner[:, :1] * t + inner[:, 1:])


def _fit_argument(
    function: LibraryFunction, sign: int, t: Array, y: Array, weights: Array
) -> Array:
    """Best constants of the argument for a feature scaled to [-1, 1]: a grid, then finer ones."""

    def errors(inner: Array) -> Array:
        with np.errstate(all="ignore"):
            values = function.value(_argument(function, sign, inner, t))
        return np.nan_to_num(_fit_line(values, y, weights)[2], nan=np.inf)

    starts = _starts(function, sign)
    best = np.asarray(starts[np.argmin(errors(starts))])
    if len(best) == 0:
        return best
    # Amplitude and offset follow in closed form, so that one or two constants are left.
    steps = np.stack(np.meshgrid(*[_ZOOM] * len(best)), axis=-1).reshape(-1, len(best))
    reach = 0.5 * (1.0 + np.abs(best))
    for _ in range(_ZOOMS):
        around = best + reach * steps
        if function.is_positive_only:
            # The argument stays positive over the range and a margin.
            around = sign * np.minimum(sign * around, -POSITIVE_FROM)
        best = around[np.argmin(errors(around))]
        reach = reach / 2
    return best


def _fit_line(curves: Array, y: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Weighted regression of y on each curve (curves, n): amplitude, offset, mean squared error."""
    with np.errstate(all="ignore"):
        curve_mean = curves @ weights
        y_mean = y @ weights
        centred = curves - curve_mean[:, None]
        variance = (centred**2) @ weights
        covariance = (centred * (y - y_mean)) @ weights
        varies = variance > 1e-13 * ((curves**2) @ weights)
        amplitude = np.where(varies, covariance / variance, 0.0)
        offset = y_mean - amplitude * curve_mean
        errors = amplitude[:, None] * curves + offset[:, None] - y
        return amplitude, offset, (errors**2) @ weights


def _in_units(
    function: LibraryFunction, sign: int, inner: Array, middle: float, half: float
) -> tuple[float, ...]:
    """Constants of the argument for the feature as it is; the amplitude takes up the rest."""
    match function.argument:
        case Argument.PLAIN:
            return ()
        case Argument.SHIFTED:
            return (float(middle + half * inner[0]),)
        case Argument.SCALED:
            return (float(inner[0] / half),)
        case Argument.AFFINE:
            return (float(inner[0] / half), float(inner[1] - inner[0] * middle / half))
