# SPDX-License-Identifier: MIT
"""Whatever decides, as a function from observations to actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.classical import NAMES, make_policy
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.queue_policy import controller_policy
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.spaces import are_ratios
from ns3kan.errors import InputError

Policy = Callable[[NDArray[Any]], NDArray[Any]]
"""From observations (n, …) to actions (n, …)."""
Kind = Literal["network", "equation", "traditional"]


@dataclass(frozen=True)
class Contestant:
    """One of those that are compared.

    Attributes
    ----------
    name
        What tables call it.
    kind
        "network": a policy that Python asks. "equation": a ``controller.json``. "traditional": a
        rule by its name.
    policy
        Of a network.
    controller
        Of the others: the file, or the name.
    ratios
        Of a network that chooses ratios: those of each choice, (choices, actions).
    """

    name: str
    kind: Kind
    policy: Policy | None = None
    controller: Path | str = ""
    ratios: NDArray[np.float64] | None = None


Network = ActorCritic | ComponentActorCritic | QNetwork


def policy_of(network: Network) -> Policy:
    """Return a trained network's best decision."""
    if isinstance(network, ActorCritic):
        actor = network.actor

        def ratios(observations: NDArray[Any]) -> NDArray[Any]:
            with torch.no_grad():
                return actor.mode(torch.as_tensor(observations)).numpy().astype(np.float64)

        return ratios
    if isinstance(network, ComponentActorCritic):
        chooser = network.actor
        return lambda observations: chooser.decide(torch.as_tensor(observations), "first")
    values = network

    def choices(observations: NDArray[Any]) -> NDArray[Any]:
        flat = torch.as_tensor(np.asarray(observations, np.float32).reshape(len(observations), -1))
        return values.choose(flat).numpy()

    return choices


def in_environment(one: Contestant, env: Any, seed: int) -> Policy:
    """Let a contestant decide in a vector environment.

    Parameters
    ----------
    one : Contestant
    env : VectorEnv
        Of queues, for rules by their names and for the decision "index".
    seed : int
        Of random decisions.

    Raises
    ------
    ValueError
        If it does not suit the environment.
    """
    if one.policy is not None:
        decides_ratios = are_ratios(env.single_action_space)
        return ratios_of(one) if decides_ratios else one.policy
    if one.kind == "equation":
        controller = Controller.load(one.controller)
        if controller.decision == "index":
            return controller_policy(controller, env, ties="lowest", seed=seed)
        columns = list(controller.check_inputs(_feature_names(env)))

        def decide(observations: NDArray[Any]) -> NDArray[Any]:
            flat = np.asarray(observations, np.float64).reshape(len(observations), -1)
            return np.asarray(controller(flat[:, columns]))

        return decide
    name = str(one.controller).replace("-", "_")
    if name not in NAMES:
        known = ", ".join(each.replace("_", "-") for each in NAMES)
        raise InputError(
            f"there is no rule {one.name!r} for this environment: choose one of {known}, a run "
            "folder, or a file controller.json"
        )
    return make_policy(name, env, seed=seed)


def ratios_of(one: Contestant) -> Policy:
    """Return a network's policy, its choices turned into the ratios that they stand for."""
    policy, ratios = one.policy, one.ratios
    assert policy is not None
    if ratios is None:
        return policy
    return lambda observations: np.asarray(ratios[policy(observations)])


def _feature_names(env: Any) -> Sequence[str]:
    names = getattr(env.unwrapped, "feature_names", None)
    return tuple(names) if names is not None else ()
