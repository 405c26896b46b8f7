# SPDX-License-Identifier: MIT
"""An actor for ratios in [0, 1] and a critic, with their normalisations, in one checkpoint."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.mlp import Mlp
from ns3kan.agents.training.checkpoint import CheckpointedModule, with_tuples
from ns3kan.agents.training.names import known_units
from ns3kan.agents.training.settings import Count, NetworkKind, Widths, settings
from ns3kan.errors import InputError

# The Beta density may be zero or infinite at 0 and 1; actions are kept this far from them.
_MARGIN = 1e-6
# Beyond these the policy is as good as uniform or as good as deterministic.
_LOG_CONCENTRATION = (math.log(1e-2), math.log(1e4))


@settings(frozen=True)
class Architecture:
    """What determines the shapes of an `ActorCritic`.

    Attributes
    ----------
    features, actions
        Number of observed features and of ratios to decide.
    actor
        ``"kan"`` or ``"mlp"``.
    actor_hidden
        Widths of the actor's hidden layers; none make the KAN a sum of functions of one feature
        each, which is what an equation is read from.
    grid, order
        Grid intervals and degree of the splines of a KAN actor.
    critic_hidden
        Widths of the critic's hidden layers.
    """

    features: Count
    actions: Count = 1
    actor: NetworkKind = "kan"
    actor_hidden: Widths = ()
    grid: Count = 3
    order: Count = 3
    critic_hidden: Widths = (64, 64)


class RatioActor(nn.Module):
    """A policy over ratios: observation (batch, features) to a Beta density for each ratio.

    z = (x - shift) / scale goes through a KAN or perceptron to a logit, mode = sigmoid(logit), and
    the ratio is drawn from Beta(1 + k mode, 1 + k (1 - mode)). That density is never bimodal, lies
    within [0, 1] without clipping, and its mode is ``mode``, the deterministic action. The
    concentration k is learned and the same in all states. (Beta policies: Chou et al. 2017.)

    Parameters
    ----------
    architecture
        Kind and widths of the network.
    start_mode
        The ratio that the untrained policy decides nearly everywhere, between 0 and 1.
    start_concentration
        Its concentration k; 0 is the uniform density.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        architecture: Architecture,
        start_mode: float = 0.5,
        start_concentration: float = 6.0,
    ) -> None:
        super().__init__()
        if not 0.0 < start_mode < 1.0:
            raise InputError(f"start_mode is {start_mode}; it must lie between 0 and 1.")
        if not start_concentration > 0.0:
            raise InputError(f"start_concentration is {start_concentration}; it must be positive.")
        self.register_buffer("shift", torch.zeros(architecture.features))
        self.register_buffer("scale", torch.ones(architecture.features))
        self.log_concentration = nn.Parameter(
            torch.full((architecture.actions,), math.log(start_concentration))
        )
        widths = (architecture.features, *architecture.actor_hidden, architecture.actions)
        start_logit = math.log(start_mode / (1.0 - start_mode))
        self.body: nn.Module
        if architecture.actor == "kan":
            kan = Kan(widths, architecture.grid, architecture.order)
            last = kan.layers[-1]
            with torch.no_grad():
                last.weight.mul_(0.1)
            last.add_constant(torch.full((architecture.actions,), start_logit))
            self.body = kan
        else:
            perceptron = Mlp(widths, last_gain=0.01)
            nn.init.constant_(perceptron[-1].bias, start_logit)  # type: ignore[arg-type]
            self.body = perceptron

    def normalise(self, observation: Tensor) -> Tensor:
        """Observations (batch, features) on the scale that the network sees."""
        return (observation.to(self.shift.dtype) - self.shift) / self.scale

    def logit(self, observation: Tensor) -> Tensor:
        """Logits (batch, actions) of the modes."""
        logit: Tensor = self.body(self.normalise(observation))
        return logit

    def mode(self, observation: Tensor) -> Tensor:
        """Deterministic actions (batch, actions) in [0, 1]."""
        return torch.sigmoid(self.logit(observation))

    def sample(self, observation: Tensor, generator: np.random.Generator) -> np.ndarray:
        """Draw actions (batch, actions), double precision."""
        with torch.no_grad():
            alpha, beta = self.beta_parameters(observation)
        drawn = generator.beta(alpha.double().cpu().numpy(), beta.double().cpu().numpy())
        return np.asarray(drawn, dtype=np.float64)

    def evaluate(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Log density of actions (batch, actions) and entropy of the policy, each (batch,).

        Actions at 0 and 1 are taken as 1e-6 away from there, so that both results are finite.
        """
        alpha, beta = self.beta_parameters(observation)
        total = alpha + beta
        log_beta = torch.lgamma(alpha) + torch.lgamma(beta) - torch.lgamma(total)
        action = action.to(alpha.dtype).clamp(_MARGIN, 1.0 - _MARGIN)
        log_prob = (alpha - 1) * action.log() + (beta - 1) * (-action).log1p() - log_beta
        entropy = (
            log_beta
            - (alpha - 1) * torch.digamma(alpha)
            - (beta - 1) * torch.digamma(beta)
            + (total - 2) * torch.digamma(total)
        )
        return log_prob.sum(-1), entropy.sum(-1)

    def sparsity(self, observation: Tensor) -> Tensor:
        """How much of the KAN's edges is in use: sum of magnitudes plus their entropy.

        The regulariser of the KAN paper (Liu et al. 2024, eq. 2.17 to 2.20), the magnitude of an
        edge being the standard deviation of what it adds over the batch: a constant is free.

        Raises
        ------
        ValueError
            If the actor is not a KAN.
        """
        if not isinstance(self.body, Kan):
            raise InputError("Only a KAN actor has edges to make sparse; set sparsity to 0.")
        x = self.normalise(observation)
        result = x.new_zeros(())
        for layer in self.body.layers:
            magnitude = (layer.edge_activations(x).var(0, unbiased=False) + 1e-12).sqrt()
            share = magnitude / magnitude.sum()
            result = result + magnitude.sum() - (share * share.log()).sum()
            x = layer(x)
        return result

    def beta_parameters(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Both parameters of the Beta densities, each (batch, actions), at least 1."""
        mode = self.mode(observation)
        concentration = self.log_concentration.clamp(*_LOG_CONCENTRATION).exp()
        return 1.0 + concentration * mode, 1.0 + concentration * (1.0 - mode)


class ValueCritic(nn.Module):
    """A perceptron for the value of an observation, with its own fixed normalisations.

    value = value_shift + value_scale * mlp((x - shift) / scale)
    """

    shift: Tensor
    scale: Tensor
    value_shift: Tensor
    value_scale: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(architecture.features))
        self.register_buffer("scale", torch.ones(architecture.features))
        self.register_buffer("value_shift", torch.zeros(()))
        self.register_buffer("value_scale", torch.ones(()))
        self.body = Mlp((architecture.features, *architecture.critic_hidden, 1))

    def forward(self, observation: Tensor) -> Tensor:
        """Values (batch,) of observations (batch, features), in units of the return."""
        return self.value_shift + self.value_scale * self.standard_value(observation)

    def standard_value(self, observation: Tensor) -> Tensor:
        """Values (batch,) before shift and scale: what the value loss is taken on."""
        z = (observation.to(self.shift.dtype) - self.shift) / self.scale
        value: Tensor = self.body(z.clamp(-10.0, 10.0))
        return value[:, 0]


class ActorCritic(CheckpointedModule[Architecture]):
    """Actor and critic together with the names and units of what they observe and decide.

    Parameters
    ----------
    architecture
        Kinds and widths.
    feature_names, feature_units, action_names
        One name (and unit) for each feature and action.
    start_mode, start_concentration
        See `RatioActor`.
    """

    kind = "actor-critic"

    def __init__(
        self,
        architecture: Architecture,
        feature_names: Sequence[str],
        feature_units: Sequence[str],
        action_names: Sequence[str],
        start_mode: float = 0.5,
        start_concentration: float = 6.0,
    ) -> None:
        super().__init__(architecture)
        for what, names, count in (
            ("feature names", feature_names, architecture.features),
            ("feature units", feature_units, architecture.features),
            ("action names", action_names, architecture.actions),
        ):
            if len(names) != count:
                raise InputError(f"There are {len(names)} {what} for {count} numbers: {names}.")
        self.feature_names = tuple(feature_names)
        self.feature_units = known_units(feature_units)
        self.action_names = tuple(action_names)
        self.actor = RatioActor(architecture, start_mode, start_concentration)
        self.critic = ValueCritic(architecture)

    def description(self) -> dict[str, Any]:
        """Return architecture, names and units."""
        return super().description() | {
            "feature_names": self.feature_names,
            "feature_units": self.feature_units,
            "action_names": self.action_names,
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Make one without weights of what `description` says."""
        return cls(
            Architecture(**with_tuples(description["architecture"])),
            description["feature_names"],
            description["feature_units"],
            description["action_names"],
        )
