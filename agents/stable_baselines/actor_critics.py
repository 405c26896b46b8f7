# SPDX-License-Identifier: MIT
"""Policies with an actor and a critic: ratios, and choices among components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
from gymnasium import spaces
from numpy.typing import ArrayLike
from stable_baselines3.common.distributions import CategoricalDistribution
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.spaces import are_ratios
from ns3kan.agents.stable_baselines.ratio_distribution import RatioDistribution
from ns3kan.agents.stable_baselines.scales import checked_scales, observation_scales, set_scales
from ns3kan.agents.training.settings import NetworkKind
from ns3kan.errors import InputError


class _OwnNetworks(ActorCriticPolicy):  # type: ignore[misc]
    """A policy of Stable-Baselines3 whose networks are an actor-critic of this package."""

    agent: ActorCritic | ComponentActorCritic
    _given: dict[str, Any]

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), **self._given}

    def _make_agent(self) -> ActorCritic | ComponentActorCritic:
        raise NotImplementedError

    def _distribution(self, observation: Tensor) -> Any:
        raise NotImplementedError

    def _build(self, lr_schedule: Any) -> None:
        self.agent = self._make_agent()
        self.optimizer = self.optimizer_class(
            self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs
        )

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Actions, values (batch, 1) and log probabilities (batch,) of observations."""
        observation = self.extract_features(obs)
        distribution = self._distribution(observation)
        actions = distribution.get_actions(deterministic=deterministic)
        log_prob = distribution.log_prob(actions)
        actions = actions.reshape((-1, *self.action_space.shape))
        return actions, self._values(observation), log_prob

    def evaluate_actions(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (batch, 1), log probabilities and entropies (batch,) of actions."""
        observation = self.extract_features(obs)
        distribution = self._distribution(observation)
        return self._values(observation), distribution.log_prob(actions), distribution.entropy()

    def get_distribution(self, obs: Tensor) -> Any:
        """Return the distribution of the actions."""
        return self._distribution(self.extract_features(obs))

    def predict_values(self, obs: Tensor) -> Tensor:
        """Values (batch, 1) of observations."""
        return self._values(self.extract_features(obs))

    def _values(self, observation: Tensor) -> Tensor:
        values: Tensor = self.agent.critic(observation)
        return values[:, None]


def ratio_policy_kwargs(
    env: gymnasium.Env[Any, Any], steps: int = 512, seed: int = 0, **settings: Any
) -> dict[str, Any]:
    """Make the ``policy_kwargs`` of a `RatioPolicy` for an environment.

    Parameters
    ----------
    env
        The environment; it is played at random for its scales, see `observation_scales`.
    steps, seed
        See `observation_scales`.
    settings
        ``network``, ``hidden``, ``grid`` and what else `RatioPolicy` takes.
    """
    kwargs: dict[str, Any] = {**observation_scales(env, steps, seed), **settings}
    for name in ("feature_names", "feature_units", "action_names"):
        if hasattr(env.unwrapped, name):
            kwargs.setdefault(name, tuple(getattr(env.unwrapped, name)))
    return kwargs


class RatioPolicy(_OwnNetworks):
    """KAN or perceptron for ratios in [0, 1], with Beta densities.

    Parameters
    ----------
    observation_space, action_space, lr_schedule
        As Stable-Baselines3 gives them: a Box, flattened if need be, and a Box of one axis from 0
        to 1.
    network
        ``"kan"`` or ``"mlp"``.
    hidden
        Widths of its hidden layers; none make the KAN one that equations are read from.
    grid
        Grid intervals of a KAN.
    critic_hidden
        Widths of the critic's hidden layers.
    shift, scale
        Observations enter the networks as ``(observation - shift) / scale``; from
        `ratio_policy_kwargs`, or those of the space's bounds if it has any.
    feature_names, feature_units, action_names
        What an equation will call them.
    others
        Of `stable_baselines3.common.policies.ActorCriticPolicy`.

    Attributes
    ----------
    agent : ActorCritic
        The networks; `ActorCritic.save` and `ns3kan.agents.equations.reading.fit.extract` take
        them.

    Raises
    ------
    ValueError
        If the spaces are others, or there are no scales for an unbounded observation.
    """

    agent: ActorCritic

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Any,
        *,
        network: NetworkKind = "kan",
        hidden: Sequence[int] = (),
        grid: int = 3,
        critic_hidden: Sequence[int] = (64, 64),
        shift: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        feature_units: Sequence[str] | None = None,
        action_names: Sequence[str] | None = None,
        **others: Any,
    ) -> None:
        if not are_ratios(action_space):
            raise InputError(
                f"RatioPolicy decides ratios, a Box of one axis from 0 to 1, not {action_space}; "
                "for choices take ComponentPolicy or QPolicy, and declare ratios as float32 or "
                "float64."
            )
        assert isinstance(action_space, spaces.Box)
        features = spaces.flatdim(observation_space)
        actions = action_space.shape[0]
        self._given = {
            "network": network,
            "hidden": hidden,
            "grid": grid,
            "critic_hidden": critic_hidden,
            "shift": shift,
            "scale": scale,
            "feature_names": feature_names,
            "feature_units": feature_units,
            "action_names": action_names,
        }
        self._scales = checked_scales(observation_space, shift, scale)
        self._architecture = Architecture(
            features, actions, network, tuple(hidden), grid, critic_hidden=tuple(critic_hidden)
        )
        self._names = (
            tuple(feature_names or (f"observation_{i}" for i in range(features))),
            tuple(feature_units or ("1",) * features),
            tuple(action_names or (f"action_{i}" for i in range(actions))),
        )
        super().__init__(observation_space, action_space, lr_schedule, **others)

    def _make_agent(self) -> ActorCritic:
        agent = ActorCritic(self._architecture, *self._names)
        for part in (agent.actor, agent.critic):
            set_scales(part, self._scales)
        self.action_dist = RatioDistribution()
        return agent

    def _distribution(self, observation: Tensor) -> RatioDistribution:
        # A new one each time, for a caller may still hold the last.
        return RatioDistribution().proba_distribution(
            *self.agent.actor.beta_parameters(observation)
        )


class ComponentPolicy(_OwnNetworks):
    """Switch-type network, switch-type KAN, KAN or perceptron that chooses one of K components.

    Parameters
    ----------
    observation_space, action_space, lr_schedule
        As Stable-Baselines3 gives them: a Box (K, features) and Discrete(K).
    architecture
        Network and encoding.
    others
        Of `stable_baselines3.common.policies.ActorCriticPolicy`.

    Attributes
    ----------
    agent : ComponentActorCritic
        The networks, which `ns3kan.agents.equations.reading.index.read_index` takes.

    Raises
    ------
    ValueError
        If the actions are not choices.
    """

    agent: ComponentActorCritic

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Any,
        *,
        architecture: ComponentArchitecture,
        **others: Any,
    ) -> None:
        if not isinstance(action_space, spaces.Discrete):
            raise InputError(
                f"ComponentPolicy chooses a component, a Discrete space, not {action_space}; for "
                "ratios take RatioPolicy."
            )
        self._architecture = architecture
        self._given = {"architecture": architecture}
        super().__init__(observation_space, action_space, lr_schedule, **others)

    def _make_agent(self) -> ComponentActorCritic:
        return ComponentActorCritic(self._architecture)

    def _distribution(self, observation: Tensor) -> CategoricalDistribution:
        distribution = CategoricalDistribution(int(self.action_space.n))
        return distribution.proba_distribution(self.agent.actor.logits(observation))
