# SPDX-License-Identifier: MIT
"""Constants of a controller rounded to the fewest digits that keep its return."""

from __future__ import annotations

import dataclasses

import numpy as np

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.choice.front import Point, Returns, shortest_near_best
from ns3kan.agents.equations.expressions.constants import MOST_DIGITS, Template
from ns3kan.agents.equations.expressions.grammar import EvaluationError


def round_on_return(point: Point, returns: Returns) -> Point:
    """Round all constants to the fewest significant digits that keep the return.

    Kept it is if validation cannot tell the rounded controller from the exact one, by the rule
    that chooses from a front (`ns3kan.agents.equations.choice.front.shortest_near_best`).

    Parameters
    ----------
    point
        A controller and its returns.
    returns
        Called with rounded ones; the same seeds as the point's.

    Returns
    -------
    Point
        With the number of digits as "digits" in the controller's provenance, and without
        guarantees; its fidelity record, if any, says by its digest that it is another's. The point
        itself if it cannot be rounded.
    """
    for digits in range(1, MOST_DIGITS + 1):
        candidate = _with_digits(point.controller, digits)
        if candidate is None:
            continue
        try:
            found = tuple(np.asarray(returns(candidate), dtype=np.float64).reshape(-1).tolist())
        except EvaluationError:
            continue
        if shortest_near_best([0, 1], [found, point.returns]) == 0:
            return Point(candidate, found)
    return point


def _with_digits(controller: Controller, digits: int) -> Controller | None:
    """Round constants; None if what is left is no number."""
    try:
        expressions = Template(controller.expressions).rounded(digits, controller.input_names)
    except ValueError:
        return None
    return Controller(
        controller.inputs,
        [
            dataclasses.replace(output, expression=str(expression))
            for output, expression in zip(controller.outputs, expressions, strict=True)
        ],
        controller.decision,
        provenance={**controller.provenance, "digits": digits},
        fidelity=controller.fidelity,
    )
