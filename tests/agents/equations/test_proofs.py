# SPDX-License-Identifier: MIT
import numpy as np
import pytest

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.proofs.answers import (
    Direction,
    NotProven,
    direction,
    prove_switch_type,
    value_range,
)

NAMES = ("x", "y")
UP, DOWN, FLAT, BOTH = (
    Direction.INCREASING,
    Direction.DECREASING,
    Direction.CONSTANT,
    Direction.MIXED,
)


@pytest.mark.parametrize(
    ("text", "box", "expected", "directions"),
    [
        ("x*y", {"x": (0, 3), "y": (0, 2)}, (0, 6), (UP, UP)),
        ("x*y", {"x": (-1, 3), "y": (0, 2)}, (-2, 6), (UP, BOTH)),
        ("x - 2*y", {"x": (0, 3), "y": (0, 2)}, (-4, 3), (UP, DOWN)),
        ("x/y", {"x": (0, 3), "y": (1, 2)}, (0, 3), (UP, DOWN)),
        ("x/y", {"x": (-3, 0), "y": (-2, -1)}, (0, 3), (DOWN, UP)),
        ("x^2", {"x": (-2, 1)}, (0, 4), (BOTH, FLAT)),
        ("x^2", {"x": (-2, 0)}, (0, 4), (DOWN, FLAT)),
        ("x^3", {"x": (-2, 1)}, (-8, 1), (UP, FLAT)),
        ("x^-1", {"x": (-2, -1)}, (-1, -0.5), (DOWN, FLAT)),
        ("x^-2", {"x": (-2, -1)}, (0.25, 1), (UP, FLAT)),
        ("x^0", {"x": (-2, 1)}, (1, 1), (FLAT, FLAT)),
        ("x^0.5", {"x": (0, 9)}, (0, 3), (UP, FLAT)),
        ("0.5^x", {"x": (0, 2)}, (0.25, 1), (DOWN, FLAT)),
        ("2^x", {"x": (0, 2)}, (1, 4), (UP, FLAT)),
        ("y^x", {"x": (1, 2), "y": (0.5, 2)}, (0.25, 4), (BOTH, UP)),
        ("abs(x)", {"x": (-3, 2)}, (0, 3), (BOTH, FLAT)),
        ("abs(x)", {"x": (-3, -2)}, (2, 3), (DOWN, FLAT)),
        ("max(x, -y, 1)", {"x": (-3, 2), "y": (-3, 5)}, (1, 3), (UP, DOWN)),
        ("sin(x)", {"x": (0, 1.5)}, (0, np.sin(1.5)), (UP, FLAT)),
        ("cos(x)", {"x": (0, 3)}, (np.cos(3), 1), (DOWN, FLAT)),
        ("cos(x)", {"x": (0, 7)}, (-1, 1), (BOTH, FLAT)),
        ("tan(x)", {"x": (-1.5, 1.5)}, (-np.tan(1.5), np.tan(1.5)), (UP, FLAT)),
        ("tanh(1000*x)", {"x": (-5, 5)}, (-1, 1), (UP, FLAT)),
        ("1/(1 + exp(1000*x))", {"x": (0, 5)}, (0, 0.5), (DOWN, FLAT)),
        ("log(1 + x) - sqrt(y)", {"x": (0, 1), "y": (0, 4)}, (-2, np.log(2)), (UP, DOWN)),
    ],
)
def test_known_ranges_and_directions(text, box, expected, directions) -> None:  # type: ignore[no-untyped-def]
    expression = parse(text, NAMES)
    low, high = value_range(expression, box)
    assert (low, high) == pytest.approx(expected, rel=1e-12, abs=1e-300)
    assert low <= expected[0]
    assert high >= expected[1]
    for name, wanted in zip(NAMES, directions, strict=True):
        assert direction(expression, name, box) is wanted


@pytest.mark.parametrize(
    ("text", "box", "message"),
    [
        ("1/x", {"x": (0, 1)}, "x may be 0, and is divided by"),
        ("1/(x - y)", {"x": (0, 1), "y": (0, 1)}, "x - y may be 0, and is divided by"),
        ("x^-2", {"x": (-1, 1)}, "x may be 0, and is divided by"),
        ("x^-0.5", {"x": (0, 1)}, r"x may be 0, in x\^-0.5"),
        ("x^y", {"x": (0, 1), "y": (0, 1)}, r"x may be 0, in x\^y"),
        ("x^1.5", {"x": (-1, 1)}, r"x may be negative, in x\^1.5"),
        ("2*log(x)", {"x": (0, 1)}, r"x may be 0 or less, in log\(x\)"),
        ("sqrt(x - 1)", {"x": (0, 1)}, r"x - 1 may be negative, in sqrt\(x - 1\)"),
        ("tan(2*x)", {"x": (0, 1)}, r"2\*x may pass a pole, in tan\(2\*x\)"),
        ("x + y", {"x": (0, 1)}, "no range for y"),
        ("x", {"x": (0, np.inf)}, "range of x, 0 to inf, is not finite"),
        ("x", {"x": (np.nan, 1)}, "range of x, nan to 1, is not finite"),
        ("x", {"x": (1, 0)}, "range of x, 1 to 0, is not finite and in order"),
    ],
)
def test_what_cannot_be_proven_is_named(text, box, message) -> None:  # type: ignore[no-untyped-def]
    for attempt in (value_range, lambda e, b: direction(e, "x", b)):
        with pytest.raises(NotProven, match=message):
            attempt(parse(text, NAMES), box)


RANGES = {"q": (0.0, 1e6), "y": (0.0, 50.0), "l": (0.0, 3.0), "mu": (0.0, 3.0)}
SIGNS = {"q": 1, "y": 1, "l": 1, "mu": -1}


def controller(text: str, decision: str = "index", **ranges: tuple[float, float]) -> Controller:
    names = parse(text, tuple(RANGES)).inputs()
    inputs = [
        ControllerInput(name, "packet", ranges.get(name, RANGES[name])) for name in sorted(names)
    ]
    return Controller(inputs, [ControllerOutput("index", text)], decision)


@pytest.mark.parametrize(
    "text",
    [
        "q*y",
        "min(q, y)",
        "min(q, y)*q^0.5/(mu + 0.1)^0.5",
        "min(q, y)*(q + 1.73)^0.42*(l + 0.1)^0.2/(mu + 0.22)^1.03",
        "log(q + 1) + tanh(y) - sqrt(mu)",
    ],
)
def test_scheduling_indices_are_switch_type(text: str) -> None:
    proof = prove_switch_type(controller(text), SIGNS)
    assert proof.holds
    assert set(proof.directions) == parse(text, tuple(RANGES)).inputs()
    assert not prove_switch_type(
        controller(text), {name: -sign for name, sign in SIGNS.items()}
    ).holds


def test_shortest_expected_delay_is_switch_type_where_rates_are_positive() -> None:
    signs = {"q": -1, "y": 1, "mu": 1}
    text = "-(max(q - y, 0) + 1)/mu"
    with pytest.raises(NotProven, match="mu may be 0"):
        prove_switch_type(controller(text), signs)
    proof = prove_switch_type(controller(text, mu=(0.01, 3.0)), signs)
    assert proof.holds
    assert proof.directions == {"q": DOWN, "y": UP, "mu": UP}
    box = {"q": (0.0, 10.0), "y": (0.0, 1.0), "mu": (1.0, 2.0)}
    assert prove_switch_type(controller(text), signs, box).box == box


def test_what_is_not_switch_type() -> None:
    # More capacity than packets speaks against a queue.
    proof = prove_switch_type(controller("q*y - y^2"), SIGNS)
    assert not proof.holds
    assert proof.directions == {"q": UP, "y": BOTH}
    ratio = Controller(
        [ControllerInput("q", "packet", (0, 1))], [ControllerOutput("ratio", "q", (0, 1))]
    )
    with pytest.raises(NotProven, match="decision is 'ratio', not 'index'"):
        prove_switch_type(ratio, SIGNS)
    with pytest.raises(ValueError, match="declared direction of y is None; it must be 1 or -1"):
        prove_switch_type(controller("q*y"), {"q": 1})
    with pytest.raises(ValueError, match="declared direction of q is 0"):
        prove_switch_type(controller("q*y"), {"q": 0, "y": 1})
