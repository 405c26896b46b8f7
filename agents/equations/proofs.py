# SPDX-License-Identifier: MIT
"""What can be proven of an expression over a box of its inputs, from its tree and not by sampling.

Ranges come from interval arithmetic with outward rounding (mpmath), directions from the rules of
monotone functions: a sum of increasing terms increases, a product of non-negative increasing
factors increases, and so on. The rules are sufficient, not necessary.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from mpmath import iv

from ns3kan.agents.equations.controller import Controller
from ns3kan.agents.equations.grammar import (
    Call,
    Chain,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
)

Box = Mapping[str, tuple[float, float]]
"""Least and greatest value of each input."""


class NotProven(ValueError):  # noqa: N818 - it is no error of a program
    """Nothing can be said; the message names the part of the expression and the reason."""


class Direction(enum.Enum):
    """How a value changes when one input grows and the others stay."""

    CONSTANT = "constant"
    INCREASING = "non-decreasing"
    DECREASING = "non-increasing"
    UNKNOWN = "not proven"

    def __neg__(self) -> Direction:
        return _OPPOSITE.get(self, self)

    def __add__(self, other: Direction) -> Direction:
        if self is Direction.CONSTANT or self is other:
            return other
        return self if other is Direction.CONSTANT else Direction.UNKNOWN

    def times(self, low: float, high: float) -> Direction:
        """Direction after multiplication with something that lies between low and high."""
        if self is Direction.CONSTANT or low >= 0:
            return self
        return -self if high <= 0 else Direction.UNKNOWN


_OPPOSITE = {
    Direction.INCREASING: Direction.DECREASING,
    Direction.DECREASING: Direction.INCREASING,
}


def value_range(expression: Expression, box: Box) -> tuple[float, float]:
    """Bounds on the values of an expression over a box.

    Parameters
    ----------
    expression
        In the grammar.
    box
        A finite range for each of its inputs.

    Returns
    -------
    low, high
        No value lies outside; they need not be attained.

    Raises
    ------
    NotProven
        If a divisor, logarithm, root or power cannot be shown to be defined on the whole box.
    """
    return _ends(_range(expression.root, _intervals(expression, box)))


def direction(expression: Expression, name: str, box: Box) -> Direction:
    """In which direction an expression moves with one input, over a box.

    Raises
    ------
    NotProven
        As `value_range`.
    """
    intervals = _intervals(expression, box)
    _range(expression.root, intervals)
    return _direction(expression.root, name, intervals)


@dataclass(frozen=True)
class SwitchTypeProof:
    """That an index policy is switch-type, or where the proof fails.

    Attributes
    ----------
    directions
        Proven direction of the index in each input.
    box
        For which inputs.
    holds
        Whether each direction is proven to be the declared one.
    """

    directions: Mapping[str, Direction]
    box: Box
    holds: bool


def prove_switch_type(
    controller: Controller, declared: Mapping[str, int], box: Box | None = None
) -> SwitchTypeProof:
    """Prove that an index controller is switch-type.

    By lemma 1 of the paper on switch-type networks (Wigmore, Shrader and Modiano) argmax over one
    shared f of each component is switch-type if f does not decrease in any encoded feature.

    Parameters
    ----------
    controller
        With the decision "index".
    declared
        1 or −1 for each input: the direction in which more of it attracts the decision.
    box
        Range of each input; those of the controller by default.

    Raises
    ------
    NotProven
        As `value_range`, or if the decision is another.
    ValueError
        If an input has no declared direction of 1 or −1.
    """
    if controller.decision != "index":
        raise NotProven(f"the decision is {controller.decision!r}, not 'index'")
    for name in controller.input_names:
        if declared.get(name) not in (1, -1):
            raise ValueError(
                f"The declared direction of {name} is {declared.get(name)}; it must be 1 or -1."
            )
    ranges = box if box is not None else {entry.name: entry.range for entry in controller.inputs}
    expression = controller.expressions[0]
    found = {name: direction(expression, name, ranges) for name in controller.input_names}
    wanted = {1: Direction.INCREASING, -1: Direction.DECREASING}
    holds = all(one in (Direction.CONSTANT, wanted[declared[name]]) for name, one in found.items())
    return SwitchTypeProof(found, dict(ranges), holds)


def _intervals(expression: Expression, box: Box) -> dict[str, iv.mpf]:
    result = {}
    for name in expression.inputs():
        if name not in box:
            raise NotProven(f"the box has no range for {name}")
        low, high = box[name]
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise NotProven(f"the range of {name}, {low} to {high}, is not finite and in order")
        result[name] = iv.mpf([low, high])
    return result


def _ends(interval: iv.mpf) -> tuple[float, float]:
    """Return ends as doubles, rounded outwards."""
    low, high = float(interval.a.mid), float(interval.b.mid)
    return math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


def _sign(interval: iv.mpf) -> tuple[float, float]:
    """Return ends that are exact as to their sign."""
    return (
        0.0 if interval.a >= 0 else -1.0,
        0.0 if interval.b <= 0 else 1.0,
    )


def _range(node: Node, box: Mapping[str, iv.mpf]) -> iv.mpf:
    match node:
        case Number(value):
            return iv.mpf(value)
        case Input(name):
            return box[name]
        case Negative(operand):
            return -_range(operand, box)
        case Power(base, exponent):
            return _power_range(node, _range(base, box), exponent, box)
        case Call(function, arguments):
            return _call_range(node, function, [_range(part, box) for part in arguments])
        case Chain(first, rest):
            result = _range(first, box)
            for operator, part in rest:
                other = _range(part, box)
                if operator == "+":
                    result = result + other
                elif operator == "-":
                    result = result - other
                elif operator == "*":
                    result = result * other
                elif 0 in other:
                    raise NotProven(f"{Expression(part)} may be 0, and is divided by")
                else:
                    result = result / other
            return result


def _power_range(node: Power, base: iv.mpf, exponent: Node, box: Mapping[str, iv.mpf]) -> iv.mpf:
    power = _range(exponent, box)
    whole = _whole(exponent)
    if whole is not None:
        if whole < 0 and 0 in base:
            raise NotProven(f"{Expression(node.base)} may be 0, and is divided by")
        return base**whole
    if base.a < 0:
        raise NotProven(f"{Expression(node.base)} may be negative, in {Expression(node)}")
    if base.a == 0:
        # 0^p is 0 for p > 0, and greater bases give the rest.
        if not power.a > 0:
            raise NotProven(f"{Expression(node.base)} may be 0, in {Expression(node)}")
        if base.b == 0:
            return iv.mpf(0)
        above = [iv.exp(p * iv.log(iv.mpf(base.b))) for p in (power.a, power.b)]
        return iv.mpf([0, max(end.b for end in above)])
    return iv.exp(power * iv.log(base))


def _call_range(node: Call, function: str, parts: list[iv.mpf]) -> iv.mpf:
    if function in ("min", "max"):
        choose = min if function == "min" else max
        return iv.mpf([choose(part.a for part in parts), choose(part.b for part in parts)])
    (argument,) = parts
    inside = Expression(node.arguments[0])
    if function == "log" and not argument.a > 0:
        raise NotProven(f"{inside} may be 0 or less, in {Expression(node)}")
    if function == "sqrt" and not argument.a >= 0:
        raise NotProven(f"{inside} may be negative, in {Expression(node)}")
    if function == "abs":
        if argument.a >= 0:
            return argument
        return -argument if argument.b <= 0 else iv.mpf([0, max(-argument.a, argument.b)])
    if function == "tanh":
        # Both ends, for exp would overflow to no number in between.
        ends = [1 - 2 / (iv.exp(2 * iv.mpf(end)) + 1) for end in (argument.a, argument.b)]
        return iv.mpf([ends[0].a, ends[1].b])
    if function == "tan" and not (argument.a > -iv.pi.a / 2 and argument.b < iv.pi.a / 2):
        raise NotProven(f"{inside} may pass a pole, in {Expression(node)}")
    return getattr(iv, function)(argument)


def _direction(node: Node, name: str, box: Mapping[str, iv.mpf]) -> Direction:
    match node:
        case Number():
            return Direction.CONSTANT
        case Input(other):
            return Direction.INCREASING if other == name else Direction.CONSTANT
        case Negative(operand):
            return -_direction(operand, name, box)
        case Power(base, exponent):
            return _power_direction(base, exponent, name, box)
        case Call(function, arguments):
            parts = [_direction(part, name, box) for part in arguments]
            if function in ("min", "max"):
                return functools.reduce(Direction.__add__, parts)
            return _function_direction(function, parts[0], _range(arguments[0], box))
        case Chain(first, rest):
            return _chain_direction(first, rest, name, box)


def _chain_direction(
    first: Node, rest: tuple[tuple[str, Node], ...], name: str, box: Mapping[str, iv.mpf]
) -> Direction:
    result, value = _direction(first, name, box), _range(first, box)
    for operator, part in rest:
        mine, other = _direction(part, name, box), _range(part, box)
        if operator in "+-":
            result = result + (mine if operator == "+" else -mine)
            value = value + other if operator == "+" else value - other
        elif operator == "*":
            result = result.times(*_sign(other)) + mine.times(*_sign(value))
            value = value * other
        else:
            # u/v: u' / v − u v' / v².
            result = result.times(*_sign(other)) + (-mine).times(*_sign(value))
            value = value / other
    return result


def _power_direction(base: Node, exponent: Node, name: str, box: Mapping[str, iv.mpf]) -> Direction:
    value, power = _range(base, box), _range(exponent, box)
    below, above = _direction(base, name, box), _direction(exponent, name, box)
    whole = _whole(exponent)
    if whole is not None:
        if whole == 0:
            return Direction.CONSTANT
        slope = below if whole > 0 else -below
        # Odd powers keep the order, even ones keep or turn it with the sign of the base; negative
        # ones have been shown not to pass 0.
        return slope if whole % 2 else slope.times(*_sign(value))
    by_base = below.times(*_sign(power))
    by_exponent = above
    if above is not Direction.CONSTANT:
        by_exponent = above if value.a >= 1 else -above if value.b <= 1 else Direction.UNKNOWN
    return by_base + by_exponent


def _function_direction(function: str, inside: Direction, argument: iv.mpf) -> Direction:
    if inside is Direction.CONSTANT or function in ("exp", "log", "sqrt", "tanh", "tan"):
        return inside
    if function == "abs":
        return inside.times(*_sign(argument))
    slope = iv.cos(argument) if function == "sin" else -iv.sin(argument)
    return inside.times(*_sign(slope))


def _whole(exponent: Node) -> int | None:
    """Value of an exponent that is a whole number written out, else None."""
    match exponent:
        case Number(value) if value == int(value):
            return int(value)
        case Negative(Number(value)) if value == int(value):
            return -int(value)
        case _:
            return None
