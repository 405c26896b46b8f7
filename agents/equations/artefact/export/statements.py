# SPDX-License-Identifier: MIT
"""Expressions as short statements of C, C++ or Python, in the order in which they are computed.

Divisors get a name, so that each can be compared with 0 before it divides; so do parts of very long
or deep expressions, for compilers bound the nesting of brackets.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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

_MOST_PARTS = 16
"""Terms, factors or arguments in one statement."""
_MOST_LEVELS = 12
"""Levels of brackets in one statement."""


class Dialect(ABC):
    """How a language writes what the grammar says."""

    reserved: frozenset[str]
    """Names that an input or a part cannot have."""

    @abstractmethod
    def call(self, function: str, arguments: Sequence[str]) -> str:
        """Write a call of a function of the grammar."""

    @abstractmethod
    def power(self, base: str, exponent: str) -> str:
        """Write a power."""

    @abstractmethod
    def assign(self, name: str, value: str) -> str:
        """Write a statement that gives a value a name."""

    @abstractmethod
    def refuse(self, conditions: Sequence[str]) -> str:
        """Write a statement that says that 0 divides, if all conditions hold."""


@dataclass(frozen=True)
class Body:
    """Statements, and what they compute.

    Attributes
    ----------
    statements
        In order.
    result
        The value.
    """

    statements: tuple[str, ...]
    result: str


def local_names(names: Iterable[str], reserved: frozenset[str]) -> dict[str, str]:
    """Names of variables for inputs: their own, unless a language uses these for something else."""
    chosen: dict[str, str] = {}
    taken = set(names)
    for name in names:
        local = name
        # Leading and double underscores belong to the languages, and macros have such names.
        if name in reserved or name.startswith("_") or "__" in name:
            local = "input_" + re.sub("_+", "_", name).strip("_")
            while local in taken:
                local += "x"
            taken.add(local)
        chosen[name] = local
    return chosen


def write_body(expression: Expression, names: Mapping[str, str], dialect: Dialect) -> Body:
    """Write an expression.

    Parameters
    ----------
    expression
        In the grammar.
    names
        Variable of each input.
    dialect
        The language.
    """
    writer = _Writer(names, dialect)
    result = writer.write(expression.root).text
    return Body(tuple(writer.statements), result)


@dataclass(frozen=True)
class _Written:
    text: str
    rank: int
    """1 for a sum, 2 for a product, 3 with a sign, 4 for what needs no brackets."""
    levels: int


class _Writer:
    def __init__(self, names: Mapping[str, str], dialect: Dialect) -> None:
        self.names = names
        self.dialect = dialect
        self.statements: list[str] = []
        self.taken = set(names.values())
        self.parts = 0

    def write(self, node: Node) -> _Written:
        match node:
            case Number(value):
                return _Written(repr(float(value)), 4, 0)
            case Input(name):
                return _Written(self.names[name], 4, 0)
            case Negative(operand):
                inner = self.bracketed(self.write(operand), 4)
                return _Written(f"-{inner.text}", 3, inner.levels)
            case Power(base, exponent):
                return self.power(base, exponent)
            case Call(function, arguments):
                return self.call(function, [self.write(argument) for argument in arguments])
            case Chain():
                return self.chain(node)

    def name(self, written: _Written) -> _Written:
        """Compute a part in a statement of its own."""
        while True:
            self.parts += 1
            name = f"t{self.parts}"
            if name not in self.taken and name not in self.dialect.reserved:
                break
        self.statements.append(self.dialect.assign(name, written.text))
        return _Written(name, 4, 0)

    def bracketed(self, written: _Written, rank: int) -> _Written:
        if written.levels >= _MOST_LEVELS:
            written = self.name(written)
        if written.rank >= rank:
            return written
        return _Written(f"({written.text})", 4, written.levels + 1)

    def power(self, base: Node, exponent: Node) -> _Written:
        low, high = self.shallow(self.write(base)), self.shallow(self.write(exponent))
        known = _constant(exponent)
        # 0 to a negative power is a division by 0; -0 is not negative.
        if known is None or known < 0:
            low = self.checked(base, low)
            conditions = [f"{low.text} == 0.0"]
            if known is None:
                high = self.checked(exponent, high)
                conditions.append(f"{high.text} < 0.0")
            self.statements.append(self.dialect.refuse(conditions))
        levels = max(low.levels, high.levels) + 1
        return _Written(self.dialect.power(low.text, high.text), 4, levels)

    def call(self, function: str, arguments: list[_Written]) -> _Written:
        arguments = [self.shallow(argument) for argument in arguments]
        while len(arguments) > _MOST_PARTS:
            # The least of some is no more than one number to compare with the rest.
            first = self.name(self.call(function, arguments[:_MOST_PARTS]))
            arguments = [first, *arguments[_MOST_PARTS:]]
        text = self.dialect.call(function, [argument.text for argument in arguments])
        return _Written(text, 4, max(argument.levels for argument in arguments) + 1)

    def chain(self, node: Chain) -> _Written:
        rank = 1 if node.is_sum else 2
        result = self.bracketed(self.write(node.first), rank)
        text, levels, parts = result.text, result.levels, 1
        for operator, part in node.rest:
            if parts == _MOST_PARTS:
                text, levels, parts = self.name(_Written(text, rank, levels)).text, 0, 1
            right = self.write(part)
            if operator == "/" and not (isinstance(part, Number) and part.value != 0):
                right = self.checked(part, right)
                self.statements.append(self.dialect.refuse([f"{right.text} == 0.0"]))
            # A sign after an operator gets brackets too, to be read.
            right = self.bracketed(right, 2 if node.is_sum and right.rank == 2 else 4)
            text += f" {operator} {right.text}"
            levels, parts = max(levels, right.levels), parts + 1
        return _Written(text, rank, levels)

    def checked(self, node: Node, written: _Written) -> _Written:
        """Give a part a name, for it is used twice."""
        return written if isinstance(node, Input) else self.name(written)

    def shallow(self, written: _Written) -> _Written:
        return self.name(written) if written.levels >= _MOST_LEVELS else written


def _constant(node: Node) -> float | None:
    """Value of a number of either sign; None of anything else."""
    match node:
        case Number(value):
            return value
        case Negative(Number(value)):
            return -value
        case _:
            return None
