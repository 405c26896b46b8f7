# SPDX-License-Identifier: MIT
"""Expressions with free constants: what is refined, written and rounded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.algebra import number, simplified
from ns3kan.agents.equations.expressions.grammar import (
    Call,
    Chain,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
)

Array = NDArray[np.float64]
T = TypeVar("T")

MOST_DIGITS = 8
"""Beyond these, constants are left as they are."""


@dataclass(frozen=True, eq=False)
class Template:
    """Expressions whose constants are free.

    Attributes
    ----------
    roots
        Trees with inputs in the place of constants, as `slot` names them.
    constants
        Of all expressions, shape (constants,).
    """

    roots: tuple[Node, ...]
    constants: Array

    @classmethod
    def of(cls, expressions: Sequence[Expression]) -> Template:
        """Free all constants in the order of the expressions' texts; exponents stay."""
        constants: list[float] = []

        def free(leaf: Node) -> Node:
            if not isinstance(leaf, Number):
                return leaf
            constants.append(leaf.value)
            return Input(slot(len(constants) - 1))

        roots = tuple(with_leaves(expression.root, free) for expression in expressions)
        return cls(roots, np.array(constants, dtype=np.float64))

    def with_constants(self, constants: Array) -> Template:
        """Return the same with other constants."""
        return dataclasses.replace(self, constants=constants)

    def linearise(self, columns: Mapping[str, Array]) -> tuple[Array, Array]:
        """Evaluate, and differentiate by the constants.

        Returns
        -------
        values : (formulas, rows)
        slopes : (formulas, rows, constants)

        Raises
        ------
        EvaluationError
            If one is not defined.
        """
        constants = slots(list(self.constants))
        inputs, free = {**columns, **constants}, tuple(constants)
        pairs = [Expression(root).linearise(inputs, free) for root in self.roots]
        return np.stack([value for value, _ in pairs]), np.stack([slopes for _, slopes in pairs])

    def filled(self) -> tuple[Expression, ...]:
        """Return the expressions with their constants, as they are."""
        numbers = slots([number(float(value)) for value in self.constants])

        def fill(leaf: Node) -> Node:
            return numbers.get(leaf.name, leaf) if isinstance(leaf, Input) else leaf

        return tuple(Expression(with_leaves(root, fill)) for root in self.roots)

    def written(self, names: Sequence[str]) -> tuple[Expression, ...]:
        """Return the expressions over ``names``, simplified.

        Raises
        ------
        ValueError
            If one is not a real number.
        """
        return tuple(simplified(expression, names) for expression in self.filled())

    def rounded(self, digits: int, names: Sequence[str]) -> tuple[Expression, ...]:
        """Return the expressions over ``names`` with constants of so many significant digits.

        Raises
        ------
        ValueError
            If one is not a real number.
        """
        written = self.with_constants(rounded_to(self.constants, digits)).written(names)
        # Simplifying multiplies constants with each other: the products are rounded again.
        simple = Template.of(written)
        return simple.with_constants(rounded_to(simple.constants, digits)).written(names)


def slot(place: int) -> str:
    """Name the input that stands for a constant, as no input of an expression can be named."""
    return f"constant {place}"


def slots(constants: Sequence[T]) -> dict[str, T]:
    """Name constants as the inputs that stand for them."""
    return {slot(place): constant for place, constant in enumerate(constants)}


def fewest_digits(
    rounded: Callable[[int], T],
    keeps: Callable[[T], bool],
    least: int = 1,
    most: int = MOST_DIGITS,
) -> tuple[T, int] | None:
    """Round to the fewest significant digits that keep what is to be kept.

    Parameters
    ----------
    rounded
        From digits to what is rounded.
    keeps
        Whether it is good enough.
    least, most
        Digits to begin and to end with.

    Returns
    -------
    what is rounded and its digits; None if the most are too few
    """
    for digits in range(least, most + 1):
        candidate = rounded(digits)
        if keeps(candidate):
            return candidate, digits
    return None


def rounded_to(values: Array, digits: int) -> Array:
    """Round to significant digits."""
    return np.array([float(f"{value:.{digits - 1}e}") for value in values], dtype=np.float64)


def with_leaves(node: Node, change: Callable[[Node], Node]) -> Node:
    """Change the leaves of a tree; exponents that are numbers stay."""
    match node:
        case Negative(operand):
            return Negative(with_leaves(operand, change))
        case Power(base, exponent):
            plain = isinstance(exponent, Number | Negative)
            return Power(
                with_leaves(base, change), exponent if plain else with_leaves(exponent, change)
            )
        case Call(function, arguments):
            return Call(function, tuple(with_leaves(part, change) for part in arguments))
        case Chain(first, rest):
            changed = with_leaves(first, change)
            return Chain(changed, tuple((sign, with_leaves(part, change)) for sign, part in rest))
        case _:
            return change(node)
