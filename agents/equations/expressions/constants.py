# SPDX-License-Identifier: MIT
"""The constants of expressions: moved to where the answers are closest, and rounded.

`ns3kan.agents.equations.reading.refine` does this for sums of functions of the library, with slopes
in closed form; here expressions may be any of the grammar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.algebra import number, simplified
from ns3kan.agents.equations.expressions.grammar import (
    Call,
    Chain,
    EvaluationError,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
)
from ns3kan.agents.equations.reading.least_squares import levenberg_marquardt
from ns3kan.agents.equations.search.task import Task

Array = NDArray[np.float64]
T = TypeVar("T")

MOST_DIGITS = 8
"""Beyond these, constants are left as they are."""
_STEP = 1e-6


class Template:
    """Expressions whose constants are free; exponents stay.

    Parameters
    ----------
    expressions
        Where to start.

    Attributes
    ----------
    constants
        Of all expressions, in the order of their texts, shape (constants,).
    roots
        Trees with inputs in the place of constants, as `slots` names them.
    """

    def __init__(self, expressions: Sequence[Expression]) -> None:
        found: list[float] = []
        self.roots = [_freed(expression.root, found) for expression in expressions]
        self.constants = np.array(found, dtype=np.float64)

    @staticmethod
    def slots(constants: Sequence[T]) -> dict[str, T]:
        """Name constants as the inputs that stand for them."""
        return {_slot(place): constant for place, constant in enumerate(constants)}

    def values(self, constants: Array, columns: Mapping[str, Array]) -> Array:
        """Values (…, formulas, rows) with constants (…, constants).

        Raises
        ------
        EvaluationError
            If one is not defined.
        """
        places = range(len(self.constants))
        inputs = {**columns, **self.slots([constants[..., place, None] for place in places])}
        return np.stack([Expression(root).evaluate(inputs) for root in self.roots], axis=-2)

    def written(self, constants: Array, names: Sequence[str]) -> tuple[Expression, ...]:
        """Return the expressions over ``names`` with these constants, simplified.

        Raises
        ------
        ValueError
            If one is not a real number.
        """
        slots = self.slots([number(float(value)) for value in constants])
        return tuple(
            simplified(Expression(with_leaves(root, lambda leaf: _filled(leaf, slots))), names)
            for root in self.roots
        )

    def rounded(self, digits: int, names: Sequence[str]) -> tuple[Expression, ...]:
        """Return the expressions over ``names`` with constants of so many significant digits.

        Raises
        ------
        ValueError
            If one is not a real number.
        """
        # Simplifying multiplies constants with each other: what comes of it is rounded again.
        simple = Template(self.written(_with_digits(self.constants, digits), names))
        return simple.written(_with_digits(simple.constants, digits), names)


def refine(
    template: Template, task: Task, fixed: NDArray[np.bool_] | None = None, steps: int = 100
) -> Array:
    """Move constants to where answers are closest, by the method of Levenberg and Marquardt.

    Parameters
    ----------
    template
        Where to start.
    task
        What the expressions are to say.
    fixed
        Which constants stay, shape (constants,); none by default.
    steps
        Most steps to try.

    Returns
    -------
    array of shape (constants,)
        Never worse than at the start.
    """
    free = np.flatnonzero(~fixed) if fixed is not None else np.arange(len(template.constants))
    if not free.size:
        return template.constants

    def placed(moved: Array) -> Array:
        constants = np.broadcast_to(
            template.constants, (*moved.shape[:-1], len(template.constants))
        ).copy()
        constants[..., free] = moved
        return constants

    def linearised(moved: Array) -> tuple[float, Array, Array]:
        sizes = _STEP * np.where(moved == 0, 1.0, np.abs(moved))
        # In one go: here, and a step ahead in each constant.
        beside = np.concatenate([moved[None], moved + np.diag(sizes)])
        try:
            residuals = task.residuals(template.values(placed(beside), task.columns))
        except EvaluationError:
            return undefined
        slopes = ((residuals[1:] - residuals[0]) / sizes[:, None]).T
        loss = float(residuals[0] @ residuals[0])
        if not (math.isfinite(loss) and np.isfinite(slopes).all()):
            return undefined
        return loss, residuals[0], slopes

    count = task.residuals(np.zeros_like(task.targets)).size
    undefined = math.inf, np.zeros(count), np.zeros((count, free.size))
    if count < free.size:
        return template.constants
    with np.errstate(all="ignore"):
        return placed(
            levenberg_marquardt(linearised, template.constants[free], steps=steps, settled=1e-10)
        )


def round_constants(
    expressions: Sequence[Expression],
    fitted: Task,
    accept: Callable[[tuple[Expression, ...]], bool],
) -> tuple[tuple[Expression, ...], int]:
    """Round to the fewest significant digits that are accepted; also how many these are.

    Constants are rounded one after the other, and those that are left make up for it.

    Parameters
    ----------
    expressions
        Refined ones.
    fitted
        What they are to say.
    accept
        Whether rounded ones will do.
    """
    names = tuple(fitted.columns)
    for digits in range(1, MOST_DIGITS + 1):
        template = Template(expressions)
        fixed = np.zeros(len(template.constants), dtype=np.bool_)
        for place in range(len(fixed)):
            template.constants[place] = rounded_to(template.constants[place], digits)
            fixed[place] = True
            template.constants = refine(template, fitted, fixed, steps=5)
        rounded = template.rounded(digits, names)
        if accept(rounded):
            return rounded, digits
    return tuple(expressions), 17


def rounded_to(value: float, digits: int) -> float:
    """Round to significant digits."""
    return float(f"{value:.{digits - 1}e}")


def _with_digits(constants: Array, digits: int) -> Array:
    return np.array([rounded_to(each, digits) for each in constants], dtype=np.float64)


def _slot(place: int) -> str:
    """Name of a free constant, which no input can have."""
    return f"constant {place}"


def _freed(node: Node, found: list[float]) -> Node:
    """Put inputs in the place of constants, which are appended to ``found``."""

    def free(leaf: Node) -> Node:
        if not isinstance(leaf, Number):
            return leaf
        found.append(leaf.value)
        return Input(_slot(len(found) - 1))

    return with_leaves(node, free)


def _filled(leaf: Node, slots: Mapping[str, Node]) -> Node:
    return slots.get(leaf.name, leaf) if isinstance(leaf, Input) else leaf


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
