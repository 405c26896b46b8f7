# SPDX-License-Identifier: MIT
"""Numbers as people read them.

One way for messages, printed equations, LaTeX and reports: six significant digits, no digit before
the point rounded away below a thousand million, no trailing zeros, a true minus sign. In formulas,
which can be copied into an artefact, and in comments of code the minus sign is a hyphen. Files and
exported code keep numbers exact (`ns3kan.agents.equations.expressions.grammar.format_number`);
tables of ``mean ± half width`` have a fixed number of decimals for each quantity.

The explorer's bars.js and ns-3's controller-artefact.cc follow the same rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

DIGITS = 6
"""Significant digits that are shown."""
MINUS = "−"
"""Minus sign outside of formulas."""

_WRITTEN_OUT = 1e9
# Neither a part of a name nor of a word; a full stop behind it is none of its own.
_NUMBER = re.compile(r"(?<![\w.])(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?!\w|\.\w)")


def number_text(value: float, minus: str = MINUS) -> str:
    """Write a number for people.

    Parameters
    ----------
    value
        Any double.
    minus
        Its minus sign, in the exponent as well.

    Returns
    -------
    str
        Within half a unit of its last digit.

    Examples
    --------
    >>> number_text(1.1269769999999999), number_text(-0.8287714356351842), number_text(20_000_000)
    ('1.12698', '−0.828771', '20000000')
    >>> number_text(-1.5e-7), number_text(0.0), number_text(float("inf"))
    ('−1.5e−7', '0', 'inf')
    """
    size = abs(float(value))
    text = f"{size:.{DIGITS}g}"
    mantissa, _, exponent = text.partition("e")
    if exponent and 1.0 < size < _WRITTEN_OUT:
        text = f"{size:.0f}"
    elif exponent:
        text = f"{mantissa}e{int(exponent)}".replace("-", minus)
    return f"{minus}{text}" if value < 0 else text


def formula_text(formula: str) -> str:
    """Write a formula for people: each of its numbers as `number_text` does.

    Parameters
    ----------
    formula
        In the grammar of artefacts, or words around one.

    Returns
    -------
    str
        In the same grammar.

    Examples
    --------
    >>> formula_text("0.8287714356351842*x_1^2.0 - 1e-05*load")
    '0.828771*x_1^2 - 1e-5*load'
    """
    return _NUMBER.sub(lambda number: number_text(float(number[0]), minus="-"), formula)


def point_text(values: Mapping[str, float]) -> str:
    """Write values by name.

    Examples
    --------
    >>> point_text({"load": 0.1, "mpls_delay": -1 / 3})
    'load=0.1, mpls_delay=−0.333333'
    """
    return ", ".join(f"{name}={number_text(value)}" for name, value in values.items())


def limits_text(low: float | None, high: float | None, minus: str = MINUS) -> str:
    """Write a range; None is no limit.

    Examples
    --------
    >>> limits_text(-0.5, None)
    '−0.5 to inf'
    """
    return " to ".join(
        number_text(infinite if end is None else end, minus)
        for end, infinite in ((low, -math.inf), (high, math.inf))
    )
