# SPDX-License-Identifier: MIT
"""Minibatches of a rollout, each distinct state of a component computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ns3kan.agents.components.gradients import Floats, Pullback, SetGradients, make_pullback
from ns3kan.agents.components.policy import ComponentActor


@dataclass(frozen=True)
class RolloutInputs:
    """What a training step takes of a rollout's states.

    Attributes
    ----------
    rows
        One for each state of the rollout, to be cut into minibatches.
    pullback
        From rows of it to logits (batch, K), and the way back.
    logits
        Of all states with the present weights, (states, K).
    """

    rows: npt.NDArray[Any]
    pullback: Pullback
    logits: Callable[[], Tensor]


def rollout_inputs(
    actor: ComponentActor, observations: npt.NDArray[np.float32], minibatch_size: int
) -> RolloutInputs:
    """Prepare a rollout for training.

    Queue lengths and capacities are whole numbers, so that without rates a rollout of thousands of
    states has some dozen different ones of a component. If the network is one function of all
    components, and a minibatch has more components than that, it is computed at the distinct
    states, and its slopes are summed there: the same numbers but for rounding, in less time.

    Parameters
    ----------
    actor
        Its parameters have gradients and stay where they are in memory.
    observations
        Shape (states, K, features).
    minibatch_size
        States in a minibatch.
    """
    network = actor.network
    pullback = make_pullback(network)
    if network.components is None:
        states, components, features = observations.shape
        distinct, places = _distinct(observations.reshape(-1, features))
        if len(distinct) < minibatch_size * components:
            with torch.no_grad():
                few = network.prepare(torch.from_numpy(distinct))
            rows = places.reshape(states, components)
            return RolloutInputs(
                rows,
                _at_distinct(pullback, few.numpy()),
                lambda: network.evaluate(few)[torch.from_numpy(rows)],
            )
    with torch.no_grad():
        prepared = actor.prepare(torch.from_numpy(observations))
    return RolloutInputs(prepared.numpy(), pullback, lambda: network.evaluate(prepared))


def _distinct(
    rows: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    """Return the distinct rows, and which of them each row is."""
    # np.unique compares rows byte by byte, and takes ten times as long.
    order = np.lexsort(rows.T)
    ordered = rows[order]
    is_new = np.ones(len(rows), dtype=np.bool_)
    np.any(ordered[1:] != ordered[:-1], axis=1, out=is_new[1:])
    places = np.empty(len(rows), dtype=np.intp)
    places[order] = np.cumsum(is_new) - 1
    return ordered[is_new], places


def _at_distinct(pullback: Pullback, prepared: Floats) -> Pullback:
    def pull(places: Floats) -> tuple[Floats, SetGradients]:
        values, set_gradients = pullback(prepared)

        def sum_up(slope: Floats) -> None:
            sums = np.bincount(places.ravel(), slope.ravel(), len(values))
            set_gradients(sums.astype(values.dtype))

        return values[places], sum_up

    return pull
