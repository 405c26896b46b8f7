# SPDX-License-Identifier: MIT
"""The grammar: what it reads, what it refuses, and that nothing else gets through."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

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
from ns3kan.agents.equations.expressions.parser import MAX_DEPTH, MAX_LENGTH, ExpressionError, parse

NAMES = ("load", "load_delta", "mpls_delay", "x")


def value(text: str, **inputs: float) -> float:
    arrays = {name: np.array([number]) for name, number in inputs.items()}
    return float(parse(text, tuple(inputs)).evaluate(arrays).flat[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-2^2", -4.0),
        ("2^-1", 0.5),
        ("2^3^2", 512.0),
        ("2^-1^2", 0.5),
        ("(-2)^2", 4.0),
        ("--2", 2.0),
        ("2*-3", -6.0),
        ("7 - 2 - 3", 2.0),
        ("16/4/2", 2.0),
        ("16/(4/2)", 8.0),
        ("2 + 3*4", 14.0),
        ("1.5 + .5 + 2e-3 + 1.E+2", 102.002),
        ("log(exp(2))", 2.0),
        ("sqrt(16) + abs(-3)", 7.0),
        ("sin(0) + cos(0) + tan(0) + tanh(0)", 1.0),
        ("min(3, 1, 2) + max(3, 1, 2)", 4.0),
        ("1/(1 + exp(1000))", 0.0),
        ("0^0", 1.0),
    ],
)
def test_values(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected, rel=1e-15, abs=1e-15)


def test_batch() -> None:
    values = parse("0.3*load^2 + x", NAMES).evaluate(
        {"load": np.array([0.0, 1.0, 2.0]), "x": np.array([1.0, 2.0, 3.0])}
    )
    np.testing.assert_allclose(values, [1.0, 2.3, 4.2], rtol=1e-15)


def test_a_constant_has_the_shape_of_the_batch() -> None:
    assert parse("2", NAMES).evaluate({"x": np.zeros(5)}).shape == (5,)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "empty"),
        (" \t\n", 0, "empty"),
        ("laod", 0, "did you mean 'load'"),
        ("x + exq(2)", 4, "did you mean 'exp'"),
        ("1 + qqqqqqqq", 4, "known are load, load_delta"),
        ("exp", 0, "parentheses"),
        ("2*sin + 1", 2, "parentheses"),
        ("load(2)", 0, "not a function"),
        ("2(3)", 1, "expected an operator"),
        ("(x)(x)", 3, "expected an operator"),
        ("exp(1, 2)", 0, "takes 1 argument, not 2"),
        ("1 + min(1)", 4, "takes 2 or more"),
        ("exp()", 4, "expected a number"),
        ("min(1,)", 6, "expected a number"),
        ("x.real", 1, "attributes"),
        ("x.5", 1, "expected an operator"),
        ("x ** 2", 2, "write '^'"),
        ("x < 2", 2, "comparisons"),
        ("x == 2", 2, "comparisons"),
        ("x ? 1 : 2", 2, "comparisons"),
        ("+x", 0, "unary plus"),
        ("2*+x", 2, "unary plus"),
        ("x x", 2, "expected an operator"),
        ("2x", 1, "expected an operator"),
        ("2e", 1, "expected an operator"),
        ("1 + ", 4, "expected a number"),
        ("(1 + (x)", 0, "never closed"),
        ("min(1, 2", 3, "never closed"),
        ("(x]", 2, "unexpected character ']'"),
        ("(x, x)", 2, "expected an operator or ')'"),
        ("x)", 1, "closes nothing"),
        ("x, x", 1, "expected an operator"),
        ("x; import", 1, "unexpected character ';'"),
        ("'x'", 0, "unexpected character"),
        ("x + é", 4, "not printable ASCII"),
        ("x\x00", 1, "not printable ASCII"),
        ("٣", 0, "not printable ASCII"),
        ("1e999", 0, "does not fit"),
        ("x + 1e-999", 4, "does not fit"),
        ("x + " + "9" * 400, 4, "does not fit"),
        ("9^9^9^9", 3, "this power of numbers does not fit"),
        ("x*(9^(9))^-(99^9)", 9, "this power of numbers does not fit"),
        ("0^-1", 1, "this power of numbers does not fit"),
        ("(-8)^0.5", 4, "this power of numbers does not fit"),
        ("__import__('os')", 0, "unknown function"),
        ("pi", 0, "unknown input"),
    ],
)
def test_refusals(text: str, position: int, reason: str) -> None:
    with pytest.raises(ExpressionError) as refusal:
        parse(text, NAMES)
    assert refusal.value.position == position
    assert reason in refusal.value.reason
    assert str(refusal.value).startswith(f"at position {position}: ")


@pytest.mark.parametrize("opening", ["(", "-", "exp(", "2^", "min(1,"])
def test_nesting_is_bounded(opening: str) -> None:
    closing = ")" if "(" in opening else ""
    nested = opening * MAX_DEPTH + "x" + closing * MAX_DEPTH
    expression = parse(nested, NAMES)
    assert parse(str(expression), NAMES) == expression
    assert "x" in expression.inputs()
    with pytest.raises(ExpressionError, match="levels deep") as refusal:
        parse(opening * (MAX_DEPTH + 1) + "x" + closing * (MAX_DEPTH + 1), NAMES)
    step = len(opening)
    assert MAX_DEPTH * step <= refusal.value.position < (MAX_DEPTH + 1) * step


def test_the_deepest_tree_can_be_written_and_evaluated() -> None:
    text = "1 + 2*tanh(-" * (MAX_DEPTH // 2) + "x" + ")" * (MAX_DEPTH // 2)
    expression = parse(text, NAMES)
    assert str(expression) == text
    assert math.isfinite(expression.evaluate({"x": np.array([0.5])})[0])


def test_long_numbers_are_read_to_the_nearest_double() -> None:
    assert value("0." + "3" * 10_000) == 1 / 3
    assert value("1" + "0" * 300 + ".0" + "0" * 10_000) == 1e300


def test_length_is_bounded() -> None:
    terms = MAX_LENGTH // 2
    text = "1" + "+1" * (terms - 1)
    assert value(text + " ") == terms
    with pytest.raises(ExpressionError, match="longer than") as refusal:
        parse(text + "  ", NAMES)
    assert refusal.value.position == MAX_LENGTH
    with pytest.raises(ExpressionError, match="longer than"):
        parse("é" * (MAX_LENGTH // 2 + 1), NAMES)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1/x", "divides by zero"),
        ("x^-1", "divides by zero"),
        ("1/(1/x)", "divides by zero"),
        ("log(x - 1)", "is not a number"),
        ("log(x)", "is infinite"),
        ("sqrt(-1)", "is not a number"),
        ("max(sqrt(-1), 2)", "is not a number"),
        ("(-8)^(1/3)", "is not a number"),
        ("exp(1000)", "is infinite"),
        ("-exp(1000)", "is infinite"),
    ],
)
def test_evaluation_errors(text: str, reason: str) -> None:
    with pytest.raises(EvaluationError, match=reason) as error:
        parse(text, NAMES).evaluate({"x": np.array([0.0, 0.0])})
    assert error.value.row == 0


def test_evaluation_error_names_the_row() -> None:
    with pytest.raises(EvaluationError, match="row 2") as error:
        parse("1/(x - 3)", NAMES).evaluate({"x": np.array([1.0, 2.0, 3.0, 3.0])})
    assert error.value.row == 2


numbers = st.floats(min_value=0, allow_nan=False, allow_infinity=False).map(
    lambda number: Number(abs(number))
)


def grow(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    unary = st.sampled_from(["exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "abs"])

    def chain(operators: str) -> st.SearchStrategy[Node]:
        part = st.tuples(st.sampled_from(list(operators)), nodes)
        # A parsed chain never starts with one of its own kind: those are joined.
        first = nodes.filter(
            lambda node: not (isinstance(node, Chain) and node.rest[0][0] in operators)
        )
        return st.builds(Chain, first, st.lists(part, min_size=1, max_size=3).map(tuple))

    return st.one_of(
        st.builds(Negative, nodes),
        st.builds(Power, nodes, nodes),
        st.builds(lambda name, node: Call(name, (node,)), unary, nodes),
        st.builds(
            Call,
            st.sampled_from(["min", "max"]),
            st.lists(nodes, min_size=2, max_size=3).map(tuple),
        ),
        chain("+-"),
        chain("*/"),
    )


trees = st.recursive(st.one_of(numbers, st.sampled_from(NAMES).map(Input)), grow, max_leaves=20)


@given(trees)
def test_text_and_tree_say_the_same(tree: Node) -> None:
    expression = Expression(tree)
    try:
        read = parse(str(expression), NAMES)
    except ExpressionError as refusal:
        # A tree can hold what no text may say.
        assume("power of numbers" not in refusal.reason)
        raise
    assert read == expression


def check_read_or_refused(text: str) -> None:
    position = None
    try:
        expression = parse(text, NAMES)
    except ExpressionError as refusal:
        position = refusal.position
    else:
        assert parse(str(expression), NAMES) == expression
    assert position is None or 0 <= position <= len(text)


@given(st.text(max_size=60))
def test_random_text_is_read_or_refused(text: str) -> None:
    check_read_or_refused(text)


fragments = st.sampled_from([*"+-*/^(),.<= ", "**", "x", "load", "exp", "min", "2", "1e3", "foo"])


@given(st.lists(fragments, max_size=20).map("".join))
def test_random_fragments_are_read_or_refused(text: str) -> None:
    check_read_or_refused(text)


# Operators between small numbers, so that neither side overflows.
arithmetic = st.recursive(
    st.integers(1, 9).map(str),
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from([" + ", " - ", "*", "/"]), parts).map("".join),
        st.tuples(parts, st.sampled_from(["^2", "^-1", "^1^3"])).map("".join),
        parts.map(lambda part: f"-{part}"),
        parts.map(lambda part: f"({part})"),
    ),
    max_leaves=8,
)


@given(arithmetic)
def test_precedence_is_pythons(text: str) -> None:
    try:
        # Only digits and operators, made above.
        expected = eval(text.replace("^", "**"), {})
    except (ZeroDivisionError, OverflowError):
        with pytest.raises(EvaluationError):
            parse(text, NAMES).evaluate({})
    else:
        assert float(parse(text, NAMES).evaluate({})) == pytest.approx(float(expected), rel=1e-12)
