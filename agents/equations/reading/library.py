# SPDX-License-Identifier: MIT
"""Functions of one variable that may stand for a spline: ``amplitude * f(argument)``.

The argument is ``scale*x + shift`` where a scale changes more than the amplitude, and otherwise
``x - centre`` (or ``centre - x``, where f needs a positive argument). To add a function, add a line
to `LIBRARY`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.grammar import Node, unchecked_value
from ns3kan.agents.equations.expressions.parser import parse

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
    text
        The function of ``u`` in the grammar of expressions.
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
    text: str
    argument: Argument
    nodes: int
    is_positive_only: bool = False
    risk: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "_root", parse(self.text, ["u"]).root)

    @property
    def root(self) -> Node:
        """Tree of the function of ``u``."""
        root: Node = self._root  # type: ignore[attr-defined]
        return root

    def value(self, argument: Array) -> Array:
        """Evaluate elementwise; NaN or infinite where the function is not defined."""
        return unchecked_value(self.root, {"u": argument})


LIBRARY = (
    LibraryFunction("x", "u", Argument.PLAIN, 4),
    LibraryFunction("x^2", "u^2", Argument.SHIFTED, 8),
    LibraryFunction("x^3", "u^3", Argument.SHIFTED, 8),
    LibraryFunction("abs", "abs(u)", Argument.SHIFTED, 7),
    LibraryFunction("exp", "exp(u)", Argument.SCALED, 7),
    LibraryFunction("tanh", "tanh(u)", Argument.AFFINE, 9),
    LibraryFunction("sin", "sin(u)", Argument.AFFINE, 9, risk=20),
    LibraryFunction("gaussian", "exp(-u^2)", Argument.AFFINE, 12),
    LibraryFunction("log", "log(u)", Argument.SHIFTED, 7, is_positive_only=True, risk=3),
    LibraryFunction("sqrt", "sqrt(u)", Argument.SHIFTED, 7, is_positive_only=True, risk=3),
    LibraryFunction("1/x", "1/u", Argument.SHIFTED, 6, is_positive_only=True, risk=3),
)
