# SPDX-License-Identifier: MIT
"""Random expressions and boxes for property tests, and their exact values."""

from collections.abc import Mapping
from typing import Any

import mpmath
from hypothesis import strategies as st

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
from ns3kan.agents.equations.expressions.parser import parse

NAMES = ("x", "y")


def _wider(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(["({} + {})", "({} - {})", "({}*{})", "({}/{})", "({})^({})"])
    binary |= st.sampled_from(["min({}, {})", "max({}, {})"])
    unary = st.sampled_from(["exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "abs", "-"])
    power = st.sampled_from(["2", "3", "-1", "-2", "0.5", "-1.5", "0"])
    return (
        st.tuples(binary, parts, parts).map(lambda t: t[0].format(t[1], t[2]))
        | st.tuples(unary, parts).map(lambda t: f"({t[0]}({t[1]}))")
        | st.tuples(parts, power).map(lambda t: f"({t[0]})^({t[1]})")
        | parts.map(lambda part: f"1/(1 + exp({part}))")
    )


EXPRESSIONS = st.recursive(
    st.sampled_from([*NAMES, *NAMES, "0.25", "1", "1.5", "3"]), _wider, max_leaves=8
).map(lambda text: parse(text, NAMES))
_ENDS = st.tuples(*[st.sampled_from([-3.0, -1.0, -0.5, 0.0, 0.1, 0.5, 1.0, 2.0, 4.0])] * 2)
BOXES = st.fixed_dictionaries(
    dict.fromkeys(NAMES, _ENDS.filter(lambda e: e[0] != e[1]).map(lambda e: (min(e), max(e))))
)


class TooLargeError(ArithmeticError):
    """A value on the way is beyond 1e15: what it cancels with takes digits from the result."""


def exact(expression: Expression, values: Mapping[str, float]) -> Any:
    """Value of an expression to 40 digits behind the point, as mpmath computes it."""
    with mpmath.workdps(60):
        return _exact(expression.root, {name: mpmath.mpf(value) for name, value in values.items()})


def _exact(node: Node, values: Mapping[str, Any]) -> Any:
    match node:
        case Number(value):
            result = mpmath.mpf(value)
        case Input(name):
            result = values[name]
        case Negative(operand):
            result = -_exact(operand, values)
        case Power(base, exponent):
            result = mpmath.power(_exact(base, values), _exact(exponent, values))
        case Call(function, arguments):
            parts = [_exact(argument, values) for argument in arguments]
            known = {"abs": mpmath.fabs, "min": min, "max": max}
            result = known.get(function, getattr(mpmath, function, None))(*parts)
        case Chain(first, rest):
            result = _exact(first, values)
            for operator, part in rest:
                right = _exact(part, values)
                match operator:
                    case "+":
                        result += right
                    case "-":
                        result -= right
                    case "*":
                        result *= right
                    case _:
                        result /= right
    if abs(result) > 1e15:
        raise TooLargeError
    return result
