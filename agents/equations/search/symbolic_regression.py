# SPDX-License-Identifier: MIT
"""Symbolic regression by genetic programming: PyOperon's search, read into the project's grammar.

PyOperon (Burlacu, Kronberger, Kommenda 2020) evolves trees, fits their constants by the method of
Levenberg and Marquardt, and keeps those that no shorter tree fits better (NSGA-II). Its trees are
read node by node; no text of theirs is parsed or evaluated.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.algebra import number, simplified
from ns3kan.agents.equations.expressions.grammar import (
    Call,
    Chain,
    Expression,
    Input,
    Node,
    Number,
    Power,
)
from ns3kan.errors import InputError, MissingExtraError

Array = NDArray[np.float64]

FUNCTIONS: Mapping[str, str] = {
    "/": "div",
    "^2": "square",
    "min": "fmin",
    "max": "fmax",
    **{name: name for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "abs")},
}
"""What a search may use besides ``+ - *``, and what PyOperon calls it."""

_ALWAYS = ("add", "sub", "mul", "constant", "variable")
_MAX_DEPTH = 8
_FITTING_STEPS = 5
# Searches that may be made for each that is wanted.
_ATTEMPTS = 5
# Beyond so many standard deviations from zero single precision, PyOperon's, blurs a feature.
_FAR = 1e3
_OPERATORS = "+-*/"
_CALLS = {"fmin": "min", "fmax": "max"} | {
    theirs: ours for ours, theirs in FUNCTIONS.items() if ours == theirs
}


def has_pyoperon() -> bool:
    """Whether PyOperon is installed."""
    return importlib.util.find_spec("pyoperon") is not None


def require_pyoperon() -> Any:
    """Return PyOperon's regressor.

    Raises
    ------
    MissingExtraError
        If PyOperon is not installed.
    """
    try:
        from pyoperon.sklearn import SymbolicRegressor
    except ImportError as error:
        raise MissingExtraError(
            "Symbolic regression is done by PyOperon, which is not installed; install it with "
            "pip install 'ns3kan[distil]'."
        ) from error
    return SymbolicRegressor


def allowed_symbols(functions: Sequence[str]) -> str:
    """Return how PyOperon's regressor is told to use ``+ - *`` and these functions.

    In PyOperon 0.6 the symbol fmin gives trees of max and fmax those of min, so that the two are
    asked what they are.
    """
    import pyoperon

    meant = {
        pyoperon.Node(kind).Name: symbol
        for symbol, kind in (("fmin", pyoperon.NodeType.Fmin), ("fmax", pyoperon.NodeType.Fmax))
    }
    symbols = (FUNCTIONS[name] for name in functions)
    return ",".join((*_ALWAYS, *(meant.get(symbol, symbol) for symbol in symbols)))


def evolve_formulas(
    features: Array,
    target: Array,
    names: Sequence[str],
    *,
    functions: Sequence[str],
    population: int,
    generations: int,
    restarts: int,
    max_length: int,
    seed: int,
) -> list[Expression]:
    """Search formulas of a target, from short to long ones.

    Runs on one thread; the same arguments give the same formulas.

    Parameters
    ----------
    features
        Shape (n, features); none is constant.
    target
        Shape (n,), not constant.
    names
        Of the features.
    functions
        Keys of `FUNCTIONS`.
    population, generations
        Trees at a time, and how often they are renewed.
    restarts
        Independent searches, whose results are put together; failed ones are repeated.
    max_length
        Greatest number of PyOperon's nodes, of which a feature with its factor is one.
    seed
        Of the first search; the others take the following ones.

    Returns
    -------
    list of Expression
        Over the features in their own units; different ones, shorter ones first.

    Raises
    ------
    MissingExtraError
        If PyOperon is not installed.
    ValueError
        If too many searches end with a formula that is not finite.
    """
    regressor = require_pyoperon()
    mean, spread = float(target.mean()), float(target.std())
    scales = features.std(axis=0)
    shifts = np.where(np.abs(features.mean(axis=0)) > _FAR * scales, features.mean(axis=0), 0.0)
    scaled = (features - shifts) / scales
    variables = [
        _in_units(name, float(scale), float(shift))
        for name, scale, shift in zip(names, scales, shifts, strict=True)
    ]
    formulas: dict[str, Expression] = {}
    ended = 0
    for attempt in range(_ATTEMPTS * restarts):
        model = regressor(
            allowed_symbols=allowed_symbols(functions),
            objectives=["nmse", "length"],
            population_size=population,
            generations=generations,
            max_evaluations=10**9,
            optimizer_iterations=_FITTING_STEPS,
            max_length=max_length,
            max_depth=_MAX_DEPTH,
            n_threads=1,
            random_state=seed + attempt,
        )
        try:
            with np.errstate(all="ignore"):
                model.fit(scaled, (target - mean) / spread)
        except ValueError:
            # A formula of its result is not finite, and PyOperon gives none of them then.
            continue
        by_hash = dict(zip(model.variables_, variables, strict=True))
        for entry in model.pareto_front_:
            try:
                tree = _read(entry["tree"].Nodes, by_hash)
                whole = Chain(number(mean), (("+", Chain(number(spread), (("*", tree),))),))
                expression = simplified(Expression(whole), names)
            except ValueError:
                # Infinite constants, complex numbers.
                continue
            formulas[str(expression)] = expression
        ended += 1
        if ended == restarts:
            return sorted(formulas.values(), key=Expression.nodes)
    raise InputError(
        f"Only {ended} of {_ATTEMPTS * restarts} searches found finite formulas only; raise the "
        "population, or leave out functions that overflow, such as exp."
    )


def _in_units(name: str, scale: float, shift: float) -> Callable[[float], Node]:
    """Return what a variable with a factor is in the feature's own unit."""

    def variable(factor: float) -> Node:
        plain: Node = Input(name)
        if shift:
            plain = Chain(plain, (("-", number(shift)),))
        return Chain(number(factor / scale), (("*", plain),))

    return variable


def _read(nodes: Sequence[Any], variables: Mapping[int, Callable[[float], Node]]) -> Node:
    """Read a tree in postfix order, in which the first argument stands next to its function."""
    stack: list[Node] = []
    for node in nodes:
        if node.IsVariable:
            stack.append(variables[node.HashValue](_finite(node.Value)))
            continue
        if node.IsConstant:
            stack.append(number(_finite(node.Value)))
            continue
        parts = [stack.pop() for _ in range(node.Arity)]
        # By name and not by type, of which two are mistaken for each other; see `allowed_symbols`.
        stack.append(_function(node.Name, parts))
    (root,) = stack
    return root


def _function(name: str, parts: Sequence[Node]) -> Node:
    if name in _OPERATORS:
        return Chain(parts[0], tuple((name, part) for part in parts[1:]))
    if name == "square":
        return Power(parts[0], Number(2.0))
    return Call(_CALLS[name], tuple(parts))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise InputError("a constant is not finite")
    return float(value)
