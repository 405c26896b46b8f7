# SPDX-License-Identifier: MIT
"""An index of queues as a controller that is proven to be switch-type."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.components.defaults import default_encoding
from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.proofs.answers import prove_switch_type
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.agents.equations.reading.index import ProductIndex
from ns3kan.errors import InputError

# Greatest queue length that is claimed for the proof [packets].
_LONGEST = 1e6


def switch_type_controller(
    index: ProductIndex,
    problem: str,
    states: NDArray[np.float64],
    provenance: Mapping[str, object],
    fidelity: Mapping[str, object],
) -> Controller:
    """Make an index a controller, with the proof that it is switch-type.

    Raises
    ------
    ValueError
        If the proof fails.
    """
    directions = {
        feature.name: feature.direction
        for feature in default_encoding(problem, "switch-type-kan", rates=True).features
    }
    used = [name for name in index.names if name in index.expression.inputs()]
    places = [index.names.index(name) for name in used]
    highest = states[:, places].max(axis=0)
    controller = Controller(
        [
            ControllerInput(
                name,
                "packet" if name == "queue_length" else "packet/step",
                (0.0, max(float(high), 1.0)),
            )
            for name, high in zip(used, highest, strict=True)
        ],
        [ControllerOutput("index", str(index))],
        "index",
    )
    box = {name: (0.0, _LONGEST if name == "queue_length" else 1e3) for name in used}
    proof = prove_switch_type(controller, directions, box)
    if not proof.holds:
        raise InputError(f"{index} is not proven to be switch-type: {proof.directions}")
    claims = {
        "switch_type": True,
        "directions": {name: one.value for name, one in proof.directions.items()},
        "box": {name: list(ends) for name, ends in proof.box.items()},
    }
    result = Controller(
        controller.inputs,
        controller.outputs,
        "index",
        provenance=provenance,
        fidelity={**fidelity, "proof": claims},
    )
    certify(result)
    return result
