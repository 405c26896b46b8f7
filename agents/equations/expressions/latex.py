# SPDX-License-Identifier: MIT
"""Expressions typeset in LaTeX as they are written, in the part of it that Matplotlib knows too."""

from __future__ import annotations

from collections.abc import Mapping

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
from ns3kan.io.numbers import number_text

_NAMED = frozenset({"log", "sin", "cos", "tan", "tanh", "min", "max"})


def to_latex(expression: Expression, symbols: Mapping[str, str] | None = None) -> str:
    r"""LaTeX of an expression, for mathematics mode, with constants as people read them.

    Parameters
    ----------
    expression
        What to typeset.
    symbols
        LaTeX of the inputs; those that are not given stand upright: ``\mathrm{mpls\ delay}``.
    """
    return _typeset(expression.root, symbols or {})


def to_latex_terms(expression: Expression, symbols: Mapping[str, str] | None = None) -> list[str]:
    """LaTeX of a sum, term by term, each but the first with its sign; of others in one piece."""
    root = expression.root
    if not (isinstance(root, Chain) and root.is_sum):
        return [to_latex(expression, symbols)]
    known = symbols or {}
    terms = [_typeset(root.first, known)]
    for operator, part in root.rest:
        terms.append(f"{operator} {_grouped(part, known, needed=_is_sum(part))}")
    return terms


def _typeset(node: Node, symbols: Mapping[str, str]) -> str:
    match node:
        case Number(value):
            return _number(value)
        case Input(name):
            return symbols.get(name) or rf"\mathrm{{{name.replace('_', chr(92) + ' ')}}}"
        case Negative(operand):
            return "-" + _grouped(operand, symbols, needed=_is_sum(operand))
        case Power(base, exponent):
            # 10^{-5}^{2} would be a double superscript.
            simple = isinstance(base, Number | Input) and "^" not in _typeset(base, symbols)
            low = _grouped(base, symbols, needed=not simple)
            return f"{low}^{{{_typeset(exponent, symbols)}}}"
        case Call("sqrt", (argument,)):
            return rf"\sqrt{{{_typeset(argument, symbols)}}}"
        case Call("abs", (argument,)):
            return rf"\left|{_typeset(argument, symbols)}\right|"
        case Call("exp", (argument,)):
            return f"e^{{{_typeset(argument, symbols)}}}"
        case Call(function, arguments):
            inner = r",\, ".join(_typeset(argument, symbols) for argument in arguments)
            return rf"\{function}\left({inner}\right)"
        case Chain() if node.is_sum:
            return " ".join(to_latex_terms(Expression(node), symbols))
        case Chain():
            return _product(node, symbols)


def _product(node: Chain, symbols: Mapping[str, str]) -> str:
    above = [node.first, *(part for operator, part in node.rest if operator == "*")]
    below = [part for operator, part in node.rest if operator == "/"]
    sign = ""
    if isinstance(above[0], Negative):
        sign, above[0] = "-", above[0].operand
    numerator = _factors(above, symbols)
    if not below:
        return sign + numerator
    return rf"{sign}\frac{{{numerator}}}{{{_factors(below, symbols)}}}"


def _factors(parts: list[Node], symbols: Mapping[str, str]) -> str:
    if len(parts) == 1:
        return _typeset(parts[0], symbols)
    text = ""
    for part in parts:
        # Two numbers side by side would read as one.
        separator = r" \cdot " if isinstance(part, Number | Power) else r"\, "
        needed = _is_sum(part) or isinstance(part, Negative)
        text += (separator if text else "") + _grouped(part, symbols, needed=needed)
    return text


def _is_sum(node: Node) -> bool:
    return isinstance(node, Negative) or (isinstance(node, Chain) and node.is_sum)


def _grouped(node: Node, symbols: Mapping[str, str], *, needed: bool) -> str:
    text = _typeset(node, symbols)
    return rf"\left({text}\right)" if needed else text


def _number(value: float) -> str:
    mantissa, _, exponent = number_text(value, minus="-").partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa
