# SPDX-License-Identifier: MIT
"""A controller as JSON for the explorer of a page, which evaluates its trees by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.artefact.controller import Controller, ControllerInput
from ns3kan.agents.equations.expressions.grammar import (
    Call,
    Chain,
    EvaluationError,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
    children,
)
from ns3kan.analysis.report.typeset import named_sum
from ns3kan.io.numbers import formula_text

_FEW = 12
"""So many sliders are shown at once; more inputs are shown by their influence."""
_BLOCK = 64
_POINTS = 9
"""Places in an input's range at which its influence is looked at."""
_LONGEST_TERM = 160


def explorer_data(controller: Controller) -> dict[str, Any]:
    """Describe a controller to the explorer.

    Parameters
    ----------
    controller : Controller

    Returns
    -------
    dict
        ``decision``; ``inputs`` that occur in an expression, those first that move the outputs
        most when there are many, each with ``name``, ``unit``, ``low``, ``high``; ``outputs``,
        each with ``name``, ``range``, ``tree`` and its terms: ``path`` to the sum or product in
        the tree, the ``symbol`` that it has where the equation is typeset, and ``texts``.
    """
    used = set().union(*(expression.inputs() for expression in controller.expressions))
    return {
        "decision": controller.decision,
        "inputs": [
            {"name": one.name, "unit": one.unit, "low": one.range[0], "high": one.range[1]}
            for one in _by_influence(controller)
            if one.name in used
        ],
        "outputs": [
            {
                "name": output.name,
                "range": output.range,
                "tree": tree(expression),
                "terms": _terms(expression, output.name),
            }
            for output, expression in zip(controller.outputs, controller.expressions, strict=True)
        ],
    }


def tree(expression: Expression) -> Any:
    """Write an expression's tree as JSON, in the form that explorer/evaluate.js reads.

    Examples
    --------
    >>> from ns3kan.agents.equations.expressions.parser import parse
    >>> tree(parse("0.3*load^2 - 1", ["load"]))
    ['chain', '-', ['chain', '*', 0.3, ['pow', 'load', 2.0]], 1.0]
    """
    return _tree(expression.root)


def _tree(node: Node) -> Any:
    match node:
        case Number(value):
            return value
        case Input(name):
            return name
        case Negative(operand):
            return ["neg", _tree(operand)]
        case Power(base, exponent):
            return ["pow", _tree(base), _tree(exponent)]
        case Call(function, arguments):
            return [function, *map(_tree, arguments)]
        case Chain(first, rest):
            operators = "".join(operator for operator, _ in rest)
            return ["chain", operators, _tree(first), *(_tree(part) for _, part in rest)]


def _terms(expression: Expression, name: str) -> dict[str, Any] | None:
    """Say which parts of an expression stand beside each other; None if it has no such parts."""
    chain, root = named_sum(expression), expression.root
    if chain is None and isinstance(root, Chain):
        chain = root
    if chain is None:
        return None
    return {
        "symbol": name if chain is root else "z",
        "path": _path(root, chain),
        "texts": [_text(part) for part in children(chain)],
    }


def _text(node: Node) -> str:
    text = formula_text(str(Expression(node)))
    return text if len(text) <= _LONGEST_TERM else f"{text[: _LONGEST_TERM - 2]} …"


def _path(node: Node, wanted: Node) -> list[int] | None:
    """Find a node below another: places in the lists of `_tree`."""
    if node is wanted:
        return []
    first = 2 if isinstance(node, Chain) else 1
    for place, child in enumerate(children(node), first):
        below = _path(child, wanted)
        if below is not None:
            return [place, *below]
    return None


def _by_influence(controller: Controller) -> list[ControllerInput]:
    """Order many inputs by how far each alone moves the outputs, from the middle of all ranges."""
    inputs = controller.inputs
    if len(inputs) <= _FEW:
        return list(inputs)
    middle = {one.name: np.float64(sum(one.range) / 2) for one in inputs}
    swings: dict[str, float] = {}
    # In blocks: all inputs at once would take memory in the square of their number.
    for start in range(0, len(inputs), _BLOCK):
        block = inputs[start : start + _BLOCK]
        values: dict[str, Any] = dict(middle)
        for place, one in enumerate(block):
            column = np.full((len(block), _POINTS), middle[one.name])
            column[place] = np.linspace(*one.range, _POINTS)
            values[one.name] = column
        moved = sum(_swing(expression, values) for expression in controller.expressions)
        swings |= dict(zip((one.name for one in block), np.ravel(moved), strict=True))
    return sorted(inputs, key=lambda one: -swings[one.name])


def _swing(expression: Expression, values: Mapping[str, Any]) -> NDArray[np.float64]:
    moved = np.zeros(next(np.shape(value) for value in values.values() if np.shape(value)))
    with contextlib.suppress(EvaluationError):  # Without a value its inputs cannot be told apart.
        moved = expression.evaluate(values)
    return np.asarray(np.ptp(moved, axis=1))
