# SPDX-License-Identifier: MIT
"""What is proven of random expressions, against values in doubles and with 60 digits."""

import contextlib
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, reject, settings
from random_expressions import BOXES, EXPRESSIONS, NAMES, TooLargeError, exact

from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.proofs.examination import Direction, Examination, NotProven

WORK = 1e5
"""Little, so that many expressions get their turn; all that is proven must hold all the same."""
UP, DOWN, FLAT, BOTH = (
    Direction.INCREASING,
    Direction.DECREASING,
    Direction.CONSTANT,
    Direction.MIXED,
)
Box = dict[str, tuple[float, float]]


def examined(expression: Expression, box: Box) -> Examination:
    try:
        return Examination(expression, box, WORK)
    except NotProven as error:
        refutation = error.at
    if refutation is not None:
        # A point of the box at which evaluation fails.
        assert all(box[name][0] <= value <= box[name][1] for name, value in refutation.items())
        with pytest.raises(EvaluationError):
            expression.evaluate({n: np.array([value]) for n, value in refutation.items()})
    return reject()


def points(box: Box, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {name: rng.uniform(*box[name], count) for name in NAMES}
    for i, name in enumerate(NAMES):
        found[name][:4] = np.array(box[name])[[0, 0, 1, 1] if i else [0, 1, 0, 1]]
    return found


@settings(max_examples=300, deadline=None, derandomize=True)
@given(EXPRESSIONS, BOXES)
def test_no_value_leaves_the_proven_range(expression: Expression, box: Box) -> None:
    low, high = examined(expression, box).range
    sampled = points(box, 200)
    if math.isinf(low) or math.isinf(high):
        # What is proven to be defined may still be too large for a double.
        with contextlib.suppress(EvaluationError):
            expression.evaluate(sampled)
        return
    values = expression.evaluate(sampled)
    # Not by a bit: the range is one of doubles too.
    assert values.min() >= low
    assert values.max() <= high
    try:
        for row in range(8):
            assert low <= exact(expression, {n: float(sampled[n][row]) for n in NAMES}) <= high
    except TooLargeError:
        return


@settings(max_examples=200, deadline=None, derandomize=True)
@given(EXPRESSIONS, BOXES)
def test_no_difference_contradicts_directions_and_slopes(expression: Expression, box: Box) -> None:
    found = examined(expression, box)
    directions = {name: found.monotonicity(name) for name in NAMES}
    slopes = {name: found.slope(name) for name in NAMES}
    here, there = points(box, 8), points(box, 8, seed=1)
    try:
        with mpmath.workdps(60):
            for row in range(8):
                point = {n: float(here[n][row]) for n in NAMES}
                moved = {n: float(there[n][row]) for n in NAMES}
                value = exact(expression, point)
                for name in NAMES:
                    step = mpmath.mpf(moved[name]) - mpmath.mpf(point[name])
                    change = exact(expression, point | {name: moved[name]}) - value
                    slack = mpmath.mpf(10) ** -40
                    if directions[name].direction in (UP, FLAT):
                        assert change * mpmath.sign(step) >= -slack
                    if directions[name].direction in (DOWN, FLAT):
                        assert change * mpmath.sign(step) <= slack
                    if math.isfinite(slopes[name]):
                        assert abs(change) <= slopes[name] * abs(step) + slack
    except TooLargeError:
        return


@settings(max_examples=150, deadline=None, derandomize=True)
@given(EXPRESSIONS, BOXES)
def test_counterexamples_are_some(expression: Expression, box: Box) -> None:
    found = examined(expression, box)
    for name in NAMES:
        moves = found.monotonicity(name)
        if moves.direction is not BOTH:
            continue
        for point, sign in ((moves.rises_at, 1), (moves.falls_at, -1)):
            assert point is not None
            assert all(box[n][0] <= value <= box[n][1] for n, value in point.items())
            with mpmath.workdps(60):
                step = mpmath.mpf(10) ** -25
                try:
                    values = [
                        exact(expression, {**point, name: mpmath.mpf(point[name]) + move})
                        for move in (-step, step)
                    ]
                except TooLargeError:
                    continue
                # The domain may end at the point; then one side is not real.
                if all(isinstance(value, mpmath.mpf) for value in values):
                    assert (values[1] - values[0]) * sign > 0


@pytest.mark.parametrize(
    ("text", "box", "expected", "directions"),
    [
        # One interval is not enough for these.
        ("x - x", {"x": (0, 1)}, (0, 0), (FLAT, FLAT)),
        ("x - x^3/3", {"x": (0, 0.99)}, (0, 0.99 - 0.99**3 / 3), (UP, FLAT)),
        ("x*exp(-x)", {"x": (0, 0.99)}, (0, 0.99 * math.exp(-0.99)), (UP, FLAT)),
        ("x*exp(-x)", {"x": (0, 3)}, (0, math.exp(-1)), (BOTH, FLAT)),
        ("x - sin(x)", {"x": (-3, 3)}, (math.sin(3) - 3, 3 - math.sin(3)), (UP, FLAT)),
        ("1/(x^2 - x + 1)", {"x": (-1, 2)}, (1 / 3, 4 / 3), (BOTH, FLAT)),
        ("x/(x + y)", {"x": (0.1, 1), "y": (0.1, 1)}, (1 / 11, 10 / 11), (UP, DOWN)),
        ("max(x - y, 0)", {"x": (0, 1), "y": (0, 1)}, (0, 1), (UP, DOWN)),
        ("sqrt(x^2 - x + 1)", {"x": (0, 3)}, (math.sqrt(0.75), math.sqrt(7)), (BOTH, FLAT)),
    ],
)
def test_subdivision_proves_more(
    text: str, box: Box, expected: tuple[float, float], directions: tuple[Direction, Direction]
) -> None:
    found = Examination(parse(text, NAMES), box)
    low, high = found.range
    width = expected[1] - expected[0]
    assert expected[0] - 0.01 * max(width, 0.2) <= low <= expected[0] + 1e-15
    assert expected[1] - 1e-15 <= high <= expected[1] + 0.01 * max(width, 0.2)
    assert tuple(found.monotonicity(name).direction for name in NAMES) == directions


@pytest.mark.parametrize(
    ("text", "slopes"),
    [
        ("3*x - 2*y", (3, 2)),
        ("x*y", (2, 1)),
        ("sqrt(x)", (math.inf, 0)),
        ("sqrt(x + 1)", (0.5, 0)),
        ("1/(1 + exp(-(20*x - 3*y)))", (5, 0.75)),
        ("abs(x - 0.5) + y^2", (1, 4)),
        ("exp(-(4*x - 2)^2)", (4 * math.sqrt(2) * math.exp(-0.5), 0)),
        ("0.25", (0, 0)),
    ],
)
def test_slopes_are_close(text: str, slopes: tuple[float, float]) -> None:
    found = Examination(parse(text, NAMES), {"x": (0.0, 1.0), "y": (0.0, 2.0)})
    for name, slope in zip(NAMES, slopes, strict=True):
        assert slope * (1 - 1e-15) <= found.slope(name) <= 1.005 * slope


@pytest.mark.parametrize(
    ("text", "reason", "refuted"),
    [
        ("1/(x - y)", "x - y may be 0, and is divided by: at x=0, y=0 it divides by zero", True),
        ("log(x)", "x may be 0 or less, in log(x): at x=0, y=0 it is infinite", True),
        ("sqrt(x - y)", "x - y may be negative, in sqrt(x - y): at x=0, y=1 it is not a", True),
        ("(x - 0.3)^y", "x - 0.3 may be negative, in (x - 0.3)^y: at x=0.0", True),
        ("tan(10*x)", "10*x may pass a pole, in tan(10*x)", False),
        ("exp(1000*x) - exp(999*x)", "may overflow on the way: at x=1, y=0 it is not a", True),
        ("sin(exp(1000*x))", "sin(exp(1000*x)) may overflow on the way: at x=1", True),
        # Subdivision finds the point.
        ("1/(x - 0.3)", "x - 0.3 may be 0, and is divided by: at x=0.3, y=0 it", True),
        # No double is the root of a half.
        ("1/(x^2 - 0.5)", "x^2 - 0.5 may be 0, and is divided by", False),
    ],
)
def test_what_may_fail_is_named(text: str, reason: str, refuted: bool) -> None:
    with pytest.raises(NotProven) as refusal:
        Examination(parse(text, NAMES), {"x": (0.0, 1.0), "y": (0.0, 1.0)})
    assert reason in str(refusal.value)
    assert (refusal.value.at is not None) is refuted


def test_overflow_of_the_value_leaves_no_range() -> None:
    found = Examination(parse("exp(1000*x)", NAMES), {"x": (0.0, 1.0)})
    assert found.range == (1.0 - 2.0**-49, math.inf) or found.range[0] == pytest.approx(1.0)
    assert math.isinf(found.range[1])
    assert found.monotonicity("x").direction is UP


def test_an_answer_does_not_depend_on_the_clock() -> None:
    def answers() -> tuple[object, ...]:
        found = Examination(
            parse("sin(9*x*y) + x*y/(1 + x)", NAMES), {"x": (0.0, 3.0), "y": (0.0, 3.0)}
        )
        return found.range, found.slope("x"), found.slope("y"), found.monotonicity("x")

    assert answers() == answers()
