# SPDX-License-Identifier: MIT
"""Typeset expressions."""

import pytest
from matplotlib.mathtext import MathTextParser

from ns3kan.agents.equations.expressions.latex import to_latex
from ns3kan.agents.equations.expressions.parser import parse

NAMES = ("x", "y", "mpls_delay")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("x + 2*y", r"\mathrm{x} + 2\, \mathrm{y}"),
        ("x - (y - 1)", r"\mathrm{x} - \left(\mathrm{y} - 1\right)"),
        ("-x*y/2", r"-\frac{\mathrm{x}\, \mathrm{y}}{2}"),
        ("1/(1 + exp(-x))", r"\frac{1}{1 + e^{-\mathrm{x}}}"),
        ("2*3", r"2 \cdot 3"),
        ("1e-05*mpls_delay", r"1 \times 10^{-5}\, \mathrm{mpls\ delay}"),
        ("0.8287714356351842*x - 1.1269769999999999", r"0.828771\, \mathrm{x} - 1.12698"),
        ("(x + y)^-2", r"\left(\mathrm{x} + \mathrm{y}\right)^{-2}"),
        ("(-x)^2", r"\left(-\mathrm{x}\right)^{2}"),
        ("x*(-y)", r"\mathrm{x}\, \left(-\mathrm{y}\right)"),
        ("x*(y + 1)", r"\mathrm{x}\, \left(\mathrm{y} + 1\right)"),
        ("exp(x)^2", r"\left(e^{\mathrm{x}}\right)^{2}"),
        ("abs(x) + sqrt(y)", r"\left|\mathrm{x}\right| + \sqrt{\mathrm{y}}"),
        ("min(x, tanh(y))", r"\min\left(\mathrm{x},\, \tanh\left(\mathrm{y}\right)\right)"),
    ],
)
def test_latex(text: str, latex: str) -> None:
    typeset = to_latex(parse(text, NAMES))
    assert typeset == latex
    # Matplotlib refuses what is no mathematics.
    MathTextParser("agg").parse(f"${typeset}$")


def test_symbols_can_be_chosen() -> None:
    assert to_latex(parse("x + y", NAMES), {"x": r"\rho"}) == r"\rho + \mathrm{y}"
