# SPDX-License-Identifier: MIT
"""Formulas of a sum of library functions: written as trees, and kept where they are defined."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.algebra import from_sympy, number, to_sympy
from ns3kan.agents.equations.expressions.grammar import (
    Chain,
    Expression,
    Input,
    Node,
    unchecked_value,
)
from ns3kan.agents.equations.fitting.refine import refine
from ns3kan.agents.equations.fitting.task import Task
from ns3kan.agents.equations.fitting.template import Template, rounded_to, slot, with_leaves
from ns3kan.agents.equations.reading.library import Argument, LibraryFunction

Array = NDArray[np.float64]
Ranges = Sequence[tuple[float, float]]
"""Least and greatest value of each feature that arguments must be good for."""

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

    @property
    def constants(self) -> tuple[float, ...]:
        """The amplitude, then those of the argument."""
        return (self.amplitude, *self.inner)

    def node(self, x: Node, constants: Sequence[Node]) -> Node:
        """Return the tree of the term at ``x``, with nodes for its constants."""
        amplitude, *inner = constants
        argument = self._argument(x, inner)
        function = with_leaves(
            self.function.root, lambda leaf: argument if leaf == Input("u") else leaf
        )
        return Chain(amplitude, (("*", function),))

    def _argument(self, x: Node, inner: Sequence[Node]) -> Node:
        match self.function.argument:
            case Argument.PLAIN:
                return x
            case Argument.SHIFTED:
                first, second = (x, inner[0]) if self.sign > 0 else (inner[0], x)
                return Chain(first, (("-", second),))
            case Argument.SCALED:
                return Chain(inner[0], (("*", x),))
            case Argument.AFFINE:
                return Chain(Chain(inner[0], (("*", x),)), (("+", inner[1]),))

    def argument(self, x: Array) -> Array:
        """Argument of the function at feature values ``x``."""
        inner = [number(value) for value in self.inner]
        return unchecked_value(self._argument(Input("x"), inner), {"x": x})

    def value(self, x: Array) -> Array:
        """Value of the term at feature values ``x``; NaN where the function is not defined."""
        constants = [number(value) for value in self.constants]
        return unchecked_value(self.node(Input("x"), constants), {"x": x})


@dataclass(frozen=True)
class Formula:
    """A constant and a sum of terms; of a ratio it is the logit."""

    constant: float
    terms: tuple[Term, ...] = ()

    def values(self, states: Array) -> Array:
        """Values (n,) at states (n, features); NaN where one is not defined."""
        names = [f"x{place}" for place in range(states.shape[1])]
        columns = dict(zip(names, states.T, strict=True))
        return unchecked_value(self.expression(names).root, columns)

    @property
    def nodes(self) -> int:
        """About how many nodes it has as an expression."""
        return 1 + sum(term.function.nodes for term in self.terms)

    @property
    def constants(self) -> Array:
        """The constant, then amplitude and inner constants of each term."""
        return np.array(
            [self.constant, *(value for term in self.terms for value in term.constants)]
        )

    @property
    def is_linear(self) -> NDArray[np.bool_]:
        """Which of ``constants`` the value is linear in."""
        parts = [[True], *([True] + [False] * len(term.inner) for term in self.terms)]
        return np.array([value for part in parts for value in part])

    def with_constants(self, constants: Sequence[float] | Array) -> Formula:
        """Return the same formula with other constants."""
        values = iter([float(value) for value in constants])
        first = next(values)
        return Formula(
            first,
            tuple(
                dataclasses.replace(
                    term, amplitude=next(values), inner=tuple(next(values) for _ in term.inner)
                )
                for term in self.terms
            ),
        )

    def template(self, names: Sequence[str]) -> Template:
        """Return the tree over the features' names whose constants are free."""
        constants = self.constants
        places = iter([Input(slot(place)) for place in range(len(constants))])
        first: Node = next(places)
        terms = [
            term.node(Input(names[term.feature]), [next(places) for _ in term.constants])
            for term in self.terms
        ]
        root = Chain(first, tuple(("+", term) for term in terms)) if terms else first
        return Template((root,), constants)

    def expression(self, names: Sequence[str]) -> Expression:
        """Return the formula over the features' names with its constants, term by term."""
        return self.template(names).filled()[0]

    def written(self, names: Sequence[str]) -> Expression:
        """Return the formula over the features' names as people write it.

        Raises
        ------
        ValueError
            As `ns3kan.agents.equations.expressions.algebra.to_sympy`.
        """
        return from_sympy(to_sympy(self.expression(names)), names)

    def loss(self, task: Task) -> float:
        """Share of the variance of the answers that it leaves unexplained."""
        loss = task.loss(self._values_in(task))
        return loss if math.isfinite(loss) else math.inf

    def largest_error(self, task: Task) -> float:
        """Greatest difference of an answer; NaN if one is not defined."""
        answers = task.answer(self._values_in(task))
        return float(np.max(np.abs(answers - task.target_answers)))

    def _values_in(self, task: Task) -> Array:
        root = self.expression(tuple(task.columns)).root
        return unchecked_value(root, task.columns)[None]

    def clearance(self, ranges: Ranges) -> float:
        """Least `clearance` of its terms."""
        return min((clearance(term, ranges) for term in self.terms), default=math.inf)


def clearance(term: Term, ranges: Ranges) -> float:
    """How far the argument of a function stays from what it is not defined for.

    In widths of the feature's range, over that range and a margin; 0 or less means that the
    margin is not kept, infinity that the function is defined everywhere.
    """
    if not term.function.is_positive_only:
        return math.inf
    low, high = ranges[term.feature]
    width = high - low
    ends = np.array([low - _MARGIN * width, high + _MARGIN * width])
    return float(np.min(term.argument(ends)) / width) - _CLEARANCE


def refine_formula(
    formula: Formula, task: Task, ranges: Ranges, *, only_linear: bool = False, steps: int = 60
) -> Formula:
    """Move all constants together, by `ns3kan.agents.equations.fitting.refine.refine`.

    Functions stay defined over the features' ranges and a margin.

    Parameters
    ----------
    formula
        Where to start; its functions stay as they are.
    task
        What it is to compute; its columns are the features, in order.
    ranges
        Of the features.
    only_linear
        Leave the constants within the functions as they are.
    steps
        Most steps to try.
    """

    def defined(constants: Array) -> Array:
        return _defined(formula.with_constants(constants), ranges).constants

    has_bounds = any(term.function.is_positive_only for term in formula.terms)
    template = refine(
        formula.template(tuple(task.columns)),
        task,
        free=formula.is_linear | (not only_linear),
        steps=steps,
        settled=1e-6,
        allowed=defined if has_bounds else lambda constants: constants,
    )
    return formula.with_constants(template.constants)


def _defined(formula: Formula, ranges: Ranges) -> Formula:
    """Move centres so that positive arguments stay positive."""
    if formula.clearance(ranges) > 0:
        return formula
    terms = []
    for term in formula.terms:
        missing = -clearance(term, ranges)
        if missing >= 0:
            low, high = ranges[term.feature]
            centre = term.inner[0] - term.sign * (missing + _CLEARANCE) * (high - low)
            term = dataclasses.replace(term, inner=(centre,))
        terms.append(term)
    return Formula(formula.constant, tuple(terms))


def round_formula(formula: Formula, digits: int, task: Task, ranges: Ranges) -> Formula:
    """Round all constants to significant digits; amplitudes make up for what rounding moves."""
    constants = formula.constants
    inner_rounded = np.where(formula.is_linear, constants, rounded_to(constants, digits))
    moved = refine_formula(formula.with_constants(inner_rounded), task, ranges, only_linear=True)
    return moved.with_constants(rounded_to(moved.constants, digits))
