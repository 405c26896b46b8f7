# SPDX-License-Identifier: MIT
"""Single answers about an expression over a box, and the proof that an index is switch-type.

What stands behind them is in `examination`; nothing rests on samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.expressions.grammar import Expression
from ns3kan.agents.equations.proofs.examination import Box, Direction, Examination, NotProven
from ns3kan.errors import InputError

__all__ = [
    "Box",
    "Direction",
    "NotProven",
    "SwitchTypeProof",
    "direction",
    "prove_switch_type",
    "value_range",
]


def value_range(expression: Expression, box: Box) -> tuple[float, float]:
    """Bounds on the values of an expression over a box.

    Parameters
    ----------
    expression
        In the grammar.
    box
        A finite range for each of its inputs.

    Returns
    -------
    low, high
        No value lies outside; they need not be attained, but are close.

    Raises
    ------
    NotProven
        If a divisor, logarithm, root or power cannot be shown to be defined on the whole box.
    """
    return Examination(expression, box).range


def direction(expression: Expression, name: str, box: Box) -> Direction:
    """In which direction an expression moves with one input, over a box.

    Raises
    ------
    NotProven
        As `value_range`.
    """
    return Examination(expression, box).monotonicity(name).direction


@dataclass(frozen=True)
class SwitchTypeProof:
    """That an index policy is switch-type, or where the proof fails.

    Attributes
    ----------
    directions
        Proven direction of the index in each input.
    box
        For which inputs.
    holds
        Whether each direction is proven to be the declared one.
    """

    directions: Mapping[str, Direction]
    box: Box
    holds: bool


def prove_switch_type(
    controller: Controller, declared: Mapping[str, int], box: Box | None = None
) -> SwitchTypeProof:
    """Prove that an index controller is switch-type.

    By lemma 1 of the paper on switch-type networks (Wigmore, Shrader and Modiano) argmax over one
    shared f of each component is switch-type if f does not decrease in any encoded feature.

    Parameters
    ----------
    controller
        With the decision "index".
    declared
        1 or −1 for each input: the direction in which more of it attracts the decision.
    box
        Range of each input; those of the controller by default.

    Raises
    ------
    NotProven
        As `value_range`, or if the decision is another.
    ValueError
        If an input has no declared direction of 1 or −1.
    """
    if controller.decision != "index":
        raise NotProven(f"the decision is {controller.decision!r}, not 'index'")
    for name in controller.input_names:
        if declared.get(name) not in (1, -1):
            raise InputError(
                f"The declared direction of {name} is {declared.get(name)}; it must be 1 or -1."
            )
    ranges = box if box is not None else controller.box
    examined = Examination(controller.expressions[0], ranges)
    found = {name: examined.monotonicity(name).direction for name in controller.input_names}
    expected = {1: Direction.INCREASING, -1: Direction.DECREASING}
    holds = all(
        one in (Direction.CONSTANT, expected[declared[name]]) for name, one in found.items()
    )
    return SwitchTypeProof(found, dict(ranges), holds)
