# SPDX-License-Identifier: MIT
"""Constants of a controller rounded to the fewest digits that keep its return."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.choice.front import Point, Returns, shortest_near_best
from ns3kan.agents.equations.expressions.grammar import EvaluationError
from ns3kan.agents.equations.fitting.template import Template, fewest_digits


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

    def rounded(digits: int) -> Point | None:
        controller = _with_digits(point.controller, digits)
        if controller is None:
            return None
        with contextlib.suppress(EvaluationError):
            measured = np.asarray(returns(controller), dtype=np.float64).reshape(-1)
            return Point(controller, tuple(measured.tolist()))
        return None

    def keeps(candidate: Point | None) -> bool:
        if candidate is None:
            return False
        return shortest_near_best([0, 1], [candidate.returns, point.returns]) == 0

    kept, _ = fewest_digits(rounded, keeps) or (None, 0)
    return kept or point


def _with_digits(controller: Controller, digits: int) -> Controller | None:
    """Round constants; None if what is left is no number."""
    try:
        expressions = Template.of(controller.expressions).rounded(digits, controller.input_names)
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
