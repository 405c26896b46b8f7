# SPDX-License-Identifier: MIT
"""Interval arithmetic, operation by operation, against exact values."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ns3kan.agents.equations.proofs import intervals
from ns3kan.agents.equations.proofs.intervals import Interval

finite = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-50, 50) | st.floats(-1e-300, 1e-300) | st.integers(-3, 3).map(float)
pairs = st.tuples(finite | moderate, finite | moderate).map(lambda p: (min(p), max(p)))


@pytest.fixture(autouse=True)
def _overflows_are_expected() -> Any:
    with np.errstate(all="ignore"):
        yield


def holds(interval: Interval, value: Any) -> bool:
    low, high = float(interval.low), float(interval.high)
    below = low == -math.inf or Fraction(low) <= value
    return below and (high == math.inf or value <= Fraction(high))


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(OPERATIONS)), pairs, pairs, st.floats(0, 1), st.floats(0, 1))
def test_arithmetic_holds_exact_and_rounded_results(
    operation: str, x: tuple[float, float], y: tuple[float, float], s: float, t: float
) -> None:
    result = OPERATIONS[operation](Interval.of(*x), Interval.of(*y))
    inner = [float(np.clip((1 - share) * e[0] + share * e[1], *e)) for e, share in ((x, s), (y, t))]
    for a in (*x, inner[0]):
        for b in (*y, inner[1]):
            if operation == "/" and b == 0:
                assert (result.low, result.high) == (-math.inf, math.inf)
                continue
            assert holds(result, OPERATIONS[operation](Fraction(a), Fraction(b)))
            rounded = OPERATIONS[operation](np.float64(a), np.float64(b))
            assert result.low <= rounded <= result.high


FUNCTIONS = {
    "exp": st.floats(-800, 800),
    "log": st.floats(5e-324, 1e308),
    "sqrt": st.floats(0, 1e308),
    "sin": st.floats(-1e9, 1e9) | st.floats(-10, 10),
    "cos": st.floats(-1e9, 1e9) | st.floats(-10, 10),
    "tan": st.floats(-1e9, 1e9) | st.floats(-10, 10),
    "tanh": st.floats(-30, 30),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpy_errs_by_less_than_half_the_margin(name: str) -> None:
    @settings(max_examples=500, deadline=None, derandomize=True, database=None)
    @given(FUNCTIONS[name])
    def check(x: float) -> None:
        found = float(getattr(np, name)(np.float64(x)))
        with mpmath.workdps(60):
            value = getattr(mpmath, name)(mpmath.mpf(x))
        if abs(value) > 1e308:
            return
        error = abs(mpmath.mpf(found) - value)
        assert error <= intervals.MARGIN / 2 * abs(value) + 4 * 5e-324

    check()


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.floats(-20, 20) | st.floats(-1e6, 1e6),
    st.floats(0, 8),
    st.floats(0, 1),
)
def test_functions_hold_what_lies_between(name: str, x: float, width: float, share: float) -> None:
    ends = (abs(x), abs(x) + width) if name in ("log", "sqrt") else (x, x + width)
    result = getattr(intervals, name)(Interval.of(*ends))
    inner = min(max((1 - share) * ends[0] + share * ends[1], ends[0]), ends[1])
    if name == "log" and inner == 0:
        return
    with mpmath.workdps(60):
        value = getattr(mpmath, name)(mpmath.mpf(inner))
    assert mpmath.mpf(float(result.low)) <= value <= mpmath.mpf(float(result.high))
    assert result.low <= getattr(np, name)(inner) <= result.high


@settings(max_examples=500, deadline=None, derandomize=True)
@given(pairs, st.integers(-5, 5), st.floats(0, 1))
def test_whole_powers(x: tuple[float, float], exponent: int, share: float) -> None:
    result = intervals.power_whole(Interval.of(*x), exponent)
    inner = float(np.clip((1 - share) * x[0] + share * x[1], *x))
    for a in (*x, inner):
        if a == 0 and exponent < 0:
            assert (result.low, result.high) == (-math.inf, math.inf)
        else:
            assert holds(result, Fraction(a) ** exponent)
            assert result.low <= np.power(np.float64(a), float(exponent)) <= result.high


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    st.tuples(st.floats(0, 1e3), st.floats(0, 1e3)).map(lambda p: (min(p), max(p))),
    st.tuples(st.floats(-4, 4), st.floats(-4, 4)).map(lambda p: (min(p), max(p))),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_powers(
    base: tuple[float, float], exponent: tuple[float, float], s: float, t: float
) -> None:
    result = intervals.power(Interval.of(*base), Interval.of(*exponent))
    for a in (*base, (1 - s) * base[0] + s * base[1]):
        for b in (*exponent, (1 - t) * exponent[0] + t * exponent[1]):
            a, b = float(np.clip(a, *base)), float(np.clip(b, *exponent))
            if a == 0 and b <= 0:
                continue
            with mpmath.workdps(60):
                value = mpmath.power(mpmath.mpf(a), mpmath.mpf(b))
            assert mpmath.mpf(float(result.low)) <= value
            assert result.high == math.inf or value <= mpmath.mpf(float(result.high))
            assert result.low <= np.power(a, b) <= result.high


@pytest.mark.parametrize(
    ("function", "ends", "expected"),
    [
        ("sin", (0, 2), (0, 1)),
        ("sin", (0.1, 3), (math.sin(0.1), 1)),
        ("sin", (4, 5), (-1, math.sin(4))),
        ("cos", (-1, 1), (math.cos(1), 1)),
        ("cos", (1, 3), (math.cos(3), math.cos(1))),
        ("cos", (3, 4), (-1, math.cos(4))),
        ("cos", (0, 7), (-1, 1)),
        ("sin", (1e15, 1e15), (-1, 1)),
        ("sin", (-math.inf, 0), (-1, 1)),
        ("tan", (-1.5, 1.5), (-math.tan(1.5), math.tan(1.5))),
        ("tan", (2, 4), (math.tan(2), math.tan(4))),
        ("tan", (1, 2), (-math.inf, math.inf)),
        ("exp", (-math.inf, math.inf), (0, math.inf)),
        ("tanh", (-math.inf, math.inf), (-1, 1)),
        ("exp", (-1, 2), (math.exp(-1), math.exp(2))),
        ("log", (0.5, 2), (-math.log(2), math.log(2))),
        ("log", (0, 1), (-math.inf, 0)),
        ("sqrt", (0, 4), (0, 2)),
        ("tanh", (-1, 0.5), (-math.tanh(1), math.tanh(0.5))),
        ("absolute", (-3, 2), (0, 3)),
        ("absolute", (-3, -2), (2, 3)),
    ],
)
def test_known_ranges(
    function: str, ends: tuple[float, float], expected: tuple[float, float]
) -> None:
    result = getattr(intervals, function)(Interval.of(*ends))
    assert (float(result.low), float(result.high)) == pytest.approx(expected, rel=1e-14)
    assert result.low <= expected[0]
    assert result.high >= expected[1]


def test_signs_are_kept_exactly() -> None:
    none = Interval.of(0.0, 5.0) * Interval.of(0.0, 3.0)
    assert none.low == 0
    assert (Interval.of(1.0, 2.0) - Interval.of(1.0, 1.0)).low == 0
    assert (Interval.of(-2.0, 0.0) * Interval.of(1e-200, 1e-150)).high == 0
    assert (Interval.of(1e-200) * Interval.of(1e-200)).high > 0
    assert intervals.power(Interval.of(0.0, 0.0), Interval.of(0.5)).high == 0
    assert intervals.exp(Interval.of(-1e9, -1e9)).high > 0
