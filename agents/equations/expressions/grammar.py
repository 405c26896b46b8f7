# SPDX-License-Identifier: MIT
"""The expressions that a controller artefact may contain, and nothing more.

Numbers, input names, ``+ - * / ^``, unary minus, parentheses, ``exp log sqrt sin cos tan tanh abs``
with one argument, ``min max`` with two or more. ``^`` binds tighter than unary minus and to the
right (``-2^2`` is -4, ``2^3^2`` is 2^9); ``log`` is natural. Text is parsed into a tree of
dataclasses, and nothing is ever handed to Python's evaluator.

ns3_scenarios/balancing/expression.cc accepts and refuses the same texts at the same positions, and
gives the same values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns3kan.errors import Ns3kanError

Array = NDArray[np.float64]

UNARY_FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "abs": np.abs,
}
VARIADIC_FUNCTIONS: Mapping[str, Callable[[Array, Array], Array]] = {
    "min": np.minimum,
    "max": np.maximum,
}
FUNCTIONS = (*UNARY_FUNCTIONS, *VARIADIC_FUNCTIONS)


class EvaluationError(Ns3kanError, ArithmeticError):
    """An expression divides by zero, or its value is not finite, at some row of its inputs.

    Attributes
    ----------
    row
        First such row, counted from 0.
    reason
        A predicate such as "divides by zero".
    """

    def __init__(self, row: int, reason: str, message: str | None = None) -> None:
        super().__init__(message or f"the expression {reason} in row {row} of its inputs")
        self.row = row
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Number:
    """A constant, not negative."""

    value: float


@dataclass(frozen=True, slots=True)
class Input:
    """A named input."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Power:
    """``base ^ exponent``."""

    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the grammar applied to its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Terms joined by ``+ -``, or factors joined by ``* /``, evaluated from left to right.

    One flat node, so that a long sum is not a deep tree.
    """

    first: Node
    rest: tuple[tuple[str, Node], ...]

    @property
    def is_sum(self) -> bool:
        """Whether the operators are ``+`` and ``-``."""
        return self.rest[0][0] in "+-"


Node = Number | Input | Negative | Power | Call | Chain


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; ``str()`` gives its canonical text, which parses to the same tree.

    Attributes
    ----------
    root
        Its tree.
    """

    root: Node

    def __str__(self) -> str:
        return _write(self.root)

    def inputs(self) -> set[str]:
        """Names of the inputs that occur in it."""
        return {node.name for node in walk(self.root) if isinstance(node, Input)}

    def nodes(self) -> int:
        """How many numbers, inputs, operators and functions it is made of."""
        return sum(len(node.rest) if isinstance(node, Chain) else 1 for node in walk(self.root))

    def evaluate(self, values: Mapping[str, Array]) -> Array:
        """Evaluate on arrays, all rows at once.

        Parameters
        ----------
        values
            One array of shape (batch,) per input.

        Returns
        -------
        array of shape (batch,); of shape () if no array was given

        Raises
        ------
        EvaluationError
            If any row divides by zero on the way (0 to a negative power is a division by zero),
            or ends in NaN or infinity. Overflow on the way to a finite value is no error:
            ``1/(1 + exp(1000))`` is 0.
        """
        return self.linearise(values, ())[0]

    def linearise(self, values: Mapping[str, Array], free: Sequence[str]) -> tuple[Array, Array]:
        """Evaluate, and differentiate by some inputs, by reverse mode over the nodes.

        Parameters
        ----------
        values
            As for `evaluate`, which says what is raised; inputs that are the same in all rows may
            have shape ().
        free
            Inputs to differentiate by.

        Returns
        -------
        value : (batch,)
        slopes : (batch, free)
            One-sided at kinks; may be infinite where the value is finite.
        """
        shape = np.broadcast_shapes(*(np.shape(array) for array in values.values()))
        divided, slopes = np.zeros(shape, dtype=np.bool_), np.zeros((*shape, len(free)))
        places = {name: place for place, name in enumerate(free)}
        with np.errstate(all="ignore"):
            value, backward = _Walk(values, divided, slopes, places)(self.root)
            if backward is not None:
                backward(np.ones(()))
        result = np.array(np.broadcast_to(value, shape), dtype=np.float64)
        wrong = divided | ~np.isfinite(result)
        if wrong.any():
            row = int(np.argmax(wrong))
            if divided.flat[row]:
                raise EvaluationError(row, "divides by zero")
            is_nan = np.isnan(result.flat[row])
            raise EvaluationError(row, "is not a number" if is_nan else "is infinite")
        return result, slopes


def unchecked_value(node: Node, values: Mapping[str, Array]) -> Array:
    """Evaluate a tree like `Expression.evaluate`; NaN or infinite where it is not defined."""
    shape = np.broadcast_shapes(*(np.shape(array) for array in values.values()))
    with np.errstate(all="ignore"):
        walk = _Walk(values, np.zeros(shape, dtype=np.bool_), np.zeros((*shape, 0)), {})
        return np.array(np.broadcast_to(walk(node)[0], shape), dtype=np.float64)


def walk(node: Node) -> Iterator[Node]:
    """Go over a node and all nodes below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below a node."""
    match node:
        case Negative(operand):
            return (operand,)
        case Power(base, exponent):
            return (base, exponent)
        case Call(_, arguments):
            return arguments
        case Chain(first, rest):
            return (first, *(part for _, part in rest))
        case _:
            return ()


Backward = Callable[[Array], None]
"""Takes the slope of the whole in a node and passes it on to the node's free inputs."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """Evaluates nodes; what passes slopes back is made only above free inputs.

    Attributes
    ----------
    values
        Of the inputs.
    divided
        Rows that divide by zero, which are marked on the way.
    slopes
        Sums of the slopes in free inputs, (batch, free).
    places
        Of the free inputs in the last axis of ``slopes``.
    """

    values: Mapping[str, Array]
    divided: NDArray[np.bool_]
    slopes: Array
    places: Mapping[str, int]

    def __call__(self, node: Node) -> tuple[Array, Backward | None]:
        match node:
            case Number(value):
                return np.asarray(value), None
            case Input(name):
                return np.asarray(self.values[name], dtype=np.float64), self._collector(name)
            case Negative(operand):
                inner, back = self(operand)
                return np.negative(inner), back and (lambda slope: back(-slope))
            case Power(base, exponent):
                return self._power(base, exponent)
            case Call(function, arguments):
                if function in UNARY_FUNCTIONS:
                    return self._unary(function, arguments[0])
                return self._extreme(function, arguments)
            case Chain() if node.is_sum:
                return self._sum(node)
            case Chain():
                return self._product(node)

    def _collector(self, name: str) -> Backward | None:
        if (place := self.places.get(name)) is None:
            return None

        def collect(slope: Array) -> None:
            self.slopes[..., place] += slope

        return collect

    def _power(self, base: Node, exponent: Node) -> tuple[Array, Backward | None]:
        (low, of_low), (high, of_high) = self(base), self(exponent)
        if np.any(high < 0):
            np.logical_or(self.divided, (low == 0) & (high < 0), out=self.divided)
        result = np.asarray(np.power(low, high))

        def backward(slope: Array) -> None:
            if of_low is not None:
                of_low(slope * (high * np.power(low, high - 1.0)))
            if of_high is not None:
                of_high(slope * (result * np.log(low)))

        return result, backward if of_low or of_high else None

    def _unary(self, function: str, argument: Node) -> tuple[Array, Backward | None]:
        inner, back = self(argument)
        result = np.asarray(UNARY_FUNCTIONS[function](inner))
        return result, back and (lambda slope: back(slope * _SLOPES[function](inner, result)))

    def _extreme(self, function: str, arguments: Sequence[Node]) -> tuple[Array, Backward | None]:
        parts = [self(argument) for argument in arguments]
        result = np.asarray(
            functools.reduce(VARIADIC_FUNCTIONS[function], [value for value, _ in parts])
        )

        def backward(slope: Array) -> None:
            left = np.ones(np.shape(result), dtype=np.bool_)
            for value, back in parts:
                # The first of equals.
                chosen = left & (value == result)
                left &= ~chosen
                if back is not None:
                    back(np.where(chosen, slope, 0.0))

        return result, backward if any(back for _, back in parts) else None

    def _sum(self, chain: Chain) -> tuple[Array, Backward | None]:
        total, first = self(chain.first)
        others: list[tuple[str, Backward]] = []
        for operator, part in chain.rest:
            right, back = self(part)
            total = np.asarray(_OPERATORS[operator](total, right))
            if back is not None:
                others.append((operator, back))

        def backward(slope: Array) -> None:
            if first is not None:
                first(slope)
            for operator, back in others:
                back(slope if operator == "+" else -slope)

        return total, backward if first or others else None

    def _product(self, chain: Chain) -> tuple[Array, Backward | None]:
        result, back = self(chain.first)
        for operator, part in chain.rest:
            result, back = self._factor(result, back, operator, part)
        return result, back

    def _factor(
        self, left: Array, of_left: Backward | None, operator: str, part: Node
    ) -> tuple[Array, Backward | None]:
        right, of_right = self(part)
        if operator == "/":
            np.logical_or(self.divided, right == 0, out=self.divided)
        result = np.asarray(_OPERATORS[operator](left, right))

        def backward(slope: Array) -> None:
            if of_left is not None:
                of_left(_OPERATORS[operator](slope, right))
            if of_right is not None:
                of_right(slope * (left if operator == "*" else -(result / right)))

        return result, backward if of_left or of_right else None


_OPERATORS: Mapping[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}
_SLOPES: Mapping[str, Callable[[Array, Array], Array]] = {
    "exp": lambda u, f: f,
    "log": lambda u, f: 1.0 / u,
    "sqrt": lambda u, f: 0.5 / f,
    "sin": lambda u, f: np.cos(u),
    "cos": lambda u, f: -np.sin(u),
    "tan": lambda u, f: 1.0 + f**2,
    "tanh": lambda u, f: 1.0 - f**2,
    "abs": lambda u, f: np.sign(u),
}
"""Derivatives of functions of one argument, by the argument and the value."""


def format_number(value: float) -> str:
    """Shortest text that reads back as the same double: ``2``, ``0.1``, ``1e-05``."""
    text = repr(float(value))
    return text.removesuffix(".0")


def _write(node: Node) -> str:
    """Text of a node, nested no deeper than any text that parses to it."""
    match node:
        case Number(value):
            return format_number(value)
        case Input(name):
            return name
        case Negative(operand):
            bare = not isinstance(operand, Chain)
            return f"-{_write(operand)}" if bare else f"-({_write(operand)})"
        case Power(base, exponent):
            low = _write(base) if isinstance(base, Number | Input | Call) else f"({_write(base)})"
            bare = not isinstance(exponent, Chain)
            return f"{low}^{_write(exponent)}" if bare else f"{low}^({_write(exponent)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(_write, arguments))})"
        case Chain(first, rest):
            text = _write(first)
            if isinstance(first, Chain) and first.is_sum >= node.is_sum:
                text = f"({text})"
            for operator, part in rest:
                written = _write(part)
                if isinstance(part, Chain) and part.is_sum >= node.is_sum:
                    written = f"({written})"
                text += f" {operator} {written}" if node.is_sum else f"{operator}{written}"
            return text
