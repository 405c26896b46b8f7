# SPDX-License-Identifier: MIT
"""Expressions go to SymPy and come back with the same values."""

import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from ns3kan.agents.equations.expressions.algebra import from_sympy, simplified, symbol, to_sympy
from ns3kan.agents.equations.expressions.grammar import EvaluationError
from ns3kan.agents.equations.expressions.parser import parse

NAMES = ("load", "internet_delay", "x")
x, load = symbol("x"), symbol("load")

TEXTS = [
    "1/(1 + exp(-(1.2 + 3.4*load - 0.56*tanh(20*internet_delay - 1.3))))",
    "load/3 - 1/x^2",
    "-2*load*exp(-(x - 0.3)^2)",
    "sqrt(x)/2 + 1/sqrt(x)",
    "min(x, load, 2) - max(x, load)",
    "abs(x - load)^0.5",
    "2^-x - x^load",
    "log(x)/log(2) + sin(x)*cos(load)*tan(x)",
    "-(x + 1)*load",
    "1e-05*x + 1e+20",
    "1/3 - 2^0.5",
]
POINTS = {name: np.random.default_rng(0).uniform(0.1, 2, 50) for name in NAMES}


@pytest.mark.parametrize("text", TEXTS)
def test_values_survive(text: str) -> None:
    expression = parse(text, NAMES)
    back = from_sympy(to_sympy(expression), NAMES)
    np.testing.assert_allclose(back.evaluate(POINTS), expression.evaluate(POINTS), rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (1 / (1 + sympy.exp(-x)), "1/(1 + exp(-x))"),
        (sympy.Float("0.56", 17) * x - 3, "0.56*x - 3"),
        (-x - load, "-load - x"),
        (x**-2, "1/x^2"),
        (x / load, "x/load"),
        (sympy.Rational(2, 3) * x, "2*x/3"),
        (sympy.Rational(-1, 3), "-1/3"),
        (sympy.sqrt(x), "sqrt(x)"),
        (sympy.exp(-(x**2)), "exp(-x^2)"),
        (sympy.pi * x, "3.141592653589793*x"),
        (sympy.Abs(x - 1), "abs(x - 1)"),
        (2 * sympy.exp(x) * load, "2*load*exp(x)"),
    ],
)
def test_sympy_is_written_readably(formula: sympy.Expr, text: str) -> None:
    assert str(from_sympy(formula, NAMES)) == text


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_every_digit_of_a_number_survives(number: float) -> None:
    expression = from_sympy(sympy.Float(number, 17), NAMES)
    assert float(expression.evaluate({})) == number


@given(
    st.recursive(
        st.sampled_from(["x", "load", "2", "0.3"]),
        lambda parts: st.one_of(
            st.tuples(parts, st.sampled_from([" + ", " - ", "*", "/"]), parts).map(
                lambda three: f"({three[0]}){three[1]}({three[2]})"
            ),
            st.tuples(st.sampled_from(["exp", "tanh", "sin", "abs", "-"]), parts).map(
                lambda two: f"{two[0]}({two[1]})"
            ),
            parts.map(lambda part: f"({part})^2"),
        ),
        max_leaves=6,
    )
)
def test_precedence_is_sympys(text: str) -> None:
    expression = parse(text, NAMES)
    point = {"x": np.array([0.7]), "load": np.array([1.3])}
    try:
        expected = float(expression.evaluate(point)[0])
    except EvaluationError:
        return
    assume(abs(expected) < 1e6)
    reference = sympy.parse_expr(text.replace("^", "**").replace("abs", "Abs"))
    value = complex(reference.subs({"x": 0.7, "load": 1.3}))
    assert expected == pytest.approx(value.real, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (sympy.gamma(x), "gamma is outside the grammar"),
        (sympy.Symbol("y") + 1, "'y' is not one of the inputs"),
        (sympy.I, "not a finite real number"),
        (sympy.oo, "not a finite real number"),
        (sympy.nan, "not a finite real number"),
        (sympy.Piecewise((x, x > 0), (0, True)), "outside the grammar"),
    ],
)
def test_what_the_grammar_cannot_say(formula: sympy.Expr, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_sympy(formula, NAMES)


@pytest.mark.parametrize(
    ("text", "shorter"),
    [
        ("2*x + 3*x", "5*x"),
        ("3*(2*x + 6)", "6*(3 + x)"),
        ("-x*max(-x, -load)", "x*min(load, x)"),
        ("50*min(0.02*x*load, 0.02*x^2)", "min(x^2, load*x)"),
        ("max(-x - 1, -load)", "-min(load, 1 + x)"),
        ("min(2*x, 3*load)", "min(2*x, 3*load)"),
        ("max(0, -x)", "max(0, -x)"),
    ],
)
def test_simplified(text: str, shorter: str) -> None:
    expression = parse(text, NAMES)
    found = simplified(expression, NAMES)
    assert found.nodes() == parse(shorter, NAMES).nodes()
    point = {"x": np.array([-1.7, 0.4, 2.0]), "load": np.array([0.3, -2.0, 2.5])}
    # Both round each of up to 8 operations on numbers below 10.
    np.testing.assert_allclose(found.evaluate(point), expression.evaluate(point), atol=1e-13)


@pytest.mark.parametrize(
    "text",
    [
        # Numbers that are towers of exponentials, or whole powers of whole numbers.
        "x*exp(2.5*exp(1000000.5))",
        "exp(exp(exp(100)))*x",
        "sin(exp(exp(30))) + x",
        "exp(2.5 + exp(1000000.5 + x))",
        "(2*x)^1000000000000",
        "((3*x)^1000)^1000",
        "(x/3)^10000000",
        "((100000000000000*x)^100000)^100000",
        "(1e300*x)^1e300",
    ],
)
@pytest.mark.timeout(60)
def test_numbers_beyond_doubles_are_never_computed(text: str) -> None:
    with pytest.raises(ValueError, match="finite real number"):
        simplified(parse(text, NAMES), NAMES)


def test_large_exponents_of_what_is_no_number_stay() -> None:
    expression = parse("(3*x + 6)^100000000000000*load", NAMES)
    assert str(simplified(expression, NAMES)) == "(6 + 3*x)^100000000000000*load"


def test_long_expressions_are_not_simplified() -> None:
    with pytest.raises(ValueError, match="5999 nodes is too long to be rewritten, 3000 are"):
        simplified(parse("+".join(["x"] * 3_000), NAMES), NAMES)
