# SPDX-License-Identifier: MIT
"""Index controllers of a switch-type KAN, from short to long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.components.trajectories import Trajectories
from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.choice.front import undominated
from ns3kan.agents.equations.choice.split import split
from ns3kan.agents.equations.choice.states import MIN_STATES, ExtractionError
from ns3kan.agents.equations.fitting.template import fewest_digits
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.agents.equations.reading.index import ProductIndex, read_index

Array = NDArray[np.float64]

# Share of decisions that rounding may change.
_ROUNDING = 1e-3
_MOST_ROWS = 20_000


def index_controllers(
    network: SwitchTypeKan,
    states: Array,
    units: Sequence[str],
    provenance: Mapping[str, Any],
    *,
    episodes: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[Controller, ...]:
    """Read an index, leave out factors, exponents and offsets one by one, and round.

    Of each step the index that decides most like the network goes on. Constants can be tuned
    further on the true cost (`ns3kan.agents.equations.search.index_search.tune_index`).

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
    episodes, seed
        Of each state the number of its episode, (n,), and the seed of their division into those to
        fit to, to choose by and to report on; see `ns3kan.agents.equations.choice.split`.

    Returns
    -------
    tuple of Controller
        From short to long, each deciding more often like the network than all shorter ones on the
        states that choose; their ``fidelity`` is measured on others.

    Raises
    ------
    ExtractionError
        If the states have another shape, are too few or all the same to the network.
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
    rows = states.reshape(-1, states.shape[-1])
    parts = split(len(states), episodes, seed)
    try:
        index = read_index(network, states[parts.fit].reshape(-1, states.shape[-1])).index
    except ValueError as error:
        raise ExtractionError(str(error).removesuffix(".")) from error
    agreement = Agreement(network, states[parts.choice])
    reported = Agreement(network, states[parts.report])
    exact = [index]
    while shorter := exact[-1].simpler():
        exact.append(max(shorter, key=agreement))
    rounded = [_rounded(candidate, agreement) for candidate in exact]
    places = undominated(
        [candidate.nodes for candidate in rounded], [agreement(one) for one in rounded]
    )
    chosen = [rounded[place] for place in places]
    return tuple(
        _controller(candidate, rows, units, reported(candidate), len(parts.report), provenance)
        for candidate in chosen
    )


class Agreement:
    """Share of states in which an index decides like the network, the first of equals.

    Parameters
    ----------
    network
        Whose decisions count.
    states
        Shape (n, K, features).
    """

    def __init__(self, network: SwitchTypeKan, states: Array) -> None:
        self.rows, self.shape = states.reshape(-1, states.shape[-1]), states.shape[:2]
        with torch.no_grad():
            values = network.index(torch.from_numpy(self.rows))
        self.target = self._chosen(np.asarray(values.double().numpy()))

    def __call__(self, candidate: ProductIndex) -> float:
        """Share, between 0 and 1."""
        return float(np.mean(self._chosen(candidate(self.rows)) == self.target))

    def _chosen(self, values: Array) -> NDArray[np.intp]:
        return np.asarray(values.reshape(self.shape).argmax(axis=1))


def component_states(seen: Trajectories) -> tuple[Array, Array]:
    """States of components to read an index from, and states to report on, of other lanes.

    Parameters
    ----------
    seen
        What a policy visits.

    Returns
    -------
    states : (m, features)
        At most `_MOST_ROWS`, in random order.
    reported : (n, K, features)
        At most `_MOST_ROWS`.
    """
    steps, lanes = seen.observations.shape[:2]
    parts = split(steps * lanes, np.tile(np.arange(lanes), steps), 0)
    states = seen.observations.reshape(steps * lanes, *seen.observations.shape[2:])
    states = states.astype(np.float64)
    # Nothing is chosen by how close it is to the network.
    rows = np.concatenate([states[parts.fit], states[parts.choice]])
    rows = rows.reshape(-1, rows.shape[-1])
    chosen = np.random.default_rng(0).permutation(len(rows))[:_MOST_ROWS]
    return rows[chosen], states[parts.report[:_MOST_ROWS]]


def _rounded(index: ProductIndex, agreement: Agreement) -> ProductIndex:
    """Round to the fewest digits that change next to no decision."""
    least = agreement(index) - _ROUNDING
    rounded = fewest_digits(index.rounded, lambda candidate: agreement(candidate) >= least)
    return rounded[0] if rounded else index


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
        ControllerInput(name, unit or "1", (float(column.min()), float(column.max())))
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
