# SPDX-License-Identifier: MIT
"""Index controllers of a switch-type KAN, from short to long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ns3kan.agents.equations.controller import Controller, ControllerInput, ControllerOutput
from ns3kan.agents.equations.fit import MIN_STATES, ExtractionError
from ns3kan.agents.equations.front import undominated
from ns3kan.agents.equations.guarantees import certify
from ns3kan.agents.equations.index import ProductIndex, read_index
from ns3kan.agents.networks.switch_type_kan import SwitchTypeKan

Array = NDArray[np.float64]

# Share of decisions that rounding may change.
_ROUNDING = 1e-3
_MOST_DIGITS = 8


def index_controllers(
    network: SwitchTypeKan, states: Array, units: Sequence[str], provenance: Mapping[str, Any]
) -> tuple[Controller, ...]:
    """Read an index, leave out factors, exponents and offsets one by one, and round.

    Of each step the index that decides most like the network goes on. Constants can be tuned
    further on the true cost (`ns3kan.agents.equations.index_search.tune`).

    Parameters
    ----------
    network
        Trained.
    states
        Shape (n, K, features), K at least 2.
    units
        Of the features.
    provenance
        Goes into the controllers.

    Returns
    -------
    tuple of Controller
        From short to long, each deciding more often like the network than all shorter ones.

    Raises
    ------
    ExtractionError
        If the states have another shape, are too few or all the same to the network, or are
        observed with signs.
    """
    if states.ndim != 3 or states.shape[1] < 2:
        raise ExtractionError(
            f"states have shape {states.shape}, an index is read from (n, components, features) "
            "with two components at least"
        )
    if len(states) < MIN_STATES:
        raise ExtractionError(
            f"{len(states)} states are too few to read an equation from, collect at least "
            f"{MIN_STATES}"
        )
    if network.encoding.signed:
        raise ExtractionError(
            "an index takes features without signs, give states and an encoding of such ones"
        )
    rows = states.reshape(-1, states.shape[-1])
    try:
        index = read_index(network, rows).index
    except ValueError as error:
        raise ExtractionError(str(error).removesuffix(".")) from error
    with torch.no_grad():
        values = network.index(torch.from_numpy(rows))
    wanted = np.asarray(values.double().numpy()).reshape(states.shape[:2]).argmax(axis=1)

    def agreement(candidate: ProductIndex) -> float:
        chosen = candidate(rows).reshape(states.shape[:2]).argmax(axis=1)
        return float(np.mean(chosen == wanted))

    found = [index]
    while shorter := found[-1].simpler():
        found.append(max(shorter, key=agreement))
    found = [_rounded(each, agreement) for each in found]
    shares = [agreement(each) for each in found]
    places = undominated([each.nodes for each in found], shares)
    return tuple(
        _controller(found[place], rows, units, shares[place], len(states), provenance)
        for place in places
    )


def _rounded(index: ProductIndex, agreement: Any) -> ProductIndex:
    """Round to the fewest digits that change next to no decision."""
    least = agreement(index) - _ROUNDING
    for digits in range(1, _MOST_DIGITS + 1):
        rounded = index.rounded(digits)
        if agreement(rounded) >= least:
            return rounded
    return index


def _controller(
    index: ProductIndex,
    rows: Array,
    units: Sequence[str],
    share: float,
    states: int,
    provenance: Mapping[str, Any],
) -> Controller:
    used = index.expression.inputs()
    still = [
        name
        for name, column in zip(index.names, rows.T, strict=True)
        if name in used and np.ptp(column) == 0
    ]
    if still:
        raise ExtractionError(
            f"{', '.join(still)} never changed in the states but is part of a term of the index, "
            "collect states in which it does"
        )
    inputs = [
        ControllerInput(name, unit, (float(column.min()), float(column.max())))
        for name, unit, column in zip(index.names, units, rows.T, strict=True)
        if name in used
    ]
    result = Controller(
        inputs,
        [ControllerOutput("index", str(index))],
        "index",
        provenance=provenance,
        fidelity={"agreement": share, "states": states, "nodes": index.nodes},
    )
    certify(result)
    return result
