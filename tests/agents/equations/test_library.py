# SPDX-License-Identifier: MIT
"""Every function of the library says the same in NumPy, in SymPy and in the grammar."""

import numpy as np
import pytest

from ns3kan.agents.equations.reading.curves import fit_curve
from ns3kan.agents.equations.reading.library import LIBRARY, Argument, LibraryFunction
from ns3kan.agents.equations.reading.terms import Formula, Term

INNER = {
    Argument.PLAIN: (),
    Argument.SHIFTED: (0.25,),
    Argument.SCALED: (1.5,),
    Argument.AFFINE: (1.5, -0.4),
}
X = np.linspace(1.0, 2.0, 50)


def make_term(function: LibraryFunction, sign: int = 1) -> Term:
    inner = (2.5,) if sign < 0 else INNER[function.argument]
    return Term(0, function, -0.7, inner, sign)


@pytest.mark.parametrize("function", LIBRARY, ids=lambda function: function.name)
def test_forms_agree(function: LibraryFunction) -> None:
    for sign in (1, -1) if function.is_positive_only else (1,):
        term = make_term(function, sign)
        expression = Formula(0.0, (term,)).written(["x"])
        np.testing.assert_allclose(expression.evaluate({"x": X}), term.value(X), rtol=1e-12)


@pytest.mark.parametrize("function", LIBRARY, ids=lambda function: function.name)
def test_slopes(function: LibraryFunction) -> None:
    formula = Formula(0.3, (make_term(function),))
    states = X[:, None]
    (slopes,) = formula.template(["x"]).linearise({"x": X})[1]
    for i, value in enumerate(formula.constants):
        step = 1e-6 * max(1.0, abs(value))
        moved = [formula.constants, formula.constants]
        moved[0][i] += step
        moved[1][i] -= step
        high, low = (formula.with_constants(each).values(states) for each in moved)
        np.testing.assert_allclose(slopes[:, i], (high - low) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("function", LIBRARY, ids=lambda function: function.name)
def test_nodes_are_counted(function: LibraryFunction) -> None:
    formula = Formula(0.3, (make_term(function),))
    assert abs(formula.written(["x"]).nodes() - formula.nodes) <= 1


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("function", LIBRARY, ids=lambda function: function.name)
def test_a_curve_of_the_library_is_found(function: LibraryFunction, unit: float) -> None:
    # Arguments that keep clear of the pole over the range and a margin.
    inner = (0.3,) if function.is_positive_only else INNER[function.argument]
    x = np.linspace(1.0, 2.0, 200)
    y = Term(0, function, -0.7, inner).value(x) + 3.0
    candidates = fit_curve(0, x * unit, y, np.ones_like(x))
    found = next(c for c in candidates if c.term.function is function)
    np.testing.assert_allclose(found.term.value(x * unit) + found.offset, y, atol=0.02)
    assert found.error < 1e-3 * np.var(y)
