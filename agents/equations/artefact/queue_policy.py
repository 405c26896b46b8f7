# SPDX-License-Identifier: MIT
"""An index equation as a policy of queues."""

from __future__ import annotations

from typing import Any

import numpy as np

from ns3kan.agents.components.classical import (
    Features,
    FloatArray,
    IndexPolicy,
    PolicyError,
    Ties,
    queue_attribute,
)
from ns3kan.agents.equations.artefact.controller import Controller


def controller_policy(
    controller: Controller,
    env: Any,
    *,
    name: str = "equation",
    ties: Ties = "random",
    seed: int | None = None,
) -> IndexPolicy:
    """Policy of an index equation, a controller with the decision "index".

    Parameters
    ----------
    controller
        Its inputs are found among the environment's features by name.
    env, ties, seed
        As for `make_policy`.
    name
        What tables call it.

    Raises
    ------
    PolicyError
        If its decision is not "index".
    ControllerError
        If the environment lacks an input.
    """
    if controller.decision != "index":
        raise PolicyError(
            f"The controller's decision is {controller.decision!r}; "
            "queues are chosen by one with the decision 'index'."
        )
    names = queue_attribute(env, "feature_names")
    controller.check_inputs(names)
    expression = controller.expressions[0]

    def scores(features: Features) -> FloatArray:
        values = {entry: features[entry] for entry in controller.input_names}
        shape = np.shape(features[names[0]])
        flat = {entry: np.reshape(value, -1) for entry, value in values.items()}
        return expression.evaluate(flat).reshape(shape)

    return IndexPolicy(
        name, scores, names, queue_attribute(env, "num_queues"), ties=ties, seed=seed
    )
