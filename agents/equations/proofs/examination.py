# SPDX-License-Identifier: MIT
"""What can be proven of one expression over a box of its inputs, and what can be refuted.

Everything is proven by bounds on boxes (`enclosure`, `subdivision`) and refuted by points; what is
neither stays open. No claim rests on samples: they only say where to look for a refutation, and how
close a bound can come.
"""

from __future__ import annotations

import enum
import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.proofs.enclosure import Enclosure, enclose
from ns3kan.agents.equations.proofs.intervals import Array, Interval
from ns3kan.agents.equations.proofs.subdivision import Bound, Boxes, Function, bound_above
from ns3kan.errors import InputError
from ns3kan.io.numbers import limits_text, point_text

Box = Mapping[str, tuple[float, float]]
"""Least and greatest value of each input."""
Point = Mapping[str, float]
"""A value of each input."""

WORK = 3e6
"""Evaluations of a node on a box that one question may cost: some tenths of a second."""
_SAMPLES = 500
_CORNERS = 256
# A bound this close to what is attained, relative to the range of values, is close enough.
_TOLERANCE = 2e-3


class NotProven(InputError):  # noqa: N818 - it is no error of a program
    """Nothing can be said; the message names the part of the expression and the reason.

    Attributes
    ----------
    at
        Where evaluation fails, if such a point was found.
    """

    def __init__(self, reason: str, at: Point | None = None) -> None:
        super().__init__(reason)
        self.at = at


class Direction(enum.Enum):
    """How a value changes when one input grows and the others stay."""

    CONSTANT = "constant"
    INCREASING = "non-decreasing"
    DECREASING = "non-increasing"
    MIXED = "not monotone"
    UNKNOWN = "not proven"


@dataclass(frozen=True)
class Monotonicity:
    """How an expression moves with one input.

    Attributes
    ----------
    direction
        What is proven.
    rises_at, falls_at
        If it is not monotone: a point where it rises with the input, and one where it falls.
    """

    direction: Direction
    rises_at: Point | None = None
    falls_at: Point | None = None


class Examination:
    """An expression over a box, and answers about it.

    Parameters
    ----------
    expression
        In the grammar.
    box
        A finite range for each of its inputs, and for others if wanted.
    work
        What each question may cost, in evaluations of a node on a box.

    Raises
    ------
    NotProven
        If a divisor, logarithm, root or power cannot be shown to be defined on the whole box, or an
        overflow on the way may leave no number; or if the box is none.
    """

    def __init__(self, expression: Expression, box: Box, work: float = WORK) -> None:
        self.expression = expression
        self.names = tuple(box)
        _check(expression, box)
        self.work = work
        self.nodes = expression.nodes()
        self._occurring = expression.inputs()
        self.used = tuple(i for i, name in enumerate(self.names) if name in self._occurring)
        ends = np.array([box[name] for name in self.names], dtype=np.float64).reshape(-1, 2)
        self.whole = Boxes(ends[None, :, 0], ends[None, :, 1])
        self.points = _sample(ends, [name in self._occurring for name in self.names])
        self._cover = self._defined()

    def _enclose(self, boxes: Boxes, *inputs: str) -> Enclosure:
        ranges = {
            name: Interval(boxes.low[:, i], boxes.high[:, i]) for i, name in enumerate(self.names)
        }
        if not ranges:
            ranges[""] = Interval.of(np.zeros(len(boxes)))
        return enclose(self.expression, ranges, inputs)

    def _point(self, row: Array) -> dict[str, float]:
        return dict(zip(self.names, map(float, row), strict=True))

    def _bound(self, function: Function, start: Boxes, known: Array, **options: float) -> Bound:
        return bound_above(
            function,
            start,
            known,
            nodes=self.nodes,
            work=self.work,
            cuttable=self.used,
            **options,
        )

    def _defined(self) -> Boxes:
        """Boxes that cover all, on each of which every operation is defined."""
        whole = self._enclose(self.whole)
        if not (whole.excess > 0).any():
            return self.whole
        self.refute(whole.reason)

        def excess(boxes: Boxes) -> tuple[Array, Array]:
            found = self._enclose(boxes).excess
            return np.zeros_like(found), found

        bound = self._bound(excess, self.whole, whole.excess, enough=0.0)
        if bound.upper > 0:
            self.refute(whole.reason, bound.boxes)
            raise NotProven(whole.reason)
        return bound.boxes

    def refute(self, suspicion: str, boxes: Boxes | None = None) -> None:
        """Look for a failing evaluation at sampled points, or in the middle and corners of boxes.

        Raises
        ------
        NotProven
            If there is one; its ``at`` is the point.
        """
        rows = self.points
        if boxes is not None:
            rows = np.concatenate([boxes.middle().low, boxes.low, boxes.high])
        try:
            self.expression.evaluate(dict(zip(self.names, rows.T, strict=True)))
        except EvaluationError as error:
            at = self._point(rows[error.row])
            sentence = f"{suspicion}: at {point_text(at)} it {error.reason}"
            raise NotProven(sentence, at) from error

    @functools.cached_property
    def range(self) -> tuple[float, float]:
        """Bounds on the value; infinite ones if doubles may overflow."""
        known = self._enclose(self._cover).value
        seen = self._enclose(Boxes(self.points, self.points)).value
        least, greatest = float(seen.high.min()), float(seen.low.max())
        tolerance = _TOLERANCE * max(greatest - least, 0.0)

        def value(boxes: Boxes) -> tuple[Array, Array]:
            bounds = self._enclose(boxes).value
            return bounds.low, bounds.high

        def opposite(boxes: Boxes) -> tuple[Array, Array]:
            bounds = -self._enclose(boxes).value
            return bounds.low, bounds.high

        options = {"tolerance": tolerance} if math.isfinite(tolerance) else {}
        above = self._bound(value, self._cover, known.high, enough=greatest + tolerance, **options)
        below = self._bound(opposite, self._cover, -known.low, enough=tolerance - least, **options)
        return -below.upper, above.upper

    @functools.cached_property
    def _slopes(self) -> Enclosure:
        """Slopes in all inputs on the boxes that cover all."""
        return self._enclose(self._cover, *self.names)

    @functools.cached_property
    def _point_slopes(self) -> Enclosure:
        return self._enclose(Boxes(self.points, self.points), *self.names)

    def monotonicity(self, name: str) -> Monotonicity:
        """In which direction the expression moves with one input.

        A slope that is nowhere negative proves that it does not decrease, for the expression is
        continuous where it is defined.
        """
        if name not in self._occurring:
            return Monotonicity(Direction.CONSTANT)
        slope = self._slopes.slopes[name]
        up, down = bool((slope.low >= 0).all()), bool((slope.high <= 0).all())
        if up or down:
            both = Direction.CONSTANT if up and down else None
            return Monotonicity(both or (Direction.INCREASING if up else Direction.DECREASING))
        seen = self._point_slopes.slopes[name]
        # Not the steepest, so that one point often serves for several inputs.
        rising = int(np.argmax(seen.low >= 0.1 * max(seen.low.max(), 0.0)))
        falling = int(np.argmax(seen.high <= 0.1 * min(seen.high.min(), 0.0)))
        rises, falls = seen.low[rising] > 0, seen.high[falling] < 0
        if rises and falls:
            return Monotonicity(
                Direction.MIXED,
                self._point(self.points[rising]),
                self._point(self.points[falling]),
            )
        # What was seen is what may be proven; of a slope that is 0 everywhere, either.
        against, known = self._slope_of(name, 1.0), slope.high
        if rises or not falls:
            against, known = self._slope_of(name, -1.0), -slope.low
        bound = self._bound(against, self._cover, known, enough=0.0, stop_above=0.0)
        if bound.upper <= 0:
            return Monotonicity(Direction.DECREASING if falls else Direction.INCREASING)
        return Monotonicity(Direction.UNKNOWN)

    def slope(self, name: str) -> float:
        """Bound on the absolute slope in one input, infinite if none is proven."""
        if name not in self._occurring:
            return 0.0
        known = self._slopes.slopes[name].magnitude()
        seen = self._point_slopes.slopes[name]
        attained = float(np.maximum(np.maximum(seen.low, -seen.high), 0.0).max())
        return self._bound(
            self._slope_of(name, 0.0), self._cover, known, enough=(1 + _TOLERANCE) * attained
        ).upper

    def _slope_of(self, name: str, sign: float) -> Function:
        """Slope in one input, times a sign; its absolute value if that is 0."""

        def signed(boxes: Boxes) -> tuple[Array, Array]:
            slope = self._enclose(boxes, name).slopes[name]
            if sign == 0:
                return np.maximum(np.maximum(slope.low, -slope.high), 0.0), slope.magnitude()
            slope = slope if sign > 0 else -slope
            return slope.low, slope.high

        return signed


def _check(expression: Expression, box: Box) -> None:
    for name in sorted(expression.inputs()):
        if name not in box:
            raise NotProven(f"the box has no range for {name}")
    for name, (low, high) in box.items():
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise NotProven(
                f"the range of {name}, {limits_text(low, high)}, is not finite and in order"
            )


def _sample(ends: Array, used: list[bool]) -> Array:
    """Points of a box: corners, the middle and pseudo-random ones, always the same."""
    generator = np.random.default_rng(0)
    shares = generator.random((_SAMPLES, len(ends)))
    if 2 ** sum(used) <= _CORNERS:
        choices = itertools.product(*[(0.0, 1.0) if one else (0.0,) for one in used])
        corners = np.array(list(choices)).reshape(-1, len(ends))
    else:
        corners = generator.integers(0, 2, (_CORNERS, len(ends))).astype(np.float64)
    shares = np.concatenate([corners, np.full((1, len(ends)), 0.5), shares])
    low, high = ends[:, 0], ends[:, 1]
    # Not low + share · (high − low), which may overflow and leave the box.
    return np.clip((1 - shares) * low + shares * high, low, high)
