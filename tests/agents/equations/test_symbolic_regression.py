# SPDX-License-Identifier: MIT
"""PyOperon's formulas are read as it means them, and the search finds what it is asked for."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.search.symbolic_regression import (
    FUNCTIONS,
    _in_units,
    _read,
    allowed_symbols,
    evolve_formulas,
    require_pyoperon,
)
from ns3kan.errors import MissingExtraError

pytest.importorskip("pyoperon")
Array = NDArray[np.float64]
RNG = np.random.default_rng(0)
X = RNG.uniform(-2.0, 2.0, (64, 2))


def find(
    features: Array, target: Array, names: Sequence[str] = ("x", "y"), **changes: Any
) -> list[Expression]:
    arguments: dict[str, Any] = {
        "functions": (),
        "population": 100,
        "generations": 15,
        "restarts": 1,
        "max_length": 12,
        "seed": 1,
    }
    return evolve_formulas(features, target, names, **{**arguments, **changes})


def error(formula: Expression, features: Array, target: Array) -> float:
    """Root mean square, in standard deviations of the target."""
    columns = dict(zip(("x", "y"), features.T, strict=True))
    return float(np.std(formula.evaluate(columns) - target) / np.std(target))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_is_read_as_pyoperon_evaluates_it(function: str) -> None:
    # Single precision rounds inputs and each of up to 6 nodes by 6e-8. More of it is seen where
    # small changes of the inputs matter (beside a pole), and where a result is small against what
    # it is the difference of.
    model = require_pyoperon()(
        allowed_symbols=allowed_symbols([function]),
        objectives=["nmse", "length"],
        population_size=60,
        generations=1,
        max_length=6,
        random_state=2,
    )
    with np.errstate(all="ignore"):
        model.fit(X, X[:, 0] * np.abs(X[:, 1]))
    variables = [_in_units("x", 1.0, 0.0), _in_units("y", 1.0, 0.0)]
    by_hash = dict(zip(model.variables_, variables, strict=True))
    compared = used = 0
    for individual in model.individuals_:
        nodes = individual.Genotype.Nodes
        theirs = model.evaluate_model(individual.Genotype, X).astype(np.float64)
        expression = Expression(_read(nodes, by_hash))
        try:
            mine, near = (
                expression.evaluate({"x": scale * X[:, 0], "y": scale * X[:, 1]})
                for scale in (1.0, 1.0 + 1e-5)
            )
        except EvaluationError:
            # Undefined in some row: a root of what is negative, a division by zero, an overflow.
            continue
        tolerance = 1e-5 * (1.0 + np.abs(mine)) + np.abs(mine - near)
        assert (np.abs(mine - theirs) <= tolerance).all(), str(expression)
        compared += 1
        used += any(node.Name in (function, FUNCTIONS[function]) for node in nodes)
    assert compared > 20
    assert used > 5


def test_a_known_formula_is_found() -> None:
    target = 3.0 * X[:, 0] * X[:, 1] - 2.0 * X[:, 1] + 0.5
    found = find(X, target)
    nodes = [formula.nodes() for formula in found]
    assert nodes == sorted(nodes)
    assert len({str(formula) for formula in found}) == len(found)
    assert min(error(formula, X, target) for formula in found if formula.nodes() <= 11) < 1e-5


def test_the_search_repeats_itself() -> None:
    target = np.tanh(X[:, 0]) + X[:, 1]
    first, again, other = (
        list(map(str, find(X, target, functions=("tanh", "^2"), generations=3, seed=seed)))
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_features_of_any_scale_and_place() -> None:
    # Single precision, PyOperon's, has no digit left for a range of 1 at 1e8.
    features = np.stack([1e-6 * X[:, 0], 1e8 + X[:, 1]], axis=1)
    target = 1e9 * (X[:, 0] + 2.0 * X[:, 1])
    assert min(error(formula, features, target) for formula in find(features, target)) < 1e-5


def test_searches_that_end_without_finite_formulas_are_repeated() -> None:
    # An outlier of 1e4 overflows exp: some populations of four end in infinite formulas, and
    # PyOperon gives none of them then.
    features = RNG.standard_normal((200, 2))
    features[0] = 1e4
    model = require_pyoperon()
    failed = 0
    for seed in range(30):
        try:
            with np.errstate(all="ignore"):
                model(
                    allowed_symbols=allowed_symbols(["exp"]),
                    objectives=["nmse", "length"],
                    population_size=4,
                    generations=1,
                    max_length=12,
                    random_state=seed,
                ).fit(features, features[:, 0] ** 2)
        except ValueError:
            failed += 1
    assert failed
    few = {"functions": ("exp",), "population": 4, "generations": 1}
    assert find(features, features[:, 0] ** 2, restarts=30, **few)


def test_a_missing_pyoperon_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyoperon", "pyoperon.sklearn"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"install it with pip install 'ns3kan\[distil\]'"):
        find(X, X[:, 0])
