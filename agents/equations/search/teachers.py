# SPDX-License-Identifier: MIT
"""Policies of any make as callables that are asked what they would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.runners import check_components
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.names import names_of
from ns3kan.agents.training.rollout import check_spaces
from ns3kan.errors import InputError

Array = NDArray[np.float64]
Teacher = Callable[[Array], ArrayLike]
"""From observations (n, …), double precision, to answers: ratios (n, actions); or scores (n, K),
the greatest of which is chosen, or choices (n,) from 0 to K - 1."""


class DistillationError(InputError):
    """A policy cannot be distilled; the message says what to do."""


def as_teacher(policy: Any, vector_env: VectorEnv[Any, Any, Any]) -> Teacher:
    """Make a policy answer for an environment, after its training, without exploring.

    Parameters
    ----------
    policy
        An `ActorCritic` (its modes), a `ComponentActorCritic` or `QNetwork` (their values as
        scores), a model of Stable-Baselines3 (a policy's mean, clipped, or its logits or Q-values
        as scores), or any `Teacher`, which is returned as it is.
    vector_env
        The environment that it is to decide in.

    Raises
    ------
    DistillationError
        If the policy is of no such kind, or made for other spaces or features.
    """
    if isinstance(policy, ActorCritic):
        return _of_ratios(policy, vector_env)
    if isinstance(policy, ComponentActorCritic):
        try:
            check_components(vector_env, policy.actor)
        except ValueError as error:
            raise DistillationError(str(error)) from error
        return _asked(policy, policy.actor.logits)
    if isinstance(policy, QNetwork):
        return _of_q_values(policy, vector_env)
    if hasattr(policy, "predict") and hasattr(policy, "policy"):
        return _of_stable_baselines(policy, vector_env)
    if isinstance(policy, nn.Module) or not callable(policy):
        raise DistillationError(
            f"A {type(policy).__name__} is no policy that can be asked; give an ActorCritic, a "
            "ComponentActorCritic, a QNetwork, a model of Stable-Baselines3, or a function from "
            "observations to answers."
        )
    return policy  # type: ignore[no-any-return]


def _of_ratios(policy: ActorCritic, vector_env: VectorEnv[Any, Any, Any]) -> Teacher:
    try:
        names = names_of(vector_env, *check_spaces(vector_env))
    except ValueError as error:
        raise DistillationError(str(error)) from error
    for what, mine, theirs in (
        ("observes", policy.feature_names, names.features),
        ("decides", policy.action_names, names.actions),
    ):
        if mine != theirs:
            raise DistillationError(
                f"The policy {what} {', '.join(mine)}, but the environment has "
                f"{', '.join(theirs)}; give the environment that the policy was trained in."
            )
    return _asked(policy, policy.actor.mode)


def _of_q_values(network: QNetwork, vector_env: VectorEnv[Any, Any, Any]) -> Teacher:
    sizes = network.architecture
    observed, decided = vector_env.single_observation_space, vector_env.single_action_space
    inputs = int(np.prod(observed.shape or ()))
    choices = int(decided.n) if isinstance(decided, spaces.Discrete) else None
    if (sizes.inputs, sizes.actions) != (inputs, choices):
        raise DistillationError(
            f"The Q-network takes {sizes.inputs} numbers and has {sizes.actions} actions, but the "
            f"environment has {observed} and {decided}; give the environment that it was trained "
            "in."
        )
    return _asked(network, lambda observation: network(observation.flatten(1)))


def _of_stable_baselines(model: Any, vector_env: VectorEnv[Any, Any, Any]) -> Teacher:
    for mine, theirs in (
        (model.observation_space, vector_env.single_observation_space),
        (model.action_space, vector_env.single_action_space),
    ):
        if type(mine) is not type(theirs) or mine.shape != theirs.shape or _n(mine) != _n(theirs):
            raise DistillationError(
                f"The model of Stable-Baselines3 was trained with the space {mine}, but the "
                f"environment has {theirs}; give the environment that it was trained in."
            )
    dtype = model.observation_space.dtype

    def answer(observation: Array) -> Array:
        seen = observation.astype(dtype)
        if isinstance(model.action_space, spaces.Discrete):
            scores = _scores(model, seen)
            if scores is not None:
                return scores
        decided, _ = model.predict(seen, deterministic=True)
        return np.asarray(decided, dtype=np.float64)

    return answer


def _scores(model: Any, observation: NDArray[Any]) -> Array | None:
    """Logits or Q-values (n, K) of a model of Stable-Baselines3, if it has them."""
    with torch.no_grad():
        tensor, _ = model.policy.obs_to_tensor(observation)
        if hasattr(model.policy, "q_net"):
            return _double(model.policy.q_net(tensor))
        if hasattr(model.policy, "get_distribution"):
            distribution = model.policy.get_distribution(tensor).distribution
            return _double(distribution.logits)
    return None


def _n(space: spaces.Space[Any]) -> int | None:
    return int(space.n) if isinstance(space, spaces.Discrete) else None


def _asked(network: nn.Module, answer: Callable[[Tensor], Tensor]) -> Teacher:
    dtype = next(network.parameters()).dtype

    def ask(observation: Array) -> Array:
        with torch.no_grad():
            return _double(answer(torch.from_numpy(observation).to(dtype)))

    return ask


def _double(values: Tensor) -> Array:
    return np.asarray(values.double().cpu().numpy())
