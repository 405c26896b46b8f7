# SPDX-License-Identifier: MIT
"""Functions of one variable that may stand for a spline: ``amplitude * f(argument)``.

The argument is ``scale*x + shift`` where a scale changes more than the amplitude, and otherwise
``x - centre`` (or ``centre - x``, where f needs a positive argument). To add a function, add a line
to `LIBRARY`: the grammar of controllers must be able to say its SymPy form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import sympy
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Argument(Enum):
    """What is free in the argument of a function."""

    PLAIN = "x"
    SHIFTED = "x - centre"
    SCALED = "scale*x"
    AFFINE = "scale*x + shift"


@dataclass(frozen=True)
class LibraryFunction:
    """A function that may stand for a spline.

    Attributes
    ----------
    name
        How it is called in tables.
    value, slope
        The function and its derivative, elementwise on arrays.
    sympy
        The function on SymPy expressions.
    argument
        What is free in its argument.
    nodes
        How many nodes the term ``+ amplitude * f(argument)`` adds to an expression.
    is_positive_only
        Whether the argument must stay positive.
    risk
        How many nodes it must be worth more than it has, because of what it may do outside the
        range that it was fitted on: fail, or come back.
    """

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    sympy: Callable[[sympy.Expr], sympy.Expr]
    argument: Argument
    nodes: int
    is_positive_only: bool = False
    risk: int = 0


def _sech_squared(u: Array) -> Array:
    return np.asarray(1.0 - np.tanh(u) ** 2)


LIBRARY = (
    LibraryFunction("x", lambda u: u, np.ones_like, lambda u: u, Argument.PLAIN, 4),
    LibraryFunction("x^2", np.square, lambda u: 2 * u, lambda u: u**2, Argument.SHIFTED, 8),
    LibraryFunction("x^3", lambda u: u**3, lambda u: 3 * u**2, lambda u: u**3, Argument.SHIFTED, 8),
    LibraryFunction("abs", np.abs, np.sign, sympy.Abs, Argument.SHIFTED, 7),
    LibraryFunction("exp", np.exp, np.exp, sympy.exp, Argument.SCALED, 7),
    LibraryFunction("tanh", np.tanh, _sech_squared, sympy.tanh, Argument.AFFINE, 9),
    LibraryFunction("sin", np.sin, np.cos, sympy.sin, Argument.AFFINE, 9, risk=20),
    LibraryFunction(
        "gaussian",
        lambda u: np.exp(-(u**2)),
        lambda u: -2 * u * np.exp(-(u**2)),
        lambda u: sympy.exp(-(u**2)),
        Argument.AFFINE,
        12,
    ),
    LibraryFunction(
        "log",
        np.log,
        lambda u: 1 / u,
        sympy.log,
        Argument.SHIFTED,
        7,
        is_positive_only=True,
        risk=3,
    ),
    LibraryFunction(
        "sqrt",
        np.sqrt,
        lambda u: 0.5 / np.sqrt(u),
        sympy.sqrt,
        Argument.SHIFTED,
        7,
        is_positive_only=True,
        risk=3,
    ),
    LibraryFunction(
        "1/x",
        lambda u: 1 / u,
        lambda u: -1 / u**2,
        lambda u: 1 / u,
        Argument.SHIFTED,
        6,
        is_positive_only=True,
        risk=3,
    ),
)
