# SPDX-License-Identifier: MIT
"""Equations of networks with splines, from short to long.

A KAN of one layer is read term by term (`ns3kan.agents.equations.fit`), a switch-type KAN as a
product of powers (`ns3kan.agents.equations.index`); policies of other makes are distilled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from ns3kan.agents.equations.controller import Controller
from ns3kan.agents.equations.fit import ExtractionError, check_states, extract
from ns3kan.agents.equations.front import undominated
from ns3kan.agents.equations.guarantees import certify
from ns3kan.agents.equations.index_readout import index_controllers
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.networks.component_actor_critic import ComponentActorCritic
from ns3kan.agents.networks.kan import Kan
from ns3kan.agents.networks.switch_type_kan import SwitchTypeKan
from ns3kan.agents.threads import torch_threads

Array = NDArray[np.float64]

PRICES = (3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
"""Shares of variance that one more node must explain; each gives a candidate of a one-layer KAN."""


def read_equations(
    policy: ActorCritic | ComponentActorCritic,
    states: ArrayLike,
    feature_names: Sequence[str] | None = None,
    feature_units: Sequence[str] | None = None,
    *,
    outputs: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> tuple[Controller, ...]:
    """Read equations of several lengths out of a trained policy; no environment is needed.

    Parameters
    ----------
    policy
        An `ActorCritic` whose actor is a KAN of one layer (decision "ratio"), or a
        `ComponentActorCritic` with a switch-type KAN ("index"). Others can be distilled.
    states
        Observations (n, features) that the policy visits, at least 100; of components
        (n, K, features).
    feature_names, feature_units
        What the last axis is; by default what the policy knows itself (units "1").
    outputs
        Name of a ratio controller's output; by default the policy's action.
    provenance
        Goes into the controllers.
    seed
        Of the choice of held-out states.

    Returns
    -------
    tuple of Controller
        From short to long, each closer to the network on held-out states than all shorter ones,
        with guarantees; which of them to take says the front of their returns
        (`ns3kan.agents.equations.front.measure`).

    Raises
    ------
    ExtractionError
        If the states are too few, of the wrong shape, not finite or all the same; the network's
        weights are not finite; or the policy has no splines.

    Examples
    --------
    >>> controllers = read_equations(policy, states)  # doctest: +SKIP
    >>> front = measure(controllers, returns, seeds)  # doctest: +SKIP
    """
    values = np.asarray(states, dtype=np.float64)
    body = _body(policy)
    names = tuple(feature_names or _names(policy))
    units = tuple(feature_units or _units(policy, names))
    check_states(values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values, names, units)
    tensors = list(policy.state_dict().values())
    if not all(bool(each.isfinite().all()) for each in tensors if each.is_floating_point()):
        raise ExtractionError("the network's weights are not finite, its training has diverged")
    with torch_threads(1):
        if isinstance(body, SwitchTypeKan):
            return index_controllers(body, values, units, provenance or {})
        assert isinstance(policy, ActorCritic)
        return _of_one_layer(policy, values, names, units, outputs, provenance, seed)


def _of_one_layer(
    policy: ActorCritic,
    states: Array,
    names: Sequence[str],
    units: Sequence[str],
    outputs: Sequence[str] | None,
    provenance: Mapping[str, Any] | None,
    seed: int,
) -> tuple[Controller, ...]:
    name = (outputs or policy.action_names)[0]
    found = [
        extract(
            policy.actor,
            states,
            names,
            units,
            action_name=name,
            provenance=provenance,
            price=price,
            seed=seed,
        ).controller
        for price in PRICES
    ]
    nodes = [controller.fidelity["nodes"] for controller in found]
    chosen = [found[i] for i in undominated(nodes, [each.fidelity["r2"] for each in found])]
    for controller in chosen:
        certify(controller)
    return tuple(chosen)


def _body(policy: Any) -> Kan | SwitchTypeKan:
    """Return the network with splines of a policy."""
    body: nn.Module | None = None
    if isinstance(policy, ActorCritic):
        body = policy.actor.body
    elif isinstance(policy, ComponentActorCritic):
        body = policy.actor.network
    if isinstance(body, SwitchTypeKan | Kan):
        return body
    kind = type(policy).__name__ if body is None else f"{type(policy).__name__} without a KAN"
    raise ExtractionError(
        f"a {kind} has no splines to read an equation from, distil it instead "
        "(ns3kan.agents.equations.distil)"
    )


def _names(policy: ActorCritic | ComponentActorCritic) -> Sequence[str]:
    if isinstance(policy, ActorCritic):
        return policy.feature_names
    return policy.actor.encoding.names


def _units(policy: ActorCritic | ComponentActorCritic, names: Sequence[str]) -> Sequence[str]:
    return policy.feature_units if isinstance(policy, ActorCritic) else ("1",) * len(names)
