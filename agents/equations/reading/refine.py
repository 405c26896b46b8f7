# SPDX-License-Identifier: MIT
"""Formulas of a sum of library functions, and the refinement of all their constants together."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.algebra import symbol
from ns3kan.agents.equations.reading.least_squares import levenberg_marquardt
from ns3kan.agents.equations.reading.library import Argument, LibraryFunction

Array = NDArray[np.float64]

# A saturated ratio says nothing about its logit; this much weight on the logit keeps it bounded.
_LOGIT_WEIGHT = 2e-3
# How far beyond the range of the states, in widths of it, positive arguments stay positive.
_MARGIN = 0.5
_CLEARANCE = 0.02
POSITIVE_FROM = 1.0 + 2 * (_MARGIN + _CLEARANCE)
"""Where a feature scaled to [-1, 1] by its range may have the pole of a positive argument."""


@dataclass(frozen=True)
class Term:
    """``amplitude * f(argument)`` of one feature, in the feature's unit.

    Attributes
    ----------
    feature
        Column of the feature.
    function
        The library function f.
    amplitude
        Factor before it.
    inner
        Constants of the argument: (), (centre,), (scale,) or (scale, shift).
    sign
        -1 where the argument is ``centre - x``.
    """

    feature: int
    function: LibraryFunction
    amplitude: float
    inner: tuple[float, ...]
    sign: int = 1

    def argument(self, x: Array) -> Array:
        """Argument of the function at feature values ``x``."""
        match self.function.argument:
            case Argument.PLAIN:
                return x
            case Argument.SHIFTED:
                return self.sign * (x - self.inner[0])
            case Argument.SCALED:
                return self.inner[0] * x
            case Argument.AFFINE:
                return self.inner[0] * x + self.inner[1]

    def value(self, x: Array) -> Array:
        """Value of the term at feature values ``x``; NaN where the function is not defined."""
        with np.errstate(all="ignore"):
            return self.amplitude * self.function.value(self.argument(x))

    def argument_slopes(self, x: Array) -> tuple[Array, ...]:
        """Differentiate the argument by the constants in ``inner``."""
        match self.function.argument:
            case Argument.PLAIN:
                return ()
            case Argument.SHIFTED:
                return (np.full_like(x, -self.sign),)
            case Argument.SCALED:
                return (x,)
            case Argument.AFFINE:
                return (x, np.ones_like(x))

    def to_sympy(self, name: str) -> sympy.Expr:
        """Return the term as a SymPy expression of the feature ``name``."""
        x = symbol(name)
        inner = [_float(constant) for constant in self.inner]
        match self.function.argument:
            case Argument.PLAIN:
                argument = x
            case Argument.SHIFTED:
                argument = x - inner[0] if self.sign > 0 else inner[0] - x
            case Argument.SCALED:
                argument = inner[0] * x
            case Argument.AFFINE:
                argument = inner[0] * x + inner[1]
        return _float(self.amplitude) * self.function.sympy(argument)


@dataclass(frozen=True)
class Formula:
    """A logit: a constant and a sum of terms."""

    constant: float
    terms: tuple[Term, ...] = ()

    def logit(self, states: Array) -> Array:
        """Logits (n,) of states (n, features)."""
        total = np.full(len(states), self.constant)
        for term in self.terms:
            total += term.value(states[:, term.feature])
        return total

    def ratio(self, states: Array) -> Array:
        """Ratios (n,) of states (n, features)."""
        return sigmoid(self.logit(states))

    @property
    def nodes(self) -> int:
        """About how many nodes the logit has as an expression."""
        return 1 + sum(term.function.nodes for term in self.terms)

    @property
    def parameters(self) -> Array:
        """All constants: the constant term, then amplitude and inner constants of each term."""
        parts = [[self.constant], *([term.amplitude, *term.inner] for term in self.terms)]
        return np.array([value for part in parts for value in part])

    @property
    def is_linear_parameter(self) -> NDArray[np.bool_]:
        """Which of ``parameters`` the logit is linear in."""
        parts = [[True], *([True] + [False] * len(term.inner) for term in self.terms)]
        return np.array([value for part in parts for value in part])

    def with_parameters(self, parameters: Sequence[float] | Array) -> Formula:
        """Return the same formula with other constants."""
        values = [float(value) for value in parameters]
        terms = []
        start = 1
        for term in self.terms:
            end = start + 1 + len(term.inner)
            terms.append(
                dataclasses.replace(
                    term, amplitude=values[start], inner=tuple(values[start + 1 : end])
                )
            )
            start = end
        return Formula(values[0], tuple(terms))

    def slopes(self, states: Array) -> Array:
        """Differentiate the logit by the parameters: (n, parameters)."""
        columns = [np.ones(len(states))]
        for term in self.terms:
            x = states[:, term.feature]
            argument = term.argument(x)
            with np.errstate(all="ignore"):
                columns.append(term.function.value(argument))
                outer = term.amplitude * term.function.slope(argument)
            columns.extend(outer * inner for inner in term.argument_slopes(x))
        return np.stack(columns, axis=1)

    def to_sympy(self, names: Sequence[str]) -> sympy.Expr:
        """Return the logit as a SymPy expression of the features' names."""
        return sympy.Add(
            _float(self.constant), *(term.to_sympy(names[term.feature]) for term in self.terms)
        )


@dataclass(frozen=True)
class Target:
    """What a formula is to say: the network at the states that its policy visits.

    Attributes
    ----------
    states
        Shape (n, features).
    logit, ratio
        The network's answers (n,).
    lows, highs
        Least and greatest value of each feature (features,) that arguments must be good for.
    """

    states: Array
    logit: Array
    ratio: Array
    lows: Array
    highs: Array

    def subset(self, rows: NDArray[np.intp]) -> Target:
        """Return the same at some of the states."""
        return Target(self.states[rows], self.logit[rows], self.ratio[rows], self.lows, self.highs)

    def r2(self, formula: Formula) -> float:
        """Share of the variance of the network's ratio that the formula explains."""
        error = formula.ratio(self.states) - self.ratio
        if not np.isfinite(error).all():
            return -math.inf
        # A ratio that never moves by more than 1e-4 is matched by a constant.
        variance = max(float(np.var(self.ratio)), 1e-8)
        return 1.0 - float(np.mean(error**2)) / variance

    def largest_error(self, formula: Formula) -> float:
        """Greatest difference of a ratio."""
        return float(np.max(np.abs(formula.ratio(self.states) - self.ratio)))


def sigmoid(logit: Array) -> Array:
    """1 / (1 + exp(-logit)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)))


def clearance(term: Term, target: Target) -> float:
    """How far the argument of a function stays from what it is not defined for.

    In widths of the feature's range, over that range and a margin; 0 or less means that the
    margin is not kept, infinity that the function is defined everywhere.
    """
    if not term.function.is_positive_only:
        return math.inf
    low, high = target.lows[term.feature], target.highs[term.feature]
    width = high - low
    ends = np.array([low - _MARGIN * width, high + _MARGIN * width])
    return float(np.min(term.argument(ends)) / width) - _CLEARANCE


def is_safe(formula: Formula, target: Target) -> bool:
    """Whether every function is defined over the features' ranges and a margin."""
    return all(clearance(term, target) > 0 for term in formula.terms)


def refine(
    formula: Formula, target: Target, *, only_linear: bool = False, steps: int = 60
) -> Formula:
    """Move all constants together to where the formula's ratios are closest to the network's.

    Least squares on the ratio, with a little weight on the logit, by the method of Levenberg and
    Marquardt.

    Parameters
    ----------
    formula
        Where to start; its functions stay as they are.
    target
        The network's answers.
    only_linear
        Leave the constants within the functions as they are.
    steps
        Most steps to try.
    """
    found = levenberg_marquardt(
        lambda parameters: _linearised(formula.with_parameters(parameters), target),
        formula.parameters,
        steps=steps,
        settled=1e-6,
        free=np.flatnonzero(formula.is_linear_parameter | (not only_linear)),
        allowed=lambda parameters: (
            _kept_defined(formula.with_parameters(parameters), target).parameters
        ),
    )
    return formula.with_parameters(found)


def _linearised(formula: Formula, target: Target) -> tuple[float, Array, Array]:
    """Loss, residuals and their derivatives; an infinite loss where a value is not finite."""
    logit = formula.logit(target.states)
    ratio = sigmoid(logit)
    residuals = np.concatenate([ratio - target.ratio, _LOGIT_WEIGHT * (logit - target.logit)])
    slopes = formula.slopes(target.states)
    with np.errstate(all="ignore"):
        both = np.concatenate([(ratio * (1 - ratio))[:, None] * slopes, _LOGIT_WEIGHT * slopes])
        loss = float(residuals @ residuals)
    if not (math.isfinite(loss) and np.isfinite(both).all()):
        return math.inf, np.zeros(len(residuals)), np.zeros_like(both)
    return loss, residuals, both


def _kept_defined(formula: Formula, target: Target) -> Formula:
    """Move centres so that positive arguments stay positive."""
    if all(clearance(term, target) > 0 for term in formula.terms):
        return formula
    terms = []
    for term in formula.terms:
        missing = -clearance(term, target)
        if missing >= 0:
            width = target.highs[term.feature] - target.lows[term.feature]
            centre = term.inner[0] - term.sign * (missing + _CLEARANCE) * width
            term = dataclasses.replace(term, inner=(centre,))
        terms.append(term)
    return Formula(formula.constant, tuple(terms))


def round_constants(formula: Formula, digits: int, target: Target) -> Formula:
    """Round all constants to significant digits; amplitudes make up for what rounding moves."""
    inner_rounded = np.where(
        formula.is_linear_parameter, formula.parameters, _rounded(formula.parameters, digits)
    )
    moved = refine(formula.with_parameters(inner_rounded), target, only_linear=True)
    return moved.with_parameters(_rounded(moved.parameters, digits))


def _rounded(values: Array, digits: int) -> Array:
    return np.array([float(f"{value:.{digits - 1}e}") for value in values])


def _float(value: float) -> sympy.Expr:
    return sympy.Integer(int(value)) if value.is_integer() else sympy.Float(value, 17)
