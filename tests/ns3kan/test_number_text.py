# SPDX-License-Identifier: MIT
"""Numbers are short for people, and as close as their digits say."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ns3kan.agents.equations.expressions.grammar import Chain, Input, Number, walk
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.bridge.ns3.tryout import brief
from ns3kan.io.numbers import MINUS, formula_text, limits_text, number_text, point_text

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
USUAL = st.floats(-1e12, 1e12) | st.floats(-2, 2)


def unit_of(text: str) -> Decimal:
    """Worth of one in the last digit."""
    mantissa, _, exponent = text.partition("e")
    return Decimal(1).scaleb(int(exponent or 0) - len(mantissa.partition(".")[2]))


@given(DOUBLES | USUAL)
@example(1.1269769999999999)
@example(0.8287714356351842)
@example(999999.5)
@example(999999999.7)
@example(0.000099999996)
@example(5e-324)
@example(-0.0)
def test_the_shown_number_is_within_half_a_unit_of_its_last_digit(value: float) -> None:
    shown = number_text(value)
    assert "-" not in shown
    text = shown.replace(MINUS, "-")
    assert abs(Decimal(text) - Decimal(value)) <= unit_of(text) / 2
    assert (text[0] == "-") == (value < 0)
    mantissa = text.partition("e")[0]
    assert len(mantissa.strip("-").replace(".", "").strip("0")) <= (6 if "." in mantissa else 10)
    assert not re.search(r"\.[0-9]*0$|\.$", mantissa)


@given(st.integers(-999_999_999, 999_999_999))
def test_whole_numbers_are_written_out(value: int) -> None:
    assert number_text(value).replace(MINUS, "-") == str(value)


@given(DOUBLES | USUAL)
def test_what_is_shown_stays_when_it_is_shown_again(value: float) -> None:
    shown = number_text(value, minus="-")
    assert number_text(float(shown), minus="-") == shown


@given(st.lists(DOUBLES.map(abs), min_size=2, max_size=5))
def test_a_formula_stays_in_its_grammar(values: list[float]) -> None:
    exact = parse(" - ".join(f"{value!r}*x_1^2.0" for value in values), ["x_1"])
    text = formula_text(str(exact))
    shown = parse(text, ["x_1"])
    assert len(list(walk(shown.root))) == len(list(walk(exact.root)))
    for mine, other in zip(walk(shown.root), walk(exact.root), strict=True):
        assert type(mine) is type(other)
        if isinstance(mine, Number) and isinstance(other, Number):
            assert mine.value == float(number_text(other.value, minus="-"))
        if isinstance(mine, Chain) and isinstance(other, Chain):
            assert [sign for sign, _ in mine.rest] == [sign for sign, _ in other.rest]
        if isinstance(mine, Input):
            assert mine == other
    assert formula_text(text) == text


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("0.8287714356351842*load - 1.1269769999999999", "0.828771*load - 1.12698"),
        ("pixel_12345678*2.0^-1e-05", "pixel_12345678*2^-1e-5"),
        ("x - 0.30000000000000004 may be 0, at 0.", "x - 0.3 may be 0, at 0."),
        (".5*x1e5 + 1.2345678E+20", "0.5*x1e5 + 1.23457e20"),
    ],
)
def test_only_numbers_of_a_formula_change(formula: str, text: str) -> None:
    assert formula_text(formula) == text


def test_points_and_ranges() -> None:
    assert point_text({"a": 0.1, "b": -2.0}) == "a=0.1, b=−2"
    assert limits_text(None, 1 / 3) == "−inf to 0.333333"
    assert limits_text(-math.inf, math.inf) == "−inf to inf"
    assert number_text(math.nan) == "nan"


def test_a_first_look_shows_whole_numbers_in_full() -> None:
    assert brief(np.array([1 / 3, -2.0])) == "[0.333333, −2]"
    assert brief(np.array([2**33, -3])) == "[8589934592, −3]"
    assert brief({"rate": np.array(2 / 3), "open": np.array([True, False])}) == (
        "{rate: 0.666667, open: [1, 0]}"
    )
