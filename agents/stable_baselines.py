# SPDX-License-Identifier: MIT
"""The networks of this package as policies of Stable-Baselines3.

What is inside afterwards is an `ActorCritic`, a `ComponentActor` or a `QNetwork` like those that
the algorithms here train, so that equations are read out of it in the same way. Needs the extra
``sb3``.

Examples
--------
>>> import gymnasium, ns3kan
>>> from stable_baselines3 import PPO
>>> env = gymnasium.make("ns3kan/SdWan-v0")
>>> model = PPO(RatioPolicy, env, policy_kwargs=ratio_policy_kwargs(env))  # doctest: +SKIP
>>> model.learn(24_576).policy.agent.save("checkpoint.safetensors")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.networks.component_actor_critic import ComponentActorCritic
from ns3kan.agents.networks.component_policy import ComponentArchitecture
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork
from ns3kan.agents.normalisation import scales_of

try:
    from stable_baselines3.common.distributions import CategoricalDistribution, Distribution
    from stable_baselines3.common.policies import ActorCriticPolicy
    from stable_baselines3.dqn.policies import DQNPolicy
    from stable_baselines3.dqn.policies import QNetwork as StableBaselinesQNetwork
except ImportError as error:
    raise ImportError(
        "ns3kan.agents.stable_baselines needs Stable-Baselines3: pip install 'ns3kan[sb3]'"
    ) from error

# Drawn ratios are kept this far from 0 and 1, where a density may be zero.
_MARGIN = 1e-6


def observation_scales(
    env: gymnasium.Env[Any, Any], steps: int = 512, seed: int = 0
) -> dict[str, list[float]]:
    """Play at random and say how observations are to be scaled for a KAN's grid.

    Parameters
    ----------
    env
        Observes a Box; it is reset with the seed.
    steps
        How many decisions to make.
    seed
        Of environment and decisions.

    Returns
    -------
    dict
        ``shift`` and ``scale``, each a number per feature of the flattened observation; the
        quantiles 1 % and 99 % of what was seen come to -1 and 1.

    Raises
    ------
    ValueError
        If the environment does not observe a Box.
    """
    space = env.observation_space
    if not isinstance(space, spaces.Box):
        raise ValueError(
            f"The environment observes {space}; scales are found for a Box, so wrap it in "
            "gymnasium.wrappers.FlattenObservation."
        )
    env.action_space.seed(seed)
    seen = [env.reset(seed=seed)[0]]
    for _ in range(steps):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        seen.append(env.reset()[0] if terminated or truncated else observation)
    shift, scale = scales_of(np.asarray(seen, np.float64).reshape(len(seen), -1), space)
    return {"shift": shift.tolist(), "scale": scale.tolist()}


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


class RatioDistribution(Distribution):  # type: ignore[misc]
    """Independent Beta densities of ratios, as Stable-Baselines3 wants a distribution."""

    def proba_distribution_net(self, *args: Any, **kwargs: Any) -> nn.Module:
        """Not used: the actor brings its own network."""
        raise NotImplementedError("RatioPolicy builds its networks itself.")

    def proba_distribution(self, alpha: Tensor, beta: Tensor) -> RatioDistribution:
        """Set both parameters, each (batch, actions)."""
        self.alpha, self.beta = alpha, beta
        self.distribution = torch.distributions.Beta(alpha, beta, validate_args=False)
        return self

    def log_prob(self, x: Tensor) -> Tensor:
        """Log densities (batch,) of ratios (batch, actions)."""
        log_prob: Tensor = self.distribution.log_prob(x.clamp(_MARGIN, 1 - _MARGIN))  # type: ignore[no-untyped-call]
        return log_prob.sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropies (batch,) in nats."""
        entropy: Tensor = self.distribution.entropy()  # type: ignore[no-untyped-call]
        return entropy.sum(-1)

    def sample(self) -> Tensor:
        """Draw ratios (batch, actions)."""
        drawn: Tensor = self.distribution.rsample()
        return drawn

    def mode(self) -> Tensor:
        """Most probable ratios (batch, actions)."""
        # Both parameters are at least 1: 1 + k mode and 1 + k (1 - mode).
        return (self.alpha - 1) / (self.alpha + self.beta - 2)

    def actions_from_params(
        self, alpha: Tensor, beta: Tensor, deterministic: bool = False
    ) -> Tensor:
        """Draw ratios, or take the most probable ones, for these parameters."""
        actions: Tensor = self.proba_distribution(alpha, beta).get_actions(deterministic)
        return actions

    def log_prob_from_params(self, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        """Draw ratios for these parameters; they and their log densities."""
        actions = self.actions_from_params(alpha, beta)
        return actions, self.log_prob(actions)


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
        The networks; `ActorCritic.save` and `ns3kan.agents.equations.fit.extract` take them.

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
        network: str = "kan",
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
        if not (
            isinstance(action_space, spaces.Box)
            and len(action_space.shape) == 1
            and np.all(action_space.low == 0)
            and np.all(action_space.high == 1)
        ):
            raise ValueError(
                f"RatioPolicy decides ratios, a Box of one axis from 0 to 1, not {action_space}; "
                "for choices take ComponentPolicy or QPolicy."
            )
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
        self._scales = _scales(observation_space, shift, scale)
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
            _set_scales(part, self._scales)
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
        The networks, which `ns3kan.agents.equations.index.read_index` takes.

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
            raise ValueError(
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


class QPolicy(DQNPolicy):  # type: ignore[misc]
    """KAN or perceptron that values all choices, for DQN.

    Parameters
    ----------
    observation_space, action_space, lr_schedule
        As Stable-Baselines3 gives them: a Box, flattened if need be, and a Discrete space.
    network
        ``"kan"`` or ``"mlp"``.
    hidden
        Widths of its hidden layers; None is one layer of 8 (KAN) or 32 (perceptron).
    grid
        Grid intervals of a KAN.
    shift, scale
        Observations enter the network as ``(observation - shift) / scale``; from
        `observation_scales`, or those of the space's bounds if it has any.
    others
        Of `stable_baselines3.dqn.policies.DQNPolicy`.

    Attributes
    ----------
    q_net
        Its own ``q_net`` is a `QNetwork`.

    Raises
    ------
    ValueError
        If there are no scales for an unbounded observation.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Any,
        *,
        network: str = "kan",
        hidden: Sequence[int] | None = None,
        grid: int = 3,
        shift: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        **others: Any,
    ) -> None:
        self._given = {
            "network": network,
            "hidden": hidden,
            "grid": grid,
            "shift": shift,
            "scale": scale,
        }
        self._scales = _scales(observation_space, shift, scale)
        self._architecture = QArchitecture(
            spaces.flatdim(observation_space),
            int(action_space.n) if isinstance(action_space, spaces.Discrete) else 0,
            network,
            None if hidden is None else tuple(hidden),
            grid,
        )
        super().__init__(observation_space, action_space, lr_schedule, **others)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), **self._given}

    def make_q_net(self) -> StableBaselinesQNetwork:
        """Make a network, with new weights."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        wrapped = StableBaselinesQNetwork(**arguments)
        wrapped.q_net = QNetwork(self._architecture)
        _set_scales(wrapped.q_net, self._scales)
        return wrapped.to(self.device)


def _scales(
    space: spaces.Space[Any], shift: ArrayLike | None, scale: ArrayLike | None
) -> tuple[Tensor, Tensor]:
    """Check given scales, or make them of the space's bounds."""
    count = spaces.flatdim(space)
    if (shift is None) != (scale is None):
        raise ValueError("Give both shift and scale, or neither.")
    if shift is None:
        low, high = (
            np.asarray(getattr(space, name, np.inf), np.float64).reshape(-1)
            for name in ("low", "high")
        )
        if not np.all(high - low < np.inf) or np.any(high <= low):
            raise ValueError(
                f"The observation space {space} has no bounds to scale by; give shift and scale, "
                "as from observation_scales(env)."
            )
        shift, scale = (low + high) / 2, (high - low) / 2
    both = [torch.as_tensor(np.asarray(each), dtype=torch.float32) for each in (shift, scale)]
    if any(each.shape != (count,) for each in both) or not (both[1] > 0).all():
        raise ValueError(f"shift and scale must hold {count} numbers each, scale positive ones.")
    return both[0], both[1]


def _set_scales(network: Any, scales: tuple[Tensor, Tensor]) -> None:
    network.shift.copy_(scales[0])
    network.scale.copy_(scales[1])
