# SPDX-License-Identifier: MIT
"""Typeset a controller's expression as MathML that people can read.

The text is set as it is written, without rearranging; constants have the digits that people read,
and the artefact has all of them. Long sums get one line per term, and a long sum deep inside (the
argument of a sigmoid) is given a name of its own.
"""

from __future__ import annotations

import dataclasses
from html import escape

from ns3kan.agents.equations.expressions.grammar import (
    Call,
    Chain,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
    walk,
)
from ns3kan.io.numbers import number_text

_LONG = 3  # terms from which a sum gets one line per term
_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)  # how tightly a formula holds together
_TIMES = '<mo>&#x2062;</mo><mspace width="0.17em"/>'
_DOT = "<mo>·</mo>"
_SYMBOLS = {"delta": "Δ"}
_FUNCTIONS = {"log": "ln"}


def to_mathml(expression: Expression, name: str) -> str:
    """Typeset ``name = expression``.

    Parameters
    ----------
    expression : Expression
        Of a controller.
    name : str
        What the expression computes.

    Returns
    -------
    str
        One ``<math>`` element.

    Examples
    --------
    >>> from ns3kan.agents.equations.expressions.parser import parse
    >>> squared = parse("0.3*load^2", ["load"])
    >>> "<msup><mi>load</mi><mn>2</mn></msup>" in to_mathml(squared, "ratio")
    True
    """
    root, inner = expression.root, named_sum(expression)
    if inner is None or inner is root:
        rows = _equation(_symbol(name), root, None)
    else:
        rows = _equation(_symbol(name), root, inner) + _equation("<mi>z</mi>", inner, None)
    return (
        '<math display="block"><mtable displaystyle="true" style="margin: 0">'
        f"{''.join(rows)}</mtable></math>"
    )


def named_sum(expression: Expression) -> Chain | None:
    """Find the longest sum; it is what gets a name of its own unless it is the whole formula.

    Returns
    -------
    Chain or None
        None if no sum has three terms.
    """
    sums = [node for node in walk(expression.root) if isinstance(node, Chain) and node.is_sum]
    longest = max(sums, key=lambda node: len(_terms(node)), default=None)
    return None if longest is None or len(_terms(longest)) < _LONG else longest


def _equation(left: str, node: Node, named: Node | None) -> list[str]:
    terms = _terms(node)
    if len(terms) < _LONG:
        return [_row(left, "=", _set(node, _SUM, named))]
    rows = []
    for index, (sign, term) in enumerate(terms):
        body = _set(term, _PRODUCT, named)
        if index == 0:
            rows.append(_row(left, "=", body if sign > 0 else f"<mo>−</mo>{body}"))
        else:
            rows.append(_row("", "+" if sign > 0 else "−", body))
    return rows


def _row(left: str, operator: str, right: str) -> str:
    cells = (("left", left), ("center", f"<mo>{operator}</mo>"), ("left", right))
    return (
        "<mtr>"
        + "".join(
            f'<mtd style="text-align: {side}; padding: 0.3em 0.15em">{body}</mtd>'
            for side, body in cells
        )
        + "</mtr>"
    )


def _terms(node: Node) -> list[tuple[int, Node]]:
    """Split a sum into its signed terms; anything else is one term."""
    if not (isinstance(node, Chain) and node.is_sum):
        return [_sign(node)]
    terms = [_sign(node.first)]
    for operator, term in node.rest:
        sign, unsigned = _sign(term)
        terms.append((sign if operator == "+" else -sign, unsigned))
    return terms


def _sign(node: Node) -> tuple[int, Node]:
    """Pull the sign out of a term, so that no two signs stand side by side."""
    if isinstance(node, Negative):
        return -1, node.operand
    if isinstance(node, Chain) and not node.is_sum:
        sign, first = _sign(node.first)
        return sign, (node if sign > 0 else dataclasses.replace(node, first=first))
    return 1, node


def _set(node: Node, least: int, named: Node | None) -> str:
    """Set a formula, in parentheses if it holds together less than it must."""
    if node is named:
        return "<mi>z</mi>"
    hold, body = _bare(node, named)
    return body if hold >= least else _parentheses(body)


def _bare(node: Node, named: Node | None) -> tuple[int, str]:
    match node:
        case Number(value):
            return _number(value)
        case Input(name):
            return _ATOM, _symbol(name)
        case Negative(operand):
            return _SIGN, f"<mrow><mo>−</mo>{_set(operand, _PRODUCT, named)}</mrow>"
        case Power(base, Number(value)):
            return _POWER, f"<msup>{_set(base, _ATOM, named)}{_number(value)[1]}</msup>"
        case Power(base, exponent):
            power = f"<mrow>{_set(exponent, _SUM, named)}</mrow>"
            return _POWER, f"<msup>{_set(base, _ATOM, named)}{power}</msup>"
        case Call(function, arguments):
            return _call(function, [_set(argument, _SUM, named) for argument in arguments])
        case Chain(first, rest) if node.is_sum:
            body = _set(first, _SUM, named)
            for sign, term in _terms(node)[1:]:
                body += f"<mo>{'+' if sign > 0 else '−'}</mo>{_set(term, _PRODUCT, named)}"
            return _SUM, f"<mrow>{body}</mrow>"
        case Chain(first, rest):
            return _product(first, rest, named)


def _product(
    first: Node, rest: tuple[tuple[str, Node], ...], named: Node | None
) -> tuple[int, str]:
    numerator = rest[0][0] == "/"
    hold, body = _PRODUCT, _set(first, _SUM if numerator else _PRODUCT, named)
    for operator, factor in rest:
        if operator == "/":
            denominator = _set(factor, _SUM, named)
            hold, body = (
                _POWER,
                f"<mfrac><mrow>{body}</mrow><mrow>{denominator}</mrow></mfrac>",
            )
        else:
            second = _set(factor, _POWER, named)
            between = _DOT if second.startswith("<mn>") else _TIMES
            hold, body = _PRODUCT, f"<mrow>{body}{between}{second}</mrow>"
    return hold, body


def _call(function: str, arguments: list[str]) -> tuple[int, str]:
    if function == "sqrt":
        return _ATOM, f"<msqrt>{arguments[0]}</msqrt>"
    if function == "abs":
        return _ATOM, f"<mrow><mo>|</mo>{arguments[0]}<mo>|</mo></mrow>"
    # An exponent with exponents or fractions of its own would be too small to read.
    if function == "exp" and "<mfrac>" not in arguments[0] and "<msup>" not in arguments[0]:
        return _POWER, f"<msup><mi>e</mi><mrow>{arguments[0]}</mrow></msup>"
    name = _FUNCTIONS.get(function, function)
    inside = _parentheses("<mo>,</mo>".join(arguments))
    return _ATOM, f"<mrow><mi>{name}</mi><mo>&#x2061;</mo>{inside}</mrow>"


def _number(value: float) -> tuple[int, str]:
    mantissa, _, exponent = number_text(value).partition("e")
    if not exponent:
        return _ATOM, f"<mn>{mantissa}</mn>"
    return _PRODUCT, (
        f"<mrow><mn>{mantissa}</mn>{_DOT}<msup><mn>10</mn><mn>{exponent}</mn></msup></mrow>"
    )


def _symbol(name: str) -> str:
    """Set ``internet_delay`` as delay with the index internet."""
    subject, _, quantity = name.partition("_")
    if not quantity:
        return f"<mi>{escape(name)}</mi>"
    if quantity.isdigit():
        subject, quantity = quantity, subject
    quantity = _SYMBOLS.get(quantity, quantity.replace("_", " "))
    return f"<msub><mi>{escape(quantity)}</mi><mtext>{escape(subject)}</mtext></msub>"


def _parentheses(body: str) -> str:
    return f"<mrow><mo>(</mo>{body}<mo>)</mo></mrow>"
