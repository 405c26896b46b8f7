# SPDX-License-Identifier: MIT
"""Texts read into trees of the grammar; anything else is refused with its position."""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ns3kan.agents.equations.expressions.grammar import (
    FUNCTIONS,
    UNARY_FUNCTIONS,
    VARIADIC_FUNCTIONS,
    Call,
    Chain,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
)
from ns3kan.errors import InputError

MAX_LENGTH = 20_000
"""Longest text that is accepted, in bytes of UTF-8."""
MAX_DEPTH = 100
"""Deepest nesting of parentheses, calls, unary minus and exponents that is accepted."""

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


def is_identifier(name: str) -> bool:
    """Whether a text can name an input: letters, digits and underscores, no digit first."""
    return _IDENTIFIER.fullmatch(name) is not None


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
