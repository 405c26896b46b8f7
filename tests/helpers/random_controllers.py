# SPDX-License-Identifier: MIT
"""Random expressions of the whole grammar, for comparisons of what evaluates them."""

import math
from collections.abc import Sequence

import numpy as np

from ns3kan.agents.equations.expressions.grammar import (
    FUNCTIONS,
    UNARY_FUNCTIONS,
    VARIADIC_FUNCTIONS,
)


def random_expression(generator: np.random.Generator, names: Sequence[str], depth: int) -> str:
    """Write an expression that may be anything of the grammar, of moderate values."""

    def part() -> str:
        return random_expression(generator, names, depth - 1)

    if depth == 0 or generator.random() < 0.1:
        if generator.random() < 0.4:
            return f"{generator.uniform(0.1, 3):.{generator.integers(1, 17)}g}"
        return str(generator.choice(names))
    match generator.integers(8):
        case 0 | 1:
            return f"{part()} {generator.choice(['+', '-'])} {part()}"
        case 2:
            return f"({part()}){generator.choice(['*', '/'])}{part()}"
        case 3:
            return f"{part()}*(-{part()})/({part()})"
        case 4:
            return f"-({part()})^{generator.choice(['2', '-1', '3', '2^2', '-2'])}"
        case 5:
            return f"abs({part()})^tanh({part()})"
        case 6:
            function = str(generator.choice(list(VARIADIC_FUNCTIONS)))
            return f"{function}({part()}, {part()}, {part()})"
        case _:
            function = str(generator.choice([f for f in FUNCTIONS if f not in VARIADIC_FUNCTIONS]))
            # Bounded or positive, so that most points have a value.
            inner = f"abs({part()})" if function in ("log", "sqrt") else f"tanh({part()})"
            return f"{function}({inner})"


CORNERS = (0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, math.pi / 2, 1e200, -1e200, 5e-324)
"""Values of inputs at which arithmetic has its edges; the middle of the list is moderate."""
_EXPONENTS = (
    *("0", "-0", "-0.0", "--0", "-(0)", "(0*x)", "-(0*x)", "-0^2", "0^-0", "min(0, -0)"),
    *("1", "-1", "2", "-2", "3", "-3", "0.5", "-0.5", "1e300", "-1e300", "x", "-abs(x)"),
)
_NUMBERS = ("0", "-0", "1", "2", "0.5", "1e300", "5e-324")


def corner_expression(generator: np.random.Generator, names: Sequence[str], depth: int) -> str:
    """Write an expression of what has edges: zeros of either sign, powers, poles, overflows.

    At `CORNERS` the steps on which a failure depends are exact or far from their bounds, so that
    everything that evaluates such expressions must agree on what fails and why.
    """

    def part() -> str:
        return corner_expression(generator, names, depth - 1)

    if depth == 0:
        return str(generator.choice([*names, *names, *_NUMBERS]))
    match generator.integers(8):
        case 0 | 1 | 2:
            exponent = str(generator.choice(_EXPONENTS))
            return f"({part()})^{exponent.replace('x', str(generator.choice(names)))}"
        case 3:
            return f"({part()}){generator.choice(['+', '-', '*', '/'])}({part()})"
        case 4:
            return f"{generator.choice(list(VARIADIC_FUNCTIONS))}({part()}, {part()}, -0)"
        case 5:
            return f"-({part()})"
        case 6:
            return f"({part()})*{generator.choice(['sqrt', 'abs'])}({part()})"
        case _:
            # Not below a difference or a divisor: the last digits of these are not the same.
            exact = corner_expression(generator, names, 0)
            return f"{generator.choice(list(UNARY_FUNCTIONS))}({exact})"
