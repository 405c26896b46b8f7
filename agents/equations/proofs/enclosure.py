# SPDX-License-Identifier: MIT
"""Bounds on an expression and on its slopes over many boxes at once, from its tree.

Values are bounded by interval arithmetic node by node, slopes by its forward differentiation
(Moore, Kearfott and Cloud 2009, chapters 5 and 6). Where ``abs``, ``min`` or ``max`` have a kink,
a slope is bounded by the hull of those beside it (Clarke's gradient), so that slopes bound all
differences. The bounds hold for the numbers themselves and for what is computed in doubles.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
from ns3kan.agents.equations.proofs import intervals
from ns3kan.agents.equations.proofs.intervals import ONE, ZERO, Array, Interval
from ns3kan.io.numbers import formula_text

Slopes = Mapping[str, Interval]
"""By input; what is not there is 0."""


@dataclass(frozen=True)
class Enclosure:
    """What holds on each of many boxes.

    Attributes
    ----------
    value
        Bounds on the value, shape (boxes,).
    slopes
        Bounds on the derivative in each input that was asked for, shape (boxes,).
    excess
        0 where every operation is defined for sure; else how far a divisor reaches beyond 0, a
        logarithm's argument below it and so on. Shape (boxes,).
    reason
        What may be undefined on the first such box, in words; empty if nothing is.
    """

    value: Interval
    slopes: Slopes
    excess: Array
    reason: str


def enclose(
    expression: Expression, boxes: Mapping[str, Interval], inputs: Sequence[str] = ()
) -> Enclosure:
    """Bound an expression over boxes.

    Parameters
    ----------
    expression
        In the grammar.
    boxes
        Ranges of each of its inputs, arrays of shape (boxes,).
    inputs
        In which of them slopes are wanted.
    """
    shape = np.broadcast_shapes(*(box.low.shape for box in boxes.values()))
    visit = _Visit(boxes, frozenset(inputs), shape)
    with np.errstate(all="ignore"):
        value, slopes = visit.node(expression.root)
    return Enclosure(
        _broadcast(value, shape),
        {name: _broadcast(slopes.get(name, ZERO), shape) for name in inputs},
        visit.excess,
        visit.reason,
    )


def _broadcast(interval: Interval, shape: tuple[int, ...]) -> Interval:
    return Interval(np.broadcast_to(interval.low, shape), np.broadcast_to(interval.high, shape))


class _Visit:
    """One walk over the tree, which remembers what may be undefined."""

    def __init__(
        self, boxes: Mapping[str, Interval], inputs: frozenset[str], shape: tuple[int, ...]
    ) -> None:
        self.boxes = boxes
        self.inputs = inputs
        self.excess = np.zeros(shape)
        self.reason = ""

    def node(self, node: Node) -> tuple[Interval, dict[str, Interval]]:
        match node:
            case Number(number):
                return Interval.of(number), {}
            case Input(name):
                return self.boxes[name], {name: ONE} if name in self.inputs else {}
            case Negative(operand):
                value, slopes = self.node(operand)
                return -value, {name: -slope for name, slope in slopes.items()}
            case Power():
                return self.power(node)
            case Call("min" | "max", _):
                return self.extreme(node)
            case Call():
                return self.call(node)
            case Chain():
                return self.sum(node) if node.is_sum else self.product(node)

    def forbid(
        self,
        where: NDArray[np.bool_],
        excess: Array,
        part: Node,
        predicate: str,
        whole: Node | None = None,
    ) -> None:
        """Remember where a part may make something undefined, and by how much."""
        if not where.any():
            return
        if not self.reason:
            self.reason = f"{formula_text(str(Expression(part)))} {predicate}"
            self.reason += f", in {formula_text(str(Expression(whole)))}" if whole else ""
        excess = np.where(where, np.maximum(excess, np.finfo(np.float64).tiny), 0.0)
        self.excess = np.maximum(self.excess, excess)

    def forbid_zero(self, value: Interval, part: Node) -> None:
        overlap = np.minimum(-value.low, value.high)
        self.forbid(value.contains(0.0), overlap, part, "may be 0, and is divided by")

    def forbid_infinity(self, clash: NDArray[np.bool_], node: Node) -> None:
        """Forbid what an overflow may turn into no number: ∞ − ∞, 0·∞, ∞/∞, sin ∞."""
        # What is undefined already is infinite for that reason.
        self.forbid(
            clash & (self.excess == 0), np.asarray(math.inf), node, "may overflow on the way"
        )

    def sum(self, node: Chain) -> tuple[Interval, dict[str, Interval]]:
        value, slopes = self.node(node.first)
        slopes = dict(slopes)
        for operator, part in node.rest:
            right, more = self.node(part)
            if operator == "-":
                right, more = -right, {name: -slope for name, slope in more.items()}
            self.forbid_infinity(
                (np.isinf(value.low) & np.isinf(right.high))
                | (np.isinf(value.high) & np.isinf(right.low)),
                node,
            )
            value = value + right
            _add(slopes, more)
        return value, slopes

    def product(self, node: Chain) -> tuple[Interval, dict[str, Interval]]:
        inner = _logistic_argument(node)
        value, slopes = self.node(node.first) if inner is None else self.logistic(inner)
        for operator, part in node.rest[0 if inner is None else 1 :]:
            right, more = self.node(part)
            if operator == "*":
                self.forbid_infinity(
                    (value.is_infinite() & right.contains(0.0))
                    | (right.is_infinite() & value.contains(0.0)),
                    node,
                )
                slopes = _scaled(slopes, right)
                _add(slopes, _scaled(more, value))
                value = value * right
                continue
            self.forbid_zero(right, part)
            self.forbid_infinity(value.is_infinite() & right.is_infinite(), node)
            value = value / right
            # (u/v)' = (u' − (u/v) v') / v.
            difference = dict(slopes)
            _add(difference, _scaled(more, -value))
            slopes = {name: slope / right for name, slope in difference.items()}
        return value, slopes

    def logistic(self, inner: Node) -> tuple[Interval, dict[str, Interval]]:
        """Bound s = 1/(1 + exp t) by s' = −s (1 − s) t', far closer than the rule of quotients."""
        t, slopes = self.node(inner)
        s = _clipped(ONE / (ONE + intervals.exp(t)), 0.0, 1.0)
        return s, _scaled(slopes, -intervals.logistic_slope(s))

    def power(self, node: Power) -> tuple[Interval, dict[str, Interval]]:
        base, below = self.node(node.base)
        exponent, above = self.node(node.exponent)
        whole = _whole(exponent)
        if whole is not None:
            if whole < 0:
                self.forbid_zero(base, node.base)
            value = intervals.power_whole(base, whole)
            steepness = Interval.of(float(whole))
            steepness = steepness * intervals.power_whole(base, whole - 1) if whole else ZERO
        else:
            self.forbid(base.low < 0, -base.low, node.base, "may be negative", node)
            # 0 to a positive power is 0.
            unsure = (base.low <= 0) & (exponent.low <= 0)
            self.forbid(unsure, -exponent.low, node.base, "may be 0", node)
            value = intervals.power(base, exponent)
            steepness = exponent * intervals.power(base, exponent - ONE) if below else ZERO
        slopes = _scaled(below, steepness)
        if above:
            _add(slopes, _scaled(above, value * intervals.log(base)))
        return value, slopes

    def extreme(self, node: Call) -> tuple[Interval, dict[str, Interval]]:
        values, gradients = zip(*map(self.node, node.arguments), strict=True)
        least = node.function == "min"
        value = functools.reduce(intervals.minimum if least else intervals.maximum, values)
        names = {name for gradient in gradients for name in gradient}
        slopes = {}
        for name in names:
            low, high = np.asarray(math.inf), np.asarray(-math.inf)
            for part, gradient in zip(values, gradients, strict=True):
                # A part beyond the extreme is never chosen.
                chosen = part.low <= value.high if least else part.high >= value.low
                slope = gradient.get(name, ZERO)
                low = np.minimum(low, np.where(chosen, slope.low, math.inf))
                high = np.maximum(high, np.where(chosen, slope.high, -math.inf))
            slopes[name] = Interval(low, high)
        return value, slopes

    def call(self, node: Call) -> tuple[Interval, dict[str, Interval]]:
        (part,) = node.arguments
        x, slopes = self.node(part)
        match node.function:
            case "exp":
                value = intervals.exp(x)
                steepness = value
            case "log":
                self.forbid(x.low <= 0, -x.low, part, "may be 0 or less", node)
                value = intervals.log(x)
                steepness = _reciprocal(x)
            case "sqrt":
                self.forbid(x.low < 0, -x.low, part, "may be negative", node)
                value = intervals.sqrt(x)
                steepness = _reciprocal(Interval.of(2.0) * value)
            case "tanh":
                value = intervals.tanh(x)
                square = intervals.power_whole(value, 2)
                steepness = _clipped(ONE - square, 0.0, 1.0)
            case "abs":
                value = intervals.absolute(x)
                steepness = Interval(
                    np.where((x.low >= 0) & (x.high > 0), 1.0, -1.0),
                    np.where((x.high <= 0) & (x.low < 0), -1.0, 1.0),
                )
            case _:
                self.forbid_infinity(x.is_infinite(), node)
                value, steepness = self.wave(node, x)
        return value, _scaled(slopes, steepness)

    def wave(self, node: Call, x: Interval) -> tuple[Interval, Interval]:
        """Bound a sine, cosine or tangent, and its derivative."""
        if node.function == "sin":
            return intervals.sin(x), intervals.cos(x)
        if node.function == "cos":
            return intervals.cos(x), -intervals.sin(x)
        pole = intervals.has_pole(x)
        self.forbid(pole, x.high - x.low, node.arguments[0], "may pass a pole", node)
        value = intervals.tan(x)
        return value, ONE + intervals.power_whole(value, 2)


def _add(slopes: dict[str, Interval], more: Mapping[str, Interval]) -> None:
    for name, slope in more.items():
        slopes[name] = slopes[name] + slope if name in slopes else slope


def _scaled(slopes: Mapping[str, Interval], factor: Interval) -> dict[str, Interval]:
    # 1 times anything is exact, which products of intervals do not know.
    return {name: factor if slope is ONE else slope * factor for name, slope in slopes.items()}


def _clipped(x: Interval, low: float, high: float) -> Interval:
    return Interval(np.maximum(x.low, low), np.minimum(x.high, high))


def _reciprocal(x: Interval) -> Interval:
    """1/x for what is not negative: infinite at 0."""
    low = np.nextafter(1.0 / x.high, -math.inf)
    return Interval(np.maximum(low, 0.0), np.nextafter(1.0 / np.maximum(x.low, 0.0), math.inf))


def _whole(exponent: Interval) -> int | None:
    """Exponent, if it is one whole number everywhere; else None."""
    first = float(exponent.low.flat[0])
    if first.is_integer() and (exponent.low == first).all() and (exponent.high == first).all():
        return int(first)
    return None


def _logistic_argument(node: Chain) -> Node | None:
    """Return t of a product that starts with 1/(1 + exp(t)), else None."""
    match node:
        case Chain(Number(1.0), (("/", Chain(Number(1.0), (("+", Call("exp", (t,))),))), *_)):
            return t
        case _:
            return None
