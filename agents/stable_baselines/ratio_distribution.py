# SPDX-License-Identifier: MIT
"""Beta densities over ratios, as Stable-Baselines3 wants distributions."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.distributions import Distribution
from torch import Tensor, nn

# Drawn ratios are kept this far from 0 and 1, where a density may be zero.
_MARGIN = 1e-6


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
