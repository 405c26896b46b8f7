# SPDX-License-Identifier: MIT
"""Equations of any network with splines, from short to long: the one entry to extraction.

What a policy observes and decides says how it is read: a KAN of one layer term by term
(`ns3kan.agents.equations.reading.fit`), a deeper one neuron by neuron, the formulas of its hidden
neurons being put into those of its outputs, and a switch-type KAN as a product of powers
(`ns3kan.agents.equations.reading.index`). What deeper ones compute together, such as a product of
two features, no edge shows: where PyOperon is installed (extra ``distil``), symbolic regression
goes on from their formulas.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.choice.front import undominated
from ns3kan.agents.equations.choice.split import Parts, split
from ns3kan.agents.equations.choice.states import ExtractionError, check_states
from ns3kan.agents.equations.expressions.algebra import number, simplified
from ns3kan.agents.equations.expressions.grammar import Chain, Expression
from ns3kan.agents.equations.expressions.names import identifiers
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.agents.equations.reading.fit import Extraction, extract_several
from ns3kan.agents.equations.reading.index_readout import index_controllers
from ns3kan.agents.equations.reading.network_formulas import network_formulas
from ns3kan.agents.equations.search.formula_search import SearchConfig
from ns3kan.agents.equations.search.problem import Problem, Roles, StillError
from ns3kan.agents.equations.search.symbolic_regression import has_pyoperon
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.names import known_units
from ns3kan.agents.training.threads import torch_threads

Array = NDArray[np.float64]

PRICES = (3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
"""Shares of variance that one more node must explain; each gives a candidate of a one-layer KAN."""
MOST_REFINED = 20_000
"""After so many refined formulas no further equation of a one-layer KAN is begun. What is done
depends on counts, never on the clock, so that every machine reads the same equations."""
SEARCH = SearchConfig(trials=100)
"""How formulas of deeper KANs are searched; half a minute for a ratio, about."""


def read_equations(
    policy: ActorCritic | QNetwork | ComponentActorCritic,
    states: ArrayLike,
    feature_names: Sequence[str] | None = None,
    feature_units: Sequence[str] | None = None,
    *,
    episodes: ArrayLike | None = None,
    outputs: Sequence[str] | None = None,
    prices: Sequence[float] = PRICES,
    most_terms: Sequence[int] = (8,),
    search: SearchConfig = SEARCH,
    provenance: Mapping[str, Any] | None = None,
    seed: int = 0,
    on_reading: Callable[[Extraction], None] | None = None,
) -> tuple[Controller, ...]:
    """Read equations of several lengths out of a trained policy; no environment is needed.

    Parameters
    ----------
    policy
        An `ActorCritic` whose actor is a KAN of any depth (decision "ratio"), a `QNetwork` that is
        a KAN ("argmax"), or a `ComponentActorCritic` with a switch-type KAN ("index").
    states
        Observations (n, features) that the policy visits, at least 100; of components
        (n, K, features).
    feature_names, feature_units
        What the last axis is; by default what the policy knows itself (units "1").
    episodes
        Of each state the number of its episode, (n,): half of the episodes are fitted to, a quarter
        chooses, and a quarter is reported on. See `ns3kan.agents.equations.choice.split` for states
        whose episodes nobody knows.
    outputs
        Names of the controller's outputs; by default the policy's actions, ``choice_0`` and so on,
        or ``index``.
    prices, most_terms
        Shares of variance that one more node must explain, and most terms of the sum; each pair
        gives an equation of a KAN of one layer and one output.
    search
        How formulas of KANs with several layers, or several outputs, are searched.
    provenance
        Goes into the controllers.
    seed
        Of the division of the states.
    on_reading
        Called with each equation of a KAN of one layer and one output as soon as it is read, the
        dominated ones as well, with its splines.

    Returns
    -------
    tuple of Controller
        From short to long, each closer to the network than all shorter ones on the states that
        choose, with guarantees; which of them to take says the front of their returns
        (`ns3kan.agents.equations.choice.front.measure`). Their ``fidelity`` is measured on other
        states.

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
    names = tuple(feature_names or _names(policy, values))
    units = known_units(feature_units or _units(policy, names))
    check_states(values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values, names, units)
    tensors = [*policy.state_dict().values()]
    if not all(bool(each.isfinite().all()) for each in tensors if each.is_floating_point()):
        raise ExtractionError("the network's weights are not finite, its training has diverged")
    with torch_threads(1):
        if isinstance(body, SwitchTypeKan):
            return index_controllers(
                body, values, units, provenance or {}, episodes=episodes, seed=seed
            )
        if values.ndim != 2:
            raise ExtractionError(
                f"states have shape {values.shape}, expected (n, {len(names)}), one column per "
                "feature name"
            )
        assert not isinstance(policy, ComponentActorCritic)
        is_one_sum = len(body.layers) == 1 and body.layers[0].out_features == 1
        if isinstance(policy, ActorCritic) and is_one_sum:
            (name,) = outputs or policy.action_names
            readings = extract_several(
                policy.actor,
                values,
                names,
                units,
                # From the longest equation on.
                prices=sorted(prices),
                most_terms=most_terms,
                episodes=episodes,
                action_name=name,
                provenance=provenance,
                seed=seed,
            )
            return _of_one_layer(readings, len(prices) * len(most_terms), on_reading)
        parts = split(len(values), episodes, seed)
        return _of_layers(policy, values, names, units, parts, outputs, search, provenance, seed)


def _of_one_layer(
    readings: Iterator[Extraction],
    most: int,
    on_reading: Callable[[Extraction], None] | None,
) -> tuple[Controller, ...]:
    """Take at most so many readings of a KAN that is one sum, and keep what is worth its length."""
    read: list[Extraction] = []
    for reading in readings:
        read.append(reading)
        is_enough = len(read) < most and sum(one.refined for one in read) > MOST_REFINED
        notes = list(reading.notes)
        if is_enough:
            notes.append(f"shorter equations may be missing: {MOST_REFINED} formulas were tried")
        reading.controller.fidelity["notes"] = notes
        certify(reading.controller)
        if on_reading is not None:
            on_reading(reading)
        if is_enough:
            break
    nodes = [int(reading.fidelity["nodes"]) for reading in read]
    places = undominated(nodes, [reading.closeness for reading in read])
    return tuple(read[place].controller for place in places)


def _of_layers(
    policy: ActorCritic | QNetwork,
    states: Array,
    names: tuple[str, ...],
    units: tuple[str, ...],
    parts: Parts,
    outputs: Sequence[str] | None,
    search: SearchConfig,
    provenance: Mapping[str, Any] | None,
    seed: int,
) -> tuple[Controller, ...]:
    network = copy.deepcopy(policy).double()
    x = torch.from_numpy(states)
    unbounded = np.full(len(names), math.inf)
    with torch.no_grad():
        if isinstance(network, ActorCritic):
            answers, shown = network.actor.mode(x), network.actor.normalise(x)
            decision, default = "ratio", network.action_names
            shift, scale, factor = network.actor.shift, network.actor.scale, 1.0
        else:
            assert isinstance(network, QNetwork)
            answers, shown = network(x), network.normalise(x)
            decision = "argmax"
            default = tuple(f"choice_{i}" for i in range(answers.shape[1]))
            shift, scale = network.shift, network.scale
            if not network.architecture.scaled:
                shift, scale = torch.zeros_like(shift), torch.ones_like(scale)
            factor = float(network.value_scale)
    chosen_outputs = tuple(outputs or default)
    roles = Roles(names, units, chosen_outputs, decision, -unbounded, unbounded)
    try:
        problem = Problem(roles, states, answers.numpy(), parts, seed, search)
    except StillError as error:
        raise ExtractionError(
            "all states are the same, collect them while the policy runs"
        ) from error
    body = _body(network)
    assert isinstance(body, Kan)
    own_names = identifiers(names)
    fitted = shown[torch.from_numpy(parts.fit)]
    candidates = network_formulas(body, fitted, _numbers(shift), _numbers(scale), own_names)
    known: list[Sequence[Expression]] = list(candidates)
    if decision == "argmax":
        known = []
        for first, *rest in candidates:
            with contextlib.suppress(ValueError):
                known.append([_difference(own, first, factor, own_names) for own in rest])
    students = problem.search.run(list(zip(*known, strict=True)), evolve=has_pyoperon())
    return problem.controllers(students, dict(provenance or {}))


def _difference(
    one: Expression, other: Expression, factor: float, names: Sequence[str]
) -> Expression:
    """Write a factor times the difference of two expressions.

    Raises
    ------
    ValueError
        As `simplified`.
    """
    difference = Chain(Chain(one.root, (("-", other.root),)), (("*", number(factor)),))
    return simplified(Expression(difference), names)


def _body(policy: Any) -> Kan | SwitchTypeKan:
    """Return the network with splines of a policy."""
    body: nn.Module | None = None
    if isinstance(policy, ActorCritic):
        body = policy.actor.body
    elif isinstance(policy, QNetwork):
        body = policy.body
    elif isinstance(policy, ComponentActorCritic):
        body = policy.actor.network
    if isinstance(body, SwitchTypeKan | Kan):
        return body
    kind = type(policy).__name__ if body is None else f"{type(policy).__name__} without a KAN"
    raise ExtractionError(
        f"a {kind} has no splines to read an equation from, distil it instead "
        "(ns3kan.agents.equations.search.distil)"
    )


def _names(policy: ActorCritic | QNetwork | ComponentActorCritic, states: Array) -> Sequence[str]:
    if isinstance(policy, ActorCritic):
        return policy.feature_names
    if isinstance(policy, ComponentActorCritic):
        return policy.actor.encoding.names
    return tuple(f"observation_{i}" for i in range(states.shape[-1] if states.ndim else 0))


def _units(
    policy: ActorCritic | QNetwork | ComponentActorCritic, names: Sequence[str]
) -> Sequence[str]:
    return policy.feature_units if isinstance(policy, ActorCritic) else ("1",) * len(names)


def _numbers(values: Tensor) -> Array:
    return np.asarray(values.detach().double().numpy())
