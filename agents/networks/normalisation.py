# SPDX-License-Identifier: MIT
"""Scales of observations and values, estimated once and then part of the network."""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.training.rollout import Rollout
from ns3kan.agents.training.stepping import Array


def scales_of(seen: Array, space: spaces.Box) -> tuple[Array, Array]:
    """Return centre and half width (features,) of what was seen, (samples, features).

    They take the quantiles 1 % and 99 % to -1 and 1, where a KAN's grid lies. ``space`` is asked
    for the range of features that never moved.
    """
    low, high = np.quantile(seen, (0.01, 0.99), axis=0)
    # A feature may stand still nearly always, such as loss under light load; then take all of it,
    # then the space's own range, and at last a range in which it makes little difference.
    still = high - low <= 1e-9 * np.maximum(1.0, np.abs(high))
    low, high = np.where(still, seen.min(0), low), np.where(still, seen.max(0), high)
    still = high - low <= 1e-9 * np.maximum(1.0, np.abs(high))
    least, most = space.low.reshape(-1), space.high.reshape(-1)
    bounded = still & np.isfinite(least) & np.isfinite(most) & (most < 1e6)
    low, high = np.where(bounded, least, low), np.where(bounded, most, high)
    still &= ~bounded
    reach = np.maximum(1.0, np.abs(low))
    low, high = np.where(still, low - reach, low), np.where(still, high + reach, high)
    return (low + high) / 2, (high - low) / 2


def set_normalisation(
    policy: ActorCritic, rollout: Rollout, space: spaces.Space[Any], gamma: float
) -> None:
    """Fix the scales of observations and values from what the first rollout shows.

    Observations are scaled by `scales_of`; the critic's
    values are scaled by mean and standard deviation of the discounted returns, every episode that
    does not terminate being continued with the mean reward.

    Parameters
    ----------
    policy
        Its normalisation buffers are overwritten.
    rollout
        Transitions made with an exploring policy.
    space
        The environment's observation space, for the range of features that never moved.
    gamma
        Discount of rewards one step later.
    """
    assert isinstance(space, spaces.Box)
    shift, half = scales_of(rollout.observations[rollout.valid], space)
    for network in (policy.actor, policy.critic):
        network.shift.copy_(torch.from_numpy(shift))
        network.scale.copy_(torch.from_numpy(half))

    mean = rollout.rewards[rollout.valid].mean()
    beyond = mean / (1 - gamma) if gamma < 1 else 0.0
    returns = np.zeros_like(rollout.rewards)
    ahead = np.full(returns.shape[1], beyond)
    for t in reversed(range(len(returns))):
        carry = np.where(rollout.done[t], beyond, ahead)
        ahead = rollout.rewards[t] + gamma * np.where(rollout.terminated[t], 0.0, carry)
        # A step that brought nothing that is known ends what is known of its episode.
        ahead = np.where(rollout.valid[t], ahead, beyond)
        returns[t] = ahead
    policy.critic.value_shift.fill_(float(returns[rollout.valid].mean()))
    policy.critic.value_scale.fill_(max(float(returns[rollout.valid].std()), 1e-8))
