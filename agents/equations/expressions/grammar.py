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
from collections.abc import Callable, Iterator, Mapping
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
        shape = np.broadcast_shapes(*(np.shape(array) for array in values.values()))
        divided = np.zeros(shape, dtype=np.bool_)
        with np.errstate(all="ignore"):
            result = np.broadcast_to(_evaluate(self.root, values, divided), shape)
        wrong = divided | ~np.isfinite(result)
        if wrong.any():
            row = int(np.argmax(wrong))
            value = result.flat[row]
            if divided.flat[row]:
                raise EvaluationError(row, "divides by zero")
            raise EvaluationError(row, "is not a number" if np.isnan(value) else "is infinite")
        return np.array(result, dtype=np.float64)


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


def _evaluate(node: Node, values: Mapping[str, Array], divided: NDArray[np.bool_]) -> Array:
    """Value of a node; rows that divide by zero are marked in ``divided``."""
    match node:
        case Number(value):
            return np.asarray(value)
        case Input(name):
            return np.asarray(values[name], dtype=np.float64)
        case Negative(operand):
            return np.negative(_evaluate(operand, values, divided))
        case Power(base, exponent):
            low = _evaluate(base, values, divided)
            high = _evaluate(exponent, values, divided)
            divided |= (low == 0) & (high < 0)
            return np.asarray(np.power(low, high))
        case Call(function, arguments):
            parts = [_evaluate(argument, values, divided) for argument in arguments]
            if function in UNARY_FUNCTIONS:
                return np.asarray(UNARY_FUNCTIONS[function](parts[0]))
            return np.asarray(functools.reduce(VARIADIC_FUNCTIONS[function], parts))
        case Chain(first, rest):
            result = _evaluate(first, values, divided)
            for operator, part in rest:
                right = _evaluate(part, values, divided)
                if operator == "/":
                    divided |= right == 0
                result = np.asarray(_OPERATORS[operator](result, right))
            return result


_OPERATORS: Mapping[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


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
