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

import difflib
import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns3kan.errors import InputError, Ns3kanError

MAX_LENGTH = 20_000
"""Longest text that is accepted, in bytes of UTF-8."""
MAX_DEPTH = 100
"""Deepest nesting of parentheses, calls, unary minus and exponents that is accepted."""

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

_LONGEST_NAME = 60
_MOST_NAMES = 1_000
_MOST_LISTED = 20
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BLANKS = re.compile(r"[ \t\r\n]*")


class ExpressionError(InputError):
    """A text is outside the grammar.

    Attributes
    ----------
    position
        Where, counted in characters from 0.
    reason
        Why, in plain words.
    """

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"at position {position}: {reason}")
        self.position = position
        self.reason = reason


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


def is_identifier(name: str) -> bool:
    """Whether a text can name an input: letters, digits and underscores, no digit first."""
    return _IDENTIFIER.fullmatch(name) is not None


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


def parse(text: str, names: Sequence[str]) -> Expression:
    """Parse an expression.

    Parameters
    ----------
    text
        The expression, such as ``"0.3*load^2 + 0.1"``.
    names
        Inputs that it may use.

    Raises
    ------
    ExpressionError
        If the text is outside the grammar.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_LENGTH:
        raise ExpressionError(MAX_LENGTH, f"the expression is longer than {MAX_LENGTH} characters")
    return Expression(_Parser(text, names).parse())


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


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """One of "number", "name", "invalid", "end", or the symbol itself."""
    text: str
    position: int
    reason: str = ""
    """Why it is invalid."""


class _Parser:
    """Recursive descent with one token of lookahead."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text = text
        self.names = names
        self.known = frozenset(names)
        self.position = 0
        self.depth = 0
        self.token = self._next()

    def parse(self) -> Node:
        if self.token.kind == "end":
            raise ExpressionError(0, "the expression is empty")
        node = self._chain("+-")
        if self.token.kind != "end":
            closing = self.token.kind == ")"
            raise self._refusal("this ')' closes nothing" if closing else "expected an operator")
        return node

    def _next(self) -> _Token:
        blanks = _BLANKS.match(self.text, self.position)
        start = blanks.end() if blanks else self.position
        if start == len(self.text):
            return _Token("end", "", start)
        for kind, pattern in (("number", _NUMBER), ("name", _IDENTIFIER)):
            if found := pattern.match(self.text, start):
                self.position = found.end()
                return _Token(kind, found.group(), start)
        character = self.text[start]
        self.position = start + 1
        if self.text.startswith("**", start):
            return _Token("invalid", "**", start, "'**' is not an operator, write '^'")
        if character in "+-*/^(),":
            return _Token(character, character, start)
        if character == ".":
            reason = "'.' must be followed by a digit, attributes are not part of the grammar"
        elif character in "<>=!&|?:":
            reason = "comparisons, logic and assignments are not part of the grammar"
        elif " " < character <= "~":
            reason = f"unexpected character '{character}'"
        else:
            reason = "unexpected character that is not printable ASCII"
        return _Token("invalid", character, start, reason)

    def _take(self) -> _Token:
        token, self.token = self.token, self._next()
        return token

    def _refusal(self, reason: str) -> ExpressionError:
        """Why the current token is refused; an invalid one has a reason of its own."""
        return ExpressionError(self.token.position, self.token.reason or reason)

    @contextmanager
    def _level(self, position: int) -> Iterator[None]:
        """Count how deep the parser is in nested constructs."""
        if self.depth >= MAX_DEPTH:
            raise ExpressionError(position, f"nested more than {MAX_DEPTH} levels deep")
        self.depth += 1
        yield
        self.depth -= 1

    def _chain(self, operators: str) -> Node:
        """Parse a sum, whose terms are products, or a product."""
        part = functools.partial(self._chain, "*/") if operators == "+-" else self._signed
        first = part()
        rest: list[tuple[str, Node]] = []
        while self.token.kind in operators:
            operator = self._take().kind
            rest.append((operator, part()))
        if not rest:
            return first
        if isinstance(first, Chain) and first.is_sum == (operators == "+-"):
            # (a + b) + c: the parentheses say nothing.
            return Chain(first.first, (*first.rest, *rest))
        return Chain(first, tuple(rest))

    def _signed(self) -> Node:
        if self.token.kind == "-":
            with self._level(self.token.position):
                self._take()
                return Negative(self._signed())
        base = self._operand()
        if self.token.kind == "^":
            position = self.token.position
            with self._level(position):
                self._take()
                exponent = self._signed()
                _check_power(position, base, exponent)
                return Power(base, exponent)
        return base

    def _operand(self) -> Node:
        token = self.token
        if token.kind == "number":
            self._take()
            return Number(_read_number(token))
        if token.kind == "name":
            self._take()
            return self._call(token) if self.token.kind == "(" else self._input(token)
        if token.kind == "(":
            with self._level(token.position):
                self._take()
                inner = self._chain("+-")
                self._close(token.position, "expected an operator or ')'")
                return inner
        if token.kind == "+":
            raise self._refusal("unary plus is not part of the grammar")
        raise self._refusal("expected a number, an input, a function or '('")

    def _call(self, function: _Token) -> Node:
        name = function.text
        if name in self.known:
            raise ExpressionError(function.position, f"{_quoted(name)} is an input, not a function")
        if name not in FUNCTIONS:
            hint = _nearest(name, FUNCTIONS)
            raise ExpressionError(function.position, f"unknown function {_quoted(name)}{hint}")
        bracket = self.token.position
        with self._level(bracket):
            self._take()
            arguments = [self._chain("+-")]
            while self.token.kind == ",":
                self._take()
                arguments.append(self._chain("+-"))
            self._close(bracket, "expected an operator, ',' or ')'")
        count = len(arguments)
        if name in UNARY_FUNCTIONS and count != 1:
            raise ExpressionError(function.position, f"{name} takes 1 argument, not {count}")
        if name in VARIADIC_FUNCTIONS and count < 2:
            raise ExpressionError(
                function.position, f"{name} takes 2 or more arguments, not {count}"
            )
        return Call(name, tuple(arguments))

    def _close(self, bracket: int, reason: str) -> None:
        if self.token.kind == "end":
            raise ExpressionError(bracket, "this '(' is never closed")
        if self.token.kind != ")":
            raise self._refusal(reason)
        self._take()

    def _input(self, token: _Token) -> Input:
        if token.text in FUNCTIONS:
            raise ExpressionError(
                token.position, f"the function '{token.text}' needs its arguments in parentheses"
            )
        if token.text not in self.known:
            hint = _nearest(token.text, self.names)
            raise ExpressionError(token.position, f"unknown input {_quoted(token.text)}{hint}")
        return Input(token.text)


def _read_number(token: _Token) -> float:
    value = float(token.text)
    is_zero = not re.search("[1-9]", re.split("[eE]", token.text)[0])
    if math.isinf(value) or (value == 0 and not is_zero):
        raise ExpressionError(token.position, "this number does not fit a double")
    return value


def _check_power(position: int, base: Node, exponent: Node) -> None:
    """Refuse a power of numbers as one would refuse the number: 9^9^9 fits no double."""
    low, high = _number_of(base), _number_of(exponent)
    if low is None or high is None:
        return
    with np.errstate(all="ignore"):
        value = float(np.power(np.float64(low), np.float64(high)))
    if not math.isfinite(value) or (value == 0 and low != 0):
        raise ExpressionError(position, "this power of numbers does not fit a double")


def _number_of(node: Node) -> float | None:
    """Value of a number, or of a power of numbers; None of anything else."""
    match node:
        case Number(value):
            return value
        case Negative(operand):
            positive = _number_of(operand)
            return None if positive is None else -positive
        case Power(base, exponent):
            low, high = _number_of(base), _number_of(exponent)
            if low is None or high is None:
                return None
            return float(np.power(np.float64(low), np.float64(high)))
        case _:
            return None


def _quoted(name: str) -> str:
    """Put a name in quotes and leave its end out if it is very long."""
    return f"'{name[:_LONGEST_NAME]}...'" if len(name) > _LONGEST_NAME else f"'{name}'"


def _nearest(name: str, known: Sequence[str]) -> str:
    """Say which known name may have been meant."""
    # Looking for it takes time in proportion to both lengths.
    short = [one for one in known[:_MOST_NAMES] if len(one) <= _LONGEST_NAME]
    close = difflib.get_close_matches(name[:_LONGEST_NAME], short, n=1)
    if close:
        return f", did you mean '{close[0]}'?"
    more = " and more" if len(known) > _MOST_LISTED else ""
    return f", known are {', '.join(known[:_MOST_LISTED])}{more}"
